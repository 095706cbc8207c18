/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key envelopes for one RSA key, many of them: what libcrypto's CMS would
 * write, without building the message each time.
 *
 * Two messages for the same key differ in four places only, and these have
 * given lengths: the encrypted content-encryption key, the nonce, the
 * encrypted data key and the tag.  So one message that CMS has written, and
 * that was read back, is the pattern of the others.
 */
#ifndef ENVL_PATTERN_H
#define ENVL_PATTERN_H

#include <stddef.h>

#include <openssl/types.h>

#include "lib/err.h"
#include "lib/kari.h"
#include "lib/libctx.h"
#include "lib/payload_key.h"

struct envl_pattern;

/*
 * envl_pattern_new - from a message of envl_key_envelope_build() for this RSA
 * key and nobody else
 *
 * Nothing secret is in it, and it never changes: threads may share it.  The
 * algorithms stay those that were fetched for it.
 *
 * Ownership: the pattern is the caller's, envl_pattern_free(), for which NULL
 *            is fine.
 * Returns:   it; NULL if der is not laid out as expected, or something failed,
 *            with records in the error queue.
 */
struct envl_pattern *envl_pattern_new(const struct envl_libctx *ctx,
                                      EVP_PKEY *key, const unsigned char *der,
                                      size_t len);
void envl_pattern_free(struct envl_pattern *pattern);

/* envl_pattern_lend - to ctx, what was fetched for the pattern, and as long as
 * it stays */
void envl_pattern_lend(const struct envl_pattern *pattern,
                       struct envl_libctx *ctx);

/* A content-encryption key and a nonce. */
#define ENVL_PATTERN_RANDOM_LEN (ENVL_CEK_LEN + ENVL_NONCE_LEN)

/*
 * envl_pattern_fill - another message
 *
 *   random  ENVL_PATTERN_RANDOM_LEN bytes, secret, used for no other message
 *   dek     ENVL_DEK_LEN bytes
 *
 * Ownership: *der is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason envl_pattern_fill(unsigned char **der, size_t *len,
                                       const struct envl_pattern *pattern,
                                       const unsigned char *random,
                                       const unsigned char *dek,
                                       struct envl_err *err);

#endif
