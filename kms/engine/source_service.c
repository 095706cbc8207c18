/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that answer over HTTP: services near by, and what they send. */
#include <string.h>

#include "kms/core/json.h"
#include "kms/core/span.h"
#include "kms/core/time.h"
#include "kms/engine/kept.h"
#include "kms/engine/source.h"
#include "kms/http/exchange.h"
#include "kms/http/http.h"

#define STATUS_OK 200
#define STATUS_NOT_FOUND 404
#define STATUS_NO_METHOD 405
#define STATUS_GONE 410
#define STATUS_UNAVAILABLE 503

#define SESSION_LIFETIME_S "21600" /* 6 hours, the longest */
#define ROLE_LEN_MAX 128
#define LIFETIME_MAX_S 999999999 /* of what expires; more is no lifetime */

/* Documents */

/* The first of two that is there; "" if none is. */
static const char *
first(const struct kms_json *json, const char *path, const char *other)
{
    const char *text =
        json != NULL && path != NULL ? kms_json_text(json, path) : NULL;

    if (text != NULL)
        return text;
    return other != NULL ? first(json, other, NULL) : "";
}

/* A number, or a string of digits; 0 for what is no time. */
static int64_t
read_time(const struct kms_json *json, const char *path)
{
    const int64_t number = kms_json_number(json, path);

    return number >= 0 ? number : kms_time_read(first(json, path, NULL));
}

/* 0 where the document need not say it, and does not; -1 for what cannot be read, which
 * would be kept for ever. */
static int64_t
read_expiry(const struct kms_json *json, const struct kms_seeker *seeker,
            const struct kms_source_document *document)
{
    const char *path = document->expires_in;
    int64_t seconds;

    if (path != NULL && kms_json_has(json, path)) {
        seconds = read_time(json, path);
        if (seconds == 0 && kms_json_number(json, path) != 0)
            return -1;
        if (seconds > LIFETIME_MAX_S)
            seconds = LIFETIME_MAX_S;
        return seeker->world->now(seeker->world->arg) + seconds;
    }
    path = document->expires;
    if (path == NULL || (!kms_json_has(json, path) && !document->is_whole))
        return 0;
    seconds = read_time(json, path);
    return seconds > 0 ? seconds : -1;
}

static enum envelope_reason
reason_of(const struct kms_source_document *document)
{
    return document->reason != ENVELOPE_OK ? document->reason
                                           : ENVELOPE_R_CREDENTIALS;
}

static enum envelope_reason
take_members(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, const struct kms_json *json,
             const struct kms_source_document *document, const char *where,
             struct envl_err *err)
{
    const struct kms_source_names *names = &document->names;
    const struct {
        const char *path, *other;
        struct kms_text *text;
        bool needed;
    } parts[] = {
        { names->id, NULL, &credentials->id, true },
        { names->secret, NULL, &credentials->secret, true },
        { names->token, names->other_token, &credentials->token,
          names->id == NULL || document->is_whole },
    };
    const char *code = first(json, document->code, NULL), *value;
    size_t i;

    if (document->code != NULL && strcmp(code, "Success") != 0
        && (*code != '\0' || document->is_whole))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.40s: %.100s",
                         where, *code != '\0' ? code : "no code of success",
                         first(json, document->message, NULL));
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        value = first(json, parts[i].path, parts[i].other);
        if (parts[i].path != NULL && (parts[i].needed || *value != '\0')
            && !kms_span_is_key((struct kms_span){ value, strlen(value) }))
            return envl_fail(err, reason_of(document),
                             "%s: the answer has no %s", where, parts[i].path);
        kms_text_set(parts[i].text, value);
    }
    credentials->expires = read_expiry(json, seeker, document);
    if (credentials->expires < 0)
        return envl_fail(err, reason_of(document),
                         "%s: the answer does not say when they expire", where);
    return kms_source_failed(credentials) ? envl_fail_memory(err) : ENVELOPE_OK;
}

enum envelope_reason
kms_source_take(struct kms_credentials *credentials,
                const struct kms_seeker *seeker, const struct kms_text *text,
                const struct kms_source_document *document, const char *where,
                struct envl_err *err)
{
    struct kms_json *json = NULL;
    enum envelope_reason rc;

    rc = kms_json_parse(&json, kms_text_get(text), text->len, err);
    if (rc == ENVELOPE_R_KEY_SERVICE)
        rc = envl_fail(err, reason_of(document),
                       "%s: the answer is not a JSON object", where);
    if (rc == ENVELOPE_OK)
        rc = take_members(credentials, seeker, json, document, where, err);
    kms_json_free(json);
    return rc;
}

/* Requests */

struct call {
    const struct kms_source_request *with;
    struct kms_endpoint endpoint;
    const char *path;
    struct kms_reply *reply;
};

/* What happened below, with the service in front. */
static enum envelope_reason
fail(const struct kms_source_request *request, const struct envl_err *why,
     struct envl_err *err)
{
    if (why->reason == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    /* A URL or path of the environment's, not of a key. */
    return envl_fail(err,
                     why->reason == ENVELOPE_R_UNREADABLE_KEY
                         ? ENVELOPE_R_CREDENTIALS
                         : why->reason,
                     "%s: %.250s", request->name, why->detail);
}

/* The URL in two: its path may have a query, which an endpoint has not. */
static enum envelope_reason
aim(struct call *call, struct envl_err *err)
{
    const char *url = call->with->url, *host = strstr(url, "://");
    size_t len = strlen(url);
    struct kms_text base = { 0 };
    struct envl_err why = { ENVELOPE_R_CREDENTIALS,
                            "this is not a URL with a path" };
    enum envelope_reason rc;

    call->path = call->with->path;
    if (call->path == NULL && host != NULL && strchr(url, '#') == NULL) {
        len = (size_t)(host - url) + 3 + strcspn(host + 3, "/?");
        call->path = url + len;
    }
    if (call->path == NULL || *call->path != '/')
        return fail(call->with, &why, err);
    kms_text_add_bytes(&base, url, len);
    rc = base.failed
             ? envl_fail_memory(&why)
             : kms_endpoint_parse(
                 &call->endpoint, kms_text_get(&base),
                 !call->with->is_far || strncmp(url, "http:", 5) == 0, &why);
    kms_text_clear(&base);
    return rc == ENVELOPE_OK ? rc : fail(call->with, &why, err);
}

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    const struct call *call = arg;
    const struct kms_source_request *with = call->with;
    size_t i;

    kms_request_init(request, with->method, &call->endpoint, call->path);
    for (i = 0; i < KMS_SOURCE_HEADERS_MAX; i++) {
        if (with->headers[i].value != NULL)
            kms_request_add(request, with->headers[i].name, "%s",
                            with->headers[i].value);
    }
    if (with->body != NULL) {
        if (with->type != NULL)
            kms_request_add(request, "Content-Type", "%s", with->type);
        kms_text_add_bytes(&request->body, kms_text_get(with->body),
                           with->body->len);
        request->body.failed = request->body.failed || with->body->failed;
    }
    return with->sign != NULL ? kms_sign(request, with->sign, now, err)
                              : ENVELOPE_OK;
}

/* One that refuses says why in one of these forms, or in none: that of token services
 * (RFC 6749, 5.2), Google's and Alibaba's. */
static enum kms_outcome
check_status(const struct kms_source_request *request,
             const struct kms_reply *reply, struct envl_err *err)
{
    const bool may_begin =
        request->may_be_starting
        && (reply->status == STATUS_NOT_FOUND || reply->status == STATUS_GONE);
    const enum kms_outcome outcome =
        may_begin ? KMS_RETRY : kms_outcome_of_status(reply->status);
    const bool is_busy = outcome != KMS_FAILED && !may_begin;
    const char *advice = is_busy ? NULL : request->advice, *code, *message;
    struct kms_json *json = NULL;
    struct envl_err none;

    if (reply->status == STATUS_OK)
        return KMS_DONE;
    (void)kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len,
                         &none);
    code = first(json, "error.status", "error");
    message = first(json, "error.message", "error_description");
    if (*code == '\0') {
        code = first(json, "Code", NULL);
        message = first(json, "Message", NULL);
    }
    (void)envl_fail(err,
                    is_busy ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_CREDENTIALS,
                    "%.80s: HTTP status %d%s%.60s%s%.110s%s%s", request->name,
                    reply->status, *code != '\0' ? ": " : "", code,
                    *message != '\0' ? ": " : "", message,
                    advice != NULL ? "; " : "", advice != NULL ? advice : "");
    kms_json_free(json);
    return outcome;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    struct call *call = arg;

    call->reply->status = reply->status;
    kms_text_set(&call->reply->body, "");
    kms_text_add_bytes(&call->reply->body, kms_text_get(&reply->body),
                       reply->body.len);
    return check_status(call->with, reply, err);
}

static enum envelope_reason
send_near(struct call *call, const struct kms_world *world,
          struct envl_err *err)
{
    struct kms_request request = { 0 };
    struct envl_err why;
    enum envelope_reason rc;

    (void)build(call, &request, 0, &why);
    rc = kms_get(world, call->reply, &request, &why);
    kms_request_clear(&request);
    return rc == ENVELOPE_OK ? rc : fail(call->with, &why, err);
}

static enum envelope_reason
send_far(struct call *call, const struct kms_world *world, struct envl_err *err)
{
    const struct kms_operation operation = {
        .arg = call,
        .build = build,
        .parse = parse,
    };
    const char *name = call->with->name;
    struct envl_err why;
    enum envelope_reason rc = kms_exchange(world, &operation, &why);

    if (rc == ENVELOPE_OK)
        return rc;
    /* ENVELOPE_KMS_TIMEOUT, or what check_status() says. */
    if (rc == ENVELOPE_R_UNREADABLE_KEY
        || strncmp(why.detail, name, strlen(name)) == 0) {
        *err = why;
        return rc;
    }
    return fail(call->with, &why, err);
}

enum envelope_reason
kms_source_send(struct kms_reply *reply, const struct kms_seeker *seeker,
                const struct kms_source_request *request, struct envl_err *err)
{
    struct call call = { .with = request, .reply = reply };
    enum envelope_reason rc = aim(&call, err);

    if (rc == ENVELOPE_OK)
        rc = request->is_far ? send_far(&call, seeker->world, err)
                             : send_near(&call, seeker->world, err);
    if (rc == ENVELOPE_OK && reply->body.failed)
        rc = envl_fail_memory(err);
    kms_endpoint_clear(&call.endpoint);
    return rc;
}

enum envelope_reason
kms_source_ask(struct kms_credentials *credentials,
               const struct kms_seeker *seeker,
               const struct kms_source_request *request,
               const struct kms_source_document *document, struct envl_err *err)
{
    struct kms_reply reply = { 0 };
    enum envelope_reason rc = kms_source_send(&reply, seeker, request, err);

    if (rc == ENVELOPE_OK && check_status(request, &reply, err) != KMS_DONE)
        rc = err->reason;
    if (rc == ENVELOPE_OK)
        rc = kms_source_take(credentials, seeker, &reply.body, document,
                             request->name, err);
    kms_reply_clear(&reply);
    return rc;
}

/* Metadata services */

struct talk {
    const struct kms_seeker *seeker;
    const struct kms_source_metadata *with;
    struct kms_text path, session;
    struct kms_reply reply; /* the last one */
    bool has_answered;
};

static enum envelope_reason
ask(struct talk *talk, struct kms_source_request *request, const char *path,
    const char *role, struct envl_err *err)
{
    enum envelope_reason rc;

    kms_reply_clear(&talk->reply);
    kms_text_set(&talk->path, path);
    kms_text_add(&talk->path, role);
    request->name = talk->with->name;
    request->url = talk->with->url;
    request->path = kms_text_get(&talk->path);
    if (talk->path.failed)
        return envl_fail_memory(err);
    rc = kms_source_send(&talk->reply, talk->seeker, request, err);
    if (rc != ENVELOPE_OK)
        return rc;
    talk->has_answered = true;
    return check_status(request, &talk->reply, err) == KMS_DONE ? ENVELOPE_OK
                                                                : err->reason;
}

static bool
lacks_session(const struct talk *talk)
{
    const int status = talk->reply.status;

    return talk->with->may_lack_session
           && (status == STATUS_NOT_FOUND || status == STATUS_NO_METHOD
               || status == STATUS_UNAVAILABLE);
}

/* Where a cloud always has sessions there is no way back to requests without one,
 * which anybody can use who makes us send a request. */
static enum envelope_reason
get_session(struct talk *talk, struct envl_err *err)
{
    struct kms_source_request request = {
        .method = "PUT",
        .headers = { { talk->with->lifetime_header, SESSION_LIFETIME_S } },
    };
    enum envelope_reason rc =
        ask(talk, &request, talk->with->session_path, "", err);

    if (rc != ENVELOPE_OK)
        return lacks_session(talk) ? ENVELOPE_OK : rc;
    talk->session = talk->reply.body;
    talk->reply.body = (struct kms_text){ 0 };
    return kms_is_printable(kms_text_get(&talk->session))
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                           "%s: its token is not printable", talk->with->name);
}

/* A name that can stand in a path as it is. */
static bool
is_role(const char *name, size_t len)
{
    return len > 0 && len <= ROLE_LEN_MAX && !(len == 1 && name[0] == '.')
           && !(len == 2 && name[0] == '.' && name[1] == '.')
           && strspn(name, KMS_UNRESERVED "+=,@") >= len;
}

/* The first role that is listed. */
static enum envelope_reason
get_role(struct kms_text *role, struct talk *talk,
         struct kms_source_request *request, struct envl_err *err)
{
    enum envelope_reason rc =
        ask(talk, request, talk->with->roles_path, "", err);
    const char *roles = kms_text_get(&talk->reply.body);
    const size_t len = strcspn(roles, "\r\n");

    if (talk->reply.status == STATUS_NOT_FOUND
        || (rc == ENVELOPE_OK && len == 0))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: the instance has no role", talk->with->name);
    if (rc == ENVELOPE_OK && !is_role(roles, len))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%s: what it says is not the name of a role",
                         talk->with->name);
    kms_text_add_bytes(role, roles, len);
    return rc == ENVELOPE_OK && role->failed ? envl_fail_memory(err) : rc;
}

static enum envelope_reason
get_credentials(struct kms_credentials *credentials, struct talk *talk,
                struct kms_text *role, struct envl_err *err)
{
    const struct kms_source_metadata *with = talk->with;
    struct kms_source_request request = { .method = "GET" };
    enum envelope_reason rc = ENVELOPE_OK;

    if (with->session_path != NULL)
        rc = get_session(talk, err);
    request.headers[0].name = with->session_header;
    request.headers[0].value = talk->session.data;
    if (rc == ENVELOPE_OK && role->len == 0 && with->only_role == NULL)
        rc = get_role(role, talk, &request, err);
    else if (role->len == 0 && with->only_role != NULL)
        kms_text_set(role, with->only_role);
    if (rc == ENVELOPE_OK && role->failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = ask(talk, &request, with->roles_path, kms_text_get(role), err);
    return rc == ENVELOPE_OK
               ? kms_source_take(credentials, talk->seeker, &talk->reply.body,
                                 with->document, with->name, err)
               : rc;
}

enum envelope_reason
kms_source_metadata_ask(struct kms_credentials *credentials,
                        const struct kms_seeker *seeker,
                        const struct kms_source_metadata *metadata,
                        const char *role_name, struct envl_err *err)
{
    struct talk talk = { .seeker = seeker, .with = metadata };
    struct kms_text role = { 0 }, source = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    kms_text_set(&role, role_name);
    kms_text_addf(&source, "%s%s%s", metadata->url, metadata->roles_path,
                  role_name);
    if (role.failed || source.failed)
        rc = envl_fail_memory(err);
    else if (role.len > 0 && !is_role(role_name, role.len))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: \"%.100s\" is not the name of a role",
                       metadata->name, role_name);
    else if (!kms_kept_find(credentials, seeker, source.data)) {
        rc = get_credentials(credentials, &talk, &role, err);
        if (rc == ENVELOPE_OK)
            kms_kept_put(seeker, source.data, credentials);
    }
    /* Where nobody answers there is no such service; who names a role means it. */
    if (rc == ENVELOPE_R_KEY_SERVICE && !talk.has_answered
        && *role_name == '\0')
        rc = ENVELOPE_OK;
    kms_reply_clear(&talk.reply);
    kms_text_clear(&talk.session);
    kms_text_clear(&talk.path);
    kms_text_clear(&source);
    kms_text_clear(&role);
    return rc;
}

/* Forms */

void
kms_form_add(struct kms_text *form, const char *name, const char *value)
{
    kms_text_addf(form, "%s%s=", form->len > 0 ? "&" : "", name);
    kms_text_add_encoded(form, value, strlen(value));
}
