/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that the machine or the container gives to what runs on it. */
#include <string.h>

#include "kms/aws/sources.h"
#include "kms/engine/kept.h"

#define ENV "AWS_CONTAINER_"

static const struct kms_source_document document = {
    .names = { .id = "AccessKeyId",
               .secret = "SecretAccessKey",
               .token = "Token" },
    .expires = "Expiration",
    .code = "Code",
    .message = "Message",
};

/* A variable's token is refused where AWS's own programs refuse it, too: with a
 * line end. */
static enum envelope_reason
read_token(struct kms_text *token, const struct kms_world *world,
           struct envl_err *err)
{
    const char *path =
        kms_world_variable(world, ENV "AUTHORIZATION_TOKEN_FILE");
    const char *said = kms_world_variable(world, ENV "AUTHORIZATION_TOKEN");

    if (path != NULL)
        return kms_source_token_file(token, world, path, err);
    if (said != NULL && !kms_is_printable(said))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         ENV "AUTHORIZATION_TOKEN is not one line of "
                             "printable ASCII without a line end");
    kms_text_set(token, said != NULL ? said : "");
    return token->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

enum envelope_reason
kms_aws_from_container(struct kms_credentials *credentials,
                       const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    struct kms_source_request request = {
        .name = ENV "CREDENTIALS_RELATIVE_URI",
        .method = "GET",
    };
    struct kms_text path = { 0 }, url = { 0 }, token = { 0 };
    enum envelope_reason rc =
        kms_source_variable(&path, world, request.name, err);

    if (rc == ENVELOPE_OK && path.len > 0) {
        kms_text_addf(&url, "http://169.254.170.2%s", path.data);
        if (path.data[0] != '/')
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "%s: it does not begin with a slash", request.name);
    } else if (rc == ENVELOPE_OK) {
        request.name = ENV "CREDENTIALS_FULL_URI";
        rc = kms_source_variable(&url, world, request.name, err);
    }
    if (rc == ENVELOPE_OK && url.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && url.len > 0) {
        rc = read_token(&token, world, err);
        request.url = url.data;
        request.headers[0].name = "Authorization";
        request.headers[0].value = token.len > 0 ? token.data : NULL;
        if (rc == ENVELOPE_OK
            && !kms_kept_find(credentials, seeker, url.data)) {
            rc = kms_source_ask(credentials, seeker, &request, &document, err);
            if (rc == ENVELOPE_OK)
                kms_kept_put(seeker, url.data, credentials);
        }
    }
    kms_text_clear(&token);
    kms_text_clear(&url);
    kms_text_clear(&path);
    return rc;
}

static bool
says(const struct kms_world *world, const char *name, const char *value)
{
    const char *text = kms_world_variable(world, name);

    return text != NULL && kms_same_name(text, strlen(text), value);
}

bool
kms_aws_instance_is_off(const struct kms_world *world)
{
    return says(world, "AWS_EC2_METADATA_DISABLED", "true");
}

enum envelope_reason
kms_aws_from_instance(struct kms_credentials *credentials,
                      const struct kms_seeker *seeker, struct envl_err *err)
{
    static const char url_name[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    const struct kms_world *world = seeker->world;
    struct kms_source_metadata metadata = {
        .name = "the instance's metadata service",
        .session_path = "/latest/api/token",
        .lifetime_header = "X-aws-ec2-metadata-token-ttl-seconds",
        .session_header = "X-aws-ec2-metadata-token",
        .roles_path = "/latest/meta-data/iam/security-credentials/",
        .document = &document,
    };
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    if (kms_aws_instance_is_off(world))
        return ENVELOPE_OK;
    rc = kms_source_variable(&url, world, url_name, err);
    if (url.len > 0)
        metadata.url = url.data;
    else
        metadata.url =
            says(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6")
                ? "http://[fd00:ec2::254]"
                : "http://169.254.169.254";
    if (rc == ENVELOPE_OK)
        rc = kms_source_metadata_ask(credentials, seeker, &metadata, "", err);
    kms_text_clear(&url);
    return rc;
}
