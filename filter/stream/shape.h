/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a payload lies in chunks (FORMAT 6).  Where a chunk begins follows from its
 * number, and how many there are from the payload's length.
 */
#ifndef ENVL_SHAPE_H
#define ENVL_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include <envelope/envelope.h>

/* Bytes that each chunk has beside its plaintext. */
#define ENVL_CHUNK_TAG_LEN \
    (ENVELOPE_SEALED_CHUNK_LENGTH - ENVELOPE_CHUNK_LENGTH)

/* The shortest payload: its start, and a last chunk without plaintext. */
#define ENVL_PAYLOAD_LEN_MIN \
    ((uint64_t)(ENVELOPE_PAYLOAD_START_LENGTH + ENVL_CHUNK_TAG_LEN))

/* The last chunk is shorter than the others. */
struct envl_shape {
    uint64_t whole;  /* chunks before the last one */
    size_t last_len; /* bytes of the last one; fewer than ENVL_CHUNK_TAG_LEN:
                      * it is cut */
};

/*
 * envl_shape_of - that of a payload; one without its start has no bytes
 * envl_shape_text_len - bytes of plaintext, where the last chunk is not cut
 * envl_chunk_at - where a chunk begins in the payload
 */
struct envl_shape envl_shape_of(uint64_t payload_len);
uint64_t envl_shape_text_len(const struct envl_shape *shape);
uint64_t envl_chunk_at(uint64_t chunk);

#endif
