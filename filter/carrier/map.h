/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the payload lies in an archive as this project writes it: in pieces of
 * one length, each after a lead of one length.  A raw stream is one piece that
 * never ends.  Nothing is read here, and nothing of it is trusted: whether a
 * chunk is where it is looked for is for its tag to say.
 */
#ifndef ENVL_MAP_H
#define ENVL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/kind.h"

/* Longest lead of a piece. */
#define ENVL_LEAD_LEN_MAX 1024

struct envl_map {
    enum envl_carrier kind;
    uint64_t header_len; /* of the stream: bytes before the payload */
    uint64_t first_at;   /* of the lead of the first piece, in the archive */
    uint64_t lead_len;
    uint64_t piece_len; /* of every piece but the last; 0: raw, or not known */
};

/* Where a byte of the payload is. */
struct envl_position {
    uint64_t piece;
    uint64_t at;   /* in the archive */
    uint64_t left; /* bytes of the piece from there on */
};

/* envl_map_find - the place of the byte at this offset of the payload */
struct envl_position envl_map_find(const struct envl_map *map, uint64_t offset);

/* envl_map_lead_at - where the lead of a piece begins */
uint64_t envl_map_lead_at(const struct envl_map *map, uint64_t piece);

/*
 * envl_map_last_piece - the last piece that can begin in an archive of size
 * bytes; it has the first one
 * envl_map_room - bytes of payload that it can have
 */
uint64_t envl_map_last_piece(const struct envl_map *map, uint64_t size);
uint64_t envl_map_room(const struct envl_map *map, uint64_t size);

/*
 * envl_map_take_lead - is this the lead of a piece?
 *
 *   lead  map->lead_len bytes
 *   *len  bytes that it says of the piece
 */
bool envl_map_take_lead(const struct envl_map *map, const unsigned char *lead,
                        uint64_t piece, uint64_t *len);

/*
 * The first lead is damaged: the others tell where the pieces are.
 *
 * envl_map_begin - the first lead follows the key envelope, which ends there
 * envl_map_learn - look for another lead in what was read; 1 with lead_len and
 * piece_len as it has them
 *
 *   distance  of the block from the first lead, a multiple of
 *             ENVL_TAR_BLOCK_LEN in a tar
 */
void envl_map_begin(struct envl_map *map, uint64_t header_end);
bool envl_map_learn(struct envl_map *map, const unsigned char *block,
                    size_t len, uint64_t distance);

#endif
