/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads all chunks of an envelope, good and bad: it returns the plaintext of
 * good chunks and the places of bad chunks.  A chunk's place follows from its
 * index, even if the frames around it are damaged; only its tag decides.
 */
#ifndef ENVL_SCAN_H
#define ENVL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/stream/reader.h"
#include "lib/base/err.h"

enum envl_found_kind {
    ENVL_FOUND_TEXT,  /* chunks that verify */
    ENVL_FOUND_HOLE,  /* all adjacent chunks that do not verify or cannot be
                       * read */
    ENVL_FOUND_END,   /* the end after the verified final chunk */
    ENVL_FOUND_NO_END /* the end of the file, without a final chunk */
};

struct envl_found {
    enum envl_found_kind kind;
    uint64_t chunk, count; /* TEXT, HOLE: the first chunk and their number */
    uint64_t offset;       /* in the plaintext; END, NO_END: its length */
    uint64_t len; /* TEXT: bytes of plaintext; HOLE: bytes that are missing, 0
                   * if only an empty final chunk is damaged; END: bytes that
                   * follow the end in a raw stream */
    const unsigned char *text; /* TEXT: valid until the next call */
};

struct envl_scan;

/*
 * envl_scan_new - begin a scan at chunk first
 *
 * Ownership: *scan is the caller's, envl_scan_free(); NULL on failure.
 *            reader is borrowed, and must not be used for anything else
 *            meanwhile.
 * Memory:    about 2 MiB, however long the file and its holes are.
 * Returns:   ENVELOPE_OK; as envl_reader_place(); _MEMORY.
 */
enum envelope_reason envl_scan_new(struct envl_scan **scan,
                                   struct envl_reader *reader, uint64_t first,
                                   struct envl_err *err);
void envl_scan_free(struct envl_scan *scan);

/*
 * envl_scan_next - get the next result: TEXT and HOLE in the order of their
 * chunks without a gap, then END or NO_END as the last
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_MEMORY, _CRYPTO.
 */
enum envelope_reason envl_scan_next(struct envl_scan *scan,
                                    struct envl_found *found,
                                    struct envl_err *err);

/* envl_scan_is_scattered - did all pieces of the payload after the first fail
 * because they are at other places?  That means that the archive was packed
 * again. */
bool envl_scan_is_scattered(const struct envl_scan *scan);

#endif
