/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asked at AWS KMS, and for which key: the user's URI, environment and
 * profile decide.  What a header says is compared with them.
 */
#ifndef KMS_AWS_TARGET_H
#define KMS_AWS_TARGET_H

#include <stdbool.h>

#include "kms/aws/key.h"
#include "kms/core/text.h"
#include "kms/http/http.h"
#include "kms/http/world.h"

struct kms_aws_target {
    struct kms_aws_key key;
    struct kms_text region;  /* where it is asked */
    const char *key_id;      /* that is sent: the user's, or a discovered one;
                             * borrowed */
    struct kms_text ca_file; /* instead of the system's; "" for none */
};

/*
 * kms_aws_target_read - all but the endpoint
 *
 * Of a discovery, region is the one that is configured, and empty where the
 * URI has its own.
 *
 * Ownership: target is the caller's, kms_aws_target_clear(), also after a
 *            failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY for a bad URI or
 *            configuration, or one without a region; ENVELOPE_R_CREDENTIALS
 *            for a profile that cannot be read; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_aws_target_read(struct kms_aws_target *target,
                                         const struct kms_world *world,
                                         const struct kms_uri *uri,
                                         enum envl_kms_use use,
                                         struct envl_err *err);
void kms_aws_target_clear(struct kms_aws_target *target);

/* kms_aws_target_matches - can the user mean the key of this ARN? */
bool kms_aws_target_matches(const struct kms_aws_target *target,
                            const char *arn);

/*
 * kms_aws_target_connect - the endpoint: the URI's, the environment's, or
 * AWS's own one for the region
 *
 *   arn  the header's, which matches, for a discovery; NULL for none: then
 *        there is an endpoint for each region of a discovery, or an error
 *
 * Returns: as kms_aws_endpoint().
 */
enum envelope_reason kms_aws_target_connect(struct kms_aws_target *target,
                                            struct kms_endpoint *endpoint,
                                            const struct kms_world *world,
                                            const char *arn,
                                            struct envl_err *err);

/*
 * kms_aws_target_check - the ARN in a reply: is it a key of the region that was asked,
 * and, where wanted is NULL, one that target means, else wanted's or its sibling?
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE_REFUSED for another one;
 *          ENVELOPE_R_KEY_SERVICE for what is no key's ARN.  Its detail does not begin
 *          with the service's name.
 */
enum envelope_reason kms_aws_target_check(const struct kms_aws_target *target,
                                          const char *said, const char *wanted,
                                          struct envl_err *err);

/*
 * kms_aws_target_advise - where the service has not found the header's key (arn), and
 * this is a multi-Region key that was asked for in another region than the
 * header's: add to the detail what to write instead
 */
void kms_aws_target_advise(const struct kms_aws_target *target, const char *arn,
                           struct envl_err *err);

#endif
