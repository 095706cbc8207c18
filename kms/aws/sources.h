/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where AWS credentials come from, source by source, and the profiles that tell so;
 * kms_aws_credentials() knows their order.
 */
#ifndef KMS_AWS_SOURCES_H
#define KMS_AWS_SOURCES_H

#include <stdbool.h>

#include "kms/engine/source.h"

/* The settings of a profile that count, after the keys. */
enum kms_aws_setting {
    KMS_AWS_PROCESS = KMS_SOURCE_KEYS_COUNT,
    KMS_AWS_REGION,
    /* Of a role */
    KMS_AWS_ROLE,
    KMS_AWS_SOURCE_PROFILE,
    KMS_AWS_CREDENTIAL_SOURCE,
    KMS_AWS_TOKEN_FILE,
    KMS_AWS_SESSION_NAME,
    KMS_AWS_EXTERNAL_ID,
    KMS_AWS_DURATION,
    KMS_AWS_MFA,
    /* Of endpoints */
    KMS_AWS_ENDPOINT_URL,
    KMS_AWS_IGNORE_URLS,
    KMS_AWS_SERVICES,
    KMS_AWS_CA_BUNDLE,
    KMS_AWS_FIPS,
    KMS_AWS_DUAL_STACK,
    KMS_AWS_REFUSED, /* this one and all after it */
    KMS_AWS_SETTING_COUNT = KMS_AWS_REFUSED + 5
};

#define KMS_AWS_FILE_COUNT 2

/* A profile: a section of the file of credentials, and one of the configuration,
 * which comes after it. */
struct kms_aws_profile {
    struct kms_text name;
    struct kms_source_section files[KMS_AWS_FILE_COUNT];
};

/*
 * kms_aws_profile_read - both files; one that does not exist is empty
 *
 *   name  NULL for the one that AWS_PROFILE or AWS_DEFAULT_PROFILE names, or
 *         "default"
 *
 * kms_aws_profile_name - the name that somebody has given, here or there; NULL if
 * nobody has
 * kms_aws_profile_has - the first file that has the setting, or NULL
 * kms_aws_profile_set - its value; "" if it is not there
 *
 * Ownership: profile is the caller's, kms_aws_profile_clear(), also after a failure.
 */
enum envelope_reason kms_aws_profile_name(const char **name,
                                          const struct kms_world *world,
                                          const char *said,
                                          struct envl_err *err);
enum envelope_reason kms_aws_profile_read(struct kms_aws_profile *profile,
                                          const struct kms_world *world,
                                          const char *name,
                                          struct envl_err *err);
const struct kms_source_section *
kms_aws_profile_has(const struct kms_aws_profile *profile, size_t setting);
void kms_aws_profile_set(struct kms_text *text,
                         const struct kms_aws_profile *profile, size_t setting);
void kms_aws_profile_clear(struct kms_aws_profile *profile);

/*
 * The sources:
 *
 * kms_aws_from_profile - the keys, the credential_process or the role of the profile
 * that the seeker names; "default" where it names none
 * kms_aws_from_environment - AWS_ACCESS_KEY_ID, ...
 * kms_aws_from_web_identity - the role of AWS_ROLE_ARN, for the token in
 * AWS_WEB_IDENTITY_TOKEN_FILE
 * kms_aws_from_container - what AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 * names: ECS, EKS Pod Identity
 * kms_aws_from_instance - IMDSv2; a service that does not answer is nothing
 */
kms_source kms_aws_from_profile, kms_aws_from_environment,
    kms_aws_from_web_identity, kms_aws_from_container, kms_aws_from_instance;

/* kms_aws_instance_is_off - is AWS_EC2_METADATA_DISABLED true? */
bool kms_aws_instance_is_off(const struct kms_world *world);

/* A role, as STS is asked for it; "" for what is not said. */
struct kms_aws_role {
    struct kms_text arn, session_name, external_id, duration;
    struct kms_text
        token_file; /* of a web identity, which needs no credentials */
};
void kms_aws_role_clear(struct kms_aws_role *role);

/*
 * kms_aws_assume - credentials become those of the role: kept ones, or those that
 * STS gives for them, or for the token
 *
 *   profile  whose region and endpoint count, or NULL
 */
enum envelope_reason kms_aws_assume(struct kms_credentials *credentials,
                                    const struct kms_seeker *seeker,
                                    const struct kms_aws_role *role,
                                    const char *profile, struct envl_err *err);

#endif
