/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypts or decrypts a stream in its carrier, slot by slot.  A codec does no
 * I/O and starts no thread, so that the pump and callbacks can drive it:
 *
 *     fill one slot at a time, in order: begin, then room and put until the
 *     slot is ready or the input has ended, then close;
 *     work on any closed slot, in any thread;
 *     write the spans of the slots in order; the last slot ends the output, and
 *     may have a failure.
 */
#ifndef ENVL_CODEC_H
#define ENVL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/cipher.h"
#include "filter/stream/options.h"
#include "filter/stream/sealed.h"
#include "filter/stream/slot.h"
#include "lib/base/err.h"

struct envl_codec;

/*
 * envl_codec_new - make a codec
 *
 * When encrypting, this call wraps the data key, so that mistakes in options
 * and recipients show before any data is read.
 *
 * Ownership: *codec is the caller's, envl_codec_free(); NULL on failure.
 * Returns:   ENVELOPE_OK, or the reason.
 */
enum envelope_reason envl_codec_new(struct envl_codec **codec,
                                    const struct envl_options *options,
                                    enum envl_direction direction,
                                    struct envl_err *err);
void envl_codec_free(struct envl_codec *codec);

/* envl_codec_set_stop - end a wait of envl_options.confirm_end by stop, which is
 * borrowed; NULL: it is not ended */
void envl_codec_set_stop(struct envl_codec *codec,
                         const struct envl_stop *stop);

/* envl_codec_slot_size - bytes that each slot must have */
size_t envl_codec_slot_size(const struct envl_codec *codec);

/* envl_codec_threads - how many threads may work at the same time */
unsigned envl_codec_threads(const struct envl_codec *codec);

/* envl_codec_notes - envl_cipher_notes() */
const struct envl_recipient_notes *
envl_codec_notes(const struct envl_codec *codec);

/* envl_codec_begin - begin to fill this slot */
void envl_codec_begin(struct envl_codec *codec, struct envl_slot *slot);

/*
 * envl_codec_room - get the places for the next bytes of input
 *
 *   parts  receives up to max places
 *
 * Returns: the number of places; 0 if the slot is full and must be closed.
 */
unsigned envl_codec_room(struct envl_codec *codec, struct envl_slot *slot,
                         struct iovec *parts, unsigned max);

/* envl_codec_put - n bytes were written to these places */
void envl_codec_put(struct envl_codec *codec, struct envl_slot *slot, size_t n);

/* envl_codec_copy - copy as many of len bytes as the slot has room for, and
 * return their number */
size_t envl_codec_copy(struct envl_codec *codec, struct envl_slot *slot,
                       const unsigned char *in, size_t len);

/* envl_codec_is_full - has the slot no room? */
bool envl_codec_is_full(struct envl_codec *codec, struct envl_slot *slot);

/* envl_codec_is_ready - can the slot be worked on?  When encrypting, if it is
 * full; when decrypting, with any input, so that plaintext does not wait for
 * more input. */
bool envl_codec_is_ready(struct envl_codec *codec, struct envl_slot *slot);

/* envl_codec_close - end the input of this slot; ended: the whole input ends */
void envl_codec_close(struct envl_codec *codec, struct envl_slot *slot,
                      bool ended);

/*
 * envl_codec_work - encrypt or decrypt the chunks of a closed slot
 *
 *   worker  this thread's own number, from 1 to envl_codec_threads()
 */
void envl_codec_work(struct envl_codec *codec, struct envl_slot *slot,
                     unsigned worker);

/*
 * envl_codec_sums - the sums, borrowed, to which whoever writes the slots gives
 * each of them; NULL if envl_options.wants_sums is not set
 * envl_codec_describe - describe what was written, after all of it was
 *
 * Ownership: sealed is the caller's, envl_sealed_clear(), also on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 */
struct envl_sums *envl_codec_sums(const struct envl_codec *codec);
enum envelope_reason envl_codec_describe(const struct envl_codec *codec,
                                         struct envl_sealed *sealed,
                                         struct envl_err *err);

/* envl_codec_sign_receipt - envl_cipher_sign_receipt(), of what was encrypted */
enum envelope_reason envl_codec_sign_receipt(const struct envl_codec *codec,
                                             const char *receipt,
                                             size_t receipt_len,
                                             unsigned char **der, size_t *len,
                                             struct envl_err *err);

/* envl_codec_decoder - the codec's decoder, borrowed; NULL when encrypting */
struct envl_decoder *envl_codec_decoder(const struct envl_codec *codec);

#endif
