/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/keys/key_use.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

EVP_PKEY *
envl_key_make(const struct envl_libctx *ctx, const char *algorithm,
              int selection, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->libctx, algorithm, ctx->propq);
    EVP_PKEY *key = NULL;

    if (pctx == NULL || EVP_PKEY_fromdata_init(pctx) <= 0
        || EVP_PKEY_fromdata(pctx, &key, selection, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(pctx);
    return key;
}

const char *
envl_key_provider(const EVP_PKEY *key)
{
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);

    return provider != NULL ? OSSL_PROVIDER_get0_name(provider) : "default";
}

bool
envl_key_is_software(const EVP_PKEY *key)
{
    const char *name = envl_key_provider(key);

    return strcmp(name, "default") == 0 || strcmp(name, "fips") == 0
           || strcmp(name, ENVELOPE_PROVIDER_NAME) == 0;
}

char *
envl_key_propq(const struct envl_libctx *ctx, const EVP_PKEY *key)
{
    return envl_libctx_prefer(ctx->properties, envl_key_provider(key));
}

/* libcrypto refuses an all-zero secret of X25519; another provider may not. */
static bool
is_zero(const unsigned char *secret, size_t len)
{
    unsigned char any = 0;
    size_t i;

    for (i = 0; i < len; i++)
        any |= secret[i];
    return any == 0;
}

/* The buffer size that EVP_PKEY_derive() is given must be exact:
 * pkcs11-provider asks the token for a secret of that length. */
bool
envl_key_agree(unsigned char *secret, size_t size, size_t *len,
               const struct envl_libctx *ctx, EVP_PKEY *key,
               const char *key_propq, EVP_PKEY *peer)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, key, key_propq);
    bool ok = pctx != NULL && EVP_PKEY_derive_init(pctx) > 0
              && EVP_PKEY_derive_set_peer(pctx, peer) > 0
              && EVP_PKEY_derive(pctx, NULL, len) > 0 && *len <= size
              && EVP_PKEY_derive(pctx, secret, len) > 0
              && !is_zero(secret, *len);

    EVP_PKEY_CTX_free(pctx);
    return ok;
}
