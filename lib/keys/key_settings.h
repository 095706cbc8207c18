/* SPDX-License-Identifier: Apache-2.0 */
/* The user's settings of the keys for which a stream is encrypted, or with
 * which it is decrypted. */
#ifndef ENVL_KEY_SETTINGS_H
#define ENVL_KEY_SETTINGS_H

#include <stdbool.h>

#include <envelope/envelope.h>

#include "lib/base/octets.h"
#include "lib/keys/kek_source.h"

/* Fields that are set together: those of a later stream replace all of a group. */
enum envl_key_group {
    ENVL_FOR_WHOM, /* a stream is made, or by whom it is opened */
    ENVL_SIGNERS,
    ENVL_SIGNED_BY,
    ENVL_KEY_GROUP_COUNT
};

/* A yes-no setting; ENVL_UNSAID leaves the choice to the next place where it
 * can be set, such as the configuration. */
enum envl_choice { ENVL_UNSAID, ENVL_NO, ENVL_YES };

/*
 * Ownership: the structure owns all but callback, envl_key_settings_clear().
 * NULL and zero mean "not set".
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

    /* After a stream was made with the fields of a group they are old: the next
     * field of the group that is set replaces them all.  The fields above are
     * ENVL_FOR_WHOM. */
    bool is_old[ENVL_KEY_GROUP_COUNT];

    unsigned char kek[ENVL_KEK_LEN]; /* the EVP key, where has_kek */
    bool has_kek;

    char *required_labels; /* lines that the labels of what is read must have */

    /* Whose private keys sign a stream, and by whose public keys what is read
     * must be signed: lists, and keys in memory. */
    char *signers, *signed_by;
    struct envl_octets_list signer, signed_by_key;

    /* Accept certificates that are not valid now; leave those out; accept
     * certificates whose key is not for encryption. */
    enum envl_choice allow_expired, skip_expired, allow_usage;
    enum envl_choice require_post_quantum; /* of all recipients */
    unsigned log_n;                        /* of scrypt; 0 is the default */
};

/* envl_key_settings_forget - wipe and free the fields of a group, but keep the
 * EVP key */
void envl_key_settings_forget(struct envl_key_settings *settings,
                              enum envl_key_group group);

/* envl_key_settings_copy - make a deep copy in `to`, which is all zero before;
 * 1, or 0 with `to` still empty if memory ran out */
int envl_key_settings_copy(struct envl_key_settings *to,
                           const struct envl_key_settings *from);

/* envl_key_settings_clear - wipe and free everything */
void envl_key_settings_clear(struct envl_key_settings *settings);

#endif
