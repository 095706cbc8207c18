/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's name of the algorithm tells the kind; the identifier is a hash of
 * the public key. */
#include "lib/keys/key_kind.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static const struct {
    const char *name;
    enum envl_key_kind kind;
} kinds[] = { { "RSA", ENVL_KEY_RSA },
              { "EC", ENVL_KEY_EC },
              { "X25519", ENVL_KEY_DH },
              { "X448", ENVL_KEY_DH },
              { "ML-KEM-512", ENVL_KEY_ML_KEM },
              { "ML-KEM-768", ENVL_KEY_ML_KEM },
              { "ML-KEM-1024", ENVL_KEY_ML_KEM },
              { ENVL_KEY_HYBRID_NAME, ENVL_KEY_ML_KEM },
              { "ED25519", ENVL_KEY_EDDSA },
              { "ED448", ENVL_KEY_EDDSA },
              { "ML-DSA-65", ENVL_KEY_ML_DSA } };

const char *
envl_key_algorithm(enum envl_key_kind *kind, const EVP_PKEY *key)
{
    const char *type = EVP_PKEY_get0_type_name(key);
    size_t i;

    /* EVP_PKEY_is_a() knows all names of an algorithm.  Before OpenSSL 3.2 it
     * allocates, and says no if memory runs out: so compare the first name,
     * too. */
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (EVP_PKEY_is_a(key, kinds[i].name)
            || (type != NULL && strcmp(type, kinds[i].name) == 0)) {
            *kind = kinds[i].kind;
            return kinds[i].name;
        }
    }
    *kind = ENVL_KEY_OTHER;
    return NULL;
}

enum envl_key_kind
envl_key_kind(const EVP_PKEY *key)
{
    enum envl_key_kind kind;

    (void)envl_key_algorithm(&kind, key);
    return kind;
}

bool
envl_key_only_signs(enum envl_key_kind kind)
{
    return kind == ENVL_KEY_EDDSA || kind == ENVL_KEY_ML_DSA;
}

bool
envl_key_has_curve(const EVP_PKEY *key, char name[ENVL_CURVE_NAME_MAX])
{
    /* Providers use both names of a curve. */
    static const char *const curves[] = {
        "P-256", "prime256v1", "P-384", "secp384r1", "P-521", "secp521r1"
    };
    size_t i;

    name[0] = '\0';
    if (!EVP_PKEY_get_group_name(key, name, ENVL_CURVE_NAME_MAX, NULL))
        return false;
    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(name, curves[i]) == 0)
            return true;
    }
    return false;
}

/* Make libcrypto encode an EC key as FORMAT 5.1 wants it: with a named curve
 * and an uncompressed point.  A curve that libcrypto does not know has no
 * name. */
static int
set_ec_form(EVP_PKEY *key)
{
    static const struct {
        const char *name, *value;
    } form[] = {
        { OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP },
        { OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
          OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED },
    };
    char curve[ENVL_CURVE_NAME_MAX];
    size_t i;

    if (envl_key_kind(key) != ENVL_KEY_EC
        || !EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL))
        return 1;
    for (i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
        if (!EVP_PKEY_set_utf8_string_param(key, form[i].name, form[i].value))
            return 0;
    }
    return 1;
}

EVP_PKEY *
envl_key_public_half(const struct envl_libctx *ctx, const EVP_PKEY *key)
{
    unsigned char *spki = NULL;
    const unsigned char *p;
    EVP_PKEY *half = NULL;
    int len = i2d_PUBKEY(key, &spki);

    p = spki;
    if (len > 0)
        half = d2i_PUBKEY_ex(NULL, &p, len, ctx->libctx, ctx->propq);
    if (half != NULL && !set_ec_form(half)) {
        EVP_PKEY_free(half);
        half = NULL;
    }
    OPENSSL_free(spki);
    return half;
}

int
envl_key_id_of_key(struct envl_key_id *id, const struct envl_libctx *ctx,
                   const EVP_PKEY *key)
{
    EVP_PKEY *half = envl_key_public_half(ctx, key);
    unsigned char *spki = NULL, hash[32];
    int len = half != NULL ? i2d_PUBKEY(half, &spki) : 0, ok;

    ok = len > 0
         && EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, spki, (size_t)len,
                         hash, NULL);
    if (ok) {
        id->len = ENVL_KEY_ID_LEN;
        memcpy(id->bytes, hash, ENVL_KEY_ID_LEN);
    }
    OPENSSL_free(spki);
    EVP_PKEY_free(half);
    return ok;
}

int
envl_key_id_of_cert(struct envl_key_id *id, X509 *cert)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);
    int len = ski != NULL ? ASN1_STRING_length(ski) : 0;

    if (len <= 0 || len > ENVL_KEY_ID_LEN_MAX)
        return 0;
    id->len = (size_t)len;
    memcpy(id->bytes, ASN1_STRING_get0_data(ski), id->len);
    return 1;
}

const char *
envl_post_quantum_text(enum envl_post_quantum is)
{
    static const char *const texts[] = { "no", "yes", "unknown" };

    return texts[is];
}
