/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/stream/spans.h"

enum envelope_reason
envl_spans_next(struct envl_spans *spans, const unsigned char **p, size_t *len,
                struct envl_err *err)
{
    struct envl_input *in = &spans->in;
    enum envelope_reason rc = ENVELOPE_OK;

    *len = 0;
    while (rc == ENVELOPE_OK) {
        switch (envl_carrier_next(spans->reader, in, p, len, err)) {
        case ENVL_STEP_INPUT:
            rc = envl_source_next(spans->source, &in->p, &in->len, err);
            in->ended = in->len == 0;
            spans->given += in->len;
            break;
        case ENVL_STEP_OUTPUT:
            return ENVELOPE_OK;
        case ENVL_STEP_END:
            *len = 0;
            return ENVELOPE_OK;
        default:
            return err->reason;
        }
    }
    return rc;
}
