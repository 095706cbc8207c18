/* SPDX-License-Identifier: Apache-2.0 */
/* Agree, derive, unwrap: one function for each step. */
#include "lib/kari.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/algorithm.h"
#include "lib/param.h"

#define CURVE_NAME_MAX 64
#define KEK_LEN 32
#define SECRET_LEN_MAX 66              /* of P-521 */
#define WRAPPED_LEN (ENVL_CEK_LEN + 8) /* RFC 3394 adds a block */

/* RecipientInfo is a CHOICE; kari is its [1] IMPLICIT SEQUENCE. */
#define TAG_KARI 1

/* What is read from the DER: only the wrapped keys are used. */

typedef struct {
    ASN1_TYPE *rid;
    ASN1_OCTET_STRING *wrapped;
} ENVL_WRAPPED_KEY;
DEFINE_STACK_OF(ENVL_WRAPPED_KEY)

typedef struct envl_kari_asn1 {
    ASN1_INTEGER *version;
    ASN1_TYPE *originator;
    ASN1_OCTET_STRING *ukm;
    X509_ALGOR *algorithm;
    STACK_OF(ENVL_WRAPPED_KEY) * keys;
} ENVL_KARI;

/* clang-format off */
ASN1_SEQUENCE(ENVL_WRAPPED_KEY) = {
    ASN1_SIMPLE(ENVL_WRAPPED_KEY, rid, ASN1_ANY),
    ASN1_SIMPLE(ENVL_WRAPPED_KEY, wrapped, ASN1_OCTET_STRING)
} static_ASN1_SEQUENCE_END(ENVL_WRAPPED_KEY)

ASN1_SEQUENCE(ENVL_KARI) = {
    ASN1_SIMPLE(ENVL_KARI, version, ASN1_INTEGER),
    ASN1_SIMPLE(ENVL_KARI, originator, ASN1_ANY),
    ASN1_EXP_OPT(ENVL_KARI, ukm, ASN1_OCTET_STRING, 1),
    ASN1_SIMPLE(ENVL_KARI, algorithm, X509_ALGOR),
    ASN1_SEQUENCE_OF(ENVL_KARI, keys, ENVL_WRAPPED_KEY)
} static_ASN1_SEQUENCE_END(ENVL_KARI)

/* Key derivations that a reader takes (RFC 5753), with their digests. */
static const struct {
    int nid;
    const char *digest;
} schemes[] = {
    { NID_dhSinglePass_stdDH_sha256kdf_scheme, "SHA256" },
    { NID_dhSinglePass_stdDH_sha384kdf_scheme, "SHA384" },
    { NID_dhSinglePass_stdDH_sha512kdf_scheme, "SHA512" },
};
/* clang-format on */

/* Reading */

/* The digest and the key wrap that the algorithm names. */
static bool
read_algorithm(struct envl_kari *kari)
{
    const X509_ALGOR *algorithm = kari->asn1->algorithm;
    size_t i;

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (envl_algorithm_nid(algorithm) == schemes[i].nid)
            kari->digest = schemes[i].digest;
    }
    if (kari->digest == NULL)
        return false;
    kari->wrap = envl_algorithm_inner(algorithm);
    return kari->wrap != NULL && envl_algorithm_is_aes256_wrap(kari->wrap);
}

int
envl_kari_read(struct envl_kari *kari, CMS_RecipientInfo *info,
               const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    ASN1_VALUE *asn1 = NULL;

    *kari = (struct envl_kari){ .info = info };
    if (ASN1_item_ex_d2i(&asn1, &p, (long)len, ASN1_ITEM_rptr(ENVL_KARI),
                         TAG_KARI, V_ASN1_CONTEXT_SPECIFIC, 0, NULL)
        > 0) {
        kari->asn1 = (ENVL_KARI *)asn1;
        if (read_algorithm(kari))
            return 1;
    }
    envl_kari_clear(kari);
    return 0;
}

void
envl_kari_clear(struct envl_kari *kari)
{
    ASN1_item_free((ASN1_VALUE *)kari->asn1, ASN1_ITEM_rptr(ENVL_KARI));
    X509_ALGOR_free(kari->wrap);
    *kari = (struct envl_kari){ 0 };
}

/* Opening */

/* The originator's ephemeral public key, on the curve of the recipient's. */
static EVP_PKEY *
originator_key(const struct envl_kari *kari, const struct envl_libctx *ctx,
               EVP_PKEY *key)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->libctx, "EC", ctx->propq);
    ASN1_BIT_STRING *point = NULL;
    EVP_PKEY *originator = NULL;
    char group[CURVE_NAME_MAX];
    X509_ALGOR *alg = NULL;
    OSSL_PARAM params[3];

    if (pctx != NULL
        && CMS_RecipientInfo_kari_get0_orig_id(kari->info, &alg, &point, NULL,
                                               NULL, NULL)
        && envl_algorithm_nid(alg) == NID_X9_62_id_ecPublicKey && point != NULL
        && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL)) {
        params[0] = envl_param_text(OSSL_PKEY_PARAM_GROUP_NAME, group);
        params[1] = envl_param_octets(OSSL_PKEY_PARAM_PUB_KEY,
                                      ASN1_STRING_get0_data(point),
                                      (size_t)ASN1_STRING_length(point));
        params[2] = OSSL_PARAM_construct_end();
        if (EVP_PKEY_fromdata_init(pctx) <= 0
            || EVP_PKEY_fromdata(pctx, &originator, EVP_PKEY_PUBLIC_KEY, params)
                   <= 0)
            originator = NULL;
    }
    EVP_PKEY_CTX_free(pctx);
    return originator;
}

/* Plain ECDH; libcrypto checks that the point is on the curve.  The room must be
 * exact: pkcs11-provider asks the token for as long a secret as there is room. */
static bool
agree(unsigned char secret[SECRET_LEN_MAX], size_t *len,
      const struct envl_libctx *ctx, EVP_PKEY *key, const char *key_propq,
      EVP_PKEY *originator)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, key, key_propq);
    bool ok = pctx != NULL && EVP_PKEY_derive_init(pctx) > 0
              && EVP_PKEY_derive_set_peer(pctx, originator) > 0
              && EVP_PKEY_derive(pctx, NULL, len) > 0 && *len <= SECRET_LEN_MAX
              && EVP_PKEY_derive(pctx, secret, len) > 0;

    EVP_PKEY_CTX_free(pctx);
    return ok;
}

/* X9.63 with ECC-CMS-SharedInfo (RFC 5753, 7.2). */
static bool
derive_kek(unsigned char kek[KEK_LEN], const struct envl_kari *kari,
           const struct envl_libctx *ctx, const unsigned char *secret,
           size_t secret_len)
{
    unsigned char *info = NULL;
    int info_len =
        CMS_SharedInfo_encode(&info, kari->wrap, kari->asn1->ukm, KEK_LEN);
    EVP_KDF *kdf = EVP_KDF_fetch(ctx->libctx, "X963KDF", ctx->propq);
    EVP_KDF_CTX *kctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = false;

    if (info_len > 0 && kctx != NULL) {
        const OSSL_PARAM params[] = {
            envl_param_text(OSSL_KDF_PARAM_DIGEST, kari->digest),
            envl_param_text(OSSL_KDF_PARAM_PROPERTIES, ctx->propq),
            envl_param_octets(OSSL_KDF_PARAM_KEY, secret, secret_len),
            envl_param_octets(OSSL_KDF_PARAM_INFO, info, (size_t)info_len),
            OSSL_PARAM_construct_end(),
        };

        ok = EVP_KDF_derive(kctx, kek, KEK_LEN, params) > 0;
    }
    EVP_KDF_CTX_free(kctx);
    EVP_KDF_free(kdf);
    OPENSSL_free(info);
    return ok;
}

/* AES key wrap (RFC 3394), which says whether the key was the right one. */
static bool
unwrap(unsigned char cek[ENVL_CEK_LEN], const struct envl_libctx *ctx,
       const unsigned char kek[KEK_LEN], const ASN1_OCTET_STRING *wrapped)
{
    EVP_CIPHER *aes = EVP_CIPHER_fetch(ctx->libctx, "AES-256-WRAP", ctx->propq);
    EVP_CIPHER_CTX *cctx = EVP_CIPHER_CTX_new();
    unsigned char out[WRAPPED_LEN];
    int n = 0;
    bool ok = false;

    if (aes != NULL && cctx != NULL
        && ASN1_STRING_length(wrapped) == WRAPPED_LEN) {
        EVP_CIPHER_CTX_set_flags(cctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        ok = EVP_DecryptInit_ex2(cctx, aes, kek, NULL, NULL)
             && EVP_DecryptUpdate(cctx, out, &n, ASN1_STRING_get0_data(wrapped),
                                  WRAPPED_LEN)
             && n == ENVL_CEK_LEN;
    }
    if (ok)
        memcpy(cek, out, ENVL_CEK_LEN);
    OPENSSL_cleanse(out, sizeof(out));
    EVP_CIPHER_CTX_free(cctx);
    EVP_CIPHER_free(aes);
    return ok;
}

int
envl_kari_unwrap(const struct envl_kari *kari, int part,
                 const struct envl_libctx *ctx, EVP_PKEY *key,
                 const char *key_propq, unsigned char cek[ENVL_CEK_LEN])
{
    const ENVL_WRAPPED_KEY *mine =
        sk_ENVL_WRAPPED_KEY_value(kari->asn1->keys, part);
    EVP_PKEY *originator = originator_key(kari, ctx, key);
    unsigned char secret[SECRET_LEN_MAX], kek[KEK_LEN];
    size_t secret_len;
    bool ok = mine != NULL && originator != NULL
              && agree(secret, &secret_len, ctx, key, key_propq, originator)
              && derive_kek(kek, kari, ctx, secret, secret_len)
              && unwrap(cek, ctx, kek, mine->wrapped);

    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(kek, sizeof(kek));
    EVP_PKEY_free(originator);
    return ok;
}
