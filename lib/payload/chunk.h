/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One chunk of a payload: AES-256-GCM with a nonce made from the chunk's index
 * (FORMAT 6).  The caller decides which chunk comes next, and where its bytes
 * go.
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
 * envl_chunk_new - make a cipher with this key; key may be wiped after the call
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
 * envl_chunk_begin, envl_chunk_update - process a chunk in pieces: begin,
 * update any number of times with len bytes, then end
 * envl_chunk_seal_end - end an encryption; tag receives ENVL_TAG_LEN bytes
 * envl_chunk_open_end - end a decryption, with the tag of ENVL_TAG_LEN bytes
 *
 * in and out do not overlap.  Plaintext that update has written is not verified
 * until envl_chunk_open_end() returns 1.
 *
 * Returns: 1; 0 if libcrypto failed, or if the tag does not verify.
 */
int envl_chunk_begin(struct envl_chunk *chunk, uint64_t index);
int envl_chunk_update(struct envl_chunk *chunk, unsigned char *out,
                      const unsigned char *in, size_t len);
int envl_chunk_seal_end(struct envl_chunk *chunk, unsigned char *tag);
int envl_chunk_open_end(struct envl_chunk *chunk, const unsigned char *tag);

/*
 * envl_chunk_seal - encrypt a chunk at once: len bytes of plaintext, at most
 * ENVL_CHUNK_LEN, become len + ENVL_TAG_LEN bytes
 * envl_chunk_open - decrypt a chunk at once: len + ENVL_TAG_LEN bytes become
 * len bytes of plaintext
 *
 * out may be in.  If envl_chunk_open() fails, it wipes out; in place it
 * restores the ciphertext, and only wipes it if libcrypto failed in between.
 *
 * Returns: 1 or 0, as above.
 */
int envl_chunk_seal(struct envl_chunk *chunk, uint64_t index,
                    unsigned char *out, const unsigned char *in, size_t len);
int envl_chunk_open(struct envl_chunk *chunk, uint64_t index,
                    unsigned char *out, const unsigned char *in, size_t len);

#endif
