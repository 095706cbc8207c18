/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypts data to a stream in its carrier. */
#ifndef ENVL_ENCODER_H
#define ENVL_ENCODER_H

#include "filter/stream/codec.h"

struct envl_encoder;

/* These are as those of the codec; envl_encoder_session() is the cipher,
 * borrowed. */
enum envelope_reason envl_encoder_new(struct envl_encoder **encoder,
                                      const struct envl_options *options,
                                      struct envl_err *err);
void envl_encoder_free(struct envl_encoder *encoder);
void envl_encoder_set_stop(struct envl_encoder *encoder,
                           const struct envl_stop *stop);
struct envl_sums *envl_encoder_sums(const struct envl_encoder *encoder);
enum envelope_reason envl_encoder_describe(const struct envl_encoder *encoder,
                                           struct envl_sealed *sealed,
                                           struct envl_err *err);
struct envl_cipher *envl_encoder_session(const struct envl_encoder *encoder);
size_t envl_encoder_slot_size(const struct envl_encoder *encoder);
void envl_encoder_begin(struct envl_encoder *encoder, struct envl_slot *slot);
unsigned envl_encoder_room(struct envl_encoder *encoder, struct envl_slot *slot,
                           struct iovec *parts, unsigned max);
void envl_encoder_put(struct envl_encoder *encoder, struct envl_slot *slot,
                      size_t n);
void envl_encoder_close(struct envl_encoder *encoder, struct envl_slot *slot,
                        bool ended);
void envl_encoder_work(struct envl_encoder *encoder, struct envl_slot *slot,
                       unsigned worker);

#endif
