/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a carrier that is being read, whatever its kind: each once,
 * the payload without a gap, header and key before it, even if they come
 * later in the archive.
 */
#ifndef ENVL_MEMBERS_H
#define ENVL_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/member.h"
#include "lib/base/err.h"

/* Payload that waits for header and key: xbcloud get mixes files. */
#define ENVL_WAITING_LEN_MAX 67108864

struct envl_blob {
    unsigned char *p;
    size_t len, size;
};

/* Payload that waits, in blocks: each is freed once it has been given out. */
struct envl_waiting_block;

struct envl_waiting {
    struct envl_waiting_block *first, *last;
    size_t len; /* bytes in all of them */
};

struct envl_reassembly {
    struct envl_blob header, key;
    struct envl_waiting waiting;
    bool ended[ENVL_MEMBER_PAYLOAD + 1];
    uint64_t stream_header_len; /* of header and key together */
    uint64_t payload_len, pieces;
    unsigned given; /* how much of them has been given out */
};

void envl_reassembly_clear(struct envl_reassembly *members);

/* envl_reassembly_check_len - may a member have so many bytes more?
 * ENVELOPE_R_CARRIER if not */
enum envelope_reason
envl_reassembly_check_len(const struct envl_reassembly *members,
                          enum envl_member member, uint64_t more,
                          struct envl_err *err);

/*
 * envl_reassembly_put - len bytes of a member
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

/* envl_reassembly_ended - a member has no more bytes; it must not have ended
 * before */
enum envelope_reason envl_reassembly_end(struct envl_reassembly *members,
                                         enum envl_member member,
                                         struct envl_err *err);

/* envl_reassembly_give - 1 with the next bytes of the stream among those that
 * were put aside; they stay until the next call; else 0 */
int envl_reassembly_give(struct envl_reassembly *members,
                         const unsigned char **span, size_t *len);

/* envl_reassembly_waiting - bytes of payload that are to be given out, those of the
 * last span counted */
size_t envl_reassembly_waiting(const struct envl_reassembly *members);

/* envl_reassembly_passes - have header, key and what waited been given out, so
 * that the payload passes without being put aside? */
bool envl_reassembly_passes(const struct envl_reassembly *members);

/* envl_reassembly_skip - header and key, and so much of the payload, were
 * read by somebody else */
void envl_reassembly_skip(struct envl_reassembly *members, uint64_t pieces,
                          uint64_t payload_len);

/* envl_reassembly_check - at the end of the archive: is everything there?
 * ENVELOPE_R_CARRIER_MEMBER names what is not, ENVELOPE_R_CARRIER_TRUNCATED
 * what has not ended */
enum envelope_reason
envl_reassembly_check(const struct envl_reassembly *members,
                      struct envl_err *err);

#endif
