/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of chunks by index, in any order; and finding out why a chunk is
 * bad. */
#include "lib/payload/payload_impl.h"

#include <inttypes.h>

#include <openssl/crypto.h>

enum envelope_reason
envl_payload_check_index(const struct envl_payload *payload, uint64_t more,
                         struct envl_err *err)
{
    if (more > ENVL_CHUNK_COUNT_MAX - payload->index)
        return envl_fail(err, ENVELOPE_R_TOO_LONG,
                         "a stream has at most 2^38 chunks");
    return ENVELOPE_OK;
}

/* Batches */

static struct envl_chunk *
chunk_of(const struct envl_payload *payload, unsigned worker)
{
    return payload->chunks[worker == 0 ? 0 : payload->threads + worker - 1];
}

enum envelope_reason
envl_payload_reserve(struct envl_payload *payload, uint64_t count,
                     uint64_t *index, struct envl_err *err)
{
    enum envelope_reason rc = envl_payload_check_index(payload, count, err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (payload->fill > 0)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "a batch of chunks cannot begin inside a chunk");
    *index = payload->index;
    payload->index += count;
    return ENVELOPE_OK;
}

size_t
envl_payload_batch(struct envl_payload *payload, unsigned worker,
                   uint64_t index, unsigned char *data, size_t count)
{
    struct envl_chunk *chunk = chunk_of(payload, worker);
    int (*process)(struct envl_chunk *, uint64_t, unsigned char *,
                   const unsigned char *, size_t) =
        payload->direction == ENVL_ENCRYPT ? envl_chunk_seal : envl_chunk_open;
    size_t i;

    for (i = 0; i < count; i++, data += ENVL_SEALED_CHUNK_LEN) {
        if (!process(chunk, index + i, data, data, ENVL_CHUNK_LEN))
            break;
    }
    atomic_fetch_add(&payload->verified, i * (uint64_t)ENVL_CHUNK_LEN);
    return i;
}

enum envelope_reason
envl_payload_classify(struct envl_payload *payload, unsigned worker,
                      uint64_t index, const unsigned char *sealed,
                      struct envl_err *err)
{
    unsigned char *text;
    enum envelope_reason rc;

    if (payload->direction == ENVL_ENCRYPT)
        return envl_fail_crypto(err, "seal a chunk");
    if ((text = OPENSSL_malloc(ENVL_CHUNK_LEN)) == NULL)
        return envl_fail_memory(err);
    rc = envl_payload_classify_bad(chunk_of(payload, worker), index,
                                   ENVELOPE_R_CHUNK, sealed,
                                   ENVL_SEALED_CHUNK_LEN, text, err);
    OPENSSL_free(text);
    return rc;
}

/* A bad chunk */

enum envelope_reason
envl_payload_fail_chunk(uint64_t index, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CHUNK,
                     "chunk %" PRIu64 " (text from byte %" PRIu64
                     ") was altered, moved, or belongs to another stream",
                     index, index * ENVL_CHUNK_LEN);
}

enum envelope_reason
envl_payload_classify_bad(struct envl_chunk *chunk, uint64_t index,
                          enum envelope_reason otherwise,
                          const unsigned char *sealed, size_t len,
                          unsigned char *text, struct envl_err *err)
{
    enum envelope_reason rc = otherwise;
    size_t n;

    for (n = 0; n + ENVL_TAG_LEN < len; n++) {
        if (envl_chunk_open(chunk, index, text, sealed, n)) {
            rc = ENVELOPE_R_TRAILING_DATA;
            break;
        }
    }
    OPENSSL_cleanse(text, ENVL_CHUNK_LEN);
    switch (rc) {
    case ENVELOPE_R_TRAILING_DATA:
        return envl_fail(err, rc,
                         "the stream of %" PRIu64 " bytes of text is whole, "
                         "but %zu or more bytes follow it",
                         index * ENVL_CHUNK_LEN + n, len - n - ENVL_TAG_LEN);
    case ENVELOPE_R_LAST_CHUNK:
        return envl_fail(err, rc,
                         "chunk %" PRIu64 " (text from byte %" PRIu64
                         "), of which there are %zu bytes",
                         index, index * ENVL_CHUNK_LEN, len);
    default:
        return envl_payload_fail_chunk(index, err);
    }
}
