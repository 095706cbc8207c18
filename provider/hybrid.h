/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hybrid key id-MLKEM768-X25519-SHA3-256
 * (draft-ietf-lamps-pq-composite-kem), which libcrypto lacks.  It consists of
 * libcrypto's ML-KEM-768, from OpenSSL 3.5 on, and X25519.  doc/format.md,
 * 5.1, has its encoding.
 *
 * Its combiner and its bytes are those of X-Wing
 * (draft-connolly-cfrg-xwing-kem).  X-Wing keys are read, too, and become
 * hybrid keys.
 */
#ifndef ENVL_HYBRID_H
#define ENVL_HYBRID_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "lib/keys/key_kind.h"
#include "provider/provider.h"

#define ENVL_HYBRID_NAME ENVL_KEY_HYBRID_NAME
/* libcrypto finds decoders by the object identifiers; the last one is
 * X-Wing's. */
#define ENVL_HYBRID_NAMES                                              \
    ENVL_HYBRID_NAME ":id-MLKEM768-X25519-SHA3-256:1.3.6.1.5.5.7.6.58" \
                     ":1.3.6.1.4.1.62253.25722"

/* ML-KEM (FIPS 203, 8), then X25519 (RFC 7748). */
#define ENVL_MLKEM_PUBLIC_LEN 1184
#define ENVL_MLKEM_CIPHERTEXT_LEN 1088
#define ENVL_MLKEM_SECRET_LEN 32
#define ENVL_X25519_LEN 32
#define ENVL_HYBRID_PUBLIC_LEN (ENVL_MLKEM_PUBLIC_LEN + ENVL_X25519_LEN)
#define ENVL_HYBRID_PRIVATE_LEN (ENVL_ML_KEM_SEED_LEN + ENVL_X25519_LEN)
#define ENVL_HYBRID_CIPHERTEXT_LEN (ENVL_MLKEM_CIPHERTEXT_LEN + ENVL_X25519_LEN)
#define ENVL_HYBRID_SECRET_LEN 32
#define ENVL_XWING_SEED_LEN 32

/* hybrid_key.c: a key, which may be empty, or have the public half only */

struct envl_hybrid {
    struct envl_provider *prov;
    _Atomic unsigned owners;
    EVP_PKEY *mlkem, *x25519; /* both or neither */
    bool is_private;
};

/*
 * envl_hybrid_new - make an empty key with one owner; NULL if memory ran out
 * envl_hybrid_free - remove an owner; the last one frees the key, and libcrypto
 * wipes its halves; NULL is fine
 */
struct envl_hybrid *envl_hybrid_new(struct envl_provider *prov);
void envl_hybrid_free(struct envl_hybrid *key);

/*
 * envl_hybrid_generate - generate a key pair
 * envl_hybrid_set_public - set the public key from its bytes
 * envl_hybrid_set_private - set the key pair from the private key's bytes
 * envl_hybrid_set_seed - set the key pair from X-Wing's seed
 * envl_hybrid_get_public, envl_hybrid_get_private - get the bytes of the
 * public, of the private key; the caller cleanses those of the private key
 *
 * Returns: 1, or 0 with a record in libcrypto's error queue.
 */
int envl_hybrid_generate(struct envl_hybrid *key);
int envl_hybrid_set_public(struct envl_hybrid *key,
                           const unsigned char bytes[ENVL_HYBRID_PUBLIC_LEN]);
int envl_hybrid_set_private(struct envl_hybrid *key,
                            const unsigned char bytes[ENVL_HYBRID_PRIVATE_LEN]);
int envl_hybrid_set_seed(struct envl_hybrid *key,
                         const unsigned char seed[ENVL_XWING_SEED_LEN]);
int envl_hybrid_get_public(const struct envl_hybrid *key,
                           unsigned char bytes[ENVL_HYBRID_PUBLIC_LEN]);
int envl_hybrid_get_private(const struct envl_hybrid *key,
                            unsigned char bytes[ENVL_HYBRID_PRIVATE_LEN]);

/* hybrid_keymgmt.c: functions of provider-keymgmt(7) for decoders and
 * encoders */
OSSL_FUNC_keymgmt_import_fn envl_hybrid_mgmt_import;
OSSL_FUNC_keymgmt_export_fn envl_hybrid_mgmt_export;

/* A row of an OSSL_DISPATCH. */
#define ENTRY(id, function)          \
    {                                \
        id, (void (*)(void))function \
    }

/* The provider's operations with hybrid keys. */
extern const OSSL_DISPATCH envl_hybrid_keymgmt[], envl_hybrid_kem[];
extern const OSSL_ALGORITHM envl_hybrid_decoders[], envl_hybrid_encoders[];

#endif
