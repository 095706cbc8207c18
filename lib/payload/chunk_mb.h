/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another AES-256-GCM for whole chunks: that of Intel's multi-buffer library
 * (libipsec-mb), where the build asked for it.  With the wide instructions of
 * newer processors (VAES, VPCLMULQDQ, AVX-512) it takes 40 % of the time of
 * libcrypto 3.0.  It is used only
 *   - on a processor that has them,
 *   - in the place of libcrypto's own software: not where properties are asked
 *     for, such as fips=yes, nor where another provider has the cipher,
 *   - once it has sealed and opened a chunk as libcrypto does.
 */
#ifndef ENVL_CHUNK_MB_H
#define ENVL_CHUNK_MB_H

#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/libctx.h"

struct envl_chunk_mb;

/*
 * envl_chunk_mb_new - the same key for this library
 *
 *   aead  the cipher that would do the work
 *   key   32 bytes, not needed afterwards
 *
 * Returns: the caller's, envl_chunk_mb_free(); NULL if it is not to be used.
 */
struct envl_chunk_mb *envl_chunk_mb_new(const struct envl_libctx *ctx,
                                        EVP_CIPHER *aead,
                                        const unsigned char *key);
void envl_chunk_mb_free(struct envl_chunk_mb *mb);

/*
 * envl_chunk_mb_seal - encrypt len bytes
 * envl_chunk_mb_open - decrypt; the tag is what it should have been
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
