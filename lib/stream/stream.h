/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole stream in either direction, as a state machine: any number of
 * updates, then one final call; a failure is permanent.  The provider uses this
 * interface.
 */
#ifndef ENVL_STREAM_H
#define ENVL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/keyring.h"
#include "lib/payload/payload.h"
#include "lib/stream/settings.h"

struct envl_stream;

/*
 * envl_stream_new - make a stream; nothing is read or computed before the first
 * update
 *
 * Ownership: the stream is the caller's, envl_stream_free(); ctx and settings
 *            are borrowed and must outlive it.
 * Returns:   the stream, or NULL if memory ran out.
 */
struct envl_stream *envl_stream_new(const struct envl_libctx *ctx,
                                    const struct envl_settings *settings,
                                    enum envl_direction direction);
void envl_stream_free(struct envl_stream *stream);

/* envl_stream_set_keyring - cache the keys in memory that settings name in
 * keyring, for other streams; NULL, the default, caches nothing.  keyring must
 * outlive the stream.  Only before the first update */
void envl_stream_set_keyring(struct envl_stream *stream,
                             struct envl_keyring *keyring);

/*
 * envl_stream_update - process in_len bytes
 * envl_stream_final - end the input
 *
 *   out   room for out_size bytes or, if settings have an output slack, for
 *         in_len (final: 0) plus the slack; out may be in, but the two must
 *         not overlap in part.  <envelope/envelope.h> says how much is used.
 *   *out_len  bytes written; 0 on failure, and then out is wiped
 *
 * When encrypting, an update of no bytes makes the header.
 *
 * If verified chunks precede a damaged one, an update returns their plaintext
 * with ENVELOPE_OK, and the next call fails.  With errors_at_end in settings,
 * updates after a failure return ENVELOPE_OK and no bytes; only the final call
 * fails.
 *
 * Returns: ENVELOPE_OK; any reason but _IN_USE and _PARAMETER.  After a failure
 *          every call but envl_stream_seek() returns that failure again.
 * Complete: only when envl_stream_final() has returned ENVELOPE_OK.
 * Threads:  one call at a time.  A stream that is encrypted belongs to the
 *           process that began it: a copy after fork() would encrypt other data
 *           under the same key and nonces.
 */
enum envelope_reason envl_stream_update(struct envl_stream *stream,
                                        unsigned char *out, size_t *out_len,
                                        size_t out_size,
                                        const unsigned char *in, size_t in_len);
enum envelope_reason envl_stream_final(struct envl_stream *stream,
                                       unsigned char *out, size_t *out_len,
                                       size_t out_size);

/*
 * envl_stream_seek - envl_payload_seek(), also after the final call; a refusal
 * does not fail the stream
 *
 * If only verified plaintext is released, a seek also ends a failure that
 * another call has returned: ENVELOPE_R_CHUNK, _LAST_CHUNK, _TRUNCATED or
 * _TRAILING_DATA.  The stream goes on at this chunk.  Any other failure, and a
 * failure that no call has returned yet, is returned here.
 */
enum envelope_reason envl_stream_seek(struct envl_stream *stream,
                                      uint64_t index);

/*
 * envl_stream_reserve - envl_payload_reserve(), after the header and the
 * payload's start were made or read
 * envl_stream_payload - the payload, for batches; NULL before that
 *
 * A failure of a batch does not change the state of the stream.
 *
 * Returns: ENVELOPE_OK; as envl_stream_update().
 */
enum envelope_reason envl_stream_reserve(struct envl_stream *stream,
                                         uint64_t count, uint64_t *index);
struct envl_payload *envl_stream_payload(const struct envl_stream *stream);

/*
 * Undocumented parameters of the cipher, for code that is built together with
 * the provider:
 *
 * ENVL_PARAM_STREAM   (get) a pointer to the stream
 * ENVL_PARAM_WORKERS  (set) the number of workers, before the first update
 * ENVL_PARAM_FAILURE  (get) a pointer to the struct envl_err of the last call
 * that
 *                     set parameters or processed data, or of an earlier call
 *                     that got parameters; ENVELOPE_OK if it did not fail
 */
#define ENVL_PARAM_STREAM "envelope-stream"
#define ENVL_PARAM_WORKERS "envelope-workers"
#define ENVL_PARAM_FAILURE "envelope-failure"

/* Likewise: (set) an octet string of files that must not be read as keys or
 * passphrases (lib/base/file.h). */
#define ENVL_PARAM_FILES_IN_USE "envelope-files-in-use"

/* envl_stream_notes - the notes on the recipients; empty before the header and
 * when decrypting */
const struct envl_recipient_notes *
envl_stream_notes(const struct envl_stream *stream);

/*
 * envl_stream_sign_receipt - sign a receipt of the stream with its signers
 *
 * Ownership, Returns: as envl_signed_make(); NULL and 0 if nobody signs.
 */
enum envelope_reason envl_stream_sign_receipt(const struct envl_stream *stream,
                                              const char *receipt,
                                              size_t receipt_len,
                                              unsigned char **der, size_t *len,
                                              struct envl_err *err);

/* envl_stream_err - the failure that the last call returned */
const struct envl_err *envl_stream_err(const struct envl_stream *stream);

/* envl_stream_is_new - has no data been processed yet? */
bool envl_stream_is_new(const struct envl_stream *stream);

/* envl_stream_header - the header's bytes, or NULL as long as they are not
 * complete */
const unsigned char *envl_stream_header(const struct envl_stream *stream,
                                        size_t *len);

/* envl_stream_verified_len - see ENVELOPE_PARAM_VERIFIED_LENGTH */
uint64_t envl_stream_verified_len(const struct envl_stream *stream);

#endif
