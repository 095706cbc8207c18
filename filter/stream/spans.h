/* SPDX-License-Identifier: Apache-2.0 */
/* The stream that an archive holds, in order: spans of it, where they lie in
 * the blocks of the source. */
#ifndef ENVL_SPANS_H
#define ENVL_SPANS_H

#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/input.h"
#include "filter/carrier/reader.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/* To begin with all is zero but for these two, which are borrowed. */
struct envl_spans {
    struct envl_source *source;
    struct envl_carrier_reader *reader;
    struct envl_input in; /* of the source, and not yet used */
    uint64_t given;       /* bytes of the source so far, in counted */
};

/*
 * envl_spans_next - the next span
 *
 *   *len  0 once the archive and the source have ended
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; what envl_carrier_next() fails for.
 */
enum envelope_reason envl_spans_next(struct envl_spans *spans,
                                     const unsigned char **p, size_t *len,
                                     struct envl_err *err);

#endif
