/* SPDX-License-Identifier: Apache-2.0 */
/* How long the payload of an envelope is, from the file's size and the
 * headers of its members: the data itself is not read. */
#ifndef ENVL_MEASURE_H
#define ENVL_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/stream/header_file.h"
#include "lib/base/err.h"

/*
 * envl_measure_payload - bytes of the payload in fd, a regular file
 *
 *   head  of this file
 *   size  of it
 *
 * An archive of one piece length is measured from its end, any other by going
 * from member to member.
 * Returns: ENVELOPE_OK; ENVELOPE_R_CARRIER, _MEMBER or _TRUNCATED; _READ;
 *          _MEMORY.
 */
enum envelope_reason envl_measure_payload(uint64_t *len,
                                          const struct envl_header_file *head,
                                          int fd, uint64_t size,
                                          struct envl_err *err);

/*
 * envl_measure_text - bytes of plaintext in a payload of this length
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_TRUNCATED or _TOO_LONG if no plaintext
 *          makes such a payload (FORMAT 1).
 */
enum envelope_reason envl_measure_text(uint64_t *text_len, uint64_t payload_len,
                                       struct envl_err *err);

/*
 * envl_measure_is_saved_header - is this payload only the 56 bytes that a saved
 * header ends with (envelope header save)?
 *
 *   payload_len  from envl_measure_payload()
 */
bool envl_measure_is_saved_header(const struct envl_header_file *head,
                                  uint64_t payload_len);

/*
 * envl_measure_hint - what to do about a failure that is due to fd being a saved
 * header; NULL if it is not due to that.  Where fd stands changes
 */
const char *envl_measure_hint(int fd, const struct envl_err *err);

/* Of an archive: does it end where it says that it ends?  A raw stream has no end
 * of its own, and of what cannot seek nobody knows. */
enum envl_ending { ENVL_ENDING_UNKNOWN, ENVL_ENDING_WHOLE, ENVL_ENDING_BAD };

/* envl_measure_ending - which one fd has; where fd stands changes */
enum envl_ending envl_measure_ending(int fd);

#endif
