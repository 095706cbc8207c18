/* SPDX-License-Identifier: Apache-2.0 */
/* Small files whole: keys and passphrases. */
#ifndef ENVL_FILE_H
#define ENVL_FILE_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/settings.h"

/*
 * envl_file_read - read a file to its end
 *
 *   name  of a file, a FIFO, a /dev/fd entry
 *   max   bytes that it may have
 *
 * Ownership: *content is the caller's, envl_octets_clear(); empty on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the file and why;
 *            ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_file_read(struct envl_octets *content,
                                    const char *name, size_t max,
                                    struct envl_err *err);

#endif
