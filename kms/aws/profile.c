/* SPDX-License-Identifier: Apache-2.0 */
/* The files of profiles that AWS's tools share, and the programs that they
 * name. */
#include "kms/aws/sources.h"

#include <stdint.h>
#include <string.h>

#include "kms/aws/section.h"

#define FILE_LEN_MAX (1 << 20)
#define PROCESS_OUTPUT_MAX 65536
#define PROCESS_MS 60000

static const struct {
    const char *variable, *path;
    kms_ini_is_section *is_section;
} places[KMS_AWS_FILE_COUNT] = {
    { "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials",
      kms_aws_is_credentials_section },
    { "AWS_CONFIG_FILE", "~/.aws/config", kms_aws_is_config_section },
};

static const char *const names[KMS_AWS_SETTING_COUNT] = {
    [KMS_AWS_ID] = "aws_access_key_id",
    [KMS_AWS_SECRET] = "aws_secret_access_key",
    [KMS_AWS_OLD_TOKEN] = "aws_security_token",
    [KMS_AWS_TOKEN] = "aws_session_token",
    [KMS_AWS_PROCESS] = "credential_process",
    [KMS_AWS_REGION] = "region",
    /* What would need other services before KMS is asked. */
    [KMS_AWS_REFUSED] = "role_arn",
    "source_profile",
    "credential_source",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "web_identity_token_file",
    "login_session",
};

/* Reading */

/* The aws command fills in variables and homes of other users. */
static enum envelope_reason
set_path(struct kms_text *path, const struct kms_world *world, size_t place,
         struct envl_err *err)
{
    const char *said = world->variable(world->arg, places[place].variable);
    const char *home = world->variable(world->arg, "HOME");

    if (said == NULL)
        said = places[place].path;
    if (strchr(said, '$') != NULL
        || (said[0] == '~' && strncmp(said, "~/", 2) != 0))
        return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                         "%s: %.200s: variables and homes of other users are "
                         "not filled in here: write the whole path",
                         places[place].variable, said);
    if (home != NULL && strncmp(said, "~/", 2) == 0)
        kms_text_addf(path, "%s%s", home, said + 1);
    else
        kms_text_set(path, said);
    return path->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

/* Without a home there is no file in it; as it is written, the path would be
 * one in the working directory, which may be anybody's. */
static bool
is_nowhere(const struct kms_text *path)
{
    return strncmp(kms_text_get(path), "~/", 2) == 0;
}

static enum envelope_reason
read_place(struct kms_aws_profile *profile, const struct kms_world *world,
           size_t place, struct envl_err *err)
{
    struct kms_aws_profile_file *file = &profile->files[place];
    struct kms_ini_file ini = {
        .text = &file->content,
        .is_section = places[place].is_section,
        .reason = ENVELOPE_R_CREDENTIALS,
    };
    enum envelope_reason rc = set_path(&file->path, world, place, err);
    size_t i;

    for (i = 0; i < KMS_AWS_SETTING_COUNT; i++)
        file->settings[i].name = names[i];
    if (rc == ENVELOPE_OK && !is_nowhere(&file->path))
        rc = world->read(world->arg, &file->content, kms_text_get(&file->path),
                         FILE_LEN_MAX, err);
    ini.path = kms_text_get(&file->path);
    if (rc == ENVELOPE_OK)
        rc = kms_ini_read(&file->section, file->settings, &ini, profile->name,
                          err);
    return rc;
}

enum envelope_reason
kms_aws_profile_read(struct kms_aws_profile *profile,
                     const struct kms_world *world, const char *name,
                     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    *profile = (struct kms_aws_profile){ .name = name };
    for (i = 0; i < KMS_AWS_FILE_COUNT && rc == ENVELOPE_OK; i++)
        rc = read_place(profile, world, i, err);
    return rc;
}

void
kms_aws_profile_clear(struct kms_aws_profile *profile)
{
    size_t i;

    for (i = 0; i < KMS_AWS_FILE_COUNT; i++) {
        kms_text_clear(&profile->files[i].path);
        kms_text_clear(&profile->files[i].content);
    }
    *profile = (struct kms_aws_profile){ 0 };
}

/* The file that counts for a setting, or NULL. */
static const struct kms_aws_profile_file *
find(const struct kms_aws_profile *profile, size_t setting)
{
    size_t i = 0;

    while (i < KMS_AWS_FILE_COUNT
           && profile->files[i].settings[setting].line == 0)
        i++;
    return i < KMS_AWS_FILE_COUNT ? &profile->files[i] : NULL;
}

static void
copy(struct kms_text *value, const struct kms_ini_setting *setting)
{
    kms_text_set(value, "");
    kms_text_add_bytes(value, setting->value.data, setting->value.len);
}

void
kms_aws_profile_region(struct kms_text *region,
                       const struct kms_aws_profile *profile)
{
    const struct kms_aws_profile_file *file = find(profile, KMS_AWS_REGION);

    if (file != NULL)
        copy(region, &file->settings[KMS_AWS_REGION]);
}

/* "FILE, line 3: profile P: SETTING what" */
static enum envelope_reason
fail_setting(const struct kms_aws_profile *profile,
             const struct kms_aws_profile_file *file, size_t setting,
             const char *what, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "%.150s, line %zu: profile %.64s: %s %s",
                     kms_text_get(&file->path), file->settings[setting].line,
                     profile->name, names[setting], what);
}

/* Static keys */

/* The aws command sends what is there, whatever it is; programs that know
 * comments after a value would send less. */
static enum envelope_reason
check_keys(const struct kms_aws_profile *profile,
           const struct kms_aws_profile_file *file, struct envl_err *err)
{
    const struct kms_ini_setting *settings = file->settings;
    const struct kms_span old = settings[KMS_AWS_OLD_TOKEN].value,
                          token = settings[KMS_AWS_TOKEN].value;
    const bool has_id = settings[KMS_AWS_ID].line != 0,
               has_secret = settings[KMS_AWS_SECRET].line != 0;
    size_t i;

    if (has_id && !has_secret)
        return fail_setting(profile, file, KMS_AWS_ID,
                            "is there without aws_secret_access_key", err);
    if (has_secret && !has_id)
        return fail_setting(profile, file, KMS_AWS_SECRET,
                            "is there without aws_access_key_id", err);
    for (i = KMS_AWS_ID; i <= KMS_AWS_TOKEN; i++) {
        if (settings[i].line != 0 && !kms_span_is_key(settings[i].value)
            && (i <= KMS_AWS_SECRET || settings[i].value.len > 0))
            return fail_setting(profile, file, i,
                                "is empty, or has a character that is in no "
                                "key, such as a blank or a quote",
                                err);
    }
    if (old.len > 0 && token.len > 0
        && (old.len != token.len || memcmp(old.data, token.data, old.len) != 0))
        return fail_setting(profile, file, KMS_AWS_OLD_TOKEN,
                            "is not the same as aws_session_token, and "
                            "programs differ in which one counts",
                            err);
    return ENVELOPE_OK;
}

/* The pair of one file: a token of another file is not theirs. */
static enum envelope_reason
take_keys(struct kms_credentials *credentials,
          const struct kms_aws_profile *profile, size_t place,
          struct envl_err *err)
{
    const struct kms_aws_profile_file *file = &profile->files[place];
    enum envelope_reason rc = check_keys(profile, file, err);

    if (rc != ENVELOPE_OK || file->settings[KMS_AWS_ID].line == 0)
        return rc;
    copy(&credentials->id, &file->settings[KMS_AWS_ID]);
    copy(&credentials->secret, &file->settings[KMS_AWS_SECRET]);
    copy(&credentials->token, &file->settings[KMS_AWS_TOKEN]);
    if (credentials->token.len == 0)
        copy(&credentials->token, &file->settings[KMS_AWS_OLD_TOKEN]);
    return credentials->id.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

/* Programs */

/* AWS documents words with double quotes, which the shell reads alike; most of
 * its SDKs use the shell, too. */
static enum envelope_reason
run_process(struct kms_credentials *credentials, const struct kms_world *world,
            const struct kms_aws_profile *profile,
            const struct kms_text *command, struct envl_err *err)
{
    char *const argv[] = { (char *)(uintptr_t) "/bin/sh",
                           (char *)(uintptr_t) "-c", command->data, NULL };
    struct kms_text output = { 0 }, where = { 0 }, nothing = { 0 };
    struct envl_err inner;
    enum envelope_reason rc;

    kms_text_addf(&where, "credential_process of profile %.64s", profile->name);
    rc = world->run(world->arg, &output, PROCESS_OUTPUT_MAX, argv, &nothing,
                    PROCESS_MS, &inner);
    if (rc == ENVELOPE_R_MEMORY || where.failed)
        rc = envl_fail_memory(err);
    else if (rc != ENVELOPE_OK)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.250s",
                       kms_text_get(&where), inner.detail);
    else
        rc = kms_aws_take_document(credentials, &output, "SessionToken",
                                   kms_text_get(&where), err);
    if (rc == ENVELOPE_OK && credentials->expires > 0
        && credentials->expires <= world->now(world->arg))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: by this machine's clock, its credentials have "
                       "expired: renew them",
                       kms_text_get(&where));
    kms_text_clear(&output);
    kms_text_clear(&where);
    return rc;
}

/* Profiles */

static enum envelope_reason
check_kind(const struct kms_aws_profile *profile, struct envl_err *err)
{
    const struct kms_aws_profile_file *file = NULL;
    size_t i;

    for (i = KMS_AWS_REFUSED; i < KMS_AWS_SETTING_COUNT; i++) {
        file = find(profile, i);
        if (file != NULL)
            return envl_fail(
                err, ENVELOPE_R_CREDENTIALS,
                "%.100s, line %zu: profile %.40s has %s, which cannot be "
                "followed here: name another profile that has "
                "credential_process = aws configure export-credentials "
                "--profile %.40s --format process",
                kms_text_get(&file->path), file->settings[i].line,
                profile->name, names[i], profile->name);
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
take_process(struct kms_credentials *credentials, const struct kms_world *world,
             const struct kms_aws_profile *profile, struct envl_err *err)
{
    const struct kms_aws_profile_file *file = find(profile, KMS_AWS_PROCESS);
    const struct kms_ini_setting *setting;
    struct kms_text command = { 0 };
    enum envelope_reason rc;

    if (file == NULL)
        return ENVELOPE_OK;
    setting = &file->settings[KMS_AWS_PROCESS];
    if (setting->value.len == 0)
        return fail_setting(profile, file, KMS_AWS_PROCESS, "is empty", err);
    copy(&command, setting);
    rc = command.failed
             ? envl_fail_memory(err)
             : run_process(credentials, world, profile, &command, err);
    kms_text_clear(&command);
    return rc;
}

/* The order is that of the aws command. */
enum envelope_reason
kms_aws_from_profile(struct kms_credentials *credentials,
                     const struct kms_world *world,
                     const struct kms_aws_profile *profile,
                     struct envl_err *err)
{
    enum envelope_reason rc = check_kind(profile, err);

    if (rc == ENVELOPE_OK)
        rc = take_keys(credentials, profile, KMS_AWS_CREDENTIALS_FILE, err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0)
        rc = take_process(credentials, world, profile, err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0)
        rc = take_keys(credentials, profile, KMS_AWS_CONFIG_FILE, err);
    return rc;
}
