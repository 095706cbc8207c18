/* SPDX-License-Identifier: Apache-2.0 */
/* Operations with libcrypto's EVP_PKEY that several kinds of keys share. */
#ifndef ENVL_KEY_USE_H
#define ENVL_KEY_USE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/libctx.h"

/*
 * envl_key_make - make a software key from its parts, EVP_PKEY_fromdata(3)
 *
 *   algorithm  libcrypto's name of the algorithm
 *   selection  EVP_PKEY_PUBLIC_KEY or EVP_PKEY_KEYPAIR
 *
 * Returns: the key, the caller's, EVP_PKEY_free(); NULL, with a record in the
 *          error queue, if libcrypto refuses it.
 */
EVP_PKEY *envl_key_make(const struct envl_libctx *ctx, const char *algorithm,
                        int selection, OSSL_PARAM *params);

/*
 * envl_key_provider - the name of the provider that a key is in; "default" for
 * a key of an engine
 * envl_key_is_software - is the key in software: libcrypto's own, or made of
 * libcrypto's keys?  A key of another provider may be a handle that its device
 * forgets
 * envl_key_propq - the property query for operations with a private key
 *
 * Ownership: the query is the caller's, OPENSSL_free().
 * Returns:   the query; NULL if memory ran out.
 */
const char *envl_key_provider(const EVP_PKEY *key);
bool envl_key_is_software(const EVP_PKEY *key);
char *envl_key_propq(const struct envl_libctx *ctx, const EVP_PKEY *key);

/*
 * envl_key_agree - plain key agreement: ECDH, X25519, X448.  libcrypto checks
 * that a point is on the curve.
 *
 *   secret     receives *len bytes, at most size; the caller cleanses it
 *   key        the private key
 *   key_propq  the property query for operations with key
 *   peer       the other party's public key
 *
 * Returns: true; false on failure and for an all-zero secret (RFC 7748, 6;
 *          RFC 8418, 7).
 */
bool envl_key_agree(unsigned char *secret, size_t size, size_t *len,
                    const struct envl_libctx *ctx, EVP_PKEY *key,
                    const char *key_propq, EVP_PKEY *peer);

#endif
