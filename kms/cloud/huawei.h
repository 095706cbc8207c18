/* SPDX-License-Identifier: Apache-2.0 */
/* What the key service of Huawei Cloud and its credentials share. */
#ifndef KMS_CLOUD_HUAWEI_H
#define KMS_CLOUD_HUAWEI_H

#include <stdbool.h>

#include "kms/engine/credentials.h"
#include "kms/http/http.h"

/* A target's own. */
struct kms_huawei {
    const char *region;  /* borrowed */
    const char *project; /* of the URI, borrowed; or NULL */
};

/* kms_huawei_is_project - can it stand in a path: 1 to 64 letters, digits, hyphens? */
bool kms_huawei_is_project(const char *text);

/* kms_huawei_url - add the address of a service ("kms") in a region */
void kms_huawei_url(struct kms_text *url, const char *service,
                    const char *region);

/*
 * kms_huawei_credentials - in this order: HUAWEICLOUD_SDK_AK, _SK and _SECURITY_TOKEN;
 * HUAWEICLOUD_ACCESS_KEY and _SECRET_KEY; the section [basic] of the file that
 * HUAWEICLOUD_SDK_CREDENTIALS_FILE names, or of ~/.huaweicloud/credentials; the pod's
 * identity; the machine's agency.  Where the seeker names a profile, it is that section
 * of the file, and nothing else.  Huawei's SDK asks the machine before the pod: a pod
 * would be its node wherever it reaches the node's metadata.
 *
 * The project is the first of: the URI's, that of the same source, the one of
 * HUAWEICLOUD_SDK_PROJECT_ID, the one that IAM names for the region.
 *
 * What pod, machine and IAM say is kept.
 *
 * Returns: as kms_aws_credentials() does; the seeker's own is a struct kms_huawei.
 */
enum envelope_reason kms_huawei_credentials(struct kms_credentials *credentials,
                                            const struct kms_seeker *seeker,
                                            struct envl_err *err);

#endif
