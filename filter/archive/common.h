/* SPDX-License-Identifier: Apache-2.0 */
/* What writing and reading archives share: options, and how errors reach
 * libarchive. */
#ifndef ENVL_ARCHIVE_COMMON_H
#define ENVL_ARCHIVE_COMMON_H

#include <envelope/archive.h>

#include "filter/stream/options.h"
#include "lib/base/err.h"

/*
 * envl_archive_fail - hand a failure to libarchive
 *
 *   error  the system's error number, which counts for ENVELOPE_R_READ and
 *          _WRITE; 0 if it reported none
 *
 * Returns: ARCHIVE_FATAL.
 */
int envl_archive_fail(struct archive *a, const struct envl_err *err, int error);

/* envl_archive_options - take an array of options; the caller clears them,
 * also on failure */
enum envelope_reason envl_archive_options(struct envl_options *to,
                                          const struct envelope_option *options,
                                          struct envl_err *err);

#endif
