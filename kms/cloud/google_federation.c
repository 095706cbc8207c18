/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workload identity federation: the token of somebody else is exchanged for one of
 * Google's (RFC 8693), and that one for a service account's.  The file says who is
 * sent these tokens, so that hosts have to be Google's own.
 */
#include <string.h>

#include "kms/cloud/google_sources.h"
#include "kms/core/span.h"

#define LIFETIME_S 3600
#define LIFETIME_MAX_S 43200
#define DIGITS "0123456789"

#define GRANT "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"

/* Hosts */

static bool
drop_front(struct kms_span *span, const char *text)
{
    const size_t len = strlen(text);

    if (span->len < len || memcmp(span->data, text, len) != 0)
        return false;
    *span = kms_span_skip(*span, len);
    return true;
}

static bool
drop_back(struct kms_span *span, const char *text)
{
    const size_t len = strlen(text);

    if (span->len < len || memcmp(span->data + span->len - len, text, len) != 0)
        return false;
    span->len -= len;
    return true;
}

static bool
is_label(struct kms_span span)
{
    return span.len > 0 && memchr(span.data, '.', span.len) == NULL;
}

/* Such as europe-west9.  Any other label could be a bucket's: "sts" of
 * storage.googleapis.com may be anybody's. */
static bool
is_region(struct kms_span span)
{
    return is_label(span) && memchr(span.data, '-', span.len) != NULL
           && strchr(DIGITS, span.data[span.len - 1]) != NULL;
}

/* Google's names for a service: for all regions, sts.REGION, REGION-sts, and
 * sts-NAME.p of Private Service Connect. */
static bool
is_host(const char *host, const char *service, const char *universe)
{
    struct kms_span name = { host, strlen(host) }, rest;

    if (!drop_back(&name, universe) || !drop_back(&name, "."))
        return false;
    rest = name;
    if (drop_front(&rest, service))
        return rest.len == 0
               || (drop_front(&rest, ".")
                       ? is_region(rest)
                       : drop_front(&rest, "-") && drop_back(&rest, ".p")
                             && is_label(rest));
    return drop_back(&rest, service) && drop_back(&rest, "-") && is_label(rest);
}

/* A URL of the file, as a base to be asked and a path. */
static enum envelope_reason
find_url(struct kms_text *base, struct kms_text *target,
         const struct kms_google_file *file, const char *name,
         const char *service, struct envl_err *err)
{
    struct kms_endpoint endpoint = { 0 };
    struct envl_err why = { 0 };
    const char *url;
    enum envelope_reason rc = kms_google_need(&url, file, name, err);

    if (rc != ENVELOPE_OK)
        return rc;
    rc = kms_endpoint_parse(&endpoint, url, false, &why);
    if (rc == ENVELOPE_R_MEMORY)
        rc = envl_fail_memory(err);
    else if (rc != ENVELOPE_OK || endpoint.path.len == 0
             || !is_host(kms_text_get(&endpoint.host), service,
                         kms_text_get(&file->universe)))
        rc =
            kms_google_fail(err, file,
                            "%s has to be a URL at https://%s.%s, since tokens "
                            "are sent there",
                            name, service, kms_text_get(&file->universe));
    else {
        kms_google_base(base, file->seeker, kms_text_get(&endpoint.host));
        kms_text_set(target, kms_text_get(&endpoint.path));
    }
    kms_endpoint_clear(&endpoint);
    return rc;
}

/* Exchanging it */

/* Of a client that is known to Google, who it is; else who is charged. */
static enum envelope_reason
add_client(struct kms_text *basic, struct kms_text *form,
           const struct kms_google_file *file, struct envl_err *err)
{
    const char *id, *secret = NULL, *project = NULL;
    struct kms_text pair = { 0 };
    enum envelope_reason rc = kms_google_get(&id, file, "client_id", err);

    if (rc == ENVELOPE_OK)
        rc = kms_google_get(&secret, file, "client_secret", err);
    if (rc == ENVELOPE_OK)
        rc = kms_google_get(&project, file, "workforce_pool_user_project", err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (id != NULL) {
        kms_text_addf(&pair, "%s:%s", id, secret != NULL ? secret : "");
        kms_text_add(basic, "Basic ");
        kms_text_add_base64(basic, kms_text_get(&pair), pair.len);
    } else if (project != NULL) {
        kms_json_begin(&pair);
        kms_json_add(&pair, "userProject", project);
        kms_json_end(&pair);
        kms_google_add_field(form, "options", kms_text_get(&pair));
    }
    basic->failed = basic->failed || pair.failed;
    kms_text_clear(&pair);
    return ENVELOPE_OK;
}

static enum envelope_reason
fill_form(struct kms_text *form, const struct kms_google_file *file,
          bool impersonates, struct envl_err *err)
{
    static const char *const names[] = { "audience", "subject_token_type" };
    struct kms_text token = { 0 };
    const char *value;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    kms_google_add_field(form, "grant_type", GRANT);
    kms_google_add_field(form, "requested_token_type", ACCESS_TOKEN);
    kms_google_add_field(form, "scope",
                         impersonates ? KMS_GOOGLE_SCOPE : KMS_GOOGLE_SCOPES);
    for (i = 0; i < sizeof(names) / sizeof(names[0]) && rc == ENVELOPE_OK;
         i++) {
        rc = kms_google_need(&value, file, names[i], err);
        if (rc == ENVELOPE_OK)
            kms_google_add_field(form, names[i], value);
    }
    if (rc == ENVELOPE_OK)
        rc = kms_google_subject(&token, file, err);
    kms_google_add_field(form, "subject_token", kms_text_get(&token));
    form->failed = form->failed || token.failed;
    kms_text_clear(&token);
    return rc;
}

/* Ask one of Google's services for a token. */
static enum envelope_reason
ask_for_token(struct kms_credentials *credentials,
              const struct kms_google_file *file,
              struct kms_google_question *question, struct envl_err *err)
{
    struct kms_text answer = { 0 };
    enum envelope_reason rc =
        kms_google_ask(&answer, question, file->seeker, err);

    if (rc == ENVELOPE_OK)
        rc = kms_google_take_token(credentials, &answer, question->base,
                                   file->seeker, err);
    kms_text_clear(&answer);
    return rc;
}

/* The file's token_url, or where it would lead to. */
static enum envelope_reason
find_exchange(struct kms_text *base, struct kms_text *target,
              const struct kms_google_file *file, struct envl_err *err)
{
    struct kms_text host = { 0 };

    if (kms_json_has(file->json, "token_url"))
        return find_url(base, target, file, "token_url", "sts", err);
    kms_text_addf(&host, "sts.%s", kms_text_get(&file->universe));
    kms_google_base(base, file->seeker, kms_text_get(&host));
    kms_text_set(target, "/v1/token");
    base->failed = base->failed || host.failed;
    kms_text_clear(&host);
    return ENVELOPE_OK;
}

static enum envelope_reason
exchange(struct kms_credentials *credentials,
         const struct kms_google_file *file, bool impersonates,
         struct envl_err *err)
{
    struct kms_text base = { 0 }, target = { 0 }, basic = { 0 }, form = { 0 };
    struct kms_google_question question = {
        .type = KMS_GOOGLE_FORM,
        .body = &form,
        .advice = "look at the provider of the workload identity pool",
    };
    enum envelope_reason rc = find_exchange(&base, &target, file, err);

    if (rc == ENVELOPE_OK)
        rc = fill_form(&form, file, impersonates, err);
    if (rc == ENVELOPE_OK)
        rc = add_client(&basic, &form, file, err);
    if (rc == ENVELOPE_OK
        && (base.failed || target.failed || basic.failed || form.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK) {
        question.base = kms_text_get(&base);
        question.target = kms_text_get(&target);
        question.headers[0].name = "Authorization";
        question.headers[0].value = basic.data;
        rc = ask_for_token(credentials, file, &question, err);
    }
    kms_text_clear(&form);
    kms_text_clear(&basic);
    kms_text_clear(&target);
    kms_text_clear(&base);
    return rc;
}

/* And for a service account's */

static enum envelope_reason
fill_body(struct kms_text *body, const struct kms_google_file *file,
          struct envl_err *err)
{
    long seconds = LIFETIME_S;

    if (kms_json_has(file->json, "service_account_impersonation."
                                 "token_lifetime_seconds"))
        seconds = kms_google_number(&file->content, "token_lifetime_seconds");
    if (seconds < 1 || seconds > LIFETIME_MAX_S)
        return kms_google_fail(err, file,
                               "service_account_impersonation."
                               "token_lifetime_seconds has to be a number from "
                               "1 to %d",
                               LIFETIME_MAX_S);
    kms_json_begin(body);
    kms_json_add_raw(body, "scope",
                     "[\"" KMS_GOOGLE_SCOPE "\",\"" KMS_GOOGLE_KMS_SCOPE "\"]");
    kms_text_addf(body, ",\"lifetime\":\"%lds\"", seconds);
    kms_json_end(body);
    return ENVELOPE_OK;
}

/* credentials have the token that was exchanged, and get the other one. */
static enum envelope_reason
impersonate(struct kms_credentials *credentials,
            const struct kms_google_file *file,
            struct kms_google_question *question, struct envl_err *err)
{
    struct kms_text bearer = { 0 };
    enum envelope_reason rc;

    kms_text_addf(&bearer, "Bearer %s", kms_text_get(&credentials->token));
    question->headers[0].name = "Authorization";
    question->headers[0].value = bearer.data;
    rc = bearer.failed ? envl_fail_memory(err)
                       : ask_for_token(credentials, file, question, err);
    kms_text_clear(&bearer);
    return rc;
}

enum envelope_reason
kms_google_from_federation(struct kms_credentials *credentials,
                           const struct kms_google_file *file,
                           struct envl_err *err)
{
    static const char url[] = "service_account_impersonation_url";
    const bool impersonates = kms_json_has(file->json, url);
    struct kms_text base = { 0 }, target = { 0 }, body = { 0 };
    struct kms_google_question question = {
        .type = "application/json",
        .body = &body,
        .advice = "the workload needs roles/iam.workloadIdentityUser at the "
                  "service account",
    };
    enum envelope_reason rc = ENVELOPE_OK;

    /* Before anybody is asked: the whole file has to be good. */
    if (impersonates)
        rc = find_url(&base, &target, file, url, "iamcredentials", err);
    if (rc == ENVELOPE_OK && impersonates)
        rc = fill_body(&body, file, err);
    if (rc == ENVELOPE_OK && (base.failed || target.failed || body.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = exchange(credentials, file, impersonates, err);
    if (rc == ENVELOPE_OK && impersonates) {
        question.base = kms_text_get(&base);
        question.target = kms_text_get(&target);
        rc = impersonate(credentials, file, &question, err);
    }
    kms_text_clear(&body);
    kms_text_clear(&target);
    kms_text_clear(&base);
    return rc;
}
