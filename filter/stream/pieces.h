/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the payload of an archive whose source can seek, at any offset, across
 * the pieces of the carrier.
 */
#ifndef ENVL_PIECES_H
#define ENVL_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <envelope/envelope.h>

#include "filter/carrier/map.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/* A damaged frame of the carrier is a failure, or is ignored. */
enum envl_frames { ENVL_FRAMES_STRICT, ENVL_FRAMES_LENIENT };

/* Callers may read len. */
struct envl_pieces {
    struct envl_source *source;
    struct envl_map map;
    enum envl_frames frames;
    uint64_t len;              /* bytes of the payload, including its start */
    uint64_t checked;          /* the last piece that was checked, from 1 */
    uint64_t leads, bad_leads; /* lenient: leads that were checked, without
                                * the first; those that are not in place */
};

/*
 * envl_pieces_init - find out how long the payload is
 *
 * Strict: the payload must be complete and nothing may follow; each piece that
 * is read must have the place and the length that the map says.
 * Lenient: if that fails, the payload is as long as the archive has room for.
 *
 * Ownership: source is borrowed.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ.  Strict: also ENVELOPE_R_CARRIER or
 *            _CARRIER_MEMBER if the archive is not laid out as this project
 *            writes it, _TRUNCATED, _MEMORY.
 */
enum envelope_reason envl_pieces_init(struct envl_pieces *pieces,
                                      struct envl_source *source,
                                      const struct envl_map *map,
                                      enum envl_frames frames,
                                      struct envl_err *err);

/* envl_pieces_read - read len bytes of the payload from this offset on */
enum envelope_reason envl_pieces_read(struct envl_pieces *pieces,
                                      uint64_t offset, unsigned char *to,
                                      size_t len, struct envl_err *err);

/* envl_pieces_learn_map - make the map from other leads than the first;
 * piece_len becomes 0 if no other lead is found
 *
 *   map         kind and header_len are set
 *   header_end  where the key envelope ends in the archive
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; _MEMORY. */
enum envelope_reason envl_pieces_learn_map(struct envl_map *map,
                                           struct envl_source *source,
                                           uint64_t header_end,
                                           struct envl_err *err);

/* envl_pieces_has_lead - is the lead of this piece where the map has it? */
bool envl_pieces_has_lead(const struct envl_map *map,
                          struct envl_source *source, uint64_t piece);

#endif
