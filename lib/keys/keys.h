/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading keys and certificates: files, URIs and memory, all through
 * libcrypto's OSSL_STORE, so that keys in a TPM or an HSM come the same way.
 * What they are for is not known here.
 */
#ifndef ENVL_KEYS_H
#define ENVL_KEYS_H

#include <stdbool.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"
#include "lib/keys/key_kind.h"

/* One object that was read, or a key that a service has; exactly one of the
 * four pointers after name is not NULL. */
struct envl_key_item {
    const char *name; /* of where it comes from, for messages: a URI without
                       * its query, in which a PIN may stand */
    bool is_uri;      /* it came from a store, not from a file or memory */
    EVP_PKEY *public_key;
    EVP_PKEY *private_key;
    X509 *cert;
    const char *service_uri; /* as it was given: nobody has been asked */
    bool is_encrypted;       /* its source took a passphrase, up to here */
};

/*
 * Takes one object, in the order of the source.  It borrows item and what is
 * in it, and takes references of its own.
 */
typedef enum envelope_reason
envl_key_fn(void *arg, const struct envl_key_item *item, struct envl_err *err);

/* All of a file, a URI or a parameter has been given. */
typedef enum envelope_reason envl_key_source_fn(void *arg, const char *name,
                                                struct envl_err *err);

/* How to read, and whom to give it to. */
struct envl_key_reader {
    const struct envl_libctx *ctx;
    /* For stored keys, or data NULL; NULL: they are not wanted. */
    const struct envl_octets *passphrase;
    const struct envelope_passphrase_callback *callback; /* or NULL */
    const struct envl_octets *in_use; /* files not to be read, or NULL */
    bool public_half; /* is enough: a token may show it without a PIN */
    envl_key_fn *take;
    envl_key_source_fn *end_source; /* or NULL */
    void *arg;
};

/*
 * envl_keys_read_list - read all that a list names: paths and URIs, separated
 * by colons or newlines; an entry that begins with a URI scheme known here,
 * or with any scheme and "//", runs to the end of its line
 *
 * A path may be that of a directory (lib/keys/key_directory.h).  One that has a
 * colon is written as a file: URI, for which envl_keys_write_path() is there.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY, also for an entry without
 *          any key, and for text in which a key could be lost (lib/keys/key_text.h);
 *          ENVELOPE_R_PARAMETER for a file in use; ENVELOPE_R_PASSPHRASE_NEEDED;
 *          ENVELOPE_R_WRONG_KEY if the passphrase at hand does not open a
 *          stored key; what take returned.
 */
enum envelope_reason envl_keys_read_list(const struct envl_key_reader *reader,
                                         const char *list,
                                         struct envl_err *err);

/*
 * envl_keys_write_path - one path, or one URI, as an entry of such a list
 *
 * Ownership: *entry is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER for one with a newline, or
 *            none;
 *            ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_keys_write_path(char **entry, const char *path,
                                          struct envl_err *err);

/* envl_keys_read_octets - the same for keys in memory; what names them
 * for messages */
enum envelope_reason envl_keys_read_octets(const struct envl_key_reader *reader,
                                           const struct envl_octets_list *list,
                                           const char *what,
                                           struct envl_err *err);

#endif
