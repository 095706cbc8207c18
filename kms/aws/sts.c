/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Security Token Service (2011-06-15): AssumeRole, signed by the credentials
 * that there are, and AssumeRoleWithWebIdentity, which is for a token.
 */
#include <string.h>

#include "kms/aws/endpoint.h"
#include "kms/aws/key.h"
#include "kms/aws/sources.h"
#include "kms/core/time.h"
#include "kms/core/xml.h"
#include "kms/engine/kept.h"
#include "kms/http/exchange.h"

#define STATUS_OK 200

struct call {
    const struct kms_seeker *seeker;
    const struct kms_aws_role *role;
    const char *session_name;
    struct kms_text region, ca_file, token;
    struct kms_endpoint endpoint;
    const struct kms_credentials *source; /* it is signed with */
    struct kms_credentials made;
};

static bool
is_web_identity(const struct kms_aws_role *role)
{
    return role->token_file.len > 0;
}

void
kms_aws_role_clear(struct kms_aws_role *role)
{
    kms_text_clear(&role->arn);
    kms_text_clear(&role->session_name);
    kms_text_clear(&role->external_id);
    kms_text_clear(&role->duration);
    kms_text_clear(&role->token_file);
}

/* The request */

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    const struct call *call = arg;
    const struct kms_aws_role *role = call->role;
    const bool is_web = is_web_identity(role);
    const struct {
        const char *name, *value; /* "" is not sent */
    } fields[] = {
        { "Action", is_web ? "AssumeRoleWithWebIdentity" : "AssumeRole" },
        { "Version", "2011-06-15" },
        { "RoleArn", kms_text_get(&role->arn) },
        { "RoleSessionName", call->session_name },
        { "DurationSeconds", kms_text_get(&role->duration) },
        { "ExternalId", is_web ? "" : kms_text_get(&role->external_id) },
        { "WebIdentityToken", kms_text_get(&call->token) },
    };
    const struct kms_sign how = {
        .form = KMS_SIGN_AWS4,
        .ctx = call->seeker->ctx,
        .credentials = call->source,
        .region = kms_text_get(&call->region),
        .service = "sts",
    };
    size_t i;

    kms_request_init(request, "POST", &call->endpoint, "/");
    kms_request_add(request, "Content-Type", KMS_FORM "; charset=utf-8");
    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (*fields[i].value != '\0')
            kms_form_add(&request->body, fields[i].name, fields[i].value);
    }
    if (call->ca_file.len > 0)
        request->tls.ca_file = kms_text_get(&call->ca_file);
    return is_web ? ENVELOPE_OK : kms_sign(request, &how, now, err);
}

/* Read anew for each request: who writes the file replaces it from time to time. */
static enum envelope_reason
read_token(void *arg, struct envl_err *err)
{
    struct call *call = arg;

    return kms_source_token_file(&call->token, call->seeker->world,
                                 kms_text_get(&call->role->token_file), err);
}

/* The reply */

/* Of all others, the status decides. */
static const struct rule {
    const char *code;
    enum kms_outcome outcome;
    const char *advice;
} rules[] = {
    { "AccessDenied", KMS_FAILED,
      "check the role's trust policy, and whose credentials these are" },
    { "ExpiredToken", KMS_FAILED, "renew the credentials of the source" },
    { "ExpiredTokenException", KMS_FAILED,
      "the token has expired: whoever writes its file has to write a new one" },
    { "IDPCommunicationError", KMS_RETRY, "" },
    { "IDPRejectedClaim", KMS_FAILED, "ask for a new token" },
    { "InvalidClientTokenId", KMS_FAILED, "check the access key id" },
    { "InvalidIdentityToken", KMS_EXPIRED,
      "check the token's file, and the identity provider in the account" },
    { "RegionDisabledException", KMS_FAILED, "set AWS_REGION to another one" },
    { "RequestExpired", KMS_SKEWED, "check this machine's clock" },
    { "SignatureDoesNotMatch", KMS_SKEWED,
      "check the secret access key, and this machine's clock" },
    { "Throttling", KMS_RETRY_SLOWLY, "it is asked too often" },
};

static struct rule
find_rule(const char *code, int status)
{
    size_t i;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i].code, code) == 0)
            return rules[i];
    }
    return (struct rule){ code, kms_outcome_of_status(status), "" };
}

static enum kms_outcome
take_error(const struct call *call, const struct kms_reply *reply,
           struct envl_err *err)
{
    struct kms_text code = { 0 }, message = { 0 }, id = { 0 };
    struct rule rule;
    bool is_failing;

    /* A proxy on the way may send anything. */
    if (!kms_xml_text(&code, &reply->body, "Code"))
        kms_text_addf(&code, "HTTP status %d", reply->status);
    (void)kms_xml_text(&message, &reply->body, "Message");
    (void)kms_xml_text(&id, &reply->body, "RequestId");
    rule = find_rule(kms_text_get(&code), reply->status);
    is_failing = rule.outcome == KMS_RETRY || rule.outcome == KMS_RETRY_SLOWLY;
    (void)envl_fail(
        err, is_failing ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_CREDENTIALS,
        "STS, role %.60s: %.60s%s%.120s%s%.40s%s%s%s",
        kms_text_get(&call->role->arn), kms_text_get(&code),
        message.len > 0 ? ": " : "", kms_text_get(&message),
        id.len > 0 ? " (request " : "", kms_text_get(&id),
        id.len > 0 ? ")" : "", *rule.advice != '\0' ? "; " : "", rule.advice);
    if (code.failed || message.failed || id.failed) {
        (void)envl_fail_memory(err);
        rule.outcome = KMS_FAILED;
    }
    kms_text_clear(&id);
    kms_text_clear(&message);
    kms_text_clear(&code);
    return rule.outcome;
}

static enum kms_outcome
take_credentials(struct call *call, const struct kms_reply *reply,
                 struct envl_err *err)
{
    const struct kms_text *body = &reply->body;
    struct kms_credentials *made = &call->made;
    struct kms_text expires = { 0 };
    const bool good = kms_xml_text(&made->id, body, "AccessKeyId")
                      && kms_xml_text(&made->secret, body, "SecretAccessKey")
                      && kms_xml_text(&made->token, body, "SessionToken")
                      && kms_xml_text(&expires, body, "Expiration");
    const bool failed = kms_source_failed(made) || expires.failed;

    made->expires = kms_time_read(kms_text_get(&expires));
    kms_text_clear(&expires);
    if (failed)
        (void)envl_fail_memory(err);
    else if (!good || made->id.len == 0 || made->secret.len == 0
             || made->token.len == 0 || made->expires == 0)
        (void)envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                        "STS: the reply has no credentials that can be read");
    else
        return KMS_DONE;
    return KMS_FAILED;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    struct call *call = arg;

    return reply->status == STATUS_OK ? take_credentials(call, reply, err)
                                      : take_error(call, reply, err);
}

/* The role */

/* What else is wrong with it, STS says.  The ARN is shown, and its partition is used,
 * before it is asked. */
static enum envelope_reason
check(const struct kms_aws_role *role, struct envl_err *err)
{
    const char *arn = kms_text_get(&role->arn);

    if (role->arn.failed || role->session_name.failed
        || role->external_id.failed || role->duration.failed
        || role->token_file.failed)
        return envl_fail_memory(err);
    if (strncmp(arn, "arn:aws", 7) != 0 || strstr(arn, ":role/") == NULL
        || !kms_is_printable(arn))
        return envl_fail(
            err, ENVELOPE_R_CREDENTIALS,
            "role %.120s: it is not arn:aws:iam::ACCOUNT:role/NAME", arn);
    return ENVELOPE_OK;
}

/* Region and endpoint are the user's words, or follow from them. */
static enum envelope_reason
find_place(struct call *call, const char *profile, struct envl_err *err)
{
    const char *arn = kms_text_get(&call->role->arn) + strlen("arn:");
    char partition[KMS_AWS_PARTITION_SIZE] = "";
    struct kms_aws_place place = {
        .world = call->seeker->world,
        .service = KMS_AWS_STS,
        .partition = partition,
        .profile = profile,
    };
    enum envelope_reason rc =
        kms_aws_region(&call->region, place.world, profile, err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (call->region.len == 0)
        kms_text_set(&call->region, "us-east-1");
    if (call->region.failed)
        return envl_fail_memory(err);
    place.region = kms_text_get(&call->region);
    if (!kms_aws_is_region(place.region)
        || strcspn(arn, ":") >= sizeof(partition))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "STS: AWS_REGION, AWS_DEFAULT_REGION or the profile "
                         "names a region that is none: \"%.64s\"",
                         place.region);
    memcpy(partition, arn, strcspn(arn, ":"));
    rc = kms_aws_endpoint(&call->endpoint, &call->ca_file, &place, err);
    if (rc == ENVELOPE_R_UNREADABLE_KEY)
        err->reason = rc = ENVELOPE_R_CREDENTIALS;
    return rc;
}

/* All that decides whose credentials come, and from whom. */
static void
name_source(struct kms_text *name, const struct call *call)
{
    const struct kms_aws_role *role = call->role;

    kms_text_addf(
        name, "sts %s%s %s %s %s %s %s %s %s",
        kms_text_get(&call->endpoint.host), kms_text_get(&call->endpoint.path),
        kms_text_get(&call->region), kms_text_get(&role->arn),
        call->session_name, kms_text_get(&role->external_id),
        kms_text_get(&role->duration), kms_text_get(&role->token_file),
        is_web_identity(role) ? "" : kms_text_get(&call->source->id));
}

static enum envelope_reason
ask(struct call *call, struct envl_err *err)
{
    const bool is_web = is_web_identity(call->role);
    const struct kms_operation operation = {
        .arg = call,
        .build = build,
        .parse = parse,
        .refresh = is_web ? read_token : NULL,
    };
    enum envelope_reason rc = is_web ? read_token(call, err) : ENVELOPE_OK;

    return rc == ENVELOPE_OK
               ? kms_exchange(call->seeker->world, &operation, err)
               : rc;
}

enum envelope_reason
kms_aws_assume(struct kms_credentials *credentials,
               const struct kms_seeker *seeker, const struct kms_aws_role *role,
               const char *profile, struct envl_err *err)
{
    struct call call = {
        .seeker = seeker,
        .role = role,
        .source = credentials,
        .session_name = role->session_name.len > 0
                            ? kms_text_get(&role->session_name)
                            : "envelope",
    };
    struct kms_text name = { 0 };
    enum envelope_reason rc = kms_source_failed(credentials)
                                  ? envl_fail_memory(err)
                                  : check(role, err);

    if (rc == ENVELOPE_OK)
        rc = find_place(&call, profile, err);
    name_source(&name, &call);
    if (rc == ENVELOPE_OK && name.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK
        && !kms_kept_find(&call.made, seeker, kms_text_get(&name))) {
        rc = ask(&call, err);
        if (rc == ENVELOPE_OK)
            kms_kept_put(seeker, kms_text_get(&name), &call.made);
    }
    kms_credentials_clear(credentials);
    if (rc == ENVELOPE_OK)
        *credentials = call.made;
    else
        kms_credentials_clear(&call.made);
    kms_text_clear(&name);
    kms_text_clear(&call.token);
    kms_text_clear(&call.ca_file);
    kms_text_clear(&call.region);
    kms_endpoint_clear(&call.endpoint);
    return rc;
}
