/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that answer over HTTP: services near by, and what they send. */
#include <string.h>

#include "kms/core/json.h"
#include "kms/core/time.h"
#include "kms/engine/kept.h"
#include "kms/engine/source.h"
#include "kms/http/exchange.h"
#include "kms/http/http.h"

#define STATUS_OK 200
#define STATUS_NOT_FOUND 404
#define STATUS_SLOW_DOWN 429
#define STATUS_SERVER_ERROR 500

#define SESSION_LIFETIME_S "21600" /* 6 hours, the longest */
#define ROLE_LEN_MAX 128

/* Documents */

static const char *
text_or_nothing(const struct kms_json *json, const char *path)
{
    const char *text = path != NULL ? kms_json_text(json, path) : NULL;

    return text != NULL ? text : "";
}

/* 0 for none. */
static int64_t
read_expiry(const struct kms_json *json, const struct kms_seeker *seeker,
            const struct kms_source_document *document)
{
    int64_t time;

    if (document->expires == NULL)
        return 0;
    time = kms_json_number(json, document->expires);
    if (time < 0)
        time = kms_time_read(text_or_nothing(json, document->expires));
    if (time > 0 && document->is_from_now)
        time += seeker->world->now(seeker->world->arg);
    return time;
}

static enum envelope_reason
take_members(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, const struct kms_json *json,
             const struct kms_source_document *document, const char *where,
             struct envl_err *err)
{
    const struct kms_source_names *names = &document->names;
    const struct {
        const char *path;
        struct kms_text *text;
        bool needed;
    } parts[] = {
        { names->id, &credentials->id, true },
        { names->secret, &credentials->secret, true },
        { names->token, &credentials->token,
          names->id == NULL || document->is_whole },
    };
    const char *code = text_or_nothing(json, document->code);
    size_t i;

    if (strcmp(code, "Success") != 0 && (*code != '\0' || document->is_whole))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.40s: %.100s",
                         where, *code != '\0' ? code : "no code of success",
                         text_or_nothing(json, document->message));
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        kms_text_set(parts[i].text, text_or_nothing(json, parts[i].path));
        if (parts[i].path != NULL && parts[i].needed && parts[i].text->len == 0
            && !parts[i].text->failed)
            return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                             "%s: the answer has no %s", where, parts[i].path);
    }
    credentials->expires = read_expiry(json, seeker, document);
    return ENVELOPE_OK;
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
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: the answer is not a JSON object", where);
    if (rc == ENVELOPE_OK)
        rc = take_members(credentials, seeker, json, document, where, err);
    if (rc == ENVELOPE_OK && kms_source_failed(credentials))
        rc = envl_fail_memory(err);
    kms_json_free(json);
    return rc;
}

/* Requests */

/* The URL in two: its path may have a query, which an endpoint has not. */
static enum envelope_reason
split(struct kms_endpoint *endpoint, const char **path,
      const struct kms_source_request *request, struct envl_err *err)
{
    const char *host = strstr(request->url, "://");
    size_t len = host != NULL ? 3 + strcspn(host + 3, "/?#") : 0;
    struct kms_text base = { 0 };
    struct envl_err inner;
    enum envelope_reason rc;

    if (host == NULL || host[len] != '/' || strchr(request->url, '#') != NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: this is not a URL with a path", request->name);
    kms_text_add_bytes(&base, request->url,
                       (size_t)(host - request->url) + len);
    *path = host + len;
    rc = base.failed
             ? envl_fail_memory(&inner)
             : kms_endpoint_parse(endpoint, kms_text_get(&base), true, &inner);
    kms_text_clear(&base);
    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (rc != ENVELOPE_OK)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.250s",
                         request->name, inner.detail);
    return ENVELOPE_OK;
}

/* Any reply at all is ENVELOPE_OK. */
static enum envelope_reason
send(struct kms_reply *reply, const struct kms_seeker *seeker,
     const struct kms_source_request *request, struct envl_err *err)
{
    struct kms_endpoint endpoint = { 0 };
    struct kms_request sent = { 0 };
    struct envl_err inner;
    const char *path = "";
    enum envelope_reason rc = split(&endpoint, &path, request, err);

    if (rc == ENVELOPE_OK) {
        kms_request_init(&sent, request->method, &endpoint, path);
        if (request->header != NULL)
            kms_request_add(&sent, request->header, "%s", request->value);
        if (request->body != NULL)
            kms_text_set(&sent.body, request->body);
        rc = kms_get(seeker->world, reply, &sent, &inner);
        if (rc == ENVELOPE_R_UNREADABLE_KEY)
            rc = ENVELOPE_R_CREDENTIALS; /* a path of the environment's */
        if (rc != ENVELOPE_OK)
            (void)envl_fail(err, rc, "%s: %.250s", request->name, inner.detail);
    }
    kms_request_clear(&sent);
    kms_endpoint_clear(&endpoint);
    return rc;
}

static enum envelope_reason
check_status(const struct kms_reply *reply, const char *name,
             struct envl_err *err)
{
    const bool is_busy = reply->status >= STATUS_SERVER_ERROR
                         || reply->status == STATUS_SLOW_DOWN;

    if (reply->status == STATUS_OK)
        return ENVELOPE_OK;
    return envl_fail(err,
                     is_busy ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_CREDENTIALS,
                     "%s: it answers with HTTP status %d", name, reply->status);
}

enum envelope_reason
kms_source_ask(struct kms_credentials *credentials,
               const struct kms_seeker *seeker,
               const struct kms_source_request *request,
               const struct kms_source_document *document, struct envl_err *err)
{
    struct kms_reply reply = { 0 };
    enum envelope_reason rc;

    if (kms_kept_find(credentials, seeker, request->url))
        return ENVELOPE_OK;
    rc = send(&reply, seeker, request, err);
    if (rc == ENVELOPE_OK)
        rc = check_status(&reply, request->name, err);
    if (rc == ENVELOPE_OK)
        rc = kms_source_take(credentials, seeker, &reply.body, document,
                             request->name, err);
    if (rc == ENVELOPE_OK)
        kms_kept_put(seeker, request->url, credentials);
    kms_reply_clear(&reply);
    return rc;
}

/* Metadata services */

struct talk {
    const struct kms_seeker *seeker;
    const struct kms_source_metadata *with;
    struct kms_text url, session;
    struct kms_reply
        reply; /* to the request before; status 0: nobody answers */
    bool has_answered;
};

/* One request.  Where nobody answers the first one, there is no such service. */
static enum envelope_reason
ask(struct talk *talk, struct kms_source_request *request, const char *path,
    const char *role, struct envl_err *err)
{
    enum envelope_reason rc;

    kms_reply_clear(&talk->reply);
    kms_text_set(&talk->url, "");
    kms_text_addf(&talk->url, "%s%s%s", talk->with->url, path, role);
    request->name = talk->with->name;
    request->url = kms_text_get(&talk->url);
    if (talk->url.failed || talk->session.failed)
        return envl_fail_memory(err);
    rc = send(&talk->reply, talk->seeker, request, err);
    if (rc == ENVELOPE_R_KEY_SERVICE && !talk->has_answered)
        return ENVELOPE_OK;
    talk->has_answered = true;
    return rc == ENVELOPE_OK ? check_status(&talk->reply, talk->with->name, err)
                             : rc;
}

/* There is no way back to requests without a session, which anybody can use who
 * makes us send a request. */
static enum envelope_reason
get_session(struct talk *talk, struct envl_err *err)
{
    struct kms_source_request request = {
        .method = "PUT",
        .header = talk->with->lifetime_header,
        .value = SESSION_LIFETIME_S,
    };
    enum envelope_reason rc =
        ask(talk, &request, talk->with->session_path, "", err);

    kms_text_set(&talk->session, kms_text_get(&talk->reply.body));
    if (rc == ENVELOPE_OK && talk->session.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && talk->has_answered
        && !kms_is_printable(kms_text_get(&talk->session)))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       "%s: its token is not printable", talk->with->name);
    return rc;
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
        || (rc == ENVELOPE_OK && talk->has_answered && len == 0))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: the instance has no role", talk->with->name);
    if (rc == ENVELOPE_OK && talk->has_answered && !is_role(roles, len))
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

    if (with->session_path != NULL) {
        rc = get_session(talk, err);
        if (rc != ENVELOPE_OK || !talk->has_answered)
            return rc;
        request.header = with->session_header;
        request.value = kms_text_get(&talk->session);
    }
    if (role->len == 0)
        rc = get_role(role, talk, &request, err);
    else
        talk->has_answered = true; /* who names a role means it */
    if (rc != ENVELOPE_OK || !talk->has_answered)
        return rc;
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
        if (rc == ENVELOPE_OK && credentials->id.len > 0)
            kms_kept_put(seeker, source.data, credentials);
    }
    kms_reply_clear(&talk.reply);
    kms_text_clear(&talk.session);
    kms_text_clear(&talk.url);
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

void
kms_form_request(struct kms_request *request,
                 const struct kms_endpoint *endpoint, const char *path,
                 const struct kms_text *form)
{
    kms_request_init(request, "POST", endpoint, path);
    kms_request_add(request, "Content-Type",
                    "application/x-www-form-urlencoded; charset=utf-8");
    kms_text_add_bytes(&request->body, kms_text_get(form), form->len);
    request->body.failed = request->body.failed || form->failed;
}
