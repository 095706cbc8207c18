/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/stream/send_end.h"

#include <stdbool.h>
#include <string.h>

#include "filter/carrier/tar.h"

/* A record of zfs send: its type and the length of what follows it, 4 bytes each in
 * the order of the host that made it.  The first one has the magic number and then
 * the version, whose lowest two bits are the kind of the stream. */
#define ZFS_RECORD_LEN ((size_t)312)
#define ZFS_MAGIC_AT 8
#define ZFS_VERSION_AT 16
#define ZFS_BEGIN_LEN ((size_t)24) /* to the end of the version */
#define ZFS_COMPOUND 2

static const unsigned char zfs_magic_little[8] = { 0xac, 0xcb, 0xba, 0xf5, 2 };
static const unsigned char zfs_magic_big[8] = { 0,    0,    0,    2,
                                                0xf5, 0xba, 0xcb, 0xac };
static const unsigned char zfs_end_little[8] = { 5 };
static const unsigned char zfs_end_big[8] = { 0, 0, 0, 5 };

static const unsigned char btrfs_magic[13] = "btrfs-stream";

/* The command without data that ends a stream: its length, type and CRC-32C. */
static const unsigned char btrfs_end[10] = { 0, 0,    0,    0,    0x15,
                                             0, 0x50, 0x6c, 0xc9, 0x9d };

enum envl_send_kind
envl_send_kind_of(const unsigned char *p, size_t len)
{
    unsigned char version;

    if (len >= sizeof(btrfs_magic)
        && memcmp(p, btrfs_magic, sizeof(btrfs_magic)) == 0)
        return ENVL_SEND_BTRFS;
    if (len < ZFS_BEGIN_LEN)
        return ENVL_SEND_NONE;
    if (memcmp(p + ZFS_MAGIC_AT, zfs_magic_little, 8) == 0)
        version = p[ZFS_VERSION_AT];
    else if (memcmp(p + ZFS_MAGIC_AT, zfs_magic_big, 8) == 0)
        version = p[ZFS_VERSION_AT + 7];
    else
        return ENVL_SEND_NONE;
    return (version & 3) == ZFS_COMPOUND ? ENVL_SEND_ZFS_COMPOUND
                                         : ENVL_SEND_ZFS;
}

/* The streams within a compound one end in the same way, but for the checksum and
 * the snapshot, which the last record does not have. */
static bool
zfs_ends(const unsigned char *tail, size_t len, bool compound)
{
    const unsigned char *record;

    if (len < ZFS_RECORD_LEN)
        return false;
    record = tail + len - ZFS_RECORD_LEN;
    if (memcmp(record, zfs_end_little, 8) != 0
        && memcmp(record, zfs_end_big, 8) != 0)
        return false;
    return !compound || envl_is_zero(record + 8, ZFS_RECORD_LEN - 8);
}

const char *
envl_send_lacks(enum envl_send_kind kind, const unsigned char *tail, size_t len)
{
    const size_t n = sizeof(btrfs_end);

    if (kind == ENVL_SEND_BTRFS)
        return len >= n && memcmp(tail + len - n, btrfs_end, n) == 0
                   ? NULL
                   : "a stream of btrfs send ends with an end command";
    if (kind != ENVL_SEND_NONE
        && !zfs_ends(tail, len, kind == ENVL_SEND_ZFS_COMPOUND))
        return "a stream of zfs send ends with an end record";
    return NULL;
}
