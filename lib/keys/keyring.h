/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read from keys in memory, and made for them, for the streams that
 * are to be made or read with the same ones: a cipher context and its copies
 * have it in common, until one of them is given other keys.
 *
 * A key in memory stays what it is; a file or a token may change, so what
 * lists name is not kept.
 */
#ifndef ENVL_KEYRING_H
#define ENVL_KEYRING_H

struct envl_keyring;

/* What is kept: each kind of it begins with this, and knows how it is freed. */
struct envl_keyring_item {
    void (*free)(struct envl_keyring_item *kept);
};

enum envl_keyring_place {
    ENVL_KEYRING_RECIPIENTS,
    ENVL_KEYRING_IDENTITIES,
    ENVL_KEYRING_PLACES
};

/*
 * envl_keyring_new - a keyring with nothing in it
 * envl_keyring_share - one more owner; NULL is fine
 * envl_keyring_free - one owner less; the last one frees what is kept; NULL is
 * fine
 *
 * Returns: the keyring; NULL if memory ran out, and then nothing is kept.
 * Threads: owners may be in different ones.
 */
struct envl_keyring *envl_keyring_new(void);
struct envl_keyring *envl_keyring_share(struct envl_keyring *keyring);
void envl_keyring_free(struct envl_keyring *keyring);

/*
 * envl_keyring_get - what is there, or NULL; it never changes, and stays as long
 * as the keyring has an owner
 * envl_keyring_put - put it there, unless somebody has done so already
 *
 *   keyring  may be NULL
 *
 * Ownership: what is put is the keyring's, or is freed.
 */
const struct envl_keyring_item *
envl_keyring_get(const struct envl_keyring *keyring,
                 enum envl_keyring_place place);
void envl_keyring_put(struct envl_keyring *keyring,
                      enum envl_keyring_place place,
                      struct envl_keyring_item *kept);

#endif
