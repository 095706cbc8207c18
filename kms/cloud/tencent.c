/* SPDX-License-Identifier: Apache-2.0 */
/* Tencent Cloud KMS (API version 2019-01-18) as a table.  Every reply comes with status
 * 200, also one that says no. */
#include "kms/engine/api.h"
#include "kms/engine/target.h"
#include "kms/http/sign.h"

#define SCHEME "tencentkms"
#define ENDPOINT "https://kms.tencentcloudapi.com"
#define ENDPOINT_VARIABLE "TENCENTCLOUD_KMS_ENDPOINT"

struct own {
    struct kms_endpoint endpoint;
    struct kms_text name; /* REGION/KEYID */
};

/* URIs: tencentkms://REGION/KEYID */

static enum envelope_reason
check_uri(const struct kms_uri *uri, struct envl_err *err)
{
    if (!kms_is_region(uri->authority))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.80s/: no region such as ap-guangzhou",
                         uri->authority);
    if (*uri->path == '\0')
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/: name the key, " SCHEME "://%s/KEYID",
                         uri->authority, uri->authority);
    if (!kms_is_key_id(uri->path))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/%.160s: an identifier of a key has "
                                "letters, digits and hyphens",
                         uri->authority, uri->path);
    return ENVELOPE_OK;
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_uri *uri = &target->uri;
    enum envelope_reason rc = check_uri(uri, err);

    (void)use;
    kms_text_addf(&target->name, "%s/%s", uri->authority, uri->path);
    target->key_id = uri->path;
    target->region = uri->authority;
    target->binds_labels = true;
    if (rc == ENVELOPE_OK && target->name.failed)
        rc = envl_fail_memory(err);
    return rc == ENVELOPE_OK
               ? kms_target_endpoint(target, ENDPOINT_VARIABLE, ENDPOINT, err)
               : rc;
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    const struct kms_sign how = {
        .form = KMS_SIGN_TC3,
        .ctx = call->ctx,
        .credentials = &call->credentials,
        .service = "kms",
    };

    kms_request_add(request, "Content-Type", "application/json; charset=utf-8");
    kms_request_add(request, "X-TC-Action", "%s", call->action->name);
    kms_request_add(request, "X-TC-Version", "2019-01-18");
    kms_request_add(request, "X-TC-Region", "%s", call->asked->region);
    return kms_sign(request, &how, now, err);
}

static const struct kms_rule rules[] = {
    { "InternalError", 0, KMS_RETRY, NULL },
    { "RequestLimitExceeded", 0, KMS_RETRY_SLOWLY, NULL },
    { "AuthFailure.SignatureExpire", 0, KMS_SKEWED, NULL },
    { "AuthFailure.TokenFailure", 0, KMS_EXPIRED, NULL },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "endpoint", "profile", NULL };

const struct kms_api kms_api_tencent = {
    .scheme = SCHEME,
    .parameters = parameters,
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "GenerateDataKey",
                { KMS_FIELD("KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_CONSTANT("KeySpec", KMS_TEXT, "AES_256"),
                  KMS_FIELD("EncryptionContext", KMS_NEW_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("Response.KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("Response.CiphertextBlob", KMS_NEW_BLOB, KMS_TEXT),
                  KMS_FIELD("Response.Plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_DECRYPT] = {
                "Decrypt",
                { KMS_FIELD("CiphertextBlob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("EncryptionContext", KMS_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("Response.KeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("Response.Plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_REENCRYPT] = {
                "ReEncrypt",
                { KMS_FIELD("CiphertextBlob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("DestinationKeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("SourceEncryptionContext", KMS_LABELS, KMS_OBJECT_TEXT),
                  KMS_FIELD("DestinationEncryptionContext", KMS_NEW_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("Response.KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("Response.SourceKeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("Response.CiphertextBlob", KMS_NEW_BLOB, KMS_TEXT) },
            },
        },
        .error_at = "Response.Error",
        .code_at = { "Response.Error.Code" },
        .message_at = { "Response.Error.Message" },
        .id_at = { "Response.RequestId" },
        .rules = rules,
    },
    .context_max = 1024,
    .open = open_target,
    .sign = sign,
    .credentials = kms_tencent_credentials,
};
