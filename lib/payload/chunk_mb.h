/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM of Intel's multi-buffer library (libipsec-mb) for whole chunks,
 * if the build asked for it.  With the wide instructions of newer processors
 * (VAES, VPCLMULQDQ, AVX-512) it takes 40 % of the time of libcrypto 3.0.  It
 * is used only
 *   - on a processor that has these instructions,
 *   - in place of libcrypto's default provider: not if properties are set, such
 *     as fips=yes, nor if another provider has the cipher,
 *   - after a trial in which it encrypts and decrypts a chunk as libcrypto
 *   does.
 */
#ifndef ENVL_CHUNK_MB_H
#define ENVL_CHUNK_MB_H

#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/libctx.h"

struct envl_chunk_mb;

/*
 * envl_chunk_mb_new - make a cipher of this library
 *
 *   aead  libcrypto's cipher, which is used without this library
 *   key   32 bytes; may be wiped after the call
 *
 * Ownership: the cipher is the caller's, envl_chunk_mb_free().
 * Returns:   the cipher; NULL if libcrypto is to be used.
 */
struct envl_chunk_mb *envl_chunk_mb_new(const struct envl_libctx *ctx,
                                        EVP_CIPHER *aead,
                                        const unsigned char *key);
void envl_chunk_mb_free(struct envl_chunk_mb *mb);

/*
 * envl_chunk_mb_seal - encrypt len bytes
 * envl_chunk_mb_open - decrypt len bytes; the caller compares the tag with the
 * chunk's, and wipes it
 *
 *   nonce  12 bytes
 *   tag    receives 16 bytes
 *
 * out may be in.
 */
void envl_chunk_mb_seal(struct envl_chunk_mb *mb, const unsigned char *nonce,
                        unsigned char *out, const unsigned char *in, size_t len,
                        unsigned char *tag);
void envl_chunk_mb_open(struct envl_chunk_mb *mb, const unsigned char *nonce,
                        unsigned char *out, const unsigned char *in, size_t len,
                        unsigned char *tag);

#endif
