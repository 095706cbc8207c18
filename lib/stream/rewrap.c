/* SPDX-License-Identifier: Apache-2.0 */
/* Only one function has the data key, on its stack: it opens the old key
 * envelope and makes the new one. */
#include "lib/stream/rewrap.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/cms/edit.h"
#include "lib/cms/key_envelope.h"
#include "lib/keys/identity.h"
#include "lib/keys/passphrase.h"
#include "lib/keys/recipient.h"
#include "lib/payload/payload.h"
#include "lib/stream/header_parts.h"
#include "lib/stream/signed.h"

struct envl_rewrap {
    const struct envl_libctx *ctx;

    struct envl_identities identities;
    struct envl_key_settings settings; /* a copy of the recipients' settings */
    struct envl_recipients recipients;
    enum envl_rewrap_mode mode;
    bool by_service;
    const char *removed;                 /* borrowed */
    const char *required_labels;         /* borrowed */
    struct envl_signature_keys *trusted; /* who must have signed; or NULL */
};

/* Setting up */

enum envelope_reason
envl_rewrap_new(struct envl_rewrap **out, const struct envl_libctx *ctx,
                struct envl_err *err)
{
    *out = OPENSSL_zalloc(sizeof(**out));
    if (*out == NULL)
        return envl_fail_memory(err);
    (*out)->ctx = ctx;
    return ENVELOPE_OK;
}

void
envl_rewrap_free(struct envl_rewrap *rewrap)
{
    if (rewrap == NULL)
        return;
    envl_identities_clear(&rewrap->identities);
    envl_signature_keys_free(rewrap->trusted);
    envl_recipients_clear(&rewrap->recipients);
    envl_key_settings_clear(&rewrap->settings);
    OPENSSL_free(rewrap);
}

enum envelope_reason
envl_rewrap_set_identities(struct envl_rewrap *rewrap,
                           const struct envl_key_settings *settings,
                           struct envl_err *err)
{
    enum envelope_reason rc;

    rewrap->required_labels = settings->required_labels;
    rc =
        envl_signed_by_load(&rewrap->trusted, rewrap->ctx, settings, NULL, err);
    if (rc != ENVELOPE_OK)
        return rc;
    return envl_identities_load(&rewrap->identities, rewrap->ctx, settings,
                                NULL, err);
}

/* A passphrase file may be a pipe, which can be read only once. */
static enum envelope_reason
copy_settings(struct envl_key_settings *to,
              const struct envl_key_settings *from, struct envl_err *err)
{
    struct envl_octets passphrase;
    enum envelope_reason rc;

    if (!envl_key_settings_copy(to, from))
        return envl_fail_memory(err);
    rc = envl_passphrase_load(&passphrase, from, err);
    envl_octets_clear(&to->passphrase);
    to->passphrase = passphrase;
    return rc;
}

enum envelope_reason
envl_rewrap_set_recipients(struct envl_rewrap *rewrap,
                           const struct envl_key_settings *settings,
                           enum envl_rewrap_mode mode, struct envl_err *err)
{
    enum envelope_reason rc = copy_settings(&rewrap->settings, settings, err);

    rewrap->mode = mode;
    if (rc == ENVELOPE_OK)
        rc = envl_recipients_load(&rewrap->recipients, rewrap->ctx,
                                  &rewrap->settings, NULL, err);
    return rc;
}

void
envl_rewrap_set_removed(struct envl_rewrap *rewrap, const char *ids)
{
    rewrap->removed = ids;
}

const struct envl_recipient_notes *
envl_rewrap_notes(const struct envl_rewrap *rewrap)
{
    return &rewrap->recipients.notes;
}

/* Is one of the identities a key of the service that uri names? */
static bool
has_service_of(const struct envl_identities *identities, const char *uri)
{
    const size_t len = strcspn(uri, ":") + 1;
    size_t i;

    for (i = 0; i < identities->service_count; i++) {
        if (strncmp(identities->services[i], uri, len) == 0)
            return true;
    }
    return false;
}

enum envelope_reason
envl_rewrap_set_by_service(struct envl_rewrap *rewrap, struct envl_err *err)
{
    const struct envl_recipients *to = &rewrap->recipients;

    rewrap->by_service = true;
    if (rewrap->identities.service_count == 0)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "none of the identities is a key of a service");
    if (to->count > 1
        || (to->count == 1
            && (to->items[0].kind != ENVL_TO_KMS
                || !has_service_of(&rewrap->identities, to->items[0].uri))))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "a service can encrypt for one of its own keys only");
    return ENVELOPE_OK;
}

/* Making */

/* Let the services encrypt again; the labels come from the header. */
static enum envelope_reason
make_by_service(struct envl_rewrapped *out, const struct envl_rewrap *rewrap,
                const struct envl_header *header, struct envl_err *err)
{
    const struct envl_recipients *to = &rewrap->recipients;
    const struct envl_labels labels = envl_header_labels_in(header);

    return envl_key_envelope_reencrypt(
        &out->der, &out->len, envl_header_key_envelope(header),
        header->prelude.key_envelope_len, rewrap->ctx, &rewrap->identities,
        &labels, to->count > 0 ? to->items[0].uri : NULL, err);
}

static enum envelope_reason
check_payload(const struct envl_rewrap *rewrap,
              const struct envl_header *header, const unsigned char *dek,
              const unsigned char *start, struct envl_err *err)
{
    const struct envl_payload_context context = envl_header_context(header);
    struct envl_payload *payload = NULL;
    enum envelope_reason rc;

    rc = envl_payload_new_decryptor(&payload, rewrap->ctx, dek, &context, 0, 0,
                                    start, true, err);
    envl_payload_free(payload);
    return rc;
}

/* Adding also opens the envelope: so a passphrase or a token is asked for only
 * once. */
static enum envelope_reason
open_or_add(struct envl_rewrapped *added, unsigned char *dek,
            const struct envl_rewrap *rewrap, const struct envl_header *header,
            struct envl_err *err)
{
    static const enum envl_edit_mode modes[] = {
        [ENVL_REWRAP_REPLACE] = ENVL_EDIT_REPLACE,
        [ENVL_REWRAP_ADD] = ENVL_EDIT_ADD,
        [ENVL_REWRAP_ALL] = ENVL_EDIT_ALL,
    };
    const unsigned char *der = envl_header_key_envelope(header);
    size_t len = header->prelude.key_envelope_len;
    const struct envl_labels labels = envl_header_labels_in(header);
    const struct envl_edit edit = {
        .mode = modes[rewrap->mode],
        .recipients = &rewrap->recipients,
        .settings = &rewrap->settings,
        .labels = &labels,
        .removed = rewrap->removed,
    };
    enum envelope_reason rc;

    if (rewrap->recipients.count == 0) {
        rc = envl_key_envelope_open(dek, der, len, rewrap->ctx,
                                    &rewrap->identities, &labels, err);
        added->opened = rc == ENVELOPE_OK;
        return rc;
    }
    return envl_key_envelope_add(&added->der, &added->len, der, len,
                                 rewrap->ctx, &rewrap->identities, &edit, dek,
                                 &added->opened, err);
}

/* Only remove recipients. */
static enum envelope_reason
remove_some(struct envl_rewrapped *out, const struct envl_rewrap *rewrap,
            const struct envl_header *header, struct envl_err *err)
{
    return envl_key_envelope_remove(
        &out->der, &out->len, envl_header_key_envelope(header),
        header->prelude.key_envelope_len, rewrap->ctx, rewrap->removed, err);
}

/* Does each added entry have the identifier of a removed one, and the other way
 * round? */
static bool
is_the_same(const struct envl_rewrapped *out)
{
    const struct envl_key_envelope_entry *a, *b;
    size_t i, j;

    for (i = 0; i < out->entry_count; i++) {
        a = &out->entries[i];
        for (j = 0; a->change != ENVL_KEPT && j < out->entry_count; j++) {
            b = &out->entries[j];
            if (b->change != ENVL_KEPT && b->change != a->change
                && a->id_len > 0 && a->id_len == b->id_len
                && memcmp(a->id, b->id, a->id_len) == 0)
                break;
        }
        if (j == out->entry_count)
            return false;
    }
    return true;
}

/* Compare the new key envelope with the old one.  This also checks that the new
 * one, which is about to replace the old one, can be read. */
static enum envelope_reason
compare(struct envl_rewrapped *out, const struct envl_rewrap *rewrap,
        const struct envl_header *header, const unsigned char *der, size_t len,
        struct envl_err *err)
{
    size_t i, kept = 0;
    enum envelope_reason rc;

    rc = envl_key_envelope_compare(
        &out->entries, &out->entry_count, envl_header_key_envelope(header),
        header->prelude.key_envelope_len, der, len, rewrap->ctx, err);
    if (rc == ENVELOPE_OK && rewrap->removed != NULL)
        rc = envl_key_envelope_absent(&out->absent, out->entries,
                                      out->entry_count, rewrap->removed, err);
    for (i = 0; i < out->entry_count; i++) {
        out->recipients += out->entries[i].change != ENVL_REMOVED;
        kept += out->entries[i].change == ENVL_KEPT;
    }
    out->outcome = kept == out->entry_count ? ENVL_REWRAP_UNCHANGED
                   : is_the_same(out)       ? ENVL_REWRAP_RENEWED
                                            : ENVL_REWRAP_CHANGED;
    return rc;
}

/* Get the data key from the old key envelope and wrap it in the new one. */
static enum envelope_reason
make_here(struct envl_rewrapped *out, const struct envl_rewrap *rewrap,
          const struct envl_header *header, const unsigned char *start,
          struct envl_err *err)
{
    unsigned char dek[ENVL_DEK_LEN];
    enum envelope_reason rc;

    rc = open_or_add(out, dek, rewrap, header, err);
    if (rc == ENVELOPE_OK
        && (rc = check_payload(rewrap, header, dek, start, err)) != ENVELOPE_OK)
        out->opened = false; /* the key is not this payload's */
    OPENSSL_cleanse(dek, sizeof(dek));
    return rc;
}

enum envelope_reason
envl_rewrap_make(struct envl_rewrapped *out, const struct envl_rewrap *rewrap,
                 const struct envl_header *header, const unsigned char *start,
                 struct envl_err *err)
{
    enum envelope_reason rc;

    *out = (struct envl_rewrapped){ 0 };
    rc = envl_header_require(header, start, rewrap->ctx,
                             rewrap->required_labels, rewrap->trusted, err);
    if (rc != ENVELOPE_OK)
        return rc;
    rc = rewrap->by_service ? make_by_service(out, rewrap, header, err)
                            : make_here(out, rewrap, header, start, err);
    if (rc == ENVELOPE_OK && out->der == NULL)
        rc = remove_some(out, rewrap, header, err);
    if (rc == ENVELOPE_OK)
        rc = envl_key_envelope_clean(&out->der, &out->len, rewrap->ctx, err);
    if (rc == ENVELOPE_OK)
        rc = compare(out, rewrap, header, out->der, out->len, err);
    if (rc != ENVELOPE_OK)
        envl_rewrapped_clear(out);
    return rc;
}

enum envelope_reason
envl_rewrap_is_done(struct envl_rewrapped *out,
                    const struct envl_rewrap *rewrap,
                    const struct envl_header *header, struct envl_err *err)
{
    const unsigned char *der = envl_header_key_envelope(header);
    const size_t len = header->prelude.key_envelope_len;
    enum envelope_reason rc = ENVELOPE_OK;
    bool is = false;

    *out = (struct envl_rewrapped){ 0 };
    if (rewrap->mode != ENVL_REWRAP_ADD && !rewrap->by_service
        && rewrap->recipients.count > 0)
        rc = envl_key_envelope_is_done(&is, der, len, rewrap->ctx,
                                       &rewrap->identities, &rewrap->recipients,
                                       rewrap->removed,
                                       rewrap->mode == ENVL_REWRAP_ALL, err);
    if (rc == ENVELOPE_OK && !is)
        return ENVELOPE_R_NO_MATCH;
    if (rc == ENVELOPE_OK)
        rc = compare(out, rewrap, header, der, len, err);
    if (rc != ENVELOPE_OK)
        envl_rewrapped_clear(out);
    return rc;
}

void
envl_rewrapped_clear(struct envl_rewrapped *rewrapped)
{
    OPENSSL_free(rewrapped->der);
    OPENSSL_free(rewrapped->absent);
    envl_key_envelope_list_free(rewrapped->entries, rewrapped->entry_count);
    *rewrapped = (struct envl_rewrapped){ .opened = rewrapped->opened };
}
