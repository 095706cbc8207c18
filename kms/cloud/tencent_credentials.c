/* SPDX-License-Identifier: Apache-2.0 */
/* Where Tencent Cloud's users keep their credentials: variables, files, and
 * the role of the machine (CVM) that all this runs on. */
#include "kms/engine/credentials.h"

#include "kms/engine/source.h"

#define FILE_LEN_MAX 65536
#define FILE_VARIABLE "TENCENTCLOUD_CREDENTIALS_FILE"
#define ROLE_VARIABLE "TENCENTCLOUD_CVM_ROLE"

/* The settings of a profile; the rest is not ours. */
enum { ROLE = KMS_SOURCE_KEYS_COUNT };
static const char *const settings[] = {
    [KMS_SOURCE_ID] = "secret_id", [KMS_SOURCE_SECRET] = "secret_key",
    [KMS_SOURCE_TOKEN] = "token",  [KMS_SOURCE_OTHER_TOKEN] = "",
    [ROLE] = "role_arn",           NULL,
};

static const struct kms_source_file files[] = {
    { FILE_VARIABLE, "~/.tencentcloud/credentials", FILE_LEN_MAX,
      kms_ini_is_named, settings },
    { NULL, "/etc/tencentcloud/credentials", FILE_LEN_MAX, kms_ini_is_named,
      settings },
};

static enum envelope_reason
from_variables(struct kms_credentials *credentials,
               const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_names names = {
        .id = "TENCENTCLOUD_SECRET_ID",
        .secret = "TENCENTCLOUD_SECRET_KEY",
        .token = "TENCENTCLOUD_SESSION_TOKEN",
        .other_token = "TENCENTCLOUD_TOKEN",
    };

    return kms_source_variables(credentials, seeker, &names, err);
}

static enum envelope_reason
take_section(struct kms_credentials *credentials,
             const struct kms_source_section *section, struct envl_err *err)
{
    if (section->settings[ROLE].line != 0)
        return kms_source_section_fail(
            section, ROLE,
            "cannot be followed here: name a profile that has the keys of the "
            "role",
            err);
    if (section->section.line != 0 && section->settings[KMS_SOURCE_ID].line == 0
        && section->settings[KMS_SOURCE_SECRET].line == 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%.160s, line %zu: profile %.80s has no secret_id and "
                         "secret_key",
                         kms_text_get(&section->path), section->section.line,
                         section->profile);
    return kms_source_section_keys(credentials, section, err);
}

static enum envelope_reason
from_files(struct kms_credentials *credentials, const struct kms_seeker *seeker,
           struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    const char *named = kms_world_variable(world, FILE_VARIABLE);
    const char *profile = seeker->profile != NULL ? seeker->profile : "default";
    struct kms_source_section section;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < sizeof(files) / sizeof(files[0]) && rc == ENVELOPE_OK
                && credentials->id.len == 0;
         i++) {
        rc = kms_source_section_read(&section, world, &files[i], profile, err);
        if (rc == ENVELOPE_OK)
            rc = take_section(credentials, &section, err);
        /* A file that is named is the only one, and has to be there: Tencent
         * Cloud's own programs see it alike. */
        if (rc == ENVELOPE_OK && section.section.line == 0 && named != NULL)
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           FILE_VARIABLE ": %.160s: there is no such file, or "
                                         "no section [%.80s] in it",
                           named, profile);
        if (rc == ENVELOPE_OK && kms_source_failed(credentials))
            rc = envl_fail_memory(err);
        kms_source_section_clear(&section);
    }
    if (rc == ENVELOPE_OK && credentials->id.len == 0
        && seeker->profile != NULL)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "no section [%.80s] with secret_id and secret_key, "
                       "neither in ~/.tencentcloud/credentials nor in "
                       "/etc/tencentcloud/credentials",
                       profile);
    return rc;
}

/* Where no role is named, any failure to find one is the same to who runs on
 * another machine: there are no credentials. */
static enum envelope_reason
from_machine(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_document document = {
        .names = { .id = "TmpSecretId",
                   .secret = "TmpSecretKey",
                   .token = "Token" },
        .expires = "ExpiredTime",
        .is_whole = true,
        .code = "Code",
    };
    static const struct kms_source_metadata metadata = {
        .name = "the metadata service",
        .url = "http://metadata.tencentyun.com",
        .roles_path = "/latest/meta-data/cam/security-credentials/",
        .document = &document,
    };
    struct kms_text role = { 0 };
    struct envl_err inner = { .detail = "it does not answer" };
    enum envelope_reason rc =
        kms_source_variable(&role, seeker->world, ROLE_VARIABLE, &inner);
    const bool is_named = role.len > 0;

    if (rc == ENVELOPE_OK)
        rc = kms_source_metadata_ask(credentials, seeker, &metadata,
                                     kms_text_get(&role), &inner);
    kms_text_clear(&role);
    if (rc == ENVELOPE_R_MEMORY)
        return envl_fail_memory(err);
    if (is_named && rc != ENVELOPE_OK)
        return envl_fail(err, rc, ROLE_VARIABLE ": %.300s", inner.detail);
    if (rc != ENVELOPE_OK || credentials->id.len == 0)
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "no credentials for Tencent Cloud: neither "
                         "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, "
                         "nor a section [default] in "
                         "~/.tencentcloud/credentials or "
                         "/etc/tencentcloud/credentials, nor a CVM's role: "
                         "%.150s",
                         inner.detail);
    return ENVELOPE_OK;
}

enum envelope_reason
kms_tencent_credentials(struct kms_credentials *credentials,
                        const struct kms_seeker *seeker, struct envl_err *err)
{
    /* Who names a profile means it, whatever the environment has. */
    static kms_source *const of_profile[] = { from_files, NULL };
    static kms_source *const of_all[] = { from_variables, from_files,
                                          from_machine, NULL };

    return kms_source_first(credentials, seeker,
                            seeker->profile != NULL ? of_profile : of_all, err);
}
