/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Key Management Service (API version 2014-11-01, AWS JSON 1.1): its
 * operations GenerateDataKey, Decrypt and ReEncrypt, as requests and replies.
 */
#include "kms/engine/service.h"

#include <openssl/crypto.h>

#include "kms/aws/error.h"
#include "kms/aws/target.h"
#include "kms/core/json.h"
#include "kms/engine/credentials.h"
#include "kms/http/exchange.h"
#include "kms/http/sign.h"

#define SIGNED_SERVICE "kms"
#define STATUS_OK 200
#define BLOB_LEN_MAX 6144

/* One operation, and where what it brings goes to. */
struct call {
    const struct kms_job *job;
    const struct kms_aws_target *target; /* who is asked */
    const char *operation;
    struct kms_text body; /* of the request */
    struct kms_credentials credentials;

    /* Take what is in the reply; a detail has no name of the service yet. */
    enum envelope_reason (*take)(const struct call *call,
                                 const struct kms_json *reply,
                                 struct envl_err *err);
    const struct envl_kms_wrapped *wrapped;  /* the header's, or NULL */
    const struct kms_aws_target *new_target; /* of made */
    struct envl_kms_wrapped *made;
    unsigned char *kek;
};

/* Replies */

static enum envelope_reason
take_kek(const struct call *call, const struct kms_json *reply,
         struct envl_err *err)
{
    if (kms_take_kek(call->kek, reply, "Plaintext"))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                     "the reply has no key of %d bytes", ENVL_KEK_LEN);
}

static enum envelope_reason
take_made(const struct call *call, const struct kms_json *reply,
          struct envl_err *err)
{
    const char *key = kms_json_text(reply, "KeyId");
    struct envl_kms_wrapped *made = call->made;
    enum envelope_reason rc;
    long len;

    rc = kms_aws_target_check_new(call->new_target, key, err);
    if (rc != ENVELOPE_OK)
        return rc;
    len = kms_json_octets(reply, "CiphertextBlob", made->blob, BLOB_LEN_MAX);
    if (len < 1 || !kms_set_key(made, key))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the reply has no encrypted key of 1 to %d bytes",
                         BLOB_LEN_MAX);
    made->blob_len = (size_t)len;
    made->has_context = call->job->labels_len > 0;
    return ENVELOPE_OK;
}

static enum envelope_reason
take_generated(const struct call *call, const struct kms_json *reply,
               struct envl_err *err)
{
    enum envelope_reason rc = take_made(call, reply, err);

    return rc == ENVELOPE_OK ? take_kek(call, reply, err) : rc;
}

static enum envelope_reason
take_decrypted(const struct call *call, const struct kms_json *reply,
               struct envl_err *err)
{
    enum envelope_reason rc = kms_aws_target_check_old(
        call->target, kms_json_text(reply, "KeyId"), call->wrapped->key, err);

    return rc == ENVELOPE_OK ? take_kek(call, reply, err) : rc;
}

static enum envelope_reason
take_rewrapped(const struct call *call, const struct kms_json *reply,
               struct envl_err *err)
{
    enum envelope_reason rc = kms_aws_target_check_old(
        call->target, kms_json_text(reply, "SourceKeyId"), call->wrapped->key,
        err);

    return rc == ENVELOPE_OK ? take_made(call, reply, err) : rc;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    const char *id = kms_text_get(&reply->headers[KMS_REPLY_REQUEST_ID]);
    const struct call *call = arg;
    struct kms_json *json = NULL;
    enum envelope_reason rc;
    struct envl_err inner;

    if (reply->status != STATUS_OK)
        return kms_aws_error(reply, err);
    rc = kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len,
                        &inner);
    if (rc == ENVELOPE_OK)
        rc = call->take(call, json, &inner);
    kms_json_free(json);
    if (rc == ENVELOPE_OK)
        return KMS_DONE;
    (void)envl_fail(err, rc, "awskms: %.300s%s%.60s%s", inner.detail,
                    *id != '\0' ? " (request " : "", id,
                    *id != '\0' ? ")" : "");
    return KMS_FAILED;
}

/* Requests */

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    const struct call *call = arg;
    const struct kms_world *world = call->job->world;

    kms_request_init(request, "POST", &call->target->endpoint, "/");
    kms_request_add(request, "Content-Type", "application/x-amz-json-1.1");
    kms_request_add(request, "X-Amz-Target", "TrentService.%s",
                    call->operation);
    kms_text_add_bytes(&request->body, call->body.data, call->body.len);
    request->tls.ca_file = world->variable(world->arg, "AWS_CA_BUNDLE");
    return kms_sign_aws4(request, call->job->ctx, &call->credentials,
                         kms_text_get(&call->target->region), SIGNED_SERVICE,
                         now, err);
}

static enum envelope_reason
get_credentials(void *arg, struct envl_err *err)
{
    struct call *call = arg;
    const struct kms_seeker seeker = {
        .world = call->job->world,
        .ctx = call->job->ctx,
        .profile = kms_uri_get(call->job->uri, "profile"),
    };

    kms_credentials_clear(&call->credentials);
    return kms_aws_credentials(&call->credentials, &seeker, err);
}

/* Send what is in the body so far, which is then gone. */
static enum envelope_reason
ask(struct call *call, struct envl_err *err)
{
    const struct kms_operation operation = {
        .arg = call,
        .build = build,
        .parse = parse,
        .refresh = get_credentials,
    };
    enum envelope_reason rc = ENVELOPE_OK;

    kms_json_end(&call->body);
    if (call->body.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = get_credentials(call, err);
    if (rc == ENVELOPE_OK)
        rc = kms_exchange(call->job->world, &operation, err);
    kms_credentials_clear(&call->credentials);
    kms_text_clear(&call->body);
    return rc;
}

/* The labels, if they are wanted. */
static void
add_context(struct kms_text *body, const char *name, const struct kms_job *job,
            bool wanted)
{
    if (wanted)
        kms_json_add_labels(body, name, job->labels, job->labels_len);
}

/* Targets */

/* Who is asked to encrypt, or, with wrapped, to decrypt that. */
static enum envelope_reason
find_target(struct kms_aws_target *target, const struct kms_world *world,
            const struct kms_uri *uri, const struct envl_kms_wrapped *wrapped,
            struct envl_err *err)
{
    enum envl_kms_use use =
        wrapped != NULL ? ENVL_KMS_IDENTITY : ENVL_KMS_RECIPIENT;
    enum envelope_reason rc = kms_aws_target_read(target, world, uri, use, err);

    if (rc == ENVELOPE_OK && wrapped != NULL
        && !kms_aws_target_matches(target, wrapped->key))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       "awskms: the header's key is not one that may be asked "
                       "for: %.200s",
                       wrapped->key);
    if (rc == ENVELOPE_OK)
        rc = kms_aws_target_connect(target, world,
                                    wrapped != NULL ? wrapped->key : NULL, err);
    return rc;
}

/* Can this be what the service once made for these labels? */
static enum envelope_reason
check_wrapped(const struct envl_kms_wrapped *wrapped, struct envl_err *err)
{
    if (wrapped->blob_len < 1 || wrapped->blob_len > BLOB_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "awskms: the encrypted key in the header has %zu "
                         "bytes, and the service takes 1 to %d",
                         wrapped->blob_len, BLOB_LEN_MAX);
    return ENVELOPE_OK;
}

/* The service */

static enum envelope_reason
check(const struct kms_world *world, const struct kms_uri *uri,
      enum envl_kms_use use, struct envl_err *err)
{
    struct kms_aws_target target;
    enum envelope_reason rc =
        kms_aws_target_read(&target, world, uri, use, err);

    if (rc == ENVELOPE_OK)
        rc = kms_aws_target_connect(&target, world, NULL, err);
    kms_aws_target_clear(&target);
    return rc;
}

static bool
matches(const struct kms_world *world, const struct kms_uri *uri,
        const char *key)
{
    struct kms_aws_target target;
    struct envl_err ignored;
    bool yes =
        kms_aws_target_read(&target, world, uri, ENVL_KMS_IDENTITY, &ignored)
            == ENVELOPE_OK
        && kms_aws_target_matches(&target, key);

    kms_aws_target_clear(&target);
    return yes;
}

static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct kms_job *job, struct envl_err *err)
{
    struct kms_aws_target target;
    struct call call = {
        .job = job,
        .target = &target,
        .operation = "GenerateDataKey",
        .take = take_generated,
        .new_target = &target,
        .made = made,
        .kek = kek,
    };
    enum envelope_reason rc =
        find_target(&target, job->world, job->uri, NULL, err);

    if (rc == ENVELOPE_OK) {
        kms_json_begin(&call.body);
        kms_json_add(&call.body, "KeyId", target.key_id);
        kms_json_add(&call.body, "KeySpec", "AES_256");
        add_context(&call.body, "EncryptionContext", job, job->labels_len > 0);
        rc = ask(&call, err);
    }
    if (rc != ENVELOPE_OK)
        OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    kms_aws_target_clear(&target);
    return rc;
}

static enum envelope_reason
unwrap(unsigned char kek[ENVL_KEK_LEN], const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, struct envl_err *err)
{
    struct kms_aws_target target;
    struct call call = {
        .job = job,
        .target = &target,
        .operation = "Decrypt",
        .take = take_decrypted,
        .wrapped = wrapped,
        .kek = kek,
    };
    enum envelope_reason rc =
        find_target(&target, job->world, job->uri, wrapped, err);

    if (rc == ENVELOPE_OK)
        rc = check_wrapped(wrapped, err);
    if (rc == ENVELOPE_OK) {
        kms_json_begin(&call.body);
        kms_json_add(&call.body, "KeyId", target.key_id);
        kms_json_add_base64(&call.body, "CiphertextBlob", wrapped->blob,
                            wrapped->blob_len);
        add_context(&call.body, "EncryptionContext", job, wrapped->has_context);
        rc = ask(&call, err);
    }
    if (rc != ENVELOPE_OK)
        OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    kms_aws_target_clear(&target);
    return rc;
}

static enum envelope_reason
ask_to_rewrap(struct call *call, struct envl_err *err)
{
    const struct envl_kms_wrapped *wrapped = call->wrapped;
    const struct kms_job *job = call->job;
    struct kms_text *body = &call->body;

    if (!kms_aws_target_same_place(call->target, call->new_target))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "awskms: the old and the new key are in different "
                         "regions, or belong to different profiles or "
                         "endpoints: rewrap without --by-service");
    kms_json_begin(body);
    kms_json_add(body, "SourceKeyId", call->target->key_id);
    kms_json_add(body, "DestinationKeyId", call->new_target->key_id);
    kms_json_add_base64(body, "CiphertextBlob", wrapped->blob,
                        wrapped->blob_len);
    add_context(body, "SourceEncryptionContext", job, wrapped->has_context);
    add_context(body, "DestinationEncryptionContext", job, job->labels_len > 0);
    return ask(call, err);
}

static enum envelope_reason
rewrap(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, const struct kms_uri *to,
       struct envl_err *err)
{
    struct kms_aws_target target, new_target = { 0 };
    struct call call = {
        .job = job,
        .target = &target,
        .operation = "ReEncrypt",
        .take = take_rewrapped,
        .wrapped = wrapped,
        .new_target = &new_target,
        .made = made,
    };
    enum envelope_reason rc =
        find_target(&target, job->world, job->uri, wrapped, err);

    if (rc == ENVELOPE_OK)
        rc = check_wrapped(wrapped, err);
    if (rc == ENVELOPE_OK)
        rc = find_target(&new_target, job->world, to, NULL, err);
    if (rc == ENVELOPE_OK)
        rc = ask_to_rewrap(&call, err);
    kms_aws_target_clear(&new_target);
    kms_aws_target_clear(&target);
    return rc;
}

static const char *const parameters[] = { "account+", "endpoint", "partition",
                                          "profile",  "region+",  NULL };

const struct kms_service kms_service_aws = {
    .scheme = "awskms",
    .parameters = parameters,
    .check = check,
    .matches = matches,
    .generate = generate,
    .unwrap = unwrap,
    .rewrap = rewrap,
};
