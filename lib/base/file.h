/* SPDX-License-Identifier: Apache-2.0 */
/* Reads small files whole: keys and passphrases. */
#ifndef ENVL_FILE_H
#define ENVL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/octets.h"

/*
 * A file that carries the data or the output.  Such a file is never read as a
 * key or a passphrase: the data would lose its beginning or be taken for the
 * secret, and the output would replace the key.
 */
struct envl_file_id {
    uint64_t device, inode;
};

/*
 * envl_file_add_in_use, envl_file_add_name_in_use - add the file of an open
 * descriptor, or of that name, to a list; a file that does not exist is skipped
 *
 *   in_use  an array of struct envl_file_id
 *
 * Returns: 1, or 0 if memory ran out.
 */
int envl_file_add_in_use(struct envl_octets *in_use, int fd);
int envl_file_add_name_in_use(struct envl_octets *in_use, const char *name);

/*
 * envl_file_check_in_use - refuse to read a secret from a descriptor whose file
 * is on the list
 *
 *   in_use  the list; NULL for an empty list
 *   name    the file's name, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER; ENVELOPE_R_UNREADABLE_KEY if the
 *          descriptor is not open.
 */
enum envelope_reason envl_file_check_in_use(const struct envl_octets *in_use,
                                            int fd, const char *name,
                                            struct envl_err *err);

/*
 * envl_file_read - read a file to its end
 *
 *   name    the name of a file, a FIFO or a /dev/fd entry
 *   max     bytes that the file may have
 *   in_use  files that must not be read, or NULL
 *
 * Ownership: *content is the caller's, envl_octets_clear(); empty on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the file and why;
 *            ENVELOPE_R_PARAMETER for a file in use; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_file_read(struct envl_octets *content,
                                    const char *name, size_t max,
                                    const struct envl_octets *in_use,
                                    struct envl_err *err);

/*
 * envl_file_read_line - read one line from a descriptor, and nothing after the
 * end of the line
 *
 *   max  bytes that the line may have, its LF counted
 *
 * Ownership, Returns: as envl_file_read(); *content includes the LF if there
 * is one.
 */
enum envelope_reason envl_file_read_line(struct envl_octets *content, int fd,
                                         size_t max,
                                         const struct envl_octets *in_use,
                                         struct envl_err *err);

#endif
