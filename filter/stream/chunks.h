/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks of a payload whose source can seek, read and decrypted at any
 * place.  Whether a chunk is the right one is what the cipher checks.
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

/* Chunks that are read and opened at once. */
#define ENVL_CHUNKS_MAX 64

/* To be read: pieces, shape, first, count, text. */
struct envl_chunks {
    struct envl_cipher *cipher;
    struct envl_pieces pieces;
    struct envl_shape shape;
    uint64_t first; /* chunk that sealed begins with */
    size_t count;   /* of chunks that are there */
    size_t sealed_len;
    unsigned char sealed[ENVL_CHUNKS_MAX * ENVELOPE_SEALED_CHUNK_LENGTH];
    unsigned char
        text[ENVL_CHUNKS_MAX * ENVELOPE_SEALED_CHUNK_LENGTH + ENVL_SLACK_LEN];
};

/*
 * envl_chunks_init - find out how long the payload is; no chunk is read
 *
 * Ownership: cipher and source are borrowed.  Who owns chunks wipes it in the
 *            end: it holds plaintext.
 * Returns:   as envl_pieces_init().
 */
enum envelope_reason
envl_chunks_init(struct envl_chunks *chunks, struct envl_cipher *cipher,
                 struct envl_source *source, const struct envl_map *map,
                 enum envl_frames frames, struct envl_err *err);

/*
 * envl_chunks_load - read count chunks from first on; on failure none is there
 * envl_chunks_open - decrypt those from this one on
 *
 *   *n  bytes of plaintext in text, which are those of the chunks before the
 *       first bad one; on failure as well
 *
 * Returns: as envl_pieces_read(); ENVELOPE_OK, or the cipher's reason.
 */
enum envelope_reason envl_chunks_load(struct envl_chunks *chunks,
                                      uint64_t first, size_t count,
                                      struct envl_err *err);
enum envelope_reason envl_chunks_open(struct envl_chunks *chunks,
                                      uint64_t chunk, size_t *n,
                                      struct envl_err *err);

/*
 * envl_chunks_load_last - read len bytes, at most a chunk's, which may hold the
 * last chunk whatever the payload's length says
 * envl_chunks_open_last - are the first len of them the last chunk?
 *
 * Returns: the same; ENVELOPE_R_TRAILING_DATA: it ends before.
 */
enum envelope_reason envl_chunks_load_last(struct envl_chunks *chunks,
                                           uint64_t chunk, size_t len,
                                           struct envl_err *err);
enum envelope_reason envl_chunks_open_last(struct envl_chunks *chunks,
                                           size_t len, size_t *n,
                                           struct envl_err *err);

#endif
