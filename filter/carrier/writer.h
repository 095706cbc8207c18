/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a carrier: what stands before and after each member, or piece of
 * one, and at the end.  The members' own bytes are laid down by the caller.
 */
#ifndef ENVL_CARRIER_WRITER_H
#define ENVL_CARRIER_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/kind.h"
#include "filter/carrier/member.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"

/* Most bytes before and after a member, and at the end of an archive. */
#define ENVL_FRAME_LEAD_MAX ENVL_TAR_BLOCK_LEN
#define ENVL_FRAME_TAIL_MAX ENVL_TAR_BLOCK_LEN
#define ENVL_FRAME_END_MAX \
    (ENVL_TAR_RECORD_LEN + ENVL_TAR_END_BLOCKS * ENVL_TAR_BLOCK_LEN)

struct envl_carrier_writer {
    enum envl_carrier kind; /* not ENVL_AUTO */
    int xbcloud;
    uint64_t mtime;          /* of tar members, seconds since the epoch */
    uint64_t pieces, offset; /* of the payload so far: count, bytes */
    uint64_t written;        /* bytes of the archive */
};

/* envl_carrier_writer_lead - bytes that stand before a member */
size_t envl_carrier_writer_lead(const struct envl_carrier_writer *writer,
                                enum envl_member member);

/* A member, or piece of the payload, whose place in the archive is taken. */
struct envl_frame {
    enum envl_carrier kind;
    enum envl_member member;
    uint64_t piece, offset; /* of the payload */
    uint64_t mtime;
    size_t len;
};

/*
 * envl_carrier_writer_reserve - the next len bytes of the archive's data are a member's
 *
 * Returns: bytes that will stand after them.
 */
size_t envl_carrier_writer_reserve(struct envl_carrier_writer *writer,
                                   struct envl_frame *frame,
                                   enum envl_member member, size_t len);

/* envl_frame_build - write the lead right before the data, the tail after
 * it; by any thread, and frames in any order */
void envl_frame_build(const struct envl_frame *frame, unsigned char *data);

/* envl_carrier_writer_frame - both at once; returns bytes of the tail */
size_t envl_carrier_writer_frame(struct envl_carrier_writer *writer,
                                 enum envl_member member, unsigned char *data,
                                 size_t len);

/* envl_carrier_writer_can_go_on - is there a name for one more piece? */
int envl_carrier_writer_can_go_on(const struct envl_carrier_writer *writer);

/*
 * envl_carrier_writer_end - the end of the archive
 *
 *   out  room for ENVL_FRAME_END_MAX bytes
 *
 * Returns: bytes written.
 */
size_t envl_carrier_writer_end(struct envl_carrier_writer *writer,
                               unsigned char *out);

#endif
