/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer that goes through a codec.  Slots are filled with input in order.
 * Any thread encrypts or decrypts the whole chunks of a slot in place, in
 * parallel with other slots.  Then the slots' output is written in order.
 */
#ifndef ENVL_SLOT_H
#define ENVL_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <envelope/envelope.h>

#include "filter/carrier/writer.h"
#include "lib/base/err.h"

/* Chunks of a slot if the carrier has no pieces.  With 1 MiB, reads and writes
 * are large, and the data is still in a core's L2 cache when it is encrypted
 * and written. */
#define ENVL_SLOT_CHUNKS 64
#define ENVL_SLOT_SEALED_LEN \
    ((size_t)ENVL_SLOT_CHUNKS * ENVELOPE_SEALED_CHUNK_LENGTH)

/* A span for each chunk's plaintext, and one before and one after them. */
#define ENVL_SLOT_SPANS (ENVL_SLOT_CHUNKS + 2)

struct envl_slot {
    unsigned char *buf;
    size_t used; /* bytes that must be wiped */

    /* Filling */
    size_t kept; /* bytes at the beginning that the slot before has left */
    size_t have; /* bytes of input; when decrypting, including kept */

    /* Working */
    unsigned char *batch; /* whole chunks, from index batch_index on */
    size_t batch_count;
    uint64_t batch_index;
    struct envl_frame frame; /* encrypting: about frame_data */
    unsigned char *frame_data;

    /* Emptying */
    unsigned char *early; /* plaintext before the batch's, owned */
    size_t early_len, early_size;
    struct iovec rest;    /* output after the batch's */
    struct iovec payload; /* encrypting: the bytes of the payload in rest */
    struct iovec spans[ENVL_SLOT_SPANS];
    unsigned span_count;

    bool last;           /* no slot follows: the end, or a failure */
    struct envl_err err; /* the failure, which comes after the output */
    int error;           /* errno, if reading failed */
};

/* envl_slot_init - allocate size bytes; 0 if memory ran out, and then nothing
 * has to be cleared */
int envl_slot_init(struct envl_slot *slot, size_t size);

/* envl_slot_use - note that the bytes of buf before end must be wiped */
void envl_slot_use(struct envl_slot *slot, const unsigned char *end);

/* envl_slot_reset - make the slot empty, to fill it again */
void envl_slot_reset(struct envl_slot *slot);

/* envl_slot_clear - wipe and free; slot may be all zero */
void envl_slot_clear(struct envl_slot *slot);

/* envl_slot_reserve_early - make room for len more bytes in early; 0 if memory
 * ran out */
int envl_slot_reserve_early(struct envl_slot *slot, size_t len);

/* envl_slot_add - add a span of output after the others */
void envl_slot_add(struct envl_slot *slot, unsigned char *p, size_t len);

/* envl_slot_join - move the output together to one span, in place; early stays
 * a span of its own */
void envl_slot_join(struct envl_slot *slot);

/* envl_slot_fail - make the slot the last one, with this failure after its
 * output
 */
void envl_slot_fail(struct envl_slot *slot, const struct envl_err *err);

#endif
