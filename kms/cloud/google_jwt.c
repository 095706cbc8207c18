/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service account's key signs a JWT that is the token itself: Google's services
 * take it in place of one from the token service, so that nobody has to be asked.
 */
#include <string.h>

#include <openssl/decoder.h>
#include <openssl/evp.h>

#include "kms/cloud/google_sources.h"

#define LIFETIME_S 3600        /* the longest that Google takes */
#define SIGNATURE_LEN_MAX 2048 /* of a key of 16384 bits */

/* RFC 4648, 5, without padding. */
static void
add_base64url(struct kms_text *text, const void *data, size_t len)
{
    const size_t begin = text->len;
    size_t i;

    kms_text_add_base64(text, data, len);
    for (i = begin; i < text->len; i++) {
        if (text->data[i] == '+')
            text->data[i] = '-';
        else if (text->data[i] == '/')
            text->data[i] = '_';
    }
    while (text->len > begin && text->data[text->len - 1] == '=')
        text->data[--text->len] = '\0';
}

static enum envelope_reason
read_key(EVP_PKEY **key, const struct kms_google_file *file,
         struct envl_err *err)
{
    const struct envl_libctx *ctx = file->seeker->ctx;
    OSSL_DECODER_CTX *decoder;
    const unsigned char *data;
    const char *pem;
    size_t len;
    enum envelope_reason rc = kms_google_need(&pem, file, "private_key", err);

    *key = NULL;
    if (rc != ENVELOPE_OK)
        return rc;
    data = (const unsigned char *)pem;
    len = strlen(pem);
    decoder = OSSL_DECODER_CTX_new_for_pkey(
        key, "PEM", NULL, "RSA", EVP_PKEY_KEYPAIR, ctx->libctx, ctx->propq);
    if (decoder == NULL || !OSSL_DECODER_from_data(decoder, &data, &len))
        rc = envl_crypto_no_memory()
                 ? envl_fail_memory(err)
                 : kms_google_fail(err, file,
                                   "private_key is not an RSA key in PEM");
    OSSL_DECODER_CTX_free(decoder);
    return rc;
}

/* After what has been signed, a dot and the signature. */
static enum envelope_reason
add_signature(struct kms_text *jwt, EVP_PKEY *key,
              const struct envl_libctx *ctx, struct envl_err *err)
{
    unsigned char signature[SIGNATURE_LEN_MAX];
    size_t len = sizeof(signature);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    enum envelope_reason rc = ENVELOPE_OK;

    if (jwt->failed || md == NULL)
        rc = envl_fail_memory(err);
    else if (!EVP_DigestSignInit_ex(md, NULL, "SHA256", ctx->libctx, ctx->propq,
                                    key, NULL)
             || !EVP_DigestSign(md, signature, &len,
                                (const unsigned char *)jwt->data, jwt->len))
        rc = envl_fail_crypto(err, "sign a service account's token");
    EVP_MD_CTX_free(md);
    if (rc == ENVELOPE_OK) {
        kms_text_add(jwt, ".");
        add_base64url(jwt, signature, len);
    }
    return rc;
}

static void
add_head(struct kms_text *jwt, const char *key_id)
{
    struct kms_text part = { 0 };

    kms_json_begin(&part);
    kms_json_add(&part, "alg", "RS256");
    kms_json_add(&part, "typ", "JWT");
    if (key_id != NULL)
        kms_json_add(&part, "kid", key_id);
    kms_json_end(&part);
    jwt->failed = jwt->failed || part.failed;
    add_base64url(jwt, kms_text_get(&part), part.len);
    kms_text_clear(&part);
}

static void
add_claims(struct kms_text *jwt, const char *email, int64_t now)
{
    struct kms_text part = { 0 };

    kms_json_begin(&part);
    kms_json_add(&part, "iss", email);
    kms_json_add(&part, "sub", email);
    kms_json_add(&part, "scope", KMS_GOOGLE_SCOPES);
    kms_text_addf(&part, ",\"iat\":%lld,\"exp\":%lld", (long long)now,
                  (long long)now + LIFETIME_S);
    kms_json_end(&part);
    jwt->failed = jwt->failed || part.failed;
    kms_text_add(jwt, ".");
    add_base64url(jwt, kms_text_get(&part), part.len);
    kms_text_clear(&part);
}

enum envelope_reason
kms_google_from_key(struct kms_credentials *credentials,
                    const struct kms_google_file *file, struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    const int64_t now = world->now(world->arg);
    struct kms_text *jwt = &credentials->token;
    const char *email, *key_id = NULL;
    EVP_PKEY *key = NULL;
    enum envelope_reason rc =
        kms_google_need(&email, file, "client_email", err);

    if (rc == ENVELOPE_OK)
        rc = kms_google_get(&key_id, file, "private_key_id", err);
    if (rc == ENVELOPE_OK)
        rc = read_key(&key, file, err);
    if (rc == ENVELOPE_OK) {
        add_head(jwt, key_id);
        add_claims(jwt, email, now);
        rc = add_signature(jwt, key, file->seeker->ctx, err);
        credentials->expires = now + LIFETIME_S;
    }
    EVP_PKEY_free(key);
    return rc;
}
