/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places of the payload in an archive that this project has written: pieces
 * of one length, each after a lead of one length.  A raw stream is one piece
 * that never ends.  Nothing is read here, and a map is not trusted: the tag of
 * a chunk shows whether the chunk is in its place.
 */
#ifndef ENVL_MAP_H
#define ENVL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/kind.h"

/* Bytes of the longest lead of a piece. */
#define ENVL_LEAD_LEN_MAX 1024

struct envl_map {
    enum envl_carrier kind;
    uint64_t header_len; /* bytes of the stream before the payload */
    uint64_t first_at;   /* offset of the first piece's lead in the archive */
    uint64_t lead_len;
    uint64_t piece_len; /* of every piece but the last; 0: raw, or not known */
};

/* The place of a byte of the payload. */
struct envl_position {
    uint64_t piece;
    uint64_t at;   /* its offset in the archive */
    uint64_t left; /* bytes of the piece from it on */
};

/* envl_map_find - the place of the byte at this offset of the payload */
struct envl_position envl_map_find(const struct envl_map *map, uint64_t offset);

/* envl_map_lead_at - the offset in the archive of a piece's lead */
uint64_t envl_map_lead_at(const struct envl_map *map, uint64_t piece);

/*
 * envl_map_last_piece - the number of the last piece that can begin in an
 * archive of size bytes, which must have room for the first lead
 * envl_map_room - bytes of payload that an archive of size bytes can have
 */
uint64_t envl_map_last_piece(const struct envl_map *map, uint64_t size);
uint64_t envl_map_room(const struct envl_map *map, uint64_t size);

/*
 * envl_map_take_lead - is this the lead of this piece?
 *
 *   lead  map->lead_len bytes
 *   *len  receives the piece's length from the lead, in bytes
 */
bool envl_map_take_lead(const struct envl_map *map, const unsigned char *lead,
                        uint64_t piece, uint64_t *len);

/*
 * If the first lead is damaged, other leads show where the pieces are.
 *
 * envl_map_begin - set first_at: the first lead follows the key envelope, which
 * ends at header_end
 * envl_map_learn - search another lead in a block; if there is one, set
 * lead_len and piece_len from it and return true
 *
 *   distance  of the block from the first lead, in bytes; a multiple of
 *             ENVL_TAR_BLOCK_LEN in a tar
 */
void envl_map_begin(struct envl_map *map, uint64_t header_end);
bool envl_map_learn(struct envl_map *map, const unsigned char *block,
                    size_t len, uint64_t distance);

#endif
