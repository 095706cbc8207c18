/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Google Cloud KMS (API v1, REST) as a table.  It makes no keys: it encrypts one of
 * ours, and says with checksums that what it got is what was sent.
 * Source: google/cloud/kms/v1/service.proto, "Data integrity guidelines".
 */
#include <string.h>

#include "kms/cloud/google_credentials.h"
#include "kms/engine/api.h"
#include "kms/engine/target.h"

#define SCHEME "gcpkms"
#define ENDPOINT_VARIABLE "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS"
#define VERSION "/cryptoKeyVersions/"

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz" DIGITS "-"
#define NAME LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* The parts of a key's name, one after the other.  Old projects have a domain and a
 * colon in front. */
static bool
is_key_name(const char *name)
{
    static const char *const parts[][2] = {
        { "projects/", LOWER ".:" },
        { "/locations/", LOWER },
        { "/keyRings/", NAME },
        { "/cryptoKeys/", NAME },
    };
    size_t i, len;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        len = strlen(parts[i][0]);
        if (strncmp(name, parts[i][0], len) != 0)
            return false;
        name += len;
        len = strspn(name, parts[i][1]);
        /* No "." or "..", which would lead up the path. */
        if (len == 0 || *name == '.')
            return false;
        name += len;
    }
    return *name == '\0';
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_uri *uri = &target->uri;
    struct kms_text *name = &target->name;

    (void)use;
    kms_text_addf(name, "%s%s%s", uri->authority,
                  *uri->authority != '\0' ? "/" : "", uri->path);
    if (name->failed)
        return envl_fail_memory(err);
    target->key_id = kms_text_get(name);
    target->profile = kms_uri_get(uri, "credentials");
    target->binds_labels = true;
    if (is_key_name(target->key_id) && name->len <= ENVL_KMS_KEY_LEN_MAX)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, SCHEME "://%.200s: %s",
                     target->key_id,
                     strstr(target->key_id, VERSION) != NULL
                         ? "name the key without its version"
                         : "the URI of a key is " SCHEME
                           "://projects/P/locations/L/keyRings/R/cryptoKeys/K");
}

/* The user's, or the one of the universe that the credentials are for. */
static enum envelope_reason
aim(struct kms_target *target, const char *key, struct envl_err *err)
{
    const struct kms_seeker seeker = { .world = target->world,
                                       .profile = target->profile };
    struct kms_text universe = { 0 }, url = { 0 };
    enum envelope_reason rc = kms_google_universe(&universe, &seeker, err);

    (void)key;
    kms_text_addf(&url, "https://cloudkms.%s", kms_text_get(&universe));
    if (rc == ENVELOPE_OK && url.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = kms_target_endpoint(target, ENDPOINT_VARIABLE, kms_text_get(&url),
                                 err);
    kms_text_clear(&url);
    kms_text_clear(&universe);
    return rc;
}

/* A reply to encrypt names the version, too. */
static enum envelope_reason
is_key(const struct kms_call *call, enum kms_what what, const char *said,
       struct envl_err *err)
{
    const char *name = call->to->key_id;
    const size_t len = strlen(name), between = strlen(VERSION);
    const char *number = said + len + between;

    (void)what;
    if (strncmp(said, name, len) == 0
        && strncmp(said + len, VERSION, between) == 0 && *number != '\0'
        && number[strspn(number, DIGITS)] == '\0')
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the reply is about another key, %.110s, than %.110s",
                     said, name);
}

static enum envelope_reason
path(struct kms_text *path, const struct kms_call *call, struct envl_err *err)
{
    (void)err;
    kms_text_addf(path, "/v1/%s:%s", call->asked->key_id,
                  call->asked->shape->actions[call->kind].name);
    return ENVELOPE_OK;
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    const char *project = kms_text_get(&call->credentials.id);

    (void)now;
    (void)err;
    kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "Authorization", "Bearer %s",
                    kms_text_get(&call->credentials.token));
    if (*project != '\0')
        kms_request_add(request, "X-Goog-User-Project", "%s", project);
    return ENVELOPE_OK;
}

static const struct kms_rule rules[] = {
    { "DEADLINE_EXCEEDED", 0, KMS_RETRY, NULL },
    { "FAILED_PRECONDITION", 0, KMS_FAILED,
      "the key's version may be disabled or destroyed" },
    { "INVALID_ARGUMENT", 0, KMS_FAILED,
      "it is not this key, or the labels or the header were changed" },
    { "NOT_FOUND", 0, KMS_FAILED, "check project, location, ring and key" },
    { "PERMISSION_DENIED", 0, KMS_FAILED,
      "check whose credentials these are, and their role for the key" },
    { "RESOURCE_EXHAUSTED", 0, KMS_RETRY_SLOWLY,
      "the service is asked too often" },
    { "UNAUTHENTICATED", 0, KMS_EXPIRED, "renew the credentials" },
    { "UNAVAILABLE", 0, KMS_RETRY, NULL },
    { NULL, 401, KMS_EXPIRED, "renew the credentials" },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "credentials", "endpoint", NULL };

#define AAD "additionalAuthenticatedData"

const struct kms_api kms_api_google = {
    .scheme = SCHEME,
    .parameters = parameters,
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "encrypt",
                { KMS_FIELD("plaintext", KMS_PLAINTEXT, KMS_BASE64),
                  KMS_FIELD("plaintextCrc32c", KMS_PLAINTEXT, KMS_CRC32C),
                  KMS_FIELD(AAD, KMS_NEW_LABELS, KMS_BASE64),
                  KMS_FIELD(AAD "Crc32c", KMS_NEW_LABELS, KMS_CRC32C) },
                { KMS_FIELD("name", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("ciphertext", KMS_NEW_BLOB, KMS_BASE64),
                  KMS_FIELD("ciphertextCrc32c", KMS_NEW_BLOB, KMS_CRC32C),
                  KMS_FIELD("verifiedPlaintextCrc32c", KMS_FLAG, KMS_JSON),
                  KMS_FIELD("verifiedAdditionalAuthenticatedDataCrc32c",
                            KMS_NEW_LABELS, KMS_JSON) },
            },
            [KMS_DECRYPT] = {
                "decrypt",
                { KMS_FIELD("ciphertext", KMS_BLOB, KMS_BASE64),
                  KMS_FIELD("ciphertextCrc32c", KMS_BLOB, KMS_CRC32C),
                  KMS_FIELD(AAD, KMS_LABELS, KMS_BASE64),
                  KMS_FIELD(AAD "Crc32c", KMS_LABELS, KMS_CRC32C) },
                { KMS_FIELD("plaintext", KMS_PLAINTEXT, KMS_BASE64),
                  KMS_FIELD("plaintextCrc32c", KMS_PLAINTEXT, KMS_CRC32C) },
            },
        },
        .code_at = { "error.status" },
        .message_at = { "error.message" },
        .rules = rules,
    },
    .open = open_target,
    .aim = aim,
    .is_key = is_key,
    .path = path,
    .sign = sign,
    .credentials = kms_google_credentials,
};
