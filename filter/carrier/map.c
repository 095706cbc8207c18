/* SPDX-License-Identifier: Apache-2.0 */
/* A piece's place follows from its number, and a byte's place from its
 * piece. */
#include "filter/carrier/map.h"

#include <assert.h>
#include <string.h>

#include "filter/carrier/member.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"

static_assert(ENVL_LEAD_LEN_MAX >= ENVL_TAR_BLOCK_LEN
                  && ENVL_LEAD_LEN_MAX >= ENVL_XB_HEADER_LEN_MAX,
              "leads fit");

/* Places */

/* Bytes from one lead to the next. */
static uint64_t
stride(const struct envl_map *map)
{
    size_t padding =
        map->kind == ENVL_TAR ? envl_tar_padding(map->piece_len) : 0;

    return map->lead_len + map->piece_len + padding;
}

uint64_t
envl_map_lead_at(const struct envl_map *map, uint64_t piece)
{
    return map->first_at + piece * stride(map);
}

struct envl_position
envl_map_find(const struct envl_map *map, uint64_t offset)
{
    struct envl_position place = { 0, map->first_at + map->lead_len + offset,
                                   UINT64_MAX };
    uint64_t within;

    if (map->piece_len == 0)
        return place;
    within = offset % map->piece_len;
    place.piece = offset / map->piece_len;
    place.at = envl_map_lead_at(map, place.piece) + map->lead_len + within;
    place.left = map->piece_len - within;
    return place;
}

uint64_t
envl_map_last_piece(const struct envl_map *map, uint64_t size)
{
    return (size - map->first_at - map->lead_len) / stride(map);
}

uint64_t
envl_map_room(const struct envl_map *map, uint64_t size)
{
    uint64_t rest = size > map->first_at ? size - map->first_at : 0, left;

    if (map->piece_len == 0)
        return rest > map->lead_len ? rest - map->lead_len : 0;
    left = rest % stride(map);
    left = left > map->lead_len ? left - map->lead_len : 0;
    if (left > map->piece_len)
        left = map->piece_len;
    return rest / stride(map) * map->piece_len + left;
}

/* Leads */

/* Parse a tar's block that begins a piece of the payload. */
static bool
parse_tar(const unsigned char *block, uint64_t *piece, uint64_t *len)
{
    struct envl_tar_header header;
    struct envl_err ignored;

    if (envl_tar_parse(&header, block, 0, &ignored) != ENVELOPE_OK
        || (header.type != ENVL_TAR_FILE && header.type != ENVL_TAR_OLD_FILE)
        || envl_member_of_tar(header.name, piece) != ENVL_MEMBER_PAYLOAD)
        return false;
    *len = header.size;
    return true;
}

/* Parse an xbstream's header that begins a piece; *lead_len receives its
 * length.
 */
static bool
parse_xb(struct envl_xb_header *header, const unsigned char *p, size_t len,
         size_t *lead_len)
{
    struct envl_err ignored;

    return envl_xb_parse(header, p, len, 0, lead_len, &ignored) == ENVELOPE_OK
           && *lead_len <= len && header->type == ENVL_XB_PAYLOAD
           && envl_member_of_xbstream(header->path) == ENVL_MEMBER_PAYLOAD;
}

bool
envl_map_take_lead(const struct envl_map *map, const unsigned char *lead,
                   uint64_t piece, uint64_t *len)
{
    struct envl_xb_header header;
    uint64_t number = 0;
    size_t lead_len;

    if (map->kind == ENVL_TAR)
        return parse_tar(lead, &number, len) && number == piece;
    if (!parse_xb(&header, lead, (size_t)map->lead_len, &lead_len)
        || lead_len != map->lead_len || header.offset != piece * map->piece_len)
        return false;
    *len = header.len;
    return true;
}

/* Without the first lead */

void
envl_map_begin(struct envl_map *map, uint64_t header_end)
{
    map->first_at = header_end;
    map->lead_len = envl_xb_header_len(ENVL_XB_PAYLOAD, ENVL_NAME_PAYLOAD);
    if (map->kind == ENVL_TAR) {
        map->first_at += envl_tar_padding(header_end);
        map->lead_len = ENVL_TAR_BLOCK_LEN;
    }
}

/* Learn the length of pieces from a later piece's number and its distance from
 * the first lead. */
static bool
learn_tar(struct envl_map *map, const unsigned char *block, uint64_t distance)
{
    uint64_t n = 0, ignored;

    if (!parse_tar(block, &n, &ignored) || n == 0 || distance % n != 0
        || distance / n <= ENVL_TAR_BLOCK_LEN)
        return false;
    map->piece_len = distance / n - ENVL_TAR_BLOCK_LEN;
    return true;
}

static bool
learn_xb(struct envl_map *map, const unsigned char *p, size_t len,
         uint64_t distance)
{
    struct envl_xb_header header;
    size_t lead_len;
    uint64_t n;

    if (len < ENVL_XB_MAGIC_LEN
        || memcmp(p, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0
        || !parse_xb(&header, p, len, &lead_len) || distance <= header.offset)
        return false;
    n = (distance - header.offset) / lead_len;
    if (n == 0 || header.offset == 0 || n * lead_len + header.offset != distance
        || header.offset % n != 0)
        return false;
    map->lead_len = lead_len;
    map->piece_len = header.offset / n;
    return true;
}

bool
envl_map_learn(struct envl_map *map, const unsigned char *block, size_t len,
               uint64_t distance)
{
    const unsigned char *p = block, *end = block + len;

    if (map->kind == ENVL_TAR) {
        for (; end - p >= ENVL_TAR_BLOCK_LEN; p += ENVL_TAR_BLOCK_LEN) {
            if (learn_tar(map, p, distance + (uint64_t)(p - block)))
                return true;
        }
        return false;
    }
    while ((p = memchr(p, *ENVL_XB_MAGIC, (size_t)(end - p))) != NULL) {
        if (learn_xb(map, p, (size_t)(end - p),
                     distance + (uint64_t)(p - block)))
            return true;
        p++;
    }
    return false;
}
