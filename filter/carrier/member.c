/* SPDX-License-Identifier: Apache-2.0 */
/* The names of members, for both kinds of carrier.  In a tar the pieces of the
 * payload have numbers. */
#include "filter/carrier/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PIECE_DIGITS 8

static const char *const names[] = {
    [ENVL_MEMBER_HEADER] = ENVL_NAME_HEADER,
    [ENVL_MEMBER_KEY] = ENVL_NAME_KEY,
    [ENVL_MEMBER_PAYLOAD] = ENVL_NAME_PAYLOAD,
};

static const char *
without_dot(const char *name)
{
    return strncmp(name, "./", 2) == 0 ? name + 2 : name;
}

const char *
envl_member_name(enum envl_member member)
{
    return names[member];
}

void
envl_member_tar_name(char *name, size_t size, enum envl_member member,
                     uint64_t piece)
{
    if (member == ENVL_MEMBER_PAYLOAD)
        (void)snprintf(name, size, "%s.%0*" PRIu64, ENVL_NAME_PAYLOAD,
                       PIECE_DIGITS, piece);
    else
        (void)snprintf(name, size, "%s", names[member]);
}

/* Read a piece's number, which has exactly eight digits. */
static int
read_piece(const char *text, uint64_t *piece)
{
    size_t i;

    *piece = 0;
    for (i = 0; i < PIECE_DIGITS; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        *piece = *piece * 10 + (uint64_t)(text[i] - '0');
    }
    return text[i] == '\0';
}

static enum envl_member
of_both(const char *name)
{
    if (strcmp(name, ENVL_NAME_HEADER) == 0)
        return ENVL_MEMBER_HEADER;
    if (strcmp(name, ENVL_NAME_KEY) == 0)
        return ENVL_MEMBER_KEY;
    return ENVL_MEMBER_FOREIGN;
}

enum envl_member
envl_member_of_tar(const char *name, uint64_t *piece)
{
    size_t len = strlen(ENVL_NAME_PAYLOAD);

    name = without_dot(name);
    if (strncmp(name, ENVL_NAME_PAYLOAD, len) == 0 && name[len] == '.'
        && read_piece(name + len + 1, piece))
        return ENVL_MEMBER_PAYLOAD;
    if (*name == '\0' || strcmp(name, "envelope/") == 0)
        return ENVL_MEMBER_IGNORED;
    return of_both(name);
}

enum envl_member
envl_member_of_xbstream(const char *path)
{
    path = without_dot(path);
    if (strcmp(path, ENVL_NAME_PAYLOAD) == 0)
        return ENVL_MEMBER_PAYLOAD;
    if (strcmp(path, ENVL_NAME_XBCLOUD_1) == 0
        || strcmp(path, ENVL_NAME_XBCLOUD_2) == 0)
        return ENVL_MEMBER_IGNORED;
    return of_both(path);
}
