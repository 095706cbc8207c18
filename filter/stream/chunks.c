/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ciphertext with struct envl_pieces and decrypts it with the cipher. */
#include "filter/stream/chunks.h"

#include <assert.h>

#define SEALED_LEN ENVELOPE_SEALED_CHUNK_LENGTH

static_assert(ENVL_CHUNKS_MAX * SEALED_LEN <= ENVL_UPDATE_LEN_MAX,
              "they are one update");

/* Reading */

enum envelope_reason
envl_chunks_init(struct envl_chunks *chunks, struct envl_cipher *cipher,
                 struct envl_source *source, const struct envl_map *map,
                 enum envl_frames frames, struct envl_err *err)
{
    enum envelope_reason rc =
        envl_pieces_init(&chunks->pieces, source, map, frames, err);

    chunks->cipher = cipher;
    chunks->shape = envl_shape_of(chunks->pieces.len);
    chunks->count = 0;
    return rc;
}

static enum envelope_reason
load(struct envl_chunks *chunks, uint64_t first, size_t len,
     struct envl_err *err)
{
    chunks->first = first;
    chunks->count = 0;
    chunks->sealed_len = len;
    return envl_pieces_read(&chunks->pieces, envl_chunk_at(first),
                            chunks->sealed, len, err);
}

enum envelope_reason
envl_chunks_load(struct envl_chunks *chunks, uint64_t first, size_t count,
                 struct envl_err *err)
{
    uint64_t rest = chunks->pieces.len - envl_chunk_at(first);
    size_t len = count * SEALED_LEN;
    enum envelope_reason rc =
        load(chunks, first, len < rest ? len : (size_t)rest, err);

    if (rc == ENVELOPE_OK)
        chunks->count = count;
    return rc;
}

enum envelope_reason
envl_chunks_load_last(struct envl_chunks *chunks, uint64_t chunk, size_t len,
                      struct envl_err *err)
{
    return load(chunks, chunk, len, err);
}

/* Opening */

/* The cipher first returns the plaintext before a bad chunk; the failure comes
 * from a later call. */
enum envelope_reason
envl_chunks_open(struct envl_chunks *chunks, uint64_t chunk, size_t *n,
                 struct envl_err *err)
{
    size_t skip = (size_t)(chunk - chunks->first) * SEALED_LEN, last_n = 0;
    size_t len = chunks->sealed_len - skip;
    bool ends = chunks->first + chunks->count > chunks->shape.whole;
    enum envelope_reason rc = envl_cipher_seek(chunks->cipher, chunk, err);

    *n = 0;
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_update(chunks->cipher, chunks->text, n,
                                chunks->sealed + skip, len, err);
    if (rc == ENVELOPE_OK
        && (ends || *n < len / SEALED_LEN * ENVELOPE_CHUNK_LENGTH))
        rc = envl_cipher_final(chunks->cipher, chunks->text + *n, &last_n, err);
    *n += last_n;
    return rc;
}

enum envelope_reason
envl_chunks_open_last(struct envl_chunks *chunks, size_t len, size_t *n,
                      struct envl_err *err)
{
    size_t ignored;
    enum envelope_reason rc =
        envl_cipher_seek(chunks->cipher, chunks->first, err);

    *n = 0;
    if (rc == ENVELOPE_OK && len > 0)
        rc = envl_cipher_update(chunks->cipher, chunks->text, &ignored,
                                chunks->sealed, len, err);
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_final(chunks->cipher, chunks->text, n, err);
    return rc;
}
