/* SPDX-License-Identifier: Apache-2.0 */
/* What payload.c and payload_batches.c share. */
#ifndef ENVL_PAYLOAD_IMPL_H
#define ENVL_PAYLOAD_IMPL_H

#include <stdatomic.h>

#include "lib/payload/payload.h"
#include "lib/payload/workers.h"

struct envl_payload {
    enum envl_direction direction;
    bool verified_only;
    bool classified;           /* an update has classified a bad chunk before */
    uint64_t index;            /* of the chunk that the next byte belongs to */
    _Atomic uint64_t verified; /* bytes of plaintext, including batches */
    size_t fill;               /* input bytes of this chunk so far */
    size_t released; /* output bytes of this chunk so far, without its tag */

    unsigned threads, workers;
    struct envl_workers *pool;
    /* One for each thread of an update, then one for each worker from 1 on. */
    struct envl_chunk *chunks[ENVL_THREADS_MAX + ENVL_WORKERS_MAX];

    /* Decrypting: a chunk that arrives in pieces, and room for its
     * plaintext. */
    unsigned char *sealed; /* ENVL_SEALED_CHUNK_LEN bytes */
    unsigned char *text;   /* ENVL_CHUNK_LEN bytes, wiped */
};

/* envl_payload_check_index - ENVELOPE_R_TOO_LONG if the payload cannot have
 * this many more chunks */
enum envelope_reason
envl_payload_check_index(const struct envl_payload *payload, uint64_t more,
                         struct envl_err *err);

/* envl_payload_fail_chunk - record that a chunk does not verify:
 * ENVELOPE_R_CHUNK */
enum envelope_reason envl_payload_fail_chunk(uint64_t index,
                                             struct envl_err *err);

/*
 * envl_payload_classify_bad - find out why a chunk does not verify
 *
 * A chunk that does not verify may be a good final chunk with trailing data.
 * The function tries every length that the final chunk could have, which takes
 * some tens of milliseconds.  Only the reason is returned, never plaintext.
 *
 *   otherwise    ENVELOPE_R_CHUNK, or _LAST_CHUNK if the stream ends here
 *   sealed, len  the chunk's ciphertext and tag
 *   text         room for ENVL_CHUNK_LEN bytes; it is wiped
 *
 * Returns: otherwise, or ENVELOPE_R_TRAILING_DATA.
 */
enum envelope_reason envl_payload_classify_bad(struct envl_chunk *chunk,
                                               uint64_t index,
                                               enum envelope_reason otherwise,
                                               const unsigned char *sealed,
                                               size_t len, unsigned char *text,
                                               struct envl_err *err);

#endif
