/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms of streams and key envelopes, fetched once for a library
 * context: to fetch an algorithm takes longer than to wrap a key with it.
 */
#ifndef ENVL_ALGORITHMS_H
#define ENVL_ALGORITHMS_H

#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/der.h"
#include "lib/base/libctx.h"

struct envl_algorithms;

/*
 * envl_algorithms_new - make an empty cache of fetched algorithms
 * envl_algorithms_free - free the cache; NULL is fine
 *
 * Returns: the cache; NULL if memory ran out.
 * Threads: may share a cache.
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
 * envl_fetch_cipher, envl_fetch_kdf - get an algorithm, from the cache of ctx;
 * where ctx has no cache, fetch it each time
 *
 * Ownership: the algorithm is the caller's, EVP_CIPHER_free(), EVP_KDF_free().
 * Returns:   the algorithm; NULL, with a record in the error queue, if it is
 *            not available.
 */
EVP_CIPHER *envl_fetch_cipher(const struct envl_libctx *ctx,
                              enum envl_cipher_name name);
EVP_KDF *envl_fetch_kdf(const struct envl_libctx *ctx, enum envl_kdf_name name);

/*
 * envl_new_hmac - make an HMAC-SHA-512 context that has no key yet
 *
 * Ownership: the context is the caller's, EVP_MAC_CTX_free().
 * Returns:   the context; NULL if libcrypto failed.
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
 * envl_derive_by_hash - envl_derive() with HKDF without a salt (RFC 5869), or
 * with the KDF of X9.63
 *
 *   digest  libcrypto's name of the hash
 *   key     the secret that the new key is derived from
 */
int envl_derive_by_hash(unsigned char *out, size_t len,
                        const struct envl_libctx *ctx, enum envl_kdf_name name,
                        const char *digest, const struct envl_der *key,
                        const struct envl_der *info);

#endif
