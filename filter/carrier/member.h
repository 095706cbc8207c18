/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a carrier and what their names mean (FORMAT 10). */
#ifndef ENVL_MEMBER_H
#define ENVL_MEMBER_H

#include <stddef.h>
#include <stdint.h>

/* Longest name that is looked at; xbstream readers take no longer one. */
#define ENVL_MEMBER_NAME_MAX 511

/* Members that tar numbers: payload.00000000 and on. */
#define ENVL_PIECE_COUNT_MAX 100000000

enum envl_member {
    ENVL_MEMBER_HEADER,  /* prelude and labels */
    ENVL_MEMBER_KEY,     /* key envelope and padding */
    ENVL_MEMBER_PAYLOAD, /* all of it, or a piece */
    ENVL_MEMBER_IGNORED, /* a directory; what xbcloud insists on */
    ENVL_MEMBER_FOREIGN
};

#define ENVL_NAME_HEADER "envelope/header"
#define ENVL_NAME_KEY "envelope/key.p7m"
#define ENVL_NAME_PAYLOAD "envelope/payload"

/* What xbcloud put looks for when it has uploaded a backup: 8.0 and later,
 * and earlier. */
#define ENVL_NAME_XBCLOUD_1 "xtrabackup_tablespaces.envelope"
#define ENVL_NAME_XBCLOUD_2 "xtrabackup_info.envelope"

/*
 * envl_member_of_tar - what a name in a tar stands for; *piece is the number
 * of a piece of the payload
 * envl_member_of_xbstream - what a path in an xbstream stands for
 *
 * A leading "./" does not count.
 */
enum envl_member envl_member_of_tar(const char *name, uint64_t *piece);
enum envl_member envl_member_of_xbstream(const char *path);

/* envl_member_tar_name - the name of a member; size is that of name */
void envl_member_tar_name(char *name, size_t size, enum envl_member member,
                          uint64_t piece);

/* envl_member_name - the name that both kinds share */
const char *envl_member_name(enum envl_member member);

#endif
