/* SPDX-License-Identifier: Apache-2.0 */
/* A program's read callbacks of libarchive, as a source. */
#ifndef ENVL_CLIENT_H
#define ENVL_CLIENT_H

#include <archive.h>

#include "filter/stream/source.h"

/* All zero if there are no callbacks. */
struct envl_client {
    struct archive *archive; /* passed to the callbacks, as is data */
    void *data;
    archive_read_callback *read;
    archive_skip_callback *skip;   /* or NULL */
    archive_seek_callback *seek;   /* or NULL */
    archive_close_callback *close; /* or NULL */
};

/* envl_client_attach - let the source read with the callbacks, if there are
 * any; client is borrowed, and must not move while source exists */
void envl_client_attach(const struct envl_client *client,
                        struct envl_source *source);

/* envl_client_close - call the close callback; ARCHIVE_OK if there is none */
int envl_client_close(const struct envl_client *client);

#endif
