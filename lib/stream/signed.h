/* SPDX-License-Identifier: Apache-2.0 */
/* What the signatures of a stream sign (FORMAT 11), and what a reader requires
 * of a header before any of his keys is used. */
#ifndef ENVL_STREAM_SIGNED_H
#define ENVL_STREAM_SIGNED_H

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"
#include "lib/header/header.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/keyring.h"
#include "lib/payload/payload_key.h"
#include "lib/sign/signature_keys.h"
#include "lib/sign/signing.h"

/*
 * envl_signed_message - the bytes that are signed
 *
 *   start  salt and commitment, ENVL_PAYLOAD_START_LEN bytes
 *
 * Ownership: message is the caller's, envl_octets_clear().
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason
envl_signed_message(struct envl_octets *message,
                    const struct envl_payload_context *context,
                    const unsigned char *start, struct envl_err *err);

/*
 * envl_receipt_message - the bytes that are signed of a receipt (doc/receipt.md)
 *
 * Ownership, Returns: as envl_signed_message().
 */
enum envelope_reason envl_receipt_message(struct envl_octets *message,
                                          const char *receipt, size_t len,
                                          struct envl_err *err);

/*
 * envl_signed_make - make the signatures' part of a header
 *
 *   signers  NULL if nobody signs
 *
 * Ownership: *der, of *len bytes, is the caller's, OPENSSL_free(); NULL and 0
 *            if nobody signs, and on failure.
 * Returns:   ENVELOPE_OK; what envl_signing_make() returns.
 */
enum envelope_reason
envl_signed_make(unsigned char **der, size_t *len,
                 const struct envl_libctx *ctx,
                 const struct envl_signature_keys *signers,
                 const struct envl_payload_context *context,
                 const unsigned char *start, struct envl_err *err);

/*
 * envl_signed_check - has one of the trusted keys signed this stream?
 *
 *   states  as of envl_signing_check(), one for each signature of the header
 *   header  checked by envl_header_check()
 *   start   salt and commitment, ENVL_PAYLOAD_START_LEN bytes
 *
 * Returns: what envl_signing_check() returns.
 */
enum envelope_reason
envl_signed_check(enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX],
                  const struct envl_header *header, const unsigned char *start,
                  const struct envl_libctx *ctx,
                  const struct envl_signature_keys *trusted,
                  struct envl_err *err);

/*
 * envl_header_require - has a header the labels that are required, and a
 * signature of one of the signers that are trusted?  Every reader asks this
 * before he uses a key, a passphrase or a key service.
 *
 *   header   checked by envl_header_check()
 *   start    salt and commitment, ENVL_PAYLOAD_START_LEN bytes
 *   labels   lines, as of envl_labels_require(); or NULL
 *   trusted  NULL if nobody need have signed it
 *
 * Returns: ENVELOPE_OK; what envl_labels_require() and envl_signing_check()
 *          return.
 */
enum envelope_reason envl_header_require(
    const struct envl_header *header, const unsigned char *start,
    const struct envl_libctx *ctx, const char *labels,
    const struct envl_signature_keys *trusted, struct envl_err *err);

#endif
