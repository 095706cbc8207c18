/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of Alibaba Cloud's profiles: what each of them needs, and how it gives
 * credentials.
 * Source: Alibaba's own library @alicloud/credentials.
 */
#include "kms/cloud/ali_sources.h"

#include <string.h>

#include "kms/core/span.h"
#include "kms/engine/kept.h"

#define ENV "ALIBABA_CLOUD_"

void
kms_ali_profile_clear(struct kms_ali_profile *profile)
{
    size_t i;

    kms_text_clear(&profile->where);
    for (i = 0; i < KMS_ALI_SETTING_COUNT; i++)
        kms_text_clear(&profile->values[i]);
}

static enum envelope_reason
take_keys(struct kms_credentials *credentials, const struct kms_seeker *seeker,
          const struct kms_ali_profile *profile, struct envl_err *err)
{
    const struct kms_text *values = profile->values;

    (void)seeker;
    (void)err;
    kms_text_set(&credentials->id, kms_text_get(&values[KMS_ALI_ID]));
    kms_text_set(&credentials->secret, kms_text_get(&values[KMS_ALI_SECRET]));
    kms_text_set(&credentials->token, kms_text_get(&values[KMS_ALI_TOKEN]));
    return ENVELOPE_OK;
}

static enum envelope_reason
ask_uri(struct kms_credentials *credentials, const struct kms_seeker *seeker,
        const struct kms_ali_profile *profile, struct envl_err *err)
{
    static const struct kms_source_document document = {
        .names = { .id = "AccessKeyId",
                   .secret = "AccessKeySecret",
                   .token = "SecurityToken" },
        .expires = "Expiration",
        .is_whole = true,
    };
    const struct kms_source_request request = {
        .name = profile->names[KMS_ALI_URI],
        .method = "GET",
        .url = kms_text_get(&profile->values[KMS_ALI_URI]),
    };
    enum envelope_reason rc;

    if (kms_kept_find(credentials, seeker, request.url))
        return ENVELOPE_OK;
    rc = kms_source_ask(credentials, seeker, &request, &document, err);
    if (rc == ENVELOPE_OK)
        kms_kept_put(seeker, request.url, credentials);
    return rc;
}

static enum envelope_reason
ask_machine(struct kms_credentials *credentials,
            const struct kms_seeker *seeker,
            const struct kms_ali_profile *profile, struct envl_err *err)
{
    static const struct kms_source_document document = {
        .names = { .id = "AccessKeyId",
                   .secret = "AccessKeySecret",
                   .token = "SecurityToken" },
        .expires = "Expiration",
        .is_whole = true,
        .code = "Code",
        .message = "Message",
    };
    static const struct kms_source_metadata metadata = {
        .name = "the instance's metadata service",
        .url = "http://100.100.100.200",
        .session_path = "/latest/api/token",
        .lifetime_header = "x-aliyun-ecs-metadata-token-ttl-seconds",
        .session_header = "x-aliyun-ecs-metadata-token",
        .roles_path = "/latest/meta-data/ram/security-credentials/",
        .document = &document,
    };

    if (kms_source_is_true(seeker->world, ENV "ECS_METADATA_DISABLED"))
        return ENVELOPE_OK;
    return kms_source_metadata_ask(
        credentials, seeker, &metadata,
        kms_text_get(&profile->values[KMS_ALI_MACHINE_ROLE]), err);
}

#define BIT(setting) (1U << (setting))
#define KEYS (BIT(KMS_ALI_ID) | BIT(KMS_ALI_SECRET))
#define OF_ROLE \
    (BIT(KMS_ALI_SESSION) | BIT(KMS_ALI_DURATION) | BIT(KMS_ALI_STS_REGION))

static const struct kind {
    const char *mode,
        *type; /* in the file of the command; in the other, or NULL */
    unsigned needs, may_have; /* all else in a profile is not for this kind */
    enum envelope_reason (*take)(struct kms_credentials *credentials,
                                 const struct kms_seeker *seeker,
                                 const struct kms_ali_profile *profile,
                                 struct envl_err *err);
} kinds[KMS_ALI_KIND_COUNT] = {
    [KMS_ALI_BY_KEYS] = { "AK", "access_key", KEYS, 0, take_keys },
    [KMS_ALI_BY_TOKEN] = { "StsToken", "sts", KEYS | BIT(KMS_ALI_TOKEN), 0,
                           take_keys },
    [KMS_ALI_BY_ROLE] = { "RamRoleArn", "ram_role_arn",
                          KEYS | BIT(KMS_ALI_ROLE),
                          OF_ROLE | BIT(KMS_ALI_EXTERNAL_ID), kms_ali_assume },
    [KMS_ALI_BY_OIDC] = { "OIDC", "oidc_role_arn",
                          BIT(KMS_ALI_ROLE) | BIT(KMS_ALI_PROVIDER)
                              | BIT(KMS_ALI_TOKEN_FILE),
                          OF_ROLE, kms_ali_assume },
    [KMS_ALI_BY_MACHINE] = { "EcsRamRole", "ecs_ram_role", 0,
                             BIT(KMS_ALI_MACHINE_ROLE), ask_machine },
    [KMS_ALI_BY_URI] = { "CredentialsURI", NULL, BIT(KMS_ALI_URI), 0, ask_uri },
};

/* What cannot be sent is told here, where its name is known. */
static enum envelope_reason
check_value(const struct kms_ali_profile *profile, size_t i, bool needed,
            struct envl_err *err)
{
    const struct kms_text *value = &profile->values[i];
    const struct kms_span span = { value->data, value->len };

    if (value->failed)
        return envl_fail_memory(err);
    if (value->len == 0      ? !needed
        : i <= KMS_ALI_TOKEN ? kms_span_is_key(span)
                             : kms_span_within(span, ' '))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%.200s: %s %s",
                     kms_text_get(&profile->where), profile->names[i],
                     value->len == 0
                         ? "is missing or empty"
                         : "has a character that cannot be in it, such as a "
                           "quote or one that is not ASCII");
}

/* What the profile has for another kind does not count. */
enum envelope_reason
kms_ali_use(struct kms_credentials *credentials,
            const struct kms_seeker *seeker, struct kms_ali_profile *profile,
            enum kms_ali_kind by, struct envl_err *err)
{
    const struct kind *kind = &kinds[by];
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < KMS_ALI_SETTING_COUNT && rc == ENVELOPE_OK; i++) {
        if (((kind->needs | kind->may_have) & BIT(i)) == 0)
            kms_text_clear(&profile->values[i]);
        rc = check_value(profile, i, (kind->needs & BIT(i)) != 0, err);
    }
    if (rc == ENVELOPE_OK && profile->where.failed)
        rc = envl_fail_memory(err);
    return rc == ENVELOPE_OK ? kind->take(credentials, seeker, profile, err)
                             : rc;
}

/* A profile of a file, which has to give credentials. */
enum envelope_reason
kms_ali_use_mode(struct kms_credentials *credentials,
                 const struct kms_seeker *seeker,
                 struct kms_ali_profile *profile, bool is_config,
                 struct envl_err *err)
{
    const char *mode = kms_text_get(&profile->values[KMS_ALI_MODE]), *known;
    enum envelope_reason rc;
    size_t i;

    if (profile->values[KMS_ALI_MODE].failed)
        return envl_fail_memory(err);
    for (i = 0; i < KMS_ALI_KIND_COUNT; i++) {
        known = is_config ? kinds[i].mode : kinds[i].type;
        if (known != NULL && strcmp(mode, known) == 0)
            break;
    }
    if (i == KMS_ALI_KIND_COUNT)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%.200s: %s \"%.40s\" cannot be used here, only %s",
                         kms_text_get(&profile->where),
                         profile->names[KMS_ALI_MODE], mode,
                         is_config ? "AK, StsToken, RamRoleArn, OIDC, "
                                     "EcsRamRole and CredentialsURI"
                                   : "access_key, sts, ram_role_arn, "
                                     "oidc_role_arn and ecs_ram_role");
    rc = kms_ali_use(credentials, seeker, profile, (enum kms_ali_kind)i, err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0
        && !kms_source_failed(credentials))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%.200s: the instance's metadata service does not "
                       "answer, or is switched off",
                       kms_text_get(&profile->where));
    return rc;
}
