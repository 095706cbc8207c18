/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the stream together from the members of a carrier of any kind: each
 * member once, the payload without a gap, and header and key before it, even
 * if they come later in the archive.
 */
#ifndef ENVL_MEMBERS_H
#define ENVL_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/member.h"
#include "lib/base/err.h"

/* Bytes of payload that may wait for header and key: xbcloud get mixes
 * files. */
#define ENVL_WAITING_LEN_MAX 67108864

struct envl_blob {
    unsigned char *p;
    size_t len, size;
};

/* Payload that waits, in blocks; a block is freed after it was returned. */
struct envl_waiting_block;

struct envl_waiting {
    struct envl_waiting_block *first, *last;
    size_t len; /* bytes in all blocks */
};

struct envl_reassembly {
    struct envl_blob header, key;
    struct envl_waiting waiting;
    bool ended[ENVL_MEMBER_PAYLOAD + 1];
    uint64_t stream_header_len; /* bytes of header and key together */
    uint64_t payload_len, pieces;
    unsigned given; /* how much of the stream was returned */
};

/* envl_reassembly_clear - free; members is all zero after that */
void envl_reassembly_clear(struct envl_reassembly *members);

/* envl_reassembly_check_len - may a member have this many more bytes?  Returns
 * ENVELOPE_R_CARRIER if not */
enum envelope_reason
envl_reassembly_check_len(const struct envl_reassembly *members,
                          enum envl_member member, uint64_t more,
                          struct envl_err *err);

/*
 * envl_reassembly_put - keep a copy of the next len bytes of a member
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CARRIER if it is too long;
 *          ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_reassembly_put(struct envl_reassembly *members,
                                         enum envl_member member,
                                         const unsigned char *p, size_t len,
                                         struct envl_err *err);

/* envl_reassembly_len - bytes of a member so far */
uint64_t envl_reassembly_len(const struct envl_reassembly *members,
                             enum envl_member member);

/* envl_reassembly_end - end a member, which must not have ended before */
enum envelope_reason envl_reassembly_end(struct envl_reassembly *members,
                                         enum envl_member member,
                                         struct envl_err *err);

/* envl_reassembly_give - get the next bytes of the stream from those that are
 * kept, valid until the next call; 1, or 0 if there are none */
int envl_reassembly_give(struct envl_reassembly *members,
                         const unsigned char **span, size_t *len);

/* envl_reassembly_waiting - bytes of payload that are kept, including the last
 * span */
size_t envl_reassembly_waiting(const struct envl_reassembly *members);

/* envl_reassembly_passes - were header, key and kept payload returned, so that
 * more payload need not be kept? */
bool envl_reassembly_passes(const struct envl_reassembly *members);

/* envl_reassembly_skip - note that other code has read header, key and the
 * first payload_len bytes of the payload, in this number of pieces */
void envl_reassembly_skip(struct envl_reassembly *members, uint64_t pieces,
                          uint64_t payload_len);

/* envl_reassembly_check - check at the end of the archive that all members are
 * complete: ENVELOPE_R_CARRIER_MEMBER names a missing member,
 * ENVELOPE_R_CARRIER_TRUNCATED a member that has not ended */
enum envelope_reason
envl_reassembly_check(const struct envl_reassembly *members,
                      struct envl_err *err);

#endif
