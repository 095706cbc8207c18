/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of an envelope that is a file: read, wherever its members lie,
 * and laid out again with another key envelope.  Nothing is written here.
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

    /* The header can be overwritten where it lies: its two parts are each in
     * one piece, and so is start. */
    bool is_plain;
    struct envl_place parts[ENVL_MEMBER_PAYLOAD];
    uint64_t start_at;

    struct envl_map map; /* piece_len is 0 if it is not known */
};

/*
 * envl_header_file_read - read and check the header in fd, a file, from its beginning
 * on
 *
 * Ownership: envl_header_file_clear(), also after a failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ; _NOT_ENVELOPE and what else a
 *            carrier or a header is refused for; _TRUNCATED; _MEMORY.
 */
enum envelope_reason envl_header_file_read(struct envl_header_file *head,
                                           int fd, struct envl_err *err);
void envl_header_file_clear(struct envl_header_file *head);

/* Bytes for a place in a file. */
struct envl_patch {
    uint64_t at;
    unsigned char *bytes; /* owned */
    size_t len;
};

/*
 * envl_header_file_patch - what the file is to hold from the first to the last byte
 * of the header, in its carrier
 *
 *   head    with is_plain
 *   header  as long as head's
 *
 * It does not depend on which key envelope the file has: written twice, or
 * over half of itself, it makes the same file.
 * Ownership: patch->bytes is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ; _MEMORY.
 */
enum envelope_reason envl_header_file_patch(struct envl_patch *patch,
                                            const struct envl_header_file *head,
                                            int fd,
                                            const struct envl_header *header,
                                            struct envl_err *err);

#endif
