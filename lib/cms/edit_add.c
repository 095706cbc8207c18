/* SPDX-License-Identifier: Apache-2.0 */
/* Adds RecipientInfos, which wrap the same content-encryption key.  The others
 * stay byte for byte.  edit_plan.c decides which are kept. */
#include "lib/cms/edit.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/cms/edit_plan.h"
#include "lib/cms/reader.h"

/* Write the entries of the recipients that are added. */
static enum envelope_reason
wrap_all(struct envl_cms_reader *o, const struct envl_recipients *come,
         const struct envl_edit *edit, struct envl_err *err)
{
    const struct envl_wrap wrap = {
        .ctx = o->ctx,
        .cek = o->cek,
        .settings = edit->settings,
        .labels = edit->labels,
    };
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < come->count && rc == ENVELOPE_OK; i++)
        rc = envl_entry_wrap(&o->message, &wrap, &come->items[i], err);
    return rc;
}

/* Change a message that has been opened. */
static enum envelope_reason
add_opened(struct envl_cms_reader *o, const struct envl_edit *edit,
           const unsigned char kek_id[ENVL_KEK_ID_LEN], unsigned char *dek,
           struct envl_err *err)
{
    unsigned char content[ENVL_DEK_LEN];
    struct envl_plan plan = { 0 };
    enum envelope_reason rc;

    /* Check first that the content-encryption key decrypts the content. */
    rc = envl_cms_reader_dek(o, content, err);
    if (rc == ENVELOPE_OK)
        rc = envl_plan_make(&plan, o, edit, kek_id, err);
    if (rc == ENVELOPE_OK)
        rc = envl_plan_drop(&plan, o, edit, err);
    if (rc == ENVELOPE_OK)
        rc = wrap_all(o, &plan.come, edit, err);
    if (rc == ENVELOPE_OK && dek != NULL)
        memcpy(dek, content, sizeof(content));
    OPENSSL_cleanse(content, sizeof(content));
    envl_plan_clear(&plan);
    return rc;
}

enum envelope_reason
envl_key_envelope_add(unsigned char **out, size_t *out_len,
                      const unsigned char *der, size_t len,
                      const struct envl_libctx *ctx,
                      const struct envl_identities *identities,
                      const struct envl_edit *edit, unsigned char *dek,
                      bool *opened, struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
        .labels = edit->labels,
    };
    unsigned char kek_id[ENVL_KEK_ID_LEN] = { 0 };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    *out = NULL;
    *opened = false;
    if (rc == ENVELOPE_OK && edit->recipients->count == 0)
        rc = envl_fail(err, ENVELOPE_R_NO_RECIPIENT,
                       "there is no recipient to add");
    if (rc == ENVELOPE_OK && edit->settings->has_kek)
        rc = envl_kek_id(kek_id, ctx, edit->settings->kek, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cms_reader_open(&o, err);
    *opened = rc == ENVELOPE_OK;
    if (rc == ENVELOPE_OK)
        rc = add_opened(&o, edit, kek_id, dek, err);
    if (rc == ENVELOPE_R_KEY_ENVELOPE) /* the key did not decrypt the content */
        *opened = false;
    if (rc == ENVELOPE_OK)
        rc = envl_message_write(&o.message, out, out_len, err);
    envl_cms_reader_end(&o);
    return rc;
}
