/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target of an archive: a descriptor, a FILE, memory or a program's
 * callbacks.  It is written in the blocks that libarchive would write.
 */
#ifndef ENVL_TARGET_H
#define ENVL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <archive.h>

#include "filter/stream/blocks.h"
#include "filter/stream/options.h"
#include "lib/base/err.h"

/* One of fd, file, memory and write is set. */
struct envl_target {
    int fd; /* -1: none */
    bool owns_fd;
    FILE *file;
    unsigned char *memory;
    size_t size, *used, len;
    void *client_data;
    archive_open_callback *open;
    archive_write_callback *write;
    archive_close_callback *close;
    archive_free_callback *free;
    struct envl_blocks blocks;
};

/*
 * envl_target_check_blocks - can this carrier be written in the blocks that the
 * program has set?
 *
 * Zero bytes may only follow a tar, and no more than readers accept.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if the program wants padding that
 *          is not possible.
 */
enum envelope_reason envl_target_check_blocks(struct archive *a,
                                              enum envl_carrier carrier,
                                              struct envl_err *err);

/*
 * envl_target_take_blocks - take the settings of blocks from libarchive, which
 * then passes its output on without buffering
 *
 * Returns: 1; 0 if memory ran out.
 */
int envl_target_take_blocks(struct archive *a, struct envl_target *target,
                            enum envl_carrier carrier);

/*
 * envl_target_put - write len bytes, or hold them for the next block
 * envl_target_end - write the last block, and flush
 * envl_target_close - close a descriptor that is owned
 *
 * Returns: ARCHIVE_OK; ARCHIVE_FATAL, and a says why.
 */
int envl_target_put(struct archive *a, struct envl_target *target,
                    const unsigned char *p, size_t len);
int envl_target_end(struct archive *a, struct envl_target *target);
int envl_target_close(struct archive *a, struct envl_target *target);

/* envl_target_clear - close a descriptor that is owned, and free the blocks;
 * FILE, memory and callbacks are borrowed */
void envl_target_clear(struct envl_target *target);

#endif
