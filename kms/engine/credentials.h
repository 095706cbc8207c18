/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to a service, found where its users expect it; nothing is ever
 * taken from a URI but the name of a profile. */
#ifndef KMS_ENGINE_CREDENTIALS_H
#define KMS_ENGINE_CREDENTIALS_H

#include <stdbool.h>

#include "kms/http/sign.h"
#include "kms/http/world.h"
#include "lib/base/err.h"
#include "lib/base/libctx.h"

/* Who looks for credentials; all of it is borrowed. */
struct kms_seeker {
    const struct kms_world *world;
    const struct envl_libctx *ctx;
    const char *profile; /* the one that is named, or NULL */
    const void *own; /* of the target that is asked (engine/api.h), or NULL */
    bool anew;       /* the service has refused those that were found before */
};

/*
 * kms_aws_credentials - in this order: a profile that is named (here or by
 * AWS_PROFILE or AWS_DEFAULT_PROFILE); AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN; the role of AWS_ROLE_ARN for the token in
 * AWS_WEB_IDENTITY_TOKEN_FILE; the profile "default"; the container's endpoint; the
 * instance's (IMDSv2).  AWS's JavaScript SDK alone asks the profile "default" before
 * the token.
 *
 * A profile has static keys, a credential_process, or a role (role_arn) with its
 * source.  What it has beyond that (sso) is an error that says to use
 * credential_process.  So is a line of it that cannot be read: no other source is
 * asked then.
 *
 * What a program or a service gives is kept in the world until shortly before it
 * expires.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming what was looked at, and
 *          what is wrong; ENVELOPE_R_KEY_SERVICE if their service failed;
 *          _MEMORY.  credentials are empty on failure.
 */
enum envelope_reason kms_aws_credentials(struct kms_credentials *credentials,
                                         const struct kms_seeker *seeker,
                                         struct envl_err *err);

/* kms_aws_region - AWS_REGION, AWS_DEFAULT_REGION, the profile's region; empty
 * if there is none */
enum envelope_reason kms_aws_region(struct kms_text *region,
                                    const struct kms_world *world,
                                    const char *profile, struct envl_err *err);

/*
 * kms_tencent_credentials - in this order: a profile that is named, of
 * ~/.tencentcloud/credentials or /etc/tencentcloud/credentials, or of the file
 * that TENCENTCLOUD_CREDENTIALS_FILE names;
 * TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, and
 * TENCENTCLOUD_SESSION_TOKEN or TENCENTCLOUD_TOKEN; the profile "default"; the
 * CVM's role, where TENCENTCLOUD_CVM_ROLE names one or the metadata service
 * does
 *
 * Returns: as above.
 */
enum envelope_reason
kms_tencent_credentials(struct kms_credentials *credentials,
                        const struct kms_seeker *seeker, struct envl_err *err);

#endif
