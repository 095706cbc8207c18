/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a message, and opens a message, from beginning to end. */
#include "lib/cms/key_envelope.h"

#include "lib/cms/entry.h"
#include "lib/cms/reader.h"

enum envelope_reason
envl_key_envelope_build(unsigned char **der, size_t *len,
                        const struct envl_libctx *ctx,
                        const struct envl_recipients *recipients,
                        const struct envl_key_settings *settings,
                        const struct envl_labels *labels,
                        const unsigned char *random, const unsigned char *dek,
                        struct envl_err *err)
{
    const struct envl_wrap wrap = {
        .ctx = ctx,
        .cek = random,
        .settings = settings,
        .labels = labels,
    };
    struct envl_message message = { .count = 0 };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    *der = NULL;
    for (i = 0; i < recipients->count && rc == ENVELOPE_OK; i++)
        rc = envl_entry_wrap(&message, &wrap, &recipients->items[i], err);
    if (rc == ENVELOPE_OK)
        rc = envl_message_encrypt(&message, ctx, random, random + ENVL_CEK_LEN,
                                  dek, err);
    if (rc == ENVELOPE_OK)
        rc = envl_message_write(&message, der, len, err);
    envl_message_clear(&message);
    return rc;
}

enum envelope_reason
envl_key_envelope_open(unsigned char *dek, const unsigned char *der, size_t len,
                       const struct envl_libctx *ctx,
                       const struct envl_identities *identities,
                       const struct envl_labels *labels, struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
        .labels = labels,
    };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_open(&o, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_dek(&o, dek, err);
    envl_cms_reader_end(&o);
    return rc;
}
