/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading keys and certificates from files, URIs and memory.  libcrypto's
 * OSSL_STORE reads them, so that keys in a TPM or an HSM come the same way.
 * This code does not know what the keys are used for.
 */
#ifndef ENVL_KEYS_H
#define ENVL_KEYS_H

#include <stdbool.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"
#include "lib/keys/key_kind.h"

/* One object that was read, or the URI of a key service's key; exactly one of
 * the four pointers after is_uri is not NULL. */
struct envl_key_item {
    const char *name; /* the source, for messages: of a URI the part before
                       * its query, which may have a PIN */
    bool is_uri;      /* read from a store, not from a file or memory */
    EVP_PKEY *public_key;
    EVP_PKEY *private_key;
    X509 *cert;
    const char *service_uri; /* as the user gave it; no service was asked */
    bool is_encrypted;       /* the source needed a passphrase so far */
};

/*
 * Takes one object, in the order of the source.  It borrows item and all its
 * pointers; to keep an object it takes a reference of its own.
 */
typedef enum envelope_reason
envl_key_fn(void *arg, const struct envl_key_item *item, struct envl_err *err);

/* Is told that a file, a URI or a parameter has no more objects. */
typedef enum envelope_reason envl_key_source_fn(void *arg, const char *name,
                                                struct envl_err *err);

/* How to read keys, and the function that takes them. */
struct envl_key_reader {
    const struct envl_libctx *ctx;
    /* For stored keys; its data is NULL if there is none.  A NULL pointer means
     * that private keys are not wanted. */
    const struct envl_octets *passphrase;
    const struct envelope_passphrase_callback *callback; /* or NULL */
    const struct envl_octets *in_use; /* files not to be read, or NULL */
    bool public_half; /* enough here: a token may show it without a PIN */
    envl_key_fn *take;
    envl_key_source_fn *end_source; /* or NULL */
    void *arg;
};

/*
 * envl_keys_read_list - read all keys that a list names
 *
 * The list has paths and URIs, separated by colons or newlines.  An entry that
 * begins with a URI scheme known here, or with any scheme and "//", ends at the
 * end of its line.  A path may name a directory (lib/keys/key_directory.h).  A
 * path with a colon must be written as a file: URI; envl_keys_write_path()
 * makes it.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY, also for an entry without
 *          any key, and for text in which a key could be lost (key_text.h);
 *          ENVELOPE_R_PARAMETER for a file in use;
 *          ENVELOPE_R_PASSPHRASE_NEEDED; ENVELOPE_R_WRONG_KEY if the
 *          passphrase does not decrypt a stored key; what take returned.
 */
enum envelope_reason envl_keys_read_list(const struct envl_key_reader *reader,
                                         const char *list,
                                         struct envl_err *err);

/*
 * envl_keys_write_path - write a path or a URI as an entry of such a list
 *
 * Ownership: *entry is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER if path is empty or has a
 *            newline; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_keys_write_path(char **entry, const char *path,
                                          struct envl_err *err);

/* envl_keys_read_octets - read keys in memory, as envl_keys_read_list() does;
 * messages call them by the word in what */
enum envelope_reason envl_keys_read_octets(const struct envl_key_reader *reader,
                                           const struct envl_octets_list *list,
                                           const char *what,
                                           struct envl_err *err);

#endif
