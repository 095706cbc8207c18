/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving data to a program.  It has to take all of it, but for the zeros at the end of
 * a tar: tar(1) stops in the block that has the end of the archive, which may not be
 * the last one, and reads from a pipe as much as is there.
 */
#ifndef ENVL_TAKER_H
#define ENVL_TAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/tar.h"
#include "lib/base/err.h"
#include "tools/os/program.h"

/* All zero but for the program, before the first bytes of the data. */
struct envl_taker {
    struct envl_program *program; /* borrowed */
    bool is_tar;
    bool gone;            /* it reads no more, and need not */
    uint64_t size;        /* bytes of the data so far */
    uint64_t zeros;       /* that they end with */
    uint64_t left;        /* that it has not taken, when it has gone */
    uint64_t archive_len; /* up to the zeros that end it */
    struct envl_tar_walk walk;
};

/*
 * envl_taker_write - give it the next bytes
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WRITE with errno set, EPIPE if it has gone and
 *          something is left for it.
 */
enum envelope_reason envl_taker_write(struct envl_taker *taker,
                                      const unsigned char *p, size_t len,
                                      struct envl_err *err);

#endif
