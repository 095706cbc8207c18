/* SPDX-License-Identifier: Apache-2.0 */
/* From the end if the map is known, otherwise from frame to frame. */
#include "tools/measure.h"

#include <inttypes.h>
#include <stdbool.h>
#include <unistd.h>

#include <envelope/envelope.h>

#include "filter/stream/carrier_pass.h"
#include "filter/stream/pieces.h"
#include "filter/stream/source.h"

#define CHUNK_COUNT_MAX (UINT64_C(1) << 38)

/* As this project lays an archive out; false if it is not, or not whole. */
static bool
measure_fast(uint64_t *len, const struct envl_map *map,
             struct envl_source *source)
{
    struct envl_pieces pieces;
    struct envl_err ignored;

    if (map->piece_len == 0
        || envl_pieces_init(&pieces, source, map, ENVL_FRAMES_STRICT, &ignored)
               != ENVELOPE_OK)
        return false;
    *len = pieces.len;
    return true;
}

enum envelope_reason
envl_measure_payload(uint64_t *len, const struct envl_head *head, int fd,
                     uint64_t size, struct envl_err *err)
{
    uint64_t header_len = head->header.prelude.header_len;
    struct envl_source source = { .fd = fd,
                                  .seekable = true,
                                  .size = (int64_t)size };

    *len = size > header_len ? size - header_len : 0;
    if (head->kind == ENVL_RAW || measure_fast(len, &head->map, &source))
        return ENVELOPE_OK;
    return envl_carrier_pass(len, head->kind, &source, err);
}

enum envelope_reason
envl_measure_text(uint64_t *text_len, uint64_t payload_len,
                  struct envl_err *err)
{
    uint64_t chunks, last;

    if (payload_len < ENVELOPE_PAYLOAD_START_LENGTH + ENVL_CHUNK_TAG_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "the payload has %" PRIu64 " bytes; the shortest one "
                         "has %d",
                         payload_len,
                         ENVELOPE_PAYLOAD_START_LENGTH + ENVL_CHUNK_TAG_LEN);
    payload_len -= ENVELOPE_PAYLOAD_START_LENGTH;
    chunks = payload_len / ENVELOPE_SEALED_CHUNK_LENGTH + 1;
    last = payload_len % ENVELOPE_SEALED_CHUNK_LENGTH;
    if (last < ENVL_CHUNK_TAG_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends %" PRIu64 " bytes into chunk %" PRIu64
                         ", and a last chunk has %d at least",
                         last, chunks - 1, ENVL_CHUNK_TAG_LEN);
    if (chunks > CHUNK_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_LONG, "it has %" PRIu64 " chunks",
                         chunks);
    *text_len = payload_len - chunks * ENVL_CHUNK_TAG_LEN;
    return ENVELOPE_OK;
}

enum envl_ending
envl_measure_ending(int fd)
{
    struct envl_head head = { 0 };
    struct envl_err ignored;
    uint64_t len, text_len;
    off_t size = lseek(fd, 0, SEEK_END);
    enum envl_ending ending = ENVL_ENDING_UNKNOWN;

    if (size >= 0 && envl_head_read(&head, fd, &ignored) == ENVELOPE_OK
        && head.kind != ENVL_RAW)
        ending = envl_measure_payload(&len, &head, fd, (uint64_t)size, &ignored)
                             == ENVELOPE_OK
                         && envl_measure_text(&text_len, len, &ignored)
                                == ENVELOPE_OK
                     ? ENVL_ENDING_WHOLE
                     : ENVL_ENDING_BAD;
    envl_head_clear(&head);
    return ending;
}
