/* SPDX-License-Identifier: Apache-2.0 */
/* The list of identities; private keys stay in libcrypto's hands. */
#include "lib/identity.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "lib/kms.h"
#include "lib/passphrase.h"

struct loader {
    struct envl_identities *identities;
    const struct envl_libctx *ctx;
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

static char *
own_propq(const struct envl_libctx *ctx, const EVP_PKEY *key)
{
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);

    return envl_libctx_prefer(
        ctx->properties,
        provider != NULL ? OSSL_PROVIDER_get0_name(provider) : "default");
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
    const struct loader *loader = arg;
    struct envl_identities *to = loader->identities;
    struct envl_identity key = { .key = item->private_key };
    struct envl_identity_cert cert = { .cert = item->cert };

    if (item->service_uri != NULL)
        return add_service(loader, item->service_uri, err);
    if (item->public_key != NULL)
        return ENVELOPE_OK; /* of no use, and no harm beside a private key */
    if (item->cert != NULL) {
        if (!envl_key_id_of_cert(&cert.id, item->cert))
            return ENVELOPE_OK;
        if (!grow(&to->certs, to->cert_count, sizeof(*to->certs))
            || !X509_up_ref(item->cert))
            return envl_fail_memory(err);
        to->certs[to->cert_count++] = cert;
        return ENVELOPE_OK;
    }
    /* A key in hardware may not show its public half: it has no name then. */
    ERR_set_mark();
    if (!envl_key_id_of_item(&key.id, loader->ctx, item))
        key.id.len = 0;
    ERR_pop_to_mark();
    key.propq = own_propq(loader->ctx, item->private_key);
    if (key.propq == NULL || !grow(&to->keys, to->key_count, sizeof(*to->keys))
        || !EVP_PKEY_up_ref(item->private_key)) {
        OPENSSL_free(key.propq);
        return envl_fail_memory(err);
    }
    to->keys[to->key_count++] = key;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_identities_load(struct envl_identities *identities,
                     const struct envl_libctx *ctx,
                     const struct envl_settings *settings, struct envl_err *err)
{
    struct loader loader = { identities, ctx };
    const struct envl_key_reader reader = {
        .ctx = ctx,
        .passphrase = &identities->passphrase,
        .callback = settings->callback,
        .take = take,
        .arg = &loader,
    };
    enum envelope_reason rc;

    *identities = (struct envl_identities){ 0 };
    identities->kek = settings->has_kek ? settings->kek : NULL;
    rc = envl_passphrase_load(&identities->passphrase, settings, err);
    if (rc == ENVELOPE_OK && settings->identities != NULL)
        rc = envl_keys_read_list(&reader, settings->identities, err);
    if (rc == ENVELOPE_OK)
        rc = envl_keys_read_octets(&reader, &settings->identity, "identity",
                                   err);
    if (rc == ENVELOPE_OK && identities->key_count == 0
        && identities->service_count == 0 && identities->kek == NULL
        && identities->passphrase.data == NULL) {
        if (settings->identities != NULL || settings->identity.count > 0)
            rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                           "the identities hold no private key");
        else
            rc = envl_fail(err, ENVELOPE_R_NO_IDENTITY,
                           "set ENVELOPE_IDENTITIES to private keys, or "
                           "identities in the provider's section of "
                           "openssl.cnf, or give the cipher a key");
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
