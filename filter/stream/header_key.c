/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks are opened and thrown away: only whether they open counts. */
#include "filter/stream/header_key.h"

#include <openssl/crypto.h>

#include "filter/stream/chunks.h"
#include "filter/stream/shape.h"

/* Bytes that the cipher gets at once; the header gives no output. */
#define FEED_LEN 4096

/* More zero bytes than the tag of a last chunk is likely to end with. */
#define ZERO_COUNT_MAX 16

/* Opening */

static enum envelope_reason
feed(struct envl_cipher *cipher, const unsigned char *p, size_t len,
     struct envl_err *err)
{
    unsigned char out[FEED_LEN + ENVL_SLACK_LEN];
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n, got;

    for (; len > 0 && rc == ENVELOPE_OK; p += n, len -= n) {
        n = len < FEED_LEN ? len : FEED_LEN;
        rc = envl_cipher_update(cipher, out, &got, p, n, err);
    }
    return rc;
}

enum envelope_reason
envl_header_key_open(struct envl_cipher **cipher,
                     const struct envl_options *options,
                     const struct envl_header_file *saved, struct envl_err *err)
{
    const struct envl_header *header = &saved->header;
    enum envelope_reason rc;

    rc = envl_cipher_new(cipher, options, ENVL_DECRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = feed(*cipher, header->bytes, header->prelude.header_len, err);
    if (rc == ENVELOPE_OK)
        rc = feed(*cipher, saved->start, sizeof(saved->start), err);
    if (rc != ENVELOPE_OK) {
        envl_cipher_free(*cipher);
        *cipher = NULL;
    }
    return rc;
}

/* Chunks */

static bool
opens(struct envl_chunks *chunks, uint64_t chunk)
{
    struct envl_err ignored;
    size_t n;

    return envl_chunks_load(chunks, chunk, 1, &ignored) == ENVELOPE_OK
           && envl_chunks_open(chunks, chunk, &n, &ignored) == ENVELOPE_OK;
}

static enum envelope_reason
fail_end(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_LAST_CHUNK,
                     "the member that has the data is damaged, too, and the "
                     "end of the data does not show its length");
}

/* Find the length of the only piece. */
static enum envelope_reason
measure(struct envl_chunks *chunks, struct envl_header_site *site,
        struct envl_err *err)
{
    uint64_t len = site->seen_len;
    const uint64_t limit = len + ZERO_COUNT_MAX;

    for (; len <= limit; len++) {
        chunks->pieces.map.piece_len = site->map.piece_len = len;
        chunks->pieces.len = len;
        chunks->shape = envl_shape_of(len);
        if (opens(chunks, chunks->shape.whole))
            return ENVELOPE_OK;
    }
    return fail_end(err);
}

static enum envelope_reason
prove(struct envl_chunks *chunks, bool *is_first, struct envl_err *err)
{
    const uint64_t last = chunks->shape.whole;
    bool found = *is_first = opens(chunks, 0);
    uint64_t chunk;

    for (chunk = 1; !found && chunk < last; chunk *= 2)
        found = opens(chunks, chunk);
    if (found || opens(chunks, last))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CHUNK,
                     "its data does not open with the saved header");
}

enum envelope_reason
envl_header_key_prove(struct envl_cipher *cipher, struct envl_source *source,
                      struct envl_header_site *site, bool *is_first,
                      struct envl_err *err)
{
    struct envl_chunks *chunks = ENVL_QUIETLY(OPENSSL_malloc(sizeof(*chunks)));
    enum envelope_reason rc;

    *is_first = false;
    if (chunks == NULL)
        return envl_fail_memory(err);
    rc = envl_chunks_init(chunks, cipher, source, &site->map,
                          ENVL_FRAMES_LENIENT, err);
    if (rc == ENVELOPE_OK && site->seen_len > 0)
        rc = measure(chunks, site, err);
    if (rc == ENVELOPE_OK && site->is_doubtful
        && !opens(chunks, chunks->shape.whole))
        rc = fail_end(err);
    if (rc == ENVELOPE_OK)
        rc = prove(chunks, is_first, err);
    OPENSSL_clear_free(chunks, sizeof(*chunks));
    return rc;
}
