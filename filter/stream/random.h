/* SPDX-License-Identifier: Apache-2.0 */
/* Text at any place of an envelope whose source can seek, read and verified
 * chunk by chunk. */
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
 * envl_random_new - find out how long the text is
 *
 * The last chunk is read and verified: the length is true.
 *
 *   map  where the payload lies
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

/* envl_random_open - take the cipher over and verify the end; must be called
 * once, before the two below */
enum envelope_reason envl_random_open(struct envl_random *random,
                                      struct envl_cipher *cipher,
                                      struct envl_err *err);

/* envl_random_size - bytes of text */
int64_t envl_random_size(const struct envl_random *random);

/*
 * envl_random_read - text from this offset on
 *
 *   *len  bytes at *p, which stay until the next call; 0 at the end
 */
enum envelope_reason envl_random_read(struct envl_random *random,
                                      int64_t offset, const unsigned char **p,
                                      size_t *len, struct envl_err *err);

#endif
