/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A payload (FORMAT 6) as it streams by: bytes of any number in, bytes out
 * through a queue, batches of whole chunks by several threads.  Where the data
 * key comes from is not known here.
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

/* Salt and commitment: what stands before chunk 0. */
#define ENVL_PAYLOAD_START_LEN (ENVL_SALT_LEN + ENVL_COMMITMENT_LEN)

#define ENVL_WORKERS_MAX 64

struct envl_payload;

/*
 * envl_payload_new_encryptor - a payload to write
 *
 *   dek      ENVL_DEK_LEN bytes, used for no other payload
 *   threads  that seal one update, the caller counted; 0 is 1
 *   workers    for batches, below; 0 if there will be none
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
 * envl_payload_new_decryptor - a payload to read
 *
 *   start          its first ENVL_PAYLOAD_START_LEN bytes
 *   verified_only  true: a chunk's text comes out when the chunk is verified;
 *                  false: as it comes in
 *
 * Returns: as above; ENVELOPE_R_COMMITMENT if dek and context are not those
 *          of this payload.
 */
enum envelope_reason envl_payload_new_decryptor(
    struct envl_payload **payload, const struct envl_libctx *ctx,
    const unsigned char *dek, const struct envl_payload_context *context,
    unsigned threads, unsigned workers, const unsigned char *start,
    bool verified_only, struct envl_err *err);

/* envl_payload_free - wipe and free; NULL is fine */
void envl_payload_free(struct envl_payload *payload);

/* envl_payload_tags_in - tags that an update of len bytes would add when
 * sealing: by how much output exceeds input */
size_t envl_payload_tags_in(const struct envl_payload *payload, size_t len);

/*
 * envl_payload_update - seal or open len more bytes; in does not overlap the
 * queue's buffer
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_TOO_LONG; _CRYPTO; _MEMORY; opening also
 *          ENVELOPE_R_CHUNK and _TRAILING_DATA.  On failure what this call
 *          gave of the failed chunk is taken back from the queue; the text of
 *          chunks that were verified before it stays.  After
 *          a failure only envl_payload_free() may follow; where only verified
 *          text comes out, envl_payload_seek() as well if the failure is one
 *          of those two, or one of envl_payload_final()'s.
 */
enum envelope_reason envl_payload_update(struct envl_payload *payload,
                                         struct envl_output_queue *queue,
                                         const unsigned char *in, size_t len,
                                         struct envl_err *err);

/*
 * envl_payload_final - the input has ended: seal or verify the last chunk
 *
 * That a whole chunk is a final chunk with something after it costs some tens
 * of milliseconds to find out.  An update looks for it once in a payload; this
 * call always does.
 * Returns: as envl_payload_update(); opening also ENVELOPE_R_TRUNCATED and
 *          _LAST_CHUNK.
 */
enum envelope_reason envl_payload_final(struct envl_payload *payload,
                                        struct envl_output_queue *queue,
                                        struct envl_err *err);

/*
 * envl_payload_seek - the next input byte is the first of chunk index; what
 * was given of another chunk is dropped
 *
 * Returns: ENVELOPE_OK, or ENVELOPE_R_PARAMETER within a chunk whose text is
 *          given out as it comes, when sealing, or for an index that no chunk
 *          can have.
 */
enum envelope_reason envl_payload_seek(struct envl_payload *payload,
                                       uint64_t index, struct envl_err *err);

/*
 * Batches of whole chunks, in place and in any order: places are handed out in
 * order, and any thread processes a batch of them in its own time.  Updates may
 * come before and between, at the beginning of a chunk; the last chunk, which
 * is never whole, always does.
 *
 *   worker  a thread's own number, 1 to the workers of envl_payload_new_*(); 0 is
 *         that of the thread that calls the functions above
 *
 * envl_payload_reserve - count chunks will be processed in runs; *index is the
 * number of the first.  ENVELOPE_OK; ENVELOPE_R_TOO_LONG; _PARAMETER inside a
 * chunk.
 *
 * envl_payload_batch - seal or open chunk number index and those after it: the
 * i-th text at data + i * ENVL_SEALED_CHUNK_LEN, its tag right after it.
 * Returns how many went well, from the first on.  Opening, the next one is as
 * it came, and what is after it untouched.
 *
 * envl_payload_classify - why that one did not: ENVELOPE_R_CRYPTO; opening
 * _CHUNK, _TRAILING_DATA, after some tens of milliseconds; _MEMORY.
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

/* envl_payload_is_verified_only - does text come out only when it is
 * verified? */
bool envl_payload_is_verified_only(const struct envl_payload *payload);

/* envl_payload_verified_len - bytes of text in chunks that were sealed or
 * verified */
uint64_t envl_payload_verified_len(const struct envl_payload *payload);

#endif
