/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A payload (FORMAT 6) as a stream: any number of input bytes a call, output
 * through a queue, and batches of whole chunks for several threads.  The caller
 * has the data key.
 */
#ifndef ENVL_PAYLOAD_H
#define ENVL_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/payload/chunk.h"
#include "lib/payload/output_queue.h"

/* Salt and commitment, which precede chunk 0. */
#define ENVL_PAYLOAD_START_LEN (ENVL_SALT_LEN + ENVL_COMMITMENT_LEN)

#define ENVL_WORKERS_MAX 64

struct envl_payload;

/*
 * envl_payload_new_encryptor - make a payload to encrypt
 *
 *   dek      ENVL_DEK_LEN bytes, used for no other payload
 *   threads  that share an update, including the caller; 0 means 1
 *   workers  that process batches (below); 0 if there are no batches
 *   start    ENVL_PAYLOAD_START_LEN bytes, the first of the payload: its salt
 *            (ENVL_SALT_LEN), which is random, and room for the commitment
 *
 * Ownership: *payload is the caller's, envl_payload_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason envl_payload_new_encryptor(
    struct envl_payload **payload, const struct envl_libctx *ctx,
    const unsigned char *dek, const struct envl_payload_context *context,
    unsigned threads, unsigned workers, unsigned char *start,
    struct envl_err *err);

/*
 * envl_payload_new_decryptor - make a payload to decrypt
 *
 *   start          its first ENVL_PAYLOAD_START_LEN bytes
 *   verified_only  true: release a chunk's plaintext after the chunk is
 *                  verified; false: release it as its bytes come in
 *
 * Ownership, Returns: as above; ENVELOPE_R_COMMITMENT if dek and context are
 *                     not those of this payload.
 */
enum envelope_reason envl_payload_new_decryptor(
    struct envl_payload **payload, const struct envl_libctx *ctx,
    const unsigned char *dek, const struct envl_payload_context *context,
    unsigned threads, unsigned workers, const unsigned char *start,
    bool verified_only, struct envl_err *err);

/* envl_payload_free - wipe and free; NULL is fine */
void envl_payload_free(struct envl_payload *payload);

/* envl_payload_tags_in - the number of tags that an update of len bytes adds
 * when encrypting */
size_t envl_payload_tags_in(const struct envl_payload *payload, size_t len);

/*
 * envl_payload_update - encrypt or decrypt len more bytes; in does not overlap
 * the queue's buffer
 *
 * On failure this call's output of the failed chunk is removed from the queue;
 * the plaintext of chunks that were verified before stays.  After a failure
 * only envl_payload_free() may follow.  With verified_only,
 * envl_payload_seek() may follow, too, after ENVELOPE_R_CHUNK, _TRAILING_DATA,
 * _TRUNCATED and _LAST_CHUNK.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_TOO_LONG; _CRYPTO; _MEMORY; decrypting also
 *          ENVELOPE_R_CHUNK and _TRAILING_DATA.
 */
enum envelope_reason envl_payload_update(struct envl_payload *payload,
                                         struct envl_output_queue *queue,
                                         const unsigned char *in, size_t len,
                                         struct envl_err *err);

/*
 * envl_payload_final - end the input: encrypt or verify the last chunk
 *
 * A bad whole chunk may be a good final chunk with trailing data.  To find that
 * out takes some tens of milliseconds.  Updates do it once in a payload; this
 * call always does.
 *
 * Returns: as envl_payload_update(); decrypting also ENVELOPE_R_TRUNCATED and
 *          _LAST_CHUNK.
 */
enum envelope_reason envl_payload_final(struct envl_payload *payload,
                                        struct envl_output_queue *queue,
                                        struct envl_err *err);

/*
 * envl_payload_seek - take the next input byte as the first of chunk index;
 * input of an incomplete chunk is dropped
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER when encrypting, within a chunk
 *          without verified_only, or for an index that no chunk can have.
 */
enum envelope_reason envl_payload_seek(struct envl_payload *payload,
                                       uint64_t index, struct envl_err *err);

/*
 * Batches of whole chunks, in place.  Indexes are reserved in order; any thread
 * may then process its batch at any time.  Updates may come before and between
 * batches, at the beginning of a chunk.  The last chunk, which is never whole,
 * always goes through an update.
 *
 *   worker  the thread's number, from 1 to the workers of envl_payload_new_*();
 *           0 is the thread that calls the functions above
 *
 * envl_payload_reserve - reserve count chunks for batches; *index receives the
 * index of the first.  Returns ENVELOPE_OK; ENVELOPE_R_TOO_LONG; _PARAMETER
 * inside a chunk.
 *
 * envl_payload_batch - encrypt or decrypt count chunks from index on.  The i-th
 * chunk's plaintext or ciphertext is at data + i * ENVL_SEALED_CHUNK_LEN, and
 * its tag after it.  Returns the number of good chunks before the first bad
 * one.  When decrypting, the bad chunk's ciphertext is restored, and the
 * chunks after it are not touched.
 *
 * envl_payload_classify - say why a chunk is bad: ENVELOPE_R_CRYPTO; _MEMORY;
 * when decrypting _CHUNK or _TRAILING_DATA, after some tens of milliseconds.
 */
enum envelope_reason envl_payload_reserve(struct envl_payload *payload,
                                          uint64_t count, uint64_t *index,
                                          struct envl_err *err);
size_t envl_payload_batch(struct envl_payload *payload, unsigned worker,
                          uint64_t index, unsigned char *data, size_t count);
enum envelope_reason envl_payload_classify(struct envl_payload *payload,
                                           unsigned worker, uint64_t index,
                                           const unsigned char *sealed,
                                           struct envl_err *err);

/* envl_payload_is_verified_only - is plaintext released only after its chunk is
 * verified? */
bool envl_payload_is_verified_only(const struct envl_payload *payload);

/* envl_payload_verified_len - bytes of plaintext in chunks that were encrypted
 * or verified */
uint64_t envl_payload_verified_len(const struct envl_payload *payload);

#endif
