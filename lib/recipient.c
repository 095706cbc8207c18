/* SPDX-License-Identifier: Apache-2.0 */
/* The list of recipients, and what keeps a key or certificate out of it. */
#include "lib/recipient.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/kek_file.h"
#include "lib/kept.h"
#include "lib/key_check.h"
#include "lib/kms.h"

struct loader {
    struct envl_recipients *recipients;
    const struct envl_libctx *ctx;
    const struct envl_settings *settings;
    size_t counted; /* recipients of the sources that have ended */
};

/* Judging a certificate */

/* -1 before now, 1 after now, else 0. */
static int
compare_to_now(const ASN1_TIME *t)
{
    int days = 0, seconds = 0;

    if (!ASN1_TIME_diff(&days, &seconds, NULL, t))
        return 0;
    return days < 0 || seconds < 0 ? -1 : days > 0 || seconds > 0;
}

static enum envelope_reason
check_time(X509 *cert, const char *name, struct envl_err *err)
{
    const ASN1_TIME *from = X509_get0_notBefore(cert);
    const ASN1_TIME *to = X509_get0_notAfter(cert);
    const char *why = NULL;

    if (!ASN1_TIME_check(from) || !ASN1_TIME_check(to))
        why = "has no readable validity";
    else if (compare_to_now(from) > 0)
        why = "is not valid yet";
    else if (compare_to_now(to) < 0)
        why = "has expired";
    if (why == NULL)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CERTIFICATE_TIME,
                     "%s: the certificate %s; set allow-expired to use it all "
                     "the same",
                     name, why);
}

/* A certificate around a bare key */

static int
sign_throw_away(X509 *cert, const struct envl_libctx *ctx)
{
    EVP_PKEY *signer =
        EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq, "EC", "P-256");
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = signer != NULL && md != NULL
             && EVP_DigestSignInit_ex(md, NULL, "SHA256", ctx->libctx,
                                      ctx->propq, signer, NULL)
             && X509_sign_ctx(cert, md) > 0;

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(signer);
    return ok;
}

static int
set_key_id(X509 *cert, const struct envl_key_id *id)
{
    ASN1_OCTET_STRING *ski = ASN1_OCTET_STRING_new();
    int ok =
        ski != NULL && ASN1_STRING_set(ski, id->bytes, (int)id->len)
        && X509_add1_ext_i2d(cert, NID_subject_key_identifier, ski, 0, 0) > 0;

    ASN1_OCTET_STRING_free(ski);
    return ok;
}

/*
 * libcrypto's CMS takes recipients as certificates only, and uses the key
 * and the subjectKeyIdentifier of them.  The rest is there because it hashes
 * the certificate, so it must encode.  A key that is from a certificate gets
 * one, too: in its own it may be encoded in another form.
 */
static X509 *
wrap_key(const struct envl_libctx *ctx, EVP_PKEY *key,
         const struct envl_key_id *id)
{
    X509 *cert = X509_new_ex(ctx->libctx, ctx->propq);

    if (cert != NULL && X509_set_version(cert, X509_VERSION_3)
        && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1)
        && X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL
        && X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL
        && X509_set_pubkey(cert, key) && set_key_id(cert, id)
        && sign_throw_away(cert, ctx))
        return cert;
    X509_free(cert);
    return NULL;
}

/* The list */

static enum envelope_reason
add(struct envl_recipients *list, const struct envl_recipient *recipient,
    struct envl_err *err)
{
    size_t size = list->size > 0 ? 2 * list->size : 4;
    struct envl_recipient *items;

    if (list->count == ENVL_RECIPIENT_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "a stream has at most %d recipients",
                         ENVL_RECIPIENT_COUNT_MAX);
    if (list->count == list->size) {
        items = OPENSSL_realloc(list->items, size * sizeof(*items));
        if (items == NULL)
            return envl_fail_memory(err);
        list->items = items;
        list->size = size;
    }
    list->items[list->count++] = *recipient;
    return ENVELOPE_OK;
}

static void
clear_recipient(struct envl_recipient *recipient)
{
    EVP_PKEY_free(recipient->key);
    X509_free(recipient->cert);
    X509_free(recipient->origin);
    OPENSSL_free(recipient->uri);
}

/*
 * The public half of a key, which must be good enough.  A key in hardware may be
 * known by its private handle only, or its public half may work there, too: the
 * check is of its half.  Any other key is checked first: an unsound one may have
 * no half.
 */
static enum envelope_reason
get_public_half(EVP_PKEY **half, const struct loader *loader, EVP_PKEY *key,
                const struct envl_key_item *item, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (!item->is_uri)
        rc = envl_key_check(key, loader->ctx, item->name, err);
    if (rc != ENVELOPE_OK)
        return rc;
    *half = envl_key_public_half(loader->ctx, key);
    if (*half == NULL && envl_crypto_no_memory())
        return envl_fail_memory(err);
    if (*half == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: its public key cannot be had: %s", item->name,
                         envl_crypto_reason());
    return item->is_uri ? envl_key_check(*half, loader->ctx, item->name, err)
                        : ENVELOPE_OK;
}

/* Add a key of an item, perhaps that of its certificate. */
static enum envelope_reason
add_key(const struct loader *loader, EVP_PKEY *key,
        const struct envl_key_item *item, struct envl_err *err)
{
    struct envl_recipient r = { .kind = ENVL_TO_CERT };
    enum envelope_reason rc;

    rc = get_public_half(&r.key, loader, key, item, err);
    if (rc == ENVELOPE_OK && envl_key_kind(r.key) == ENVL_KEY_DH)
        r.kind = ENVL_TO_DH;
    if (item->cert != NULL && X509_up_ref(item->cert))
        r.origin = item->cert;
    if (rc == ENVELOPE_OK && r.origin != item->cert)
        rc = envl_fail_crypto(err, "share a certificate");
    if (rc == ENVELOPE_OK
        && (item->cert == NULL || !envl_key_id_of_cert(&r.id, item->cert))
        && !envl_key_id_of_key(&r.id, loader->ctx, r.key))
        rc = envl_fail_crypto(err, "compute a key's identifier");
    if (rc == ENVELOPE_OK && r.kind == ENVL_TO_CERT
        && (r.cert = wrap_key(loader->ctx, r.key, &r.id)) == NULL)
        rc = envl_fail_crypto(err, "put a public key into a certificate");
    if (rc == ENVELOPE_OK)
        rc = add(loader->recipients, &r, err);
    if (rc != ENVELOPE_OK)
        clear_recipient(&r);
    return rc;
}

static enum envelope_reason
add_cert(const struct loader *loader, const struct envl_key_item *item,
         struct envl_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(item->cert);
    enum envelope_reason rc;

    if (key == NULL)
        return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                         "%s: the certificate's key cannot be read: %s",
                         item->name, envl_crypto_reason());
    if (!loader->settings->allow_expired
        && (rc = check_time(item->cert, item->name, err)) != ENVELOPE_OK)
        return rc;
    return add_key(loader, key, item, err);
}

static enum envelope_reason
add_service(const struct loader *loader, const char *uri, struct envl_err *err)
{
    struct envl_recipient r = { .kind = ENVL_TO_KMS };
    const struct envl_kms_module *module;
    enum envelope_reason rc = envl_kms_load(&module, loader->ctx, err);

    if (rc == ENVELOPE_OK)
        rc = module->check(uri, ENVL_KMS_RECIPIENT, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if ((r.uri = OPENSSL_strdup(uri)) == NULL)
        return envl_fail_memory(err);
    rc = add(loader->recipients, &r, err);
    if (rc != ENVELOPE_OK)
        clear_recipient(&r);
    return rc;
}

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    const struct loader *loader = arg;

    if (item->service_uri != NULL)
        return add_service(loader, item->service_uri, err);
    if (item->cert != NULL)
        return add_cert(loader, item, err);
    if (item->public_key != NULL)
        return add_key(loader, item->public_key, item, err);
    if (item->is_uri)
        return add_key(loader, item->private_key, item, err);
    return envl_fail(err, ENVELOPE_R_PRIVATE_KEY,
                     "%s: keep it off this host and give its public key, "
                     "made with openssl pkey -pubout or ssh-keygen -y",
                     item->name);
}

/* Where they come from, for people who want to see that none is lost. */
static enum envelope_reason
end_source(void *arg, const char *name, struct envl_err *err)
{
    struct loader *loader = arg;
    struct envl_recipients *to = loader->recipients;
    size_t count = to->count - loader->counted;
    size_t have = to->sources != NULL ? strlen(to->sources) : 0;
    size_t size = have + strlen(name) + sizeof("4294967295 keys of \n");
    char *sources = OPENSSL_realloc(to->sources, size);

    if (sources == NULL)
        return envl_fail_memory(err);
    (void)snprintf(sources + have, size - have, "%u key%s of %s\n",
                   (unsigned)count, count == 1 ? "" : "s", name);
    to->sources = sources;
    loader->counted = to->count;
    return ENVELOPE_OK;
}

/* Keys in memory */

/* One more owner of all that an item of another list has. */
static enum envelope_reason
add_shared(struct envl_recipients *to, const struct envl_recipient *from,
           struct envl_err *err)
{
    struct envl_recipient r = { .kind = from->kind, .id = from->id };
    enum envelope_reason rc;

    if (EVP_PKEY_up_ref(from->key))
        r.key = from->key;
    if (from->cert != NULL && X509_up_ref(from->cert))
        r.cert = from->cert;
    if (from->origin != NULL && X509_up_ref(from->origin))
        r.origin = from->origin;
    if (r.key != from->key || r.cert != from->cert || r.origin != from->origin)
        rc = envl_fail_crypto(err, "share a key");
    else
        rc = add(to, &r, err);
    if (rc != ENVELOPE_OK)
        clear_recipient(&r);
    return rc;
}

static enum envelope_reason
add_all_shared(struct envl_recipients *to, const struct envl_recipient *from,
               size_t count, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    for (i = 0; i < count && rc == ENVELOPE_OK; i++)
        rc = add_shared(to, &from[i], err);
    return rc;
}

/* May these be used now?  If not, reading them again says what is wrong. */
static bool
are_valid(const struct envl_recipients *kept,
          const struct envl_settings *settings)
{
    struct envl_err ignored;
    size_t i;

    for (i = 0; i < kept->count && !settings->allow_expired; i++) {
        if (kept->items[i].origin != NULL
            && check_time(kept->items[i].origin, "", &ignored) != ENVELOPE_OK)
            return false;
    }
    return true;
}

/* Where that fails, the next stream reads them again. */
static void
keep(struct envl_kept *kept, const struct envl_recipient *items, size_t count)
{
    struct envl_recipients *list =
        kept != NULL ? OPENSSL_zalloc(sizeof(*list)) : NULL;
    struct envl_err ignored;

    if (list != NULL
        && add_all_shared(list, items, count, &ignored) != ENVELOPE_OK) {
        envl_recipients_clear(list);
        OPENSSL_free(list);
        list = NULL;
    }
    if (list != NULL)
        envl_kept_put_recipients(kept, list);
}

static enum envelope_reason
load_octets(const struct envl_key_reader *reader, const struct loader *loader,
            struct envl_err *err)
{
    const struct envl_settings *settings = loader->settings;
    const struct envl_recipients *kept = envl_kept_recipients(settings->kept);
    struct envl_recipients *to = loader->recipients;
    size_t first = to->count;
    enum envelope_reason rc;

    if (settings->recipient.count == 0)
        return ENVELOPE_OK;
    if (kept != NULL && are_valid(kept, settings))
        return add_all_shared(to, kept->items, kept->count, err);
    rc = envl_keys_read_octets(reader, &settings->recipient, "recipient", err);
    if (rc != ENVELOPE_OK || kept != NULL)
        return rc;
    ERR_set_mark();
    keep(settings->kept, to->items + first, to->count - first);
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

static enum envelope_reason
load_keys(const struct loader *loader, struct envl_err *err)
{
    const struct envl_settings *settings = loader->settings;
    const struct envl_key_reader reader = {
        .ctx = loader->ctx,
        .in_use = &settings->in_use,
        .public_half = true,
        .take = take,
        .end_source = end_source,
        .arg = (void *)(uintptr_t)loader,
    };
    enum envelope_reason rc = ENVELOPE_OK;

    if (settings->recipients != NULL)
        rc = envl_keys_read_list(&reader, settings->recipients, err);
    if (rc == ENVELOPE_OK)
        rc = load_octets(&reader, loader, err);
    return rc;
}

enum envelope_reason
envl_recipients_load(struct envl_recipients *recipients,
                     const struct envl_libctx *ctx,
                     const struct envl_settings *settings, struct envl_err *err)
{
    struct loader loader = { recipients, ctx, settings, 0 };
    struct envl_recipient kek = { .kind = ENVL_TO_KEK };
    struct envl_recipient passphrase = { .kind = ENVL_TO_PASSPHRASE };
    bool has_passphrase =
        settings->passphrase.data != NULL || settings->passphrase_file != NULL;
    enum envelope_reason rc;

    *recipients = (struct envl_recipients){ 0 };
    if (settings->has_kek
        && (rc = envl_kek_check(settings->kek, "the key", err)) != ENVELOPE_OK)
        return rc;
    if (settings->has_kek
        && (settings->recipients != NULL || settings->recipient.count > 0
            || has_passphrase))
        return envl_fail(err, ENVELOPE_R_AMBIGUOUS_KEY,
                         "the cipher was given a key (-K or -pass) although "
                         "recipients are set: use -K 0 for the recipients, or "
                         "unset them (parameters, ENVELOPE_RECIPIENTS, "
                         "openssl.cnf)");
    rc = load_keys(&loader, err);
    if (rc == ENVELOPE_OK && has_passphrase)
        rc = add(recipients, &passphrase, err);
    if (rc == ENVELOPE_OK && settings->has_kek)
        rc = add(recipients, &kek, err);
    if (rc == ENVELOPE_OK && recipients->count == 0)
        rc = envl_fail(err, ENVELOPE_R_NO_RECIPIENT,
                       "set ENVELOPE_RECIPIENTS to public keys or "
                       "certificates, or recipients in the provider's section "
                       "of openssl.cnf, or give the cipher a key");
    if (rc != ENVELOPE_OK)
        envl_recipients_clear(recipients);
    return rc;
}

void
envl_recipients_clear(struct envl_recipients *recipients)
{
    size_t i;

    for (i = 0; i < recipients->count; i++)
        clear_recipient(&recipients->items[i]);
    OPENSSL_free(recipients->items);
    OPENSSL_free(recipients->sources);
    *recipients = (struct envl_recipients){ 0 };
}
