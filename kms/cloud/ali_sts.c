/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alibaba Cloud's Security Token Service: what it is asked, and where.
 * Source: Alibaba's own library @alicloud/credentials, "AssumeRoleWithOIDC" and
 * "AssumeRole" of STS.
 */
#include <string.h>

#include "kms/cloud/ali_sources.h"
#include "kms/core/time.h"
#include "kms/engine/kept.h"
#include "kms/engine/target.h"

#define ENV "ALIBABA_CLOUD_"
#define LIFETIME_S "3600"

struct role {
    const struct kms_seeker *seeker;
    const struct kms_ali_profile *profile;
    struct kms_text title, url, query, form;
};

static const char *
get(const struct role *role, enum kms_ali_setting setting)
{
    return kms_text_get(&role->profile->values[setting]);
}

/* An endpoint that is named, that of a region, or the one for all. */
static enum envelope_reason
find_url(struct role *role, struct envl_err *err)
{
    const struct kms_world *world = role->seeker->world;
    const char *own = get(role, KMS_ALI_STS_REGION);
    struct kms_text region = { 0 };
    enum envelope_reason rc =
        kms_source_variable(&role->url, world, ENV "STS_ENDPOINT", err);

    if (rc == ENVELOPE_OK)
        rc = kms_source_variable(&region, world, ENV "STS_REGION", err);
    if (*own != '\0')
        kms_text_set(&region, own);
    if (rc == ENVELOPE_OK && region.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && region.len > 0 && !kms_is_region(region.data))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%.160s: \"%.64s\" is no region such as cn-hangzhou",
                       *own != '\0' ? kms_text_get(&role->profile->where)
                                    : ENV "STS_REGION",
                       region.data);
    if (role->url.len == 0 && region.len > 0)
        kms_text_addf(
            &role->url, "https://sts%s.%s.aliyuncs.com",
            kms_source_is_true(world, ENV "VPC_ENDPOINT_ENABLED") ? "-vpc" : "",
            region.data);
    else if (role->url.len == 0)
        kms_text_set(&role->url, "https://sts.aliyuncs.com");
    kms_text_clear(&region);
    return rc;
}

static void
add_timestamp(struct kms_text *query, const struct kms_world *world)
{
    char text[KMS_TIME_SIZE];

    (void)kms_time_write(text, world->now(world->arg));
    kms_form_add(query, "Timestamp", text);
}

static void
add_role(struct kms_text *form, const struct role *role)
{
    const char *session = get(role, KMS_ALI_SESSION),
               *duration = get(role, KMS_ALI_DURATION),
               *external = get(role, KMS_ALI_EXTERNAL_ID);

    kms_form_add(form, "RoleArn", get(role, KMS_ALI_ROLE));
    kms_form_add(form, "RoleSessionName",
                 *session != '\0' ? session : "envelope");
    kms_form_add(form, "DurationSeconds",
                 *duration != '\0' ? duration : LIFETIME_S);
    if (*external != '\0')
        kms_form_add(form, "ExternalId", external);
}

static enum envelope_reason
ask(struct kms_credentials *credentials, const struct role *role,
    struct kms_source_request *request, struct envl_err *err)
{
    static const struct kms_source_document document = {
        .names = { .id = "Credentials.AccessKeyId",
                   .secret = "Credentials.AccessKeySecret",
                   .token = "Credentials.SecurityToken" },
        .expires = "Credentials.Expiration",
        .is_whole = true,
        .reason = ENVELOPE_R_KEY_SERVICE,
    };

    request->name = kms_text_get(&role->title);
    request->method = "POST";
    request->url = kms_text_get(&role->url);
    request->path = kms_text_get(&role->query);
    request->is_far = true;
    if (role->query.failed || role->form.failed)
        return envl_fail_memory(err);
    return kms_source_ask(credentials, role->seeker, request, &document, err);
}

/* The token is read anew each time: who writes the file replaces it. */
static enum envelope_reason
ask_with_token(struct kms_credentials *credentials, struct role *role,
               struct envl_err *err)
{
    struct kms_source_request request = {
        .body = &role->form,
        .type = KMS_FORM,
        .advice = "check the role's trust policy, the identity provider, and "
                  "whether the token's file is renewed",
    };
    struct kms_text token = { 0 };
    enum envelope_reason rc = kms_source_token_file(
        &token, role->seeker->world, get(role, KMS_ALI_TOKEN_FILE), err);

    kms_text_set(&role->query,
                 "/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON");
    add_timestamp(&role->query, role->seeker->world);
    kms_form_add(&role->form, "OIDCProviderArn", get(role, KMS_ALI_PROVIDER));
    kms_form_add(&role->form, "OIDCToken", kms_text_get(&token));
    add_role(&role->form, role);
    role->form.failed = role->form.failed || token.failed;
    if (rc == ENVELOPE_OK)
        rc = ask(credentials, role, &request, err);
    kms_text_clear(&token);
    return rc;
}

static enum envelope_reason
ask_with_keys(struct kms_credentials *credentials, struct role *role,
              struct envl_err *err)
{
    const struct kms_text *values = role->profile->values;
    const struct kms_credentials keys = {
        .id = values[KMS_ALI_ID],
        .secret = values[KMS_ALI_SECRET],
        .token = values[KMS_ALI_TOKEN],
    };
    const struct kms_sign sign = { KMS_SIGN_ACS3, role->seeker->ctx, &keys,
                                   NULL, NULL };
    struct kms_source_request request = {
        .headers = { { "Accept", "application/json" },
                     { "x-acs-action", "AssumeRole" },
                     { "x-acs-version", "2015-04-01" } },
        .advice = "check the role's trust policy, and whose keys these are",
        .sign = &sign,
    };

    add_role(&role->form, role);
    kms_text_addf(&role->query, "/?%s", kms_text_get(&role->form));
    return ask(credentials, role, &request, err);
}

/* All that decides whose credentials come, and from whom. */
static void
name_source(struct kms_text *name, const struct role *role)
{
    size_t i;

    kms_text_addf(name, "ali sts %s", kms_text_get(&role->url));
    for (i = 0; i < KMS_ALI_SETTING_COUNT; i++) {
        if (i != KMS_ALI_SECRET && i != KMS_ALI_TOKEN)
            kms_text_addf(name, " %s", kms_text_get(&role->profile->values[i]));
    }
}

enum envelope_reason
kms_ali_assume(struct kms_credentials *credentials,
               const struct kms_seeker *seeker,
               const struct kms_ali_profile *profile, struct envl_err *err)
{
    struct role role = { .seeker = seeker, .profile = profile };
    struct kms_text name = { 0 };
    enum envelope_reason rc = find_url(&role, err);

    kms_text_addf(&role.title, "STS, role %.60s", get(&role, KMS_ALI_ROLE));
    name_source(&name, &role);
    if (rc == ENVELOPE_OK
        && (role.title.failed || role.url.failed || name.failed))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK
        && !kms_kept_find(credentials, seeker, kms_text_get(&name))) {
        rc = profile->values[KMS_ALI_TOKEN_FILE].len > 0
                 ? ask_with_token(credentials, &role, err)
                 : ask_with_keys(credentials, &role, err);
        if (rc == ENVELOPE_OK)
            kms_kept_put(seeker, kms_text_get(&name), credentials);
    }
    kms_text_clear(&name);
    kms_text_clear(&role.form);
    kms_text_clear(&role.query);
    kms_text_clear(&role.url);
    kms_text_clear(&role.title);
    return rc;
}
