/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encapsulation and decapsulation: provider-kem(7).  ML-KEM and X25519 each
 * give a shared secret.  The combiner hashes both with X25519's public values.
 */
#include "provider/hybrid.h"

#include <string.h>

#include <openssl/evp.h>

#include "lib/keys/key_use.h"

static OSSL_FUNC_kem_newctx_fn envl_hybrid_kem_newctx;
static OSSL_FUNC_kem_freectx_fn envl_hybrid_kem_freectx;
static OSSL_FUNC_kem_encapsulate_init_fn envl_hybrid_kem_encapsulate_init;
static OSSL_FUNC_kem_encapsulate_fn envl_hybrid_kem_encapsulate;
static OSSL_FUNC_kem_decapsulate_init_fn envl_hybrid_kem_decapsulate_init;
static OSSL_FUNC_kem_decapsulate_fn envl_hybrid_kem_decapsulate;

/* The end of the combiner's input. */
static const unsigned char label[] = { 0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c };

struct kem_ctx {
    const struct envl_provider *prov;
    const struct envl_hybrid *key; /* borrowed: EVP holds it */
};

/* The two secrets, which their owner cleanses. */
struct secrets {
    unsigned char mlkem[ENVL_MLKEM_SECRET_LEN];
    unsigned char x25519[ENVL_X25519_LEN];
};

static void *
envl_hybrid_kem_newctx(void *prov)
{
    struct kem_ctx *ctx = OPENSSL_zalloc(sizeof(*ctx));

    if (ctx != NULL)
        ctx->prov = prov;
    else
        envl_crypto_note_no_memory();
    return ctx;
}

static void
envl_hybrid_kem_freectx(void *ctx)
{
    OPENSSL_free(ctx);
}

static int
envl_hybrid_kem_encapsulate_init(void *vctx, void *key,
                                 const OSSL_PARAM params[])
{
    struct kem_ctx *ctx = vctx;

    (void)params;
    ctx->key = key;
    return ctx->key->mlkem != NULL;
}

static int
envl_hybrid_kem_decapsulate_init(void *vctx, void *key,
                                 const OSSL_PARAM params[])
{
    return envl_hybrid_kem_encapsulate_init(vctx, key, params)
           && ((struct envl_hybrid *)key)->is_private;
}

static EVP_PKEY_CTX *
use(const struct kem_ctx *ctx, EVP_PKEY *half)
{
    return EVP_PKEY_CTX_new_from_pkey(ctx->prov->ctx.libctx, half,
                                      ctx->prov->ctx.propq);
}

static int
agree(const struct kem_ctx *ctx, unsigned char secret[ENVL_X25519_LEN],
      EVP_PKEY *own, EVP_PKEY *peer)
{
    const struct envl_libctx *libctx = &ctx->prov->ctx;
    size_t len;

    return envl_key_agree(secret, ENVL_X25519_LEN, &len, libctx, own,
                          libctx->propq, peer)
           && len == ENVL_X25519_LEN;
}

static int
raw_public(unsigned char to[ENVL_X25519_LEN], const EVP_PKEY *key)
{
    size_t len = ENVL_X25519_LEN;

    return EVP_PKEY_get_raw_public_key(key, to, &len) > 0
           && len == ENVL_X25519_LEN;
}

static int
combine(const struct kem_ctx *ctx, unsigned char out[ENVL_HYBRID_SECRET_LEN],
        const struct secrets *secrets,
        const unsigned char ephemeral[ENVL_X25519_LEN])
{
    const struct envl_libctx *libctx = &ctx->prov->ctx;
    EVP_MD *sha3 = EVP_MD_fetch(libctx->libctx, "SHA3-256", libctx->propq);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char public[ENVL_X25519_LEN];
    unsigned len;
    int ok = sha3 != NULL && md != NULL && raw_public(public, ctx->key->x25519)
             && EVP_DigestInit_ex2(md, sha3, NULL)
             && EVP_DigestUpdate(md, secrets->mlkem, sizeof(secrets->mlkem))
             && EVP_DigestUpdate(md, secrets->x25519, sizeof(secrets->x25519))
             && EVP_DigestUpdate(md, ephemeral, ENVL_X25519_LEN)
             && EVP_DigestUpdate(md, public, sizeof(public))
             && EVP_DigestUpdate(md, label, sizeof(label))
             && EVP_DigestFinal_ex(md, out, &len);

    EVP_MD_CTX_free(md);
    EVP_MD_free(sha3);
    return ok;
}

static int
encapsulate_mlkem(const struct kem_ctx *ctx, unsigned char *ciphertext,
                  struct secrets *secrets)
{
    EVP_PKEY_CTX *pctx = use(ctx, ctx->key->mlkem);
    size_t ciphertext_len = ENVL_MLKEM_CIPHERTEXT_LEN;
    size_t len = sizeof(secrets->mlkem);
    int ok = pctx != NULL && EVP_PKEY_encapsulate_init(pctx, NULL) > 0
             && EVP_PKEY_encapsulate(pctx, ciphertext, &ciphertext_len,
                                     secrets->mlkem, &len)
                    > 0
             && ciphertext_len == ENVL_MLKEM_CIPHERTEXT_LEN
             && len == sizeof(secrets->mlkem);

    EVP_PKEY_CTX_free(pctx);
    return ok;
}

static int
decapsulate_mlkem(const struct kem_ctx *ctx, const unsigned char *ciphertext,
                  struct secrets *secrets)
{
    EVP_PKEY_CTX *pctx = use(ctx, ctx->key->mlkem);
    size_t len = sizeof(secrets->mlkem);
    int ok = pctx != NULL && EVP_PKEY_decapsulate_init(pctx, NULL) > 0
             && EVP_PKEY_decapsulate(pctx, secrets->mlkem, &len, ciphertext,
                                     ENVL_MLKEM_CIPHERTEXT_LEN)
                    > 0
             && len == sizeof(secrets->mlkem);

    EVP_PKEY_CTX_free(pctx);
    return ok;
}

/* If out is NULL, only the two lengths are wanted. */
static int
envl_hybrid_kem_encapsulate(void *vctx, unsigned char *out, size_t *out_len,
                            unsigned char *secret, size_t *secret_len)
{
    const struct kem_ctx *ctx = vctx;
    const struct envl_libctx *libctx = &ctx->prov->ctx;
    struct secrets secrets;
    EVP_PKEY *ephemeral;
    int ok;

    if (out != NULL
        && ((out_len != NULL && *out_len < ENVL_HYBRID_CIPHERTEXT_LEN)
            || (secret_len != NULL && *secret_len < ENVL_HYBRID_SECRET_LEN)))
        return 0;
    if (out_len != NULL)
        *out_len = ENVL_HYBRID_CIPHERTEXT_LEN;
    if (secret_len != NULL)
        *secret_len = ENVL_HYBRID_SECRET_LEN;
    if (out == NULL)
        return 1;
    if (secret == NULL)
        return 0;
    ephemeral = EVP_PKEY_Q_keygen(libctx->libctx, libctx->propq, "X25519");
    ok = ephemeral != NULL
         && raw_public(out + ENVL_MLKEM_CIPHERTEXT_LEN, ephemeral)
         && encapsulate_mlkem(ctx, out, &secrets)
         && agree(ctx, secrets.x25519, ephemeral, ctx->key->x25519)
         && combine(ctx, secret, &secrets, out + ENVL_MLKEM_CIPHERTEXT_LEN);
    OPENSSL_cleanse(&secrets, sizeof(secrets));
    EVP_PKEY_free(ephemeral);
    return ok;
}

static int
envl_hybrid_kem_decapsulate(void *vctx, unsigned char *secret,
                            size_t *secret_len, const unsigned char *in,
                            size_t in_len)
{
    const struct kem_ctx *ctx = vctx;
    const struct envl_libctx *libctx = &ctx->prov->ctx;
    const unsigned char *sent = in + ENVL_MLKEM_CIPHERTEXT_LEN;
    struct secrets secrets;
    EVP_PKEY *ephemeral;
    int ok;

    if (in_len != ENVL_HYBRID_CIPHERTEXT_LEN
        || (secret != NULL && secret_len != NULL
            && *secret_len < ENVL_HYBRID_SECRET_LEN))
        return 0;
    if (secret_len != NULL)
        *secret_len = ENVL_HYBRID_SECRET_LEN;
    if (secret == NULL)
        return 1;
    ephemeral = EVP_PKEY_new_raw_public_key_ex(
        libctx->libctx, "X25519", libctx->propq, sent, ENVL_X25519_LEN);
    ok = ephemeral != NULL && decapsulate_mlkem(ctx, in, &secrets)
         && agree(ctx, secrets.x25519, ctx->key->x25519, ephemeral)
         && combine(ctx, secret, &secrets, sent);
    OPENSSL_cleanse(&secrets, sizeof(secrets));
    EVP_PKEY_free(ephemeral);
    return ok;
}

const OSSL_DISPATCH envl_hybrid_kem[] = {
    ENTRY(OSSL_FUNC_KEM_NEWCTX, envl_hybrid_kem_newctx),
    ENTRY(OSSL_FUNC_KEM_FREECTX, envl_hybrid_kem_freectx),
    ENTRY(OSSL_FUNC_KEM_ENCAPSULATE_INIT, envl_hybrid_kem_encapsulate_init),
    ENTRY(OSSL_FUNC_KEM_ENCAPSULATE, envl_hybrid_kem_encapsulate),
    ENTRY(OSSL_FUNC_KEM_DECAPSULATE_INIT, envl_hybrid_kem_decapsulate_init),
    ENTRY(OSSL_FUNC_KEM_DECAPSULATE, envl_hybrid_kem_decapsulate),
    { 0, NULL },
};
