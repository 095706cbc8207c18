/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to Azure, and which of its clouds a vault is in. */
#ifndef KMS_CLOUD_AZURE_CREDENTIALS_H
#define KMS_CLOUD_AZURE_CREDENTIALS_H

#include "kms/engine/credentials.h"

struct kms_azure_cloud {
    const char *suffix;    /* of the hosts of its vaults, or of its HSMs */
    const char *authority; /* that hands out tokens */
    const char *resource;  /* that they are for */
};

/* kms_azure_cloud - of a host "NAME.vault.azure.net" and the like; NULL for any other.
 * Static. */
const struct kms_azure_cloud *kms_azure_cloud(const char *host);

/*
 * kms_azure_credentials - a token to be sent as "Authorization: Bearer", in this order:
 * AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET; the same with
 * AZURE_FEDERATED_TOKEN_FILE (workload identity); the managed identity of App Service
 * (IDENTITY_ENDPOINT, IDENTITY_HEADER) or of the machine (IMDS), where AZURE_CLIENT_ID
 * chooses among several
 *
 * AZURE_AUTHORITY_HOST is asked in place of the cloud's authority.  What was asked for
 * is kept (engine/kept.h).
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming what was looked at, and what is
 *          wrong; ENVELOPE_R_KEY_SERVICE if their service failed; _MEMORY.
 *          credentials are empty on failure.
 * Source:  @azure/identity 4.13; RFC 6749, 4.4; RFC 7523.
 */
enum envelope_reason kms_azure_credentials(struct kms_credentials *credentials,
                                           const struct kms_seeker *seeker,
                                           const struct kms_azure_cloud *cloud,
                                           struct envl_err *err);

#endif
