/* SPDX-License-Identifier: Apache-2.0 */
/* What is read: a file by its name, or standard input. */
#ifndef ENVL_INPUT_FILE_H
#define ENVL_INPUT_FILE_H

#include <stdint.h>

#include "lib/err.h"

struct envl_input_file {
    int fd;
    int64_t size; /* bytes that are left to read; -1 if that is not known */
};

/*
 * envl_input_open - open a file; name NULL or "-" is standard input
 *
 * Ownership: envl_input_close(), also behind a failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ with the system's text, also for a
 *            directory.
 */
enum envelope_reason envl_input_open(struct envl_input_file *input,
                                     const char *name, struct envl_err *err);
void envl_input_close(struct envl_input_file *input);

#endif
