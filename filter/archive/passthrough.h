/* SPDX-License-Identifier: Apache-2.0 */
/* What is no envelope, and was read to find that out, goes on to libarchive
 * from its first byte. */
#ifndef ENVL_PASSTHROUGH_H
#define ENVL_PASSTHROUGH_H

#include <stdbool.h>

#include <archive.h>

#include "filter/archive/client.h"
#include "filter/stream/source.h"

/*
 * envl_passthrough_open - archive_read_open1() on a source that was looked at
 *
 *   client   what the source reads through, or all zero
 *   owns_fd  the descriptor is to be closed with the archive
 *
 * Ownership: source and client are copied, and cleared with the archive.
 * Returns:   what libarchive returns.
 */
int envl_passthrough_open(struct archive *a, const struct envl_source *source,
                          const struct envl_client *client, bool owns_fd);

#endif
