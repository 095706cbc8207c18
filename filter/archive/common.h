/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by writing and reading archives: options, and giving errors to
 * libarchive. */
#ifndef ENVL_ARCHIVE_COMMON_H
#define ENVL_ARCHIVE_COMMON_H

#include <envelope/archive.h>

#include "filter/stream/options.h"
#include "lib/base/err.h"

/*
 * envl_archive_fail - give a failure to libarchive
 *
 *   error  the system's error number, used for ENVELOPE_R_READ and _WRITE; 0 if
 *          there is none
 *
 * Returns: ARCHIVE_FATAL.
 */
int envl_archive_fail(struct archive *a, const struct envl_err *err, int error);

/* envl_archive_options - read an array of options into `to`, which the caller
 * clears, also on failure; returns what envl_options_set() returns */
enum envelope_reason envl_archive_options(struct envl_options *to,
                                          const struct envelope_option *options,
                                          struct envl_err *err);

#endif
