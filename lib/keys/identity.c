/* SPDX-License-Identifier: Apache-2.0 */
/* The list of identities.  libcrypto's EVP_PKEY holds the private keys. */
#include "lib/keys/identity.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/keys/kek_file.h"
#include "lib/keys/key_check.h"
#include "lib/keys/key_use.h"
#include "lib/keys/kms.h"
#include "lib/keys/passphrase.h"

struct loader {
    struct envl_identities *identities;
    const struct envl_libctx *ctx;
    const struct envl_key_settings *settings;
    struct envl_keyring *keyring; /* or NULL */
    bool may_change;              /* a key was read that may change: no cache */

    /* Sources that were read, and the name of the last one. */
    size_t sources;
    char last[ENVL_DETAIL_MAX];
};

/* Room for one more element; 0 if memory ran out. */
static int
grow(void *list, size_t count, size_t size)
{
    void **items = list;
    void *p = OPENSSL_realloc(*items, (count + 1) * size);

    if (p == NULL)
        return 0;
    *items = p;
    return 1;
}

/* Add a key, with a reference of its own. */
static enum envelope_reason
add_key(struct envl_identities *to, EVP_PKEY *key, const char *propq,
        const struct envl_key_id *id, struct envl_err *err)
{
    char *copy = OPENSSL_strdup(propq);

    if (copy == NULL || !grow(&to->keys, to->key_count, sizeof(*to->keys))
        || !EVP_PKEY_up_ref(key)) {
        OPENSSL_free(copy);
        return envl_fail_memory(err);
    }
    to->keys[to->key_count++] =
        (struct envl_identity){ .key = key, .propq = copy, .id = *id };
    return ENVELOPE_OK;
}

static enum envelope_reason
add_cert(struct envl_identities *to, X509 *cert, const struct envl_key_id *id,
         struct envl_err *err)
{
    if (!grow(&to->certs, to->cert_count, sizeof(*to->certs))
        || !X509_up_ref(cert))
        return envl_fail_memory(err);
    to->certs[to->cert_count++] = (struct envl_identity_cert){ cert, *id };
    return ENVELOPE_OK;
}

static enum envelope_reason
add_service(const struct loader *loader, const char *uri, struct envl_err *err)
{
    struct envl_identities *to = loader->identities;
    const struct envl_kms_module *module;
    enum envelope_reason rc = envl_kms_load(&module, loader->ctx, err);
    char *copy;

    if (rc == ENVELOPE_OK)
        rc = module->check(uri, ENVL_KMS_IDENTITY, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (!grow(&to->services, to->service_count, sizeof(*to->services))
        || (copy = OPENSSL_strdup(uri)) == NULL)
        return envl_fail_memory(err);
    to->services[to->service_count++] = copy;
    return ENVELOPE_OK;
}

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    struct loader *loader = arg;
    struct envl_identities *to = loader->identities;
    struct envl_key_id id = { .len = 0 };
    enum envelope_reason rc;
    char *propq;

    if (item->is_encrypted && loader->settings->passphrase.data == NULL)
        loader->may_change = true;
    if (item->is_encrypted && to->passphrase.data != NULL)
        to->took_passphrase = true;
    if (item->service_uri != NULL)
        return add_service(loader, item->service_uri, err);
    if (item->public_key != NULL)
        return ENVELOPE_OK; /* a public key decrypts nothing: skip it */
    if (item->cert != NULL)
        return envl_key_id_of_cert(&id, item->cert)
                   ? add_cert(to, item->cert, &id, err)
                   : ENVELOPE_OK;
    if (envl_key_only_signs(envl_key_kind(item->private_key)))
        return item->is_uri ? ENVELOPE_OK /* a token may hold others, too */
                            : envl_key_fail_only_signs(item->private_key,
                                                       item->name, err);
    if (!envl_key_is_software(item->private_key))
        loader->may_change = true;
    /* A key in hardware may not show its public half: then it has no
     * identifier. */
    ERR_set_mark();
    if (!envl_key_id_of_key(&id, loader->ctx, item->private_key))
        id.len = 0;
    ERR_pop_to_mark();
    propq = envl_key_propq(loader->ctx, item->private_key);
    rc = propq != NULL ? add_key(to, item->private_key, propq, &id, err)
                       : envl_fail_memory(err);
    OPENSSL_free(propq);
    return rc;
}

/* Note the source's name: a message may need it. */
static enum envelope_reason
end_source(void *arg, const char *name, struct envl_err *err)
{
    struct loader *loader = arg;

    (void)err;
    loader->sources++;
    (void)snprintf(loader->last, sizeof(loader->last), "%s", name);
    return ENVELOPE_OK;
}

static enum envelope_reason
fail_empty(const struct loader *loader, struct envl_err *err)
{
    if (loader->sources == 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "the identities hold no private key");
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "%s holds no private key%s", loader->last,
                     loader->sources > 1 ? ", nor do the identities before it"
                                         : "");
}

/* Keys in memory */

/* Add what another list has from these places on, with new references. */
static enum envelope_reason
add_shared(struct envl_identities *to, const struct envl_identities *from,
           size_t first_key, size_t first_cert, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t i;

    to->took_passphrase |= from->took_passphrase;
    for (i = first_key; i < from->key_count && rc == ENVELOPE_OK; i++)
        rc = add_key(to, from->keys[i].key, from->keys[i].propq,
                     &from->keys[i].id, err);
    for (i = first_cert; i < from->cert_count && rc == ENVELOPE_OK; i++)
        rc = add_cert(to, from->certs[i].cert, &from->certs[i].id, err);
    return rc;
}

struct kept_identities {
    struct envl_keyring_item kept; /* first */
    struct envl_identities list;
};

static void
free_kept(struct envl_keyring_item *kept)
{
    struct kept_identities *identities = (struct kept_identities *)kept;

    envl_identities_clear(&identities->list);
    OPENSSL_free(identities);
}

/* Keep the keys for later streams.  If that fails, those read them again. */
static void
keep(struct envl_keyring *keyring, const struct envl_identities *from,
     size_t first_key, size_t first_cert)
{
    struct kept_identities *identities =
        keyring != NULL ? OPENSSL_zalloc(sizeof(*identities)) : NULL;
    struct envl_err ignored;

    if (identities == NULL)
        return;
    identities->kept.free = free_kept;
    if (add_shared(&identities->list, from, first_key, first_cert, &ignored)
        == ENVELOPE_OK)
        envl_keyring_put(keyring, ENVL_KEYRING_IDENTITIES, &identities->kept);
    else
        free_kept(&identities->kept);
}

/* The identities that an earlier stream has kept, or NULL. */
static const struct envl_identities *
kept_in(const struct envl_keyring *keyring)
{
    const struct envl_keyring_item *kept =
        envl_keyring_get(keyring, ENVL_KEYRING_IDENTITIES);

    return kept != NULL ? &((const struct kept_identities *)kept)->list : NULL;
}

static enum envelope_reason
load_octets(const struct envl_key_reader *reader, struct loader *loader,
            struct envl_err *err)
{
    const struct envl_key_settings *settings = loader->settings;
    const struct envl_identities *kept = kept_in(loader->keyring);
    struct envl_identities *to = loader->identities;
    size_t first_key = to->key_count, first_cert = to->cert_count;
    enum envelope_reason rc;

    if (settings->identity.count == 0)
        return ENVELOPE_OK;
    if (kept != NULL)
        return add_shared(to, kept, 0, 0, err);
    loader->may_change = false;
    rc = envl_keys_read_octets(reader, &settings->identity, "identity", err);
    if (rc != ENVELOPE_OK || loader->may_change)
        return rc;
    ERR_set_mark();
    keep(loader->keyring, to, first_key, first_cert);
    ERR_pop_to_mark();
    return ENVELOPE_OK;
}

enum envelope_reason
envl_identities_load(struct envl_identities *identities,
                     const struct envl_libctx *ctx,
                     const struct envl_key_settings *settings,
                     struct envl_keyring *keyring, struct envl_err *err)
{
    struct loader loader = { .identities = identities,
                             .ctx = ctx,
                             .settings = settings,
                             .keyring = keyring };
    const struct envl_key_reader reader = {
        .ctx = ctx,
        .passphrase = &identities->passphrase,
        .callback = settings->callback,
        .in_use = &settings->in_use,
        .take = take,
        .end_source = end_source,
        .arg = &loader,
    };
    enum envelope_reason rc;

    *identities = (struct envl_identities){ 0 };
    identities->kek = settings->has_kek ? settings->kek : NULL;
    if (settings->has_kek
        && (rc = envl_kek_check(settings->kek, "the key", err)) != ENVELOPE_OK)
        return rc;
    rc = envl_passphrase_load(&identities->passphrase, settings, err);
    if (rc == ENVELOPE_OK && settings->identities != NULL)
        rc = envl_keys_read_list(&reader, settings->identities, err);
    if (rc == ENVELOPE_OK)
        rc = load_octets(&reader, &loader, err);
    /* Whoever wrote the header must not learn whether he knows the passphrase
     * of a stored key, or the PIN of a token. */
    if (identities->took_passphrase)
        envl_octets_clear(&identities->passphrase);
    if (rc == ENVELOPE_OK && identities->key_count == 0
        && identities->service_count == 0 && identities->kek == NULL
        && identities->passphrase.data == NULL) {
        if (settings->identities != NULL || settings->identity.count > 0)
            rc = fail_empty(&loader, err);
        else
            rc = envl_fail(err, ENVELOPE_R_NO_IDENTITY,
                           "set ENVELOPE_IDENTITIES to private keys, or "
                           "identities in the provider's section of "
                           "openssl.cnf, or give a key-encryption key");
    }
    if (rc != ENVELOPE_OK)
        envl_identities_clear(identities);
    return rc;
}

void
envl_identities_clear(struct envl_identities *identities)
{
    size_t i;

    for (i = 0; i < identities->key_count; i++) {
        EVP_PKEY_free(identities->keys[i].key);
        OPENSSL_free(identities->keys[i].propq);
    }
    for (i = 0; i < identities->cert_count; i++)
        X509_free(identities->certs[i].cert);
    for (i = 0; i < identities->service_count; i++)
        OPENSSL_free(identities->services[i]);
    OPENSSL_free(identities->services);
    OPENSSL_free(identities->keys);
    OPENSSL_free(identities->certs);
    envl_octets_clear(&identities->passphrase);
    *identities = (struct envl_identities){ 0 };
}

static bool
id_is(const struct envl_key_id *id, const unsigned char *bytes, size_t len)
{
    return len > 0 && id->len == len && memcmp(id->bytes, bytes, len) == 0;
}

bool
envl_identity_is_named(const struct envl_identities *identities,
                       const struct envl_identity *identity,
                       const unsigned char *id, size_t len)
{
    size_t i;

    if (id_is(&identity->id, id, len))
        return true;
    for (i = 0; i < identities->cert_count; i++) {
        const struct envl_identity_cert *cert = &identities->certs[i];

        if (id_is(&cert->id, id, len)
            && EVP_PKEY_eq(X509_get0_pubkey(cert->cert), identity->key) == 1)
            return true;
    }
    return false;
}
