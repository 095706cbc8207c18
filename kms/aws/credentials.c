/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which AWS credentials are looked for; the environment; and what is
 * said where there are none. */
#include "kms/engine/credentials.h"

#include <string.h>

#include "kms/aws/sources.h"

enum envelope_reason
kms_aws_from_environment(struct kms_credentials *credentials,
                         const struct kms_seeker *seeker, struct envl_err *err)
{
    static const struct kms_source_names names = {
        .id = "AWS_ACCESS_KEY_ID",
        .secret = "AWS_SECRET_ACCESS_KEY",
        .token = "AWS_SESSION_TOKEN",
    };

    return kms_source_variables(credentials, seeker, &names, err);
}

enum envelope_reason
kms_aws_from_web_identity(struct kms_credentials *credentials,
                          const struct kms_seeker *seeker, struct envl_err *err)
{
    static const char file[] = "AWS_WEB_IDENTITY_TOKEN_FILE";
    const struct kms_world *world = seeker->world;
    struct kms_aws_role role = { 0 };
    enum envelope_reason rc =
        kms_source_variable(&role.token_file, world, file, err);

    if (rc == ENVELOPE_OK)
        rc = kms_source_variable(&role.arn, world, "AWS_ROLE_ARN", err);
    if (rc == ENVELOPE_OK)
        rc = kms_source_variable(&role.session_name, world,
                                 "AWS_ROLE_SESSION_NAME", err);
    if (rc == ENVELOPE_OK && role.token_file.len > 0) {
        if (role.arn.len == 0)
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "%s is set, and AWS_ROLE_ARN is not: they belong "
                           "together",
                           file);
        else
            rc = kms_aws_assume(credentials, seeker, &role, NULL, err);
    }
    kms_aws_role_clear(&role);
    return rc;
}

/* "in PATH (line 3)", "in PATH (no section [x])" */
static void
add_place(struct kms_text *places, const struct kms_source_section *file,
          const char *begin)
{
    kms_text_addf(places, "in %.44s ", kms_text_get(&file->path));
    if (file->section.line != 0)
        kms_text_addf(places, "(line %zu)", file->section.line);
    else
        kms_text_addf(places, "(no section [%s%.30s])", begin, file->profile);
}

/* The last of all sources, which says where we looked. */
static enum envelope_reason
fail_nothing(struct kms_credentials *credentials,
             const struct kms_seeker *seeker, struct envl_err *err)
{
    const struct kms_world *world = seeker->world;
    struct kms_aws_profile files;
    struct kms_text places = { 0 };
    enum envelope_reason rc =
        kms_aws_profile_read(&files, world, seeker->profile, err);
    const char *name = kms_text_get(&files.name);

    (void)credentials;
    add_place(&places, &files.files[0], "");
    kms_text_add(&places, " and ");
    add_place(&places, &files.files[1],
              strcmp(name, "default") == 0 ? "" : "profile ");
    if (rc == ENVELOPE_OK && places.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && seeker->profile != NULL)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "profile %.64s has no AWS credentials: looked for "
                       "aws_access_key_id, credential_process and role_arn %s",
                       name, kms_text_get(&places));
    else if (rc == ENVELOPE_OK)
        rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                       "no AWS credentials: looked for AWS_ACCESS_KEY_ID, "
                       "AWS_WEB_IDENTITY_TOKEN_FILE, for aws_access_key_id, "
                       "credential_process and role_arn %s, for "
                       "AWS_CONTAINER_CREDENTIALS_*, and for the "
                       "instance's metadata service, which %s",
                       kms_text_get(&places),
                       kms_aws_instance_is_off(world) ? "is switched off"
                                                      : "does not answer");
    kms_text_clear(&places);
    kms_aws_profile_clear(&files);
    return rc;
}

enum envelope_reason
kms_aws_credentials(struct kms_credentials *credentials,
                    const struct kms_seeker *seeker, struct envl_err *err)
{
    static kms_source *const of_profile[] = { kms_aws_from_profile,
                                              fail_nothing, NULL };
    static kms_source *const of_all[] = {
        kms_aws_from_environment,
        kms_aws_from_web_identity,
        kms_aws_from_profile,
        kms_aws_from_container,
        kms_aws_from_instance,
        fail_nothing,
        NULL,
    };
    struct kms_seeker named = *seeker;
    enum envelope_reason rc = kms_aws_profile_name(
        &named.profile, seeker->world, seeker->profile, err);

    *credentials = (struct kms_credentials){ 0 };
    if (rc == ENVELOPE_OK)
        rc = kms_source_first(credentials, &named,
                              named.profile != NULL ? of_profile : of_all, err);
    return rc;
}

enum envelope_reason
kms_aws_region(struct kms_text *region, const struct kms_world *world,
               const char *profile, struct envl_err *err)
{
    struct kms_aws_profile files = { 0 };
    enum envelope_reason rc =
        kms_source_variable(region, world, "AWS_REGION", err);

    if (rc == ENVELOPE_OK && region->len == 0)
        rc = kms_source_variable(region, world, "AWS_DEFAULT_REGION", err);
    if (rc == ENVELOPE_OK && region->len == 0) {
        rc = kms_aws_profile_read(&files, world, profile, err);
        kms_aws_profile_set(region, &files, KMS_AWS_REGION);
    }
    kms_aws_profile_clear(&files);
    if (rc == ENVELOPE_OK && region->failed)
        rc = envl_fail_memory(err);
    return rc;
}
