/* SPDX-License-Identifier: Apache-2.0 */
/* A carrier in, the verified text of its stream out. */
#ifndef ENVL_DECODER_H
#define ENVL_DECODER_H

#include "filter/carrier.h"
#include "filter/codec.h"
#include "filter/input.h"

struct envl_decoder;

/* As envl_codec_new(), _free(), _out_size() and _step(); the kind of carrier
 * is recognised. */
enum envelope_reason envl_decoder_new(struct envl_decoder **decoder,
                                      const struct envl_options *options,
                                      struct envl_err *err);
void envl_decoder_free(struct envl_decoder *decoder);
size_t envl_decoder_out_size(const struct envl_decoder *decoder);
enum envl_step envl_decoder_step(struct envl_decoder *decoder,
                                 struct envl_input *in, unsigned char *out,
                                 size_t *begin, size_t *len,
                                 struct envl_err *err);

/* envl_decoder_layout - where the payload lies; 1 if that is known, once text
 * has come out; it may be asked while another thread steps on */
int envl_decoder_layout(const struct envl_decoder *decoder,
                        struct envl_layout *layout);

/* envl_decoder_session - the cipher, for reading on elsewhere; it stays the
 * decoder's */
struct envl_session *envl_decoder_session(const struct envl_decoder *decoder);

#endif
