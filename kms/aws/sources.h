/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where AWS credentials come from, source by source; kms_aws_credentials()
 * knows their order.
 */
#ifndef KMS_AWS_SOURCES_H
#define KMS_AWS_SOURCES_H

#include <stdbool.h>

#include "kms/core/ini.h"
#include "kms/core/text.h"
#include "kms/http/sign.h"
#include "kms/http/world.h"
#include "lib/base/err.h"

/* The settings of a profile that count. */
enum kms_aws_setting {
    KMS_AWS_ID,
    KMS_AWS_SECRET,
    KMS_AWS_OLD_TOKEN, /* its name of former days */
    KMS_AWS_TOKEN,
    KMS_AWS_PROCESS,
    KMS_AWS_REGION,
    KMS_AWS_REFUSED, /* this one and all after it */
    KMS_AWS_SETTING_COUNT = KMS_AWS_REFUSED + 9
};

enum kms_aws_file {
    KMS_AWS_CREDENTIALS_FILE,
    KMS_AWS_CONFIG_FILE,
    KMS_AWS_FILE_COUNT
};

/* A profile: a section of each of two files. */
struct kms_aws_profile {
    const char *name; /* borrowed */
    struct kms_aws_profile_file {
        struct kms_text path, content;
        struct kms_ini_section section;
        struct kms_ini_setting settings[KMS_AWS_SETTING_COUNT + 1];
    } files[KMS_AWS_FILE_COUNT]; /* in this order of precedence */
};

/*
 * kms_aws_profile_read - both files; one that does not exist is empty
 * kms_aws_profile_region - the profile's region; without one, region stays
 */
enum envelope_reason kms_aws_profile_read(struct kms_aws_profile *profile,
                                          const struct kms_world *world,
                                          const char *name,
                                          struct envl_err *err);
void kms_aws_profile_clear(struct kms_aws_profile *profile);
void kms_aws_profile_region(struct kms_text *region,
                            const struct kms_aws_profile *profile);

/*
 * The sources.  Where there is nothing in one, credentials stay empty.
 *
 * kms_aws_from_profile - static keys, or the output of credential_process
 * kms_aws_from_container - what AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or
 * _FULL_URI names
 * kms_aws_from_instance - IMDSv2; a service that does not answer is nothing
 *
 * Returns: as kms_aws_credentials().
 */
enum envelope_reason kms_aws_from_profile(struct kms_credentials *credentials,
                                          const struct kms_world *world,
                                          const struct kms_aws_profile *profile,
                                          struct envl_err *err);
enum envelope_reason kms_aws_from_container(struct kms_credentials *credentials,
                                            const struct kms_world *world,
                                            struct envl_err *err);
enum envelope_reason kms_aws_from_instance(struct kms_credentials *credentials,
                                           const struct kms_world *world,
                                           struct envl_err *err);

/* kms_aws_instance_is_off - is AWS_EC2_METADATA_DISABLED true? */
bool kms_aws_instance_is_off(const struct kms_world *world);

/*
 * kms_aws_take_document - credentials as JSON: AccessKeyId, SecretAccessKey,
 * Expiration, and the session token, which has several names
 *
 *   where  they come from, for a message
 */
enum envelope_reason kms_aws_take_document(struct kms_credentials *credentials,
                                           const struct kms_text *text,
                                           const char *token_name,
                                           const char *where,
                                           struct envl_err *err);

#endif
