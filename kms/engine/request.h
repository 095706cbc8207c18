/* SPDX-License-Identifier: Apache-2.0 */
/* What a call asks: its fields as JSON or as parameters. */
#ifndef KMS_ENGINE_REQUEST_H
#define KMS_ENGINE_REQUEST_H

#include "kms/engine/api.h"

/*
 * kms_request_fill - call->content, by the call's action
 *
 * kms_request_build - the request itself, signed as of now; of struct kms_operation,
 * whose arg is a call that was filled and has its credentials
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE_REFUSED for a blob that the service
 *          cannot have made, or labels that are too long for it; what the service's
 *          path and sign do; _CRYPTO; _MEMORY.
 */
enum envelope_reason kms_request_fill(struct kms_call *call,
                                      struct envl_err *err);
enum envelope_reason kms_request_build(void *arg, struct kms_request *request,
                                       int64_t now, struct envl_err *err);

#endif
