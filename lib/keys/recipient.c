/* SPDX-License-Identifier: Apache-2.0 */
/* The list of recipients, and which keys and certificates are refused. */
#include "lib/keys/recipient.h"

#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/keys/certificate.h"
#include "lib/keys/kek_file.h"
#include "lib/keys/key_check.h"
#include "lib/keys/kms.h"

struct loader {
    struct envl_recipients *recipients;
    const struct envl_libctx *ctx;
    const struct envl_key_settings *settings;
    struct envl_keyring *keyring; /* or NULL */
    size_t counted;           /* recipients of the sources that have ended */
    STACK_OF(X509) * certs;   /* owned; of the source that is being read */
    struct envl_err left_out; /* why the last certificate was left out */
    long seconds_left;        /* of the certificate that ends first */
};

#define DAY_SECONDS 86400L
#define SOON_SECONDS (30 * DAY_SECONDS)

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
    if (recipient->owns_oaep)
        EVP_PKEY_CTX_free(recipient->oaep);
    OPENSSL_free(recipient->uri);
}

/* Strength */

enum envl_post_quantum
envl_recipient_post_quantum(const struct envl_recipient *recipient)
{
    switch (recipient->kind) {
    case ENVL_TO_KEY:
        return recipient->key_kind == ENVL_KEY_ML_KEM ? ENVL_PQ_YES
                                                      : ENVL_PQ_NO;
    case ENVL_TO_KMS:
        return ENVL_PQ_UNKNOWN;
    default:
        return ENVL_PQ_YES;
    }
}

/* Refuse the recipient if settings require one that is post-quantum. */
static enum envelope_reason
check_strength(const struct envl_recipient *recipient,
               const struct envl_key_settings *settings, const char *name,
               struct envl_err *err)
{
    enum envl_post_quantum is = envl_recipient_post_quantum(recipient);

    if (settings->require_post_quantum != ENVL_YES || is == ENVL_PQ_YES)
        return ENVELOPE_OK;
    return envl_fail(
        err, ENVELOPE_R_NOT_POST_QUANTUM,
        "%s: %s: give ML-KEM keys, such as mlkem768x25519, a "
        "passphrase or a key-encryption key only, or do not set "
        "require-post-quantum",
        name,
        is == ENVL_PQ_NO
            ? "a quantum computer could break it"
            : "it is not known what the service does with its key");
}

/*
 * Get the public half of a key, and check it.  For a key in hardware, which may
 * have only a private handle, the check is of the public half in software.  Any
 * other key is checked first, because an unsound key may have no public half.
 */
static enum envelope_reason
get_public_half(EVP_PKEY **half, const struct loader *loader, EVP_PKEY *key,
                const struct envl_key_item *item, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (!item->is_uri)
        rc = envl_key_check(key, ENVL_TO_ENCRYPT, loader->ctx, item->name, err);
    if (rc != ENVELOPE_OK)
        return rc;
    *half = envl_key_public_half(loader->ctx, key);
    if (*half == NULL && envl_crypto_no_memory())
        return envl_fail_memory(err);
    if (*half == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: its public key cannot be had: %s", item->name,
                         envl_crypto_reason());
    return item->is_uri ? envl_key_check(*half, ENVL_TO_ENCRYPT, loader->ctx,
                                         item->name, err)
                        : ENVELOPE_OK;
}

static bool
make_oaep(struct envl_recipient *r, const struct envl_libctx *ctx)
{
    r->oaep = EVP_PKEY_CTX_new_from_pkey(ctx->libctx, r->key, ctx->propq);
    r->owns_oaep = true;
    return r->oaep != NULL && EVP_PKEY_encrypt_init(r->oaep) > 0
           && EVP_PKEY_CTX_set_rsa_padding(r->oaep, RSA_PKCS1_OAEP_PADDING) > 0
           && EVP_PKEY_CTX_set_rsa_oaep_md_name(r->oaep, "SHA256", ctx->propq)
                  > 0
           && EVP_PKEY_CTX_set_rsa_mgf1_md_name(r->oaep, "SHA256", ctx->propq)
                  > 0;
}

/* Add the key of an item, or of the item's certificate. */
static enum envelope_reason
add_key(const struct loader *loader, EVP_PKEY *key,
        const struct envl_key_item *item, struct envl_err *err)
{
    struct envl_recipient r = { .kind = ENVL_TO_KEY };
    enum envelope_reason rc;

    rc = get_public_half(&r.key, loader, key, item, err);
    if (rc == ENVELOPE_OK) {
        r.key_kind = envl_key_kind(r.key);
        rc = check_strength(&r, loader->settings, item->name, err);
    }
    if (item->cert != NULL && X509_up_ref(item->cert))
        r.cert = item->cert;
    if (rc == ENVELOPE_OK && r.cert != item->cert)
        rc = envl_fail_crypto(err, "share a certificate");
    if (rc == ENVELOPE_OK
        && (item->cert == NULL || !envl_key_id_of_cert(&r.id, item->cert))
        && !envl_key_id_of_key(&r.id, loader->ctx, r.key))
        rc = envl_fail_crypto(err, "compute a key's identifier");
    if (rc == ENVELOPE_OK && r.key_kind == ENVL_KEY_RSA
        && !make_oaep(&r, loader->ctx))
        rc = envl_fail_crypto(err, "set up RSAES-OAEP");
    if (rc == ENVELOPE_OK)
        rc = add(loader->recipients, &r, err);
    if (rc != ENVELOPE_OK)
        clear_recipient(&r);
    return rc;
}

/* The public half of a service's RSA key makes an ordinary recipient, which the
 * service is not needed for any more. */
static enum envelope_reason
add_service(struct loader *loader, const struct envl_key_item *item,
            struct envl_err *err)
{
    struct envl_recipient r = { .kind = ENVL_TO_KMS };
    const struct envl_kms_module *module;
    EVP_PKEY *half = NULL;
    enum envelope_reason rc = envl_kms_load(&module, loader->ctx, err);

    if (rc == ENVELOPE_OK && module->is_public(item->service_uri)) {
        rc = envl_kms_public_half(&half, module, loader->ctx, item->service_uri,
                                  err);
        if (rc == ENVELOPE_OK)
            rc = add_key(loader, half, item, err);
        EVP_PKEY_free(half);
        return rc;
    }
    if (rc == ENVELOPE_OK)
        rc = check_strength(&r, loader->settings, item->name, err);
    if (rc == ENVELOPE_OK)
        rc = module->check(item->service_uri, ENVL_KMS_RECIPIENT, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if ((r.uri = OPENSSL_strdup(item->service_uri)) == NULL)
        return envl_fail_memory(err);
    rc = add(loader->recipients, &r, err);
    if (rc != ENVELOPE_OK)
        clear_recipient(&r);
    return rc;
}

/* Certificates of one source */

/* Note the certificate that ends first, if that is soon. */
static enum envelope_reason
note_end(struct loader *loader, const X509 *cert, const char *name,
         struct envl_err *err)
{
    char **ends = &loader->recipients->notes.ends;
    long left = envl_certificate_seconds_left(cert);
    struct tm tm;

    if (left < 0 || left >= SOON_SECONDS
        || (*ends != NULL && left >= loader->seconds_left)
        || !ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
        return ENVELOPE_OK;
    loader->seconds_left = left;
    OPENSSL_free(*ends);
    *ends = NULL;
    return envl_recipient_notes_add(
        ends, err, "%s: the certificate ends on %04d-%02d-%02d", name,
        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static enum envelope_reason
add_cert(struct loader *loader, X509 *cert, const char *name,
         struct envl_err *err)
{
    const struct envl_key_item item = { .name = name, .cert = cert };
    EVP_PKEY *key = X509_get0_pubkey(cert);
    enum envelope_reason rc;

    if (key == NULL)
        return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                         "%s: the certificate's key cannot be read: %s", name,
                         envl_crypto_reason());
    rc = envl_certificate_check(cert, loader->settings, name, err);
    if (rc == ENVELOPE_OK)
        rc = add_key(loader, key, &item, err);
    return rc == ENVELOPE_OK ? note_end(loader, cert, name, err) : rc;
}

/* Add a certificate, or note why it is left out. */
static enum envelope_reason
add_or_leave_out(struct loader *loader, X509 *cert, const char *name,
                 struct envl_err *err)
{
    const char *why = envl_certificate_time_trouble(cert);
    int issuer = envl_certificate_is_issuer_in(cert, loader->certs);
    char words[ENVL_CERTIFICATE_WORDS_MAX];

    if (issuer < 0)
        return envl_fail_memory(err);
    if (issuer > 0)
        why = "has issued another one that is there";
    else if (loader->settings->skip_expired != ENVL_YES || why == NULL)
        return add_cert(loader, cert, name, err);
    envl_certificate_describe(words, cert);
    (void)envl_fail(&loader->left_out, ENVELOPE_R_CERTIFICATE_TIME, "%s: %s %s",
                    name, words, why);
    return envl_recipient_notes_add(&loader->recipients->notes.left_out, err,
                                    "%s: left out: %s %s", name, words, why);
}

static enum envelope_reason
add_certs(struct loader *loader, const char *name, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    int i;

    for (i = 0; i < sk_X509_num(loader->certs) && rc == ENVELOPE_OK; i++)
        rc = add_or_leave_out(loader, sk_X509_value(loader->certs, i), name,
                              err);
    sk_X509_pop_free(loader->certs, X509_free);
    loader->certs = NULL;
    return rc;
}

/* Objects of a source */

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    struct loader *loader = arg;

    if (item->service_uri != NULL)
        return add_service(loader, item, err);
    if (item->cert != NULL) /* checked when the whole source has been read */
        return envl_certificate_keep(&loader->certs, item->cert)
                   ? ENVELOPE_OK
                   : envl_fail_memory(err);
    if (item->public_key != NULL)
        return add_key(loader, item->public_key, item, err);
    if (item->is_uri)
        return add_key(loader, item->private_key, item, err);
    return envl_fail(err, ENVELOPE_R_PRIVATE_KEY,
                     "%s: keep it off this host and give its public key, "
                     "made with openssl pkey -pubout or ssh-keygen -y",
                     item->name);
}

/* Note the source and its number of keys, so that a user can see what is
 * lost. */
static enum envelope_reason
end_source(void *arg, const char *name, struct envl_err *err)
{
    struct loader *loader = arg;
    struct envl_recipients *to = loader->recipients;
    enum envelope_reason rc = add_certs(loader, name, err);
    size_t count = to->count - loader->counted;

    if (rc != ENVELOPE_OK)
        return rc;
    loader->counted = to->count;
    return envl_recipient_notes_add(&to->notes.sources, err, "%zu key%s of %s",
                                    count, count == 1 ? "" : "s", name);
}

/* Keys in memory */

/* Add an item of another list, with references of its own. */
static enum envelope_reason
add_shared(struct envl_recipients *to, const struct envl_recipient *from,
           struct envl_err *err)
{
    struct envl_recipient r = { .kind = from->kind,
                                .id = from->id,
                                .key_kind = from->key_kind,
                                .oaep = from->oaep };
    enum envelope_reason rc;

    if (EVP_PKEY_up_ref(from->key))
        r.key = from->key;
    if (from->cert != NULL && X509_up_ref(from->cert))
        r.cert = from->cert;
    if (r.key != from->key || r.cert != from->cert)
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

/* The stream's list may be freed before the kept one: copy its contexts. */
static bool
own_all(struct envl_recipients *kept)
{
    size_t i;

    for (i = 0; i < kept->count; i++) {
        struct envl_recipient *r = &kept->items[i];

        if (r->oaep == NULL)
            continue;
        r->oaep = EVP_PKEY_CTX_dup(r->oaep);
        r->owns_oaep = true;
        if (r->oaep == NULL)
            return false;
    }
    return true;
}

/* Are the kept certificates valid now?  If not, they are read again: that fails
 * with the right message, or leaves them out. */
static bool
are_valid(const struct envl_recipients *kept,
          const struct envl_key_settings *settings)
{
    struct envl_err ignored;
    size_t i;

    for (i = 0; i < kept->count; i++) {
        if (check_strength(&kept->items[i], settings, "", &ignored)
            != ENVELOPE_OK)
            return false;
        if (kept->items[i].cert != NULL
            && envl_certificate_check(kept->items[i].cert, settings, "",
                                      &ignored)
                   != ENVELOPE_OK)
            return false;
    }
    return true;
}

struct kept_recipients {
    struct envl_keyring_item kept; /* first */
    struct envl_recipients list;
};

static void
free_kept(struct envl_keyring_item *kept)
{
    struct kept_recipients *recipients = (struct kept_recipients *)kept;

    envl_recipients_clear(&recipients->list);
    OPENSSL_free(recipients);
}

/* Keep the keys for later streams.  If that fails, those read them again. */
static void
keep(struct envl_keyring *keyring, const struct envl_recipient *items,
     size_t count)
{
    struct kept_recipients *recipients =
        keyring != NULL ? OPENSSL_zalloc(sizeof(*recipients)) : NULL;
    struct envl_err ignored;

    if (recipients == NULL)
        return;
    recipients->kept.free = free_kept;
    if (add_all_shared(&recipients->list, items, count, &ignored) == ENVELOPE_OK
        && own_all(&recipients->list))
        envl_keyring_put(keyring, ENVL_KEYRING_RECIPIENTS, &recipients->kept);
    else
        free_kept(&recipients->kept);
}

/* The recipients that an earlier stream has kept, or NULL. */
static const struct envl_recipients *
kept_in(const struct envl_keyring *keyring)
{
    const struct envl_keyring_item *kept =
        envl_keyring_get(keyring, ENVL_KEYRING_RECIPIENTS);

    return kept != NULL ? &((const struct kept_recipients *)kept)->list : NULL;
}

static enum envelope_reason
load_octets(const struct envl_key_reader *reader, const struct loader *loader,
            struct envl_err *err)
{
    const struct envl_key_settings *settings = loader->settings;
    const struct envl_recipients *kept = kept_in(loader->keyring);
    struct envl_recipients *to = loader->recipients;
    size_t first = to->count;
    enum envelope_reason rc;

    if (settings->recipient.count == 0)
        return ENVELOPE_OK;
    if (kept != NULL && are_valid(kept, settings))
        return add_all_shared(to, kept->items, kept->count, err);
    rc = envl_keys_read_octets(reader, &settings->recipient, "recipient", err);
    /* A certificate that was left out may be valid for the next stream. */
    if (rc != ENVELOPE_OK || kept != NULL || to->notes.left_out != NULL)
        return rc;
    ERR_set_mark();
    keep(loader->keyring, to->items + first, to->count - first);
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

static enum envelope_reason
load_keys(struct loader *loader, struct envl_err *err)
{
    const struct envl_key_settings *settings = loader->settings;
    const struct envl_key_reader reader = {
        .ctx = loader->ctx,
        .in_use = &settings->in_use,
        .public_half = true,
        .take = take,
        .end_source = end_source,
        .arg = loader,
    };
    enum envelope_reason rc = ENVELOPE_OK;

    if (settings->recipients != NULL)
        rc = envl_keys_read_list(&reader, settings->recipients, err);
    if (rc == ENVELOPE_OK)
        rc = load_octets(&reader, loader, err);
    sk_X509_pop_free(loader->certs, X509_free); /* if a source failed */
    loader->certs = NULL;
    return rc;
}

static enum envelope_reason
fail_empty(const struct loader *loader, struct envl_err *err)
{
    if (loader->recipients->notes.left_out != NULL)
        return envl_fail(err, loader->left_out.reason,
                         "%s; with what is left out, there is no recipient",
                         loader->left_out.detail);
    return envl_fail(err, ENVELOPE_R_NO_RECIPIENT,
                     "set ENVELOPE_RECIPIENTS to public keys or certificates, "
                     "or recipients in the provider's section of openssl.cnf, "
                     "or give a key-encryption key");
}

/* A stream is as strong as its weakest recipient: note it if ML-KEM keys are
 * mixed with weaker ones.  A passphrase beside an RSA key is not noted. */
static enum envelope_reason
note_mixed(struct envl_recipients *to, struct envl_err *err)
{
    size_t i, counts[ENVL_PQ_UNKNOWN + 1] = { 0 }, keys = 0;

    for (i = 0; i < to->count; i++) {
        enum envl_post_quantum is = envl_recipient_post_quantum(&to->items[i]);

        counts[is]++;
        keys += is == ENVL_PQ_YES && to->items[i].kind == ENVL_TO_KEY;
    }
    if (keys == 0 || counts[ENVL_PQ_NO] == 0)
        return ENVELOPE_OK;
    return envl_recipient_notes_add(
        &to->notes.mixed, err,
        "%zu of %zu recipients withstand a quantum computer, and others do "
        "not: "
        "the data is as safe as with the weakest of them",
        counts[ENVL_PQ_YES], to->count);
}

enum envelope_reason
envl_recipients_load(struct envl_recipients *recipients,
                     const struct envl_libctx *ctx,
                     const struct envl_key_settings *settings,
                     struct envl_keyring *keyring, struct envl_err *err)
{
    struct loader loader = { .recipients = recipients,
                             .ctx = ctx,
                             .settings = settings,
                             .keyring = keyring };
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
        return envl_fail(
            err, ENVELOPE_R_AMBIGUOUS_KEY,
            "the recipients are those that the program, "
            "ENVELOPE_RECIPIENTS or openssl.cnf names: unset them, "
            "or give no key; for openssl enc that is -K 0 without "
            "-pass");
    if (settings->allow_expired == ENVL_YES
        && settings->skip_expired == ENVL_YES)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "allow-expired takes what skip-expired leaves out: "
                         "choose one of them");
    rc = load_keys(&loader, err);
    if (rc == ENVELOPE_OK && has_passphrase)
        rc = add(recipients, &passphrase, err);
    if (rc == ENVELOPE_OK && settings->has_kek)
        rc = add(recipients, &kek, err);
    if (rc == ENVELOPE_OK && recipients->count == 0)
        rc = fail_empty(&loader, err);
    if (rc == ENVELOPE_OK)
        rc = note_mixed(recipients, err);
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
    envl_recipient_notes_clear(&recipients->notes);
    *recipients = (struct envl_recipients){ 0 };
}
