/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing a request: one procedure, and a table of what each service makes of it.
 *
 * Sources: AWS, "Signature Version 4 signing process"; Tencent Cloud, "Signature
 * v3"; Alibaba Cloud, "V3 request body and signature mechanism"; Huawei Cloud,
 * "AK/SK signing and authentication algorithm".
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
    struct kms_text
        project;     /* the one that they ask for, where a cloud has them */
    int64_t expires; /* seconds since the epoch; 0: not known to */
};

void kms_credentials_clear(struct kms_credentials *credentials);

/*
 * What is signed, beside method, target and body, and which headers are added,
 * beside Authorization; the token's is added where there is one.
 */
enum kms_sign_form {
    /* Host, Content-Type, X-Amz-*; adds X-Amz-Date and X-Amz-Security-Token. */
    KMS_SIGN_AWS4,
    /* Host, Content-Type; adds X-TC-Timestamp and X-TC-Token. */
    KMS_SIGN_TC3,
    /* Host, Content-Type, x-acs-*; adds x-acs-date, x-acs-signature-nonce if there
     * is none, x-acs-content-sha256, and x-acs-security-token with
     * x-acs-accesskey-id.  The caller has added x-acs-action and x-acs-version. */
    KMS_SIGN_ACS3,
    /* Host, Content-Type, X-*; adds X-Sdk-Date and X-Security-Token.  The path is
     * signed with a slash at its end, and sent as it is. */
    KMS_SIGN_SDK,
    /* Adds X-Envelope-Timestamp; "HMAC-SHA256 Credential=ID, Signature=HEX" with
     * the HMAC over METHOD LF path LF host LF timestamp LF hex(SHA-256(body)).  A
     * token is not used. */
    KMS_SIGN_HMAC
};

/* Borrowed.  Region and service are parts of the scope of AWS4; of TC3, service is;
 * NULL otherwise. */
struct kms_sign {
    enum kms_sign_form form;
    const struct envl_libctx *ctx;
    const struct kms_credentials *credentials;
    const char *region, *service;
};

/*
 * kms_sign - sign a request as of now, in seconds since the epoch
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
enum envelope_reason kms_sign(struct kms_request *request,
                              const struct kms_sign *how, int64_t now,
                              struct envl_err *err);

#endif
