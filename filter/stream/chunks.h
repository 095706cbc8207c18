/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and decrypts chunks at any place of a payload whose source can seek.
 * The cipher verifies that a chunk is the right one.
 */
#ifndef ENVL_CHUNKS_H
#define ENVL_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include <envelope/envelope.h>

#include "filter/stream/cipher.h"
#include "filter/stream/pieces.h"
#include "filter/stream/shape.h"
#include "lib/base/err.h"

/* Chunks that are read and decrypted at once. */
#define ENVL_CHUNKS_MAX 64

/* Callers may read pieces, shape, first, count and text. */
struct envl_chunks {
    struct envl_cipher *cipher;
    struct envl_pieces pieces;
    struct envl_shape shape;
    uint64_t first; /* index of the chunk that sealed begins with */
    size_t count;   /* number of chunks in sealed */
    size_t sealed_len;
    unsigned char sealed[ENVL_CHUNKS_MAX * ENVELOPE_SEALED_CHUNK_LENGTH];
    unsigned char
        text[ENVL_CHUNKS_MAX * ENVELOPE_SEALED_CHUNK_LENGTH + ENVL_SLACK_LEN];
};

/*
 * envl_chunks_init - find out how long the payload is; no chunk is read
 *
 * Ownership: cipher and source are borrowed.  The owner of chunks wipes it
 *            after use, because it holds plaintext.
 * Returns:   as envl_pieces_init().
 */
enum envelope_reason
envl_chunks_init(struct envl_chunks *chunks, struct envl_cipher *cipher,
                 struct envl_source *source, const struct envl_map *map,
                 enum envl_frames frames, struct envl_err *err);

/*
 * envl_chunks_load - read count chunks from first on; on failure count becomes
 * 0
 * envl_chunks_open - decrypt the chunks that were read, from this chunk on
 *
 *   *n  receives the bytes of plaintext in text, of all chunks before the first
 *       bad one, also on failure
 *
 * Returns: envl_chunks_load(): as envl_pieces_read().
 *          envl_chunks_open(): ENVELOPE_OK, or the cipher's reason.
 */
enum envelope_reason envl_chunks_load(struct envl_chunks *chunks,
                                      uint64_t first, size_t count,
                                      struct envl_err *err);
enum envelope_reason envl_chunks_open(struct envl_chunks *chunks,
                                      uint64_t chunk, size_t *n,
                                      struct envl_err *err);

/*
 * envl_chunks_load_last - read len bytes, at most a chunk's, which may hold the
 * last chunk even if the payload's length says otherwise
 * envl_chunks_open_last - decrypt the first len of these bytes as the last
 * chunk
 *
 * Returns: as above; ENVELOPE_R_TRAILING_DATA if the last chunk ends before.
 */
enum envelope_reason envl_chunks_load_last(struct envl_chunks *chunks,
                                           uint64_t chunk, size_t len,
                                           struct envl_err *err);
enum envelope_reason envl_chunks_open_last(struct envl_chunks *chunks,
                                           size_t len, size_t *n,
                                           struct envl_err *err);

#endif
