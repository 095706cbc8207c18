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

#define GRANT "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"

#define SOURCE "credential_source."

/* Hosts */

/* Such as europe-west9.  Any other label could be a bucket's: "sts" of
 * storage.googleapis.com may be anybody's. */
static bool
is_region(struct kms_span label)
{
    return memchr(label.data, '-', label.len) != NULL
           && strchr(KMS_DIGITS, label.data[label.len - 1]) != NULL;
}

/* Google's names for a service: for all regions, sts.REGION, REGION-sts, and
 * sts-NAME.p of Private Service Connect. */
static bool
is_host(const char *host, const char *service, const char *universe)
{
    const size_t len = strlen(service);
    struct kms_span rest = { host, strlen(host) };
    const struct kms_span first = kms_span_cut(&rest, '.');
    const bool is_it = kms_span_is(first, service),
               is_longer = first.len > len + 1;
    struct kms_span second;

    if (kms_span_is(rest, universe))
        return is_it
               || (is_longer && host[first.len - len - 1] == '-'
                   && memcmp(host + first.len - len, service, len) == 0);
    second = kms_span_cut(&rest, '.');
    return kms_span_is(rest, universe)
           && ((is_it && is_region(second))
               || (kms_span_is(second, "p") && is_longer && host[len] == '-'
                   && memcmp(host, service, len) == 0));
}

/* Host and path of a URL of the file; where it has none, of the token service. */
static enum envelope_reason
find_place(struct kms_endpoint *place, struct kms_google_file *file,
           const char *name, const char *service, struct envl_err *err)
{
    const char *universe = file->universe;
    const char *url = kms_google_get(file, name);
    struct kms_text usual = { 0 };
    struct envl_err why;
    enum envelope_reason rc = kms_google_check(file, err);

    if (rc != ENVELOPE_OK)
        return rc;
    kms_text_addf(&usual, "https://%s.%s/v1/token", service, universe);
    rc = usual.failed
             ? envl_fail_memory(&why)
             : kms_endpoint_parse(
                 place, url != NULL ? url : kms_text_get(&usual), false, &why);
    kms_text_clear(&usual);
    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (rc == ENVELOPE_OK && place->path.len > 0
        && is_host(kms_text_get(&place->host), service, universe))
        return ENVELOPE_OK;
    return kms_google_fail(err, file,
                           "%s has to be a URL at https://%s.%s, since tokens "
                           "are sent there",
                           name, service, universe);
}

/* The token of somebody else: in a file, or at a URL */

/* The content is the token, or has it under one of its names. */
static enum envelope_reason
take_subject(struct kms_text *token, const struct kms_text *content,
             struct kms_google_file *file, struct envl_err *err)
{
    const char *type = kms_google_get(file, SOURCE "format.type");
    const bool is_json = type != NULL && strcmp(type, "json") == 0;
    const char *field =
        is_json
            ? kms_google_need(file, SOURCE "format.subject_token_field_name")
            : NULL;
    const char *text = kms_text_get(content);
    size_t len = content->len;
    struct kms_json *json = NULL;
    enum envelope_reason rc = kms_google_check(file, err);

    if (rc == ENVELOPE_OK && is_json) {
        rc = kms_json_parse(&json, text, len, err);
        text = rc == ENVELOPE_OK ? kms_json_text(json, field) : NULL;
        len = text != NULL ? strlen(text) : 0;
        if (rc == ENVELOPE_R_KEY_SERVICE)
            rc = kms_google_fail(err, file,
                                 "what credential_source names is not JSON");
    } else if (rc == ENVELOPE_OK && type != NULL && strcmp(type, "text") != 0)
        rc = kms_google_fail(err, file,
                             SOURCE "format.type has to be text or json");
    kms_text_add_bytes(token, text, len);
    kms_json_free(json);
    if (rc == ENVELOPE_OK && !token->failed && !kms_source_is_line(token))
        rc = kms_google_fail(err, file,
                             "what credential_source names has no token, or "
                             "not in one line of printable ASCII");
    return rc;
}

/* The host decides here whether plain http will do; the user's own file names it. */
static enum envelope_reason
ask_for_subject(struct kms_text *content, const struct kms_google_file *file,
                const char *url, struct envl_err *err)
{
    const struct kms_json *json = file->json;
    const struct kms_source_request request = {
        .name = SOURCE "url",
        .method = "GET",
        .url = url,
        .headers = {
            { "Authorization",
              kms_json_text(json, SOURCE "headers.Authorization") },
            { "Metadata", kms_json_text(json, SOURCE "headers.Metadata") },
            { "Accept", kms_json_text(json, SOURCE "headers.Accept") },
        },
        .advice = "of credential_source.headers, Authorization, Metadata and "
                  "Accept are sent",
        .is_far = true,
    };
    struct kms_reply reply = { 0 };
    enum envelope_reason rc =
        kms_source_send(&reply, file->seeker, &request, err);

    *content = reply.body;
    reply.body = (struct kms_text){ 0 };
    kms_reply_clear(&reply);
    return rc;
}

static enum envelope_reason
read_subject(struct kms_text *content, const struct kms_google_file *file,
             const char *path, struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    enum envelope_reason rc =
        world->read(world->arg, content, path, KMS_GOOGLE_FILE_LEN_MAX, err);

    if (rc == ENVELOPE_OK && content->data == NULL)
        rc = kms_google_fail(
            err, file, SOURCE "file: %.120s: there is no such file", path);
    return rc;
}

static enum envelope_reason
find_subject(struct kms_text *token, struct kms_google_file *file,
             struct envl_err *err)
{
    static const char *const refused[][2] = {
        { SOURCE "executable",
          "no program is run: have it write its token to a file, and name that "
          "as credential_source.file" },
        { SOURCE "environment_id",
          "requests that AWS signs are not sent: use a token of OpenID "
          "Connect, as credential_source.file or .url" },
        { SOURCE "certificate",
          "client certificates are not used: use a token, as "
          "credential_source.file or .url" },
    };
    const char *path = kms_google_get(file, SOURCE "file");
    const char *url = kms_google_get(file, SOURCE "url");
    struct kms_text content = { 0 };
    enum envelope_reason rc;
    size_t i;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (kms_json_has(file->json, refused[i][0]))
            return kms_google_fail(err, file, "%s: %s", refused[i][0],
                                   refused[i][1]);
    }
    rc = kms_google_check(file, err);
    if (rc == ENVELOPE_OK && (path == NULL) == (url == NULL))
        rc = kms_google_fail(err, file,
                             "credential_source has to have a file or a url");
    else if (rc == ENVELOPE_OK)
        rc = path != NULL ? read_subject(&content, file, path, err)
                          : ask_for_subject(&content, file, url, err);
    if (rc == ENVELOPE_OK)
        rc = take_subject(token, &content, file, err);
    kms_text_clear(&content);
    return rc;
}

/* Exchanging it */

/* Of a client that is known to Google, who it is; else who is charged. */
static void
add_client(struct kms_text *basic, struct kms_text *form,
           struct kms_google_file *file)
{
    const char *id = kms_google_get(file, "client_id");
    const char *secret = kms_google_get(file, "client_secret");
    const char *project = kms_google_get(file, "workforce_pool_user_project");
    struct kms_text pair = { 0 };

    if (id != NULL) {
        kms_text_addf(&pair, "%s:%s", id, secret != NULL ? secret : "");
        kms_text_add(basic, "Basic ");
        kms_text_add_base64(basic, kms_text_get(&pair), pair.len);
    } else if (project != NULL) {
        kms_json_begin(&pair);
        kms_json_add(&pair, "userProject", project);
        kms_json_end(&pair);
        kms_form_add(form, "options", kms_text_get(&pair));
    }
    basic->failed = basic->failed || pair.failed;
    kms_text_clear(&pair);
}

static enum envelope_reason
exchange(struct kms_credentials *credentials, struct kms_google_file *file,
         bool impersonates, struct envl_err *err)
{
    const struct kms_google_field fields[] = {
        { "grant_type", GRANT },
        { "requested_token_type", ACCESS_TOKEN },
        { "scope", impersonates ? KMS_GOOGLE_SCOPE : KMS_GOOGLE_SCOPES },
        { "audience", NULL },
        { "subject_token_type", NULL },
    };
    struct kms_endpoint place = { 0 };
    struct kms_text token = { 0 }, basic = { 0 }, form = { 0 };
    struct kms_source_request request = {
        .headers = { { "Authorization", NULL } },
        .body = &form,
        .type = KMS_FORM,
        .advice = "look at the provider of the workload identity pool",
    };
    enum envelope_reason rc = find_place(&place, file, "token_url", "sts", err);

    kms_google_form(&form, file, fields, sizeof(fields) / sizeof(fields[0]));
    if (rc == ENVELOPE_OK)
        rc = kms_google_check(file, err);
    if (rc == ENVELOPE_OK)
        rc = find_subject(&token, file, err);
    if (rc == ENVELOPE_OK) {
        kms_form_add(&form, "subject_token", kms_text_get(&token));
        add_client(&basic, &form, file);
        rc = token.failed || basic.failed ? envl_fail_memory(err)
                                          : kms_google_check(file, err);
    }
    if (rc == ENVELOPE_OK) {
        request.path = kms_text_get(&place.path);
        request.headers[0].value = basic.data;
        rc = kms_google_ask(credentials, file, kms_text_get(&place.host),
                            &request, err);
    }
    kms_text_clear(&form);
    kms_text_clear(&basic);
    kms_text_clear(&token);
    kms_endpoint_clear(&place);
    return rc;
}

/* And for a service account's */

static enum envelope_reason
fill_body(struct kms_text *body, const struct kms_google_file *file,
          struct envl_err *err)
{
    static const char name[] =
        "service_account_impersonation.token_lifetime_seconds";
    const int64_t seconds = kms_json_has(file->json, name)
                                ? kms_json_number(file->json, name)
                                : LIFETIME_S;

    if (seconds < 1 || seconds > LIFETIME_MAX_S)
        return kms_google_fail(err, file, "%s has to be a number from 1 to %d",
                               name, LIFETIME_MAX_S);
    kms_text_addf(body, "{\"scope\":[\"%s\",\"%s\"],\"lifetime\":\"%ds\"}",
                  KMS_GOOGLE_SCOPE, KMS_GOOGLE_KMS_SCOPE, (int)seconds);
    return ENVELOPE_OK;
}

enum envelope_reason
kms_google_from_federation(struct kms_credentials *credentials,
                           struct kms_google_file *file, struct envl_err *err)
{
    static const char url[] = "service_account_impersonation_url";
    const bool impersonates = kms_json_has(file->json, url);
    struct kms_endpoint place = { 0 };
    struct kms_text body = { 0 }, bearer = { 0 };
    struct kms_source_request request = {
        .headers = { { "Authorization", NULL } },
        .body = &body,
        .type = "application/json",
        .advice = "the workload needs roles/iam.workloadIdentityUser at the "
                  "service account",
    };
    enum envelope_reason rc = ENVELOPE_OK;

    /* Before anybody is asked: the whole file has to be good. */
    if (impersonates)
        rc = find_place(&place, file, url, "iamcredentials", err);
    if (rc == ENVELOPE_OK && impersonates)
        rc = fill_body(&body, file, err);
    if (rc == ENVELOPE_OK)
        rc = exchange(credentials, file, impersonates, err);
    if (rc == ENVELOPE_OK && impersonates) {
        kms_text_addf(&bearer, "Bearer %s", kms_text_get(&credentials->token));
        request.path = kms_text_get(&place.path);
        request.headers[0].value = kms_text_get(&bearer);
        rc = bearer.failed
                 ? envl_fail_memory(err)
                 : kms_google_ask(credentials, file, kms_text_get(&place.host),
                                  &request, err);
    }
    kms_text_clear(&bearer);
    kms_text_clear(&body);
    kms_endpoint_clear(&place);
    return rc;
}
