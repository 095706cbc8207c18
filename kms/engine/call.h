/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a service, from the rules about labels to the last attempt. */
#ifndef KMS_ENGINE_CALL_H
#define KMS_ENGINE_CALL_H

#include "kms/engine/api.h"

/*
 * kms_call_run - do what call->kind says; its targets are open
 *
 *   call  all is set but what is the engine's own, which is all zero
 *
 * Returns: as struct envl_kms_module.  After a failure the caller throws made away,
 *          and wipes kek.
 */
enum envelope_reason kms_call_run(struct kms_call *call, struct envl_err *err);

/* kms_call_check - can a target be asked for this use, as far as it says itself?
 * Nothing is sent. */
enum envelope_reason kms_call_check(struct kms_target *target,
                                    enum envl_kms_use use,
                                    struct envl_err *err);

#endif
