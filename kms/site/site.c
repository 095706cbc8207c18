/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpkms://NAME/KEY: any service that takes and gives JSON over HTTPS, as a
 * section of kms.conf describes it.
 */
#include "kms/site/site.h"

#include <stdio.h>
#include <string.h>

#include "kms/core/json.h"
#include "kms/engine/text_blob.h"
#include "kms/http/exchange.h"

static const char *
get(const struct kms_http_call *call, enum kms_http_setting setting)
{
    return kms_section_get(&call->section, setting);
}

/* The section */

static enum envelope_reason
check_settings(const struct kms_http_call *call, struct envl_err *err)
{
    static const enum kms_http_setting needed[] = { KMS_HTTP_URL,
                                                    KMS_HTTP_REQUEST_BLOB,
                                                    KMS_HTTP_REPLY_PLAINTEXT,
                                                    KMS_HTTP_REPLY_BLOB };
    size_t i;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (*get(call, needed[i]) == '\0')
            return kms_section_fail(&call->section, needed[i], "is missing",
                                    err);
    }
    if ((*get(call, KMS_HTTP_CERTIFICATE) == '\0')
        != (*get(call, KMS_HTTP_PRIVATE_KEY) == '\0'))
        return kms_section_fail(&call->section, KMS_HTTP_CERTIFICATE,
                                "goes together with private-key", err);
    return ENVELOPE_OK;
}

/* What is wrong with an endpoint does not say where it stands. */
static enum envelope_reason
read_url(struct kms_http_call *call, struct envl_err *err)
{
    struct envl_err why;
    enum envelope_reason rc = kms_endpoint_parse(
        &call->endpoint, get(call, KMS_HTTP_URL), false, &why);

    if (rc == ENVELOPE_R_UNREADABLE_KEY)
        return kms_section_fail(&call->section, KMS_HTTP_URL, why.detail, err);
    return rc == ENVELOPE_OK ? rc : envl_fail(err, rc, "%s", why.detail);
}

/* The caller closes it, also after a failure. */
static enum envelope_reason
call_open(struct kms_http_call *call, const struct kms_world *world,
          const struct kms_uri *uri, struct envl_err *err)
{
    enum envelope_reason rc;

    memset(call, 0, sizeof(*call));
    call->world = world;
    call->signing.section = &call->section;
    rc = kms_section_read(&call->section, kms_http_settings, world, uri, err);
    if (rc == ENVELOPE_OK)
        rc = check_settings(call, err);
    if (rc == ENVELOPE_OK)
        rc = read_url(call, err);
    if (rc == ENVELOPE_OK)
        rc = kms_signer_find(&call->signer, &call->section, err);
    if (rc == ENVELOPE_OK)
        rc = kms_section_key(&call->key, &call->section, uri, err);
    return rc;
}

static void
call_close(struct kms_http_call *call)
{
    kms_text_clear(&call->body);
    kms_text_clear(&call->path);
    kms_signing_clear(&call->signing);
    kms_endpoint_clear(&call->endpoint);
    kms_text_clear(&call->blob);
    kms_text_clear(&call->to);
    kms_text_clear(&call->key);
    kms_section_clear(&call->section);
}

/* The reply */

/* The string at a path that a setting names, if it names one. */
static const char *
text_at(const struct kms_http_call *call, const struct kms_json *json,
        enum kms_http_setting setting)
{
    const char *path = get(call, setting);

    return json != NULL && *path != '\0' ? kms_json_text(json, path) : NULL;
}

static enum envelope_reason
fail_reply(const struct kms_http_call *call, enum envelope_reason reason,
           const char *code, const struct kms_reply *reply,
           const struct kms_json *json, struct envl_err *err)
{
    char service[sizeof("httpkms://") + KMS_SECTION_NAME_LEN_MAX];
    const char *id = text_at(call, json, KMS_HTTP_REPLY_ID);

    (void)snprintf(service, sizeof(service), "httpkms://%s",
                   call->section.name);
    if (id == NULL)
        id = kms_text_get(&reply->headers[KMS_REPLY_REQUEST_ID]);
    return kms_fail_service(err, reason, service, code,
                            text_at(call, json, KMS_HTTP_REPLY_MESSAGE), id);
}

/* Null and "" are no error. */
static bool
has_error(const struct kms_http_call *call, const struct kms_json *json)
{
    const char *path = get(call, KMS_HTTP_REPLY_ERROR);
    const char *text;

    if (json == NULL || *path == '\0' || !kms_json_has(json, path))
        return false;
    text = kms_json_text(json, path);
    return text == NULL || *text != '\0';
}

/* What a status says of a failure, and KMS_DONE of none. */
static enum kms_outcome
outcome_of(const struct kms_http_call *call, int status)
{
    switch (status) {
    case 401:
    case 403:
        return kms_signer_is_timed(call->signer) ? KMS_SKEWED : KMS_FAILED;
    case 408:
        return KMS_RETRY;
    case 429:
        return KMS_RETRY_SLOWLY;
    default:
        return status >= 500   ? KMS_RETRY
               : status >= 400 ? KMS_FAILED
                               : KMS_DONE;
    }
}

static enum kms_outcome
refuse(const struct kms_http_call *call, const struct kms_reply *reply,
       const struct kms_json *json, struct envl_err *err)
{
    enum kms_outcome outcome = outcome_of(call, reply->status);
    const char *code = text_at(call, json, KMS_HTTP_REPLY_ERROR);
    bool again = outcome == KMS_RETRY || outcome == KMS_RETRY_SLOWLY;
    char status[sizeof("HTTP status ") + 3 * sizeof(int)];

    (void)snprintf(status, sizeof(status), "HTTP status %d", reply->status);
    (void)fail_reply(
        call, again ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_KEY_SERVICE_REFUSED,
        code != NULL && *code != '\0' ? code : status, reply, json, err);
    return outcome != KMS_DONE ? outcome : KMS_FAILED;
}

/* The key that a reply is about. */
static const struct kms_text *
target(const struct kms_http_call *call)
{
    return call->to.len > 0 ? &call->to : &call->key;
}

/* Where a reply names a key, it is the one that was asked for. */
static bool
is_about_key(const struct kms_http_call *call, const struct kms_json *json)
{
    const char *path = get(call, KMS_HTTP_REPLY_KEY);
    const char *text = text_at(call, json, KMS_HTTP_REPLY_KEY);

    if (*path == '\0' || !kms_json_has(json, path))
        return true;
    return text != NULL
           && strcmp(text, kms_section_key_only(target(call))) == 0;
}

static bool
take_blob(struct kms_http_call *call, const struct kms_json *json)
{
    return kms_text_blob_set(call->made,
                             text_at(call, json, KMS_HTTP_REPLY_BLOB))
           && kms_set_key(call->made, target(call)->data);
}

static enum kms_outcome
take(struct kms_http_call *call, const struct kms_reply *reply,
     const struct kms_json *json, struct envl_err *err)
{
    enum envelope_reason reason = ENVELOPE_R_KEY_SERVICE;
    const char *wrong = NULL;

    if (!is_about_key(call, json)) {
        reason = ENVELOPE_R_KEY_SERVICE_REFUSED;
        wrong = "its reply names another key than it was asked for";
    } else if (call->made != NULL && !take_blob(call, json)) {
        wrong = "its reply has no encrypted key where reply-blob says";
    } else if (call->kek != NULL
               && !kms_take_kek(call->kek, json,
                                get(call, KMS_HTTP_REPLY_PLAINTEXT))) {
        wrong = "its reply has no 32 bytes in base64 where reply-plaintext "
                "says";
    }
    if (wrong == NULL)
        return KMS_DONE;
    (void)fail_reply(call, reason, wrong, reply, json, err);
    return KMS_FAILED;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    struct kms_http_call *call = arg;
    struct kms_json *json = NULL;
    enum kms_outcome outcome;
    enum envelope_reason rc =
        kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len, err);

    if (rc == ENVELOPE_R_MEMORY)
        outcome = KMS_FAILED;
    else if (outcome_of(call, reply->status) != KMS_DONE
             || has_error(call, json))
        outcome = refuse(call, reply, json, err);
    else if (rc == ENVELOPE_OK)
        outcome = take(call, reply, json, err);
    else {
        (void)fail_reply(call, rc, "its reply is not a JSON object", reply,
                         NULL, err);
        outcome = KMS_FAILED;
    }
    kms_json_free(json);
    return outcome;
}

/* The operations */

static enum envelope_reason
http_check(const struct kms_world *world, const struct kms_uri *uri,
           enum envl_kms_use use, struct envl_err *err)
{
    struct kms_http_call call;
    enum envelope_reason rc = call_open(&call, world, uri, err);

    if (rc == ENVELOPE_OK)
        rc = kms_http_prepare(&call,
                              use == ENVL_KMS_RECIPIENT ? KMS_HTTP_GENERATE
                                                        : KMS_HTTP_DECRYPT,
                              err);
    call_close(&call);
    return rc;
}

static bool
http_matches(const struct kms_world *world, const struct kms_uri *uri,
             const char *key)
{
    return kms_section_matches(kms_http_settings, world, uri, key);
}

static enum envelope_reason
take_job(struct kms_http_call *call, const struct kms_job *job,
         const struct envl_kms_wrapped *wrapped, struct envl_err *err)
{
    call->job = job;
    call->signing.ctx = job->ctx;
    call->has_context = job->labels != NULL && job->labels_len > 0
                        && (wrapped == NULL || wrapped->has_context)
                        && *get(call, KMS_HTTP_REQUEST_CONTEXT) != '\0';
    return wrapped != NULL ? kms_text_blob_get(&call->blob, wrapped, err)
                           : ENVELOPE_OK;
}

static enum envelope_reason
ask(struct kms_http_call *call, enum kms_http_setting action,
    struct envl_err *err)
{
    const struct kms_operation operation = {
        .arg = call,
        .build = kms_http_build,
        .parse = parse,
    };
    enum envelope_reason rc = kms_http_prepare(call, action, err);

    if (rc == ENVELOPE_OK)
        rc = kms_signer_load(call->signer, &call->signing, call->world, err);
    if (rc == ENVELOPE_OK)
        rc = kms_exchange(call->world, &operation, err);
    return rc;
}

static enum envelope_reason
http_generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
              const struct kms_job *job, struct envl_err *err)
{
    struct kms_http_call call;
    enum envelope_reason rc = call_open(&call, job->world, job->uri, err);

    call.made = made;
    call.kek = kek;
    if (rc == ENVELOPE_OK)
        rc = take_job(&call, job, NULL, err);
    if (rc == ENVELOPE_OK)
        rc = ask(&call, KMS_HTTP_GENERATE, err);
    made->has_context = call.has_context;
    call_close(&call);
    return rc;
}

static enum envelope_reason
http_unwrap(unsigned char kek[ENVL_KEK_LEN],
            const struct envl_kms_wrapped *wrapped, const struct kms_job *job,
            struct envl_err *err)
{
    struct kms_http_call call;
    enum envelope_reason rc = call_open(&call, job->world, job->uri, err);

    call.kek = kek;
    if (rc == ENVELOPE_OK)
        rc = take_job(&call, job, wrapped, err);
    if (rc == ENVELOPE_OK)
        rc = ask(&call, KMS_HTTP_DECRYPT, err);
    call_close(&call);
    return rc;
}

/* Only another key has to be named. */
static enum envelope_reason
take_target(struct kms_http_call *call, const struct kms_uri *to,
            struct envl_err *err)
{
    enum envelope_reason rc =
        kms_section_key(&call->to, &call->section, to, err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (strcmp(call->to.data, call->key.data) == 0)
        kms_text_clear(&call->to);
    else if (*get(call, KMS_HTTP_REQUEST_TO) == '\0')
        return kms_section_fail(&call->section, KMS_HTTP_REQUEST_TO,
                                "is empty: this service does not encrypt a "
                                "key for another one",
                                err);
    return ENVELOPE_OK;
}

static enum envelope_reason
http_rewrap(struct envl_kms_wrapped *made,
            const struct envl_kms_wrapped *wrapped, const struct kms_job *job,
            const struct kms_uri *to, struct envl_err *err)
{
    struct kms_http_call call;
    enum envelope_reason rc = call_open(&call, job->world, job->uri, err);

    call.made = made;
    if (rc == ENVELOPE_OK)
        rc = take_target(&call, to, err);
    if (rc == ENVELOPE_OK)
        rc = take_job(&call, job, wrapped, err);
    if (rc == ENVELOPE_OK)
        rc = ask(&call, KMS_HTTP_REWRAP, err);
    made->has_context = call.has_context;
    call_close(&call);
    return rc;
}

/* Nothing but the key's name comes from a URI. */
static const char *const no_parameters[] = { NULL };

const struct kms_service kms_service_http = {
    .scheme = "httpkms",
    .parameters = no_parameters,
    .check = http_check,
    .matches = http_matches,
    .generate = http_generate,
    .unwrap = http_unwrap,
    .rewrap = http_rewrap,
};
