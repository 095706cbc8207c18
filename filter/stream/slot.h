/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer on its way through a codec.  It is filled with input, one slot after
 * the other; its whole chunks are sealed or opened where they lie, by any
 * thread and beside other slots; then its output leaves, in order again.
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

/* Chunks that a slot holds where no carrier says how many: with 1 MiB reads and
 * writes are large, and what was read is still in a core's cache (L2) when it
 * is encrypted, and written. */
#define ENVL_SLOT_CHUNKS 64
#define ENVL_SLOT_SEALED_LEN \
    ((size_t)ENVL_SLOT_CHUNKS * ENVELOPE_SEALED_CHUNK_LENGTH)

/* Text of each chunk, and what may come before and after the chunks. */
#define ENVL_SLOT_SPANS (ENVL_SLOT_CHUNKS + 2)

struct envl_slot {
    unsigned char *buf;
    size_t used; /* bytes that are to be wiped */

    /* Being filled */
    size_t kept; /* bytes in front that the slot before has left over */
    size_t have; /* bytes: encrypting of text, decrypting with those */

    /* To be processed */
    unsigned char *batch; /* whole chunks, from number batch_index on */
    size_t batch_count;
    uint64_t batch_index;
    struct envl_frame frame; /* encrypting: about frame_data */
    unsigned char *frame_data;

    /* To be emptied */
    unsigned char *early; /* text that comes before the batch's, owned */
    size_t early_len, early_size;
    struct iovec rest; /* output that comes after the batch's */
    struct iovec spans[ENVL_SLOT_SPANS];
    unsigned span_count;

    bool last;           /* nothing comes after it: all is done, or */
    struct envl_err err; /* a failure that the output comes before */
    int error;           /* errno then, if it was reading that failed */
};

/* envl_slot_init - size bytes; 0 if memory ran out, and then there is nothing
 * to clear */
int envl_slot_init(struct envl_slot *slot, size_t size);

/* envl_slot_use - all bytes of buf before end may hold something */
void envl_slot_use(struct envl_slot *slot, const unsigned char *end);

/* envl_slot_reset - empty, for what comes next */
void envl_slot_reset(struct envl_slot *slot);

/* envl_slot_clear - wipe and free; slot may be all zero */
void envl_slot_clear(struct envl_slot *slot);

/* envl_slot_reserve_early - room for len bytes more of early text; 0 if memory
 * ran out */
int envl_slot_reserve_early(struct envl_slot *slot, size_t len);

/* envl_slot_add - output after the spans that there are */
void envl_slot_add(struct envl_slot *slot, unsigned char *p, size_t len);

/* envl_slot_join - make the output one span, in place; what is early stays
 * apart */
void envl_slot_join(struct envl_slot *slot);

/* envl_slot_fail - nothing comes after it but this failure */
void envl_slot_fail(struct envl_slot *slot, const struct envl_err *err);

#endif
