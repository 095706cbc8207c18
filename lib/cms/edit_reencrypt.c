/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a service encrypts a key-encryption key again, the attribute and the
 * identifier of the kekri change.  The wrapped content-encryption key after
 * them stays byte for byte, and this code sees no key.
 */
#include "lib/cms/edit.h"

#include <openssl/crypto.h>

#include "lib/cms/form.h"
#include "lib/cms/kekri.h"
#include "lib/cms/reader.h"
#include "lib/keys/kms.h"

/* Replace an entry by one with the service's new ciphertext. */
static enum envelope_reason
replace(struct envl_cms_reader *o, const struct envl_entry *entry,
        const struct envl_kms_wrapped *made, struct envl_err *err)
{
    unsigned char buf[ENVL_INFO_LEN_MAX];
    struct envl_kek_source source;
    struct envl_der_writer w;
    enum envelope_reason rc = envl_kms_borrow(&source, made, err);

    envl_der_begin(&w, buf, sizeof(buf));
    if (rc == ENVELOPE_OK)
        rc = envl_kekri_replace_source(&w, entry, o->ctx, &source, err);
    if (rc == ENVELOPE_OK)
        rc = envl_form_add(&o->message, &w, err);
    if (rc == ENVELOPE_OK)
        envl_message_drop(&o->message, entry->info_index);
    return rc;
}

/* An entry that one of the user's URIs matches. */
struct target {
    size_t entry; /* which of the reader's */
    const char *uri;
};

/* Find all targets before a service is asked. */
static enum envelope_reason
find_targets(struct target targets[ENVL_SERVICE_CALL_MAX], size_t *count,
             const struct envl_cms_reader *o,
             const struct envl_kms_module *module, struct envl_err *err)
{
    const char *uri;
    size_t i;

    *count = 0;
    for (i = 0; i < o->count; i++) {
        if ((uri = envl_cms_reader_uri(o, module, i)) == NULL)
            continue;
        if (*count == ENVL_SERVICE_CALL_MAX)
            return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                             "more than %d of them are keys of the services "
                             "given",
                             ENVL_SERVICE_CALL_MAX);
        targets[(*count)++] = (struct target){ i, uri };
    }
    if (*count > 0)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_NO_MATCH,
                     "none of its recipients is a key of the services given");
}

static enum envelope_reason
reencrypt_one(struct envl_cms_reader *o, const struct envl_kms_module *module,
              const struct target *target, const char *to_uri,
              struct envl_err *err)
{
    const struct envl_entry *entry = &o->entries[target->entry];
    const struct envl_kms_call call =
        envl_kekri_call(o->ctx, target->uri, o->labels);
    struct envl_kms_wrapped wrapped, made;
    enum envelope_reason rc;

    envl_kms_get(&wrapped, &entry->source);
    rc = module->rewrap(&made, &wrapped, &call,
                        to_uri != NULL ? to_uri : call.uri, err);
    return rc == ENVELOPE_OK ? replace(o, entry, &made, err) : rc;
}

/* Go from the last entry to the first: a replaced entry moves to the end, and
 * the indexes before it stay valid. */
static enum envelope_reason
reencrypt_all(struct envl_cms_reader *o, const char *to_uri,
              struct envl_err *err)
{
    struct target targets[ENVL_SERVICE_CALL_MAX];
    const struct envl_kms_module *module;
    enum envelope_reason rc = envl_kms_load(&module, o->ctx, err);
    size_t n = 0;

    if (rc == ENVELOPE_OK)
        rc = find_targets(targets, &n, o, module, err);
    while (n-- > 0 && rc == ENVELOPE_OK)
        rc = reencrypt_one(o, module, &targets[n], to_uri, err);
    return rc;
}

enum envelope_reason
envl_key_envelope_reencrypt(unsigned char **out, size_t *out_len,
                            const unsigned char *der, size_t len,
                            const struct envl_libctx *ctx,
                            const struct envl_identities *identities,
                            const struct envl_labels *labels,
                            const char *to_uri, struct envl_err *err)
{
    struct envl_cms_reader o = {
        .der = der,
        .len = len,
        .ctx = ctx,
        .identities = identities,
        .labels = labels,
    };
    enum envelope_reason rc = envl_cms_reader_begin(&o, err);

    *out = NULL;
    if (rc == ENVELOPE_OK)
        rc = reencrypt_all(&o, to_uri, err);
    if (rc == ENVELOPE_OK)
        rc = envl_message_write(&o.message, out, out_len, err);
    envl_cms_reader_end(&o);
    return rc;
}
