/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the code of an error, as Smithy's JSON protocols have it, and looks up
 * what it means. */
#include "kms/aws/error.h"

#include <stdio.h>
#include <string.h>

#include "kms/core/json.h"
#include "kms/engine/service.h"

#define CODE_SIZE 64

#define BUSY "the service is asked too often"
#define CLOCK "check this machine's clock"
#define KEY_ID "check the access key id and the session token"
#define POLICY "check whose credentials these are, and the key's policy"
#define SECRET "check the secret access key, and this machine's clock"
#define STATE "check the key's state"
#define WRONG "it is not this key, or the labels or the header were changed"

/* Sorted.  Sources: the model of KMS, AWS's "Common errors", botocore's
 * _retry.json. */
static const struct rule {
    const char *code;
    enum kms_outcome outcome;
    const char *advice; /* or NULL */
} rules[] = {
    { "AccessDenied", KMS_FAILED, POLICY },
    { "AccessDeniedException", KMS_FAILED, POLICY },
    { "BandwidthLimitExceeded", KMS_RETRY_SLOWLY, BUSY },
    { "DependencyTimeoutException", KMS_RETRY, NULL },
    { "DisabledException", KMS_FAILED, "the key has to be enabled" },
    { "ExpiredToken", KMS_EXPIRED, "renew the credentials" },
    { "ExpiredTokenException", KMS_EXPIRED, "renew the credentials" },
    { "IncorrectKeyException", KMS_FAILED, WRONG },
    { "InvalidCiphertextException", KMS_FAILED, WRONG },
    { "InvalidClientTokenId", KMS_FAILED, KEY_ID },
    { "InvalidGrantTokenException", KMS_FAILED, NULL },
    { "InvalidKeyUsageException", KMS_FAILED,
      "the key has to be a symmetric one, to encrypt and decrypt with" },
    { "InvalidSignatureException", KMS_SKEWED, SECRET },
    { "KMSInternalException", KMS_RETRY, NULL },
    { "KMSInvalidStateException", KMS_FAILED, STATE },
    { "KeyUnavailableException", KMS_RETRY, NULL },
    { "LimitExceededException", KMS_RETRY_SLOWLY, BUSY },
    { "NotFoundException", KMS_FAILED, "check key, account and region" },
    { "PriorRequestNotComplete", KMS_RETRY_SLOWLY, BUSY },
    { "RequestExpired", KMS_SKEWED, CLOCK },
    { "RequestInTheFuture", KMS_SKEWED, CLOCK },
    { "RequestLimitExceeded", KMS_RETRY_SLOWLY, BUSY },
    { "RequestThrottled", KMS_RETRY_SLOWLY, BUSY },
    { "RequestThrottledException", KMS_RETRY_SLOWLY, BUSY },
    { "RequestTimeTooSkewed", KMS_SKEWED, CLOCK },
    { "RequestTimeout", KMS_RETRY, NULL },
    { "RequestTimeoutException", KMS_RETRY, NULL },
    { "SignatureDoesNotMatch", KMS_SKEWED, SECRET },
    { "SlowDown", KMS_RETRY_SLOWLY, BUSY },
    { "ThrottledException", KMS_RETRY_SLOWLY, BUSY },
    { "Throttling", KMS_RETRY_SLOWLY, BUSY },
    { "ThrottlingException", KMS_RETRY_SLOWLY, BUSY },
    { "TooManyRequestsException", KMS_RETRY_SLOWLY, BUSY },
    { "UnrecognizedClientException", KMS_FAILED, KEY_ID },
    { "ValidationException", KMS_FAILED, NULL },
};

/* "ns#Code", "Code:url", "Code,more": the code alone. */
static void
take_code(char code[CODE_SIZE], const char *text)
{
    size_t len = strcspn(text, ",:");
    const char *hash = memchr(text, '#', len);

    if (hash != NULL) {
        len -= (size_t)(hash + 1 - text);
        text = hash + 1;
    }
    (void)snprintf(code, CODE_SIZE, "%.*s", (int)len, text);
}

/* The first of these names that json has; json may be NULL. */
static const char *
first_text(const struct kms_json *json, const char *const *names)
{
    const char *text = NULL;

    for (; json != NULL && text == NULL && *names != NULL; names++)
        text = kms_json_text(json, *names);
    return text;
}

static void
find_code(char code[CODE_SIZE], const struct kms_json *json,
          const struct kms_reply *reply)
{
    static const char *const names[] = { "__type", "code", "Code", NULL };
    const char *text = first_text(json, names);

    if (text == NULL)
        text = kms_text_get(&reply->headers[KMS_REPLY_ERROR_TYPE]);
    take_code(code, text);
    if (*code == '\0')
        (void)snprintf(code, CODE_SIZE, "HTTP status %d", reply->status);
}

static struct rule
by_status(int status)
{
    if (status == 429)
        return (struct rule){ NULL, KMS_RETRY_SLOWLY, BUSY };
    if (status >= 500)
        return (struct rule){ NULL, KMS_RETRY, NULL };
    return (struct rule){ NULL, KMS_FAILED, NULL };
}

static struct rule
find_rule(const char *code, int status)
{
    size_t i;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i].code, code) == 0)
            return rules[i];
    }
    return by_status(status);
}

/* After what the service says; there is room for both. */
static void
advise(struct envl_err *err, const char *advice)
{
    const struct envl_err said = *err;

    if (advice != NULL)
        (void)envl_fail(err, said.reason, "%.300s; %s", said.detail, advice);
}

enum kms_outcome
kms_aws_error(const struct kms_reply *reply, struct envl_err *err)
{
    static const char *const names[] = { "message", "Message", NULL };
    struct kms_json *json = NULL;
    struct envl_err ignored = { 0 };
    char code[CODE_SIZE];
    struct rule rule;
    bool failing;

    /* A proxy on the way may send anything. */
    if (kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len,
                       &ignored)
        == ENVELOPE_R_MEMORY) {
        (void)envl_fail_memory(err);
        return KMS_FAILED;
    }
    find_code(code, json, reply);
    rule = find_rule(code, reply->status);
    failing = rule.outcome == KMS_RETRY || rule.outcome == KMS_RETRY_SLOWLY;
    (void)kms_fail_service(
        err, failing ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_KEY_SERVICE_REFUSED,
        "awskms", code, first_text(json, names),
        kms_text_get(&reply->headers[KMS_REPLY_REQUEST_ID]));
    advise(err, rule.advice);
    kms_json_free(json);
    return rule.outcome;
}
