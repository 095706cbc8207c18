/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and checks the signatures of a message with lists of keys. */
#ifndef ENVL_SIGN_SIGNING_H
#define ENVL_SIGN_SIGNING_H

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"
#include "lib/header/signatures.h"
#include "lib/sign/signature_keys.h"

/*
 * envl_signing_make - sign a message with every key of a list, and verify each
 * signature before it is given out
 *
 * Ownership: *der, of *len bytes (FORMAT 11), is the caller's, OPENSSL_free();
 *            NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO naming the key; _MEMORY.
 */
enum envelope_reason
envl_signing_make(unsigned char **der, size_t *len,
                  const struct envl_signature_keys *signers,
                  const struct envl_libctx *ctx,
                  const struct envl_octets *message, struct envl_err *err);

/* What is known of one signature. */
enum envl_signature_state {
    ENVL_SIGNATURE_UNKNOWN, /* none of the trusted keys' */
    ENVL_SIGNATURE_GOOD,
    ENVL_SIGNATURE_WRONG
};

/*
 * envl_signing_check - has one of the trusted keys signed a message?
 *
 * A signature of a trusted key with another algorithm than the key's counts for
 * nothing.  One that is wrong does not spoil another one.
 *
 *   states  receives what is known of each signature; also after a failure
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNSIGNED; ENVELOPE_R_OTHER_SIGNER;
 *          ENVELOPE_R_BAD_SIGNATURE if a trusted key's is wrong, and no other
 *          is right; _MEMORY.
 */
enum envelope_reason
envl_signing_check(enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX],
                   const struct envl_signatures *signatures,
                   const struct envl_signature_keys *trusted,
                   const struct envl_libctx *ctx,
                   const struct envl_octets *message, struct envl_err *err);

#endif
