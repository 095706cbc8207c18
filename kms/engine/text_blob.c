/* SPDX-License-Identifier: Apache-2.0 */
/* Text into a blob, and back; what is no text gets neither in nor out. */
#include "kms/engine/text_blob.h"

#include <string.h>

int
kms_text_blob_set(struct envl_kms_wrapped *made, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || len > sizeof(made->blob) || !kms_is_printable(text))
        return 0;
    memcpy(made->blob, text, len);
    made->blob_len = len;
    return 1;
}

enum envelope_reason
kms_text_blob_get(struct kms_text *text, const struct envl_kms_wrapped *wrapped,
                  struct envl_err *err)
{
    kms_text_clear(text);
    kms_text_add_bytes(text, wrapped->blob, wrapped->blob_len);
    if (text->failed)
        return envl_fail_memory(err);
    /* A NUL would hide what is after it. */
    if (strlen(kms_text_get(text)) != wrapped->blob_len
        || !kms_is_printable(kms_text_get(text))) {
        kms_text_clear(text);
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "%s: the encrypted key in the header is not the text "
                         "that this service makes",
                         wrapped->service);
    }
    return ENVELOPE_OK;
}
