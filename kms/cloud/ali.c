/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alibaba Cloud KMS (API version 2016-01-20) as a table.  Requests are parameters of a
 * query, without a body.  The service is given the user's name of a key, and replies
 * with its identifier.
 * Sources: the models of kms-20160120 in Alibaba's SDKs; "Response structure" of KMS.
 */
#include <string.h>

#include "kms/cloud/ali_sources.h"
#include "kms/core/span.h"
#include "kms/engine/api.h"
#include "kms/engine/target.h"
#include "kms/http/sign.h"

#define SCHEME "alikms"
#define ENDPOINT_VARIABLE "ALIBABA_CLOUD_KMS_ENDPOINT"
#define ALIAS "alias/"
#define ALIAS_LEN_MAX 255 /* with ALIAS */

/* URIs: alikms://REGION/ID, /alias/NAME, /acs:kms:REGION:ACCOUNT:key/ID */

static bool
is_alias(const char *text)
{
    const size_t begin = strlen(ALIAS);

    return strncmp(text, ALIAS, begin) == 0 && text[begin] != '\0'
           && strlen(text) <= ALIAS_LEN_MAX
           && text[begin + strspn(text + begin, KMS_ALNUM "/_-")] == '\0';
}

/* What comes after this, or NULL. */
static const char *
after(const char *text, const char *begin)
{
    const size_t len = strlen(begin);

    return text != NULL && strncmp(text, begin, len) == 0 ? text + len : NULL;
}

/* The identifier of a key at the end of its ARN, or NULL. */
static const char *
id_of_arn(const char *arn, const char *region)
{
    const char *account = after(after(after(arn, "acs:kms:"), region), ":");
    const size_t digits = account != NULL ? strspn(account, KMS_DIGITS) : 0;
    const char *id = digits > 0 ? after(account + digits, ":key/") : NULL;

    return id != NULL && kms_is_key_id(id) ? id : NULL;
}

/* id - of the key; NULL: an alias is named */
static enum envelope_reason
read_key(const char **id, const struct kms_uri *uri, struct envl_err *err)
{
    const char *region = uri->authority, *key = uri->path;

    if (!kms_is_region(region))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.80s/: no region such as cn-hangzhou",
                         region);
    *id = kms_is_key_id(key) ? key : id_of_arn(key, region);
    if (*id != NULL || is_alias(key))
        return ENVELOPE_OK;
    return envl_fail(
        err, ENVELOPE_R_UNREADABLE_KEY, SCHEME "://%s/%.160s: %s", region, key,
        strncmp(key, "acs:", 4) == 0
            ? "the ARN of a key in this region is "
              "acs:kms:REGION:ACCOUNT:key/ID"
            : "name the key: its identifier, alias/NAME or its ARN");
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const char *region = target->uri.authority, *id = NULL;
    struct kms_text usual = { 0 };
    enum envelope_reason rc = read_key(&id, &target->uri, err);

    (void)use;
    kms_text_addf(&usual, "https://kms.%s.aliyuncs.com", region);
    if (id != NULL)
        kms_text_addf(&target->name, "%s/%s", region, id);
    target->key_id = target->uri.path;
    target->region = region;
    target->in_region = true;
    target->binds_labels = true;
    if (rc == ENVELOPE_OK && (usual.failed || target->name.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = kms_target_endpoint(target, ENDPOINT_VARIABLE,
                                 kms_text_get(&usual), err);
    kms_text_clear(&usual);
    return rc;
}

/* The identifier of a key that headers know by REGION/ID, or NULL. */
static const char *
id_of_name(const char *name, const struct kms_target *target)
{
    return after(after(name, target->region), "/");
}

/* An alias can mean any key of its region; the service, which does not ask for a key
 * to decrypt, says which one it was. */
static bool
matches(const struct kms_target *target, const char *key)
{
    const char *id = id_of_name(key, target);

    if (target->name.len > 0)
        return strcmp(kms_text_get(&target->name), key) == 0;
    return id != NULL && kms_is_key_id(id);
}

/* The key that opened is the header's; a new one is the user's, if he named it. */
static enum envelope_reason
is_key(const struct kms_call *call, enum kms_what what, const char *said,
       struct envl_err *err)
{
    const struct kms_target *asked = call->asked;
    const char *id = id_of_name(what == KMS_KEY ? call->wrapped->key
                                                : kms_text_get(&asked->name),
                                asked);

    if (!kms_is_key_id(said))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the reply names a key, %.110s, by what is no "
                         "identifier",
                         said);
    if (id == NULL || strcmp(id, said) == 0)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the reply is about another key, %.110s, than %.110s",
                     said, id);
}

/* The reply names the old key alone. */
static enum envelope_reason
may_reencrypt(struct kms_call *call, struct envl_err *err)
{
    if (call->to->name.len > 0)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     SCHEME ": %.100s: the service does not say which key an "
                            "alias is when it encrypts anew: name the new key "
                            "by its identifier, or rewrap without --by-service",
                     call->to->key_id);
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    const struct kms_sign how = { KMS_SIGN_ACS3, call->ctx, &call->credentials,
                                  NULL, NULL };

    kms_request_add(request, "Accept", "application/json");
    kms_request_add(request, "x-acs-action", "%s", call->action->name);
    kms_request_add(request, "x-acs-version", "2016-01-20");
    return kms_sign(request, &how, now, err);
}

#define CLOCK "check this machine's clock"
#define POLICY "check whose credentials these are, and their RAM policy"
#define NAME \
    "check region and key; a key of another account is named by its ARN"

static const struct kms_rule rules[] = {
    { "*Throttling", 0, KMS_RETRY_SLOWLY, "the service is asked too often" },
    /* libcurl itself sends a request twice where a connection ends. */
    { "SignatureNonceUsed", 0, KMS_RETRY, NULL },
    { "IllegalTimestamp", 0, KMS_SKEWED, CLOCK },
    { "InvalidTimeStamp", 0, KMS_SKEWED, CLOCK },
    { "RequestTimeTooSkewed", 0, KMS_SKEWED, CLOCK },
    { "InvalidSecurityToken", 0, KMS_EXPIRED,
      "the credentials are no longer good" },
    { "InvalidAccessKeyId", 0, KMS_FAILED, "check the AccessKey id" },
    { "SignatureDoesNotMatch", 0, KMS_FAILED, "check the AccessKey secret" },
    { "Forbidden.KeyNotFound", 0, KMS_FAILED, NAME },
    { "Forbidden.AliasNotFound", 0, KMS_FAILED, NAME },
    { "Forbidden", 0, KMS_FAILED, POLICY },
    { "NoPermission", 0, KMS_FAILED, POLICY },
    { "Rejected", 0, KMS_FAILED, "check the key's state" },
    { "*Ciphertext", 0, KMS_FAILED,
      "it is not this key, or the labels or the header were changed" },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "endpoint", "profile", NULL };

const struct kms_api kms_api_ali = {
    .scheme = SCHEME,
    .parameters = parameters,
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "GenerateDataKey",
                { KMS_FIELD("KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_CONSTANT("KeySpec", KMS_TEXT, "AES_256"),
                  KMS_FIELD("EncryptionContext", KMS_NEW_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("CiphertextBlob", KMS_NEW_BLOB, KMS_TEXT),
                  KMS_FIELD("Plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_DECRYPT] = {
                "Decrypt",
                { KMS_FIELD("CiphertextBlob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("EncryptionContext", KMS_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("KeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("Plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_REENCRYPT] = {
                "ReEncrypt",
                { KMS_FIELD("CiphertextBlob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("DestinationKeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("SourceEncryptionContext", KMS_LABELS, KMS_OBJECT_TEXT),
                  KMS_FIELD("DestinationEncryptionContext", KMS_NEW_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("KeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("CiphertextBlob", KMS_NEW_BLOB, KMS_TEXT) },
            },
        },
        .in_query = true,
        .code_at = { "Code" },
        .message_at = { "Message" },
        .id_at = { "RequestId" },
        .rules = rules,
    },
    .context_max = 8192,
    .open = open_target,
    .matches = matches,
    .is_key = is_key,
    .may_reencrypt = may_reencrypt,
    .sign = sign,
    .credentials = kms_ali_credentials,
};
