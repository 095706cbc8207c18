/* SPDX-License-Identifier: Apache-2.0 */
/* A hybrid key of two libcrypto keys, and its bytes. */
#include "provider/hybrid.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "lib/base/param.h"
#include "lib/keys/key_use.h"

#define MLKEM "ML-KEM-768"
#define X25519 "X25519"

struct envl_hybrid *
envl_hybrid_new(struct envl_provider *prov)
{
    struct envl_hybrid *key = OPENSSL_zalloc(sizeof(*key));

    if (key == NULL) {
        envl_crypto_note_no_memory();
        return NULL;
    }
    key->prov = prov;
    atomic_init(&key->owners, 1);
    return key;
}

static void
clear(struct envl_hybrid *key)
{
    EVP_PKEY_free(key->mlkem);
    EVP_PKEY_free(key->x25519);
    key->mlkem = key->x25519 = NULL;
    key->is_private = false;
}

void
envl_hybrid_free(struct envl_hybrid *key)
{
    if (key == NULL || atomic_fetch_sub(&key->owners, 1) > 1)
        return;
    clear(key);
    OPENSSL_free(key);
}

/* Make a half of the key from its bytes. */
static EVP_PKEY *
make_half(const struct envl_hybrid *key, const char *algorithm,
          const char *param, int selection, const unsigned char *bytes,
          size_t len)
{
    OSSL_PARAM params[] = { envl_param_octets(param, bytes, len),
                            OSSL_PARAM_construct_end() };

    return envl_key_make(&key->prov->ctx, algorithm, selection, params);
}

static int
end_setting(struct envl_hybrid *key, bool is_private)
{
    if (key->mlkem == NULL || key->x25519 == NULL) {
        clear(key);
        return 0;
    }
    key->is_private = is_private;
    return 1;
}

int
envl_hybrid_generate(struct envl_hybrid *key)
{
    const struct envl_libctx *ctx = &key->prov->ctx;

    clear(key);
    if (!envl_provider_prepare(key->prov))
        return 0;
    key->mlkem = EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq, MLKEM);
    key->x25519 = EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq, X25519);
    return end_setting(key, true);
}

int
envl_hybrid_set_public(struct envl_hybrid *key,
                       const unsigned char bytes[ENVL_HYBRID_PUBLIC_LEN])
{
    clear(key);
    if (!envl_provider_prepare(key->prov))
        return 0;
    key->mlkem = make_half(key, MLKEM, OSSL_PKEY_PARAM_PUB_KEY,
                           EVP_PKEY_PUBLIC_KEY, bytes, ENVL_MLKEM_PUBLIC_LEN);
    key->x25519 =
        make_half(key, X25519, OSSL_PKEY_PARAM_PUB_KEY, EVP_PKEY_PUBLIC_KEY,
                  bytes + ENVL_MLKEM_PUBLIC_LEN, ENVL_X25519_LEN);
    return end_setting(key, false);
}

int
envl_hybrid_set_private(struct envl_hybrid *key,
                        const unsigned char bytes[ENVL_HYBRID_PRIVATE_LEN])
{
    clear(key);
    if (!envl_provider_prepare(key->prov))
        return 0;
    key->mlkem = make_half(key, MLKEM, ENVL_ML_KEM_SEED, EVP_PKEY_KEYPAIR,
                           bytes, ENVL_ML_KEM_SEED_LEN);
    key->x25519 =
        make_half(key, X25519, OSSL_PKEY_PARAM_PRIV_KEY, EVP_PKEY_KEYPAIR,
                  bytes + ENVL_ML_KEM_SEED_LEN, ENVL_X25519_LEN);
    return end_setting(key, true);
}

int
envl_hybrid_set_seed(struct envl_hybrid *key,
                     const unsigned char seed[ENVL_XWING_SEED_LEN])
{
    const struct envl_libctx *ctx = &key->prov->ctx;
    unsigned char expanded[ENVL_HYBRID_PRIVATE_LEN];
    EVP_MD_CTX *md;
    EVP_MD *shake;
    int ok;

    if (!envl_provider_prepare(key->prov))
        return 0;
    shake = EVP_MD_fetch(ctx->libctx, "SHAKE256", ctx->propq);
    md = EVP_MD_CTX_new();
    ok = shake != NULL && md != NULL && EVP_DigestInit_ex2(md, shake, NULL)
         && EVP_DigestUpdate(md, seed, ENVL_XWING_SEED_LEN)
         && EVP_DigestFinalXOF(md, expanded, sizeof(expanded))
         && envl_hybrid_set_private(key, expanded);

    OPENSSL_cleanse(expanded, sizeof(expanded));
    EVP_MD_CTX_free(md);
    EVP_MD_free(shake);
    return ok;
}

static int
get(const EVP_PKEY *half, const char *param, unsigned char *to, size_t want)
{
    size_t len = 0;

    return EVP_PKEY_get_octet_string_param(half, param, to, want, &len)
           && len == want;
}

int
envl_hybrid_get_public(const struct envl_hybrid *key,
                       unsigned char bytes[ENVL_HYBRID_PUBLIC_LEN])
{
    return key->mlkem != NULL
           && get(key->mlkem, OSSL_PKEY_PARAM_PUB_KEY, bytes,
                  ENVL_MLKEM_PUBLIC_LEN)
           && get(key->x25519, OSSL_PKEY_PARAM_PUB_KEY,
                  bytes + ENVL_MLKEM_PUBLIC_LEN, ENVL_X25519_LEN);
}

int
envl_hybrid_get_private(const struct envl_hybrid *key,
                        unsigned char bytes[ENVL_HYBRID_PRIVATE_LEN])
{
    if (key->is_private
        && get(key->mlkem, ENVL_ML_KEM_SEED, bytes, ENVL_ML_KEM_SEED_LEN)
        && get(key->x25519, OSSL_PKEY_PARAM_PRIV_KEY,
               bytes + ENVL_ML_KEM_SEED_LEN, ENVL_X25519_LEN))
        return 1;
    OPENSSL_cleanse(bytes, ENVL_HYBRID_PRIVATE_LEN);
    return 0;
}
