/* SPDX-License-Identifier: Apache-2.0 */
/* Recipients that are a key service's: the question to the service, and a new
 * ciphertext of the service. */
#ifndef ENVL_CMS_KEKRI_H
#define ENVL_CMS_KEKRI_H

#include "lib/cms/entry.h"
#include "lib/keys/kms_interface.h"

/* envl_kekri_call - a question to a key service about a stream with these
 * labels, which may be NULL */
static inline struct envl_kms_call
envl_kekri_call(const struct envl_libctx *ctx, const char *uri,
                const struct envl_labels *labels)
{
    return (struct envl_kms_call){
        .ctx = ctx,
        .uri = uri,
        .labels = labels != NULL ? labels->text : NULL,
        .labels_len = labels != NULL ? labels->len : 0,
    };
}

/*
 * envl_kekri_replace_source - write the RecipientInfo of an entry with another
 * source and the identifier of that source; the wrapped key stays byte for byte
 *
 *   entry  of the kind ENVL_ENTRY_SERVICE
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CRYPTO.
 */
enum envelope_reason envl_kekri_replace_source(
    struct envl_der_writer *w, const struct envl_entry *entry,
    const struct envl_libctx *ctx, const struct envl_kek_source *source,
    struct envl_err *err);

#endif
