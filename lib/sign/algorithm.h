/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms of signatures (FORMAT 11).  The algorithm follows from the
 * key: there is no choice, so nobody can have a weaker one taken.
 */
#ifndef ENVL_SIGN_ALGORITHM_H
#define ENVL_SIGN_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/der.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"

#define ENVL_SIGN_ID_LEN_MAX 80

struct envl_sign_algorithm {
    const char *name;   /* for people, such as "Ed25519" */
    const char *digest; /* libcrypto's name; NULL where the algorithm has one */
    int salt_len;       /* of RSASSA-PSS, bytes; 0 for the others */
    unsigned char id[ENVL_SIGN_ID_LEN_MAX]; /* AlgorithmIdentifier, DER */
    size_t id_len;
};

/*
 * envl_sign_algorithm - the algorithm of a key's signatures
 *
 *   turn  0 for the first one.  An RSA key has a second, with the longest salt,
 *         because a TPM makes no other.
 *
 * Returns: true; false if the key has no such algorithm.
 */
bool envl_sign_algorithm(struct envl_sign_algorithm *algorithm,
                         const EVP_PKEY *key, unsigned turn);

/* envl_sign_algorithm_name - the name of an AlgorithmIdentifier that is known
 * here, else "unknown"; static */
const char *envl_sign_algorithm_name(const struct envl_der *id);

/*
 * envl_sign - sign a message
 *
 *   key    private; propq is the query for operations with it
 *   value  receives the signature, which the caller clears
 *
 * Returns: true; false, with a record in the error queue.
 */
bool envl_sign(struct envl_octets *value, const struct envl_libctx *ctx,
               EVP_PKEY *key, const char *propq,
               const struct envl_sign_algorithm *algorithm,
               const struct envl_octets *message);

/* envl_sign_verify - is value key's signature of the message?  It leaves the
 * error queue as it was; *no_memory is set if memory ran out */
bool envl_sign_verify(const struct envl_der *value,
                      const struct envl_libctx *ctx, EVP_PKEY *key,
                      const struct envl_sign_algorithm *algorithm,
                      const struct envl_octets *message, bool *no_memory);

#endif
