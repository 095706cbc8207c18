/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the data that is encrypted, a tar or an xbstream, is there to its end:
 * a pipe does not show that its writer has died.  The archive is followed from
 * header to header; its data is passed over.
 */
#ifndef ENVL_DATA_END_H
#define ENVL_DATA_END_H

#include <stdint.h>

#include "filter/carrier/kind.h"
#include "filter/carrier/reader.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/slot.h"

/* All zero but for kind before the first slot. */
struct envl_data_end {
    enum envl_carrier kind;                    /* ENVL_TAR or ENVL_XBSTREAM */
    uint64_t size;                             /* bytes of the data so far */
    unsigned char tail[ENVL_CARRIER_TAIL_LEN]; /* the last of them */
    size_t tail_len;
    struct envl_tar_walk tar;
    struct envl_xb_walk xbstream;
};

/* envl_data_end_note - look at the data of the next slot, before it is
 * encrypted in place */
void envl_data_end_note(struct envl_data_end *end,
                        const struct envl_slot *slot);

/* envl_data_end_lacks - what the data should end with and does not, static; NULL
 * if it is whole */
const char *envl_data_end_lacks(const struct envl_data_end *end);

#endif
