/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of an archive without its payload, of a source that can seek: is
 * all there, how long is the payload, and does nothing follow?  The rules are
 * those of reading in order (FORMAT 10.3), but for a CRC-32 of payload.
 */
#ifndef ENVL_CARRIER_PASS_H
#define ENVL_CARRIER_PASS_H

#include <stdint.h>

#include "filter/carrier/reader.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

/*
 * envl_carrier_pass - from the beginning to the end, from frame to frame
 *
 *   payload_len  receives the bytes of payload that were met, on failure as
 *                well
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CARRIER, _MEMBER or _TRUNCATED; _READ;
 *          _MEMORY.
 */
enum envelope_reason envl_carrier_pass(uint64_t *payload_len,
                                       enum envl_carrier kind,
                                       struct envl_source *source,
                                       struct envl_err *err);

/*
 * envl_carrier_pass_end - the same, from the end of so many pieces on
 *
 *   payload_len  their length; more, if there is more payload than they are
 *   map          where they lie
 */
enum envelope_reason envl_carrier_pass_end(uint64_t *payload_len,
                                           uint64_t pieces,
                                           const struct envl_map *map,
                                           struct envl_source *source,
                                           struct envl_err *err);

#endif
