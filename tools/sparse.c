/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks begin at multiples of their length in the file, where filesystems have
 * theirs. */
#include "tools/sparse.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "filter/stream/fd.h"

#define BLOCK_LEN ((size_t)4096)

static enum envelope_reason
fail(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_WRITE, "%s", strerror(errno));
}

enum envelope_reason
envl_sparse_begin(struct envl_sparse *sparse, const struct envl_output *output,
                  bool holes, struct envl_err *err)
{
    *sparse = (struct envl_sparse){ .fd = output->fd, .holes = holes };
    if (holes && output->file.temporary == NULL)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "--sparse is for a file, which -o names");
    return ENVELOPE_OK;
}

static bool
is_zero(const unsigned char *p, size_t len)
{
    return *p == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* How much is there of blocks that are all zeros, or of others? */
static size_t
run_len(const unsigned char *p, size_t len, uint64_t at, bool *zero)
{
    size_t n = BLOCK_LEN - (size_t)(at % BLOCK_LEN), next;

    n = n < len ? n : len;
    *zero = is_zero(p, n);
    while (n < len) {
        next = len - n < BLOCK_LEN ? len - n : BLOCK_LEN;
        if (is_zero(p + n, next) != *zero)
            break;
        n += next;
    }
    return n;
}

enum envelope_reason
envl_sparse_write(struct envl_sparse *sparse, const unsigned char *p,
                  size_t len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    bool zero;
    size_t n;

    if (!sparse->holes)
        return envl_fd_write(sparse->fd, p, len, err);
    for (; rc == ENVELOPE_OK && len > 0; p += n, len -= n, sparse->at += n) {
        n = run_len(p, len, sparse->at, &zero);
        if (zero) {
            sparse->hole += n;
            continue;
        }
        if (sparse->hole > 0
            && lseek(sparse->fd, (off_t)sparse->hole, SEEK_CUR) < 0)
            return fail(err);
        sparse->hole = 0;
        rc = envl_fd_write(sparse->fd, p, n, err);
    }
    return rc;
}

enum envelope_reason
envl_sparse_end(struct envl_sparse *sparse, struct envl_err *err)
{
    if (sparse->hole > 0 && ftruncate(sparse->fd, (off_t)sparse->at) != 0)
        return fail(err);
    return ENVELOPE_OK;
}
