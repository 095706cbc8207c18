/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KEKRecipientInfo (RFC 5652, 6.2.3).  The reader has the key-encryption key,
 * or gets it with a KEK source (FORMAT 5.2): from a passphrase or a key
 * service.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "lib/cms/form.h"
#include "lib/cms/kekri.h"
#include "lib/cms/key_wrap.h"
#include "lib/keys/kms.h"
#include "lib/keys/kms_schemes.h"
#include "lib/keys/passphrase.h"

#define TAG_KEKRI (ENVL_DER_CONSTRUCTED + 2)

static const unsigned char version[] = { ENVL_DER_INTEGER, 1, 4 };

/* Reading */

static bool
take_kekid(struct envl_der *id, struct envl_der *other, struct envl_der *in)
{
    struct envl_der kekid;

    return envl_der_take(in, ENVL_DER_SEQUENCE, &kekid)
           && envl_form_take_key_id(id, other, kekid);
}

static enum envl_entry_kind
kind_of_source(enum envl_kek_kind kind)
{
    switch (kind) {
    case ENVL_KEK_BARE:
        return ENVL_ENTRY_KEK;
    case ENVL_KEK_SCRYPT:
        return ENVL_ENTRY_PASSPHRASE;
    case ENVL_KEK_KMS:
        return ENVL_ENTRY_SERVICE;
    default:
        return ENVL_ENTRY_OTHER;
    }
}

static const char *
list(struct envl_entry *to, size_t *count, struct envl_der in)
{
    struct envl_der number, id, other, algorithm, wrapped;

    if (!envl_der_take_whole(&in, ENVL_DER_INTEGER, &number)
        || !take_kekid(&id, &other, &in)
        || !envl_form_take_algorithm(&algorithm, &in)
        || !envl_der_take(&in, ENVL_DER_OCTETS, &wrapped) || in.len > 0)
        return envl_bad_structure;
    if (!envl_der_is(&number, version, sizeof(version)))
        return envl_bad_version;
    *count = 1;
    if (to == NULL)
        return NULL;
    to->id = id;
    to->wrapped = wrapped;
    /* Compare the content of the AlgorithmIdentifier. */
    if (!envl_der_is(&algorithm, envl_key_wrap_der + 2,
                     sizeof(envl_key_wrap_der) - 2))
        return NULL;
    envl_kek_source_parse(&to->source, other);
    to->kind = kind_of_source(to->source.kind);
    return NULL;
}

static bool
unwrap(unsigned char cek[ENVL_CEK_LEN], const struct envl_entry *entry,
       const struct envl_libctx *ctx, const struct envl_secret *secret)
{
    return envl_key_unwrap(cek, ctx, secret->kek, &entry->wrapped);
}

/* Writing */

/* Write a whole kekri; rest has its algorithm and wrapped key. */
static void
put(struct envl_der_writer *w, const struct envl_der *rest,
    const unsigned char *id, size_t id_len,
    const struct envl_kek_source *source)
{
    size_t since = envl_der_len(w), kekid;

    envl_der_put(w, rest->p, rest->len);
    kekid = envl_der_len(w);
    if (source != NULL)
        envl_kek_source_put(w, source);
    envl_der_put_element(w, ENVL_DER_OCTETS, id, id_len);
    envl_der_wrap(w, ENVL_DER_SEQUENCE, kekid);
    envl_der_put(w, version, sizeof(version));
    envl_der_wrap(w, TAG_KEKRI, since);
}

/* Wrap with a key-encryption key; source is NULL for a bare key. */
static enum envelope_reason
put_wrapped(struct envl_der_writer *w, const struct envl_wrap *how,
            const unsigned char kek[ENVL_KEK_LEN], const unsigned char *id,
            size_t id_len, const struct envl_kek_source *source,
            struct envl_err *err)
{
    unsigned char rest[ENVL_KEY_WRAP_DER_LEN + 2 + ENVL_WRAPPED_LEN];
    unsigned char *wrapped = rest + sizeof(rest) - ENVL_WRAPPED_LEN;
    const struct envl_der in = { rest, sizeof(rest) };

    memcpy(rest, envl_key_wrap_der, ENVL_KEY_WRAP_DER_LEN);
    wrapped[-2] = ENVL_DER_OCTETS;
    wrapped[-1] = ENVL_WRAPPED_LEN;
    if (!envl_key_wrap(wrapped, how->ctx, kek, how->cek))
        return envl_fail_crypto(err, "wrap the key for a recipient");
    put(w, &in, id, id_len, source);
    return ENVELOPE_OK;
}

static enum envelope_reason
wrap_bare(struct envl_der_writer *w, const struct envl_wrap *how,
          struct envl_err *err)
{
    const unsigned char *kek = how->settings->kek;
    unsigned char id[ENVL_KEK_ID_LEN];
    enum envelope_reason rc = envl_kek_id(id, how->ctx, kek, err);

    return rc == ENVELOPE_OK
               ? put_wrapped(w, how, kek, id, sizeof(id), NULL, err)
               : rc;
}

static enum envelope_reason
wrap_passphrase(struct envl_der_writer *w, const struct envl_wrap *how,
                struct envl_err *err)
{
    const struct envl_key_settings *settings = how->settings;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_octets passphrase;
    struct envl_kek_source source;
    enum envelope_reason rc;

    rc = envl_passphrase_load(&passphrase, settings, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kek_scrypt_new(&source, how->ctx, settings->log_n, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kek_scrypt_derive(kek, how->ctx, &source, passphrase.data,
                                    passphrase.len, err);
    if (rc == ENVELOPE_OK)
        rc = put_wrapped(w, how, kek, source.u.scrypt.salt, ENVL_KEY_ID_LEN,
                         &source, err);
    envl_octets_clear(&passphrase);
    OPENSSL_cleanse(kek, sizeof(kek));
    return rc;
}

/* The code that talks to the service may leave error records even on
 * success. */
static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct envl_kms_module *module, const struct envl_kms_call *call,
         struct envl_err *err)
{
    enum envelope_reason rc;

    ERR_set_mark();
    rc = module->generate(made, kek, call, err);
    if (rc == ENVELOPE_OK)
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    return rc;
}

/* The service makes a key and does not store it: `made` has its ciphertext. */
static enum envelope_reason
wrap_service(struct envl_der_writer *w, const struct envl_wrap *how,
             const char *uri, struct envl_err *err)
{
    const struct envl_kms_call call =
        envl_kekri_call(how->ctx, uri, how->labels);
    unsigned char kek[ENVL_KEK_LEN], id[ENVL_KMS_ID_LEN];
    const struct envl_kms_module *module;
    struct envl_kms_wrapped made;
    struct envl_kek_source source;
    enum envelope_reason rc;

    rc = envl_kms_load(&module, how->ctx, err);
    if (rc == ENVELOPE_OK)
        rc = generate(&made, kek, module, &call, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kms_borrow(&source, &made, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kek_kms_id(id, how->ctx, &source, err);
    if (rc == ENVELOPE_OK)
        rc = put_wrapped(w, how, kek, id, sizeof(id), &source, err);
    OPENSSL_cleanse(kek, sizeof(kek));
    return rc;
}

static enum envelope_reason
wrap(struct envl_der_writer *w, const struct envl_wrap *how,
     const struct envl_recipient *recipient, struct envl_err *err)
{
    switch (recipient->kind) {
    case ENVL_TO_KEK:
        return wrap_bare(w, how, err);
    case ENVL_TO_KMS:
        return wrap_service(w, how, recipient->uri, err);
    default:
        return wrap_passphrase(w, how, err);
    }
}

enum envelope_reason
envl_kekri_replace_source(struct envl_der_writer *w,
                          const struct envl_entry *entry,
                          const struct envl_libctx *ctx,
                          const struct envl_kek_source *source,
                          struct envl_err *err)
{
    struct envl_der in = entry->info, rest, skipped, other;
    unsigned char id[ENVL_KMS_ID_LEN];
    enum envelope_reason rc = envl_kek_kms_id(id, ctx, source, err);

    if (rc != ENVELOPE_OK)
        return rc;
    (void)envl_der_take(&in, TAG_KEKRI, &rest);
    (void)envl_der_take(&rest, ENVL_DER_INTEGER, &skipped);
    (void)take_kekid(&skipped, &other, &rest);
    put(w, &rest, id, sizeof(id), source);
    return ENVELOPE_OK;
}

/* Words */

static void
describe_scrypt(struct envl_description *to,
                const struct envl_kek_source *source)
{
    uint64_t n = source->u.scrypt.n;
    char text[32];
    unsigned log_n;

    for (log_n = 0; log_n < 63 && UINT64_C(1) << log_n < n; log_n++)
        ;
    if (n > 1 && UINT64_C(1) << log_n == n)
        (void)snprintf(text, sizeof(text), "2^%u", log_n);
    else
        (void)snprintf(text, sizeof(text), "%" PRIu64, n);
    to->type = "passphrase";
    (void)snprintf(to->kind, sizeof(to->kind), "passphrase");
    (void)snprintf(to->algorithm, sizeof(to->algorithm),
                   "scrypt, N = %s, r = %" PRIu64 ", p = %" PRIu64
                   ", " ENVL_KEY_WRAP_TEXT,
                   text, source->u.scrypt.r, source->u.scrypt.p);
}

#define NAMED(name, scheme, title) { scheme, title },

static void
describe_service(struct envl_description *to,
                 const struct envl_kek_source *source)
{
    static const struct {
        const char *service, *name;
    } names[] = { ENVL_KMS_SCHEMES(NAMED) };
    const size_t len = source->u.kms.service_len;
    const char *service = source->u.kms.service;
    size_t i;

    to->type = "kms";
    (void)snprintf(to->kind, sizeof(to->kind), "key service %.*s", (int)len,
                   service);
    for (i = 0; i < COUNT_OF(names); i++) {
        if (names[i].name != NULL && strlen(names[i].service) == len
            && memcmp(names[i].service, service, len) == 0)
            (void)snprintf(to->kind, sizeof(to->kind), "%s", names[i].name);
    }
    (void)snprintf(to->algorithm, sizeof(to->algorithm),
                   "key encrypted by the service%s, " ENVL_KEY_WRAP_TEXT,
                   source->u.kms.has_context ? " with the labels" : "");
}

static void
describe(struct envl_description *to, const struct envl_entry *entry)
{
    switch (entry->kind) {
    case ENVL_ENTRY_PASSPHRASE:
        describe_scrypt(to, &entry->source);
        break;
    case ENVL_ENTRY_SERVICE:
        describe_service(to, &entry->source);
        break;
    case ENVL_ENTRY_KEK:
        to->type = "kek";
        (void)snprintf(to->kind, sizeof(to->kind), "key-encryption key");
        (void)snprintf(to->algorithm, sizeof(to->algorithm),
                       ENVL_KEY_WRAP_TEXT);
        break;
    default:
        (void)snprintf(to->kind, sizeof(to->kind),
                       "key-encryption key of an unknown source");
        break;
    }
}

const struct envl_form envl_kekri = { TAG_KEKRI, list, unwrap, wrap, describe };
