/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile gives: keys, the output of a program, or a role, which may need the
 * credentials of another profile first. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kms/aws/sources.h"
#include "kms/engine/kept.h"

#define STEPS_MAX 5
#define PROCESS_OUTPUT_MAX 65536
#define PROCESS_MS 60000

#define EXPORT "credential_process = aws configure export-credentials "

/* From the profile that is named to the one that has credentials. */
struct chain {
    const struct kms_seeker *seeker;
    struct kms_aws_profile steps[STEPS_MAX];
    size_t count;
};

/* "FILE, line 3: profile P: SETTING what", of a setting that is there. */
static enum envelope_reason
fail(const struct kms_aws_profile *profile, size_t setting, const char *what,
     struct envl_err *err)
{
    return kms_source_section_fail(kms_aws_profile_has(profile, setting),
                                   setting, what, err);
}

static bool
has(const struct kms_aws_profile *profile, size_t setting)
{
    return kms_aws_profile_has(profile, setting) != NULL;
}

/* Programs */

/* AWS documents words with double quotes, which the shell reads alike; most of
 * its SDKs use the shell, too. */
static enum envelope_reason
run(struct kms_credentials *credentials, const struct kms_seeker *seeker,
    const char *where, struct kms_text *command, struct envl_err *err)
{
    static const struct kms_source_document document = {
        .names = { .id = "AccessKeyId",
                   .secret = "SecretAccessKey",
                   .token = "SessionToken" },
        .expires = "Expiration",
    };
    char *const argv[] = { (char *)(uintptr_t) "/bin/sh",
                           (char *)(uintptr_t) "-c", command->data, NULL };
    const struct kms_world *world = seeker->world;
    struct kms_text output = { 0 }, nothing = { 0 };
    struct envl_err inner;
    enum envelope_reason rc;

    rc = world->run(world->arg, &output, PROCESS_OUTPUT_MAX, argv, &nothing,
                    PROCESS_MS, &inner);
    if (rc == ENVELOPE_R_MEMORY)
        rc = envl_fail_memory(err);
    else if (rc != ENVELOPE_OK)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS, "%s: %.250s", where,
                       inner.detail);
    else
        rc = kms_source_take(credentials, seeker, &output, &document, where,
                             err);
    if (rc == ENVELOPE_OK && credentials->expires > 0
        && credentials->expires <= world->now(world->arg))
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "%s: by this machine's clock, its credentials have "
                       "expired: renew them",
                       where);
    kms_text_clear(&output);
    return rc;
}

static enum envelope_reason
take_process(struct kms_credentials *credentials,
             const struct kms_seeker *seeker,
             const struct kms_aws_profile *profile, struct envl_err *err)
{
    const char *name = kms_text_get(&profile->name);
    struct kms_text command = { 0 }, source = { 0 };
    char where[100];
    enum envelope_reason rc = ENVELOPE_OK;

    if (!has(profile, KMS_AWS_PROCESS))
        return ENVELOPE_OK;
    (void)snprintf(where, sizeof(where), "credential_process of profile %.64s",
                   name);
    kms_aws_profile_set(&command, profile, KMS_AWS_PROCESS);
    kms_text_addf(&source, "%s: %s", name, kms_text_get(&command));
    if (command.failed || source.failed)
        rc = envl_fail_memory(err);
    else if (command.len == 0)
        rc = fail(profile, KMS_AWS_PROCESS, "is empty", err);
    else if (!kms_kept_find(credentials, seeker, source.data)) {
        rc = run(credentials, seeker, where, &command, err);
        if (rc == ENVELOPE_OK)
            kms_kept_put(seeker, source.data, credentials);
    }
    kms_text_clear(&source);
    kms_text_clear(&command);
    return rc;
}

/* Keys of the credentials' file come before a program, and those of the
 * configuration after it, as in the aws command. */
static enum envelope_reason
take_keys(struct kms_credentials *credentials, const struct kms_seeker *seeker,
          const struct kms_aws_profile *profile, struct envl_err *err)
{
    enum envelope_reason rc =
        kms_source_section_keys(credentials, &profile->files[0], err);

    if (rc == ENVELOPE_OK && credentials->id.len == 0)
        rc = take_process(credentials, seeker, profile, err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0)
        rc = kms_source_section_keys(credentials, &profile->files[1], err);
    return rc;
}

/* Roles */

static enum envelope_reason
check_kind(const struct kms_aws_profile *profile, struct envl_err *err)
{
    static const size_t sources[] = { KMS_AWS_SOURCE_PROFILE,
                                      KMS_AWS_CREDENTIAL_SOURCE,
                                      KMS_AWS_TOKEN_FILE };
    const struct kms_source_section *file;
    size_t i, count = 0;

    for (i = KMS_AWS_REFUSED; i < KMS_AWS_SETTING_COUNT; i++) {
        file = kms_aws_profile_has(profile, i);
        if (file != NULL)
            return envl_fail(
                err, ENVELOPE_R_CREDENTIALS,
                "%.100s, line %zu: profile %.40s has %s, which cannot be "
                "followed here: name another profile that has " EXPORT
                "--profile %.40s --format process",
                kms_text_get(&file->path), file->settings[i].line,
                file->profile, file->settings[i].name, file->profile);
    }
    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (!has(profile, sources[i]))
            continue;
        if (!has(profile, KMS_AWS_ROLE))
            return fail(profile, sources[i], "is there without role_arn", err);
        count++;
    }
    if (has(profile, KMS_AWS_ROLE) && count != 1)
        return fail(profile, KMS_AWS_ROLE,
                    "needs exactly one of source_profile, credential_source "
                    "and web_identity_token_file",
                    err);
    if (count == 1 && has(profile, KMS_AWS_MFA))
        return fail(profile, KMS_AWS_MFA,
                    "needs somebody to type a code: name another profile that "
                    "has " EXPORT "--format process",
                    err);
    return ENVELOPE_OK;
}

/* As a source, a profile with keys is these, whatever role it has beside them. */
static bool
is_base(const struct chain *chain)
{
    const struct kms_aws_profile *last = &chain->steps[chain->count - 1];

    return !has(last, KMS_AWS_ROLE)
           || (chain->count > 1
               && (has(last, KMS_SOURCE_ID) || has(last, KMS_SOURCE_SECRET)));
}

static enum envelope_reason
add_step(struct chain *chain, const char *name, struct envl_err *err)
{
    struct kms_aws_profile *step = &chain->steps[chain->count++];
    enum envelope_reason rc =
        kms_aws_profile_read(step, chain->seeker->world, name, err);

    return rc == ENVELOPE_OK ? check_kind(step, err) : rc;
}

/* The next one, which gives credentials to the last one. */
static enum envelope_reason
follow(struct chain *chain, struct envl_err *err)
{
    const struct kms_aws_profile *last = &chain->steps[chain->count - 1],
                                 *next = last + 1;
    struct kms_text name = { 0 };
    enum envelope_reason rc;
    size_t i;

    if (chain->count == STEPS_MAX)
        return fail(last, KMS_AWS_SOURCE_PROFILE,
                    "is the fifth on this way, and no more are followed", err);
    kms_aws_profile_set(&name, last, KMS_AWS_SOURCE_PROFILE);
    if (name.failed)
        return envl_fail_memory(err);
    rc = add_step(chain, kms_text_get(&name), err);
    kms_text_clear(&name);
    if (rc != ENVELOPE_OK)
        return rc;
    if (next->files[0].section.line == 0 && next->files[1].section.line == 0)
        return fail(last, KMS_AWS_SOURCE_PROFILE,
                    "names a profile that is not there", err);
    for (i = 0; i < chain->count - 1 && !is_base(chain); i++) {
        if (strcmp(kms_text_get(&chain->steps[i].name),
                   kms_text_get(&next->name))
            == 0)
            return fail(last, KMS_AWS_SOURCE_PROFILE,
                        "leads back to a profile that has no keys", err);
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
take_source(struct kms_credentials *credentials,
            const struct kms_seeker *seeker,
            const struct kms_aws_profile *profile, struct envl_err *err)
{
    static const struct {
        const char *name;
        kms_source *source;
    } sources[] = {
        { "Environment", kms_aws_from_environment },
        { "Ec2InstanceMetadata", kms_aws_from_instance },
        { "EcsContainer", kms_aws_from_container },
    };
    struct kms_text said = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    kms_aws_profile_set(&said, profile, KMS_AWS_CREDENTIAL_SOURCE);
    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (strcmp(kms_text_get(&said), sources[i].name) == 0)
            break;
    }
    if (said.failed)
        rc = envl_fail_memory(err);
    else if (i == sizeof(sources) / sizeof(sources[0]))
        rc = fail(profile, KMS_AWS_CREDENTIAL_SOURCE,
                  "is none of Environment, Ec2InstanceMetadata and "
                  "EcsContainer",
                  err);
    else
        rc = sources[i].source(credentials, seeker, err);
    kms_text_clear(&said);
    return rc;
}

/* What the last step begins with; a web identity needs nothing. */
static enum envelope_reason
begin(struct kms_credentials *credentials, const struct chain *chain,
      struct envl_err *err)
{
    const struct kms_aws_profile *last = &chain->steps[chain->count - 1];
    enum envelope_reason rc = ENVELOPE_OK;

    if (is_base(chain))
        rc = take_keys(credentials, chain->seeker, last, err);
    else if (has(last, KMS_AWS_CREDENTIAL_SOURCE))
        rc = take_source(credentials, chain->seeker, last, err);
    if (rc == ENVELOPE_OK && kms_source_failed(credentials))
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && credentials->id.len == 0
        && !has(last, KMS_AWS_TOKEN_FILE)
        && has(&chain->steps[0], KMS_AWS_ROLE))
        rc = fail(&chain->steps[0], KMS_AWS_ROLE,
                  "has no credentials to be taken with", err);
    return rc;
}

static enum envelope_reason
assume(struct kms_credentials *credentials, const struct chain *chain,
       const struct kms_aws_profile *step, struct envl_err *err)
{
    struct kms_aws_role role = { 0 };
    enum envelope_reason rc;

    kms_aws_profile_set(&role.arn, step, KMS_AWS_ROLE);
    kms_aws_profile_set(&role.session_name, step, KMS_AWS_SESSION_NAME);
    kms_aws_profile_set(&role.external_id, step, KMS_AWS_EXTERNAL_ID);
    kms_aws_profile_set(&role.duration, step, KMS_AWS_DURATION);
    kms_aws_profile_set(&role.token_file, step, KMS_AWS_TOKEN_FILE);
    rc = kms_aws_assume(credentials, chain->seeker, &role,
                        kms_text_get(&chain->steps[0].name), err);
    kms_aws_role_clear(&role);
    return rc;
}

enum envelope_reason
kms_aws_from_profile(struct kms_credentials *credentials,
                     const struct kms_seeker *seeker, struct envl_err *err)
{
    struct chain chain = { .seeker = seeker };
    enum envelope_reason rc = add_step(&chain, seeker->profile, err);
    size_t i;

    while (rc == ENVELOPE_OK && !is_base(&chain)
           && has(&chain.steps[chain.count - 1], KMS_AWS_SOURCE_PROFILE))
        rc = follow(&chain, err);
    if (rc == ENVELOPE_OK)
        rc = begin(credentials, &chain, err);
    for (i = chain.count - is_base(&chain); i > 0 && rc == ENVELOPE_OK; i--)
        rc = assume(credentials, &chain, &chain.steps[i - 1], err);
    for (i = 0; i < chain.count; i++)
        kms_aws_profile_clear(&chain.steps[i]);
    return rc;
}
