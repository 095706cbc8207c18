/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive begins with. */
#ifndef ENVL_LOOK_H
#define ENVL_LOOK_H

#include <stdbool.h>

#include "filter/source.h"
#include "lib/err.h"

/*
 * envl_look - is it an envelope?
 *
 *   name    what messages call the source
 *   *error  errno of a look that failed
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ, and nothing is known.
 */
enum envelope_reason envl_look(struct envl_source *source, const char *name,
                               bool *is_envelope, int *error,
                               struct envl_err *err);

#endif
