/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 sums of an envelope that passes: of its parts as the stream has them,
 * and of the archive.  Each sum that covers the data has a thread of its own,
 * because it takes longer than encryption.
 */
#ifndef ENVL_SUMS_H
#define ENVL_SUMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/base/err.h"
#include "lib/header/header.h"

#define ENVL_SUM_LEN 32

/* The sums that cover the data; the first ones are of the stream. */
enum envl_sum {
    ENVL_SUM_KEPT,    /* of all that a rewrap keeps:
                       * prelude[0..12) || labels || payload */
    ENVL_SUM_PAYLOAD, /* of the payload */
    ENVL_SUM_FILE,    /* of the archive, as it is written */
    ENVL_SUM_COUNT
};

#define ENVL_SUM_COUNT_OF_STREAM (ENVL_SUM_PAYLOAD + 1)

/* A sum, and the number of bytes that it is of. */
struct envl_sum_value {
    unsigned char value[ENVL_SUM_LEN];
    uint64_t len;
};

struct envl_sum_values {
    struct envl_sum_value header;
    struct envl_sum_value of[ENVL_SUM_COUNT];
};

struct envl_sums;

/*
 * envl_sums_new - begin the first count sums, and make that of the header
 *
 *   header  complete and checked; it is not used after this call
 *
 * Ownership: *sums is the caller's, envl_sums_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 * Threads:   one for each sum, with all signals blocked, from the first
 *            envl_sums_add() on.  A sum whose thread cannot be started is made
 *            by the caller of that function.
 */
enum envelope_reason envl_sums_new(struct envl_sums **sums, unsigned count,
                                   const struct envl_header *header,
                                   struct envl_err *err);
void envl_sums_free(struct envl_sums *sums);

/*
 * envl_sums_add - add bytes of the payload, and bytes of the archive; the bytes
 * must stay until envl_sums_wait()
 * envl_sums_wait - wait until the sums have them
 *
 * Threads: one at a time.
 */
void envl_sums_add(struct envl_sums *sums, struct iovec payload,
                   struct iovec file);
void envl_sums_wait(struct envl_sums *sums);

/*
 * envl_sums_end - get the sums; nothing can be added any more.  Those that were
 * not begun are zero
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CRYPTO.
 */
enum envelope_reason envl_sums_end(struct envl_sums *sums,
                                   struct envl_sum_values *values,
                                   struct envl_err *err);

#endif
