/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place of a header in a file whose own is damaged or lost.  A copy of the
 * header is at hand: its length, the payload's start, and what is left of the
 * carrier say where it was.  The frames around it are made as the carrier's
 * writer makes them.
 */
#ifndef ENVL_HEADER_SITE_H
#define ENVL_HEADER_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/map.h"
#include "filter/stream/header_file.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

struct envl_header_site {
    uint64_t start_at; /* where the payload's first bytes are, in the file */
    bool has_start;    /* and they are those of the copy */
    size_t header_len; /* of the header that fits there, in bytes */
    bool has_lead;     /* the lead of the first piece is whole */
    struct envl_map map;

    /* Not 0: the archive has one piece, and its lead is lost.  So many bytes of
     * it can be seen; zeros at its end cannot be told from those after it.  The
     * caller finds map.piece_len with a key. */
    uint64_t seen_len;

    /* No lead confirms map.piece_len: the last chunk must open, too. */
    bool is_doubtful;
};

/*
 * envl_header_site_find - search the payload's start of the copy at the
 * beginning of the file, and find out the carrier
 * envl_header_site_guess - the same where that start is lost: only a key can
 * confirm it
 *
 *   saved     the copy, read from another file
 *   start_at  where the payload is assumed to begin; 0: as if the header were as
 *             long as the copy
 *   source    the file, which can seek
 *
 * Memory:    about 2 MiB.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_COMMITMENT if the start is not there;
 *            ENVELOPE_R_CARRIER_MEMBER if the archive was packed again, so that
 *            there is no such place; ENVELOPE_R_READ; _MEMORY.
 */
enum envelope_reason envl_header_site_find(struct envl_header_site *site,
                                           const struct envl_header_file *saved,
                                           struct envl_source *source,
                                           struct envl_err *err);
enum envelope_reason
envl_header_site_guess(struct envl_header_site *site,
                       const struct envl_header_file *saved, uint64_t start_at,
                       struct envl_source *source, struct envl_err *err);

/*
 * envl_header_site_patch - make the bytes that put a header there, with the
 * frames before and after it, and the payload's start if it is lost
 *
 *   site   map.piece_len is known, unless the first lead is whole or it is raw
 *   fresh  has the header, of site->header_len bytes, and the start
 *   mtime  for the members of a tar if no lead tells it
 *
 * Ownership: patch->bytes is the caller's, OPENSSL_free(); NULL on failure.
 * Memory:    a piece of the payload, if its lead is lost.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CARRIER_MEMBER if a piece would not fit the
 *            file; ENVELOPE_R_READ; _MEMORY.
 */
enum envelope_reason envl_header_site_patch(
    struct envl_patch *patch, const struct envl_header_site *site,
    struct envl_source *source, const struct envl_header_file *fresh,
    uint64_t mtime, struct envl_err *err);

#endif
