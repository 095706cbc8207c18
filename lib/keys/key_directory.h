/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a directory of keys. */
#ifndef ENVL_KEY_DIRECTORY_H
#define ENVL_KEY_DIRECTORY_H

#include <stdbool.h>

#include "lib/base/err.h"

/* envl_key_directory_is - is there a directory of this name? */
bool envl_key_directory_is(const char *path);

/* Takes one file; path is borrowed. */
typedef enum envelope_reason envl_key_path_fn(void *arg, const char *path,
                                              struct envl_err *err);

/*
 * envl_key_directory_read - call take for each file of a directory, sorted by
 * the bytes of their names
 *
 * Hidden files and directories are skipped.  Every other entry must be a file
 * that can be read, because it may be somebody's only recipient.  So a dangling
 * link, a FIFO, and a copy that an editor or a package manager left are errors,
 * which name the entry.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY, also for a directory without
 *          any file; ENVELOPE_R_MEMORY; what take returned.
 */
enum envelope_reason envl_key_directory_read(const char *path,
                                             envl_key_path_fn *take, void *arg,
                                             struct envl_err *err);

#endif
