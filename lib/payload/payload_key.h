/* SPDX-License-Identifier: Apache-2.0 */
/* Derives the payload's key, base nonce and commitment from the data key. */
#ifndef ENVL_PAYLOAD_KEY_H
#define ENVL_PAYLOAD_KEY_H

#include <stddef.h>

#include "lib/base/aead.h"
#include "lib/base/err.h"
#include "lib/base/libctx.h"

#define ENVL_SALT_LEN 24
#define ENVL_COMMITMENT_LEN 32

struct envl_payload_key {
    unsigned char key[ENVL_AEAD_KEY_LEN];
    unsigned char base_nonce[ENVL_NONCE_LEN];
    unsigned char commitment[ENVL_COMMITMENT_LEN];
};

/* The bytes that the payload's key is bound to: prelude and labels, which are
 * concatenated. */
struct envl_payload_context {
    const unsigned char *prelude;
    size_t prelude_len;
    const unsigned char *labels;
    size_t labels_len;
};

/*
 * envl_payload_key_derive - Cobblestone-256's key derivation (FORMAT 6)
 *
 *   dek   ENVL_DEK_LEN bytes
 *   salt  ENVL_SALT_LEN bytes
 *
 * Ownership: the caller cleanses key, also on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_payload_key_derive(
    struct envl_payload_key *key, const struct envl_libctx *ctx,
    const unsigned char *dek, const unsigned char *salt,
    const struct envl_payload_context *context, struct envl_err *err);

#endif
