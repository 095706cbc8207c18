/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a carrier and decrypts its stream: the verified plaintext is output. */
#ifndef ENVL_DECODER_H
#define ENVL_DECODER_H

#include "filter/carrier/reader.h"
#include "filter/stream/codec.h"

struct envl_decoder;

/* These are as those of the codec.  The decoder recognises the carrier. */
enum envelope_reason envl_decoder_new(struct envl_decoder **decoder,
                                      const struct envl_options *options,
                                      struct envl_err *err);
void envl_decoder_free(struct envl_decoder *decoder);
size_t envl_decoder_slot_size(const struct envl_decoder *decoder);
void envl_decoder_begin(struct envl_decoder *decoder, struct envl_slot *slot);
unsigned envl_decoder_room(struct envl_decoder *decoder, struct envl_slot *slot,
                           struct iovec *parts, unsigned max);
void envl_decoder_put(struct envl_decoder *decoder, struct envl_slot *slot,
                      size_t n);
void envl_decoder_close(struct envl_decoder *decoder, struct envl_slot *slot,
                        bool ended);
void envl_decoder_work(struct envl_decoder *decoder, struct envl_slot *slot,
                       unsigned worker);

/* envl_decoder_map - get the map of the payload, after plaintext was output; 1
 * if it is known, else 0.  Other threads may work meanwhile */
int envl_decoder_map(const struct envl_decoder *decoder, struct envl_map *map);

/* envl_decoder_session - the decoder's cipher, borrowed, for reading at other
 * places */
struct envl_cipher *envl_decoder_session(const struct envl_decoder *decoder);

#endif
