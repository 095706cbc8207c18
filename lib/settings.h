/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream is to be made or read with, as its user said it. */
#ifndef ENVL_SETTINGS_H
#define ENVL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <envelope/envelope.h>

#include "lib/kek_source.h"

struct envl_kept;

/* A byte string that is owned and wiped. */
struct envl_octets {
    unsigned char *data;
    size_t len;
};

/* What somebody has decided, or left to the next who may. */
enum envl_choice { ENVL_UNSAID, ENVL_NO, ENVL_YES };

/* Keys or certificates, PEM, DER or OpenSSH, in the order in which they came. */
struct envl_octets_list {
    struct envl_octets *items;
    size_t count;
};

/*
 * Ownership: all of it is the structure's, envl_settings_clear(), but for
 * callback.  NULL and zero mean "not set".
 */
struct envl_settings {
    char *recipients, *identities; /* lists, as envl_keys_load_list() reads */
    char *passphrase_file;
    struct envl_octets_list recipient, identity;
    struct envl_octets passphrase;
    const struct envelope_passphrase_callback *callback;
    struct envl_octets in_use; /* files not to be read (lib/file.h) */
    struct envl_kept *kept; /* of these keys (lib/kept.h), shared with copies;
                             * NULL keeps nothing */

    /* The fields above say whom a stream is for.  They are old once a stream
     * has been made with them: the next one that is set replaces them all. */
    bool is_old;

    unsigned char kek[ENVL_KEK_LEN]; /* the EVP key, where has_kek */
    bool has_kek;

    char *labels; /* lines in any order */
    /* Of certificates: take those that are not valid now, or leave them out;
     * take those that are not for encryption. */
    enum envl_choice allow_expired, skip_expired, allow_usage;
    enum envl_choice require_post_quantum; /* of all recipients */
    bool verified_only;
    bool has_output_slack;
    bool has_threads;
    bool errors_at_end; /* opening: a failure shows in the final call */
    size_t output_slack;
    size_t reserve;
    unsigned threads;
    unsigned lanes; /* for runs of chunks (lib/payload.h) */
    unsigned log_n; /* of scrypt; 0 is the default */
};

/*
 * envl_settings_keep - what streams read from recipient and identity is kept
 * from now on, and what was kept is not this one's any more: for whenever they
 * or passphrase have been set.  Without memory nothing is kept.
 */
void envl_settings_keep(struct envl_settings *settings);

/* envl_settings_forget_keys - wipe and free all that says whom a stream is for,
 * but for the EVP key */
void envl_settings_forget_keys(struct envl_settings *settings);

/* envl_settings_copy - deep, but for what is kept; to is all zero; 0, with
 * nothing in it, if memory ran out */
int envl_settings_copy(struct envl_settings *to,
                       const struct envl_settings *from);

/* envl_settings_clear - wipe and free everything */
void envl_settings_clear(struct envl_settings *settings);

/* Each replaces or adds a copy, envl_octets_copy() unless there is nothing to
 * copy; 0, with nothing changed, if memory ran out. */
int envl_settings_set_text(char **field, const char *text, size_t len);
int envl_octets_copy(struct envl_octets *to, const struct envl_octets *from);
int envl_octets_set(struct envl_octets *octets, const void *data, size_t len);
void envl_octets_clear(struct envl_octets *octets);
int envl_octets_list_add(struct envl_octets_list *list, const void *data,
                         size_t len);

#endif
