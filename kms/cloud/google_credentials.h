/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to Google Cloud, and which of its clouds that is. */
#ifndef KMS_CLOUD_GOOGLE_CREDENTIALS_H
#define KMS_CLOUD_GOOGLE_CREDENTIALS_H

#include "kms/core/text.h"
#include "kms/engine/credentials.h"
#include "lib/base/err.h"

/*
 * kms_google_credentials - a token to be sent as "Authorization: Bearer"
 *
 * Looked for in this order: the credential file that the seeker's profile is a path
 * of; the one that GOOGLE_APPLICATION_CREDENTIALS names; what "gcloud auth
 * application-default login" wrote, in $CLOUDSDK_CONFIG or
 * $HOME/.config/gcloud; the machine's metadata server, where GCE_METADATA_IP,
 * else GCE_METADATA_HOST may name another address of it.  A file that is there and
 * cannot be used is an error: no other source is asked then.
 *
 * The file's type decides: service_account signs a JWT and asks nobody;
 * authorized_user asks Google's token service; external_account exchanges the token
 * of a file or of a URL, and may take a service account's place then.  What was asked
 * for is kept (engine/kept.h).
 *
 * ENVELOPE_GOOGLE_OAUTH_ENDPOINT is asked in place of oauth2.googleapis.com, sts and
 * iamcredentials, with the same paths: for Private Service Connect, and for tests.
 *
 *   credentials  receives the token; as id the project that is charged (the header
 *                x-goog-user-project) of GOOGLE_CLOUD_QUOTA_PROJECT, else of the
 *                file, or nothing; and when the token expires
 *   seeker       its ctx is not NULL
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming the file, and what is wrong;
 *          ENVELOPE_R_KEY_SERVICE if the service for tokens failed;
 *          ENVELOPE_R_UNREADABLE_KEY for ENVELOPE_KMS_TIMEOUT; _CRYPTO; _MEMORY.
 *          credentials are empty on failure.
 * Source:  google-auth-library 10.9.1; RFC 7519, 7523, 8693; AIP-4110 to 4117.
 */
enum envelope_reason kms_google_credentials(struct kms_credentials *credentials,
                                            const struct kms_seeker *seeker,
                                            struct envl_err *err);

/*
 * kms_google_universe - the domain of the cloud, of which the key service is the host
 * "cloudkms": the one of the credential file, else of GOOGLE_CLOUD_UNIVERSE_DOMAIN,
 * else googleapis.com
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS where the two are not the same, or
 *          one is no name of a domain in lower case, or others can write to the file
 *          that names it; _MEMORY.
 */
enum envelope_reason kms_google_universe(struct kms_text *domain,
                                         const struct kms_seeker *seeker,
                                         struct envl_err *err);

#endif
