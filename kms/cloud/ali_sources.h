/* SPDX-License-Identifier: Apache-2.0 */
/* Where Alibaba Cloud's users keep their credentials. */
#ifndef KMS_CLOUD_ALI_SOURCES_H
#define KMS_CLOUD_ALI_SOURCES_H

#include "kms/engine/source.h"

/*
 * kms_ali_credentials - in this order: ALIBABA_CLOUD_ACCESS_KEY_ID, _ACCESS_KEY_SECRET
 * and _SECURITY_TOKEN, or their older names; the role of ALIBABA_CLOUD_ROLE_ARN for the
 * token in ALIBABA_CLOUD_OIDC_TOKEN_FILE; a profile of ~/.aliyun/config.json, or of
 * ~/.alibabacloud/credentials or the file that ALIBABA_CLOUD_CREDENTIALS_FILE names;
 * ALIBABA_CLOUD_CREDENTIALS_URI; the role of the machine (ECS).  Alibaba's own programs
 * ask the machine before that URI.
 *
 * A profile that the URI of a key names is the only source; one that
 * ALIBABA_CLOUD_PROFILE names has to be in one of the files.  What a service gives is
 * kept in the world until shortly before it expires.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming what was looked at, and what is
 *          wrong; ENVELOPE_R_KEY_SERVICE if a service failed; _MEMORY.  credentials are
 *          empty on failure.
 */
kms_source kms_ali_credentials;

/* What a profile says, or the environment. */
enum kms_ali_setting {
    KMS_ALI_MODE,
    KMS_ALI_ID,
    KMS_ALI_SECRET,
    KMS_ALI_TOKEN,
    KMS_ALI_MACHINE_ROLE,
    KMS_ALI_URI,
    /* Of a role that STS is asked for */
    KMS_ALI_ROLE,
    KMS_ALI_SESSION,
    KMS_ALI_EXTERNAL_ID,
    KMS_ALI_DURATION, /* seconds */
    KMS_ALI_PROVIDER,
    KMS_ALI_TOKEN_FILE,
    KMS_ALI_STS_REGION,
    KMS_ALI_SETTING_COUNT
};

struct kms_ali_profile {
    struct kms_text where; /* for messages */
    const char *const
        *names; /* of the settings there; NULL or "": it has none */
    struct kms_text values[KMS_ALI_SETTING_COUNT]; /* "" where it is not set */
};

enum kms_ali_kind {
    KMS_ALI_BY_KEYS,
    KMS_ALI_BY_TOKEN, /* keys with a token */
    KMS_ALI_BY_ROLE,
    KMS_ALI_BY_OIDC,
    KMS_ALI_BY_MACHINE,
    KMS_ALI_BY_URI,
    KMS_ALI_KIND_COUNT
};

/*
 * kms_ali_use - credentials as a profile of this kind gives them; what it has for
 * another kind is taken away, and does not count
 * kms_ali_use_mode - as its KMS_ALI_MODE says, in the words of the file of the aliyun
 * command (is_config) or of the other one; it has to give some
 *
 * Returns: as a source does.
 */
enum envelope_reason kms_ali_use(struct kms_credentials *credentials,
                                 const struct kms_seeker *seeker,
                                 struct kms_ali_profile *profile,
                                 enum kms_ali_kind kind, struct envl_err *err);
enum envelope_reason kms_ali_use_mode(struct kms_credentials *credentials,
                                      const struct kms_seeker *seeker,
                                      struct kms_ali_profile *profile,
                                      bool is_config, struct envl_err *err);
void kms_ali_profile_clear(struct kms_ali_profile *profile);

/*
 * kms_ali_assume - credentials of a role, by Alibaba's Security Token Service
 * (2015-04-01), or those that were kept: AssumeRoleWithOIDC for a token in a file, else
 * AssumeRole, signed by the profile's keys
 *
 * Returns: as a source does.
 */
enum envelope_reason kms_ali_assume(struct kms_credentials *credentials,
                                    const struct kms_seeker *seeker,
                                    const struct kms_ali_profile *profile,
                                    struct envl_err *err);

#endif
