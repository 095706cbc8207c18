/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed stream as anybody sees it who holds no key: what was written when it
 * was encrypted, or what is stored.  Nothing of it is authentic.
 */
#ifndef ENVL_SEALED_H
#define ENVL_SEALED_H

#include <stdatomic.h>
#include <stdint.h>

#include <envelope/envelope.h>

#include "filter/carrier/kind.h"
#include "filter/stream/sums.h"
#include "lib/base/err.h"
#include "lib/header/header.h"

struct envl_sealed {
    enum envl_carrier kind;
    struct envl_header header;                          /* owned */
    unsigned char start[ENVELOPE_PAYLOAD_START_LENGTH]; /* of the payload */
    struct envl_sum_values sums; /* all; of a stream that is read, without sums,
                                  * only the lengths */
};

/*
 * envl_sealed_read - read all of fd: check the header, the frames of its
 * carrier and their checksums, and that nothing follows
 *
 *   with_sums  make the sums of the stream, too, in threads (sums.h)
 *   passed     receives the number of bytes so far; other threads may look
 *
 * Ownership: sealed is the caller's, envl_sealed_clear(), also on failure.
 * Returns:   ENVELOPE_OK; as envl_front_read() and envl_spans_next();
 *            ENVELOPE_R_CRYPTO.
 */
enum envelope_reason envl_sealed_read(struct envl_sealed *sealed, int fd,
                                      bool with_sums, _Atomic uint64_t *passed,
                                      struct envl_err *err);
void envl_sealed_clear(struct envl_sealed *sealed);

#endif
