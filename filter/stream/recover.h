/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of a payload whose frames may be damaged: where they are follows from
 * the frames that are not.  Nothing of it is trusted; whether a chunk is where
 * it is looked for is for its tag to say.
 */
#ifndef ENVL_RECOVER_H
#define ENVL_RECOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/reader.h"
#include "lib/base/err.h"

struct envl_source;

/* Longest lead of a piece. */
#define ENVL_LEAD_LEN_MAX 1024

/* envl_recover_is_lead - are these lead_len bytes that of a piece, which is
 * where it should be? */
bool envl_recover_is_lead(const struct envl_layout *layout,
                          const unsigned char *lead, uint64_t piece);

/*
 * envl_recover_layout - find the layout without the first lead
 *
 *   layout      kind and header_len are set; piece_len becomes 0 if no other
 *               lead is found
 *   header_end  where the key envelope ends in the archive
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ; _MEMORY.
 */
enum envelope_reason envl_recover_layout(struct envl_layout *layout,
                                         struct envl_source *source,
                                         uint64_t header_end,
                                         struct envl_err *err);

#endif
