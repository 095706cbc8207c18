/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks of an xbstream (Percona XtraBackup, MariaDB mbstream): magic, flags,
 * type, path; a payload chunk has length, offset and CRC-32 of its data, too.
 * All integers are little-endian.
 */
#ifndef ENVL_XBSTREAM_H
#define ENVL_XBSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/member.h"
#include "lib/base/err.h"

#define ENVL_XB_MAGIC "XBSTCK01"
#define ENVL_XB_MAGIC_LEN 8

/* Bytes before the path, and after it in a payload chunk. */
#define ENVL_XB_START_LEN 14
#define ENVL_XB_PAYLOAD_LEN 20
#define ENVL_XB_CRC_LEN 4
#define ENVL_XB_HEADER_LEN_MAX \
    (ENVL_XB_START_LEN + ENVL_MEMBER_NAME_MAX + ENVL_XB_PAYLOAD_LEN)

/* Data bytes of a chunk: writers make 10 MiB, readers have no limit. */
#define ENVL_XB_DATA_LEN_MAX 67108864

enum envl_xb_type { ENVL_XB_PAYLOAD = 'P', ENVL_XB_END = 'E' };

/* Types that MariaDB's mbstream has beside those, without data; none of ours. */
#define ENVL_XB_REMOVE 'D'
#define ENVL_XB_RENAME 'R'

struct envl_xb_header {
    char path[ENVL_MEMBER_NAME_MAX + 1];
    char type;
    /* of a payload chunk */
    uint64_t len, offset;
    uint32_t crc;
};

/* envl_xb_header_len - bytes of a chunk's header */
size_t envl_xb_header_len(enum envl_xb_type type, const char *path);

/*
 * envl_xb_build - write a chunk's header
 *
 *   out  room for envl_xb_header_len()
 *
 * Returns: bytes written.
 */
size_t envl_xb_build(unsigned char *out, const struct envl_xb_header *header);

/*
 * envl_xb_path - the path of a chunk, if so many bytes show it all
 *
 * Returns: 1, or 0; nothing else of the header is judged.
 */
int envl_xb_path(char path[ENVL_MEMBER_NAME_MAX + 1], const unsigned char *in,
                 size_t len);

/*
 * envl_xb_parse - read as much of a chunk's header as there is
 *
 *   at    where it stands in the archive, for the message
 *   want  receives how many bytes the header has at least: if it is above len
 *         only that was done, and more input is needed
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CARRIER saying what is wrong; ENVELOPE_R_
 *          CARRIER_MEMBER if the path is not that of a member.
 */
enum envelope_reason envl_xb_parse(struct envl_xb_header *header,
                                   const unsigned char *in, size_t len,
                                   uint64_t at, size_t *want,
                                   struct envl_err *err);

/* envl_xb_has_end - is the last of these bytes the end of a chunk that closes,
 * removes or renames a file? */
bool envl_xb_has_end(const unsigned char *tail, size_t len);

/* envl_xb_set_crc - data of a chunk has changed: write its CRC-32, the last
 * field of the header right before it */
void envl_xb_set_crc(unsigned char *data, size_t len);

/* envl_xb_crc - the CRC-32 of data, on from that of what came before (0) */
uint32_t envl_xb_crc(uint32_t crc, const unsigned char *data, size_t len);

#endif
