/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Huawei Cloud DEW, its key management (API v1.0), as a table.  It encrypts a key of
 * ours, as text in base64: data keys that it makes itself have 512 bits only in some of
 * its clouds.
 * Source: support.huaweicloud.com/api-dew: EncryptData, DecryptData, ReEncrypt.
 */
#include "kms/cloud/huawei.h"

#include <string.h>

#include "kms/core/span.h"
#include "kms/engine/api.h"
#include "kms/engine/target.h"

#define SCHEME "huaweikms"
#define ENDPOINT_VARIABLE "HUAWEICLOUD_KMS_ENDPOINT"

#define PROJECT_LEN_MAX 64

/* URIs: huaweikms://REGION/KEY */

/* Five groups, as of a UUID; the service's have any small letters. */
static bool
is_key_id(const char *text)
{
    static const size_t groups[] = { 8, 4, 4, 4, 12 };
    size_t i;

    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (i > 0 && *text++ != '-')
            return false;
        if (strspn(text, KMS_LOWER KMS_DIGITS) != groups[i])
            return false;
        text += groups[i];
    }
    return *text == '\0';
}

bool
kms_huawei_is_project(const char *text)
{
    const size_t len = strspn(text, KMS_ALNUM "-");

    return len > 0 && len <= PROJECT_LEN_MAX && text[len] == '\0';
}

static enum envelope_reason
check_uri(const struct kms_uri *uri, struct envl_err *err)
{
    const char *project = kms_uri_get(uri, "project");

    if (!kms_is_region(uri->authority))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.80s/: no region such as cn-north-4",
                         uri->authority);
    if (!is_key_id(uri->path))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/%.160s: after the region comes the id "
                                "of a key, 36 small letters, digits and "
                                "hyphens such as "
                                "0d0466b0-e727-4d9c-b35d-f84bb474a37f",
                         uri->authority, uri->path);
    if (project != NULL && !kms_huawei_is_project(project))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/%s: project=%.80s: the id of a project "
                                "has letters and digits",
                         uri->authority, uri->path, project);
    return ENVELOPE_OK;
}

/* Ireland is a cloud of its own. */
void
kms_huawei_url(struct kms_text *url, const char *service, const char *region)
{
    kms_text_addf(url, "https://%s.%s.myhuaweicloud.%s", service, region,
                  strcmp(region, "eu-west-101") == 0 ? "eu" : "com");
}

/* The name in headers has no project: the id is of one key in the whole region, the
 * reply's is compared, and who opens may do so from another project, by a grant. */
static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_uri *uri = &target->uri;
    struct kms_huawei *own = target->own;
    struct kms_text url = { 0 };
    enum envelope_reason rc = check_uri(uri, err);

    (void)use;
    kms_text_addf(&target->name, "%s/%s", uri->authority, uri->path);
    own->region = uri->authority;
    own->project = kms_uri_get(uri, "project");
    target->key_id = uri->path;
    target->region = uri->authority;
    target->binds_labels = true;
    kms_huawei_url(&url, "kms", own->region);
    if (rc == ENVELOPE_OK && (target->name.failed || url.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = kms_target_endpoint(target, ENDPOINT_VARIABLE, kms_text_get(&url),
                                 err);
    kms_text_clear(&url);
    return rc;
}

/* Requests */

static enum envelope_reason
path(struct kms_text *path, const struct kms_call *call, struct envl_err *err)
{
    (void)err;
    kms_text_addf(path, "/v1.0/%s/kms/%s",
                  kms_text_get(&call->credentials.project),
                  call->asked->shape->actions[call->kind].name);
    return ENVELOPE_OK;
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    const struct kms_sign how = {
        .form = KMS_SIGN_SDK,
        .ctx = call->ctx,
        .credentials = &call->credentials,
    };

    kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "X-Project-Id", "%s",
                    kms_text_get(&call->credentials.project));
    return kms_sign(request, &how, now, err);
}

/* The gateway in front of it says 401 for a key that is wrong, a token that has
 * expired and a clock that is; after five of these it locks the key for minutes. */
static const struct kms_rule rules[] = {
    { "KMS.0205", 0, KMS_FAILED, "check region, project and key" },
    { "KMS.0208", 0, KMS_FAILED, "the labels or the header were changed" },
    { "KMS.0209", 0, KMS_FAILED, "enable the key" },
    { "KMS.0210", 0, KMS_FAILED, "cancel the deletion of the key" },
    { NULL, 401, KMS_DENIED, "check access key, secret, token and clock" },
    { NULL, 403, KMS_FAILED, "check whose credentials these are, and policy" },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "endpoint", "profile", "project",
                                          NULL };

#define AAD "additional_authenticated_data"

const struct kms_api kms_api_huawei = {
    .scheme = SCHEME,
    .parameters = parameters,
    .own_size = sizeof(struct kms_huawei),
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "encrypt-data",
                { KMS_FIELD("key_id", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("plain_text", KMS_PLAINTEXT, KMS_BASE64),
                  KMS_FIELD(AAD, KMS_NEW_LABELS, KMS_SHA256) },
                { KMS_FIELD("key_id", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("cipher_text", KMS_NEW_BLOB, KMS_TEXT) },
            },
            [KMS_DECRYPT] = {
                "decrypt-data",
                { KMS_FIELD("key_id", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("cipher_text", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD(AAD, KMS_LABELS, KMS_SHA256) },
                { KMS_FIELD("key_id", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("plain_text", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_REENCRYPT] = {
                "re-encrypt",
                { KMS_FIELD("source_key_id", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("source_" AAD, KMS_LABELS, KMS_SHA256),
                  KMS_FIELD("destination_key_id", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("destination_" AAD, KMS_NEW_LABELS, KMS_SHA256),
                  KMS_FIELD("cipher_text", KMS_BLOB, KMS_TEXT) },
                { KMS_FIELD("key_id", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("source_key_id", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("cipher_text", KMS_NEW_BLOB, KMS_TEXT) },
            },
        },
        .code_at = { "error.error_code", "error_code" },
        .message_at = { "error.error_msg", "error_msg" },
        .id_at = { "request_id" },
        .rules = rules,
    },
    .open = open_target,
    .path = path,
    .sign = sign,
    .credentials = kms_huawei_credentials,
};
