/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks the frames of an archive whose source can seek, and skips the payload:
 * are all frames there, how long is the payload, and does nothing follow?  The
 * rules are those of reading in order (FORMAT 10.3), without the CRC-32 of the
 * payload.
 */
#ifndef ENVL_CARRIER_PASS_H
#define ENVL_CARRIER_PASS_H

#include <stdint.h>

#include "filter/carrier/reader.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/*
 * envl_carrier_pass - check all frames, from the beginning to the end
 *
 *   payload_len  receives the number of payload bytes so far, also on failure
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CARRIER, _MEMBER or _TRUNCATED; _READ;
 *          _MEMORY.
 */
enum envelope_reason envl_carrier_pass(uint64_t *payload_len,
                                       enum envl_carrier kind,
                                       struct envl_source *source,
                                       struct envl_err *err);

/*
 * envl_carrier_pass_end - check only the frames after the first pieces
 *
 *   payload_len  the bytes of these pieces; receives more if payload follows
 *   pieces       their number
 *   map          their places
 */
enum envelope_reason envl_carrier_pass_end(uint64_t *payload_len,
                                           uint64_t pieces,
                                           const struct envl_map *map,
                                           struct envl_source *source,
                                           struct envl_err *err);

#endif
