/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts bytes into blocks.  A whole block that comes in one piece is not
 * copied. */
#include "filter/stream/blocks.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/err.h"

/* Bytes of padding that are written at once if there is no block buffer. */
#define ZEROS_LEN 10240

int
envl_blocks_hold(struct envl_blocks *blocks)
{
    if (blocks->size > 0)
        blocks->buf = ENVL_QUIETLY(OPENSSL_malloc(blocks->size));
    return blocks->size == 0 || blocks->buf != NULL;
}

/* Wipe the buffer, which may hold plaintext. */
void
envl_blocks_clear(struct envl_blocks *blocks)
{
    OPENSSL_clear_free(blocks->buf, blocks->size);
    *blocks = (struct envl_blocks){ 0 };
}

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Count n bytes more; are there bytes to write now? */
static bool
is_due(struct envl_blocks *blocks, size_t n)
{
    if (blocks->size > 0)
        blocks->fill = (blocks->fill + n) % blocks->size;
    if (blocks->buf != NULL && blocks->fill > 0)
        return false;
    blocks->begun = true;
    return true;
}

size_t
envl_blocks_next(struct envl_blocks *blocks, const unsigned char **p,
                 size_t *len, const unsigned char **block)
{
    size_t n = *len;

    if (n == 0)
        return 0;
    *block = *p;
    if (blocks->buf != NULL) {
        n = min_size(n, blocks->size - blocks->fill);
        if (n < blocks->size) {
            memcpy(blocks->buf + blocks->fill, *p, n);
            *block = blocks->buf;
        }
    }
    *p += n;
    *len -= n;
    if (!is_due(blocks, n))
        return 0;
    return blocks->buf != NULL ? blocks->size : n;
}

/* The length of the last block, which libarchive computes in the same way. */
static size_t
padded_len(const struct envl_blocks *blocks)
{
    size_t count = (blocks->fill + blocks->multiple - 1) / blocks->multiple;

    return min_size(count * blocks->multiple, blocks->size);
}

size_t
envl_blocks_end(struct envl_blocks *blocks, const unsigned char **block)
{
    static const unsigned char zeros[ZEROS_LEN];
    size_t len, n;

    if (blocks->fill == 0)
        return 0;
    len = padded_len(blocks);
    if (blocks->buf != NULL) {
        memset(blocks->buf + blocks->fill, 0, len - blocks->fill);
        *block = blocks->buf;
        n = len;
        blocks->fill = 0;
    } else {
        *block = zeros;
        n = min_size(len - blocks->fill, ZEROS_LEN);
        blocks->fill = n > 0 ? (blocks->fill + n) % blocks->size : 0;
    }
    blocks->begun = true;
    return n;
}
