/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks of a payload (FORMAT 6).  A chunk's place follows from its index,
 * and the number of chunks from the payload's length.
 */
#ifndef ENVL_SHAPE_H
#define ENVL_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include <envelope/envelope.h>

/* Bytes of a chunk that are not ciphertext: its tag. */
#define ENVL_CHUNK_TAG_LEN \
    (ENVELOPE_SEALED_CHUNK_LENGTH - ENVELOPE_CHUNK_LENGTH)

/* The shortest payload: its start, and a last chunk without plaintext. */
#define ENVL_PAYLOAD_LEN_MIN \
    ((uint64_t)(ENVELOPE_PAYLOAD_START_LENGTH + ENVL_CHUNK_TAG_LEN))

/* The last chunk is shorter than the others. */
struct envl_shape {
    uint64_t whole;  /* number of chunks before the last one */
    size_t last_len; /* bytes of the last chunk; if fewer than
                      * ENVL_CHUNK_TAG_LEN, the payload is truncated */
};

/*
 * envl_shape_of - the shape of a payload of this length; all zero if the
 * payload is shorter than its start
 * envl_shape_text_len - bytes of plaintext, if the payload is not truncated
 * envl_chunk_at - the offset of a chunk in the payload
 */
struct envl_shape envl_shape_of(uint64_t payload_len);
uint64_t envl_shape_text_len(const struct envl_shape *shape);
uint64_t envl_chunk_at(uint64_t chunk);

#endif
