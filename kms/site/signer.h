/* SPDX-License-Identifier: Apache-2.0 */
/* How a section of httpkms says who we are: the ways to sign a request that it
 * can name. */
#ifndef KMS_SITE_SIGNER_H
#define KMS_SITE_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "kms/http/sign.h"
#include "kms/site/section.h"

/* What a request is signed with: of one operation. */
struct kms_signing {
    const struct kms_section *section;
    const struct envl_libctx *ctx;
    struct kms_credentials credentials;
    struct kms_text region;
};

struct kms_signer;

/*
 * kms_signer_find - the signer that a section names, with its settings
 * checked; no secret is read, and nobody asked
 * kms_signer_is_timed - may it be refused because the clock is wrong?
 * kms_signer_load - read the secrets
 * kms_signer_sign - add headers to a request that is complete otherwise
 *
 * Ownership: signing is the caller's, kms_signing_clear(), also after a
 *            failure; section and ctx are set before.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the setting;
 *            ENVELOPE_R_CREDENTIALS; what kms/sign.h and kms/credentials.h
 *            say.
 */
enum envelope_reason kms_signer_find(const struct kms_signer **signer,
                                     const struct kms_section *section,
                                     struct envl_err *err);
bool kms_signer_is_timed(const struct kms_signer *signer);
enum envelope_reason kms_signer_load(const struct kms_signer *signer,
                                     struct kms_signing *signing,
                                     const struct kms_world *world,
                                     struct envl_err *err);
enum envelope_reason kms_signer_sign(const struct kms_signer *signer,
                                     struct kms_request *request,
                                     const struct kms_signing *signing,
                                     int64_t now, struct envl_err *err);
void kms_signing_clear(struct kms_signing *signing);

#endif
