/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of a pump that are descriptors.  Slots are filled from a source and
 * written, in records if the descriptor has records.  A struct envl_stop ends a
 * wait for a descriptor.  Writing to a closed pipe is an error and raises no
 * signal.
 */
#ifndef ENVL_ENDS_H
#define ENVL_ENDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/blocks.h"
#include "filter/stream/codec.h"
#include "filter/stream/fd.h"
#include "filter/stream/source.h"
#include "filter/stream/sums.h"
#include "lib/base/err.h"

struct envl_inlet {
    struct envl_source *source; /* NULL: the caller pushes */
    struct envl_source own_source;
    _Atomic uint64_t taken;     /* bytes so far */
    bool ended;                 /* no more input comes */
    struct envl_err err;        /* the failure, if reading failed */
    int error;                  /* errno of that failure */
    const unsigned char *block; /* source's bytes that are in no slot yet */
    size_t block_len;
};

struct envl_outlet {
    int fd; /* -1: the caller pulls */
    struct envl_fd_out to;
    struct envl_sums *sums; /* of what is written, borrowed; NULL: none */
    atomic_bool to_disk;    /* each slot, as it is written */
    struct envl_blocks *blocks;
    struct envl_blocks own_blocks;
};

/*
 * envl_inlet_init, envl_outlet_init - set up a descriptor of any kind; -1 if
 * the caller pushes or pulls; envl_outlet_init() returns 0 if memory ran out
 * envl_inlet_clear, envl_outlet_clear - free their own source or blocks
 */
void envl_inlet_init(struct envl_inlet *in, int fd);
int envl_outlet_init(struct envl_outlet *out, int fd);
void envl_inlet_clear(struct envl_inlet *in);
void envl_outlet_clear(struct envl_outlet *out);

/*
 * envl_inlet_begin, envl_outlet_begin - set the signal that ends a wait; NULL
 * for none
 * envl_inlet_end, envl_outlet_end_writing - end all reading or writing
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
 * envl_outlet_end - write the bytes that are held, and the padding
 * envl_outlet_write - write a slot; after the last slot also end the output
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
