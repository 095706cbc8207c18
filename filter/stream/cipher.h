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

struct envl_session;

/*
 * envl_session_new - a stream that has not begun
 *
 * openssl.cnf counts: providers of keys in hardware, and the provider's own
 * section.  When decrypting only verified text comes
 * out.
 *
 * Ownership: *session is the caller's, envl_session_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER; _CONFIGURATION; _CRYPTO;
 *            _MEMORY.
 */
enum envelope_reason envl_session_new(struct envl_session **session,
                                      const struct envl_options *options,
                                      enum envl_direction direction,
                                      struct envl_err *err);
void envl_session_free(struct envl_session *session);

/*
 * envl_session_update - give in_len bytes, at most ENVL_UPDATE_LEN_MAX
 * envl_session_final - the data ends; nothing may follow but a seek
 *
 *   out  room for in_len + ENVL_SLACK_LEN bytes; not in
 *
 * When encrypting, an update of no bytes makes the header and returns as much
 * of what waits as fits.
 * Returns: ENVELOPE_OK, or the cipher's reason.
 */
enum envelope_reason envl_session_update(struct envl_session *session,
                                         unsigned char *out, size_t *out_len,
                                         const unsigned char *in, size_t in_len,
                                         struct envl_err *err);
enum envelope_reason envl_session_final(struct envl_session *session,
                                        unsigned char *out, size_t *out_len,
                                        struct envl_err *err);

/*
 * Runs of whole chunks, in place (lib/payload/payload.h).  A lane is a thread's
 * number, from 1 to envl_session_threads(); 0 is that of the calls above.
 *
 * envl_session_prepare_runs - before the first update
 * envl_session_threads - what the options say, or the configuration, or 2
 * envl_session_reserve - envl_payload_reserve(), once exactly the header and
 * the payload's start have been made or read
 * envl_session_run - envl_payload_run(); *good is what that returns, and if it
 * is not count the reason is why
 */
enum envelope_reason envl_session_prepare_runs(struct envl_session *session,
                                               struct envl_err *err);
unsigned envl_session_threads(const struct envl_session *session);
enum envelope_reason envl_session_reserve(struct envl_session *session,
                                          uint64_t count, uint64_t *index,
                                          struct envl_err *err);
enum envelope_reason envl_session_run(struct envl_session *session,
                                      unsigned lane, uint64_t index,
                                      unsigned char *data, size_t count,
                                      size_t *good, struct envl_err *err);

/* envl_session_header_len - the header's length, 0 as long as there is none */
size_t envl_session_header_len(const struct envl_session *session);

/* envl_session_notes - envl_stream_notes(), once runs are prepared; until then
 * NULL */
const struct envl_recipient_notes *
envl_session_notes(const struct envl_session *session);

/* envl_session_seek - ENVELOPE_PARAM_NEXT_CHUNK */
enum envelope_reason envl_session_seek(struct envl_session *session,
                                       uint64_t chunk, struct envl_err *err);

#endif
