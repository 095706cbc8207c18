/* SPDX-License-Identifier: Apache-2.0 */
/* Each entry of the cache is set once, by the thread that is first, and only
 * read after that: no lock is needed. */
#include "lib/base/algorithms.h"

#include <stdatomic.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "lib/base/param.h"

struct envl_algorithms {
    _Atomic(EVP_CIPHER *) ciphers[ENVL_CIPHER_COUNT];
    _Atomic(EVP_KDF *) kdfs[ENVL_KDF_COUNT];
    _Atomic(EVP_MAC_CTX *) hmac; /* only copies of it are used */
};

static const char *const cipher_names[] = { "AES-256-GCM", "AES-256-WRAP" };
static const char *const kdf_names[] = { "HKDF", "X963KDF", "SCRYPT" };

struct envl_algorithms *
envl_algorithms_new(void)
{
    struct envl_algorithms *algorithms = OPENSSL_malloc(sizeof(*algorithms));
    int i;

    if (algorithms == NULL)
        return NULL;
    for (i = 0; i < ENVL_CIPHER_COUNT; i++)
        atomic_init(&algorithms->ciphers[i], NULL);
    for (i = 0; i < ENVL_KDF_COUNT; i++)
        atomic_init(&algorithms->kdfs[i], NULL);
    atomic_init(&algorithms->hmac, NULL);
    return algorithms;
}

void
envl_algorithms_free(struct envl_algorithms *algorithms)
{
    int i;

    if (algorithms == NULL)
        return;
    for (i = 0; i < ENVL_CIPHER_COUNT; i++)
        EVP_CIPHER_free(atomic_load(&algorithms->ciphers[i]));
    for (i = 0; i < ENVL_KDF_COUNT; i++)
        EVP_KDF_free(atomic_load(&algorithms->kdfs[i]));
    EVP_MAC_CTX_free(atomic_load(&algorithms->hmac));
    OPENSSL_free(algorithms);
}

EVP_CIPHER *
envl_fetch_cipher(const struct envl_libctx *ctx, enum envl_cipher_name name)
{
    struct envl_algorithms *cache = ctx->algorithms;
    EVP_CIPHER *cipher = NULL, *none = NULL;

    if (cache != NULL)
        cipher = atomic_load(&cache->ciphers[name]);
    if (cipher != NULL)
        return EVP_CIPHER_up_ref(cipher) ? cipher : NULL;
    cipher = EVP_CIPHER_fetch(ctx->libctx, cipher_names[name], ctx->propq);
    if (cipher != NULL && cache != NULL && EVP_CIPHER_up_ref(cipher)
        && !atomic_compare_exchange_strong(&cache->ciphers[name], &none,
                                           cipher))
        EVP_CIPHER_free(cipher); /* another thread was faster */
    return cipher;
}

EVP_KDF *
envl_fetch_kdf(const struct envl_libctx *ctx, enum envl_kdf_name name)
{
    struct envl_algorithms *cache = ctx->algorithms;
    EVP_KDF *kdf = NULL, *none = NULL;

    if (cache != NULL)
        kdf = atomic_load(&cache->kdfs[name]);
    if (kdf != NULL)
        return EVP_KDF_up_ref(kdf) ? kdf : NULL;
    kdf = EVP_KDF_fetch(ctx->libctx, kdf_names[name], ctx->propq);
    if (kdf != NULL && cache != NULL && EVP_KDF_up_ref(kdf)
        && !atomic_compare_exchange_strong(&cache->kdfs[name], &none, kdf))
        EVP_KDF_free(kdf); /* another thread was faster */
    return kdf;
}

static EVP_MAC_CTX *
make_hmac(const struct envl_libctx *ctx)
{
    const OSSL_PARAM params[] = {
        envl_param_text(OSSL_MAC_PARAM_DIGEST, "SHA512"),
        envl_param_text(OSSL_MAC_PARAM_PROPERTIES, ctx->propq),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(ctx->libctx, "HMAC", ctx->propq);
    EVP_MAC_CTX *hmac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (hmac != NULL && EVP_MAC_CTX_set_params(hmac, params))
        return hmac;
    EVP_MAC_CTX_free(hmac);
    return NULL;
}

EVP_MAC_CTX *
envl_new_hmac(const struct envl_libctx *ctx)
{
    struct envl_algorithms *cache = ctx->algorithms;
    EVP_MAC_CTX *hmac, *copy, *none = NULL;

    if (cache == NULL)
        return make_hmac(ctx);
    if ((hmac = atomic_load(&cache->hmac)) != NULL)
        return EVP_MAC_CTX_dup(hmac);
    /* A context that the provider cannot copy is made anew each time. */
    hmac = make_hmac(ctx);
    copy = hmac != NULL ? EVP_MAC_CTX_dup(hmac) : NULL;
    if (copy != NULL
        && !atomic_compare_exchange_strong(&cache->hmac, &none, copy))
        EVP_MAC_CTX_free(copy);
    return hmac;
}

int
envl_derive(unsigned char *out, size_t len, const struct envl_libctx *ctx,
            enum envl_kdf_name name, const OSSL_PARAM *params)
{
    EVP_KDF *kdf = envl_fetch_kdf(ctx, name);
    EVP_KDF_CTX *kctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    int ok = kctx != NULL && EVP_KDF_derive(kctx, out, len, params) > 0;

    EVP_KDF_CTX_free(kctx);
    EVP_KDF_free(kdf);
    return ok;
}

int
envl_derive_by_hash(unsigned char *out, size_t len,
                    const struct envl_libctx *ctx, enum envl_kdf_name name,
                    const char *digest, const struct envl_der *key,
                    const struct envl_der *info)
{
    const OSSL_PARAM params[] = {
        envl_param_text(OSSL_KDF_PARAM_DIGEST, digest),
        envl_param_text(OSSL_KDF_PARAM_PROPERTIES, ctx->propq),
        envl_param_octets(OSSL_KDF_PARAM_KEY, key->p, key->len),
        envl_param_octets(OSSL_KDF_PARAM_INFO, info->p, info->len),
        OSSL_PARAM_construct_end(),
    };

    return envl_derive(out, len, ctx, name, params);
}
