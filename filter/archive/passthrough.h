/* SPDX-License-Identifier: Apache-2.0 */
/* Gives an archive that is no envelope to libarchive, from its first byte,
 * although its beginning was read already. */
#ifndef ENVL_PASSTHROUGH_H
#define ENVL_PASSTHROUGH_H

#include <stdbool.h>

#include <archive.h>

#include "filter/archive/client.h"
#include "filter/stream/source.h"

/*
 * envl_passthrough_open - archive_read_open1() on a source after
 * envl_source_peek()
 *
 *   client   the callbacks of the source, or all zero
 *   owns_fd  close the descriptor with the archive
 *
 * Ownership: source and client are copied; the copies are cleared with the
 *            archive.
 * Returns:   what libarchive returns.
 */
int envl_passthrough_open(struct archive *a, const struct envl_source *source,
                          const struct envl_client *client, bool owns_fd);

#endif
