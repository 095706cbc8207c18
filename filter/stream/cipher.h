/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream through EVP; libcrypto's errors as a reason and a line.
 */
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
 * envl_cipher_new - a stream that has not begun
 *
 * openssl.cnf counts: providers of keys in hardware, and the provider's own
 * section.  When decrypting only verified text comes
 * out.
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
 * envl_cipher_update - give in_len bytes, at most ENVL_UPDATE_LEN_MAX
 * envl_cipher_final - the data ends; nothing may follow but a seek
 *
 *   out  room for in_len + ENVL_SLACK_LEN bytes; not in
 *
 * When encrypting, an update of no bytes makes the header and returns as much
 * of what waits as fits.
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
 * Batches of whole chunks, in place (lib/payload/payload.h).  A worker is a thread's
 * number, from 1 to envl_cipher_threads(); 0 is that of the calls above.
 *
 * envl_cipher_prepare_batches - before the first update
 * envl_cipher_threads - what the options say, or the configuration, or 2
 * envl_cipher_reserve - envl_payload_reserve(), once exactly the header and
 * the payload's start have been made or read
 * envl_cipher_batch - envl_payload_batch(); *good is what that returns, and if it
 * is not count the reason is why
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

/* envl_cipher_header_len - the header's length, 0 as long as there is none */
size_t envl_cipher_header_len(const struct envl_cipher *cipher);

/* envl_cipher_notes - envl_stream_notes(), once batches are prepared; until then
 * NULL */
const struct envl_recipient_notes *
envl_cipher_notes(const struct envl_cipher *cipher);

/* envl_cipher_seek - ENVELOPE_PARAM_NEXT_CHUNK */
enum envelope_reason envl_cipher_seek(struct envl_cipher *cipher,
                                      uint64_t chunk, struct envl_err *err);

#endif
