/* SPDX-License-Identifier: Apache-2.0 */
/* What a key proves of a saved header: that it opens it, and that data in a file
 * belongs to it. */
#ifndef ENVL_HEADER_KEY_H
#define ENVL_HEADER_KEY_H

#include <stdbool.h>

#include "filter/stream/cipher.h"
#include "filter/stream/header_file.h"
#include "filter/stream/header_site.h"
#include "filter/stream/options.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/*
 * envl_header_key_open - open a saved header, up to the commitment
 *
 * Ownership: *cipher is the caller's, envl_cipher_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; what the cipher returns.
 */
enum envelope_reason envl_header_key_open(struct envl_cipher **cipher,
                                          const struct envl_options *options,
                                          const struct envl_header_file *saved,
                                          struct envl_err *err);

/*
 * envl_header_key_prove - open a chunk of the payload at this place: the first,
 * or else one after it, at about twice the distance each time
 *
 *   site      if seen_len is set, map.piece_len receives the length of the piece:
 *             the last chunk opens where it ends
 *   is_first  receives whether the first chunk opened; if not, it and perhaps
 *             more is damaged
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CHUNK if none opened; ENVELOPE_R_LAST_CHUNK
 *          if the length of a piece was not found; ENVELOPE_R_READ; _MEMORY.
 */
enum envelope_reason envl_header_key_prove(struct envl_cipher *cipher,
                                           struct envl_source *source,
                                           struct envl_header_site *site,
                                           bool *is_first,
                                           struct envl_err *err);

#endif
