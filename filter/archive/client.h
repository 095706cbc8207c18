/* SPDX-License-Identifier: Apache-2.0 */
/* A program's read callbacks, as libarchive has them, and as a source. */
#ifndef ENVL_CLIENT_H
#define ENVL_CLIENT_H

#include <archive.h>

#include "filter/stream/source.h"

/* All zero where there are no callbacks. */
struct envl_client {
    struct archive *archive; /* what they are given */
    void *data;
    archive_read_callback *read;
    archive_skip_callback *skip;   /* NULL where there is none */
    archive_seek_callback *seek;   /* the same */
    archive_close_callback *close; /* the same */
};

/* envl_client_attach - let the source read through the callbacks, if there are
 * any; client is borrowed, and stays where it is as long as the source does */
void envl_client_attach(const struct envl_client *client,
                        struct envl_source *source);

/* envl_client_close - call the close callback; ARCHIVE_OK where there is none */
int envl_client_close(const struct envl_client *client);

#endif
