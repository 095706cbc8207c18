/* SPDX-License-Identifier: Apache-2.0 */
/* Small files whole: keys and passphrases. */
#ifndef ENVL_FILE_H
#define ENVL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/octets.h"

/*
 * Files that carry the data or the output.  One of them is never read for a
 * key or a passphrase: the data would lose its beginning, or be taken for the
 * secret, and the output would be put in the place of the key.
 */
struct envl_file_id {
    uint64_t device, inode;
};

/*
 * envl_file_add_in_use - put an open descriptor, or the file of that name, on
 * a list; what is not there is not put
 *
 *   in_use  struct envl_file_id one after the other
 *
 * Returns: 1, or 0 if memory ran out.
 */
int envl_file_add_in_use(struct envl_octets *in_use, int fd);
int envl_file_add_name_in_use(struct envl_octets *in_use, const char *name);

/*
 * envl_file_check_in_use - refuse to read a secret from a descriptor that is on
 * the list
 *
 *   in_use  or NULL for an empty one
 *   name    of the file, for messages
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
 *   name    of a file, a FIFO, a /dev/fd entry
 *   max     bytes that it may have
 *   in_use  files that must not be read, or NULL
 *
 * Ownership: *content is the caller's, envl_octets_clear(); empty on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming the file and why;
 *            ENVELOPE_R_PARAMETER for one in use; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_file_read(struct envl_octets *content,
                                    const char *name, size_t max,
                                    const struct envl_octets *in_use,
                                    struct envl_err *err);

/*
 * envl_file_read_line - read one line from a descriptor, from where it stands,
 * and leave it behind the line's end
 *
 *   max  bytes that the line may have, its LF counted
 *
 * Ownership, Returns: as above; the LF is a part of *content, if there is one.
 */
enum envelope_reason envl_file_read_line(struct envl_octets *content, int fd,
                                         size_t max,
                                         const struct envl_octets *in_use,
                                         struct envl_err *err);

#endif
