/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache of parsed keys, for streams with the same recipients, identities,
 * signers and signers to trust.
 * A cipher context shares its keyring with its copies, until one of them is
 * given other keys.
 *
 * Only keys in memory are cached.  Files and tokens may change, so keys that
 * lists name are read for each stream.
 */
#ifndef ENVL_KEYRING_H
#define ENVL_KEYRING_H

struct envl_keyring;

/* The first member of every structure that a keyring caches. */
struct envl_keyring_item {
    void (*free)(struct envl_keyring_item *kept);
};

enum envl_keyring_place {
    ENVL_KEYRING_RECIPIENTS,
    ENVL_KEYRING_IDENTITIES,
    ENVL_KEYRING_SIGNERS,
    ENVL_KEYRING_SIGNED_BY,
    ENVL_KEYRING_PLACES
};

/*
 * envl_keyring_new - make an empty keyring with one owner
 * envl_keyring_share - add an owner; NULL is fine
 * envl_keyring_free - remove an owner; the last one frees the keyring and its
 * items; NULL is fine
 *
 * Returns: the keyring; NULL if memory ran out, which only means no cache.
 * Threads: the owners may be different threads.
 */
struct envl_keyring *envl_keyring_new(void);
struct envl_keyring *envl_keyring_share(struct envl_keyring *keyring);
void envl_keyring_free(struct envl_keyring *keyring);

/*
 * envl_keyring_get - the item at a place, or NULL; it never changes, and lives
 * as long as the keyring has an owner
 * envl_keyring_put - put an item at a place, if the place is empty
 *
 *   keyring  may be NULL
 *
 * Ownership: envl_keyring_put() takes the item, and frees it if the place is
 *            not empty.
 */
const struct envl_keyring_item *
envl_keyring_get(const struct envl_keyring *keyring,
                 enum envl_keyring_place place);
void envl_keyring_put(struct envl_keyring *keyring,
                      enum envl_keyring_place place,
                      struct envl_keyring_item *kept);

#endif
