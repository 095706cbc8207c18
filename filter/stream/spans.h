/* SPDX-License-Identifier: Apache-2.0 */
/* The stream in an archive, in order, as spans that point into the blocks of
 * the source. */
#ifndef ENVL_SPANS_H
#define ENVL_SPANS_H

#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/input.h"
#include "filter/carrier/reader.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/* At first all members are zero but source and reader, which are borrowed. */
struct envl_spans {
    struct envl_source *source;
    struct envl_carrier_reader *reader;
    struct envl_input in; /* the source's bytes that are not yet used */
    uint64_t given;       /* bytes of the source so far, including in */
};

/*
 * envl_spans_next - get the next span, valid until the next call
 *
 *   *len  receives its bytes; 0 at the end of the archive and the source
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; the failures of envl_carrier_next().
 */
enum envelope_reason envl_spans_next(struct envl_spans *spans,
                                     const unsigned char **p, size_t *len,
                                     struct envl_err *err);

#endif
