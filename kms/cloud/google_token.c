/* SPDX-License-Identifier: Apache-2.0 */
/* Asking Google's services for a token; and the simplest question, that of a user. */
#include <string.h>

#include "kms/cloud/google_sources.h"

const struct kms_source_document kms_google_token = {
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
    const char *said = world->variable(world->arg, KMS_GOOGLE_OAUTH_VARIABLE);
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    kms_text_addf(&url, "https://%s", host);
    request->name = host;
    request->method = "POST";
    request->url = said != NULL ? said : kms_text_get(&url);
    request->is_far = true;
    rc = url.failed ? envl_fail_memory(err)
                    : kms_source_ask(credentials, file->seeker, request,
                                     &kms_google_token, err);
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
