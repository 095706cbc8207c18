/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole stream in either direction, as a state machine: any number of
 * updates, one final call, failure for ever.  This is the face of lib/ that
 * the provider uses.
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
 * envl_stream_new - a stream that has not begun; nothing is read or computed
 * before the first update
 *
 * Ownership: the stream is the caller's, envl_stream_free(); ctx and settings
 *            are borrowed and must stay.
 * Returns:   the stream, or NULL if memory ran out.
 */
struct envl_stream *envl_stream_new(const struct envl_libctx *ctx,
                                    const struct envl_settings *settings,
                                    enum envl_direction direction);
void envl_stream_free(struct envl_stream *stream);

/* envl_stream_set_keyring - the keys in memory that settings name are kept
 * there, for other streams; it must stay; NULL keeps nothing, as at first; before
 * the first update */
void envl_stream_set_keyring(struct envl_stream *stream,
                             struct envl_keyring *keyring);

/*
 * envl_stream_update - process in_len bytes
 * envl_stream_final - the input has ended
 *
 *   out   room for out_size bytes or, if settings have an output slack, for
 *         in_len (final: 0) plus the slack; out may be in, but the two must
 *         not overlap in part.  How much is used: <envelope/envelope.h>.
 *   *out_len  bytes written; 0 on failure, and then out is wiped
 *
 * An update of no bytes makes the header when sealing.
 *
 * A damaged chunk after verified ones: their text is returned with
 * ENVELOPE_OK, and the next call fails.  If settings ask for errors_at_end,
 * updates after a failure return ENVELOPE_OK and nothing, and only the final
 * call fails.
 * Returns: ENVELOPE_OK; any reason but _IN_USE and _PARAMETER.  After a
 *          failure every call returns that failure again, but for
 *          envl_stream_seek().
 * Complete: only when envl_stream_final() has returned ENVELOPE_OK.
 * Threads:  one call at a time; a stream that is sealed belongs to the
 *           process that began it, because a copy after fork() would seal
 *           other data under the same key and nonces.
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
 * Where only verified text comes out it also ends a failure that another call
 * has returned, if that is ENVELOPE_R_CHUNK, _LAST_CHUNK, _TRUNCATED or
 * _TRAILING_DATA: the stream goes on at this chunk.  Any other failure, and one
 * that no call has returned yet, is returned here.
 */
enum envelope_reason envl_stream_seek(struct envl_stream *stream,
                                      uint64_t index);

/*
 * envl_stream_reserve - envl_payload_reserve(), once the header and the
 * payload's start are made or read
 * envl_stream_payload - for the runs; NULL before that
 *
 * The failures of runs are their caller's: the stream does not hear of them.
 * Returns: ENVELOPE_OK; as envl_stream_update().
 */
enum envelope_reason envl_stream_reserve(struct envl_stream *stream,
                                         uint64_t count, uint64_t *index);
struct envl_payload *envl_stream_payload(const struct envl_stream *stream);

/*
 * Parameters of the cipher for code that is built together with the provider,
 * which are not told to others: a pointer to this, to be read; the workers that
 * it is to have, to be set before the first update; and a pointer to the
 * struct envl_err of the last call to set parameters or process data, or of an
 * earlier one to read them, with ENVELOPE_OK in it if it did not fail.
 */
#define ENVL_PARAM_STREAM "envelope-stream"
#define ENVL_PARAM_WORKERS "envelope-workers"
#define ENVL_PARAM_FAILURE "envelope-failure"

/* The same: an octet string of files that must not be read for keys and
 * passphrases (lib/base/file.h). */
#define ENVL_PARAM_FILES_IN_USE "envelope-files-in-use"

/* envl_stream_notes - of the recipients; empty if there is none, or before the
 * header */
const struct envl_recipient_notes *
envl_stream_notes(const struct envl_stream *stream);

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
