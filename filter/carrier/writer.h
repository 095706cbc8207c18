/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the frames of a carrier: the lead before and the tail after each
 * member or piece, and the end of the archive.  The caller writes the members'
 * data.
 */
#ifndef ENVL_CARRIER_WRITER_H
#define ENVL_CARRIER_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/kind.h"
#include "filter/carrier/member.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"

/* The most bytes of a lead, of a tail, and of the end of an archive. */
#define ENVL_FRAME_LEAD_MAX ENVL_TAR_BLOCK_LEN
#define ENVL_FRAME_TAIL_MAX ENVL_TAR_BLOCK_LEN
#define ENVL_FRAME_END_MAX \
    (ENVL_TAR_RECORD_LEN + ENVL_TAR_END_BLOCKS * ENVL_TAR_BLOCK_LEN)

struct envl_carrier_writer {
    enum envl_carrier kind; /* not ENVL_AUTO */
    int xbcloud;
    uint64_t mtime;          /* of tar members, seconds since the epoch */
    uint64_t pieces, offset; /* of the payload so far: count, bytes */
    uint64_t written;        /* bytes of the archive so far */
};

/* envl_carrier_writer_lead - bytes of the lead before a member */
size_t envl_carrier_writer_lead(const struct envl_carrier_writer *writer,
                                enum envl_member member);

/* A member, or a piece of the payload, whose place in the archive is
 * reserved. */
struct envl_frame {
    enum envl_carrier kind;
    enum envl_member member;
    uint64_t piece, offset; /* of the payload */
    uint64_t mtime;
    size_t len;
};

/*
 * envl_carrier_writer_reserve - reserve the next place in the archive for len
 * bytes of a member, with its frame
 *
 * Returns: bytes of the tail after them.
 */
size_t envl_carrier_writer_reserve(struct envl_carrier_writer *writer,
                                   struct envl_frame *frame,
                                   enum envl_member member, size_t len);

/* envl_frame_build - write the lead right before data, and the tail right after
 * it; any thread may do so, in any order of frames */
void envl_frame_build(const struct envl_frame *frame, unsigned char *data);

/* envl_carrier_writer_frame - reserve the place of len bytes of a member and
 * write their frame at once; returns bytes of the tail */
size_t envl_carrier_writer_frame(struct envl_carrier_writer *writer,
                                 enum envl_member member, unsigned char *data,
                                 size_t len);

/* envl_carrier_writer_can_go_on - can the carrier have one more piece? */
int envl_carrier_writer_can_go_on(const struct envl_carrier_writer *writer);

/*
 * envl_carrier_writer_end - write the end of the archive
 *
 *   out  room for ENVL_FRAME_END_MAX bytes
 *
 * Returns: bytes written.
 */
size_t envl_carrier_writer_end(struct envl_carrier_writer *writer,
                               unsigned char *out);

#endif
