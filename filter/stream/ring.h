/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots in the order of the stream, and the stage of each: slots are filled
 * in order, worked on in any order, and emptied in order.  The ring only
 * counts; its user locks.
 */
#ifndef ENVL_RING_H
#define ENVL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/slot.h"

struct envl_ring_place;

struct envl_ring {
    /* The numbers of slots that were filled, that are done without a gap, and
     * that were emptied.  Slot number n is at places[n % count]. */
    uint64_t filled, done, emptied;
    struct envl_ring_place *places;
    unsigned count;
    struct envl_slot *slots; /* all of them */
    /* The slot that was emptied last is filled next: it may still be in a
     * cache, and no more slots are used than needed. */
    struct envl_slot **spare;
    unsigned spare_count;
};

/* envl_ring_init - make count slots of size bytes; 0 if memory ran out
 * envl_ring_clear - wipe and free them; required also if envl_ring_init()
 * failed
 */
int envl_ring_init(struct envl_ring *ring, unsigned count, size_t size);
void envl_ring_clear(struct envl_ring *ring);

/* envl_ring_slot - slot number n, which is being filled or not yet emptied */
struct envl_slot *envl_ring_slot(const struct envl_ring *ring, uint64_t n);

/* envl_ring_can_fill - is there a spare slot?
 * envl_ring_fill - take the spare slot, to fill it
 * envl_ring_filled - note that it is filled; returns its number */
bool envl_ring_can_fill(const struct envl_ring *ring);
struct envl_slot *envl_ring_fill(struct envl_ring *ring);
uint64_t envl_ring_filled(struct envl_ring *ring);

/* envl_ring_find_work - find the oldest slot that is filled and not taken;
 * false if there is none */
bool envl_ring_find_work(const struct envl_ring *ring, uint64_t *n);

/* envl_ring_take - note that a thread works on slot n
 * envl_ring_finish - note that slot n is done */
void envl_ring_take(struct envl_ring *ring, uint64_t n);
void envl_ring_finish(struct envl_ring *ring, uint64_t n);

/* envl_ring_next_done - count the next slot as done without a gap, and return
 * it; NULL if it is not done */
const struct envl_slot *envl_ring_next_done(struct envl_ring *ring);

/* envl_ring_can_empty - is the next slot to empty done?
 * envl_ring_emptied - note that the next slot was emptied */
bool envl_ring_can_empty(const struct envl_ring *ring);
void envl_ring_emptied(struct envl_ring *ring);

#endif
