/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tencent Cloud KMS: its URIs, and three actions of its API 2019-01-18.
 * Every reply comes with status 200, also one that says no.
 */
#include <stdio.h>
#include <string.h>

#include "kms/core/json.h"
#include "kms/engine/credentials.h"
#include "kms/engine/service.h"
#include "kms/engine/text_blob.h"
#include "kms/http/exchange.h"

#define SCHEME "tencentkms"
#define ENDPOINT "https://kms.tencentcloudapi.com"
#define ENDPOINT_VARIABLE "TENCENTCLOUD_KMS_ENDPOINT"
#define API_VERSION "2019-01-18"

#define REGION_LEN_MAX 64
#define KEY_ID_LEN_MAX 128
#define CONTEXT_LEN_MAX 1024

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* URIs: tencentkms://REGION/KEYID */

/* Two or three letters, then one or more of "-" with letters and digits. */
static bool
is_region(const char *text)
{
    size_t len = strspn(text, LOWER), part;

    if (len < 2 || len > 3 || strlen(text) > REGION_LEN_MAX)
        return false;
    do {
        text += len;
        if (*text++ != '-')
            return false;
        len = part = strspn(text, LOWER DIGITS);
    } while (part > 0 && text[part] != '\0');
    return part > 0;
}

static bool
is_key_id(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= KEY_ID_LEN_MAX
           && strspn(text, UPPER LOWER DIGITS "-") == len;
}

static const char *
endpoint_url(const struct kms_world *world, const struct kms_uri *uri)
{
    const char *url = kms_uri_get(uri, "endpoint");

    if (url == NULL)
        url = world->variable(world->arg, ENDPOINT_VARIABLE);
    return url != NULL ? url : ENDPOINT;
}

static enum envelope_reason
check(const struct kms_world *world, const struct kms_uri *uri,
      enum envl_kms_use use, struct envl_err *err)
{
    struct kms_endpoint endpoint = { 0 };
    enum envelope_reason rc;

    (void)use;
    if (!is_region(uri->authority))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.80s/: no region such as ap-guangzhou",
                         uri->authority);
    if (*uri->path == '\0')
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/: name the key, " SCHEME "://%s/KEYID",
                         uri->authority, uri->authority);
    if (!is_key_id(uri->path))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/%.160s: an identifier of a key has "
                                "letters, digits and hyphens",
                         uri->authority, uri->path);
    rc = kms_endpoint_parse(&endpoint, endpoint_url(world, uri), false, err);
    kms_endpoint_clear(&endpoint);
    return rc;
}

static bool
matches(const struct kms_world *world, const struct kms_uri *uri,
        const char *key)
{
    size_t len = strlen(uri->authority);

    (void)world;
    return strncmp(key, uri->authority, len) == 0 && key[len] == '/'
           && strcmp(key + len + 1, uri->path) == 0;
}

/* Requests */

struct call {
    const struct kms_job *job;
    const char *action;
    const struct kms_uri *key;    /* that the reply has to name */
    const struct kms_uri *source; /* the same of the old key, or NULL */
    struct kms_endpoint endpoint;
    struct kms_credentials credentials;
    struct kms_text body;
    /* Where what the reply brings goes, or NULL. */
    unsigned char *kek;
    struct envl_kms_wrapped *made;
};

static enum envelope_reason
refresh(void *arg, struct envl_err *err)
{
    struct call *call = arg;
    const struct kms_seeker seeker = {
        .world = call->job->world,
        .ctx = call->job->ctx,
        .profile = kms_uri_get(call->job->uri, "profile"),
    };

    return kms_tencent_credentials(&call->credentials, &seeker, err);
}

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    const struct call *call = arg;

    kms_request_init(request, "POST", &call->endpoint, "/");
    kms_request_add(request, "Content-Type", "application/json; charset=utf-8");
    kms_request_add(request, "X-TC-Action", "%s", call->action);
    kms_request_add(request, "X-TC-Version", API_VERSION);
    kms_request_add(request, "X-TC-Region", "%s", call->job->uri->authority);
    kms_text_set(&request->body, kms_text_get(&call->body));
    return kms_sign_tc3(request, call->job->ctx, &call->credentials, "kms", now,
                        err);
}

/* The labels as JSON, which the API takes as a string and compares byte by
 * byte.  Returns the length of that JSON. */
static size_t
add_context(struct kms_text *body, const char *name, const struct kms_job *job)
{
    struct kms_text context = { 0 };
    size_t len;

    kms_json_labels(&context, job->labels, job->labels_len);
    kms_json_add(body, name, kms_text_get(&context));
    body->failed = body->failed || context.failed;
    len = context.len;
    kms_text_clear(&context);
    return len;
}

/* Replies */

/* json is NULL where the reply is none. */
static const char *
request_id(const struct kms_json *json)
{
    return json != NULL ? kms_json_text(json, "Response.RequestId") : NULL;
}

static enum kms_outcome
fail(enum envelope_reason reason, const char *what, const struct kms_json *json,
     struct envl_err *err)
{
    kms_fail_service(err, reason, SCHEME, NULL, what, request_id(json));
    return KMS_FAILED;
}

static bool
names(const struct kms_json *json, const char *path, const struct kms_uri *uri)
{
    const char *id = kms_json_text(json, path);

    return id != NULL && strcmp(id, uri->path) == 0;
}

static int
take_wrapped(const struct call *call, const struct kms_json *json)
{
    char name[REGION_LEN_MAX + 1 + KEY_ID_LEN_MAX + 1];

    (void)snprintf(name, sizeof(name), "%s/%s", call->key->authority,
                   call->key->path);
    return kms_text_blob_set(call->made,
                             kms_json_text(json, "Response.CiphertextBlob"))
           && kms_set_key(call->made, name);
}

static enum kms_outcome
take(const struct call *call, const struct kms_json *json, struct envl_err *err)
{
    if (!names(json, "Response.KeyId", call->key)
        || (call->source != NULL
            && !names(json, "Response.SourceKeyId", call->source)))
        return fail(ENVELOPE_R_KEY_SERVICE_REFUSED,
                    "the reply is about another key than the URI", json, err);
    if (call->made != NULL && !take_wrapped(call, json))
        return fail(ENVELOPE_R_KEY_SERVICE,
                    "the reply has no encrypted key that can be kept", json,
                    err);
    if (call->kek != NULL
        && !kms_take_kek(call->kek, json, "Response.Plaintext"))
        return fail(ENVELOPE_R_KEY_SERVICE, "the reply has no key of 32 bytes",
                    json, err);
    return KMS_DONE;
}

/* The first that is the code or begins it, up to a dot. */
static enum kms_outcome
outcome_of_code(const char *code)
{
    static const struct {
        const char *code;
        enum kms_outcome outcome;
    } known[] = {
        { "InternalError", KMS_RETRY },
        { "RequestLimitExceeded", KMS_RETRY_SLOWLY },
        { "AuthFailure.SignatureExpire", KMS_SKEWED },
        { "AuthFailure.TokenFailure", KMS_EXPIRED },
    };
    size_t i, len;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        len = strlen(known[i].code);
        if (strncmp(code, known[i].code, len) == 0
            && (code[len] == '\0' || code[len] == '.'))
            return known[i].outcome;
    }
    return KMS_FAILED;
}

/* What stands in front of the service answers with statuses. */
static enum kms_outcome
outcome_of_status(int status)
{
    switch (status) {
    case 429:
        return KMS_RETRY_SLOWLY;
    case 500:
    case 502:
    case 503:
    case 504:
        return KMS_RETRY;
    default:
        return KMS_FAILED;
    }
}

static enum kms_outcome
take_error(const struct kms_json *json, const struct kms_reply *reply,
           struct envl_err *err)
{
    enum kms_outcome outcome = KMS_FAILED;
    const char *code = NULL, *message = NULL;
    char status[32];

    if (json != NULL) {
        code = kms_json_text(json, "Response.Error.Code");
        message = kms_json_text(json, "Response.Error.Message");
    }
    if (code != NULL)
        outcome = outcome_of_code(code);
    if (outcome == KMS_FAILED)
        outcome = outcome_of_status(reply->status);
    if (code == NULL) {
        (void)snprintf(status, sizeof(status), "status %d", reply->status);
        code = status;
    }
    kms_fail_service(err,
                     outcome == KMS_RETRY || outcome == KMS_RETRY_SLOWLY
                         ? ENVELOPE_R_KEY_SERVICE
                         : ENVELOPE_R_KEY_SERVICE_REFUSED,
                     SCHEME, code, message, request_id(json));
    return outcome;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    const struct call *call = arg;
    struct kms_json *json = NULL;
    struct envl_err why;
    enum kms_outcome outcome;
    enum envelope_reason rc;

    rc = kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len,
                        &why);
    if (rc == ENVELOPE_R_MEMORY) {
        envl_fail_memory(err);
        return KMS_FAILED;
    }
    if (reply->status != 200
        || (json != NULL && kms_json_has(json, "Response.Error")))
        outcome = take_error(json, reply, err);
    else if (json != NULL)
        outcome = take(call, json, err);
    else
        outcome = fail(rc, why.detail, NULL, err);
    kms_json_free(json);
    return outcome;
}

/* Actions */

static enum envelope_reason
ask(struct call *call, struct envl_err *err)
{
    const struct kms_operation operation = {
        .arg = call,
        .build = build,
        .parse = parse,
        .refresh = refresh,
    };
    const struct kms_world *world = call->job->world;
    enum envelope_reason rc;

    if (call->body.failed)
        return envl_fail_memory(err);
    rc = kms_endpoint_parse(&call->endpoint,
                            endpoint_url(world, call->job->uri), false, err);
    if (rc == ENVELOPE_OK)
        rc = refresh(call, err);
    if (rc == ENVELOPE_OK)
        rc = kms_exchange(world, &operation, err);
    kms_credentials_clear(&call->credentials);
    kms_endpoint_clear(&call->endpoint);
    return rc;
}

static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct kms_job *job, struct envl_err *err)
{
    struct call call = {
        .job = job,
        .action = "GenerateDataKey",
        .key = job->uri,
        .kek = kek,
        .made = made,
    };
    enum envelope_reason rc;
    size_t len = 0;

    made->has_context = job->labels_len > 0;
    kms_json_begin(&call.body);
    kms_json_add(&call.body, "KeyId", job->uri->path);
    kms_json_add(&call.body, "KeySpec", "AES_256");
    if (made->has_context)
        len = add_context(&call.body, "EncryptionContext", job);
    kms_json_end(&call.body);
    if (len > CONTEXT_LEN_MAX)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       SCHEME ": the labels make an encryption context of %zu "
                              "bytes, and %d is the most: use fewer labels",
                       len, CONTEXT_LEN_MAX);
    else
        rc = ask(&call, err);
    kms_text_clear(&call.body);
    return rc;
}

static enum envelope_reason
unwrap(unsigned char kek[ENVL_KEK_LEN], const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, struct envl_err *err)
{
    struct call call = {
        .job = job,
        .action = "Decrypt",
        .key = job->uri,
        .kek = kek,
    };
    struct kms_text blob = { 0 };
    enum envelope_reason rc = kms_text_blob_get(&blob, wrapped, err);

    kms_json_begin(&call.body);
    kms_json_add(&call.body, "CiphertextBlob", kms_text_get(&blob));
    if (wrapped->has_context)
        (void)add_context(&call.body, "EncryptionContext", job);
    kms_json_end(&call.body);
    if (rc == ENVELOPE_OK)
        rc = ask(&call, err);
    kms_text_clear(&call.body);
    kms_text_clear(&blob);
    return rc;
}

/* One request, with the credentials of the URI that opens the key. */
static enum envelope_reason
rewrap(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, const struct kms_uri *to,
       struct envl_err *err)
{
    struct call call = {
        .job = job,
        .action = "ReEncrypt",
        .key = to,
        .source = job->uri,
        .made = made,
    };
    struct kms_text blob = { 0 };
    enum envelope_reason rc;

    if (strcmp(to->authority, job->uri->authority) != 0
        || strcmp(endpoint_url(job->world, to),
                  endpoint_url(job->world, job->uri))
               != 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%s/: the service encrypts anew within one "
                                "region and endpoint only: rewrap without "
                                "--by-service",
                         to->authority);
    rc = kms_text_blob_get(&blob, wrapped, err);
    made->has_context = wrapped->has_context;
    kms_json_begin(&call.body);
    kms_json_add(&call.body, "CiphertextBlob", kms_text_get(&blob));
    kms_json_add(&call.body, "DestinationKeyId", to->path);
    if (wrapped->has_context) {
        (void)add_context(&call.body, "SourceEncryptionContext", job);
        (void)add_context(&call.body, "DestinationEncryptionContext", job);
    }
    kms_json_end(&call.body);
    if (rc == ENVELOPE_OK)
        rc = ask(&call, err);
    kms_text_clear(&call.body);
    kms_text_clear(&blob);
    return rc;
}

static const char *const parameters[] = { "endpoint", "profile", NULL };

const struct kms_service kms_service_tencent = {
    .scheme = SCHEME,
    .parameters = parameters,
    .check = check,
    .matches = matches,
    .generate = generate,
    .unwrap = unwrap,
    .rewrap = rewrap,
};
