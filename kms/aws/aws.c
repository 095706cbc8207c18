/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Key Management Service (API version 2014-11-01, AWS JSON 1.1) as a table.
 * Sources of the errors: the model of KMS, AWS's "Common errors", botocore's
 * _retry.json.
 */
#include <string.h>

#include "kms/aws/target.h"
#include "kms/engine/api.h"
#include "kms/http/sign.h"

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_world *world = target->world;
    struct kms_aws_target *own = target->own;

    target->binds_labels = true;
    return kms_aws_target_read(own, world, &target->uri, use, err);
}

static void
close_target(struct kms_target *target)
{
    kms_aws_target_clear(target->own);
}

static enum envelope_reason
aim(struct kms_target *target, const char *arn, struct envl_err *err)
{
    struct kms_aws_target *own = target->own;
    enum envelope_reason rc =
        kms_aws_target_connect(own, &target->endpoint, target->world, arn, err);

    target->key_id = own->key_id;
    target->region = kms_text_get(&own->region);
    target->tls.ca_file =
        own->ca_file.len > 0 ? kms_text_get(&own->ca_file) : NULL;
    return rc;
}

static bool
matches(const struct kms_target *target, const char *arn)
{
    return kms_aws_target_matches(target->own, arn);
}

static enum envelope_reason
is_key(const struct kms_call *call, enum kms_what what, const char *said,
       struct envl_err *err)
{
    return what == KMS_NEW_KEY
               ? kms_aws_target_check(call->to->own, said, NULL, err)
               : kms_aws_target_check(call->from->own, said, call->wrapped->key,
                                      err);
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    const struct kms_sign how = {
        .form = KMS_SIGN_AWS4,
        .ctx = call->ctx,
        .credentials = &call->credentials,
        .region = call->asked->region,
        .service = "kms",
    };

    kms_request_add(request, "Content-Type", "application/x-amz-json-1.1");
    kms_request_add(request, "X-Amz-Target", "TrentService.%s",
                    call->action->name);
    return kms_sign(request, &how, now, err);
}

/* A replica may not be there. */
static void
advise(const struct kms_call *call, const char *code, struct envl_err *err)
{
    if (call->wrapped != NULL && strcmp(code, "NotFoundException") == 0)
        kms_aws_target_advise(call->from->own, call->wrapped->key, err);
}

#define BUSY "the service is asked too often"
#define CLOCK "check this machine's clock"
#define KEY_ID "check the access key id and the session token"
#define POLICY "check whose credentials these are, and the key's policy"
#define SECRET "check the secret access key, and this machine's clock"
#define STATE "check the key's state"
#define WRONG "it is not this key, or the labels or the header were changed"

static const struct kms_rule rules[] = {
    { "AccessDenied", 0, KMS_FAILED, POLICY },
    { "AccessDeniedException", 0, KMS_FAILED, POLICY },
    { "BandwidthLimitExceeded", 0, KMS_RETRY_SLOWLY, BUSY },
    { "DependencyTimeoutException", 0, KMS_RETRY, NULL },
    { "DisabledException", 0, KMS_FAILED, "the key has to be enabled" },
    { "ExpiredToken", 0, KMS_EXPIRED, "renew the credentials" },
    { "ExpiredTokenException", 0, KMS_EXPIRED, "renew the credentials" },
    { "IncorrectKeyException", 0, KMS_FAILED, WRONG },
    { "InvalidCiphertextException", 0, KMS_FAILED, WRONG },
    { "InvalidClientTokenId", 0, KMS_FAILED, KEY_ID },
    { "InvalidGrantTokenException", 0, KMS_FAILED, NULL },
    { "InvalidKeyUsageException", 0, KMS_FAILED,
      "the key has to be a symmetric one, to encrypt and decrypt with" },
    { "InvalidSignatureException", 0, KMS_SKEWED, SECRET },
    { "KMSInternalException", 0, KMS_RETRY, NULL },
    { "KMSInvalidStateException", 0, KMS_FAILED, STATE },
    { "KeyUnavailableException", 0, KMS_RETRY, NULL },
    { "LimitExceededException", 0, KMS_RETRY_SLOWLY, BUSY },
    { "NotFoundException", 0, KMS_FAILED, "check key, account and region" },
    { "PriorRequestNotComplete", 0, KMS_RETRY_SLOWLY, BUSY },
    { "RequestExpired", 0, KMS_SKEWED, CLOCK },
    { "RequestInTheFuture", 0, KMS_SKEWED, CLOCK },
    { "RequestLimitExceeded", 0, KMS_RETRY_SLOWLY, BUSY },
    { "RequestThrottled", 0, KMS_RETRY_SLOWLY, BUSY },
    { "RequestThrottledException", 0, KMS_RETRY_SLOWLY, BUSY },
    { "RequestTimeTooSkewed", 0, KMS_SKEWED, CLOCK },
    { "RequestTimeout", 0, KMS_RETRY, NULL },
    { "RequestTimeoutException", 0, KMS_RETRY, NULL },
    { "SignatureDoesNotMatch", 0, KMS_SKEWED, SECRET },
    { "SlowDown", 0, KMS_RETRY_SLOWLY, BUSY },
    { "ThrottledException", 0, KMS_RETRY_SLOWLY, BUSY },
    { "Throttling", 0, KMS_RETRY_SLOWLY, BUSY },
    { "ThrottlingException", 0, KMS_RETRY_SLOWLY, BUSY },
    { "TooManyRequestsException", 0, KMS_RETRY_SLOWLY, BUSY },
    { "UnrecognizedClientException", 0, KMS_FAILED, KEY_ID },
    { "ValidationException", 0, KMS_FAILED, NULL },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "account+", "endpoint", "partition",
                                          "profile",  "region+",  NULL };

const struct kms_api kms_api_aws = {
    .scheme = "awskms",
    .parameters = parameters,
    .own_size = sizeof(struct kms_aws_target),
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "GenerateDataKey",
                { KMS_FIELD("KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_CONSTANT("KeySpec", KMS_TEXT, "AES_256"),
                  KMS_FIELD("EncryptionContext", KMS_NEW_LABELS, KMS_OBJECT) },
                { KMS_FIELD("KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("CiphertextBlob", KMS_NEW_BLOB, KMS_BASE64),
                  KMS_FIELD("Plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_DECRYPT] = {
                "Decrypt",
                { KMS_FIELD("KeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("CiphertextBlob", KMS_BLOB, KMS_BASE64),
                  KMS_FIELD("EncryptionContext", KMS_LABELS, KMS_OBJECT) },
                { KMS_FIELD("KeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("Plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_REENCRYPT] = {
                "ReEncrypt",
                { KMS_FIELD("SourceKeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("DestinationKeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("CiphertextBlob", KMS_BLOB, KMS_BASE64),
                  KMS_FIELD("SourceEncryptionContext", KMS_LABELS, KMS_OBJECT),
                  KMS_FIELD("DestinationEncryptionContext", KMS_NEW_LABELS, KMS_OBJECT) },
                { KMS_FIELD("SourceKeyId", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("KeyId", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("CiphertextBlob", KMS_NEW_BLOB, KMS_BASE64) },
            },
        },
        .code_at = { "__type", "code", "Code" },
        .message_at = { "message", "Message" },
        .rules = rules,
    },
    .blob_max = 6144,
    .is_smithy = true,
    .open = open_target,
    .close = close_target,
    .aim = aim,
    .matches = matches,
    .is_key = is_key,
    .advise = advise,
    .sign = sign,
    .credentials = kms_aws_credentials,
};
