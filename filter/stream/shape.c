/* SPDX-License-Identifier: Apache-2.0 */
/* All chunks but the last have one length. */
#include "filter/stream/shape.h"

struct envl_shape
envl_shape_of(uint64_t payload_len)
{
    uint64_t len = payload_len > ENVELOPE_PAYLOAD_START_LENGTH
                       ? payload_len - ENVELOPE_PAYLOAD_START_LENGTH
                       : 0;

    return (struct envl_shape){ len / ENVELOPE_SEALED_CHUNK_LENGTH,
                                (size_t)(len % ENVELOPE_SEALED_CHUNK_LENGTH) };
}

uint64_t
envl_shape_text_len(const struct envl_shape *shape)
{
    return shape->whole * ENVELOPE_CHUNK_LENGTH + shape->last_len
           - ENVL_CHUNK_TAG_LEN;
}

uint64_t
envl_chunk_at(uint64_t chunk)
{
    return ENVELOPE_PAYLOAD_START_LENGTH + chunk * ENVELOPE_SEALED_CHUNK_LENGTH;
}
