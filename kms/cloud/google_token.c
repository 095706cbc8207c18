/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a token: Google's services, for a user; and the machine that we are on,
 * for what runs there. */
#include <string.h>

#include "kms/cloud/google_sources.h"

#define ADDRESS "169.254.169.254"

/* In the words of token services, or of iamcredentials. */
static const struct kms_source_document document = {
    .names = { .token = "access_token", .other_token = "accessToken" },
    .expires = "expireTime",
    .expires_in = "expires_in",
    .reason = ENVELOPE_R_KEY_SERVICE,
};

void
kms_google_form(struct kms_text *form, struct kms_google_file *file,
                const struct kms_google_field *fields, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        kms_form_add(form, fields[i].name,
                     fields[i].value != NULL
                         ? fields[i].value
                         : kms_google_need(file, fields[i].name));
}

enum envelope_reason
kms_google_ask(struct kms_credentials *credentials,
               const struct kms_google_file *file, const char *host,
               struct kms_source_request *request, struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    const char *said = kms_world_variable(world, KMS_GOOGLE_OAUTH_VARIABLE);
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    kms_text_addf(&url, "https://%s", host);
    request->name = host;
    request->method = "POST";
    request->url = said != NULL ? said : kms_text_get(&url);
    request->is_far = true;
    rc = url.failed ? envl_fail_memory(err)
                    : kms_source_ask(credentials, file->seeker, request,
                                     &document, err);
    kms_text_clear(&url);
    return rc;
}

/* By the token that "gcloud auth application-default login" got for him. */
enum envelope_reason
kms_google_from_user(struct kms_credentials *credentials,
                     struct kms_google_file *file, struct envl_err *err)
{
    static const struct kms_google_field fields[] = {
        { "grant_type", "refresh_token" },
        { "client_id", NULL },
        { "client_secret", NULL },
        { "refresh_token", NULL },
    };
    struct kms_text form = { 0 };
    struct kms_source_request request = {
        .path = "/token",
        .body = &form,
        .type = KMS_FORM,
        .advice = "log in again with gcloud auth application-default login",
    };
    enum envelope_reason rc;

    if (strcmp(file->universe, "googleapis.com") != 0)
        return kms_google_fail(err, file,
                               "users log in to googleapis.com only: for the "
                               "cloud %.80s, name the file of a service "
                               "account",
                               file->universe);
    kms_google_form(&form, file, fields, sizeof(fields) / sizeof(fields[0]));
    rc = kms_google_check(file, err);
    if (rc == ENVELOPE_OK)
        rc = kms_google_ask(credentials, file, "oauth2.googleapis.com",
                            &request, err);
    kms_text_clear(&form);
    return rc;
}

/* Machines */

/* The metadata server's URL without a path, and its host in it; NULL for a URL that
 * cannot be one. */
static const char *
find_host(struct kms_text *url, const struct kms_world *world)
{
    const char *host = kms_world_variable(world, KMS_GOOGLE_IP_VARIABLE);

    if (host == NULL)
        host = kms_world_variable(world, KMS_GOOGLE_HOST_VARIABLE);
    /* The name of this address, which nobody has to be asked for. */
    if (host == NULL || strcmp(host, "metadata.google.internal") == 0)
        host = ADDRESS;
    if (strncmp(host, "http://", 7) == 0)
        host += 7;
    kms_text_addf(url, "http://%s", host);
    return strchr(host, '/') == NULL ? host : NULL;
}

/* Why it has no token for us, or NULL.  Only Google's server has this header, and no
 * other one by accident. */
static const char *
refuse(const struct kms_reply *reply, enum envelope_reason rc)
{
    const char *flavor = kms_text_get(&reply->headers[KMS_REPLY_FLAVOR]);

    if (rc == ENVELOPE_R_KEY_SERVICE)
        return "does not answer";
    if (rc == ENVELOPE_OK && strcmp(flavor, "Google") != 0)
        return "is not Google's";
    return reply->status == 404 ? "has no service account" : NULL;
}

enum envelope_reason
kms_google_from_machine(struct kms_credentials *credentials,
                        struct kms_google_file *file, struct envl_err *err)
{
    struct kms_source_request request = {
        .name = "the metadata server",
        .method = "GET",
        .path = "/computeMetadata/v1/instance/service-accounts/default/token",
        .headers = { { "Metadata-Flavor", "Google" } },
    };
    const char *path = kms_text_get(&file->path), *host, *why;
    struct kms_text url = { 0 };
    struct kms_reply reply = { 0 };
    struct envl_err inner = { .detail = "it is another one" };
    enum envelope_reason rc = ENVELOPE_R_CREDENTIALS;

    host = find_host(&url, file->seeker->world);
    request.url = kms_text_get(&url);
    if (url.failed)
        rc = envl_fail_memory(&inner);
    else if (host != NULL)
        rc = kms_source_send(&reply, file->seeker, &request, &inner);
    why = refuse(&reply, rc);
    if (why != NULL)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "no credentials for Google Cloud: looked for "
                       "GOOGLE_APPLICATION_CREDENTIALS, for %.100s%s and for "
                       "the metadata server at %.60s, which %s",
                       path, *path != '\0' ? "," : "a home directory,", host,
                       why);
    else if (rc == ENVELOPE_R_CREDENTIALS)
        rc = envl_fail(err, rc,
                       KMS_GOOGLE_IP_VARIABLE
                       " or " KMS_GOOGLE_HOST_VARIABLE
                       " has to be an address of this machine or of a metadata "
                       "server, without a path: %.200s",
                       inner.detail);
    else if (rc != ENVELOPE_OK)
        *err = inner;
    else if (reply.status != 200)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       "the metadata server at %.60s: HTTP status %d", host,
                       reply.status);
    else
        rc = kms_source_take(credentials, file->seeker, &reply.body, &document,
                             host, err);
    kms_reply_clear(&reply);
    kms_text_clear(&url);
    return rc;
}
