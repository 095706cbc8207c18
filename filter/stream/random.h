/* SPDX-License-Identifier: Apache-2.0 */
/* Reads plaintext at any offset of an envelope whose source can seek.  Each
 * chunk is verified. */
#ifndef ENVL_RANDOM_H
#define ENVL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/reader.h"
#include "filter/stream/cipher.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

struct envl_random;

/*
 * envl_random_new - find out how long the plaintext is; envl_random_open()
 * verifies the length
 *
 *   map  the places of the payload's pieces
 *
 * Ownership: *random is the caller's, envl_random_free(); source and cipher
 *            are borrowed.  NULL on failure, and the source is restored.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_CARRIER or _CARRIER_MEMBER if the archive
 *            is not laid out as this project writes it, cipher untouched;
 *            what the cipher returns.
 */
enum envelope_reason envl_random_new(struct envl_random **random,
                                     struct envl_source *source,
                                     const struct envl_map *map,
                                     struct envl_err *err);
void envl_random_free(struct envl_random *random);

/* envl_random_open - borrow the cipher and verify the last chunk, which proves
 * the length; must be called once, before the two functions below */
enum envelope_reason envl_random_open(struct envl_random *random,
                                      struct envl_cipher *cipher,
                                      struct envl_err *err);

/* envl_random_size - bytes of plaintext */
int64_t envl_random_size(const struct envl_random *random);

/* envl_random_limit - read no chunk ahead that begins at this offset or after
 * it; UINT64_MAX, as at first: there is no limit */
void envl_random_limit(struct envl_random *random, uint64_t limit);

/*
 * envl_random_read - get plaintext from this offset on
 *
 *   *len  receives the number of bytes at *p, which are valid until the next
 *         call; 0 at the end
 *
 * Returns: ENVELOPE_OK; as envl_chunks_load() and envl_chunks_open().
 */
enum envelope_reason envl_random_read(struct envl_random *random,
                                      int64_t offset, const unsigned char **p,
                                      size_t *len, struct envl_err *err);

#endif
