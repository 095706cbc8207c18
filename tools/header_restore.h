/* SPDX-License-Identifier: Apache-2.0 */
/* envelope header restore: a saved header is put back in place. */
#ifndef ENVL_HEADER_RESTORE_H
#define ENVL_HEADER_RESTORE_H

#include "filter/stream/header_file.h"
#include "lib/base/err.h"
#include "tools/arguments.h"

/*
 * envl_saved_header_read - read a header from a file or a pipe, and check its
 * form
 *
 * Ownership: head is the caller's, envl_header_file_clear(), also on failure.
 * Returns:   ENVELOPE_OK; as envl_header_file_read() and envl_key_envelope_
 *            list().
 */
enum envelope_reason envl_saved_header_read(struct envl_header_file *head,
                                            int fd, struct envl_err *err);

/* envl_command_header_restore - arguments->files are the copy and the file */
enum envl_status envl_command_header_restore(struct envl_arguments *arguments);

#endif
