/* SPDX-License-Identifier: Apache-2.0 */
/* The archive in an envelope, for envelope list and envelope extract: only the
 * chunks that are needed are read, the last one first. */
#ifndef ENVL_INSIDE_FILE_H
#define ENVL_INSIDE_FILE_H

#include <stdatomic.h>
#include <stdint.h>

#include "filter/inside/inside.h"
#include "filter/stream/reader.h"
#include "tools/arguments.h"
#include "tools/input_file.h"
#include "tools/patterns.h"

/* To be read, but for members. */
struct envl_inside_file {
    const char *name; /* for messages */
    struct envl_input_file input;
    struct envl_reader *reader;
    struct envl_inside *inside;
    struct envl_patterns patterns;
    struct envl_progress *progress;
    uint64_t size;       /* bytes of the data, which is the archive */
    uint64_t members;    /* that match; the caller counts */
    _Atomic uint64_t at; /* for the progress */
};

/*
 * envl_inside_file_open - open the file that the arguments name, verify its last
 * chunk, and recognise the archive
 *
 * Ownership: envl_inside_file_close(), also after a failure.
 * Returns:   ENVELOPE_OK; as envl_reader_new(), envl_reader_measure() and
 *            envl_inside_new().
 */
enum envelope_reason
envl_inside_file_open(struct envl_inside_file *file,
                      const struct envl_arguments *arguments,
                      struct envl_err *err);
void envl_inside_file_close(struct envl_inside_file *file);

/* envl_inside_file_next - envl_inside_next(), and tell how far it is */
enum envelope_reason envl_inside_file_next(struct envl_inside_file *file,
                                           const struct envl_entry **entry,
                                           struct envl_err *err);

/* envl_inside_file_stop_progress - before anything else is said */
void envl_inside_file_stop_progress(struct envl_inside_file *file, bool done);

/*
 * envl_inside_file_finish - where it went well: with -v, what it has cost; the
 * patterns that have matched nothing
 *
 *   hint  what has become of the others, for envl_hint()
 *
 * Returns: ENVL_EXIT_DONE, or ENVL_EXIT_FAILED if there are such patterns.
 */
enum envl_status envl_inside_file_finish(const struct envl_inside_file *file,
                                         const struct envl_arguments *arguments,
                                         const char *hint);

#endif
