/* SPDX-License-Identifier: Apache-2.0 */
/* The files of profiles that AWS's tools share: where they are, and which of their
 * settings count. */
#include <string.h>

#include "kms/aws/section.h"
#include "kms/aws/sources.h"

#define FILE_LEN_MAX (1 << 20)

static const char *const settings[KMS_AWS_SETTING_COUNT + 1] = {
    [KMS_SOURCE_ID] = "aws_access_key_id",
    [KMS_SOURCE_SECRET] = "aws_secret_access_key",
    [KMS_SOURCE_TOKEN] = "aws_session_token",
    [KMS_SOURCE_OTHER_TOKEN] = "aws_security_token",
    [KMS_AWS_PROCESS] = "credential_process",
    [KMS_AWS_REGION] = "region",
    [KMS_AWS_ROLE] = "role_arn",
    [KMS_AWS_SOURCE_PROFILE] = "source_profile",
    [KMS_AWS_CREDENTIAL_SOURCE] = "credential_source",
    [KMS_AWS_TOKEN_FILE] = "web_identity_token_file",
    [KMS_AWS_SESSION_NAME] = "role_session_name",
    [KMS_AWS_EXTERNAL_ID] = "external_id",
    [KMS_AWS_DURATION] = "duration_seconds",
    [KMS_AWS_MFA] = "mfa_serial",
    [KMS_AWS_ENDPOINT_URL] = "endpoint_url",
    [KMS_AWS_IGNORE_URLS] = "ignore_configured_endpoint_urls",
    [KMS_AWS_SERVICES] = "services",
    [KMS_AWS_CA_BUNDLE] = "ca_bundle",
    [KMS_AWS_FIPS] = "use_fips_endpoint",
    [KMS_AWS_DUAL_STACK] = "use_dualstack_endpoint",
    /* What would need a browser. */
    [KMS_AWS_REFUSED] = "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "login_session",
};

static const struct kms_source_file files[KMS_AWS_FILE_COUNT] = {
    { "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", FILE_LEN_MAX,
      kms_aws_is_credentials_section, settings },
    { "AWS_CONFIG_FILE", "~/.aws/config", FILE_LEN_MAX,
      kms_aws_is_config_section, settings },
};

enum envelope_reason
kms_aws_profile_name(const char **name, const struct kms_world *world,
                     const char *said, struct envl_err *err)
{
    const char *usual = kms_world_variable(world, "AWS_PROFILE");
    const char *other = kms_world_variable(world, "AWS_DEFAULT_PROFILE");

    *name = said != NULL ? said : usual != NULL ? usual : other;
    if (said == NULL && usual != NULL && other != NULL
        && strcmp(usual, other) != 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "AWS_PROFILE and AWS_DEFAULT_PROFILE name two "
                         "profiles, and programs differ in which one counts: "
                         "unset one of them");
    return ENVELOPE_OK;
}

enum envelope_reason
kms_aws_profile_read(struct kms_aws_profile *profile,
                     const struct kms_world *world, const char *name,
                     struct envl_err *err)
{
    enum envelope_reason rc;
    size_t i;

    *profile = (struct kms_aws_profile){ 0 };
    rc = kms_aws_profile_name(&name, world, name, err);
    kms_text_set(&profile->name, name != NULL ? name : "default");
    if (rc == ENVELOPE_OK && profile->name.failed)
        rc = envl_fail_memory(err);
    for (i = 0; i < KMS_AWS_FILE_COUNT && rc == ENVELOPE_OK; i++)
        rc = kms_source_section_read(&profile->files[i], world, &files[i],
                                     kms_text_get(&profile->name), err);
    return rc;
}

void
kms_aws_profile_clear(struct kms_aws_profile *profile)
{
    size_t i;

    kms_text_clear(&profile->name);
    for (i = 0; i < KMS_AWS_FILE_COUNT; i++)
        kms_source_section_clear(&profile->files[i]);
}

const struct kms_source_section *
kms_aws_profile_has(const struct kms_aws_profile *profile, size_t setting)
{
    size_t i = 0;

    while (i < KMS_AWS_FILE_COUNT
           && profile->files[i].settings[setting].line == 0)
        i++;
    return i < KMS_AWS_FILE_COUNT ? &profile->files[i] : NULL;
}

void
kms_aws_profile_set(struct kms_text *text,
                    const struct kms_aws_profile *profile, size_t setting)
{
    const struct kms_source_section *file =
        kms_aws_profile_has(profile, setting);

    kms_text_set(text, "");
    if (file != NULL)
        kms_source_set(text, &file->settings[setting]);
}
