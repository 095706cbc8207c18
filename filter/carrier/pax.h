/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a pax header, "LENGTH KEY=VALUE\n" (POSIX.1-2001, pax Extended
 * Header): where each ends, and what it says of a member. */
#ifndef ENVL_PAX_H
#define ENVL_PAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum envl_pax_key {
    ENVL_PAX_OTHER, /* name, size and data of the member stay as they are */
    ENVL_PAX_PATH,
    ENVL_PAX_LINK,
    ENVL_PAX_SIZE,
    ENVL_PAX_SPARSE_NAME, /* of GNU tar's sparse files */
    ENVL_PAX_SPARSE_SIZE,
    ENVL_PAX_SPARSE /* and all else of them */
};

struct envl_pax_record {
    enum envl_pax_key key;
    uint64_t len;    /* of the record, in bytes */
    size_t value_at; /* in the record; the value ends before a line feed */
};

/* Bytes of a record that are enough for its length and its key. */
#define ENVL_PAX_START_LEN 64

/*
 * envl_pax_take - read where a record ends and what it is about
 *
 *   text  its first bytes: ENVL_PAX_START_LEN of them, or all that there are
 *   rest  bytes of the header from this record on, below 2^60
 *
 * Returns: false if it is no record.  That its last byte is a line feed is for
 *          the caller to see.
 */
bool envl_pax_take(struct envl_pax_record *record, const char *text, size_t len,
                   uint64_t rest);

/* envl_pax_is_harmless - does this pax header leave name, size and data of the
 * next member as they are? */
bool envl_pax_is_harmless(const char *text, size_t len);

#endif
