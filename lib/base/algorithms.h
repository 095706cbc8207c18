/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms that streams and key envelopes are made with, fetched once for
 * a library context: fetching one anew takes longer than wrapping a key with
 * it.
 */
#ifndef ENVL_ALGORITHMS_H
#define ENVL_ALGORITHMS_H

#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/der.h"
#include "lib/base/libctx.h"

struct envl_algorithms;

/*
 * envl_algorithms_new - a place for what is going to be fetched
 * envl_algorithms_free - NULL is fine
 *
 * Returns: the place; NULL if memory ran out.
 * Threads: may share it.
 */
struct envl_algorithms *envl_algorithms_new(void);
void envl_algorithms_free(struct envl_algorithms *algorithms);

enum envl_cipher_name {
    ENVL_AES_256_GCM,
    ENVL_AES_256_WRAP,
    ENVL_CIPHER_COUNT
};
enum envl_kdf_name { ENVL_HKDF, ENVL_X963KDF, ENVL_SCRYPT, ENVL_KDF_COUNT };

/*
 * envl_fetch_cipher, envl_fetch_kdf - one of the algorithms; where ctx has no
 * place for it, it is fetched each time
 *
 * Ownership: it is the caller's, EVP_CIPHER_free(), EVP_KDF_free().
 * Returns:   it; NULL, with a record in the error queue, if there is none.
 */
EVP_CIPHER *envl_fetch_cipher(const struct envl_libctx *ctx,
                              enum envl_cipher_name name);
EVP_KDF *envl_fetch_kdf(const struct envl_libctx *ctx, enum envl_kdf_name name);

/*
 * envl_new_hmac - HMAC with SHA-512, before it has a key
 *
 * Ownership: it is the caller's, EVP_MAC_CTX_free().
 * Returns:   it; NULL if libcrypto failed.
 */
EVP_MAC_CTX *envl_new_hmac(const struct envl_libctx *ctx);

/*
 * envl_derive - derive a key
 *
 *   params  as for EVP_KDF_derive(3)
 *   out     receives len bytes, which the caller cleanses
 *
 * Returns: 1, or 0 with a record in the error queue.
 */
int envl_derive(unsigned char *out, size_t len, const struct envl_libctx *ctx,
                enum envl_kdf_name name, const OSSL_PARAM *params);

/*
 * envl_derive_by_hash - the same with HKDF, without a salt (RFC 5869), or the
 * KDF of X9.63
 *
 *   digest  libcrypto's name of the hash
 *   key     the secret that it is derived from
 */
int envl_derive_by_hash(unsigned char *out, size_t len,
                        const struct envl_libctx *ctx, enum envl_kdf_name name,
                        const char *digest, const struct envl_der *key,
                        const struct envl_der *info);

#endif
