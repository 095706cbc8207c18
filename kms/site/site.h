/* SPDX-License-Identifier: Apache-2.0 */
/* An operation of httpkms: what its section says, and the request that follows
 * from it. */
#ifndef KMS_SITE_SITE_H
#define KMS_SITE_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "kms/engine/service.h"
#include "kms/http/http.h"
#include "kms/site/section.h"
#include "kms/site/signer.h"

/* The places in kms_http_settings. */
enum kms_http_setting {
    KMS_HTTP_KEY = KMS_SETTING_KEY,
    KMS_HTTP_URL,
    KMS_HTTP_GENERATE,
    KMS_HTTP_DECRYPT,
    KMS_HTTP_REWRAP,
    KMS_HTTP_SIGNER,
    KMS_HTTP_TOKEN_FILE,
    KMS_HTTP_TOKEN_VARIABLE,
    KMS_HTTP_TOKEN_HEADER,
    KMS_HTTP_ID,
    KMS_HTTP_SECRET_FILE,
    KMS_HTTP_SECRET_VARIABLE,
    KMS_HTTP_PROFILE,
    KMS_HTTP_REGION,
    KMS_HTTP_SERVICE,
    KMS_HTTP_CA_FILE,
    KMS_HTTP_CA_PATH,
    KMS_HTTP_CERTIFICATE,
    KMS_HTTP_PRIVATE_KEY,
    KMS_HTTP_REQUEST_KEY,
    KMS_HTTP_REQUEST_TO,
    KMS_HTTP_REQUEST_CONTEXT,
    KMS_HTTP_REQUEST_BLOB,
    KMS_HTTP_REQUEST_EXTRA,
    KMS_HTTP_REPLY_KEY,
    KMS_HTTP_REPLY_PLAINTEXT,
    KMS_HTTP_REPLY_BLOB,
    KMS_HTTP_REPLY_ERROR,
    KMS_HTTP_REPLY_MESSAGE,
    KMS_HTTP_REPLY_ID
};

extern const struct kms_setting kms_http_settings[];

/* One operation. */
struct kms_http_call {
    const struct kms_world *world;
    struct kms_section section;
    struct kms_endpoint endpoint;
    const struct kms_signer *signer;
    struct kms_signing signing;

    /* What a request is made of. */
    struct kms_text key, to; /* NAME/KEY; to is for a rewrap to another one */
    struct kms_text blob;    /* empty where there is none yet */
    const struct kms_job *job;
    bool has_context; /* the job's labels are sent */
    struct kms_text path, body;

    /* What a good reply fills in; NULL where that is not expected. */
    struct envl_kms_wrapped *made;
    unsigned char *kek;
};

/*
 * kms_http_prepare - set path and body for an action: KMS_HTTP_GENERATE,
 * _DECRYPT or _REWRAP
 * kms_http_build - the request, signed; of struct kms_operation, where arg is
 * a call that was prepared and whose signing was loaded
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the setting;
 *          ENVELOPE_R_MEMORY; what kms_signer_sign() does.
 */
enum envelope_reason kms_http_prepare(struct kms_http_call *call,
                                      enum kms_http_setting action,
                                      struct envl_err *err);
enum envelope_reason kms_http_build(void *arg, struct kms_request *request,
                                    int64_t now, struct envl_err *err);

#endif
