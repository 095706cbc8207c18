/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks of an xbstream (Percona XtraBackup, MariaDB mbstream).  A chunk's
 * header has magic, flags, type and path; that of a payload chunk also has
 * length, offset and CRC-32 of the data.  All integers are little-endian.
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

/* Bytes of the header before the path, and after it in a payload chunk. */
#define ENVL_XB_START_LEN 14
#define ENVL_XB_PAYLOAD_LEN 20
#define ENVL_XB_CRC_LEN 4
#define ENVL_XB_HEADER_LEN_MAX \
    (ENVL_XB_START_LEN + ENVL_MEMBER_NAME_MAX + ENVL_XB_PAYLOAD_LEN)

/* The most data bytes of a chunk that is accepted.  Other writers make 10 MiB,
 * and other readers have no limit. */
#define ENVL_XB_DATA_LEN_MAX 67108864

enum envl_xb_type { ENVL_XB_PAYLOAD = 'P', ENVL_XB_END = 'E' };

/* MariaDB's mbstream also has these types, without data.  A carrier has
 * none. */
#define ENVL_XB_REMOVE 'D'
#define ENVL_XB_RENAME 'R'

/* XtraBackup 8.0 has this one: a payload chunk with a map of holes, which has a
 * number of bytes to skip and one of bytes to write for each, of 4 bytes. */
#define ENVL_XB_SPARSE 'S'
#define ENVL_XB_MAP_ITEM_LEN 8

/* The flag of a chunk that may be ignored by who does not know its type. */
#define ENVL_XB_IGNORABLE 0x01

/* Bytes of the longest header of any xbstream, with two paths. */
#define ENVL_XB_ANY_LEN_MAX \
    (ENVL_XB_START_LEN + ENVL_MEMBER_NAME_MAX + 4 + ENVL_MEMBER_NAME_MAX)

struct envl_xb_header {
    char path[ENVL_MEMBER_NAME_MAX + 1];
    char type;
    /* for a payload chunk */
    uint64_t len, offset;
    uint32_t crc;
    /* by envl_xb_read() alone */
    char to[ENVL_MEMBER_NAME_MAX + 1]; /* the new path, where it is renamed */
    uint64_t map_len; /* bytes of the map of holes, which follows the header */
};

/* envl_xb_header_len - bytes of a chunk's header */
size_t envl_xb_header_len(enum envl_xb_type type, const char *path);

/*
 * envl_xb_build - write a chunk's header
 *
 *   out  room for envl_xb_header_len() bytes
 *
 * Returns: bytes written.
 */
size_t envl_xb_build(unsigned char *out, const struct envl_xb_header *header);

/*
 * envl_xb_path - get the path of a chunk, if len bytes of its header have all
 * of the path
 *
 * Returns: 1, or 0; no other field of the header is checked.
 */
int envl_xb_path(char path[ENVL_MEMBER_NAME_MAX + 1], const unsigned char *in,
                 size_t len);

/*
 * envl_xb_parse - read a chunk's header, of which len bytes are there
 *
 *   at    its offset in the archive, for the message
 *   want  receives the bytes that the header has at least; if that is above
 *         len, the header was not read and more input is needed
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CARRIER saying what is wrong; ENVELOPE_R_
 *          CARRIER_MEMBER if the path is not a member's.
 */
enum envelope_reason envl_xb_parse(struct envl_xb_header *header,
                                   const unsigned char *in, size_t len,
                                   uint64_t at, size_t *want,
                                   struct envl_err *err);

/*
 * envl_xb_read - the same for a chunk of any xbstream: types and flags that
 * carriers do not have, and any path and length
 *
 *   wrong  receives what is wrong with it, if something is
 *
 * A chunk of an unknown type that may be ignored has the fields of a payload
 * chunk, as all readers take it.
 *
 * Returns: true; false with *wrong.
 */
bool envl_xb_read(struct envl_xb_header *header, const unsigned char *in,
                  size_t len, size_t *want, const char **wrong);

/*
 * Following the chunks of an xbstream as they come, to know whether it is a whole
 * backup: mariabackup and XtraBackup write xtrabackup_info (MariaDB since 11.2:
 * mariadb_backup_info) when all else is written.
 */
struct envl_xb_walk {
    unsigned char header[ENVL_XB_ANY_LEN_MAX]; /* as much as has come of it */
    size_t have;
    uint64_t skip;  /* bytes of data before the next header */
    bool lost;      /* a header says nothing that could be followed */
    bool is_backup; /* a file was there that only backups have */
    bool has_info;
};

/* envl_xb_walk_on - look at the next bytes, unless walk is lost
 * envl_xb_walk_is_whole - is it no backup, or one to its end? */
void envl_xb_walk_on(struct envl_xb_walk *walk, const unsigned char *p,
                     size_t len);
bool envl_xb_walk_is_whole(const struct envl_xb_walk *walk);

/* envl_xb_skipped - bytes that an item of a map of holes skips */
uint32_t envl_xb_skipped(const unsigned char *item);

/* envl_xb_has_end - do these last bytes of an archive end with a chunk that
 * closes, removes or renames a file? */
bool envl_xb_has_end(const unsigned char *tail, size_t len);

/* envl_xb_set_crc - write the CRC-32 of a chunk's new data to the last field of
 * the header, right before data */
void envl_xb_set_crc(unsigned char *data, size_t len);

/* envl_xb_crc - the CRC-32 of data that follows other data with CRC-32 crc; 0
 * for the first data */
uint32_t envl_xb_crc(uint32_t crc, const unsigned char *data, size_t len);

#endif
