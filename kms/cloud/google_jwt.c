/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service account's key signs a JWT that is the token itself: Google's services
 * take it in place of one from the token service, so that nobody has to be asked.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>

#include "kms/cloud/google_sources.h"

#define LIFETIME_S 3600        /* the longest that Google takes */
#define SIGNATURE_LEN_MAX 2048 /* of a key of 16384 bits */

static enum envelope_reason
read_key(EVP_PKEY **key, const struct kms_google_file *file, const char *pem,
         struct envl_err *err)
{
    const struct envl_libctx *ctx = file->seeker->ctx;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
        key, "PEM", NULL, "RSA", EVP_PKEY_KEYPAIR, ctx->libctx, ctx->propq);
    const unsigned char *data = (const unsigned char *)pem;
    size_t len = strlen(pem);
    enum envelope_reason rc = ENVELOPE_OK;

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
        kms_text_add_base64url(jwt, signature, len);
    }
    OPENSSL_cleanse(signature, sizeof(signature));
    return rc;
}

/* Header and claims. */
static void
add_parts(struct kms_text *jwt, const char *key_id, const char *email,
          int64_t now)
{
    struct kms_text head = { 0 }, claims = { 0 };

    kms_text_add(&head, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (key_id != NULL)
        kms_json_add(&head, "kid", key_id);
    kms_json_end(&head);
    kms_json_begin(&claims);
    kms_json_add(&claims, "iss", email);
    kms_json_add(&claims, "sub", email);
    kms_json_add(&claims, "scope", KMS_GOOGLE_SCOPES);
    kms_text_addf(&claims, ",\"iat\":%lld,\"exp\":%lld", (long long)now,
                  (long long)now + LIFETIME_S);
    kms_json_end(&claims);
    kms_text_add_base64url(jwt, kms_text_get(&head), head.len);
    kms_text_add(jwt, ".");
    kms_text_add_base64url(jwt, kms_text_get(&claims), claims.len);
    jwt->failed = jwt->failed || head.failed || claims.failed;
    kms_text_clear(&claims);
    kms_text_clear(&head);
}

enum envelope_reason
kms_google_from_key(struct kms_credentials *credentials,
                    struct kms_google_file *file, struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    const int64_t now = world->now(world->arg);
    const char *email = kms_google_need(file, "client_email");
    const char *key_id = kms_google_get(file, "private_key_id");
    const char *pem = kms_google_need(file, "private_key");
    EVP_PKEY *key = NULL;
    enum envelope_reason rc = kms_google_check(file, err);

    if (rc == ENVELOPE_OK)
        rc = read_key(&key, file, pem, err);
    if (rc == ENVELOPE_OK) {
        add_parts(&credentials->token, key_id, email, now);
        rc = add_signature(&credentials->token, key, file->seeker->ctx, err);
        credentials->expires = now + LIFETIME_S;
    }
    EVP_PKEY_free(key);
    return rc;
}
