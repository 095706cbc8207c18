/* SPDX-License-Identifier: Apache-2.0 */
/* The SHA-256 of a file that is encrypted, as one of its labels: a host that holds
 * no key knows the same file by it. */
#ifndef ENVL_FILE_DIGEST_H
#define ENVL_FILE_DIGEST_H

#include <sys/stat.h>

#include "filter/stream/options.h"
#include "lib/base/err.h"

struct envl_file_digest {
    const char *key; /* of the label, borrowed; NULL: there shall be none */
    struct stat st;  /* of the file, before it was read */
};

/*
 * envl_file_digest_add - read fd from where it stands to its end, and add the
 * label; fd stands where it stood
 *
 * Returns: ENVELOPE_OK, also without a key; ENVELOPE_R_PARAMETER for what cannot
 *          be read twice, or a key that is none; ENVELOPE_R_READ;
 *          ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_file_digest_add(struct envl_file_digest *digest,
                                          int fd, struct envl_options *options,
                                          struct envl_err *err);

/*
 * envl_file_digest_check - it was encrypted: is it still the file that was read?
 *
 * Returns: ENVELOPE_OK, also without a key; ENVELOPE_R_READ if size or time is
 *          another one.
 */
enum envelope_reason
envl_file_digest_check(const struct envl_file_digest *digest, int fd,
                       struct envl_err *err);

#endif
