/* SPDX-License-Identifier: Apache-2.0 */
/* How a section of httpkms says who we are: the ways to sign a request that it can
 * name. */
#ifndef KMS_SITE_SIGNER_H
#define KMS_SITE_SIGNER_H

#include "kms/site/site.h"

/*
 * kms_signer_open - set site's signer, and the region that it signs for, with their
 * settings checked; no secret is read, and nobody asked
 * kms_signer_is_timed - may it be refused because the clock is wrong?
 * kms_signer_credentials - read the secrets: of struct kms_api
 * kms_signer_sign - add headers to a request that is complete otherwise
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the setting;
 *          ENVELOPE_R_CREDENTIALS; what http/sign.h and engine/credentials.h say.
 */
enum envelope_reason kms_signer_open(struct kms_site *site,
                                     const struct kms_world *world,
                                     struct envl_err *err);
bool kms_signer_is_timed(const struct kms_signer *signer);
enum envelope_reason kms_signer_credentials(struct kms_credentials *credentials,
                                            const struct kms_seeker *seeker,
                                            struct envl_err *err);
enum envelope_reason kms_signer_sign(struct kms_request *request,
                                     const struct kms_call *call, int64_t now,
                                     struct envl_err *err);

#endif
