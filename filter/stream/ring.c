/* SPDX-License-Identifier: Apache-2.0 */
/* The places are a ring; spare slots are a stack. */
#include "filter/stream/ring.h"

#include <openssl/crypto.h>

struct envl_ring_place {
    enum {
        FILLING,
        FILLED, /* to be worked on */
        TAKEN,  /* being worked on */
        DONE    /* to be emptied, or being emptied */
    } stage;
    struct envl_slot *slot;
};

int
envl_ring_init(struct envl_ring *ring, unsigned count, size_t size)
{
    unsigned i;

    *ring = (struct envl_ring){ .count = count };
    ring->slots = ENVL_QUIETLY(OPENSSL_zalloc(count * sizeof(*ring->slots)));
    ring->spare =
        ENVL_QUIETLY(OPENSSL_zalloc(count * sizeof(struct envl_slot *)));
    ring->places = ENVL_QUIETLY(OPENSSL_zalloc(count * sizeof(*ring->places)));
    if (ring->slots == NULL || ring->spare == NULL || ring->places == NULL)
        return 0;
    for (i = 0; i < count; i++) {
        if (!envl_slot_init(&ring->slots[i], size))
            return 0;
        ring->spare[ring->spare_count++] = &ring->slots[i];
    }
    return 1;
}

void
envl_ring_clear(struct envl_ring *ring)
{
    unsigned i;

    for (i = 0; ring->slots != NULL && i < ring->count; i++)
        envl_slot_clear(&ring->slots[i]);
    OPENSSL_free(ring->slots);
    OPENSSL_free(ring->spare);
    OPENSSL_free(ring->places);
}

static struct envl_ring_place *
place_of(const struct envl_ring *ring, uint64_t n)
{
    return &ring->places[n % ring->count];
}

struct envl_slot *
envl_ring_slot(const struct envl_ring *ring, uint64_t n)
{
    return place_of(ring, n)->slot;
}

bool
envl_ring_can_fill(const struct envl_ring *ring)
{
    return ring->spare_count > 0;
}

struct envl_slot *
envl_ring_fill(struct envl_ring *ring)
{
    struct envl_ring_place *place = place_of(ring, ring->filled);

    place->stage = FILLING;
    place->slot = ring->spare[--ring->spare_count];
    return place->slot;
}

uint64_t
envl_ring_filled(struct envl_ring *ring)
{
    place_of(ring, ring->filled)->stage = FILLED;
    return ring->filled++;
}

bool
envl_ring_find_work(const struct envl_ring *ring, uint64_t *n)
{
    for (*n = ring->done; *n < ring->filled; (*n)++) {
        if (place_of(ring, *n)->stage == FILLED)
            return true;
    }
    return false;
}

void
envl_ring_take(struct envl_ring *ring, uint64_t n)
{
    place_of(ring, n)->stage = TAKEN;
}

void
envl_ring_finish(struct envl_ring *ring, uint64_t n)
{
    place_of(ring, n)->stage = DONE;
}

const struct envl_slot *
envl_ring_next_done(struct envl_ring *ring)
{
    if (ring->done == ring->filled || place_of(ring, ring->done)->stage != DONE)
        return NULL;
    return envl_ring_slot(ring, ring->done++);
}

bool
envl_ring_can_empty(const struct envl_ring *ring)
{
    return ring->emptied < ring->done;
}

void
envl_ring_emptied(struct envl_ring *ring)
{
    ring->spare[ring->spare_count++] = envl_ring_slot(ring, ring->emptied++);
}
