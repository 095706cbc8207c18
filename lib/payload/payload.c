/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ways to process chunks: several threads share batches of whole chunks,
 * straight from the input to the output; one thread processes a chunk that
 * arrives in pieces.
 */
#include "lib/payload/payload.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/payload/payload_impl.h"

/* Chunks that a thread takes at once: enough to outweigh the cost of taking. */
#define BATCH 8

/* Set up */

static enum envelope_reason
new_payload(struct envl_payload **out, const struct envl_libctx *ctx,
            const struct envl_payload_key *key, enum envl_direction direction,
            unsigned threads, unsigned workers, struct envl_err *err)
{
    struct envl_payload *payload = OPENSSL_zalloc(sizeof(*payload));
    enum envelope_reason rc = ENVELOPE_OK;
    unsigned i;

    if (payload == NULL)
        return envl_fail_memory(err);
    payload->direction = direction;
    payload->threads = threads > 0 ? threads : 1;
    if (payload->threads > ENVL_THREADS_MAX)
        payload->threads = ENVL_THREADS_MAX;
    payload->workers = workers < ENVL_WORKERS_MAX ? workers : ENVL_WORKERS_MAX;
    payload->pool = envl_workers_new(payload->threads);
    if (direction == ENVL_DECRYPT) {
        payload->sealed = OPENSSL_malloc(ENVL_SEALED_CHUNK_LEN);
        payload->text = OPENSSL_malloc(ENVL_CHUNK_LEN);
    }
    if (payload->pool == NULL
        || (direction == ENVL_DECRYPT
            && (payload->sealed == NULL || payload->text == NULL)))
        rc = envl_fail_memory(err);
    for (i = 0; i < payload->threads + payload->workers && rc == ENVELOPE_OK;
         i++)
        rc = envl_chunk_new(&payload->chunks[i], ctx, key, direction, err);
    if (rc != ENVELOPE_OK) {
        envl_payload_free(payload);
        return rc;
    }
    *out = payload;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_payload_new_encryptor(struct envl_payload **payload,
                           const struct envl_libctx *ctx,
                           const unsigned char *dek,
                           const struct envl_payload_context *context,
                           unsigned threads, unsigned workers,
                           unsigned char *start, struct envl_err *err)
{
    struct envl_payload_key key;
    enum envelope_reason rc;

    *payload = NULL;
    rc = envl_payload_key_derive(&key, ctx, dek, start, context, err);
    if (rc == ENVELOPE_OK) {
        memcpy(start + ENVL_SALT_LEN, key.commitment, ENVL_COMMITMENT_LEN);
        rc = new_payload(payload, ctx, &key, ENVL_ENCRYPT, threads, workers,
                         err);
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return rc;
}

enum envelope_reason
envl_payload_new_decryptor(struct envl_payload **payload,
                           const struct envl_libctx *ctx,
                           const unsigned char *dek,
                           const struct envl_payload_context *context,
                           unsigned threads, unsigned workers,
                           const unsigned char *start, bool verified_only,
                           struct envl_err *err)
{
    struct envl_payload_key key;
    enum envelope_reason rc;

    *payload = NULL;
    rc = envl_payload_key_derive(&key, ctx, dek, start, context, err);
    if (rc == ENVELOPE_OK
        && CRYPTO_memcmp(key.commitment, start + ENVL_SALT_LEN,
                         ENVL_COMMITMENT_LEN)
               != 0)
        rc = envl_fail(err, ENVELOPE_R_COMMITMENT,
                       "the payload does not belong to this header's data key "
                       "and labels");
    if (rc == ENVELOPE_OK)
        rc = new_payload(payload, ctx, &key, ENVL_DECRYPT, threads, workers,
                         err);
    if (rc == ENVELOPE_OK)
        (*payload)->verified_only = verified_only;
    OPENSSL_cleanse(&key, sizeof(key));
    return rc;
}

void
envl_payload_free(struct envl_payload *payload)
{
    unsigned i;

    if (payload == NULL)
        return;
    envl_workers_free(payload->pool);
    for (i = 0; i < payload->threads + payload->workers; i++)
        envl_chunk_free(payload->chunks[i]);
    OPENSSL_free(payload->sealed);
    OPENSSL_clear_free(payload->text, ENVL_CHUNK_LEN);
    OPENSSL_free(payload);
}

/* Failures */

/*
 * Find out why a chunk is bad.  That is slow, so updates do it once in a
 * stream, even if the reader goes on after many bad chunks; a final call
 * always does.
 */
static enum envelope_reason
classify(struct envl_payload *payload, enum envelope_reason otherwise,
         const unsigned char *sealed, size_t len, struct envl_err *err)
{
    bool look = otherwise == ENVELOPE_R_LAST_CHUNK || !payload->classified;

    payload->classified = true;
    if (!look)
        return envl_payload_fail_chunk(payload->index, err);
    return envl_payload_classify_bad(payload->chunks[0], payload->index,
                                     otherwise, sealed, len, payload->text,
                                     err);
}

/* Batches of whole chunks */

struct batch {
    struct envl_payload *payload;
    const unsigned char *in;
    unsigned char *out;
    atomic_size_t bad; /* the first chunk that failed, counted from 0 */
};

static void
note_bad(struct batch *batch, size_t i)
{
    size_t bad = atomic_load(&batch->bad);

    while (i < bad && !atomic_compare_exchange_weak(&batch->bad, &bad, i))
        ;
}

static void
seal_some(void *arg, unsigned worker, size_t first, size_t count)
{
    struct batch *batch = arg;
    size_t i;

    for (i = first; i < first + count; i++) {
        if (!envl_chunk_seal(batch->payload->chunks[worker],
                             batch->payload->index + i,
                             batch->out + i * ENVL_SEALED_CHUNK_LEN,
                             batch->in + i * ENVL_CHUNK_LEN, ENVL_CHUNK_LEN))
            note_bad(batch, i);
    }
}

static void
open_some(void *arg, unsigned worker, size_t first, size_t count)
{
    struct batch *batch = arg;
    size_t i;

    for (i = first; i < first + count && i < atomic_load(&batch->bad); i++) {
        if (!envl_chunk_open(
                batch->payload->chunks[worker], batch->payload->index + i,
                batch->out + i * ENVL_CHUNK_LEN,
                batch->in + i * ENVL_SEALED_CHUNK_LEN, ENVL_CHUNK_LEN))
            note_bad(batch, i);
    }
}

/* Bytes of a whole chunk in the input and in the output. */
static size_t
whole_in(const struct envl_payload *payload)
{
    return payload->direction == ENVL_ENCRYPT ? ENVL_CHUNK_LEN
                                              : ENVL_SEALED_CHUNK_LEN;
}

static size_t
whole_out(const struct envl_payload *payload)
{
    return payload->direction == ENVL_ENCRYPT ? ENVL_SEALED_CHUNK_LEN
                                              : ENVL_CHUNK_LEN;
}

/*
 * Process the whole chunks at the front of the input that fit the caller's
 * buffer.  *taken receives the number of input bytes, which may be 0.
 */
static enum envelope_reason
take_run(struct envl_payload *payload, struct envl_output_queue *queue,
         const unsigned char *in, size_t len, size_t *taken,
         struct envl_err *err)
{
    size_t room = envl_output_queue_room(queue) / whole_out(payload);
    size_t count = len / whole_in(payload);
    struct batch batch = { .payload = payload, .in = in };
    enum envelope_reason rc;
    size_t bad, got;

    *taken = 0;
    if (count > room)
        count = room;
    if (count == 0)
        return ENVELOPE_OK;
    if ((rc = envl_payload_check_index(payload, count, err)) != ENVELOPE_OK)
        return rc;

    batch.out =
        envl_output_queue_reserve(queue, count * whole_out(payload), &got);
    atomic_init(&batch.bad, count);
    envl_workers_run(payload->pool, count, BATCH,
                     payload->direction == ENVL_ENCRYPT ? seal_some : open_some,
                     &batch);

    bad = atomic_load(&batch.bad);
    envl_output_queue_commit(queue, bad * whole_out(payload));
    payload->index += bad;
    atomic_fetch_add(&payload->verified, bad * (uint64_t)ENVL_CHUNK_LEN);
    *taken = bad * whole_in(payload);
    if (bad == count)
        return ENVELOPE_OK;

    /* Wipe chunks after the bad one that were decrypted already. */
    OPENSSL_cleanse(batch.out + bad * whole_out(payload),
                    (count - bad) * whole_out(payload));
    if (payload->direction == ENVL_ENCRYPT)
        return envl_fail_crypto(err, "seal a chunk");
    return classify(payload, ENVELOPE_R_CHUNK, in + *taken,
                    ENVL_SEALED_CHUNK_LEN, err);
}

/* The chunk that arrives in pieces */

/* Encrypt or decrypt len bytes of a begun chunk to the queue. */
static enum envelope_reason
cipher_to_queue(struct envl_payload *payload, struct envl_output_queue *queue,
                const unsigned char *in, size_t len, struct envl_err *err)
{
    unsigned char *to;
    size_t n;

    for (; len > 0; in += n, len -= n) {
        if ((to = envl_output_queue_reserve(queue, len, &n)) == NULL)
            return envl_fail_memory(err);
        if (!envl_chunk_update(payload->chunks[0], to, in, n)) {
            OPENSSL_cleanse(to, n);
            return envl_fail_crypto(err, "process a chunk");
        }
        envl_output_queue_commit(queue, n);
        payload->released += n;
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
begin_piecewise(struct envl_payload *payload, struct envl_err *err)
{
    enum envelope_reason rc = envl_payload_check_index(payload, 1, err);

    payload->released = 0;
    if (rc == ENVELOPE_OK
        && !envl_chunk_begin(payload->chunks[0], payload->index))
        rc = envl_fail_crypto(err, "begin a chunk");
    return rc;
}

static void
next_chunk(struct envl_payload *payload, size_t text_len)
{
    payload->index++;
    payload->fill = 0;
    atomic_fetch_add(&payload->verified, text_len);
}

static enum envelope_reason
seal_end(struct envl_payload *payload, struct envl_output_queue *queue,
         struct envl_err *err)
{
    unsigned char tag[ENVL_TAG_LEN];

    if (!envl_chunk_seal_end(payload->chunks[0], tag))
        return envl_fail_crypto(err, "seal a chunk");
    if (!envl_output_queue_put(queue, tag, sizeof(tag)))
        return envl_fail_memory(err);
    next_chunk(payload, payload->fill);
    return ENVELOPE_OK;
}

static enum envelope_reason
seal_piece(struct envl_payload *payload, struct envl_output_queue *queue,
           const unsigned char *in, size_t len, struct envl_err *err)
{
    enum envelope_reason rc = cipher_to_queue(payload, queue, in, len, err);

    payload->fill += len;
    if (rc == ENVELOPE_OK && payload->fill == ENVL_CHUNK_LEN)
        rc = seal_end(payload, queue, err);
    return rc;
}

/* The chunk is complete in payload->sealed: verify it, and release plaintext
 * that waits for that. */
static enum envelope_reason
open_end(struct envl_payload *payload, struct envl_output_queue *queue,
         enum envelope_reason failure, struct envl_err *err)
{
    size_t text_len = payload->fill - ENVL_TAG_LEN;

    if (!envl_chunk_open_end(payload->chunks[0], payload->sealed + text_len))
        return classify(payload, failure, payload->sealed, payload->fill, err);
    if (payload->verified_only
        && !envl_output_queue_put(queue, payload->text, text_len))
        return envl_fail_memory(err);
    next_chunk(payload, text_len);
    return ENVELOPE_OK;
}

/* Decrypt bytes of a chunk, from offset `at` on: to the queue, or to
 * payload->text, where they wait until the chunk is verified. */
static enum envelope_reason
open_some_text(struct envl_payload *payload, struct envl_output_queue *queue,
               size_t at, const unsigned char *in, size_t len,
               struct envl_err *err)
{
    if (!payload->verified_only)
        return cipher_to_queue(payload, queue, in, len, err);
    if (!envl_chunk_update(payload->chunks[0], payload->text + at, in, len))
        return envl_fail_crypto(err, "open a chunk");
    return ENVELOPE_OK;
}

/*
 * The last ENVL_TAG_LEN bytes so far may be the tag, so they wait in
 * payload->sealed.  Earlier bytes are decrypted straight from the input.
 * payload->sealed has a copy of all bytes for classify().
 */
static enum envelope_reason
open_piece(struct envl_payload *payload, struct envl_output_queue *queue,
           const unsigned char *in, size_t len, struct envl_err *err)
{
    size_t done =
        payload->fill > ENVL_TAG_LEN ? payload->fill - ENVL_TAG_LEN : 0;
    size_t until = payload->fill + len > ENVL_TAG_LEN
                       ? payload->fill + len - ENVL_TAG_LEN
                       : 0;
    size_t held = until < payload->fill ? until : payload->fill;
    enum envelope_reason rc = ENVELOPE_OK;

    if (held > done)
        rc = open_some_text(payload, queue, done, payload->sealed + done,
                            held - done, err);
    if (rc == ENVELOPE_OK && until > payload->fill)
        rc = open_some_text(payload, queue, payload->fill, in,
                            until - payload->fill, err);
    memcpy(payload->sealed + payload->fill, in, len);
    payload->fill += len;
    if (rc == ENVELOPE_OK && payload->fill == ENVL_SEALED_CHUNK_LEN)
        rc = open_end(payload, queue, ENVELOPE_R_CHUNK, err);
    return rc;
}

/* Wipe the output of this call that belongs to the current chunk.  Earlier
 * calls may have returned other bytes of it. */
static void
take_back(const struct envl_payload *payload, struct envl_output_queue *queue)
{
    size_t n = payload->released;

    envl_output_queue_rewind(queue,
                             queue->len - (n < queue->len ? n : queue->len));
}

size_t
envl_payload_tags_in(const struct envl_payload *payload, size_t len)
{
    return (payload->fill + len) / ENVL_CHUNK_LEN;
}

enum envelope_reason
envl_payload_update(struct envl_payload *payload,
                    struct envl_output_queue *queue, const unsigned char *in,
                    size_t len, struct envl_err *err)
{
    enum envelope_reason rc;
    size_t n;

    for (; len > 0; in += n, len -= n) {
        if (payload->fill == 0) {
            rc = take_run(payload, queue, in, len, &n, err);
            if (rc != ENVELOPE_OK)
                return rc;
            if (n > 0)
                continue;
            rc = begin_piecewise(payload, err);
            if (rc != ENVELOPE_OK)
                return rc;
        }
        n = whole_in(payload) - payload->fill;
        if (n > len)
            n = len;
        if (payload->direction == ENVL_ENCRYPT)
            rc = seal_piece(payload, queue, in, n, err);
        else
            rc = open_piece(payload, queue, in, n, err);
        if (rc != ENVELOPE_OK) {
            take_back(payload, queue);
            return rc;
        }
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_payload_final(struct envl_payload *payload,
                   struct envl_output_queue *queue, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (payload->direction == ENVL_ENCRYPT) {
        if (payload->fill == 0)
            rc = begin_piecewise(payload, err);
        return rc == ENVELOPE_OK ? seal_end(payload, queue, err) : rc;
    }
    if (payload->fill < ENVL_TAG_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends after %" PRIu64 " whole chunks (%" PRIu64
                         " bytes of text); the rest is missing",
                         payload->index, payload->index * ENVL_CHUNK_LEN);
    return open_end(payload, queue, ENVELOPE_R_LAST_CHUNK, err);
}

enum envelope_reason
envl_payload_seek(struct envl_payload *payload, uint64_t index,
                  struct envl_err *err)
{
    if (payload->direction != ENVL_DECRYPT
        || (payload->fill != 0 && !payload->verified_only))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "the next chunk can be chosen only while decrypting, "
                         "and within a chunk only if release is verified");
    if (index >= ENVL_CHUNK_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "there is no chunk %" PRIu64, index);
    payload->index = index;
    payload->fill = 0;
    return ENVELOPE_OK;
}

bool
envl_payload_is_verified_only(const struct envl_payload *payload)
{
    return payload->verified_only;
}

uint64_t
envl_payload_verified_len(const struct envl_payload *payload)
{
    return atomic_load(&payload->verified);
}
