/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the chunks around the last place that was read. */
#include "filter/stream/random.h"

#include <openssl/crypto.h>

#include "filter/stream/chunks.h"

/* Chunks that are read at once: one after a jump, more in sequence. */
#define BATCH_MIN 1
#define BATCH_MAX ENVL_CHUNKS_MAX

struct envl_random {
    struct envl_chunks chunks;
    size_t text_len; /* bytes of chunks.text */
    uint64_t limit;  /* of what is read ahead, an offset */
};

/* The number of chunks, including the last one. */
static uint64_t
count_all(const struct envl_random *random)
{
    return random->chunks.shape.whole + 1;
}

/* Read chunks up to the first bad one.  If that is the first chunk, fail. */
static enum envelope_reason
read_chunks(struct envl_random *random, uint64_t first, size_t count,
            struct envl_err *err)
{
    enum envelope_reason rc;

    random->text_len = 0;
    rc = envl_chunks_load(&random->chunks, first, count, err);
    if (rc == ENVELOPE_OK)
        rc = envl_chunks_open(&random->chunks, first, &random->text_len, err);
    return random->text_len > 0 ? ENVELOPE_OK : rc;
}

/* How many chunks to read from this one on: more of them after those that were
 * read last. */
static size_t
choose_batch(const struct envl_random *random, uint64_t chunk)
{
    const struct envl_chunks *chunks = &random->chunks;
    uint64_t most = count_all(random) - chunk, near;
    size_t batch = BATCH_MIN;

    if (chunks->count > 0 && chunk == chunks->first + chunks->count)
        batch = chunks->count < BATCH_MAX / 2 ? 2 * chunks->count : BATCH_MAX;
    near = random->limit / ENVELOPE_CHUNK_LENGTH
           + (random->limit % ENVELOPE_CHUNK_LENGTH > 0);
    if (near <= chunk)
        most = 1;
    else if (most > near - chunk)
        most = near - chunk;
    return batch < most ? batch : (size_t)most;
}

/* The interface */

enum envelope_reason
envl_random_new(struct envl_random **out, struct envl_source *source,
                const struct envl_map *map, struct envl_err *err)
{
    struct envl_random *random = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*random)));
    enum envelope_reason rc;

    *out = NULL;
    rc = random == NULL ? envl_fail_memory(err)
                        : envl_chunks_init(&random->chunks, NULL, source, map,
                                           ENVL_FRAMES_STRICT, err);
    if (rc != ENVELOPE_OK) {
        envl_source_restore(source);
        envl_random_free(random);
        return rc;
    }
    random->limit = UINT64_MAX;
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
envl_random_open(struct envl_random *random, struct envl_cipher *cipher,
                 struct envl_err *err)
{
    random->chunks.cipher = cipher;
    return read_chunks(random, random->chunks.shape.whole, 1, err);
}

int64_t
envl_random_size(const struct envl_random *random)
{
    return (int64_t)envl_shape_text_len(&random->chunks.shape);
}

void
envl_random_limit(struct envl_random *random, uint64_t limit)
{
    random->limit = limit;
}

enum envelope_reason
envl_random_read(struct envl_random *random, int64_t offset,
                 const unsigned char **p, size_t *len, struct envl_err *err)
{
    const struct envl_chunks *chunks = &random->chunks;
    uint64_t chunk = (uint64_t)offset / ENVELOPE_CHUNK_LENGTH;
    uint64_t from = chunks->first * ENVELOPE_CHUNK_LENGTH;
    enum envelope_reason rc = ENVELOPE_OK;

    *len = 0;
    if (offset >= envl_random_size(random))
        return ENVELOPE_OK;
    if ((uint64_t)offset < from
        || (uint64_t)offset - from >= random->text_len) {
        rc = read_chunks(random, chunk, choose_batch(random, chunk), err);
        from = chunk * ENVELOPE_CHUNK_LENGTH;
    }
    if (rc != ENVELOPE_OK)
        return rc;
    *p = chunks->text + ((uint64_t)offset - from);
    *len = random->text_len - (size_t)((uint64_t)offset - from);
    return ENVELOPE_OK;
}
