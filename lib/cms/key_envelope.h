/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key envelope (FORMAT 5): the CMS message that holds the data key, for
 * any number of recipients.
 */
#ifndef ENVL_CMS_KEY_ENVELOPE_H
#define ENVL_CMS_KEY_ENVELOPE_H

#include <stddef.h>

#include "lib/base/aead.h"
#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/cms/message.h"
#include "lib/header/labels.h"
#include "lib/keys/identity.h"
#include "lib/keys/recipient.h"

/* The random bytes of a new message: a content-encryption key and a nonce. */
#define ENVL_KEY_ENVELOPE_RANDOM_LEN (ENVL_CEK_LEN + ENVL_NONCE_LEN)

/*
 * envl_key_envelope_build - wrap dek (ENVL_DEK_LEN bytes) for all recipients
 *
 *   settings  have the key-encryption key and the passphrase
 *   labels    the header's, which key services may see; NULL for none
 *   random    ENVL_KEY_ENVELOPE_RANDOM_LEN bytes, secret, used for no other
 *             message
 *
 * Ownership: *der is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; what a key service returns; ENVELOPE_R_CRYPTO;
 *            _MEMORY.
 */
enum envelope_reason envl_key_envelope_build(
    unsigned char **der, size_t *len, const struct envl_libctx *ctx,
    const struct envl_recipients *recipients,
    const struct envl_key_settings *settings, const struct envl_labels *labels,
    const unsigned char *random, const unsigned char *dek,
    struct envl_err *err);

/*
 * envl_key_envelope_open - get the data key, with the first identity that opens
 * the message; the cost is bounded as FORMAT 5 says
 *
 *   dek     receives ENVL_DEK_LEN bytes, which the caller cleanses
 *   labels  the same as when the message was built
 *
 * The error queue is left as it was; but if a key service was asked, its TLS
 * library may have emptied the queue.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_KEY_ENVELOPE; _NO_MATCH; _WRONG_KEY;
 *          _WORK_FACTOR; what a key service returned, if no other identity
 *          opened the message; _MEMORY.
 */
enum envelope_reason
envl_key_envelope_open(unsigned char *dek, const unsigned char *der, size_t len,
                       const struct envl_libctx *ctx,
                       const struct envl_identities *identities,
                       const struct envl_labels *labels, struct envl_err *err);

#endif
