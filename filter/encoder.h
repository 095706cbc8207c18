/* SPDX-License-Identifier: Apache-2.0 */
/* Plain data in, an encrypted stream in its carrier out. */
#ifndef ENVL_ENCODER_H
#define ENVL_ENCODER_H

#include "filter/codec.h"
#include "filter/input.h"

struct envl_encoder;

/* As envl_codec_new(), _free(), _out_size() and _step(). */
enum envelope_reason envl_encoder_new(struct envl_encoder **encoder,
                                      const struct envl_options *options,
                                      struct envl_err *err);
void envl_encoder_free(struct envl_encoder *encoder);
size_t envl_encoder_out_size(const struct envl_encoder *encoder);
enum envl_step envl_encoder_step(struct envl_encoder *encoder,
                                 struct envl_input *in, unsigned char *out,
                                 size_t *begin, size_t *len,
                                 struct envl_err *err);

#endif
