/* SPDX-License-Identifier: Apache-2.0 */
/* The token that a machine of Google's has for what runs on it. */
#include <string.h>

#include "kms/cloud/google_sources.h"

#define ADDRESS "169.254.169.254"

void
kms_google_machine(struct kms_text *url, const struct kms_world *world)
{
    const char *host = world->variable(world->arg, "GCE_METADATA_IP");

    if (host == NULL)
        host = world->variable(world->arg, "GCE_METADATA_HOST");
    /* The name of this address, which nobody has to be asked for. */
    if (host == NULL || strcmp(host, "metadata.google.internal") == 0)
        host = ADDRESS;
    kms_text_addf(url, "%s%s", strstr(host, "://") != NULL ? "" : "http://",
                  host);
}

/* What there is to be said against it, or NULL.  Only Google's server has the header,
 * and no other one by accident. */
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

static enum envelope_reason
take_reply(struct kms_credentials *credentials,
           const struct kms_google_file *file, const char *host,
           const struct kms_reply *reply, struct envl_err *err)
{
    if (reply->status != 200)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the metadata server at %.60s: HTTP status %d", host,
                         reply->status);
    return kms_source_take(credentials, file->seeker, &reply->body,
                           &kms_google_token, host, err);
}

enum envelope_reason
kms_google_from_machine(struct kms_credentials *credentials,
                        struct kms_google_file *file, struct envl_err *err)
{
    struct kms_source_request request = {
        .method = "GET",
        .path = "/computeMetadata/v1/instance/service-accounts/default/token",
        .headers = { { "Metadata-Flavor", "Google" } },
    };
    const char *path = kms_text_get(&file->path), *host, *why;
    struct kms_text url = { 0 };
    struct kms_reply reply = { 0 };
    struct envl_err inner = { .detail = "it is another one" };
    enum envelope_reason rc = ENVELOPE_R_CREDENTIALS;

    kms_google_machine(&url, file->seeker->world);
    request.url = kms_text_get(&url);
    host = strstr(request.url, "://");
    host = host != NULL ? host + 3 : "";
    if (url.failed)
        rc = envl_fail_memory(&inner);
    else if (strncmp(request.url, "http:", 5) == 0 && strchr(host, '/') == NULL)
        rc = kms_source_send(&reply, file->seeker, &request, &inner);
    why = refuse(&reply, rc);
    if (why != NULL)
        rc = envl_fail(
            err, ENVELOPE_R_CREDENTIALS,
            "no credentials for Google Cloud: looked for "
            "GOOGLE_APPLICATION_CREDENTIALS, for %.100s%s and for the "
            "metadata server at %.60s, which %s",
            path, *path != '\0' ? "," : "a home directory,", host, why);
    else if (rc == ENVELOPE_OK)
        rc = take_reply(credentials, file, host, &reply, err);
    else if (rc == ENVELOPE_R_CREDENTIALS)
        rc = envl_fail(err, rc,
                       "GCE_METADATA_IP or GCE_METADATA_HOST has to be an "
                       "address of this machine or of a metadata server, "
                       "without a path: %.200s",
                       inner.detail);
    else
        *err = inner;
    kms_reply_clear(&reply);
    kms_text_clear(&url);
    return rc;
}
