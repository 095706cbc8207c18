/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All chunks of an envelope, good and bad: the text of those that verify and
 * the place of those that do not.  Where a chunk lies follows from its number,
 * whatever became of the frames around it; its tag alone decides.
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
    ENVL_FOUND_HOLE,  /* chunks that do not, or cannot be read; all that stand
                       * together */
    ENVL_FOUND_END,   /* after the final chunk, which was verified */
    ENVL_FOUND_NO_END /* the file ends, and there was no such chunk */
};

struct envl_found {
    enum envl_found_kind kind;
    uint64_t chunk, count; /* of TEXT and HOLE */
    uint64_t offset;       /* of the text, or where it ends */
    uint64_t len; /* bytes of text that there are, or should be: none, where
                   * an empty final chunk is damaged; END: bytes that follow
                   * the end in a raw stream */
    const unsigned char *text; /* TEXT; it stays until the next call */
};

struct envl_scan;

/*
 * envl_scan_new - begin at a chunk
 *
 * Ownership: *scan is the caller's, envl_scan_free(); NULL on failure.
 *            opened is borrowed, and used for nothing else meanwhile.
 * Memory:    about 2 MiB, however long the file and its holes are.
 * Returns:   ENVELOPE_OK; as envl_reader_place(); _MEMORY.
 */
enum envelope_reason envl_scan_new(struct envl_scan **scan,
                                   struct envl_reader *reader, uint64_t first,
                                   struct envl_err *err);
void envl_scan_free(struct envl_scan *scan);

/*
 * envl_scan_next - what comes next; TEXT and HOLE in the order of their
 * chunks and without a gap, then END or NO_END, which is the last
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_MEMORY, _CRYPTO.
 */
enum envelope_reason envl_scan_next(struct envl_scan *scan,
                                    struct envl_found *found,
                                    struct envl_err *err);

/* envl_scan_is_scattered - did all from the second piece of the payload on
 * fail because pieces are elsewhere?  So it is if the archive was packed
 * again. */
bool envl_scan_is_scattered(const struct envl_scan *scan);

#endif
