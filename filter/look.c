/* SPDX-License-Identifier: Apache-2.0 */
/* A look that fails says nothing about what is there: it is never an answer. */
#include "filter/look.h"

#include <errno.h>

enum envelope_reason
envl_look(struct envl_source *source, const char *name, bool *is_envelope,
          int *error, struct envl_err *err)
{
    enum envelope_reason rc;
    enum envl_carrier kind;
    struct envl_err why;

    errno = 0;
    rc = envl_source_peek(source, &why);
    *error = rc != ENVELOPE_OK ? errno : 0;
    if (rc != ENVELOPE_OK)
        return envl_fail(err, rc, "%s: %s", name, why.detail);
    *is_envelope =
        envl_carrier_recognise(&kind, source->start, source->start_len);
    return ENVELOPE_OK;
}
