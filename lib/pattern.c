/* SPDX-License-Identifier: Apache-2.0 */
/* Places are counted from the end of the message, where all lengths are
 * given; what stands between them is compared before it is relied on. */
#include "lib/pattern.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/payload_key.h"
#include "lib/recipient_info.h"

#define TAG_LEN 16

/* The end of a message (RFC 5083, 2.1), in DER. */
/* clang-format off */
static const unsigned char before_nonce[] = {
    0x30, 0x4d,                /* EncryptedContentInfo */
    0x06, 0x09,                /*   id-data */
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01,
    0x30, 0x1e, 0x06, 0x09,    /*   AlgorithmIdentifier: id-aes256-GCM */
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e,
    0x30, 0x11,                /*     GCMParameters */
    0x04, ENVL_NONCE_LEN       /*       aes-nonce follows */
};
static const unsigned char before_content[] = {
    0x02, 0x01, TAG_LEN,       /*       aes-ICVlen */
    0x80, ENVL_DEK_LEN         /*   encryptedContent follows */
};
static const unsigned char before_tag[] = {
    0x04, TAG_LEN              /* mac follows */
};
/* clang-format on */

enum {
    TAG_AT = TAG_LEN,
    CONTENT_AT = TAG_AT + sizeof(before_tag) + ENVL_DEK_LEN,
    NONCE_AT = CONTENT_AT + sizeof(before_content) + ENVL_NONCE_LEN,
    WRAPPED_END = NONCE_AT + sizeof(before_nonce)
};

struct envl_pattern {
    unsigned char *der;
    size_t len;
    size_t wrapped_len;
    EVP_PKEY_CTX *wrap; /* only copies of it are used */
    EVP_CIPHER *aead;
    EVP_MAC_CTX *hmac; /* NULL if it cannot be copied */
};

static_assert(sizeof(before_nonce) + ENVL_NONCE_LEN + sizeof(before_content)
                      + ENVL_DEK_LEN
                  == 2 + 0x4d,
              "the length of the EncryptedContentInfo");

/* Does this stand there, right before the place that is so far from the end? */
static bool
precedes(const unsigned char *der, size_t len, size_t at,
         const unsigned char *what, size_t what_len)
{
    return len >= at + what_len
           && memcmp(der + len - at - what_len, what, what_len) == 0;
}

static bool
has_places(const unsigned char *der, size_t len, size_t wrapped_len)
{
    const unsigned char before_wrapped[] = { 0x04, 0x82,
                                             (unsigned char)(wrapped_len >> 8),
                                             (unsigned char)wrapped_len };

    return wrapped_len > 0xff && wrapped_len <= 0xffff
           && precedes(der, len, TAG_AT, before_tag, sizeof(before_tag))
           && precedes(der, len, CONTENT_AT, before_content,
                       sizeof(before_content))
           && precedes(der, len, NONCE_AT, before_nonce, sizeof(before_nonce))
           && precedes(der, len, WRAPPED_END + wrapped_len, before_wrapped,
                       sizeof(before_wrapped));
}

/* RSA-OAEP for the key, and proof that it can be copied. */
static EVP_PKEY_CTX *
new_wrap(const struct envl_libctx *ctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *wrap =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, key, ctx->propq);
    EVP_PKEY_CTX *copy = NULL;

    if (wrap != NULL && EVP_PKEY_encrypt_init(wrap) > 0
        && envl_recipient_info_set_oaep(wrap, ctx))
        copy = EVP_PKEY_CTX_dup(wrap);
    if (copy == NULL) {
        EVP_PKEY_CTX_free(wrap);
        return NULL;
    }
    EVP_PKEY_CTX_free(copy);
    return wrap;
}

/* For those who derive a payload's key, if it can be copied. */
static EVP_MAC_CTX *
new_hmac(const struct envl_libctx *ctx)
{
    EVP_MAC_CTX *hmac = envl_payload_key_hmac(ctx);
    EVP_MAC_CTX *copy = hmac != NULL ? EVP_MAC_CTX_dup(hmac) : NULL;

    if (copy == NULL) {
        EVP_MAC_CTX_free(hmac);
        return NULL;
    }
    EVP_MAC_CTX_free(copy);
    return hmac;
}

struct envl_pattern *
envl_pattern_new(const struct envl_libctx *ctx, EVP_PKEY *key,
                 const unsigned char *der, size_t len)
{
    struct envl_pattern *pattern = OPENSSL_zalloc(sizeof(*pattern));
    int wrapped_len = EVP_PKEY_get_size(key);

    if (pattern != NULL && wrapped_len > 0
        && has_places(der, len, (size_t)wrapped_len)
        && (pattern->der = OPENSSL_memdup(der, len)) != NULL
        && (pattern->wrap = new_wrap(ctx, key)) != NULL
        && (pattern->aead =
                EVP_CIPHER_fetch(ctx->libctx, "AES-256-GCM", ctx->propq))
               != NULL) {
        pattern->hmac = new_hmac(ctx);
        pattern->len = len;
        pattern->wrapped_len = (size_t)wrapped_len;
        return pattern;
    }
    envl_pattern_free(pattern);
    return NULL;
}

void
envl_pattern_free(struct envl_pattern *pattern)
{
    if (pattern == NULL)
        return;
    OPENSSL_free(pattern->der);
    EVP_PKEY_CTX_free(pattern->wrap);
    EVP_CIPHER_free(pattern->aead);
    EVP_MAC_CTX_free(pattern->hmac);
    OPENSSL_free(pattern);
}

void
envl_pattern_lend(const struct envl_pattern *pattern, struct envl_libctx *ctx)
{
    ctx->aead = pattern->aead;
    ctx->hmac = pattern->hmac;
}

static bool
put_wrapped(unsigned char *to, const struct envl_pattern *pattern,
            const unsigned char *cek)
{
    EVP_PKEY_CTX *wrap = EVP_PKEY_CTX_dup(pattern->wrap);
    size_t len = pattern->wrapped_len;
    bool put = wrap != NULL
               && EVP_PKEY_encrypt(wrap, to, &len, cek, ENVL_CEK_LEN) > 0
               && len == pattern->wrapped_len;

    EVP_PKEY_CTX_free(wrap);
    return put;
}

/* The data key and its tag. */
static bool
put_content(unsigned char *end, const struct envl_pattern *pattern,
            const unsigned char *cek, const unsigned char *nonce,
            const unsigned char *dek)
{
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    unsigned char none[1];
    int n = 0, last = 0;
    bool put =
        gcm != NULL && EVP_EncryptInit_ex2(gcm, pattern->aead, cek, nonce, NULL)
        && EVP_EncryptUpdate(gcm, end - CONTENT_AT, &n, dek, ENVL_DEK_LEN)
        && n == ENVL_DEK_LEN && EVP_EncryptFinal_ex(gcm, none, &last)
        && last == 0
        && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
                               end - TAG_AT)
               > 0;

    EVP_CIPHER_CTX_free(gcm);
    return put;
}

enum envelope_reason
envl_pattern_fill(unsigned char **der, size_t *len,
                  const struct envl_pattern *pattern,
                  const unsigned char *random, const unsigned char *dek,
                  struct envl_err *err)
{
    const unsigned char *cek = random, *nonce = random + ENVL_CEK_LEN;
    unsigned char *end;

    *der = OPENSSL_memdup(pattern->der, pattern->len);
    if (*der == NULL)
        return envl_fail_memory(err);
    *len = pattern->len;
    end = *der + *len;
    memcpy(end - NONCE_AT, nonce, ENVL_NONCE_LEN);
    if (put_wrapped(end - WRAPPED_END - pattern->wrapped_len, pattern, cek)
        && put_content(end, pattern, cek, nonce, dek))
        return ENVELOPE_OK;
    OPENSSL_free(*der);
    *der = NULL;
    return envl_fail_crypto(err, "wrap the data key");
}
