/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing a request: AWS Signature Version 4, Tencent Cloud's TC3, and a plain
 * HMAC.  The first two are one procedure with other words.
 *
 * Sources: AWS, "Signature Version 4 signing process"; Tencent Cloud,
 * "Signature v3".
 */
#ifndef KMS_HTTP_SIGN_H
#define KMS_HTTP_SIGN_H

#include <stdint.h>

#include "kms/core/text.h"
#include "kms/http/http.h"
#include "lib/base/err.h"
#include "lib/base/libctx.h"

/* Owned and wiped; empty where there is none. */
struct kms_credentials {
    struct kms_text id, secret, token;
    int64_t expires; /* seconds since the epoch; 0: not known to */
};

void kms_credentials_clear(struct kms_credentials *credentials);

/*
 * kms_sign_aws4 - add X-Amz-Date, X-Amz-Security-Token where there is a
 * token, and Authorization; signed are Host, Content-Type and all X-Amz-*
 * headers
 * kms_sign_tc3 - add X-TC-Timestamp, X-TC-Token where there is a token, and
 * Authorization; signed are Content-Type and Host
 * kms_sign_hmac - add X-Envelope-Timestamp and Authorization:
 *     "HMAC-SHA256 Credential=ID, Signature=HEX", the HMAC over
 *     METHOD LF path LF host LF timestamp LF hex(SHA-256(body))
 *
 * The request is complete otherwise, and has not been signed before; where
 * this fails, it is to be cleared.  Its path may have dot segments, and has to
 * be sent as it is.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CREDENTIALS for one that is not printable,
 *          or a clock that is outside of 1970 to 9999;
 *          ENVELOPE_R_UNREADABLE_KEY for a query of more than
 *          KMS_QUERY_COUNT_MAX parameters; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason kms_sign_aws4(struct kms_request *request,
                                   const struct envl_libctx *ctx,
                                   const struct kms_credentials *credentials,
                                   const char *region, const char *service,
                                   int64_t now, struct envl_err *err);
enum envelope_reason kms_sign_tc3(struct kms_request *request,
                                  const struct envl_libctx *ctx,
                                  const struct kms_credentials *credentials,
                                  const char *service, int64_t now,
                                  struct envl_err *err);
enum envelope_reason kms_sign_hmac(struct kms_request *request,
                                   const struct envl_libctx *ctx,
                                   const struct kms_credentials *credentials,
                                   int64_t now, struct envl_err *err);

#endif
