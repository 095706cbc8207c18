/* SPDX-License-Identifier: Apache-2.0 */
/* Whose keys a stream is made or read with, as its user said it. */
#ifndef ENVL_KEY_SETTINGS_H
#define ENVL_KEY_SETTINGS_H

#include <stdbool.h>

#include <envelope/envelope.h>

#include "lib/base/octets.h"
#include "lib/keys/kek_source.h"

/* What somebody has decided, or left to the next who may. */
enum envl_choice { ENVL_UNSAID, ENVL_NO, ENVL_YES };

/*
 * Ownership: all of it is the structure's, envl_key_settings_clear(), but for
 * callback.  NULL and zero mean "not set".
 */
struct envl_key_settings {
    char *recipients, *identities; /* lists, as envl_keys_read_list() reads */
    char *passphrase_file;
    /* Keys or certificates, PEM, DER or OpenSSH, in the order in which they
     * came. */
    struct envl_octets_list recipient, identity;
    struct envl_octets passphrase;
    const struct envelope_passphrase_callback *callback;
    struct envl_octets in_use; /* files not to be read (lib/base/file.h) */

    /* The fields above say whom a stream is for.  They are old once a stream
     * has been made with them: the next one that is set replaces them all. */
    bool is_old;

    unsigned char kek[ENVL_KEK_LEN]; /* the EVP key, where has_kek */
    bool has_kek;

    /* Of certificates: take those that are not valid now, or leave them out;
     * take those that are not for encryption. */
    enum envl_choice allow_expired, skip_expired, allow_usage;
    enum envl_choice require_post_quantum; /* of all recipients */
    unsigned log_n;                        /* of scrypt; 0 is the default */
};

/* envl_key_settings_forget - wipe and free all that says whom a stream is for,
 * but for the EVP key */
void envl_key_settings_forget(struct envl_key_settings *settings);

/* envl_key_settings_copy - deep; to is all zero; 0, with nothing in it, if
 * memory ran out */
int envl_key_settings_copy(struct envl_key_settings *to,
                           const struct envl_key_settings *from);

/* envl_key_settings_clear - wipe and free everything */
void envl_key_settings_clear(struct envl_key_settings *settings);

#endif
