/* SPDX-License-Identifier: Apache-2.0 */
/* From a URI to a target: who is asked, and for which key. */
#ifndef KMS_ENGINE_TARGET_H
#define KMS_ENGINE_TARGET_H

#include "kms/engine/api.h"

/*
 * kms_target_open - all that a URI says, checked; the network is not used
 * kms_target_matches - can the user mean the header's key?
 *
 * Ownership: target is the caller's, kms_target_close(), also after a failure.
 * Returns:   kms_target_open(): ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY;
 *            ENVELOPE_R_CREDENTIALS for a file that cannot be read; _MEMORY.
 */
enum envelope_reason kms_target_open(struct kms_target *target,
                                     const struct kms_api *api,
                                     const struct kms_world *world,
                                     const char *uri, enum envl_kms_use use,
                                     struct envl_err *err);
void kms_target_close(struct kms_target *target);
bool kms_target_matches(const struct kms_target *target, const char *key);

/* kms_target_endpoint - set target's: the URI's endpoint=, else what a variable says
 * (NULL: none), else the service's own; returns what kms_endpoint_parse() does */
enum envelope_reason kms_target_endpoint(struct kms_target *target,
                                         const char *variable,
                                         const char *usual,
                                         struct envl_err *err);

/*
 * The names that clouds give:
 *
 * kms_is_region - "ap-guangzhou", "us-west-1": it can stand in the name of a host
 * kms_is_key_id - letters, digits and hyphens
 */
bool kms_is_region(const char *text);
bool kms_is_key_id(const char *text);

/* kms_target_aim - find the endpoint, of the header's key or of any if that is NULL;
 * returns what the service's aim does */
enum envelope_reason kms_target_aim(struct kms_target *target, const char *key,
                                    struct envl_err *err);

#endif
