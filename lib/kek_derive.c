/* SPDX-License-Identifier: Apache-2.0 */
/* From a passphrase or a key agreement to a key-encryption key, and the
 * identifiers that are derived. */
#include "lib/kek_source.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "lib/param.h"

static const char dh_info[] = "envelope v1 dh";
static const char kek_id_info[] = "envelope v1 kek id";

#define SCRYPT_R 8
#define SCRYPT_P 1
#define DH_SECRET_LEN_MAX ENVL_DH_PUBLIC_LEN_MAX

/* Key derivation */

static int
kdf(unsigned char *out, size_t len, const struct envl_libctx *ctx,
    const char *name, const OSSL_PARAM *params)
{
    EVP_KDF *kdf = EVP_KDF_fetch(ctx->libctx, name, ctx->propq);
    EVP_KDF_CTX *kctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    int ok = kctx != NULL && EVP_KDF_derive(kctx, out, len, params) > 0;

    EVP_KDF_CTX_free(kctx);
    EVP_KDF_free(kdf);
    return ok;
}

static int
hkdf_sha256(unsigned char *out, size_t len, const struct envl_libctx *ctx,
            const unsigned char *ikm, size_t ikm_len, const unsigned char *salt,
            size_t salt_len, const char *info)
{
    OSSL_PARAM params[] = {
        envl_param_text(OSSL_KDF_PARAM_DIGEST, "SHA256"),
        envl_param_octets(OSSL_KDF_PARAM_KEY, ikm, ikm_len),
        envl_param_octets(OSSL_KDF_PARAM_INFO, info, strlen(info)),
        envl_param_text(OSSL_KDF_PARAM_PROPERTIES, ctx->propq),
        OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };

    if (salt_len > 0)
        params[4] = envl_param_octets(OSSL_KDF_PARAM_SALT, salt, salt_len);

    return kdf(out, len, ctx, "HKDF", params);
}

enum envelope_reason
envl_kek_id(unsigned char id[ENVL_KEK_ID_LEN], const struct envl_libctx *ctx,
            const unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    if (!hkdf_sha256(id, ENVL_KEK_ID_LEN, ctx, kek, ENVL_KEK_LEN, NULL, 0,
                     kek_id_info))
        return envl_fail_crypto(err, "derive a key identifier");
    return ENVELOPE_OK;
}

enum envelope_reason
envl_kek_kms_id(unsigned char id[ENVL_KMS_ID_LEN],
                const struct envl_libctx *ctx,
                const struct envl_kek_source *source, struct envl_err *err)
{
    char text[ENVL_KMS_SERVICE_LEN_MAX + 1 + ENVL_KMS_KEY_LEN_MAX + 1];
    unsigned char hash[32];
    int len = snprintf(text, sizeof(text), "%.*s:%.*s",
                       (int)source->u.kms.service_len, source->u.kms.service,
                       (int)source->u.kms.key_len, source->u.kms.key);

    if (len <= 0 || len >= (int)sizeof(text)
        || !EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, text, (size_t)len,
                         hash, NULL))
        return envl_fail_crypto(err, "derive a key identifier");
    memcpy(id, hash, ENVL_KMS_ID_LEN);
    return ENVELOPE_OK;
}

/* scrypt */

enum envelope_reason
envl_kek_scrypt_new(struct envl_kek_source *source,
                    const struct envl_libctx *ctx, unsigned log_n,
                    struct envl_err *err)
{
    memset(source, 0, sizeof(*source));
    source->kind = ENVL_KEK_SCRYPT;
    source->u.scrypt.n = UINT64_C(1) << log_n;
    source->u.scrypt.r = SCRYPT_R;
    source->u.scrypt.p = SCRYPT_P;
    if (RAND_bytes_ex(ctx->libctx, source->u.scrypt.salt, ENVL_SCRYPT_SALT_LEN,
                      0)
        <= 0)
        return envl_fail_crypto(err, "get random bytes for a salt");
    return ENVELOPE_OK;
}

uint64_t
envl_kek_scrypt_work(const struct envl_kek_source *source)
{
    uint64_t n = source->u.scrypt.n, r = source->u.scrypt.r,
             p = source->u.scrypt.p;

    if (n < 2 || (n & (n - 1)) != 0 || n > ENVL_SCRYPT_WORK_MAX || r == 0
        || r > ENVL_SCRYPT_RP_MAX || p == 0 || p > ENVL_SCRYPT_RP_MAX
        || 128 * n * r > ENVL_SCRYPT_MEMORY_MAX
        || n * r * p > ENVL_SCRYPT_WORK_MAX)
        return UINT64_MAX;
    return n * r * p;
}

bool
envl_kek_scrypt_is_tried(const struct envl_kek_source *source)
{
    return source->u.scrypt.n >= ENVL_SCRYPT_N_MIN
           && envl_kek_scrypt_work(source) != UINT64_MAX;
}

enum envelope_reason
envl_kek_scrypt_derive(unsigned char kek[ENVL_KEK_LEN],
                       const struct envl_libctx *ctx,
                       const struct envl_kek_source *source,
                       const unsigned char *passphrase, size_t len,
                       struct envl_err *err)
{
    uint64_t n = source->u.scrypt.n, r = source->u.scrypt.r,
             p = source->u.scrypt.p;
    /* scrypt needs a little beside its large table: 128 * r * (p + 2). */
    uint64_t memory = ENVL_SCRYPT_MEMORY_MAX + (UINT64_C(1) << 20);
    OSSL_PARAM params[] = {
        envl_param_octets(OSSL_KDF_PARAM_PASSWORD, passphrase, len),
        envl_param_octets(OSSL_KDF_PARAM_SALT, source->u.scrypt.salt,
                          ENVL_SCRYPT_SALT_LEN),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };

    if (!kdf(kek, ENVL_KEK_LEN, ctx, "SCRYPT", params))
        return envl_fail_crypto(err, "derive a key from the passphrase");
    return ENVELOPE_OK;
}

/* X25519 and X448 */

/* The KEK from the two sides' keys; recipient is the one of the two whose
 * public key stands second in the salt. */
static enum envelope_reason
derive_dh(unsigned char kek[ENVL_KEK_LEN], const struct envl_libctx *ctx,
          const struct envl_kek_source *source, EVP_PKEY *own,
          const char *own_propq, EVP_PKEY *peer, EVP_PKEY *recipient,
          struct envl_err *err)
{
    static const unsigned char zero[DH_SECRET_LEN_MAX] = { 0 };
    unsigned char secret[DH_SECRET_LEN_MAX], salt[2 * ENVL_DH_PUBLIC_LEN_MAX];
    size_t public_len = source->u.dh.public_len, secret_len = public_len;
    enum envelope_reason rc = ENVELOPE_OK;
    EVP_PKEY_CTX *dh;

    /* libcrypto refuses an all-zero secret; another provider may not. */
    memcpy(salt, source->u.dh.public, public_len);
    dh = EVP_PKEY_CTX_new_from_pkey(ctx->libctx, own, own_propq);
    if (dh == NULL
        || EVP_PKEY_get_raw_public_key(recipient, salt + public_len,
                                       &public_len)
               <= 0
        || public_len != source->u.dh.public_len
        || EVP_PKEY_derive_init(dh) <= 0
        || EVP_PKEY_derive_set_peer(dh, peer) <= 0
        || EVP_PKEY_derive(dh, secret, &secret_len) <= 0
        || CRYPTO_memcmp(secret, zero, secret_len) == 0
        || !hkdf_sha256(kek, ENVL_KEK_LEN, ctx, secret, secret_len, salt,
                        2 * public_len, dh_info))
        rc = envl_fail_crypto(err, "agree on a key");
    OPENSSL_cleanse(secret, sizeof(secret));
    EVP_PKEY_CTX_free(dh);
    return rc;
}

enum envelope_reason
envl_kek_dh_new(struct envl_kek_source *source, unsigned char kek[ENVL_KEK_LEN],
                const struct envl_libctx *ctx, EVP_PKEY *recipient,
                struct envl_err *err)
{
    const char *algorithm = envl_kek_dh_algorithm(recipient);
    enum envelope_reason rc;
    EVP_PKEY *ephemeral;

    memset(source, 0, sizeof(*source));
    if (algorithm == NULL)
        return envl_fail_crypto(err, "tell what kind of key it is");
    source->kind = ENVL_KEK_DH;
    source->u.dh.algorithm = algorithm;
    source->u.dh.public_len = sizeof(source->u.dh.public);
    ephemeral = EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq, algorithm);
    if (ephemeral == NULL
        || EVP_PKEY_get_raw_public_key(ephemeral, source->u.dh.public,
                                       &source->u.dh.public_len)
               <= 0)
        rc = envl_fail_crypto(err, "make an ephemeral key");
    else
        rc = derive_dh(kek, ctx, source, ephemeral, ctx->propq, recipient,
                       recipient, err);
    EVP_PKEY_free(ephemeral);
    return rc;
}

enum envelope_reason
envl_kek_dh_derive(unsigned char kek[ENVL_KEK_LEN],
                   const struct envl_libctx *ctx,
                   const struct envl_kek_source *source, EVP_PKEY *key,
                   const char *key_propq, struct envl_err *err)
{
    EVP_PKEY *ephemeral = EVP_PKEY_new_raw_public_key_ex(
        ctx->libctx, source->u.dh.algorithm, ctx->propq, source->u.dh.public,
        source->u.dh.public_len);
    enum envelope_reason rc;

    if (ephemeral == NULL)
        rc = envl_fail_crypto(err, "read an ephemeral key");
    else
        rc = derive_dh(kek, ctx, source, key, key_propq, ephemeral, key, err);
    EVP_PKEY_free(ephemeral);
    return rc;
}
