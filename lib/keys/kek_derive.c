/* SPDX-License-Identifier: Apache-2.0 */
/* Derives key-encryption keys from passphrases, and the identifiers of
 * key-encryption keys. */
#include "lib/keys/kek_source.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "lib/base/algorithms.h"
#include "lib/base/param.h"

static const char kek_id_info[] = "envelope v1 kek id";

#define SCRYPT_R 8
#define SCRYPT_P 1

/* Identifiers */

enum envelope_reason
envl_kek_id(unsigned char id[ENVL_KEK_ID_LEN], const struct envl_libctx *ctx,
            const unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    const struct envl_der key = { kek, ENVL_KEK_LEN };
    const struct envl_der info = { (const unsigned char *)kek_id_info,
                                   strlen(kek_id_info) };

    if (!envl_derive_by_hash(id, ENVL_KEK_ID_LEN, ctx, ENVL_HKDF, "SHA256",
                             &key, &info))
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

static uint64_t
n_of(unsigned log_n)
{
    return UINT64_C(1) << (log_n > 0 ? log_n : ENVL_SCRYPT_LOG_N_DEFAULT);
}

uint64_t
envl_kek_scrypt_new_work(unsigned log_n)
{
    return n_of(log_n) * SCRYPT_R * SCRYPT_P;
}

enum envelope_reason
envl_kek_scrypt_new(struct envl_kek_source *source,
                    const struct envl_libctx *ctx, unsigned log_n,
                    struct envl_err *err)
{
    memset(source, 0, sizeof(*source));
    source->kind = ENVL_KEK_SCRYPT;
    source->u.scrypt.n = n_of(log_n);
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

    if (!envl_derive(kek, ENVL_KEK_LEN, ctx, ENVL_SCRYPT, params))
        return envl_fail_crypto(err, "derive a key from the passphrase");
    return ENVELOPE_OK;
}
