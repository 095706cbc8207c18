/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots in the order of the stream, and how far each is: filled one after the
 * other, worked on in any order, emptied one after the other.  This only keeps
 * the books; a lock is its user's.
 */
#ifndef ENVL_RING_H
#define ENVL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/slot.h"

struct envl_ring_place;

struct envl_ring {
    /* How many slots have been filled, are done without a gap, are empty
     * again: number n is at places[n % count]. */
    uint64_t filled, done, emptied;
    struct envl_ring_place *places;
    unsigned count;
    struct envl_slot *slots; /* all of them */
    /* The last one that was emptied is filled next: it may still be in a
     * cache, and as few as will do are used at all. */
    struct envl_slot **spare;
    unsigned spare_count;
};

/* envl_ring_init - count slots of size bytes; 0 if memory ran out, and then
 * too envl_ring_clear() is to be called */
int envl_ring_init(struct envl_ring *ring, unsigned count, size_t size);
void envl_ring_clear(struct envl_ring *ring);

/* envl_ring_slot - number n, which is being filled or is not yet empty */
struct envl_slot *envl_ring_slot(const struct envl_ring *ring, uint64_t n);

/* envl_ring_can_fill - is there a spare slot?
 * envl_ring_fill - take it: it is number filled, once envl_ring_filled() is
 * called, which returns that */
bool envl_ring_can_fill(const struct envl_ring *ring);
struct envl_slot *envl_ring_fill(struct envl_ring *ring);
uint64_t envl_ring_filled(struct envl_ring *ring);

/* envl_ring_find_work - the oldest slot that is filled, and not taken */
bool envl_ring_find_work(const struct envl_ring *ring, uint64_t *n);

/* envl_ring_take - somebody works on it
 * envl_ring_finish - it is done */
void envl_ring_take(struct envl_ring *ring, uint64_t n);
void envl_ring_finish(struct envl_ring *ring, uint64_t n);

/* envl_ring_next_done - count one more as done without a gap; NULL if there is
 * none */
const struct envl_slot *envl_ring_next_done(struct envl_ring *ring);

/* envl_ring_can_empty - is a slot done whose output has not left?
 * envl_ring_emptied - that of number emptied has */
bool envl_ring_can_empty(const struct envl_ring *ring);
void envl_ring_emptied(struct envl_ring *ring);

#endif
