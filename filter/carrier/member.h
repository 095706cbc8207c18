/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a carrier and what their names mean (FORMAT 10). */
#ifndef ENVL_MEMBER_H
#define ENVL_MEMBER_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest name; xbstream readers do not accept longer names. */
#define ENVL_MEMBER_NAME_MAX 511

/* The most pieces in a tar, which are payload.00000000 and so on. */
#define ENVL_PIECE_COUNT_MAX 100000000

enum envl_member {
    ENVL_MEMBER_HEADER,  /* prelude and labels */
    ENVL_MEMBER_KEY,     /* key envelope and padding */
    ENVL_MEMBER_PAYLOAD, /* the payload, or a piece of it */
    ENVL_MEMBER_IGNORED, /* a directory, or a file that xbcloud needs */
    ENVL_MEMBER_FOREIGN
};

#define ENVL_NAME_HEADER "envelope/header"
#define ENVL_NAME_KEY "envelope/key.p7m"
#define ENVL_NAME_PAYLOAD "envelope/payload"

/* Files that xbcloud put looks for after an upload: in 8.0 and later, and in
 * earlier versions. */
#define ENVL_NAME_XBCLOUD_1 "xtrabackup_tablespaces.envelope"
#define ENVL_NAME_XBCLOUD_2 "xtrabackup_info.envelope"

/*
 * envl_member_of_tar - the member with this name in a tar; *piece receives the
 * number of a piece of the payload
 * envl_member_of_xbstream - the member with this path in an xbstream
 *
 * A leading "./" is ignored.
 */
enum envl_member envl_member_of_tar(const char *name, uint64_t *piece);
enum envl_member envl_member_of_xbstream(const char *path);

/* envl_member_tar_name - write the name of a member to name, of size bytes */
void envl_member_tar_name(char *name, size_t size, enum envl_member member,
                          uint64_t piece);

/* envl_member_name - the name of a member without a piece's number, static */
const char *envl_member_name(enum envl_member member);

#endif
