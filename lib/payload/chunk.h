/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One chunk of a payload: AES-256-GCM under the nonce of its number (FORMAT
 * 6).  Which chunk comes next, and where its bytes go, is not known here.
 */
#ifndef ENVL_CHUNK_H
#define ENVL_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/payload/payload_key.h"

#define ENVL_CHUNK_LEN 16384
#define ENVL_TAG_LEN 16
#define ENVL_SEALED_CHUNK_LEN (ENVL_CHUNK_LEN + ENVL_TAG_LEN)
#define ENVL_CHUNK_COUNT_MAX (UINT64_C(1) << 38)

/* A cipher for the chunks of one payload, for one thread at a time. */
struct envl_chunk;

/*
 * envl_chunk_new - a cipher under key; key is not needed afterwards
 *
 * Ownership: *chunk is the caller's, envl_chunk_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason envl_chunk_new(struct envl_chunk **chunk,
                                    const struct envl_libctx *ctx,
                                    const struct envl_payload_key *key,
                                    enum envl_direction direction,
                                    struct envl_err *err);
void envl_chunk_free(struct envl_chunk *chunk);

/*
 * A chunk in pieces: begin, update any number of times, then one of the two
 * ends.  in and out do not overlap.  In the opening direction what update
 * has written is unverified until envl_chunk_open_end() returns 1.
 *
 * Returns: 1, or 0 if libcrypto failed; envl_chunk_open_end() 0 also if the
 *          tag (ENVL_TAG_LEN bytes) does not fit.
 */
int envl_chunk_begin(struct envl_chunk *chunk, uint64_t index);
int envl_chunk_update(struct envl_chunk *chunk, unsigned char *out,
                      const unsigned char *in, size_t len);
int envl_chunk_seal_end(struct envl_chunk *chunk, unsigned char *tag);
int envl_chunk_open_end(struct envl_chunk *chunk, const unsigned char *tag);

/*
 * envl_chunk_seal - a chunk at once: len bytes of text, at most
 * ENVL_CHUNK_LEN, to len + ENVL_TAG_LEN bytes
 * envl_chunk_open - the reverse: len bytes of text from len + ENVL_TAG_LEN;
 * on failure out is wiped, or if it is in, is as it came, unless libcrypto
 * failed in the middle of it: then it is wiped, too
 *
 * out may be in.
 * Returns: 1 or 0, as above.
 */
int envl_chunk_seal(struct envl_chunk *chunk, uint64_t index,
                    unsigned char *out, const unsigned char *in, size_t len);
int envl_chunk_open(struct envl_chunk *chunk, uint64_t index,
                    unsigned char *out, const unsigned char *in, size_t len);

#endif
