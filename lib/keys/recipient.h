/* SPDX-License-Identifier: Apache-2.0 */
/* For whom a data key is wrapped: reading and judging the recipients. */
#ifndef ENVL_RECIPIENT_H
#define ENVL_RECIPIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/keyring.h"
#include "lib/keys/keys.h"
#include "lib/keys/recipient_notes.h"

#define ENVL_RECIPIENT_COUNT_MAX 1024 /* FORMAT 5 */

enum envl_recipient_kind {
    ENVL_TO_KEY, /* public, perhaps a certificate's */
    ENVL_TO_KEK,
    ENVL_TO_PASSPHRASE,
    ENVL_TO_KMS /* a key service */
};

struct envl_recipient {
    enum envl_recipient_kind kind;
    struct envl_key_id id;
    EVP_PKEY *key; /* owned; of ENVL_TO_KEY */
    enum envl_key_kind key_kind;
    X509 *cert; /* owned; that key is from, with its validity; or NULL */
    EVP_PKEY_CTX *oaep; /* of an RSA key: RSAES-OAEP with SHA-256, of which only
                         * copies are used */
    bool owns_oaep;     /* else it is that of the recipients kept */
    char *uri;          /* owned; of ENVL_TO_KMS */
};

struct envl_recipients {
    struct envl_recipient *items;
    size_t count, size;
    struct envl_recipient_notes notes;
};

/* envl_recipient_post_quantum - that of a recipient: what a key service does with
 * its key is not known */
enum envl_post_quantum
envl_recipient_post_quantum(const struct envl_recipient *recipient);

/*
 * envl_recipients_load - read and check all that settings name
 *
 * Of the certificates of one source, those that have issued another one of it
 * are left out: of a chain the leaf is the recipient.  Where settings say so,
 * those that are not valid now are left out, too.  The notes name each of them.
 *
 * Keys in memory are read for the first of several streams that have a keyring
 * in common; certificates must be valid at the time of each.
 *
 *   keyring  of these settings' keys; may be NULL
 *
 * Ownership: recipients is the caller's, envl_recipients_clear(); empty on
 *            failure.
 * Returns:   ENVELOPE_OK with at least one; ENVELOPE_R_NO_RECIPIENT,
 *            _AMBIGUOUS_KEY, _TOO_MANY_RECIPIENTS; what
 *            envl_key_check() returns; _PRIVATE_KEY; what
 *            envl_certificate_check() returns, _CERTIFICATE_TIME also where
 *            all were left out; _NOT_POST_QUANTUM where settings require it of
 *            all; _PARAMETER for settings that exclude each
 *            other; what
 *            envl_keys_read_list() returns; _NO_KEY_SERVICES; _CRYPTO;
 *            _MEMORY.  No key service is asked anything.
 */
enum envelope_reason
envl_recipients_load(struct envl_recipients *recipients,
                     const struct envl_libctx *ctx,
                     const struct envl_key_settings *settings,
                     struct envl_keyring *keyring, struct envl_err *err);

void envl_recipients_clear(struct envl_recipients *recipients);

#endif
