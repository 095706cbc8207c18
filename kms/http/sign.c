/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a canonical request to the header Authorization: the string to sign, the
 * key, and the words of each service.
 */
#include "kms/http/sign.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "kms/core/span.h"
#include "kms/core/time.h"
#include "kms/http/canonical.h"
#include "lib/base/param.h"

#define HASH_LEN 32 /* SHA-256 */
#define NONCE_LEN 16

enum style {
    SECONDS,
    COMPACT,
    DASHED
}; /* 20150830T123600Z, 2015-08-30T12:36:00Z */

/* NULL where there is no such thing. */
static const struct words {
    const char *algorithm;
    /* The key is derived by the parts of a scope; else it is the secret. */
    const char *secret_prefix, *terminator;
    enum style date, time;
    const char *time_header, *nonce_header, *token_header, *id_header,
        *body_header;
    const char *id, *separator; /* of Authorization */
    bool time_is_elsewhere;     /* in a signed header alone */
    bool plain;                 /* there is no canonical form */
    struct kms_canonical_form form;
} table[] = {
    [KMS_SIGN_AWS4] = {
        .algorithm = "AWS4-HMAC-SHA256",
        .secret_prefix = "AWS4",
        .date = COMPACT,
        .terminator = "aws4_request",
        .time_header = "X-Amz-Date",
        .time = COMPACT,
        .token_header = "X-Amz-Security-Token",
        .id = "Credential",
        .separator = ", ",
        .form = { .signed_prefix = "X-Amz-" },
    },
    [KMS_SIGN_TC3] = {
        .algorithm = "TC3-HMAC-SHA256",
        .secret_prefix = "TC3",
        .date = DASHED,
        .terminator = "tc3_request",
        .time_header = "X-TC-Timestamp",
        .token_header = "X-TC-Token",
        .id = "Credential",
        .separator = ", ",
        .form = { .lower_values = true,
                  .path_as_sent = true,
                  .query_as_sent = true },
    },
    [KMS_SIGN_ACS3] = {
        .algorithm = "ACS3-HMAC-SHA256",
        .time_header = "x-acs-date",
        .nonce_header = "x-acs-signature-nonce",
        .time = DASHED,
        .token_header = "x-acs-security-token",
        .id_header = "x-acs-accesskey-id",
        .body_header = "x-acs-content-sha256",
        .id = "Credential",
        .separator = ",",
        .time_is_elsewhere = true,
        .form = { .signed_prefix = "x-acs-", .path_as_sent = true },
    },
    [KMS_SIGN_SDK] = {
        .algorithm = "SDK-HMAC-SHA256",
        .time_header = "X-Sdk-Date",
        .time = COMPACT,
        .token_header = "X-Security-Token",
        .id = "Access",
        .separator = ", ",
        .form = { .signed_prefix = "X-",
                  .path_as_sent = true,
                  .slash_at_end = true },
    },
    [KMS_SIGN_HMAC] = {
        .algorithm = "HMAC-SHA256",
        .time_header = "X-Envelope-Timestamp",
        .id = "Credential",
        .separator = ", ",
        .plain = true,
    },
};

/* The texts on the way to a signature. */
struct work {
    const struct words *words;
    const struct kms_sign *how;
    struct kms_text date, time, scope, body_hash, names, to_sign, authorization;
};

void
kms_credentials_clear(struct kms_credentials *credentials)
{
    kms_text_clear(&credentials->id);
    kms_text_clear(&credentials->secret);
    kms_text_clear(&credentials->token);
    kms_text_clear(&credentials->project);
    credentials->expires = 0;
}

static enum envelope_reason
check_credential(const struct kms_text *text, const char *what,
                 struct envl_err *err)
{
    if (text->failed)
        return envl_fail_memory(err);
    if (text->len == 0
        || !kms_span_within((struct kms_span){ text->data, text->len }, ' '))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "the credentials' %s is empty or not printable ASCII: "
                         "look at where it comes from",
                         what);
    return ENVELOPE_OK;
}

static enum envelope_reason
check_credentials(const struct kms_credentials *credentials,
                  struct envl_err *err)
{
    const struct kms_text *token = &credentials->token;
    enum envelope_reason rc = check_credential(&credentials->id, "id", err);

    if (rc == ENVELOPE_OK)
        rc = check_credential(&credentials->secret, "secret", err);
    if (rc == ENVELOPE_OK && (token->len > 0 || token->failed))
        rc = check_credential(token, "token", err);
    return rc;
}

/* Of SHA-256, in hexadecimal. */
static bool
add_hash(struct kms_text *hex, const struct envl_libctx *ctx,
         const struct kms_text *data)
{
    unsigned char hash[HASH_LEN];

    if (!EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, kms_text_get(data),
                      data->len, hash, NULL))
        return false;
    kms_text_add_hex(hex, hash, sizeof(hash));
    return true;
}

static bool
mac(unsigned char out[HASH_LEN], const struct envl_libctx *ctx,
    const struct kms_text *key, const char *text)
{
    const OSSL_PARAM params[] = {
        envl_param_text(OSSL_MAC_PARAM_DIGEST, "SHA256"),
        envl_param_text(OSSL_MAC_PARAM_PROPERTIES, ctx->propq),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0;

    return EVP_Q_mac(ctx->libctx, "HMAC", ctx->propq, NULL, params,
                     kms_text_get(key), key->len, (const unsigned char *)text,
                     strlen(text), out, HASH_LEN, &len)
               != NULL
           && len == HASH_LEN;
}

/* The secret is the key for the first part of the scope, and what comes out is the
 * key for the next one; the last is for the string to sign. */
static bool
add_signature(struct work *work)
{
    const struct kms_sign *how = work->how;
    const char *const texts[] = { work->date.data, how->region, how->service,
                                  work->words->terminator,
                                  kms_text_get(&work->to_sign) };
    const size_t count = sizeof(texts) / sizeof(texts[0]);
    size_t i = work->words->terminator != NULL ? 0 : count - 1;
    struct kms_text key = { 0 };
    unsigned char out[HASH_LEN];
    bool ok = true;

    if (work->words->secret_prefix != NULL)
        kms_text_add(&key, work->words->secret_prefix);
    kms_text_add(&key, kms_text_get(&how->credentials->secret));
    for (; i < count && ok; i++) {
        if (texts[i] == NULL)
            continue;
        ok = mac(out, how->ctx, &key, texts[i]);
        kms_text_set(&key, "");
        if (ok)
            kms_text_add_bytes(&key, out, sizeof(out));
    }
    kms_text_add_hex(&work->authorization, kms_text_get(&key), key.len);
    work->authorization.failed = work->authorization.failed || key.failed;
    kms_text_clear(&key);
    OPENSSL_cleanse(out, sizeof(out));
    return ok;
}

static void
add_time(struct kms_text *text, const char *time, enum style style)
{
    for (; *time != '\0'; time++) {
        if (style == DASHED || (*time != '-' && *time != ':'))
            kms_text_add_bytes(text, time, 1);
    }
}

static enum envelope_reason
set_times(struct work *work, int64_t now, struct envl_err *err)
{
    char date[sizeof("2030-01-02")], time[KMS_TIME_SIZE];

    if (!kms_time_write(time, now))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "cannot sign at %lld seconds from 1970: set the "
                         "clock right",
                         (long long)now);
    (void)snprintf(date, sizeof(date), "%.*s", (int)sizeof(date) - 1, time);
    add_time(&work->date, date, work->words->date);
    if (work->words->time == SECONDS)
        kms_text_addf(&work->time, "%lld", (long long)now);
    else
        add_time(&work->time, time, work->words->time);
    return ENVELOPE_OK;
}

/* What makes two requests of one second differ. */
static enum envelope_reason
add_nonce(struct kms_request *request, const struct work *work,
          struct envl_err *err)
{
    const char *name = work->words->nonce_header;
    unsigned char nonce[NONCE_LEN];
    struct kms_text hex = { 0 };
    enum envelope_reason rc;

    if (name == NULL || kms_request_header(request, name) != NULL)
        return ENVELOPE_OK;
    if (RAND_bytes_ex(work->how->ctx->libctx, nonce, sizeof(nonce), 0) <= 0)
        return envl_fail_crypto(err, "make a nonce");
    kms_text_add_hex(&hex, nonce, sizeof(nonce));
    kms_request_add(request, name, "%s", kms_text_get(&hex));
    rc = hex.failed ? envl_fail_memory(err) : ENVELOPE_OK;
    kms_text_clear(&hex);
    return rc;
}

/* All but Authorization, and the scope. */
static void
add_headers(struct kms_request *request, struct work *work)
{
    const struct words *words = work->words;
    const struct kms_credentials *credentials = work->how->credentials;
    const bool token = credentials->token.len > 0;

    kms_request_add(request, words->time_header, "%s",
                    kms_text_get(&work->time));
    if (token && words->token_header != NULL)
        kms_request_add(request, words->token_header, "%s",
                        kms_text_get(&credentials->token));
    if (token && words->id_header != NULL)
        kms_request_add(request, words->id_header, "%s",
                        kms_text_get(&credentials->id));
    if (words->body_header != NULL)
        kms_request_add(request, words->body_header, "%s",
                        kms_text_get(&work->body_hash));
    if (words->terminator != NULL)
        kms_text_addf(&work->scope, "%s/%s%s%s/%s", kms_text_get(&work->date),
                      work->how->region != NULL ? work->how->region : "",
                      work->how->region != NULL ? "/" : "", work->how->service,
                      words->terminator);
}

/* Algorithm, time, scope, and the hash of the canonical request. */
static enum envelope_reason
set_string_to_sign(struct work *work, const struct kms_request *request,
                   struct envl_err *err)
{
    const struct words *words = work->words;
    struct kms_text canonical = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    if (words->plain) {
        kms_text_addf(
            &work->to_sign, "%s\n%s\n%s\n%s\n%s", request->method,
            kms_request_target(request), kms_text_get(&request->endpoint->host),
            kms_text_get(&work->time), kms_text_get(&work->body_hash));
        return ENVELOPE_OK;
    }
    kms_text_addf(&work->to_sign, "%s\n", words->algorithm);
    if (!words->time_is_elsewhere)
        kms_text_addf(&work->to_sign, "%s\n", kms_text_get(&work->time));
    if (words->terminator != NULL)
        kms_text_addf(&work->to_sign, "%s\n", kms_text_get(&work->scope));
    rc = kms_canonical_request(&canonical, &work->names, &words->form, request,
                               err);
    kms_text_add(&canonical, kms_text_get(&work->body_hash));
    if (rc == ENVELOPE_OK
        && !add_hash(&work->to_sign, work->how->ctx, &canonical))
        rc = envl_fail_crypto(err, "hash the request");
    work->to_sign.failed = work->to_sign.failed || canonical.failed;
    kms_text_clear(&canonical);
    return rc;
}

static enum envelope_reason
set_authorization(struct work *work, struct envl_err *err)
{
    const struct words *words = work->words;
    struct kms_text *text = &work->authorization;

    kms_text_addf(text, "%s %s=%s", words->algorithm, words->id,
                  kms_text_get(&work->how->credentials->id));
    if (words->terminator != NULL)
        kms_text_addf(text, "/%s", kms_text_get(&work->scope));
    if (!words->plain)
        kms_text_addf(text, "%sSignedHeaders=%s", words->separator,
                      kms_text_get(&work->names));
    kms_text_addf(text, "%sSignature=", words->separator);
    return add_signature(work) ? ENVELOPE_OK
                               : envl_fail_crypto(err, "sign the request");
}

enum envelope_reason
kms_sign(struct kms_request *request, const struct kms_sign *how, int64_t now,
         struct envl_err *err)
{
    struct work work = { .words = &table[how->form], .how = how };
    struct kms_text *const texts[] = { &work.date,         &work.time,
                                       &work.scope,        &work.body_hash,
                                       &work.names,        &work.to_sign,
                                       &work.authorization };
    const size_t count = sizeof(texts) / sizeof(texts[0]);
    enum envelope_reason rc = check_credentials(how->credentials, err);
    bool failed = false;
    size_t i;

    if (rc == ENVELOPE_OK)
        rc = set_times(&work, now, err);
    if (rc == ENVELOPE_OK
        && !add_hash(&work.body_hash, how->ctx, &request->body))
        rc = envl_fail_crypto(err, "hash the request");
    if (rc == ENVELOPE_OK)
        rc = add_nonce(request, &work, err);
    if (rc == ENVELOPE_OK) {
        add_headers(request, &work);
        rc = set_string_to_sign(&work, request, err);
    }
    if (rc == ENVELOPE_OK)
        rc = set_authorization(&work, err);
    for (i = 0; i < count; i++)
        failed = failed || texts[i]->failed;
    if (rc == ENVELOPE_OK && failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        kms_request_add(request, "Authorization", "%s",
                        kms_text_get(&work.authorization));
    for (i = 0; i < count; i++)
        kms_text_clear(texts[i]);
    return rc;
}
