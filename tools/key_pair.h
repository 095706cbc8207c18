/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two files that appear together: a private key and its public key.  What is
 * in them is not known here.
 */
#ifndef ENVL_KEY_PAIR_H
#define ENVL_KEY_PAIR_H

#include <stdbool.h>

#include <openssl/types.h>

#include "lib/base/err.h"

struct envl_key_pair {
    const char *private_path, *public_path;
    BIO *private_key, *public_key; /* in memory */
};

/*
 * envl_key_pair_check - can both files be made?
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if one of them exists and force
 *          was not given, or is no regular file.
 */
enum envelope_reason envl_key_pair_check(const struct envl_key_pair *pair,
                                         bool force, struct envl_err *err);

/*
 * envl_key_pair_store - write both files, whole and to the disk
 *
 * The private key is for its owner only, whatever the umask; nobody but the
 * owner can write the public one.  A public key never stands there without its
 * private key, not even after a crash.  Signals wait until it is done.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WRITE naming the file and why,
 *          ENVELOPE_R_PARAMETER, ENVELOPE_R_MEMORY: there is no file of ours,
 *          and old ones are as they were.  Only where an old file cannot be
 *          removed under its temporary name, the new ones are there, and
 *          ENVELOPE_R_WRITE names it.
 */
enum envelope_reason envl_key_pair_store(const struct envl_key_pair *pair,
                                         bool force, struct envl_err *err);

/* envl_key_pair_write - write all of content to a descriptor; 0 with errno
 * set on failure */
int envl_key_pair_write(int fd, BIO *content);

#endif
