/* SPDX-License-Identifier: Apache-2.0 */
/* One stream through EVP.  Failures become a reason and a line. */
#ifndef ENVL_SESSION_H
#define ENVL_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "filter/stream/options.h"
#include "lib/base/aead.h"
#include "lib/base/err.h"

/* Bytes that one update takes at most. */
#define ENVL_UPDATE_LEN_MAX 8388608

/* Bytes that a call may return beyond its input. */
#define ENVL_SLACK_LEN 32768

struct envl_cipher;

/*
 * envl_cipher_new - make a stream that has not begun
 *
 * openssl.cnf applies: it may load providers of keys in hardware, and has the
 * provider's own section.  Decryption releases verified plaintext only.
 *
 * Ownership: *cipher is the caller's, envl_cipher_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER; _CONFIGURATION; _CRYPTO;
 *            _MEMORY.
 */
enum envelope_reason envl_cipher_new(struct envl_cipher **cipher,
                                     const struct envl_options *options,
                                     enum envl_direction direction,
                                     struct envl_err *err);
void envl_cipher_free(struct envl_cipher *cipher);

/*
 * envl_cipher_update - process in_len bytes, at most ENVL_UPDATE_LEN_MAX
 * envl_cipher_final - end the data; only a seek may follow
 *
 *   out  room for in_len + ENVL_SLACK_LEN bytes; it must not be in
 *
 * When encrypting, an update of no bytes makes the header, and returns as many
 * of the waiting bytes as fit.
 *
 * Returns: ENVELOPE_OK, or the cipher's reason.
 */
enum envelope_reason envl_cipher_update(struct envl_cipher *cipher,
                                        unsigned char *out, size_t *out_len,
                                        const unsigned char *in, size_t in_len,
                                        struct envl_err *err);
enum envelope_reason envl_cipher_final(struct envl_cipher *cipher,
                                       unsigned char *out, size_t *out_len,
                                       struct envl_err *err);

/*
 * Batches of whole chunks, in place (lib/payload/payload.h).  worker is a
 * thread's number, from 1 to envl_cipher_threads(); 0 is the thread of the
 * calls above.
 *
 * envl_cipher_prepare_batches - set the workers, before the first update
 * envl_cipher_threads - the number of threads: from the options, or else the
 * configuration, or else 2
 * envl_cipher_reserve - envl_payload_reserve(), after exactly the header and
 * the payload's start were made or read
 * envl_cipher_batch - envl_payload_batch(); *good receives its result; if that
 * is less than count, the returned reason says why
 */
enum envelope_reason envl_cipher_prepare_batches(struct envl_cipher *cipher,
                                                 struct envl_err *err);
unsigned envl_cipher_threads(const struct envl_cipher *cipher);
enum envelope_reason envl_cipher_reserve(struct envl_cipher *cipher,
                                         uint64_t count, uint64_t *index,
                                         struct envl_err *err);
enum envelope_reason envl_cipher_batch(struct envl_cipher *cipher,
                                       unsigned worker, uint64_t index,
                                       unsigned char *data, size_t count,
                                       size_t *good, struct envl_err *err);

/* envl_cipher_header_len - the header's length in bytes; 0 until it is
 * complete */
size_t envl_cipher_header_len(const struct envl_cipher *cipher);

/* envl_cipher_sign_receipt - envl_stream_sign_receipt(), after batches were
 * prepared */
enum envelope_reason envl_cipher_sign_receipt(const struct envl_cipher *cipher,
                                              const char *receipt,
                                              size_t receipt_len,
                                              unsigned char **der, size_t *len,
                                              struct envl_err *err);

/* envl_cipher_notes - envl_stream_notes(); NULL before batches are prepared */
const struct envl_recipient_notes *
envl_cipher_notes(const struct envl_cipher *cipher);

/* envl_cipher_seek - go to this chunk (ENVELOPE_PARAM_NEXT_CHUNK) */
enum envelope_reason envl_cipher_seek(struct envl_cipher *cipher,
                                      uint64_t chunk, struct envl_err *err);

#endif
