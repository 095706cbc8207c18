/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what was decrypted: with --sparse, runs of zeros become holes. */
#ifndef ENVL_SPARSE_H
#define ENVL_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "tools/os/output.h"

/* Of an output that was just opened. */
struct envl_sparse {
    int fd;
    bool holes;    /* make them */
    uint64_t at;   /* bytes so far */
    uint64_t hole; /* bytes at the end that were not written yet */
};

/*
 * envl_sparse_begin - at the beginning of an output
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if there are to be holes, and it is
 *          no new file.
 */
enum envelope_reason envl_sparse_begin(struct envl_sparse *sparse,
                                       const struct envl_output *output,
                                       bool holes, struct envl_err *err);

/*
 * envl_sparse_write - write all of it; whole blocks of 4,096 zeros become holes
 * envl_sparse_end - give the file its length, where it ends with a hole
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WRITE.
 */
enum envelope_reason envl_sparse_write(struct envl_sparse *sparse,
                                       const unsigned char *p, size_t len,
                                       struct envl_err *err);
enum envelope_reason envl_sparse_end(struct envl_sparse *sparse,
                                     struct envl_err *err);

#endif
