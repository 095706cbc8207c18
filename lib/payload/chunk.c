/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypts chunks with libcrypto's AES-256-GCM, or whole chunks with another
 * library.  The key schedule is computed once. */
#include "lib/payload/chunk.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "lib/base/algorithms.h"
#include "lib/payload/chunk_mb.h"

struct envl_chunk {
    EVP_CIPHER_CTX *gcm;
    struct envl_chunk_mb *mb; /* for whole chunks; NULL: gcm is used */
    enum envl_direction direction;
    unsigned char base_nonce[ENVL_NONCE_LEN];
};

enum envelope_reason
envl_chunk_new(struct envl_chunk **out, const struct envl_libctx *ctx,
               const struct envl_payload_key *key,
               enum envl_direction direction, struct envl_err *err)
{
    struct envl_chunk *chunk = OPENSSL_zalloc(sizeof(*chunk));
    enum envelope_reason rc = ENVELOPE_OK;
    EVP_CIPHER *aead = envl_fetch_cipher(ctx, ENVL_AES_256_GCM);

    *out = NULL;
    if (chunk == NULL) {
        EVP_CIPHER_free(aead);
        return envl_fail_memory(err);
    }
    chunk->direction = direction;
    memcpy(chunk->base_nonce, key->base_nonce, ENVL_NONCE_LEN);
    if (aead == NULL)
        rc = envl_fail_crypto(err, "fetch AES-256-GCM");
    else if ((chunk->gcm = EVP_CIPHER_CTX_new()) == NULL
             || !EVP_CipherInit_ex2(chunk->gcm, aead, key->key, NULL,
                                    (int)direction, NULL))
        rc = envl_fail_crypto(err, "set up AES-256-GCM");
    else
        chunk->mb = envl_chunk_mb_new(ctx, aead, key->key);
    EVP_CIPHER_free(aead);
    if (rc != ENVELOPE_OK) {
        envl_chunk_free(chunk);
        return rc;
    }
    *out = chunk;
    return ENVELOPE_OK;
}

void
envl_chunk_free(struct envl_chunk *chunk)
{
    if (chunk == NULL)
        return;
    EVP_CIPHER_CTX_free(chunk->gcm);
    envl_chunk_mb_free(chunk->mb);
    OPENSSL_clear_free(chunk, sizeof(*chunk));
}

static void
make_nonce(const struct envl_chunk *chunk, uint64_t index,
           unsigned char nonce[ENVL_NONCE_LEN])
{
    size_t i;

    memcpy(nonce, chunk->base_nonce, ENVL_NONCE_LEN);
    for (i = ENVL_NONCE_LEN; index != 0; index >>= 8)
        nonce[--i] ^= (unsigned char)index;
}

/* One call sets the nonce and the parameters: that saves a call a chunk. */
static int
begin(struct envl_chunk *chunk, uint64_t index, const OSSL_PARAM *params)
{
    unsigned char nonce[ENVL_NONCE_LEN];

    make_nonce(chunk, index, nonce);
    return EVP_CipherInit_ex2(chunk->gcm, NULL, NULL, nonce,
                              (int)chunk->direction, params);
}

static void
tag_param(OSSL_PARAM params[2], unsigned char *tag)
{
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                                  tag, ENVL_TAG_LEN);
    params[1] = OSSL_PARAM_construct_end();
}

int
envl_chunk_begin(struct envl_chunk *chunk, uint64_t index)
{
    return begin(chunk, index, NULL);
}

int
envl_chunk_update(struct envl_chunk *chunk, unsigned char *out,
                  const unsigned char *in, size_t len)
{
    int n = 0;

    return len <= ENVL_CHUNK_LEN
           && EVP_CipherUpdate(chunk->gcm, out, &n, in, (int)len)
           && (size_t)n == len;
}

/* GCM's final call writes nothing, but libcrypto wants an output buffer. */
static int
end(struct envl_chunk *chunk)
{
    unsigned char none[ENVL_TAG_LEN];
    int n = 0;

    return EVP_CipherFinal_ex(chunk->gcm, none, &n) && n == 0;
}

int
envl_chunk_seal_end(struct envl_chunk *chunk, unsigned char *tag)
{
    OSSL_PARAM params[2];

    tag_param(params, tag);
    return end(chunk) && EVP_CIPHER_CTX_get_params(chunk->gcm, params);
}

int
envl_chunk_open_end(struct envl_chunk *chunk, const unsigned char *tag)
{
    unsigned char copy[ENVL_TAG_LEN];
    OSSL_PARAM params[2];

    memcpy(copy, tag, sizeof(copy));
    tag_param(params, copy);
    return EVP_CIPHER_CTX_set_params(chunk->gcm, params) && end(chunk);
}

int
envl_chunk_seal(struct envl_chunk *chunk, uint64_t index, unsigned char *out,
                const unsigned char *in, size_t len)
{
    unsigned char nonce[ENVL_NONCE_LEN];

    if (chunk->mb != NULL) {
        make_nonce(chunk, index, nonce);
        envl_chunk_mb_seal(chunk->mb, nonce, out, in, len, out + len);
        return 1;
    }
    return envl_chunk_begin(chunk, index)
           && envl_chunk_update(chunk, out, in, len)
           && envl_chunk_seal_end(chunk, out + len);
}

/* How far decryption came, which says what is in out. */
enum opened {
    UNTOUCHED,  /* nothing: libcrypto did not begin */
    UNKNOWN,    /* a part of the chunk: libcrypto failed in between */
    DECIPHERED, /* plaintext that is not authentic */
    GOOD
};

static enum opened
open_by_mb(struct envl_chunk *chunk, uint64_t index, unsigned char *out,
           const unsigned char *in, size_t len)
{
    unsigned char nonce[ENVL_NONCE_LEN], tag[ENVL_TAG_LEN];
    int same;

    make_nonce(chunk, index, nonce);
    envl_chunk_mb_open(chunk->mb, nonce, out, in, len, tag);
    same = CRYPTO_memcmp(tag, in + len, sizeof(tag)) == 0;
    /* The right tag would make a forgery valid. */
    OPENSSL_cleanse(tag, sizeof(tag));
    return same ? GOOD : DECIPHERED;
}

static enum opened
open_by_libcrypto(struct envl_chunk *chunk, uint64_t index, unsigned char *out,
                  const unsigned char *in, size_t len)
{
    unsigned char tag[ENVL_TAG_LEN];
    OSSL_PARAM params[2];

    memcpy(tag, in + len, sizeof(tag));
    tag_param(params, tag);
    if (!begin(chunk, index, params))
        return UNTOUCHED;
    if (!envl_chunk_update(chunk, out, in, len))
        return UNKNOWN;
    return end(chunk) ? GOOD : DECIPHERED;
}

int
envl_chunk_open(struct envl_chunk *chunk, uint64_t index, unsigned char *out,
                const unsigned char *in, size_t len)
{
    enum opened opened = chunk->mb != NULL
                             ? open_by_mb(chunk, index, out, in, len)
                             : open_by_libcrypto(chunk, index, out, in, len);
    bool is_as_it_came = false;

    if (opened == GOOD)
        return 1;
    if (out == in && opened == UNTOUCHED)
        is_as_it_came = true;
    else if (out == in && opened == DECIPHERED) /* encrypt it back */
        is_as_it_came = envl_chunk_begin(chunk, index)
                        && envl_chunk_update(chunk, out, out, len);
    if (!is_as_it_came)
        OPENSSL_cleanse(out, len);
    return 0;
}
