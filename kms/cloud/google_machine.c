/* SPDX-License-Identifier: Apache-2.0 */
/* The token that a machine of Google's has for what runs on it. */
#include <string.h>

#include "kms/cloud/google_sources.h"
#include "kms/http/exchange.h"

#define ADDRESS "169.254.169.254"
#define TOKEN "/computeMetadata/v1/instance/service-accounts/default/token"

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

static enum envelope_reason
find_endpoint(struct kms_endpoint *endpoint, const struct kms_world *world,
              struct envl_err *err)
{
    struct kms_text url = { 0 };
    struct envl_err why = { 0 };
    enum envelope_reason rc;

    kms_google_machine(&url, world);
    rc = url.failed
             ? envl_fail_memory(&why)
             : kms_endpoint_parse(endpoint, kms_text_get(&url), true, &why);
    kms_text_clear(&url);
    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (rc == ENVELOPE_OK && endpoint->plain && endpoint->path.len == 0)
        return ENVELOPE_OK;
    return envl_fail(
        err, ENVELOPE_R_CREDENTIALS,
        "GCE_METADATA_IP or GCE_METADATA_HOST has to be an address "
        "of this machine or of a metadata server, without a path: "
        "%.200s",
        rc != ENVELOPE_OK ? why.detail : "it is another one");
}

/* Only Google's server says so, and no other one by accident. */
static bool
is_google(const struct kms_reply *reply)
{
    return strcmp(kms_text_get(&reply->headers[KMS_REPLY_FLAVOR]), "Google")
           == 0;
}

static enum envelope_reason
fail_nothing(const struct kms_google_file *file, const char *host,
             const char *why, struct envl_err *err)
{
    const char *path = kms_text_get(&file->path);

    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "no credentials for Google Cloud: looked for "
                     "GOOGLE_APPLICATION_CREDENTIALS, for %.100s%s and for the "
                     "metadata server at %.60s, which %s",
                     path, *path != '\0' ? "," : "a home directory,", host,
                     why);
}

static enum envelope_reason
take_reply(struct kms_credentials *credentials,
           const struct kms_google_file *file, const char *host,
           const struct kms_reply *reply, struct envl_err *err)
{
    if (!is_google(reply))
        return fail_nothing(file, host, "is not Google's", err);
    if (reply->status == 404)
        return fail_nothing(file, host, "has no service account", err);
    if (reply->status != 200)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the metadata server at %.60s: HTTP status %d", host,
                         reply->status);
    return kms_google_take_token(credentials, &reply->body, host, file->seeker,
                                 err);
}

enum envelope_reason
kms_google_from_machine(struct kms_credentials *credentials,
                        const struct kms_google_file *file,
                        struct envl_err *err)
{
    const struct kms_world *world = file->seeker->world;
    struct kms_endpoint endpoint = { 0 };
    struct kms_request request = { 0 };
    struct kms_reply reply = { 0 };
    const char *host;
    enum envelope_reason rc = find_endpoint(&endpoint, world, err);

    if (rc == ENVELOPE_OK) {
        host = kms_text_get(&endpoint.host);
        kms_request_init(&request, "GET", &endpoint, TOKEN);
        kms_request_add(&request, "Metadata-Flavor", "Google");
        rc = kms_get(world, &reply, &request, err);
        if (rc == ENVELOPE_OK)
            rc = take_reply(credentials, file, host, &reply, err);
        else if (rc == ENVELOPE_R_KEY_SERVICE)
            rc = fail_nothing(file, host, "does not answer", err);
    }
    kms_reply_clear(&reply);
    kms_request_clear(&request);
    kms_endpoint_clear(&endpoint);
    return rc;
}
