/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that the machine or the container gives to what runs on it. */
#include "kms/aws/sources.h"

#include <string.h>

#include "kms/http/exchange.h"
#include "kms/http/http.h"

#define STATUS_OK 200
#define STATUS_NOT_FOUND 404
#define STATUS_SLOW_DOWN 429
#define STATUS_SERVER_ERROR 500

#define TOKEN_LEN_MAX 65536
#define IMDS_TOKEN_TTL_S "21600"
#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"
#define ROLE_LEN_MAX 128
#define ROLE_CHARACTERS                                    \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
    "0123456789+=,.@_-"

/* Who is asked, and how it is called in messages. */
struct service {
    const struct kms_world *world;
    const char *name;
    struct kms_endpoint endpoint;
    struct kms_text token; /* that it wants to see */
};

static const char *
variable(const struct kms_world *world, const char *name)
{
    return world->variable(world->arg, name);
}

/* Asking */

static enum envelope_reason
set_endpoint(struct service *service, const char *url, struct envl_err *err)
{
    struct envl_err inner;
    enum envelope_reason rc =
        kms_endpoint_parse(&service->endpoint, url, true, &inner);

    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (rc != ENVELOPE_OK)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.250s",
                         service->name, inner.detail);
    return ENVELOPE_OK;
}

/* Any reply at all is ENVELOPE_OK.  The request is used up. */
static enum envelope_reason
send(const struct service *service, struct kms_reply *reply,
     struct kms_request *request, struct envl_err *err)
{
    struct envl_err inner;
    enum envelope_reason rc = kms_get(service->world, reply, request, &inner);

    kms_request_clear(request);
    if (rc == ENVELOPE_R_UNREADABLE_KEY)
        rc = ENVELOPE_R_CREDENTIALS; /* a path from the environment */
    if (rc != ENVELOPE_OK)
        return envl_fail(err, rc, "%s: %.250s", service->name, inner.detail);
    return ENVELOPE_OK;
}

static enum envelope_reason
check_status(const struct service *service, const struct kms_reply *reply,
             struct envl_err *err)
{
    if (reply->status == STATUS_OK)
        return ENVELOPE_OK;
    return envl_fail(err,
                     reply->status >= STATUS_SERVER_ERROR
                             || reply->status == STATUS_SLOW_DOWN
                         ? ENVELOPE_R_KEY_SERVICE
                         : ENVELOPE_R_CREDENTIALS,
                     "%s: it answers with HTTP status %d", service->name,
                     reply->status);
}

/* Credentials from a path; header is the one that the token goes in. */
static enum envelope_reason
get_document(const struct service *service, struct kms_credentials *credentials,
             const char *path, const char *header, struct envl_err *err)
{
    struct kms_reply reply = { 0 };
    struct kms_request request;
    enum envelope_reason rc;

    kms_request_init(&request, "GET", &service->endpoint, path);
    if (service->token.len > 0)
        kms_request_add(&request, header, "%s", kms_text_get(&service->token));
    rc = send(service, &reply, &request, err);
    if (rc == ENVELOPE_OK)
        rc = check_status(service, &reply, err);
    if (rc == ENVELOPE_OK)
        rc = kms_aws_take_document(credentials, &reply.body, "Token",
                                   service->name, err);
    kms_reply_clear(&reply);
    return rc;
}

static void
clear(struct service *service)
{
    kms_endpoint_clear(&service->endpoint);
    kms_text_clear(&service->token);
}

/* Containers */

static enum envelope_reason
read_container_token(struct service *service, struct envl_err *err)
{
    const struct kms_world *world = service->world;
    const char *path =
        variable(world, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = variable(world, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    enum envelope_reason rc = ENVELOPE_OK;

    if (path != NULL)
        rc = world->read(world->arg, &service->token, path, TOKEN_LEN_MAX, err);
    else if (token != NULL)
        kms_text_set(&service->token, token);
    if (rc != ENVELOPE_OK || (path == NULL && token == NULL))
        return rc;
    if (service->token.failed)
        return envl_fail_memory(err);
    if (!kms_is_printable(kms_text_get(&service->token))
        || strlen(service->token.data) != service->token.len)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%.200s: the token is missing, empty or not one line "
                         "of printable ASCII without a line end",
                         path != NULL ? path
                                      : "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    return ENVELOPE_OK;
}

/* The URL, cut in front of its path, and that; a path may have a query. */
static enum envelope_reason
get_from_container(struct service *service, struct kms_credentials *credentials,
                   const char *url, struct envl_err *err)
{
    const char *host = strstr(url, "://");
    size_t len = host != NULL ? strcspn(host + 3, "/?#") : 0;
    struct kms_text base = { 0 };
    enum envelope_reason rc;

    if (host == NULL || host[3 + len] != '/' || strchr(url, '#') != NULL)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: this is not a URL with a path", service->name);
    kms_text_add_bytes(&base, url, (size_t)(host - url) + 3 + len);
    rc = base.failed ? envl_fail_memory(err)
                     : set_endpoint(service, kms_text_get(&base), err);
    if (rc == ENVELOPE_OK)
        rc = get_document(service, credentials, host + 3 + len, "Authorization",
                          err);
    kms_text_clear(&base);
    return rc;
}

enum envelope_reason
kms_aws_from_container(struct kms_credentials *credentials,
                       const struct kms_world *world, struct envl_err *err)
{
    struct service service = {
        .world = world,
        .name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    };
    const char *relative = variable(world, service.name);
    const char *full = variable(world, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    if (relative == NULL && full == NULL)
        return ENVELOPE_OK;
    if (relative == NULL)
        service.name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    kms_text_addf(&url, "%s%s",
                  relative != NULL ? "http://169.254.170.2" : full,
                  relative != NULL ? relative : "");
    if (url.failed)
        rc = envl_fail_memory(err);
    else if (relative != NULL && *relative != '/')
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: it does not begin with a slash", service.name);
    else
        rc = read_container_token(&service, err);
    if (rc == ENVELOPE_OK)
        rc = get_from_container(&service, credentials, kms_text_get(&url), err);
    kms_text_clear(&url);
    clear(&service);
    return rc;
}

/* Instances */

bool
kms_aws_instance_is_off(const struct kms_world *world)
{
    const char *value = variable(world, "AWS_EC2_METADATA_DISABLED");

    return value != NULL && kms_same_name(value, strlen(value), "true");
}

static const char *
instance_url(const struct kms_world *world)
{
    const char *url = variable(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode =
        variable(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

    if (url != NULL)
        return url;
    return mode != NULL && kms_same_name(mode, strlen(mode), "ipv6")
               ? "http://[fd00:ec2::254]"
               : "http://169.254.169.254";
}

/* The token of IMDSv2; empty if nobody answers.  There is no way back to
 * version 1, which anybody can use who makes us send a request. */
static enum envelope_reason
get_instance_token(struct service *service, struct envl_err *err)
{
    struct kms_reply reply = { 0 };
    struct kms_request request;
    enum envelope_reason rc;

    kms_request_init(&request, "PUT", &service->endpoint, "/latest/api/token");
    kms_request_add(&request, "X-aws-ec2-metadata-token-ttl-seconds",
                    IMDS_TOKEN_TTL_S);
    rc = send(service, &reply, &request, err);
    if (rc == ENVELOPE_OK)
        rc = check_status(service, &reply, err);
    else if (rc == ENVELOPE_R_KEY_SERVICE)
        rc = ENVELOPE_OK; /* and no status */
    if (rc == ENVELOPE_OK && reply.status == STATUS_OK) {
        kms_text_set(&service->token, kms_text_get(&reply.body));
        if (service->token.failed)
            rc = envl_fail_memory(err);
        else if (!kms_is_printable(kms_text_get(&service->token)))
            rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                           "%s: its token is not printable", service->name);
    }
    kms_reply_clear(&reply);
    return rc;
}

/* The path of the first role's credentials. */
static enum envelope_reason
find_role(const struct service *service, struct kms_text *path,
          struct envl_err *err)
{
    struct kms_reply reply = { 0 };
    struct kms_request request;
    const char *roles;
    enum envelope_reason rc;
    size_t len;

    kms_request_init(&request, "GET", &service->endpoint, IMDS_ROLES);
    kms_request_add(&request, "X-aws-ec2-metadata-token", "%s",
                    kms_text_get(&service->token));
    rc = send(service, &reply, &request, err);
    roles = kms_text_get(&reply.body);
    len = strcspn(roles, "\r\n");
    if (rc == ENVELOPE_OK && reply.status != STATUS_NOT_FOUND)
        rc = check_status(service, &reply, err);
    if (rc == ENVELOPE_OK && (reply.status == STATUS_NOT_FOUND || len == 0))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: the instance has no role", service->name);
    else if (rc == ENVELOPE_OK
             && (len > ROLE_LEN_MAX || strspn(roles, ROLE_CHARACTERS) != len))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                       "%s: what it says is not the name of a role",
                       service->name);
    kms_text_addf(path, IMDS_ROLES "%.*s", (int)len, roles);
    if (rc == ENVELOPE_OK && path->failed)
        rc = envl_fail_memory(err);
    kms_reply_clear(&reply);
    return rc;
}

enum envelope_reason
kms_aws_from_instance(struct kms_credentials *credentials,
                      const struct kms_world *world, struct envl_err *err)
{
    struct service service = {
        .world = world,
        .name = "the instance's metadata service",
    };
    struct kms_text path = { 0 };
    enum envelope_reason rc;

    if (kms_aws_instance_is_off(world))
        return ENVELOPE_OK;
    rc = set_endpoint(&service, instance_url(world), err);
    if (rc == ENVELOPE_OK)
        rc = get_instance_token(&service, err);
    if (rc == ENVELOPE_OK && service.token.len > 0) {
        rc = find_role(&service, &path, err);
        if (rc == ENVELOPE_OK)
            rc = get_document(&service, credentials, kms_text_get(&path),
                              "X-aws-ec2-metadata-token", err);
    }
    kms_text_clear(&path);
    clear(&service);
    return rc;
}
