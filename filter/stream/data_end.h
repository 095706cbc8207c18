/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the data that is encrypted is there to its end, if it is of a kind that has
 * one: a pipe does not show that its writer has died.  A tar or an xbstream is followed
 * from header to header; its data is passed over.
 */
#ifndef ENVL_DATA_END_H
#define ENVL_DATA_END_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/carrier/kind.h"
#include "filter/carrier/reader.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/send_end.h"
#include "filter/stream/slot.h"

struct envl_data_end {
    enum envl_carrier kind; /* ENVL_RAW if it is no archive, and then: */
    enum envl_send_kind send;
    uint64_t size;                             /* bytes of the data so far */
    unsigned char tail[ENVL_CARRIER_TAIL_LEN]; /* the last of them */
    size_t tail_len;
    struct envl_tar_walk tar;
    struct envl_xb_walk xbstream;
};

/*
 * envl_data_end_init - begin with the first len bytes of the data, 512 or all
 *
 * Returns: whether data of this kind has an end of its own.
 */
bool envl_data_end_init(struct envl_data_end *end, const unsigned char *p,
                        size_t len);

/* envl_data_end_note - look at the data of the next slot, before it is
 * encrypted in place */
void envl_data_end_note(struct envl_data_end *end,
                        const struct envl_slot *slot);

/* envl_data_end_lacks - what the data should end with and does not, static; NULL
 * if it is whole */
const char *envl_data_end_lacks(const struct envl_data_end *end);

#endif
