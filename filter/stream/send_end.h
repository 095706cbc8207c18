/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How streams of zfs send and btrfs send begin and end.  In the envelope they are
 * data like any other.
 */
#ifndef ENVL_SEND_END_H
#define ENVL_SEND_END_H

#include <stddef.h>

enum envl_send_kind {
    ENVL_SEND_NONE,         /* something else */
    ENVL_SEND_ZFS,          /* of one snapshot */
    ENVL_SEND_ZFS_COMPOUND, /* zfs send -R, -p: of several, or with properties */
    ENVL_SEND_BTRFS
};

/* envl_send_kind_of - of the first len bytes, 24 or more of a stream */
enum envl_send_kind envl_send_kind_of(const unsigned char *p, size_t len);

/*
 * envl_send_lacks - what such a stream should end with and does not, static; NULL if
 * it does
 *
 *   tail  the last bytes, 312 or more if there are so many
 *
 * Source: struct dmu_replay_record of OpenZFS, DRR_BEGIN and DRR_END, in either byte
 *         order; struct btrfs_cmd_header of Linux, BTRFS_SEND_C_END.
 */
const char *envl_send_lacks(enum envl_send_kind kind, const unsigned char *tail,
                            size_t len);

#endif
