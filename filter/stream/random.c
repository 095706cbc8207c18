/* SPDX-License-Identifier: Apache-2.0 */
/* Where a chunk lies in the payload follows from its number; that it is the right
 * one is what the cipher checks. */
#include "filter/stream/random.h"

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/stream/pieces.h"

/* Chunks that are read at once: few after a jump, more when reading on. */
#define RUN_MIN 4
#define RUN_MAX 64

struct envl_random {
    struct envl_session *session;
    struct envl_pieces pieces;
    uint64_t chunks; /* the last one, which is shorter, counted */
    uint64_t first;  /* chunk that text begins with */
    unsigned run;    /* chunks that text was read from */
    size_t text_len;
    unsigned char sealed[RUN_MAX * ENVELOPE_SEALED_CHUNK_LENGTH];
    unsigned char text[RUN_MAX * ENVELOPE_SEALED_CHUNK_LENGTH + ENVL_SLACK_LEN];
};

/* Decrypt count chunks from this one on. */
static enum envelope_reason
read_chunks(struct envl_random *random, uint64_t first, unsigned count,
            struct envl_err *err)
{
    uint64_t from =
        ENVELOPE_PAYLOAD_START_LENGTH + first * ENVELOPE_SEALED_CHUNK_LENGTH;
    size_t len = (size_t)count * ENVELOPE_SEALED_CHUNK_LENGTH, n = 0;
    enum envelope_reason rc;

    if (len > random->pieces.len - from)
        len = (size_t)(random->pieces.len - from);
    rc = envl_pieces_read(&random->pieces, from, random->sealed, len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_seek(random->session, first, err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_update(random->session, random->text, &n,
                                 random->sealed, len, err);
    random->text_len = n;
    if (rc == ENVELOPE_OK && first + count >= random->chunks) {
        rc = envl_session_final(random->session, random->text + n, &n, err);
        random->text_len += n;
    }
    if (rc != ENVELOPE_OK)
        random->text_len = 0;
    random->first = first;
    random->run = count;
    return rc;
}

/* The face */

enum envelope_reason
envl_random_new(struct envl_random **out, struct envl_source *source,
                const struct envl_map *map, struct envl_err *err)
{
    struct envl_random *random = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*random)));
    enum envelope_reason rc;

    *out = NULL;
    rc = random == NULL ? envl_fail_memory(err)
                        : envl_pieces_init(&random->pieces, source, map,
                                           ENVL_FRAMES_STRICT, err);
    if (rc != ENVELOPE_OK) {
        envl_source_restore(source);
        envl_random_free(random);
        return rc;
    }
    random->chunks = (random->pieces.len - ENVELOPE_PAYLOAD_START_LENGTH)
                         / ENVELOPE_SEALED_CHUNK_LENGTH
                     + 1;
    *out = random;
    return ENVELOPE_OK;
}

void
envl_random_free(struct envl_random *random)
{
    if (random != NULL)
        OPENSSL_clear_free(random, sizeof(*random));
}

enum envelope_reason
envl_random_open(struct envl_random *random, struct envl_session *session,
                 struct envl_err *err)
{
    random->session = session;
    return read_chunks(random, random->chunks - 1, 1, err);
}

int64_t
envl_random_size(const struct envl_random *random)
{
    return (int64_t)(random->pieces.len - ENVELOPE_PAYLOAD_START_LENGTH
                     - random->chunks * ENVL_CHUNK_TAG_LEN);
}

enum envelope_reason
envl_random_read(struct envl_random *random, int64_t offset,
                 const unsigned char **p, size_t *len, struct envl_err *err)
{
    uint64_t chunk = (uint64_t)offset / ENVELOPE_CHUNK_LENGTH;
    uint64_t from = random->first * ENVELOPE_CHUNK_LENGTH;
    enum envelope_reason rc = ENVELOPE_OK;
    unsigned run = RUN_MIN;

    *len = 0;
    if (offset >= envl_random_size(random))
        return ENVELOPE_OK;
    if ((uint64_t)offset < from
        || (uint64_t)offset - from >= random->text_len) {
        if (chunk == random->first + random->run)
            run = random->run < RUN_MAX / 2 ? 2 * random->run : RUN_MAX;
        if (run > random->chunks - chunk)
            run = (unsigned)(random->chunks - chunk);
        rc = read_chunks(random, chunk, run, err);
        from = chunk * ENVELOPE_CHUNK_LENGTH;
    }
    if (rc != ENVELOPE_OK)
        return rc;
    *p = random->text + ((uint64_t)offset - from);
    *len = random->text_len - (size_t)((uint64_t)offset - from);
    return ENVELOPE_OK;
}
