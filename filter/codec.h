/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream in its carrier, one way or the other, as a machine that is fed and
 * emptied: it asks for input, fills output buffers, and ends or fails.  It
 * does no I/O and starts no thread, so that the pump and callbacks drive it
 * alike.
 */
#ifndef ENVL_CODEC_H
#define ENVL_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "filter/options.h"
#include "filter/session.h"
#include "lib/err.h"

enum envl_step {
    ENVL_STEP_INPUT,  /* give more, or say that there is none */
    ENVL_STEP_OUTPUT, /* take what is in the buffer */
    ENVL_STEP_END,    /* all is done, and verified */
    ENVL_STEP_FAIL    /* and so for ever: envl_codec_err() */
};

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
                                    enum envl_way way, struct envl_err *err);
void envl_codec_free(struct envl_codec *codec);

/* envl_codec_out_size - bytes that an output buffer must have */
size_t envl_codec_out_size(const struct envl_codec *codec);

/* envl_codec_give - len > 0 bytes of input, after ENVL_STEP_INPUT or before
 * the first step; they must stay until the next ENVL_STEP_INPUT */
void envl_codec_give(struct envl_codec *codec, const unsigned char *in,
                     size_t len);

/* envl_codec_finish - there is no more input */
void envl_codec_finish(struct envl_codec *codec);

/*
 * envl_codec_step - go on
 *
 *   out  envl_codec_out_size() bytes, the same ones in every step until
 *        ENVL_STEP_OUTPUT
 *   begin, len  on ENVL_STEP_OUTPUT: what part of them is output
 */
enum envl_step envl_codec_step(struct envl_codec *codec, unsigned char *out,
                               size_t *begin, size_t *len);

/* envl_codec_decoder - the half that decrypts, NULL if this one encrypts; it
 * stays the codec's */
struct envl_decoder *envl_codec_decoder(const struct envl_codec *codec);

/* envl_codec_err - why it failed */
const struct envl_err *envl_codec_err(const struct envl_codec *codec);

#endif
