/* SPDX-License-Identifier: Apache-2.0 */
/* Both lists are read in the same way; what differs is which half of a key is
 * wanted. */
#include "lib/sign/signature_keys.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/keys/certificate.h"
#include "lib/keys/key_check.h"
#include "lib/keys/key_use.h"
#include "lib/keys/keys.h"

#define KEY_COUNT_MAX 1024

struct envl_signature_keys {
    struct envl_keyring_item kept; /* first; the keyring is one of the owners */
    atomic_uint owners;
    struct envl_signature_key *items;
    size_t count;
};

/* What the two lists do not share. */
struct role {
    enum envl_keyring_place place;
    const char *parameter; /* of keys in memory, for messages */
    size_t count_max;
    bool is_signer;
};

static const struct role signers = { ENVL_KEYRING_SIGNERS, "signer",
                                     ENVL_SIGNATURE_COUNT_MAX, true };
static const struct role signed_by = { ENVL_KEYRING_SIGNED_BY, "signed-by-key",
                                       KEY_COUNT_MAX, false };

struct loader {
    const struct role *role;
    struct envl_signature_keys *keys;
    const struct envl_libctx *ctx;
    STACK_OF(X509) * certs; /* owned; of the source that is being read */
    size_t found;           /* keys in it so far */
    bool may_change;        /* a key was read that may change: no cache */
};

/* The list */

static void
clear_key(struct envl_signature_key *key)
{
    EVP_PKEY_free(key->public_key);
    EVP_PKEY_free(key->private_key);
    OPENSSL_free(key->propq);
    OPENSSL_free(key->name);
}

void
envl_signature_keys_free(struct envl_signature_keys *keys)
{
    size_t i;

    if (keys == NULL || atomic_fetch_sub(&keys->owners, 1) > 1)
        return;
    for (i = 0; i < keys->count; i++)
        clear_key(&keys->items[i]);
    OPENSSL_free(keys->items);
    OPENSSL_free(keys);
}

static void
free_kept(struct envl_keyring_item *kept)
{
    envl_signature_keys_free((struct envl_signature_keys *)kept);
}

static struct envl_signature_keys *
new_keys(void)
{
    struct envl_signature_keys *keys = OPENSSL_zalloc(sizeof(*keys));

    if (keys != NULL) {
        keys->kept.free = free_kept;
        atomic_init(&keys->owners, 1);
    }
    return keys;
}

static struct envl_signature_keys *
share(struct envl_signature_keys *keys)
{
    atomic_fetch_add(&keys->owners, 1);
    return keys;
}

size_t
envl_signature_keys_count(const struct envl_signature_keys *keys)
{
    return keys->count;
}

const struct envl_signature_key *
envl_signature_keys_get(const struct envl_signature_keys *keys, size_t i)
{
    return &keys->items[i];
}

static bool
has_id(const struct envl_signature_keys *keys, const struct envl_key_id *id)
{
    size_t i;

    for (i = 0; i < keys->count; i++) {
        if (memcmp(keys->items[i].id.bytes, id->bytes, ENVL_SIGNER_ID_LEN) == 0)
            return true;
    }
    return false;
}

/* Add a key, which is the list's after a success only. */
static enum envelope_reason
append(const struct loader *loader, const struct envl_signature_key *key,
       struct envl_err *err)
{
    struct envl_signature_keys *keys = loader->keys;
    struct envl_signature_key *items;

    if (keys->count == loader->role->count_max)
        return envl_fail(err, ENVELOPE_R_TOO_MANY_RECIPIENTS,
                         "%s: there are at most %zu keys that %s", key->name,
                         loader->role->count_max,
                         loader->role->is_signer ? "sign" : "are trusted");
    items =
        OPENSSL_realloc(keys->items, (keys->count + 1) * sizeof(*keys->items));
    if (items == NULL)
        return envl_fail_memory(err);
    keys->items = items;
    items[keys->count++] = *key;
    return ENVELOPE_OK;
}

/* Keys */

/* A key in hardware may have a private handle only; its check is that of the
 * public half in software. */
static enum envelope_reason
set_public_half(struct envl_signature_key *to, const struct loader *loader,
                EVP_PKEY *key, const char *name, struct envl_err *err)
{
    to->public_key = envl_key_public_half(loader->ctx, key);
    if (to->public_key == NULL && envl_crypto_no_memory())
        return envl_fail_memory(err);
    if (to->public_key == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: its public key cannot be had: %s", name,
                         envl_crypto_reason());
    return envl_key_check(to->public_key, ENVL_TO_SIGN, loader->ctx, name, err);
}

static enum envelope_reason
add_key(struct loader *loader, EVP_PKEY *key, const char *name,
        struct envl_err *err)
{
    struct envl_signature_key new = { .private_key = NULL };
    enum envelope_reason rc = set_public_half(&new, loader, key, name, err);

    loader->found++;
    if (rc == ENVELOPE_OK
        && !envl_key_id_of_key(&new.id, loader->ctx, new.public_key))
        rc = envl_fail_crypto(err, "compute a key's identifier");
    if (rc == ENVELOPE_OK && loader->role->is_signer) {
        new.propq = envl_key_propq(loader->ctx, key);
        if (new.propq == NULL || !EVP_PKEY_up_ref(key))
            rc = envl_fail_memory(err);
        else
            new.private_key = key;
        loader->may_change |= !envl_key_is_software(key);
    }
    if (rc == ENVELOPE_OK && (new.name = OPENSSL_strdup(name)) == NULL)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK && !has_id(loader->keys, &new.id)) {
        rc = append(loader, &new, err);
        if (rc == ENVELOPE_OK)
            return rc;
    }
    clear_key(&new);
    return rc;
}

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    struct loader *loader = arg;

    loader->may_change |= item->is_encrypted;
    if (item->service_uri != NULL)
        return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                         "%s: keys of key services do not sign here",
                         item->name);
    if (loader->role->is_signer) {
        /* The public key and the certificate may stand with the private one. */
        return item->private_key != NULL
                   ? add_key(loader, item->private_key, item->name, err)
                   : ENVELOPE_OK;
    }
    if (item->cert != NULL)
        return envl_certificate_keep(&loader->certs, item->cert)
                   ? ENVELOPE_OK
                   : envl_fail_memory(err);
    if (item->public_key != NULL)
        return add_key(loader, item->public_key, item->name, err);
    if (item->is_uri)
        return add_key(loader, item->private_key, item->name, err);
    return envl_fail(err, ENVELOPE_R_PRIVATE_KEY,
                     "%s: to trust a signer, give his public key, made with "
                     "openssl pkey -pubout or ssh-keygen -y",
                     item->name);
}

/* Take the keys of the certificates, but not of those that have issued another
 * one of the source. */
static enum envelope_reason
take_certs(struct loader *loader, const char *name, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    EVP_PKEY *key;
    X509 *cert;
    int i, is_issuer;

    for (i = 0; i < sk_X509_num(loader->certs) && rc == ENVELOPE_OK; i++) {
        cert = sk_X509_value(loader->certs, i);
        is_issuer = envl_certificate_is_issuer_in(cert, loader->certs);
        key = X509_get0_pubkey(cert);
        if (is_issuer < 0)
            rc = envl_fail_memory(err);
        else if (is_issuer == 0 && key == NULL)
            rc = envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                           "%s: the certificate's key cannot be read: %s", name,
                           envl_crypto_reason());
        else if (is_issuer == 0)
            rc = add_key(loader, key, name, err);
    }
    sk_X509_pop_free(loader->certs, X509_free);
    loader->certs = NULL;
    return rc;
}

/* Each source must have a key of the right half. */
static enum envelope_reason
end_source(void *arg, const char *name, struct envl_err *err)
{
    struct loader *loader = arg;
    enum envelope_reason rc = take_certs(loader, name, err);

    if (rc == ENVELOPE_OK && loader->found == 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s holds no %s key",
                       name, loader->role->is_signer ? "private" : "public");
    loader->found = 0;
    return rc;
}

/* Loading */

static enum envelope_reason
read_all(struct loader *loader, const char *list,
         const struct envl_octets_list *octets,
         const struct envl_key_settings *settings, struct envl_err *err)
{
    /* A passphrase among the settings is a recipient's or an identity's. */
    static const struct envl_octets none = { NULL, 0 };
    const bool is_signer = loader->role->is_signer;
    const struct envl_key_reader reader = {
        .ctx = loader->ctx,
        .passphrase = is_signer ? &none : NULL,
        .callback = is_signer ? settings->callback : NULL,
        .in_use = &settings->in_use,
        .public_half = !is_signer,
        .take = take,
        .end_source = end_source,
        .arg = loader,
    };
    enum envelope_reason rc = ENVELOPE_OK;

    loader->may_change = list != NULL;
    if (list != NULL)
        rc = envl_keys_read_list(&reader, list, err);
    if (rc == ENVELOPE_OK)
        rc = envl_keys_read_octets(&reader, octets, loader->role->parameter,
                                   err);
    sk_X509_pop_free(loader->certs, X509_free); /* if a source failed */
    if (rc == ENVELOPE_OK && loader->keys->count == 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s names no key",
                       is_signer ? ENVELOPE_PARAM_SIGNERS
                                 : ENVELOPE_PARAM_SIGNED_BY);
    return rc;
}

static enum envelope_reason
load(struct envl_signature_keys **keys, const struct role *role,
     const struct envl_libctx *ctx, const struct envl_key_settings *settings,
     struct envl_keyring *keyring, struct envl_err *err)
{
    struct envl_keyring_item *kept =
        (struct envl_keyring_item *)(uintptr_t)envl_keyring_get(keyring,
                                                                role->place);
    const char *list =
        role->is_signer ? settings->signers : settings->signed_by;
    const struct envl_octets_list *octets =
        role->is_signer ? &settings->signer : &settings->signed_by_key;
    struct loader loader = { .role = role, .ctx = ctx };
    enum envelope_reason rc;

    *keys = NULL;
    if (list == NULL && octets->count == 0)
        return ENVELOPE_OK;
    if (list == NULL && kept != NULL) {
        *keys = share((struct envl_signature_keys *)kept);
        return ENVELOPE_OK;
    }
    if ((loader.keys = new_keys()) == NULL)
        return envl_fail_memory(err);
    rc = read_all(&loader, list, octets, settings, err);
    if (rc != ENVELOPE_OK) {
        envl_signature_keys_free(loader.keys);
        return rc;
    }
    if (keyring != NULL && !loader.may_change)
        envl_keyring_put(keyring, role->place, &share(loader.keys)->kept);
    *keys = loader.keys;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_signers_load(struct envl_signature_keys **keys,
                  const struct envl_libctx *ctx,
                  const struct envl_key_settings *settings,
                  struct envl_keyring *keyring, struct envl_err *err)
{
    return load(keys, &signers, ctx, settings, keyring, err);
}

enum envelope_reason
envl_signed_by_load(struct envl_signature_keys **keys,
                    const struct envl_libctx *ctx,
                    const struct envl_key_settings *settings,
                    struct envl_keyring *keyring, struct envl_err *err)
{
    return load(keys, &signed_by, ctx, settings, keyring, err);
}
