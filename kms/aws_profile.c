/* SPDX-License-Identifier: Apache-2.0 */
/* The files of profiles that AWS's tools share, and the programs that they
 * name. */
#include "kms/aws_sources.h"

#include <stdint.h>
#include <string.h>

#include "kms/ini.h"

#define FILE_LEN_MAX (1 << 20)
#define PROCESS_OUTPUT_MAX 65536
#define PROCESS_MS 60000

#define FILE_COUNT 2

static const struct {
    const char *variable, *path, *section_begin;
} places[FILE_COUNT] = {
    { "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", "" },
    { "AWS_CONFIG_FILE", "~/.aws/config", "profile " },
};

/* Reading */

static void
set_path(struct kms_text *path, const struct kms_world *world, size_t place)
{
    const char *said = world->variable(world->arg, places[place].variable);
    const char *home = world->variable(world->arg, "HOME");

    if (said == NULL)
        said = places[place].path;
    if (home != NULL && strncmp(said, "~/", 2) == 0)
        kms_text_addf(path, "%s%s", home, said + 1);
    else
        kms_text_set(path, said);
}

/* Without a home there is no file in it; as it is written, the path would be
 * one in the working directory, which may be anybody's. */
static bool
is_nowhere(const struct kms_text *path)
{
    return strncmp(kms_text_get(path), "~/", 2) == 0;
}

/* In the configuration, the default one may have no "profile" in front. */
static void
set_section(struct kms_aws_profile_file *file, const char *name,
            const char *begin)
{
    kms_text_addf(&file->section, "%s%s", begin, name);
    if (strcmp(name, "default") == 0
        && !kms_ini_has(&file->content, kms_text_get(&file->section)))
        kms_text_set(&file->section, name);
}

enum envelope_reason
kms_aws_profile_read(struct kms_aws_profile *profile,
                     const struct kms_world *world, const char *name,
                     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct kms_aws_profile_file *file;
    size_t i;

    *profile = (struct kms_aws_profile){ .name = name };
    for (i = 0; i < FILE_COUNT && rc == ENVELOPE_OK; i++) {
        file = &profile->files[i];
        set_path(&file->path, world, i);
        if (!file->path.failed && !is_nowhere(&file->path))
            rc = world->read(world->arg, &file->content,
                             kms_text_get(&file->path), FILE_LEN_MAX, err);
        set_section(file, name, places[i].section_begin);
        if (rc == ENVELOPE_OK && (file->path.failed || file->section.failed))
            rc = envl_fail_memory(err);
    }
    return rc;
}

void
kms_aws_profile_clear(struct kms_aws_profile *profile)
{
    size_t i;

    for (i = 0; i < FILE_COUNT; i++) {
        kms_text_clear(&profile->files[i].path);
        kms_text_clear(&profile->files[i].section);
        kms_text_clear(&profile->files[i].content);
    }
    *profile = (struct kms_aws_profile){ 0 };
}

/* 1, if there is one and it is not empty. */
static int
get(struct kms_text *value, const struct kms_aws_profile_file *file,
    const char *name)
{
    return kms_ini_get(value, &file->content, kms_text_get(&file->section),
                       name)
           && value->len > 0;
}

int
kms_aws_profile_get(struct kms_text *value,
                    const struct kms_aws_profile *profile, const char *name)
{
    return get(value, &profile->files[0], name)
           || get(value, &profile->files[1], name);
}

/* Static keys */

/* The pair of one file: a token of another file is not theirs. */
static enum envelope_reason
take_keys(struct kms_credentials *credentials,
          const struct kms_aws_profile *profile, size_t place,
          struct envl_err *err)
{
    const struct kms_aws_profile_file *file = &profile->files[place];
    int has_id = get(&credentials->id, file, "aws_access_key_id");
    int has_secret = get(&credentials->secret, file, "aws_secret_access_key");

    (void)get(&credentials->token, file, "aws_session_token"); /* or empty */
    if (has_id == has_secret)
        return ENVELOPE_OK;
    if (credentials->id.failed || credentials->secret.failed)
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "%.150s: profile %.64s: of aws_access_key_id and "
                     "aws_secret_access_key, there is only one",
                     kms_text_get(&file->path), profile->name);
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

/* What would need other services before KMS is asked. */
static enum envelope_reason
check_kind(const struct kms_aws_profile *profile, struct envl_err *err)
{
    static const char *const names[] = {
        "role_arn",      "source_profile",          "credential_source",
        "sso_session",   "sso_start_url",           "sso_account_id",
        "sso_role_name", "web_identity_token_file", "login_session",
    };
    struct kms_text value = { 0 };
    bool failed;
    size_t i = 0;

    while (i < sizeof(names) / sizeof(names[0])
           && !kms_aws_profile_get(&value, profile, names[i]))
        i++;
    failed = value.failed;
    kms_text_clear(&value);
    if (failed)
        return envl_fail_memory(err);
    if (i == sizeof(names) / sizeof(names[0]))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                     "profile %.64s has %s, which cannot be followed here: "
                     "name another profile that has credential_process = aws "
                     "configure export-credentials --profile %.64s "
                     "--format process",
                     profile->name, names[i], profile->name);
}

enum envelope_reason
kms_aws_from_profile(struct kms_credentials *credentials,
                     const struct kms_world *world,
                     const struct kms_aws_profile *profile,
                     struct envl_err *err)
{
    struct kms_text command = { 0 };
    enum envelope_reason rc = check_kind(profile, err);
    size_t i;

    for (i = 0; i < FILE_COUNT && rc == ENVELOPE_OK && credentials->id.len == 0;
         i++)
        rc = take_keys(credentials, profile, i, err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0
        && kms_aws_profile_get(&command, profile, "credential_process"))
        rc = run_process(credentials, world, profile, &command, err);
    if (rc == ENVELOPE_OK && command.failed)
        rc = envl_fail_memory(err);
    kms_text_clear(&command);
    return rc;
}
