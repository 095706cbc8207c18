/* SPDX-License-Identifier: Apache-2.0 */
/* Each place is filled once, by whoever is first, and only read from then
 * on: so there is no lock. */
#include "lib/keys/keyring.h"

#include <stdatomic.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

struct envl_keyring {
    atomic_uint owners;
    _Atomic(struct envl_recipients *) recipients;
    _Atomic(struct envl_identities *) identities;
};

struct envl_keyring *
envl_keyring_new(void)
{
    struct envl_keyring *kept;

    ERR_set_mark();
    kept = OPENSSL_malloc(sizeof(*kept));
    ERR_pop_to_mark();
    if (kept == NULL)
        return NULL;
    atomic_init(&kept->owners, 1);
    atomic_init(&kept->recipients, NULL);
    atomic_init(&kept->identities, NULL);
    return kept;
}

struct envl_keyring *
envl_keyring_share(struct envl_keyring *kept)
{
    if (kept != NULL)
        atomic_fetch_add(&kept->owners, 1);
    return kept;
}

static void
free_recipients(struct envl_recipients *recipients)
{
    if (recipients != NULL)
        envl_recipients_clear(recipients);
    OPENSSL_free(recipients);
}

static void
free_identities(struct envl_identities *identities)
{
    if (identities != NULL)
        envl_identities_clear(identities);
    OPENSSL_free(identities);
}

void
envl_keyring_free(struct envl_keyring *kept)
{
    if (kept == NULL || atomic_fetch_sub(&kept->owners, 1) > 1)
        return;
    free_recipients(atomic_load(&kept->recipients));
    free_identities(atomic_load(&kept->identities));
    OPENSSL_free(kept);
}

const struct envl_recipients *
envl_keyring_recipients(const struct envl_keyring *kept)
{
    return kept != NULL ? atomic_load(&kept->recipients) : NULL;
}

const struct envl_identities *
envl_keyring_identities(const struct envl_keyring *kept)
{
    return kept != NULL ? atomic_load(&kept->identities) : NULL;
}

void
envl_keyring_put_recipients(struct envl_keyring *kept,
                            struct envl_recipients *recipients)
{
    struct envl_recipients *none = NULL;

    if (kept == NULL
        || !atomic_compare_exchange_strong(&kept->recipients, &none,
                                           recipients))
        free_recipients(recipients);
}

void
envl_keyring_put_identities(struct envl_keyring *kept,
                            struct envl_identities *identities)
{
    struct envl_identities *none = NULL;

    if (kept == NULL
        || !atomic_compare_exchange_strong(&kept->identities, &none,
                                           identities))
        free_identities(identities);
}
