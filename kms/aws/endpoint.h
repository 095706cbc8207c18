/* SPDX-License-Identifier: Apache-2.0 */
/* Where AWS's services are: what the user says in URI, environment and profile, or
 * AWS's own hosts. */
#ifndef KMS_AWS_ENDPOINT_H
#define KMS_AWS_ENDPOINT_H

#include "kms/http/http.h"
#include "kms/http/world.h"

enum kms_aws_service { KMS_AWS_KMS, KMS_AWS_STS };

/* What is asked for; NULL for what nobody has said. */
struct kms_aws_place {
    const struct kms_world *world;
    enum kms_aws_service service;
    const char *region;
    const char *partition; /* that the region has to be in */
    const char *endpoint;  /* of the URI */
    const char *profile;   /* that is named */
};

/*
 * kms_aws_endpoint - the URI's; AWS_ENDPOINT_URL_KMS or _STS; AWS_ENDPOINT_URL; the
 * profile's endpoint_url; AWS's own one for the region, with FIPS and dual stack as
 * AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT or the profile say.
 * These two and an endpoint of one's own are an error, as they are in AWS's rules.
 *
 *   ca_file  set to AWS_CA_BUNDLE or the profile's ca_bundle; "" for neither
 *
 * Ownership: endpoint and ca_file are the caller's, also after a failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; ENVELOPE_R_CREDENTIALS for a
 *            profile that cannot be read; ENVELOPE_R_MEMORY.
 */
enum envelope_reason kms_aws_endpoint(struct kms_endpoint *endpoint,
                                      struct kms_text *ca_file,
                                      const struct kms_aws_place *place,
                                      struct envl_err *err);

/* kms_aws_partition - the name of the part of AWS's world that a region is in */
const char *kms_aws_partition(const char *region);

#endif
