/* SPDX-License-Identifier: Apache-2.0 */
/* httpkms: what its section says, in the places of kms_site_settings. */
#ifndef KMS_SITE_SITE_H
#define KMS_SITE_SITE_H

#include "kms/engine/api.h"
#include "kms/site/section.h"

enum kms_site_setting {
    KMS_SITE_KEY = KMS_SETTING_KEY,
    KMS_SITE_URL,
    KMS_SITE_GENERATE, /* these three in the order of enum kms_action_kind */
    KMS_SITE_DECRYPT,
    KMS_SITE_REWRAP,
    KMS_SITE_SIGNER,
    KMS_SITE_TOKEN_FILE,
    KMS_SITE_TOKEN_VARIABLE,
    KMS_SITE_TOKEN_HEADER,
    KMS_SITE_ID,
    KMS_SITE_SECRET_FILE,
    KMS_SITE_SECRET_VARIABLE,
    KMS_SITE_PROFILE,
    KMS_SITE_REGION,
    KMS_SITE_SERVICE,
    KMS_SITE_CA_FILE,
    KMS_SITE_CA_PATH,
    KMS_SITE_CERTIFICATE,
    KMS_SITE_PRIVATE_KEY,
    KMS_SITE_REQUEST_KEY,
    KMS_SITE_REQUEST_TO,
    KMS_SITE_REQUEST_CONTEXT,
    KMS_SITE_REQUEST_BLOB,
    KMS_SITE_REQUEST_EXTRA,
    KMS_SITE_REPLY_KEY,
    KMS_SITE_REPLY_PLAINTEXT,
    KMS_SITE_REPLY_BLOB,
    KMS_SITE_REPLY_ERROR,
    KMS_SITE_REPLY_MESSAGE,
    KMS_SITE_REPLY_ID
};

struct kms_signer;

/* A target's own. */
struct kms_site {
    struct kms_section section;
    const struct kms_signer *signer;
    struct kms_text region; /* that is signed for, or empty */
    struct kms_text begin;  /* of each request's body */
    struct kms_shape shape; /* its names are the section's */
};

/* kms_site_get - a setting; "" for none */
const char *kms_site_get(const struct kms_site *site,
                         enum kms_site_setting setting);

#endif
