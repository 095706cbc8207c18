/* SPDX-License-Identifier: Apache-2.0 */
/* The recipients of a stream: reading and checking them. */
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
    ENVL_TO_KEY, /* a public key, perhaps of a certificate */
    ENVL_TO_KEK,
    ENVL_TO_PASSPHRASE,
    ENVL_TO_KMS /* a key service */
};

struct envl_recipient {
    enum envl_recipient_kind kind;
    struct envl_key_id id;
    EVP_PKEY *key; /* owned; for ENVL_TO_KEY */
    enum envl_key_kind key_kind;
    X509 *cert; /* owned; the certificate of key, with its validity; or NULL */
    EVP_PKEY_CTX *oaep; /* for an RSA key: RSAES-OAEP with SHA-256, of which
                         * only copies are used */
    bool owns_oaep;     /* false: oaep belongs to the list in the keyring */
    char *uri;          /* owned; for ENVL_TO_KMS */
};

struct envl_recipients {
    struct envl_recipient *items;
    size_t count, size;
    struct envl_recipient_notes notes;
};

/* envl_recipient_post_quantum - does a quantum computer leave the recipient's
 * wrapped key safe?  For a key service the answer is not known */
enum envl_post_quantum
envl_recipient_post_quantum(const struct envl_recipient *recipient);

/*
 * envl_recipients_load - read and check all recipients that settings name
 *
 * If a source has a certificate chain, its leaf is the recipient: a certificate
 * that has issued another one of the same source is left out.  If settings say
 * so, certificates that are not valid now are left out, too.  The notes name
 * each certificate that is left out.
 *
 * Streams that share a keyring read keys in memory only once; the certificates
 * must be valid when each stream begins.
 *
 *   keyring  the cache for the keys of these settings; may be NULL
 *
 * Ownership: recipients is the caller's, envl_recipients_clear(); empty on
 *            failure.
 * Returns:   ENVELOPE_OK with at least one; ENVELOPE_R_NO_RECIPIENT,
 *            _AMBIGUOUS_KEY, _TOO_MANY_RECIPIENTS, _PRIVATE_KEY; what
 *            envl_key_check() and envl_certificate_check() return;
 *            _CERTIFICATE_TIME also if all certificates were left out;
 *            _NOT_POST_QUANTUM if settings require it and one recipient is not;
 *            _PARAMETER for settings that exclude each other; what
 *            envl_keys_read_list() returns; _NO_KEY_SERVICES; _CRYPTO;
 *            _MEMORY.  No request goes to a key service.
 */
enum envelope_reason
envl_recipients_load(struct envl_recipients *recipients,
                     const struct envl_libctx *ctx,
                     const struct envl_key_settings *settings,
                     struct envl_keyring *keyring, struct envl_err *err);

/* envl_recipients_clear - free; recipients is all zero after that */
void envl_recipients_clear(struct envl_recipients *recipients);

#endif
