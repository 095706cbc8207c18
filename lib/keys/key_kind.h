/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of keys, and the identifiers that name recipients. */
#ifndef ENVL_KEY_KIND_H
#define ENVL_KEY_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/libctx.h"

/* What can be done with a key. */
#define ENVL_KEY_HYBRID_NAME "MLKEM768-X25519" /* of provider/hybrid.h */

/* id-MLKEM768-X25519-SHA3-256 and id-XWing in DER, for initialisers. */
#define ENVL_KEY_HYBRID_OID \
    0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x06, 0x3a
#define ENVL_KEY_XWING_OID \
    0x06, 11, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xe6, 0x2d, 0x81, 0xc8, 0x7a

/* libcrypto's first version with ML-KEM, and names that the headers of older
 * versions do not have. */
#define ENVL_ML_KEM_SINCE 0x30500000UL
#define ENVL_ML_KEM_SEED "seed"
#define ENVL_ML_KEM_SEED_LEN 64 /* d || z (FIPS 203, 7.1) */

/* Limits of FORMAT 5.1. */
#define ENVL_RSA_BITS_MIN 2048
#define ENVL_CURVE_NAME_MAX 64

enum envl_key_kind {
    ENVL_KEY_RSA,
    ENVL_KEY_EC,
    ENVL_KEY_DH,     /* X25519, X448 */
    ENVL_KEY_ML_KEM, /* also the hybrid key, with X25519 */
    ENVL_KEY_EDDSA,  /* Ed25519, Ed448: they only sign, as the next one */
    ENVL_KEY_ML_DSA,
    ENVL_KEY_OTHER
};

/*
 * envl_key_kind - the kind of a key
 * envl_key_algorithm - libcrypto's name of the key's algorithm, static, and the
 * kind in *kind; NULL for ENVL_KEY_OTHER
 */
enum envl_key_kind envl_key_kind(const EVP_PKEY *key);
const char *envl_key_algorithm(enum envl_key_kind *kind, const EVP_PKEY *key);

/* envl_key_only_signs - can a key of this kind sign, and do nothing else? */
bool envl_key_only_signs(enum envl_key_kind kind);

/* envl_key_has_curve - is an EC key on a curve of FORMAT 5.1?  name receives
 * the curve's name; it is empty if the key does not say which curve it is on */
bool envl_key_has_curve(const EVP_PKEY *key, char name[ENVL_CURVE_NAME_MAX]);

/*
 * envl_key_public_half - the public key alone, as a software key, in the one
 * form that FORMAT 5.1 allows
 *
 * An EC key may have a compressed point, or explicit curve parameters in place
 * of a named curve.  All forms of the same key give the same result.
 *
 * Ownership: the public key is the caller's, EVP_PKEY_free().
 * Returns:   the public key; NULL if key does not show its public half.
 */
EVP_PKEY *envl_key_public_half(const struct envl_libctx *ctx,
                               const EVP_PKEY *key);

/* Does a key withstand a quantum computer, as far as is known?  As text: "no",
 * "yes" or "unknown". */
enum envl_post_quantum { ENVL_PQ_NO, ENVL_PQ_YES, ENVL_PQ_UNKNOWN };
const char *envl_post_quantum_text(enum envl_post_quantum is);

/* The name by which an envelope knows the holder of a key (FORMAT 5.1). */
#define ENVL_KEY_ID_LEN 20
#define ENVL_KEY_ID_LEN_MAX 64

struct envl_key_id {
    unsigned char bytes[ENVL_KEY_ID_LEN_MAX];
    size_t len;
};

/*
 * envl_key_id_of_key - the first bytes of SHA-256 over the DER of
 * envl_key_public_half()
 * envl_key_id_of_cert - the certificate's subjectKeyIdentifier; 0 if it has
 * none, or one that is empty or longer than ENVL_KEY_ID_LEN_MAX
 *
 * Returns: 1 or 0.
 */
int envl_key_id_of_key(struct envl_key_id *id, const struct envl_libctx *ctx,
                       const EVP_PKEY *key);
int envl_key_id_of_cert(struct envl_key_id *id, X509 *cert);

#endif
