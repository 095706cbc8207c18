/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies an envelope with another header before the same payload.  The payload
 * is neither decrypted nor verified; only its length must be valid, or that of a
 * saved header, which has no chunk.
 */
#ifndef ENVL_COPIER_H
#define ENVL_COPIER_H

#include "filter/stream/header_file.h"
#include "filter/stream/options.h"
#include "lib/base/err.h"
#include "lib/header/header.h"

/*
 * envl_copy - copy the envelope of one file to another
 *
 *   in       the file that head was read from; it is read from its beginning
 *   header   the new header, with the same labels as head's
 *   options  give the carrier, the piece length and xbcloud; those that are not
 *            set stay as they are
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; _WRITE; reasons to refuse a carrier;
 *          _TRUNCATED; _TOO_LONG; _MEMORY.
 */
enum envelope_reason envl_copy(int in, const struct envl_header_file *head,
                               int out, const struct envl_header *header,
                               const struct envl_options *options,
                               struct envl_err *err);

#endif
