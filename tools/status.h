/* SPDX-License-Identifier: Apache-2.0 */
/* How the command ends: exit statuses, and one line on standard error. */
#ifndef ENVL_STATUS_H
#define ENVL_STATUS_H

#include "filter/stream/cipher.h"
#include "lib/base/err.h"

/* envelope(1), EXIT STATUS */
enum envl_status {
    ENVL_EXIT_DONE = 0,
    ENVL_EXIT_FAILED = 1, /* input, output, memory, a key for encryption */
    ENVL_EXIT_USAGE = 2,
    ENVL_EXIT_NO_KEY = 3,
    ENVL_EXIT_NOT_ENVELOPE = 4,
    ENVL_EXIT_DAMAGED = 5,
    ENVL_EXIT_SALVAGED = 6, /* --salvage: output was written, with holes */
    ENVL_EXIT_PROGRAM = 7,  /* what made the data, or takes it, has failed */
    ENVL_EXIT_MISSING = 8   /* the input is not there; nothing else failed */
};

/* envl_status_worse - that of two files.  Of all failures a missing file counts
 * least: who reads 8 need not fear anything else. */
enum envl_status envl_status_worse(enum envl_status a, enum envl_status b);

/* envl_status_of - the exit status that goes with a reason; which one it is
 * may depend on the way */
enum envl_status envl_status_of(enum envelope_reason reason,
                                enum envl_direction direction);

/*
 * envl_report - "envelope: NAME: TEXT: DETAIL", and a hint line for reasons
 * that have one
 *
 *   name  the file that it is about, or NULL
 *
 * Returns: envl_status_of().
 */
enum envl_status envl_report(const char *name, const struct envl_err *err,
                             enum envl_direction direction);

/* envl_report_with - the same with a hint of the caller's, as envl_hint() takes
 * it, or NULL for none:
 * there is never more than one
 * envl_report_plain - the same without any hint */
enum envl_status envl_report_with(const char *name, const struct envl_err *err,
                                  enum envl_direction direction,
                                  const char *hint);

enum envl_status envl_report_plain(const char *name, const struct envl_err *err,
                                   enum envl_direction direction);

/*
 * envl_report_copy - the same for a command that reads one file and writes
 * another one: of the two, the one that it is about is named
 *
 *   input, output  their names; NULL and "-" are the standard ones
 *
 * envl_report_copy_with - the same with this hint, unless it is NULL
 */
enum envl_status envl_report_copy(const char *input, const char *output,
                                  const struct envl_err *err,
                                  enum envl_direction direction);
enum envl_status envl_report_copy_with(const char *input, const char *output,
                                       const struct envl_err *err,
                                       enum envl_direction direction,
                                       const char *hint);

/* envl_report_usage - "envelope: ..." and a hint at --help; ENVL_EXIT_USAGE
 * envl_report_command - from now on that is the help of this command */
void envl_report_command(const char *name);
enum envl_status envl_report_usage(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/*
 * envl_hint - "hint: ..." on standard error, for a failure that was reported
 *
 *   hint  a constant: it is said once in a run, for however many files it is
 */
void envl_hint(const char *hint);

#endif
