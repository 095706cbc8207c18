/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of an envelope in a file: reads it, in any carrier, and makes the
 * bytes that replace it with another key envelope.  The caller writes them.
 */
#ifndef ENVL_HEAD_H
#define ENVL_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <envelope/envelope.h>

#include "filter/carrier/reader.h"
#include "filter/stream/options.h"
#include "lib/base/err.h"
#include "lib/header/header.h"

struct envl_header_file {
    enum envl_carrier kind;
    struct envl_header header;                          /* owned */
    unsigned char start[ENVELOPE_PAYLOAD_START_LENGTH]; /* of the payload */

    /* The header can be overwritten in place: its two parts are each in one
     * piece of the file, and so is start. */
    bool is_plain;
    struct envl_place parts[ENVL_MEMBER_PAYLOAD];
    uint64_t start_at;

    struct envl_map map; /* piece_len is 0 if the map is not known */
};

/*
 * envl_header_file_read - read and check the header at the beginning of fd, a
 * file
 *
 * Ownership: head is the caller's, envl_header_file_clear(), also on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ; _NOT_ENVELOPE and other reasons to
 *            refuse a carrier or a header; _TRUNCATED; _MEMORY.
 */
enum envelope_reason envl_header_file_read(struct envl_header_file *head,
                                           int fd, struct envl_err *err);
void envl_header_file_clear(struct envl_header_file *head);

/* envl_header_file_write - write the header and the payload's first bytes, a raw
 * stream that ends before the first chunk; as envl_fd_write() */
enum envelope_reason envl_header_file_write(const struct envl_header_file *head,
                                            int fd, struct envl_err *err);

/* Bytes for a place in a file. */
struct envl_patch {
    uint64_t at;
    unsigned char *bytes; /* owned */
    size_t len;
};

/*
 * envl_header_file_patch - make the bytes that replace the header in the file,
 * in its carrier
 *
 *   head    is_plain must be set
 *   header  the new header, as long as head's
 *
 * The patch does not depend on the key envelope that the file has now: a patch
 * that was written in part may be written again.
 *
 * Ownership: patch->bytes is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ; _MEMORY.
 */
enum envelope_reason envl_header_file_patch(struct envl_patch *patch,
                                            const struct envl_header_file *head,
                                            int fd,
                                            const struct envl_header *header,
                                            struct envl_err *err);

#endif
