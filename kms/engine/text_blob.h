/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted keys that are text to their service: a header has that text as it
 * came, and the service gets it back as it was. */
#ifndef KMS_ENGINE_TEXT_BLOB_H
#define KMS_ENGINE_TEXT_BLOB_H

#include "kms/core/text.h"
#include "lib/base/err.h"
#include "lib/keys/kms_interface.h"

/* kms_text_blob_set - put the text that a service replied into made: 1, or 0
 * if it is NULL, not printable, or longer than ENVL_KMS_BLOB_LEN_MAX */
int kms_text_blob_set(struct envl_kms_wrapped *made, const char *text);

/*
 * kms_text_blob_get - the text again, from a header that may be hostile
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE_REFUSED if it is not printable;
 *          _MEMORY.
 */
enum envelope_reason kms_text_blob_get(struct kms_text *text,
                                       const struct envl_kms_wrapped *wrapped,
                                       struct envl_err *err);

#endif
