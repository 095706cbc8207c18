/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a canonical request to the header Authorization: the string to sign
 * and the chain of HMACs.  AWS4 and TC3 are two tables of words.
 */
#include "kms/http/sign.h"

#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "kms/http/canonical.h"
#include "lib/base/param.h"

#define HASH_LEN 32                    /* SHA-256 */
#define TIME_MAX INT64_C(253402300799) /* after it, years have five digits */

struct words {
    const char *algorithm, *secret_prefix, *terminator;
    const char *time_header, *token_header;
    const char *dash; /* in the scope's date */
    bool seconds;     /* the time is sent as a number */
    struct kms_canonical_form form;
};

static const struct words aws4 = {
    .algorithm = "AWS4-HMAC-SHA256",
    .secret_prefix = "AWS4",
    .terminator = "aws4_request",
    .time_header = "X-Amz-Date",
    .token_header = "X-Amz-Security-Token",
    .dash = "",
    .form = { .signed_prefix = "X-Amz-" },
};

static const struct words tc3 = {
    .algorithm = "TC3-HMAC-SHA256",
    .secret_prefix = "TC3",
    .terminator = "tc3_request",
    .time_header = "X-TC-Timestamp",
    .token_header = "X-TC-Token",
    .dash = "-",
    .seconds = true,
    .form = { .lower_values = true, .target_as_sent = true },
};

/* All but the request, which is changed; region is NULL where the scope has
 * none. */
struct signer {
    const struct words *words;
    const struct envl_libctx *ctx;
    const struct kms_credentials *credentials;
    const char *region, *service;
};

void
kms_credentials_clear(struct kms_credentials *credentials)
{
    kms_text_clear(&credentials->id);
    kms_text_clear(&credentials->secret);
    kms_text_clear(&credentials->token);
    credentials->expires = 0;
}

/* Hashes */

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
mac(unsigned char out[HASH_LEN], const struct envl_libctx *ctx, const void *key,
    size_t key_len, const char *text)
{
    const OSSL_PARAM params[] = {
        envl_param_text(OSSL_MAC_PARAM_DIGEST, "SHA256"),
        envl_param_text(OSSL_MAC_PARAM_PROPERTIES, ctx->propq),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0;

    return EVP_Q_mac(ctx->libctx, "HMAC", ctx->propq, NULL, params, key,
                     key_len, (const unsigned char *)text, strlen(text), out,
                     HASH_LEN, &len)
               != NULL
           && len == HASH_LEN;
}

/* The secret is the key for the first text, and what comes out is the key for
 * the next one.  Texts that are NULL do not count. */
static bool
add_signature(struct kms_text *hex, const struct envl_libctx *ctx,
              const struct kms_text *secret, const char *const *texts,
              size_t count)
{
    unsigned char out[HASH_LEN] = { 0 };
    const void *key = kms_text_get(secret);
    size_t i, key_len = secret->len;
    bool ok = true;

    for (i = 0; i < count && ok; i++) {
        if (texts[i] == NULL)
            continue;
        ok = mac(out, ctx, key, key_len, texts[i]);
        key = out;
        key_len = sizeof(out);
    }
    kms_text_add_hex(hex, out, sizeof(out));
    OPENSSL_cleanse(out, sizeof(out));
    return ok;
}

/* Signing */

static enum envelope_reason
check_credential(const struct kms_text *text, const char *what,
                 struct envl_err *err)
{
    if (text->failed)
        return envl_fail_memory(err);
    if (strlen(kms_text_get(text)) != text->len
        || !kms_is_printable(kms_text_get(text)))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "the %s is empty or not printable ASCII: look at "
                         "where it comes from",
                         what);
    return ENVELOPE_OK;
}

static enum envelope_reason
check_credentials(const struct kms_credentials *credentials,
                  struct envl_err *err)
{
    enum envelope_reason rc;

    rc = check_credential(&credentials->id, "credentials' id", err);
    if (rc == ENVELOPE_OK)
        rc = check_credential(&credentials->secret, "credentials' secret", err);
    if (rc == ENVELOPE_OK
        && (credentials->token.len > 0 || credentials->token.failed))
        rc = check_credential(&credentials->token, "credentials' token", err);
    return rc;
}

/* Of the canonical request, with the names of the headers that are in it. */
static enum envelope_reason
add_canonical_hash(struct kms_text *hex, struct kms_text *names,
                   const struct signer *signer,
                   const struct kms_request *request, struct envl_err *err)
{
    struct kms_text text = { 0 };
    enum envelope_reason rc;

    rc =
        kms_canonical_request(&text, names, &signer->words->form, request, err);
    if (rc == ENVELOPE_OK
        && (!add_hash(&text, signer->ctx, &request->body)
            || !add_hash(hex, signer->ctx, &text)))
        rc = envl_fail_crypto(err, "hash the request");
    hex->failed = hex->failed || text.failed;
    kms_text_clear(&text);
    return rc;
}

/* The texts on the way to a signature. */
enum { DATE, TIME, SCOPE, NAMES, TO_SIGN, SECRET, AUTHORIZATION, TEXT_COUNT };

static enum envelope_reason
set_times(struct kms_text *texts, const struct words *words, int64_t now,
          struct envl_err *err)
{
    time_t seconds = (time_t)now;
    struct tm tm;

    if (now < 0 || now > TIME_MAX || gmtime_r(&seconds, &tm) == NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "cannot sign at %lld seconds from 1970: set the "
                         "clock right",
                         (long long)now);
    kms_text_addf(&texts[DATE], "%04d%s%02d%s%02d", tm.tm_year + 1900,
                  words->dash, tm.tm_mon + 1, words->dash, tm.tm_mday);
    if (words->seconds)
        kms_text_addf(&texts[TIME], "%lld", (long long)now);
    else
        kms_text_addf(&texts[TIME], "%sT%02d%02d%02dZ",
                      kms_text_get(&texts[DATE]), tm.tm_hour, tm.tm_min,
                      tm.tm_sec);
    return ENVELOPE_OK;
}

static enum envelope_reason
set_string_to_sign(struct kms_text *texts, const struct signer *signer,
                   const struct kms_request *request, struct envl_err *err)
{
    const struct words *words = signer->words;

    kms_text_addf(&texts[SCOPE], "%s/", kms_text_get(&texts[DATE]));
    if (signer->region != NULL)
        kms_text_addf(&texts[SCOPE], "%s/", signer->region);
    kms_text_addf(&texts[SCOPE], "%s/%s", signer->service, words->terminator);
    kms_text_addf(&texts[TO_SIGN], "%s\n%s\n%s\n", words->algorithm,
                  kms_text_get(&texts[TIME]), kms_text_get(&texts[SCOPE]));
    return add_canonical_hash(&texts[TO_SIGN], &texts[NAMES], signer, request,
                              err);
}

/* The key is derived from the secret by the parts of the scope. */
static enum envelope_reason
set_authorization(struct kms_text *texts, const struct signer *signer,
                  struct envl_err *err)
{
    const struct words *words = signer->words;
    const char *const chain[] = { kms_text_get(&texts[DATE]), signer->region,
                                  signer->service, words->terminator,
                                  kms_text_get(&texts[TO_SIGN]) };

    kms_text_addf(&texts[SECRET], "%s%s", words->secret_prefix,
                  kms_text_get(&signer->credentials->secret));
    kms_text_addf(&texts[AUTHORIZATION],
                  "%s Credential=%s/%s, SignedHeaders=%s, Signature=",
                  words->algorithm, kms_text_get(&signer->credentials->id),
                  kms_text_get(&texts[SCOPE]), kms_text_get(&texts[NAMES]));
    if (!add_signature(&texts[AUTHORIZATION], signer->ctx, &texts[SECRET],
                       chain, sizeof(chain) / sizeof(chain[0])))
        return envl_fail_crypto(err, "sign the request");
    return ENVELOPE_OK;
}

static enum envelope_reason
sign(struct kms_request *request, const struct signer *signer, int64_t now,
     struct envl_err *err)
{
    const struct words *words = signer->words;
    const struct kms_text *token = &signer->credentials->token;
    struct kms_text texts[TEXT_COUNT] = { 0 };
    enum envelope_reason rc = check_credentials(signer->credentials, err);
    bool failed = false;
    size_t i;

    if (rc == ENVELOPE_OK)
        rc = set_times(texts, words, now, err);
    if (rc == ENVELOPE_OK) {
        kms_request_add(request, words->time_header, "%s",
                        kms_text_get(&texts[TIME]));
        if (token->len > 0)
            kms_request_add(request, words->token_header, "%s",
                            kms_text_get(token));
        rc = set_string_to_sign(texts, signer, request, err);
    }
    if (rc == ENVELOPE_OK)
        rc = set_authorization(texts, signer, err);
    for (i = 0; i < TEXT_COUNT; i++)
        failed = failed || texts[i].failed;
    if (rc == ENVELOPE_OK && failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        kms_request_add(request, "Authorization", "%s",
                        kms_text_get(&texts[AUTHORIZATION]));
    for (i = 0; i < TEXT_COUNT; i++)
        kms_text_clear(&texts[i]);
    return rc;
}

enum envelope_reason
kms_sign_aws4(struct kms_request *request, const struct envl_libctx *ctx,
              const struct kms_credentials *credentials, const char *region,
              const char *service, int64_t now, struct envl_err *err)
{
    const struct signer signer = { &aws4, ctx, credentials, region, service };

    return sign(request, &signer, now, err);
}

enum envelope_reason
kms_sign_tc3(struct kms_request *request, const struct envl_libctx *ctx,
             const struct kms_credentials *credentials, const char *service,
             int64_t now, struct envl_err *err)
{
    const struct signer signer = { &tc3, ctx, credentials, NULL, service };

    return sign(request, &signer, now, err);
}

enum envelope_reason
kms_sign_hmac(struct kms_request *request, const struct envl_libctx *ctx,
              const struct kms_credentials *credentials, int64_t now,
              struct envl_err *err)
{
    struct kms_text text = { 0 }, authorization = { 0 };
    enum envelope_reason rc = check_credentials(credentials, err);
    const char *to_sign;
    bool hashed;

    if (rc != ENVELOPE_OK)
        return rc;
    kms_request_add(request, "X-Envelope-Timestamp", "%lld", (long long)now);
    kms_text_addf(&text, "%s\n%s\n%s\n%lld\n", request->method,
                  kms_request_target(request),
                  kms_text_get(&request->endpoint->host), (long long)now);
    hashed = add_hash(&text, ctx, &request->body);
    to_sign = kms_text_get(&text);
    kms_text_addf(&authorization, "HMAC-SHA256 Credential=%s, Signature=",
                  kms_text_get(&credentials->id));
    if (!hashed
        || !add_signature(&authorization, ctx, &credentials->secret, &to_sign,
                          1))
        rc = envl_fail_crypto(err, "sign the request");
    else if (text.failed || authorization.failed)
        rc = envl_fail_memory(err);
    else
        kms_request_add(request, "Authorization", "%s",
                        kms_text_get(&authorization));
    kms_text_clear(&text);
    kms_text_clear(&authorization);
    return rc;
}
