/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map says where a piece should be.  A strict reader compares each lead
 * with the map; a lenient reader counts leads that are elsewhere.
 */
#include "filter/stream/pieces.h"

#include <inttypes.h>

#include <openssl/crypto.h>

#include "filter/stream/carrier_pass.h"
#include "filter/stream/shape.h"

/* An archive may end with zero bytes, which may look like the place of so many
 * of the shortest pieces. */
#define TRY_COUNT_MAX (ENVL_TRAILING_LEN_MAX / ENVL_PIECE_LEN_MIN + 2)

/* Bytes after the first lead in which another lead is searched: even the
 * longest pieces have a lead there. */
#define SEARCH_LEN_MAX UINT64_C(268435456)

/* Bytes that the search reads at once.  Blocks overlap by a lead's length. */
#define BLOCK_LEN 262144

/* Leads */

static enum envelope_reason
fail_map(struct envl_err *err, uint64_t piece)
{
    return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                     "piece %" PRIu64
                     " of the payload is not where it should be: the archive "
                     "was packed again, and can only be read in order",
                     piece);
}

/* Read a piece's lead; *len receives the piece's length from it. */
static enum envelope_reason
read_lead(const struct envl_map *map, struct envl_source *source,
          uint64_t piece, uint64_t *len, struct envl_err *err)
{
    unsigned char lead[ENVL_LEAD_LEN_MAX];
    enum envelope_reason rc;

    rc = envl_source_read_at(source, (int64_t)envl_map_lead_at(map, piece),
                             lead, (size_t)map->lead_len, err);
    if (rc == ENVELOPE_OK && !envl_map_take_lead(map, lead, piece, len))
        rc = fail_map(err, piece);
    return rc;
}

bool
envl_pieces_has_lead(const struct envl_map *map, struct envl_source *source,
                     uint64_t piece)
{
    struct envl_err ignored;
    uint64_t len;

    return read_lead(map, source, piece, &len, &ignored) == ENVELOPE_OK;
}

static enum envelope_reason
enter_strictly(struct envl_pieces *pieces, uint64_t piece, struct envl_err *err)
{
    const struct envl_map *map = &pieces->map;
    uint64_t len = pieces->len - piece * map->piece_len, said;
    enum envelope_reason rc = read_lead(map, pieces->source, piece, &said, err);

    if (len > map->piece_len)
        len = map->piece_len;
    if (rc == ENVELOPE_OK && said != len)
        rc = fail_map(err, piece);
    if (rc == ENVELOPE_OK)
        pieces->checked = piece + 1;
    return rc;
}

/* Count the leads.  The first is not counted: the map was made of it, or
 * without it. */
static void
enter_leniently(struct envl_pieces *pieces, uint64_t piece)
{
    pieces->checked = piece + 1;
    if (piece == 0)
        return;
    pieces->leads++;
    if (!envl_pieces_has_lead(&pieces->map, pieces->source, piece))
        pieces->bad_leads++;
}

static enum envelope_reason
enter(struct envl_pieces *pieces, uint64_t piece, struct envl_err *err)
{
    if (pieces->map.piece_len == 0 || pieces->checked == piece + 1)
        return ENVELOPE_OK;
    if (pieces->frames == ENVL_FRAMES_STRICT)
        return enter_strictly(pieces, piece, err);
    enter_leniently(pieces, piece);
    return ENVELOPE_OK;
}

/* The payload's length */

/* Search for the last piece backwards from the end of the archive. */
static enum envelope_reason
find_last_piece(struct envl_pieces *pieces, uint64_t size, struct envl_err *err)
{
    const struct envl_map *map = &pieces->map;
    enum envelope_reason rc = ENVELOPE_OK;
    uint64_t piece, len = 0, all;
    unsigned tries;

    if (size < map->first_at + map->lead_len)
        return fail_map(err, 0);
    piece = envl_map_last_piece(map, size);
    for (tries = 0;; tries++, piece--) {
        rc = read_lead(map, pieces->source, piece, &len, err);
        if (rc == ENVELOPE_OK || piece == 0 || tries == TRY_COUNT_MAX)
            break;
    }
    if (rc != ENVELOPE_OK)
        return rc;
    if (len == 0 || len > map->piece_len)
        return fail_map(err, piece);
    pieces->len = all = piece * map->piece_len + len;
    rc = envl_carrier_pass_end(&all, piece + 1, map, pieces->source, err);
    return all > pieces->len ? fail_map(err, piece + 1) : rc;
}

static enum envelope_reason
measure(struct envl_pieces *pieces, uint64_t size, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (pieces->map.piece_len > 0)
        rc = find_last_piece(pieces, size, err);
    else
        pieces->len = envl_map_room(&pieces->map, size);
    if (rc == ENVELOPE_OK && pieces->len < ENVL_PAYLOAD_LEN_MIN)
        rc = envl_fail(err, ENVELOPE_R_TRUNCATED,
                       "the payload has %" PRIu64 " bytes; the shortest one "
                       "has %" PRIu64,
                       pieces->len, ENVL_PAYLOAD_LEN_MIN);
    return rc;
}

enum envelope_reason
envl_pieces_init(struct envl_pieces *pieces, struct envl_source *source,
                 const struct envl_map *map, enum envl_frames frames,
                 struct envl_err *err)
{
    int64_t size = envl_source_size(source);
    enum envelope_reason rc;

    *pieces = (struct envl_pieces){ source, *map, frames, 0, 0, 0, 0 };
    if (size < 0)
        return envl_fail(err, ENVELOPE_R_READ, "the source cannot seek");
    rc = measure(pieces, (uint64_t)size, err);
    if (rc == ENVELOPE_OK || frames == ENVL_FRAMES_STRICT)
        return rc;
    /* Assume that payload fills the archive: the final chunk, if it is there,
     * will show the end. */
    pieces->len = envl_map_room(map, (uint64_t)size);
    if (pieces->len < ENVELOPE_PAYLOAD_START_LENGTH)
        pieces->len = ENVELOPE_PAYLOAD_START_LENGTH;
    return ENVELOPE_OK;
}

/* Reading */

enum envelope_reason
envl_pieces_read(struct envl_pieces *pieces, uint64_t offset, unsigned char *to,
                 size_t len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_position from;
    size_t n;

    for (; len > 0 && rc == ENVELOPE_OK; to += n, offset += n, len -= n) {
        from = envl_map_find(&pieces->map, offset);
        n = len < from.left ? len : (size_t)from.left;
        rc = enter(pieces, from.piece, err);
        if (rc == ENVELOPE_OK)
            rc = envl_source_read_at(pieces->source, (int64_t)from.at, to, n,
                                     err);
    }
    return rc;
}

/* Without the first lead */

static enum envelope_reason
search(struct envl_map *map, struct envl_source *source, uint64_t size,
       unsigned char *block, struct envl_err *err)
{
    const uint64_t begin = map->first_at + map->lead_len;
    const uint64_t limit =
        size > begin + SEARCH_LEN_MAX ? begin + SEARCH_LEN_MAX : size;
    enum envelope_reason rc;
    uint64_t at;
    size_t len;

    for (at = begin; at < limit; at += BLOCK_LEN) {
        len = BLOCK_LEN + ENVL_LEAD_LEN_MAX;
        if (len > size - at)
            len = (size_t)(size - at);
        rc = envl_source_read_at(source, (int64_t)at, block, len, err);
        if (rc != ENVELOPE_OK
            || envl_map_learn(map, block, len, at - map->first_at))
            return rc;
    }
    map->piece_len = 0;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_pieces_learn_map(struct envl_map *map, struct envl_source *source,
                      uint64_t header_end, struct envl_err *err)
{
    int64_t size = envl_source_size(source);
    enum envelope_reason rc;
    unsigned char *block;

    envl_map_begin(map, header_end);
    if (size < 0 || (uint64_t)size < map->first_at + map->lead_len)
        return envl_fail(err, ENVELOPE_R_READ,
                         "the file ends before the payload");
    block = ENVL_QUIETLY(OPENSSL_malloc(BLOCK_LEN + ENVL_LEAD_LEN_MAX));
    if (block == NULL)
        return envl_fail_memory(err);
    rc = search(map, source, (uint64_t)size, block, err);
    OPENSSL_free(block);
    return rc;
}
