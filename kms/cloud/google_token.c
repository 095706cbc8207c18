/* SPDX-License-Identifier: Apache-2.0 */
/* Asking Google's services for a token, and what they answer; and the simplest
 * question, that of a user. */
#define _GNU_SOURCE /* strptime, timegm */
#include "kms/cloud/google_sources.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kms/core/span.h"
#include "kms/http/exchange.h"

#define STATUS_OK 200
#define STATUS_SLOW_DOWN 429
#define STATUS_SERVER_ERROR 500

#define NUMBER_LEN_MAX 9

/* Forms (RFC 6749, appendix B) */

static void
add_encoded(struct kms_text *text, const char *value)
{
    for (; *value != '\0'; value++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789-._~",
                   *value)
            != NULL)
            kms_text_add_bytes(text, value, 1);
        else
            kms_text_addf(text, "%%%02X", (unsigned)(unsigned char)*value);
    }
}

void
kms_google_add_field(struct kms_text *form, const char *name, const char *value)
{
    kms_text_addf(form, "%s%s=", form->len > 0 ? "&" : "", name);
    add_encoded(form, value);
}

void
kms_google_base(struct kms_text *base, const struct kms_seeker *seeker,
                const char *host)
{
    const struct kms_world *world = seeker->world;
    const char *endpoint =
        world->variable(world->arg, "ENVELOPE_GOOGLE_OAUTH_ENDPOINT");

    kms_text_addf(base, "%s%s", endpoint != NULL ? endpoint : "https://",
                  endpoint != NULL ? "" : host);
}

/* Asking */

struct exchange {
    const struct kms_google_question *question;
    struct kms_endpoint endpoint;
    struct kms_text *answer;
};

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    const struct exchange *x = arg;
    const struct kms_google_question *question = x->question;
    size_t i;

    (void)now;
    (void)err;
    kms_request_init(request, question->type != NULL ? "POST" : "GET",
                     &x->endpoint, question->target);
    for (i = 0; i < sizeof(question->headers) / sizeof(question->headers[0]);
         i++) {
        if (question->headers[i].value != NULL)
            kms_request_add(request, question->headers[i].name, "%s",
                            question->headers[i].value);
    }
    if (question->type != NULL) {
        kms_request_add(request, "Content-Type", "%s", question->type);
        kms_text_add_bytes(&request->body, kms_text_get(question->body),
                           question->body->len);
    }
    return ENVELOPE_OK;
}

static const char *
text_or(const struct kms_json *json, const char *path, const char *otherwise)
{
    const char *text = json != NULL ? kms_json_text(json, path) : NULL;

    return text != NULL ? text : otherwise;
}

/* The form of token services, or of all others at Google; or no form at all. */
static void
explain(const struct exchange *x, const struct kms_reply *reply,
        struct envl_err *err)
{
    const bool passes = reply->status >= STATUS_SERVER_ERROR
                        || reply->status == STATUS_SLOW_DOWN;
    const char *advice = passes ? NULL : x->question->advice;
    struct kms_json *json = NULL;
    struct envl_err none;
    const char *code, *what;

    (void)kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len,
                         &none);
    code = text_or(json, "error.status", text_or(json, "error", ""));
    what =
        text_or(json, "error.message", text_or(json, "error_description", ""));
    (void)envl_fail(
        err, passes ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_CREDENTIALS,
        "%.80s: HTTP status %d%s%.60s%s%.110s%s%s",
        kms_text_get(&x->endpoint.host), reply->status,
        *code != '\0' ? ": " : "", code, *what != '\0' ? ": " : "", what,
        advice != NULL ? "; " : "", advice != NULL ? advice : "");
    kms_json_free(json);
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    const struct exchange *x = arg;

    if (reply->status == STATUS_OK) {
        kms_text_set(x->answer, "");
        kms_text_add_bytes(x->answer, kms_text_get(&reply->body),
                           reply->body.len);
        return KMS_DONE;
    }
    explain(x, reply, err);
    if (reply->status == STATUS_SLOW_DOWN)
        return KMS_RETRY_SLOWLY;
    return reply->status >= STATUS_SERVER_ERROR ? KMS_RETRY : KMS_FAILED;
}

enum envelope_reason
kms_google_ask(struct kms_text *answer,
               const struct kms_google_question *question,
               const struct kms_seeker *seeker, struct envl_err *err)
{
    struct exchange x = { .question = question, .answer = answer };
    const struct kms_operation operation = {
        .arg = &x,
        .build = build,
        .parse = parse,
    };
    /* A metadata service is never behind a proxy, and may have no TLS. */
    const bool plain = strncmp(question->base, "http:", 5) == 0;
    enum envelope_reason rc =
        kms_endpoint_parse(&x.endpoint, question->base, plain, err);

    if (rc == ENVELOPE_OK)
        rc = kms_exchange(seeker->world, &operation, err);
    else if (rc == ENVELOPE_R_UNREADABLE_KEY)
        rc = err->reason = ENVELOPE_R_CREDENTIALS;
    if (rc == ENVELOPE_OK && answer->failed)
        rc = envl_fail_memory(err);
    kms_endpoint_clear(&x.endpoint);
    return rc;
}

/* Answers */

/* Strings are read as wholes, so that what stands in one is taken for no name. */
long
kms_google_number(const struct kms_text *json, const char *name)
{
    const char *p = kms_text_get(json), *begin;
    size_t len;

    while ((p = strchr(p, '"')) != NULL) {
        begin = ++p;
        while (*p != '"' && *p != '\0')
            p += *p == '\\' && p[1] != '\0' ? 2 : 1;
        if (*p == '\0')
            return -1;
        len = (size_t)(p++ - begin);
        p += strspn(p, " \t\r\n");
        if (len != strlen(name) || strncmp(begin, name, len) != 0 || *p != ':')
            continue;
        p += 1 + strspn(p + 1, " \t\r\n");
        len = strspn(p, "0123456789");
        return len > 0 && len <= NUMBER_LEN_MAX && strchr(".eE", p[len]) == NULL
                   ? strtol(p, NULL, 10)
                   : -1;
    }
    return -1;
}

/* RFC 3339 in UTC, as Google writes it; 0 for what is none. */
static int64_t
read_time(const char *text)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (end != NULL && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    return end != NULL && strcmp(end, "Z") == 0 ? timegm(&tm) : 0;
}

enum envelope_reason
kms_google_take_token(struct kms_credentials *credentials,
                      const struct kms_text *answer, const char *where,
                      const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    const long seconds = kms_google_number(answer, "expires_in");
    struct kms_json *json = NULL;
    const char *token;
    enum envelope_reason rc =
        kms_json_parse(&json, kms_text_get(answer), answer->len, err);

    if (rc == ENVELOPE_OK) {
        token = text_or(json, "access_token", text_or(json, "accessToken", ""));
        if (kms_span_is_key((struct kms_span){ token, strlen(token) }))
            kms_text_set(&credentials->token, token);
        else
            rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                           "there is no token in its answer");
        credentials->expires = seconds >= 0
                                   ? world->now(world->arg) + seconds
                                   : read_time(text_or(json, "expireTime", ""));
    }
    if (rc == ENVELOPE_R_KEY_SERVICE) {
        const struct envl_err why = *err;

        rc = envl_fail(err, rc, "%.100s: %s", where, why.detail);
    }
    kms_json_free(json);
    return rc;
}

/* A user, by the token that "gcloud auth application-default login" got for him */

enum envelope_reason
kms_google_from_user(struct kms_credentials *credentials,
                     const struct kms_google_file *file, struct envl_err *err)
{
    static const char *const names[] = { "client_id", "client_secret",
                                         "refresh_token" };
    static const char host[] = "oauth2.googleapis.com";
    struct kms_text base = { 0 }, form = { 0 }, answer = { 0 };
    struct kms_google_question question = {
        .target = "/token",
        .type = KMS_GOOGLE_FORM,
        .body = &form,
        .advice = "log in again with gcloud auth application-default login",
    };
    enum envelope_reason rc = ENVELOPE_OK;
    const char *value;
    size_t i;

    if (strcmp(kms_text_get(&file->universe), "googleapis.com") != 0)
        return kms_google_fail(err, file,
                               "users log in to googleapis.com only: for the "
                               "cloud %.80s, name the file of a service "
                               "account",
                               kms_text_get(&file->universe));
    kms_google_add_field(&form, "grant_type", "refresh_token");
    for (i = 0; i < sizeof(names) / sizeof(names[0]) && rc == ENVELOPE_OK;
         i++) {
        rc = kms_google_need(&value, file, names[i], err);
        if (rc == ENVELOPE_OK)
            kms_google_add_field(&form, names[i], value);
    }
    kms_google_base(&base, file->seeker, host);
    question.base = kms_text_get(&base);
    if (rc == ENVELOPE_OK && (base.failed || form.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = kms_google_ask(&answer, &question, file->seeker, err);
    if (rc == ENVELOPE_OK)
        rc = kms_google_take_token(credentials, &answer, host, file->seeker,
                                   err);
    kms_text_clear(&answer);
    kms_text_clear(&form);
    kms_text_clear(&base);
    return rc;
}
