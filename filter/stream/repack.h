/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An envelope once more, with another header in front of its payload, which
 * is copied as it is: nothing is decrypted here, and nothing verified but
 * that the payload has a length that a payload can have.
 */
#ifndef ENVL_COPIER_H
#define ENVL_COPIER_H

#include "filter/stream/header_file.h"
#include "filter/stream/options.h"
#include "lib/base/err.h"
#include "lib/header/header.h"

/*
 * envl_copy - write what is in one file to another
 *
 *   in       the file that head was read from, read from its beginning on
 *   header   to stand in front of the same payload: with the labels of head's
 *   options  of which the carrier, the piece length and xbcloud are used; what
 *            they leave open stays as it is
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; _WRITE; what a carrier is refused
 *          for; _TRUNCATED; _TOO_LONG; _MEMORY.
 */
enum envelope_reason envl_copy(int in, const struct envl_header_file *head,
                               int out, const struct envl_header *header,
                               const struct envl_options *options,
                               struct envl_err *err);

#endif
