/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An envelope whose key envelope was opened and whose commitment was checked;
 * no chunk is decrypted yet.  If the file can seek, plaintext can be read at
 * any place, here or by a scan.
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
 * envl_reader_new - open an envelope, up to the commitment
 *
 *   fd      its offset is at the beginning of the envelope
 *   frames  whether a damaged frame of the carrier is a failure
 *
 * Ownership: *reader is the caller's, envl_reader_free(); NULL on failure.  fd
 *            is borrowed, and the caller must not use it until then.
 * Returns:   ENVELOPE_OK; what the cipher returns, or envl_carrier_next();
 *            ENVELOPE_R_READ.
 */
enum envelope_reason envl_reader_new(struct envl_reader **reader, int fd,
                                     const struct envl_options *options,
                                     enum envl_frames frames,
                                     struct envl_err *err);
void envl_reader_free(struct envl_reader *reader);

/*
 * envl_reader_id - the payload's salt and commitment,
 * ENVELOPE_PAYLOAD_START_LENGTH bytes: no two envelopes have the same, and a
 * rewrap changes neither
 */
const unsigned char *envl_reader_id(const struct envl_reader *reader);

/*
 * envl_reader_measure - get the number of plaintext bytes; the last chunk is
 * verified.  envl_reader_read() may follow
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

/* envl_reader_limit - envl_random_limit() */
void envl_reader_limit(struct envl_reader *reader, uint64_t limit);

/* envl_reader_read_len - bytes of the file that were read so far */
uint64_t envl_reader_read_len(const struct envl_reader *reader);

/*
 * envl_reader_place - get the source, the cipher and the map, for code that
 * reads the payload itself
 *
 * Ownership: *source and *cipher are borrowed from reader.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ if the file cannot seek;
 *            ENVELOPE_R_CARRIER_MEMBER if the archive was packed again.
 */
enum envelope_reason envl_reader_place(struct envl_reader *reader,
                                       struct envl_source **source,
                                       struct envl_cipher **cipher,
                                       struct envl_map *map,
                                       struct envl_err *err);

#endif
