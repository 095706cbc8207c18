/* SPDX-License-Identifier: Apache-2.0 */
/* Each place is set once, by the thread that is first, and only read after
 * that: no lock is needed. */
#include "lib/keys/keyring.h"

#include <stdatomic.h>
#include <stddef.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

struct envl_keyring {
    atomic_uint owners;
    _Atomic(struct envl_keyring_item *) places[ENVL_KEYRING_PLACES];
};

struct envl_keyring *
envl_keyring_new(void)
{
    struct envl_keyring *keyring;
    size_t i;

    ERR_set_mark();
    keyring = OPENSSL_malloc(sizeof(*keyring));
    ERR_pop_to_mark();
    if (keyring == NULL)
        return NULL;
    atomic_init(&keyring->owners, 1);
    for (i = 0; i < ENVL_KEYRING_PLACES; i++)
        atomic_init(&keyring->places[i], NULL);
    return keyring;
}

struct envl_keyring *
envl_keyring_share(struct envl_keyring *keyring)
{
    if (keyring != NULL)
        atomic_fetch_add(&keyring->owners, 1);
    return keyring;
}

void
envl_keyring_free(struct envl_keyring *keyring)
{
    struct envl_keyring_item *kept;
    size_t i;

    if (keyring == NULL || atomic_fetch_sub(&keyring->owners, 1) > 1)
        return;
    for (i = 0; i < ENVL_KEYRING_PLACES; i++) {
        kept = atomic_load(&keyring->places[i]);
        if (kept != NULL)
            kept->free(kept);
    }
    OPENSSL_free(keyring);
}

const struct envl_keyring_item *
envl_keyring_get(const struct envl_keyring *keyring,
                 enum envl_keyring_place place)
{
    return keyring != NULL ? atomic_load(&keyring->places[place]) : NULL;
}

void
envl_keyring_put(struct envl_keyring *keyring, enum envl_keyring_place place,
                 struct envl_keyring_item *kept)
{
    struct envl_keyring_item *none = NULL;

    if (keyring == NULL
        || !atomic_compare_exchange_strong(&keyring->places[place], &none,
                                           kept))
        kept->free(kept);
}
