/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An envelope whose header has been opened: the key fits, the commitment is
 * right, and nothing after it was deciphered yet.  If its file can seek it is
 * read on from any place, here or by a scan.
 */
#ifndef ENVL_READER_H
#define ENVL_READER_H

#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/reader.h"
#include "filter/stream/cipher.h"
#include "filter/stream/options.h"
#include "filter/stream/pieces.h"
#include "lib/base/err.h"

struct envl_reader;

/*
 * envl_reader_new - read as far as the commitment
 *
 *   fd  stands at the beginning of the envelope
 *
 * Ownership: *reader is the caller's, envl_reader_free(); NULL on failure.  fd
 *            stays the caller's, who leaves it alone until then.
 * Returns:   ENVELOPE_OK; what the cipher returns, or envl_carrier_next();
 *            ENVELOPE_R_READ.
 */
enum envelope_reason envl_reader_new(struct envl_reader **reader, int fd,
                                     const struct envl_options *options,
                                     enum envl_frames frames,
                                     struct envl_err *err);
void envl_reader_free(struct envl_reader *reader);

/*
 * envl_reader_measure - how much text there is; the last chunk is read and
 * verified, and envl_reader_read() may follow
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ if the file cannot seek; _CARRIER_
 *          TRUNCATED; as envl_random_new() and envl_random_open().
 */
enum envelope_reason envl_reader_measure(struct envl_reader *reader,
                                         uint64_t *size, struct envl_err *err);

/* envl_reader_read - envl_random_read() */
enum envelope_reason envl_reader_read(struct envl_reader *reader,
                                      uint64_t offset, const unsigned char **p,
                                      size_t *len, struct envl_err *err);

/*
 * envl_reader_place - where the payload lies, for who reads it by himself
 *
 * Ownership: *source and *cipher stay the envelope's.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ if the file cannot seek;
 *            ENVELOPE_R_CARRIER_MEMBER if the archive was packed again.
 */
enum envelope_reason envl_reader_place(struct envl_reader *reader,
                                       struct envl_source **source,
                                       struct envl_cipher **cipher,
                                       struct envl_map *map,
                                       struct envl_err *err);

#endif
