/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read from keys in memory, and made for them, for the streams that
 * are to be made or read with the same ones: settings and their copies have it
 * in common.
 *
 * A key in memory stays what it is; a file or a token may change, so what
 * lists name is not kept.
 */
#ifndef ENVL_KEYRING_H
#define ENVL_KEYRING_H

#include <stdbool.h>

#include "lib/keys/identity.h"
#include "lib/keys/recipient.h"

struct envl_keyring;

/*
 * envl_keyring_new - a place for what is going to be read
 * envl_keyring_share - one more owner; NULL is fine
 * envl_keyring_free - one owner less; the last one frees, and keys wipe
 * themselves; NULL is fine
 *
 * Returns: the place; NULL if memory ran out, and then nothing is kept.
 * Threads: owners may be in different ones.
 */
struct envl_keyring *envl_keyring_new(void);
struct envl_keyring *envl_keyring_share(struct envl_keyring *kept);
void envl_keyring_free(struct envl_keyring *kept);

/*
 * envl_keyring_recipients, envl_keyring_identities - what is there, or NULL; it
 * never changes, and stays as long as the place has an owner
 * envl_keyring_put_recipients, envl_keyring_put_identities - put it there, unless
 * somebody has done so already; kept may be NULL
 *
 * Ownership: what is put is the place's, or is freed; it is on the heap.
 */
const struct envl_recipients *
envl_keyring_recipients(const struct envl_keyring *kept);
const struct envl_identities *
envl_keyring_identities(const struct envl_keyring *kept);
void envl_keyring_put_recipients(struct envl_keyring *kept,
                                 struct envl_recipients *recipients);
void envl_keyring_put_identities(struct envl_keyring *kept,
                                 struct envl_identities *identities);

#endif
