/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply means, and what is taken from it. */
#ifndef KMS_ENGINE_REPLY_H
#define KMS_ENGINE_REPLY_H

#include "kms/engine/api.h"

/*
 * kms_reply_understand - of struct kms_operation, whose arg is a call: a pure function
 * of the reply
 *
 * What is good goes into call->made and call->kek.  A reply of which one condition
 * does not hold leaves both of them to be thrown away.
 */
enum kms_outcome kms_reply_understand(void *arg, const struct kms_reply *reply,
                                      struct envl_err *err);

/* kms_set_key - put a key's name into made: 1, or 0 if it is empty, too long, not
 * printable or with a space, which no header has (FORMAT 5.2) */
int kms_set_key(struct envl_kms_wrapped *made, const char *key);

#endif
