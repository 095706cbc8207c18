/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of a pump that are descriptors: slots are filled from a source, and
 * written, both in records where there are records.  A descriptor may keep one
 * waiting for ever: a struct envl_stop ends that.  Where a slot goes to a stream,
 * a closed pipe is an error, and no signal.
 */
#ifndef ENVL_ENDS_H
#define ENVL_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/blocks.h"
#include "filter/stream/codec.h"
#include "filter/stream/fd.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

struct envl_inlet {
    struct envl_source *source; /* NULL: the caller pushes */
    struct envl_source own_source;
    _Atomic uint64_t taken;     /* bytes so far */
    bool ended;                 /* no more come */
    struct envl_err err;        /* reading failed */
    int error;                  /* errno then */
    const unsigned char *block; /* of the source, not yet copied to a slot */
    size_t block_len;
};

struct envl_outlet {
    int fd; /* -1: the caller pulls */
    struct envl_fd_out to;
    struct envl_blocks *blocks;
    struct envl_blocks own_blocks;
};

/*
 * envl_inlet_init - a descriptor that nothing is known of
 * envl_outlet_init - the same; 0 if memory ran out
 * envl_inlet_clear, envl_outlet_clear - free what they have made themselves
 */
void envl_inlet_init(struct envl_inlet *in, int fd);
int envl_outlet_init(struct envl_outlet *out, int fd);
void envl_inlet_clear(struct envl_inlet *in);
void envl_outlet_clear(struct envl_outlet *out);

/*
 * envl_inlet_begin, envl_outlet_begin - from here on stop ends what waits; NULL:
 * nothing does
 * envl_inlet_end, envl_outlet_end_writing - nobody reads or writes any more
 */
void envl_inlet_begin(struct envl_inlet *in, const struct envl_stop *stop);
void envl_outlet_begin(struct envl_outlet *out, const struct envl_stop *stop);
void envl_inlet_end(struct envl_inlet *in);
void envl_outlet_end_writing(struct envl_outlet *out);

/* envl_inlet_fill - begin, fill and close a slot, or fail it */
void envl_inlet_fill(struct envl_inlet *in, struct envl_codec *codec,
                     struct envl_slot *slot);

/*
 * envl_outlet_put - write len bytes, or hold them for the next block
 * envl_outlet_end - write what is held
 * envl_outlet_write - both, for a slot, of which the last one is the end
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WRITE with errno set.
 */
enum envelope_reason envl_outlet_put(struct envl_outlet *out,
                                     const unsigned char *p, size_t len,
                                     struct envl_err *err);
enum envelope_reason envl_outlet_end(struct envl_outlet *out,
                                     struct envl_err *err);
enum envelope_reason envl_outlet_write(struct envl_outlet *out,
                                       struct envl_slot *slot,
                                       struct envl_err *err);

#endif
