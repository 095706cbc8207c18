/* SPDX-License-Identifier: Apache-2.0 */
/* From the end if the map is known, otherwise from frame to frame. */
#include "tools/measure.h"

#include <inttypes.h>
#include <unistd.h>

#include "filter/stream/carrier_pass.h"
#include "filter/stream/pieces.h"
#include "filter/stream/shape.h"
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
envl_measure_payload(uint64_t *len, const struct envl_header_file *head, int fd,
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
    const struct envl_shape shape = envl_shape_of(payload_len);

    if (payload_len < ENVL_PAYLOAD_LEN_MIN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "the payload has %" PRIu64 " bytes; the shortest one "
                         "has %" PRIu64,
                         payload_len, ENVL_PAYLOAD_LEN_MIN);
    if (shape.last_len < ENVL_CHUNK_TAG_LEN)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends %zu bytes into chunk %" PRIu64
                         ", and a last chunk has %d at least",
                         shape.last_len, shape.whole, ENVL_CHUNK_TAG_LEN);
    if (shape.whole >= CHUNK_COUNT_MAX)
        return envl_fail(err, ENVELOPE_R_TOO_LONG, "it has %" PRIu64 " chunks",
                         shape.whole + 1);
    *text_len = envl_shape_text_len(&shape);
    return ENVELOPE_OK;
}

bool
envl_measure_is_saved_header(const struct envl_header_file *head,
                             uint64_t payload_len)
{
    return head->kind == ENVL_RAW
           && payload_len == ENVELOPE_PAYLOAD_START_LENGTH;
}

const char *
envl_measure_hint(int fd, const struct envl_err *err)
{
    struct envl_header_file head = { 0 };
    struct envl_err ignored;
    off_t size = lseek(fd, 0, SEEK_END);
    uint64_t len = 0;
    bool is_saved;

    if (err->reason != ENVELOPE_R_TRUNCATED || size < 0)
        return NULL;
    is_saved =
        envl_header_file_read(&head, fd, &ignored) == ENVELOPE_OK
        && envl_measure_payload(&len, &head, fd, (uint64_t)size, &ignored)
               == ENVELOPE_OK
        && envl_measure_is_saved_header(&head, len);
    envl_header_file_clear(&head);
    return is_saved ? "this is a saved header, without data: envelope header "
                      "restore puts it back into its file"
                    : NULL;
}

enum envl_ending
envl_measure_ending(int fd)
{
    struct envl_header_file head = { 0 };
    struct envl_err ignored;
    uint64_t len, text_len;
    off_t size = lseek(fd, 0, SEEK_END);
    enum envl_ending ending = ENVL_ENDING_UNKNOWN;

    if (size >= 0 && envl_header_file_read(&head, fd, &ignored) == ENVELOPE_OK
        && head.kind != ENVL_RAW)
        ending = envl_measure_payload(&len, &head, fd, (uint64_t)size, &ignored)
                             == ENVELOPE_OK
                         && envl_measure_text(&text_len, len, &ignored)
                                == ENVELOPE_OK
                     ? ENVL_ENDING_WHOLE
                     : ENVL_ENDING_BAD;
    envl_header_file_clear(&head);
    return ending;
}
