/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places where Alibaba Cloud's profiles are, what their settings are called there,
 * and the order of the places.
 * Source: Alibaba's own library @alicloud/credentials.
 */
#include "kms/cloud/ali_sources.h"

#include <stdio.h>
#include <string.h>

#include "kms/core/json.h"

#define ENV "ALIBABA_CLOUD_"
#define CONFIG_PATH "/.aliyun/config.json" /* after $HOME */
#define CONFIG_FILE "~" CONFIG_PATH
#define CREDENTIALS_FILE "~/.alibabacloud/credentials"
#define FILE_VARIABLE ENV "CREDENTIALS_FILE"
#define FILE_LEN_MAX 65536
#define PROFILES_MAX 1000 /* as far as paths in JSON count (core/json.h) */

/* In the environment: keys are in variables of more than one name. */
static const char *const variables[KMS_ALI_SETTING_COUNT] = {
    [KMS_ALI_MACHINE_ROLE] = ENV "ECS_METADATA",
    [KMS_ALI_URI] = ENV "CREDENTIALS_URI",
    [KMS_ALI_ROLE] = ENV "ROLE_ARN",
    [KMS_ALI_SESSION] = ENV "ROLE_SESSION_NAME",
    [KMS_ALI_PROVIDER] = ENV "OIDC_PROVIDER_ARN",
    [KMS_ALI_TOKEN_FILE] = ENV "OIDC_TOKEN_FILE",
};

/* In CONFIG_FILE, which the aliyun command writes */
static const char *const members[KMS_ALI_SETTING_COUNT] = {
    [KMS_ALI_MODE] = "mode",
    [KMS_ALI_ID] = "access_key_id",
    [KMS_ALI_SECRET] = "access_key_secret",
    [KMS_ALI_TOKEN] = "sts_token",
    [KMS_ALI_MACHINE_ROLE] = "ram_role_name",
    [KMS_ALI_URI] = "credentials_uri",
    [KMS_ALI_ROLE] = "ram_role_arn",
    [KMS_ALI_SESSION] = "ram_session_name",
    [KMS_ALI_EXTERNAL_ID] = "external_id",
    [KMS_ALI_DURATION] = "expired_seconds",
    [KMS_ALI_PROVIDER] = "oidc_provider_arn",
    [KMS_ALI_TOKEN_FILE] = "oidc_token_file",
    [KMS_ALI_STS_REGION] = "sts_region",
};

/* In CREDENTIALS_FILE */
static const char *const settings[KMS_ALI_SETTING_COUNT + 1] = {
    [KMS_ALI_MODE] = "type",
    [KMS_ALI_ID] = "access_key_id",
    [KMS_ALI_SECRET] = "access_key_secret",
    [KMS_ALI_TOKEN] = "security_token",
    [KMS_ALI_MACHINE_ROLE] = "role_name",
    [KMS_ALI_URI] = "",
    [KMS_ALI_ROLE] = "role_arn",
    [KMS_ALI_SESSION] = "role_session_name",
    [KMS_ALI_EXTERNAL_ID] = "external_id",
    [KMS_ALI_DURATION] = "duration_seconds",
    [KMS_ALI_PROVIDER] = "oidc_provider_arn",
    [KMS_ALI_TOKEN_FILE] = "oidc_token_file_path",
    [KMS_ALI_STS_REGION] = "sts_region",
};

/* The environment */

static enum envelope_reason
from_variables(struct kms_credentials *credentials,
               const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_names names[] = {
        { .id = ENV "ACCESS_KEY_ID",
          .secret = ENV "ACCESS_KEY_SECRET",
          .token = ENV "SECURITY_TOKEN" },
        { .id = "ALICLOUD_ACCESS_KEY",
          .secret = "ALICLOUD_SECRET_KEY",
          .token = "ALICLOUD_SECURITY_TOKEN" },
        { .id = "ALICLOUD_ACCESS_KEY_ID",
          .secret = "ALICLOUD_ACCESS_KEY_SECRET",
          .token = "ALICLOUD_SECURITY_TOKEN" },
    };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]) && rc == ENVELOPE_OK
                && credentials->id.len == 0;
         i++)
        rc = kms_source_variables(credentials, seeker, &names[i], err);
    return rc;
}

/* Where this variable is set, or none has to be. */
static enum envelope_reason
from_environment(struct kms_credentials *credentials,
                 const struct kms_seeker *seeker, enum kms_ali_kind kind,
                 const char *trigger, struct envl_err *err)
{
    struct kms_ali_profile profile = { .names = variables };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    if (trigger != NULL && kms_world_variable(seeker->world, trigger) == NULL)
        return ENVELOPE_OK;
    kms_text_set(&profile.where, "the environment");
    for (i = 0; i < KMS_ALI_SETTING_COUNT && rc == ENVELOPE_OK; i++)
        rc = kms_source_variable(&profile.values[i], seeker->world,
                                 variables[i], err);
    if (rc == ENVELOPE_OK)
        rc = kms_ali_use(credentials, seeker, &profile, kind, err);
    kms_ali_profile_clear(&profile);
    return rc;
}

static enum envelope_reason
from_token(struct kms_credentials *credentials, const struct kms_seeker *seeker,
           struct envl_err *err)
{
    return from_environment(credentials, seeker, KMS_ALI_BY_OIDC,
                            variables[KMS_ALI_TOKEN_FILE], err);
}

static enum envelope_reason
from_uri(struct kms_credentials *credentials, const struct kms_seeker *seeker,
         struct envl_err *err)
{
    return from_environment(credentials, seeker, KMS_ALI_BY_URI,
                            variables[KMS_ALI_URI], err);
}

static enum envelope_reason
from_machine(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, struct envl_err *err)
{
    return from_environment(credentials, seeker, KMS_ALI_BY_MACHINE, NULL, err);
}

/* Files */

/* The one that somebody has named, or NULL. */
static const char *
profile_name(const struct kms_seeker *seeker)
{
    return seeker->profile != NULL
               ? seeker->profile
               : kms_world_variable(seeker->world, ENV "PROFILE");
}

/* A member of the profile of this number; a number is its digits. */
static void
set_member(struct kms_text *value, const struct kms_json *json, size_t number,
           const char *name)
{
    char path[64];
    const char *text;
    int64_t digits;

    (void)snprintf(path, sizeof(path), "profiles.%zu.%s", number, name);
    text = kms_json_text(json, path);
    digits = kms_json_number(json, path);
    if (text != NULL)
        kms_text_set(value, text);
    else if (digits > 0)
        kms_text_addf(value, "%lld", (long long)digits);
}

static bool
find_profile(size_t *number, const struct kms_json *json, const char *wanted)
{
    char path[64];
    const char *name;
    size_t n;

    for (n = 0; n < PROFILES_MAX; n++) {
        (void)snprintf(path, sizeof(path), "profiles.%zu", n);
        if (!kms_json_has(json, path))
            return false;
        (void)snprintf(path, sizeof(path), "profiles.%zu.name", n);
        name = kms_json_text(json, path);
        *number = n;
        if (name != NULL && strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

static enum envelope_reason
use_config(struct kms_credentials *credentials, const struct kms_seeker *seeker,
           const struct kms_json *json, const char *path, struct envl_err *err)
{
    const char *said = profile_name(seeker);
    const char *current = kms_json_text(json, "current");
    const char *wanted = said != NULL      ? said
                         : current != NULL ? current
                                           : "default";
    struct kms_ali_profile profile = { .names = members };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n, i;

    if (!find_profile(&n, json, wanted))
        return said != NULL || current == NULL
                   ? ENVELOPE_OK
                   : envl_fail(err, ENVELOPE_R_CREDENTIALS,
                               "%.160s: its current profile, %.64s, is not in "
                               "it",
                               path, current);
    kms_text_addf(&profile.where, "%.120s: profile %.64s", path, wanted);
    for (i = 0; i < KMS_ALI_SETTING_COUNT; i++)
        set_member(&profile.values[i], json, n, members[i]);
    rc = kms_ali_use_mode(credentials, seeker, &profile, true, err);
    kms_ali_profile_clear(&profile);
    return rc;
}

static enum envelope_reason
from_config(struct kms_credentials *credentials,
            const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    const char *home = kms_world_variable(seeker->world, "HOME");
    struct kms_text path = { 0 }, content = { 0 };
    struct kms_json *json = NULL;
    enum envelope_reason rc = ENVELOPE_OK;

    if (home == NULL
        || kms_source_is_true(seeker->world, ENV "CLI_PROFILE_DISABLED"))
        return ENVELOPE_OK;
    kms_text_addf(&path, "%s%s", home, CONFIG_PATH);
    rc = path.failed
             ? envl_fail_memory(err)
             : world->read(world->arg, &content, path.data, FILE_LEN_MAX, err);
    if (rc == ENVELOPE_OK && content.data != NULL) {
        rc = kms_json_parse(&json, content.data, content.len, err);
        if (rc == ENVELOPE_OK)
            rc = use_config(credentials, seeker, json, path.data, err);
        else if (rc == ENVELOPE_R_KEY_SERVICE)
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "%.200s: it is not the JSON that the aliyun "
                           "command writes",
                           path.data);
    }
    kms_json_free(json);
    kms_text_clear(&content);
    kms_text_clear(&path);
    return rc;
}

static enum envelope_reason
use_section(struct kms_credentials *credentials,
            const struct kms_seeker *seeker,
            const struct kms_source_section *section, struct envl_err *err)
{
    struct kms_ali_profile profile = { .names = settings };
    enum envelope_reason rc;
    size_t i;

    kms_text_addf(&profile.where, "%.120s, line %zu: profile %.64s",
                  kms_text_get(&section->path), section->section.line,
                  section->profile);
    for (i = 0; i < KMS_ALI_SETTING_COUNT; i++)
        kms_source_set(&profile.values[i], &section->settings[i]);
    rc = kms_ali_use_mode(credentials, seeker, &profile, false, err);
    kms_ali_profile_clear(&profile);
    return rc;
}

/* The last of the files, which tells if a profile that is named is in none. */
static enum envelope_reason
from_sections(struct kms_credentials *credentials,
              const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_file file = { FILE_VARIABLE,
                                                 CREDENTIALS_FILE, FILE_LEN_MAX,
                                                 kms_ini_is_named, settings };
    const char *name = profile_name(seeker);
    const bool named =
        name != NULL
        || kms_world_variable(seeker->world, FILE_VARIABLE) != NULL;
    struct kms_source_section section;
    enum envelope_reason rc = kms_source_section_read(
        &section, seeker->world, &file, name != NULL ? name : "default", err);

    if (rc == ENVELOPE_OK && section.section.line != 0)
        rc = use_section(credentials, seeker, &section, err);
    else if (rc == ENVELOPE_OK && named)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "there is no profile %.64s, neither in " CONFIG_FILE
                       " nor as a section of %.160s",
                       section.profile, kms_text_get(&section.path));
    kms_source_section_clear(&section);
    return rc;
}

/* The order */

static enum envelope_reason
fail_nothing(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, struct envl_err *err)
{
    (void)credentials;
    return envl_fail(
        err, ENVELOPE_R_CREDENTIALS,
        "no credentials for Alibaba Cloud: neither " ENV
        "ACCESS_KEY_ID and " ENV "ACCESS_KEY_SECRET, nor " ENV
        "OIDC_TOKEN_FILE, nor a profile "
        "in " CONFIG_FILE " or " CREDENTIALS_FILE ", nor " ENV
        "CREDENTIALS_URI, nor an instance's metadata service, which %s",
        kms_source_is_true(seeker->world, ENV "ECS_METADATA_DISABLED")
            ? "is switched off"
            : "does not answer");
}

enum envelope_reason
kms_ali_credentials(struct kms_credentials *credentials,
                    const struct kms_seeker *seeker, struct envl_err *err)
{
    /* Who names a profile means it, whatever the environment has. */
    static kms_source *const of_profile[] = { from_config, from_sections,
                                              NULL };
    static kms_source *const of_all[] = {
        from_variables, from_token,   from_config,  from_sections,
        from_uri,       from_machine, fail_nothing, NULL,
    };

    return kms_source_first(credentials, seeker,
                            seeker->profile != NULL ? of_profile : of_all, err);
}
