/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive begins with, and whether that will do. */
#ifndef ENVL_LOOK_H
#define ENVL_LOOK_H

#include <stdbool.h>

#include "filter/stream/options.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/*
 * envl_look - is it an envelope?
 *
 * Where the options name an identity or a passphrase it must be one, unless
 * the option require says otherwise.
 *
 *   name    what messages call the source
 *   *error  errno of a look that failed
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ, and nothing is known;
 *          ENVELOPE_R_NOT_ENVELOPE if it must be one and is none.
 */
enum envelope_reason envl_look(struct envl_source *source,
                               const struct envl_options *options,
                               const char *name, bool *is_envelope, int *error,
                               struct envl_err *err);

#endif
