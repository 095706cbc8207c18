/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by inside.c and the readers of the two kinds. */
#ifndef ENVL_INSIDE_IMPL_H
#define ENVL_INSIDE_IMPL_H

#include "filter/carrier/xbstream.h"
#include "filter/inside/inside.h"
#include "filter/inside/open_files.h"

struct envl_inside {
    struct envl_inside_source source;
    enum envl_carrier kind;
    uint64_t at; /* of the next entry */
    bool ended;
    struct envl_err failure; /* once there was one */
    struct envl_entry entry;
    struct envl_open_files open; /* of an xbstream */
    struct envl_xb_header header;
    unsigned char block[ENVL_XB_ANY_LEN_MAX];
    char path[ENVL_INSIDE_NAME_MAX + 1];
    char link[ENVL_INSIDE_NAME_MAX + 1];
};

/* envl_inside_fetch - copy len bytes from this offset on; ENVELOPE_R_ARCHIVE if
 * the archive ends before that */
enum envelope_reason envl_inside_fetch(struct envl_inside *inside, uint64_t at,
                                       void *to, size_t len,
                                       struct envl_err *err);

/* envl_inside_check_room - ENVELOPE_R_ARCHIVE if fewer than len bytes follow
 * this offset */
enum envelope_reason envl_inside_check_room(const struct envl_inside *inside,
                                            uint64_t at, uint64_t len,
                                            const char *name,
                                            struct envl_err *err);

/* The next entry of each kind; the entry was zeroed, but for its strings */
enum envelope_reason envl_inside_next_of_tar(struct envl_inside *inside,
                                             struct envl_err *err);
enum envelope_reason envl_inside_next_of_xbstream(struct envl_inside *inside,
                                                  struct envl_err *err);

#endif
