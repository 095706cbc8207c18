/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream in its carrier, one way or the other, in slots.  It does no I/O and
 * starts no thread, so that the pump and callbacks drive it alike:
 *
 *     begin, then room and put until it is ready or input has ended, then
 *     close: one slot at a time, in order;
 *     work: any closed slot, by any thread;
 *     the slot's spans are the output, in order; after the last slot, which
 *     may be a failure, nothing comes.
 */
#ifndef ENVL_CODEC_H
#define ENVL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/cipher.h"
#include "filter/stream/options.h"
#include "filter/stream/slot.h"
#include "lib/base/err.h"

struct envl_codec;

/*
 * envl_codec_new - a codec that has seen no data
 *
 * When encrypting, the data key is wrapped here: what is wrong with options
 * and recipients shows before there is any data.
 *
 * Ownership: *codec is the caller's, envl_codec_free(); NULL on failure.
 * Returns:   ENVELOPE_OK, or the reason.
 */
enum envelope_reason envl_codec_new(struct envl_codec **codec,
                                    const struct envl_options *options,
                                    enum envl_direction direction,
                                    struct envl_err *err);
void envl_codec_free(struct envl_codec *codec);

/* envl_codec_slot_size - bytes that each slot must have */
size_t envl_codec_slot_size(const struct envl_codec *codec);

/* envl_codec_threads - how many may work at the same time */
unsigned envl_codec_threads(const struct envl_codec *codec);

/* envl_codec_notes - envl_cipher_notes() */
const struct envl_recipient_notes *
envl_codec_notes(const struct envl_codec *codec);

/* envl_codec_begin - fill this slot next */
void envl_codec_begin(struct envl_codec *codec, struct envl_slot *slot);

/*
 * envl_codec_room - where the next bytes of input go
 *
 *   parts  receives up to max places
 *
 * Returns: how many there are; 0 if the slot takes no more, and is to be
 *          closed.
 */
unsigned envl_codec_room(struct envl_codec *codec, struct envl_slot *slot,
                         struct iovec *parts, unsigned max);

/* envl_codec_put - n bytes have been written there */
void envl_codec_put(struct envl_codec *codec, struct envl_slot *slot, size_t n);

/* envl_codec_copy - put what there is room for of len bytes; returns how many
 * that were */
size_t envl_codec_copy(struct envl_codec *codec, struct envl_slot *slot,
                       const unsigned char *in, size_t len);

/* envl_codec_is_full - has the slot no room? */
bool envl_codec_is_full(struct envl_codec *codec, struct envl_slot *slot);

/* envl_codec_is_ready - is there enough in the slot to be worked on?
 * Encrypting that is a full slot; decrypting any input, so that no text waits
 * for more. */
bool envl_codec_is_ready(struct envl_codec *codec, struct envl_slot *slot);

/* envl_codec_close - no more input for this slot, or with ended for any */
void envl_codec_close(struct envl_codec *codec, struct envl_slot *slot,
                      bool ended);

/*
 * envl_codec_work - seal or open what is in a closed slot
 *
 *   worker  a number of this thread alone, from 1 to envl_codec_threads()
 */
void envl_codec_work(struct envl_codec *codec, struct envl_slot *slot,
                     unsigned worker);

/* envl_codec_decoder - the half that decrypts, NULL if this one encrypts; it
 * stays the codec's */
struct envl_decoder *envl_codec_decoder(const struct envl_codec *codec);

#endif
