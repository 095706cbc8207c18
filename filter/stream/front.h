/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of an envelope in any carrier: its header, and the first bytes of
 * the payload.  No key is used.
 */
#ifndef ENVL_FRONT_H
#define ENVL_FRONT_H

#include <stddef.h>

#include <envelope/envelope.h>

#include "filter/carrier/reader.h"
#include "filter/stream/source.h"
#include "filter/stream/spans.h"
#include "lib/base/err.h"
#include "lib/header/header.h"

/* It must not be moved: spans points into it. */
struct envl_front {
    struct envl_source source;
    struct envl_spans spans; /* after the front: the rest of the stream */
    enum envl_carrier kind;
    struct envl_header header; /* owned; complete if bytes is not NULL, and
                                * reading did not fail before its end */
    unsigned char start[ENVELOPE_PAYLOAD_START_LENGTH]; /* of the payload */

    unsigned char prelude[ENVL_PRELUDE_LEN];
    size_t have;               /* bytes of the stream so far */
    const unsigned char *rest; /* of the span in which the front ended */
    size_t rest_len;
};

/*
 * envl_front_read - read and check the front of what fd reads
 *
 * Ownership: front is the caller's, envl_front_clear(), also on failure; fd is
 *            borrowed until then.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ; _NOT_ENVELOPE and other reasons to
 *            refuse a carrier or a header; _TRUNCATED if only the header is
 *            complete; _MEMORY.
 */
enum envelope_reason envl_front_read(struct envl_front *front, int fd,
                                     struct envl_err *err);
void envl_front_clear(struct envl_front *front);

#endif
