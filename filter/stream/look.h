/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at an archive's first bytes: is it an envelope, and must it be one? */
#ifndef ENVL_LOOK_H
#define ENVL_LOOK_H

#include <stdbool.h>

#include "filter/stream/options.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/*
 * envl_look - is the source an envelope?
 *
 * If the options name an identity or a passphrase, the source must be an
 * envelope, unless the option require says otherwise.
 *
 *   name    the source's name in messages
 *   *error  receives errno if reading failed
 *
 * Returns: ENVELOPE_OK with *is_envelope; ENVELOPE_R_READ if reading failed;
 *          ENVELOPE_R_NOT_ENVELOPE if the source must be an envelope but is
 *          not.
 */
enum envelope_reason envl_look(struct envl_source *source,
                               const struct envl_options *options,
                               const char *name, bool *is_envelope, int *error,
                               struct envl_err *err);

#endif
