/* SPDX-License-Identifier: Apache-2.0 */
/* What is read: a file by its name, or standard input. */
#ifndef ENVL_INPUT_FILE_H
#define ENVL_INPUT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct envl_input_file {
    int fd;
    int64_t size; /* bytes that are left to read; -1 if that is not known */
    bool missing; /* there is no such file, in a directory that there is */
};

enum envl_input_kind {
    ENVL_INPUT_ANY,   /* a FIFO, too, which waits for who writes it */
    ENVL_INPUT_STORED /* where others may write: a FIFO there would wait for
                       * ever, and is refused */
};

/*
 * envl_input_open - open a file; name NULL or "-" is standard input
 *
 * Ownership: envl_input_close(), also after a failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ with the system's text, also for a
 *            directory.
 */
enum envelope_reason envl_input_open(struct envl_input_file *input,
                                     const char *name,
                                     enum envl_input_kind kind,
                                     struct envl_err *err);
void envl_input_close(struct envl_input_file *input);

/*
 * envl_input_is_missing - is there no file of this name, but its directory?
 *
 * A link that leads to nothing is there, and so is what cannot be looked at: a
 * program that takes a missing file for the end, such as PostgreSQL in a
 * recovery, must not take those for it.
 */
bool envl_input_is_missing(const char *name);

#endif
