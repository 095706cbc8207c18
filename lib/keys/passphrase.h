/* SPDX-License-Identifier: Apache-2.0 */
/* Which passphrases are accepted, and where a stream's passphrase comes
 * from. */
#ifndef ENVL_PASSPHRASE_H
#define ENVL_PASSPHRASE_H

#include "lib/base/err.h"
#include "lib/keys/key_settings.h"

#define ENVL_PASSPHRASE_LEN_MAX 1024

/*
 * envl_passphrase_check - can a user enter this passphrase everywhere?
 *
 * It must have 1 to ENVL_PASSPHRASE_LEN_MAX bytes.  It must not have a NUL
 * byte, which cannot be typed, nor CR or LF, which end a line.  It must not
 * begin with a byte order mark, which an editor adds and nobody sees.
 *
 *   name  the passphrase's source, for messages; never the passphrase itself
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY saying what is wrong.
 */
enum envelope_reason envl_passphrase_check(const struct envl_octets *passphrase,
                                           const char *name,
                                           struct envl_err *err);

/*
 * envl_passphrase_load - get the passphrase that settings hold, or the first
 * line of the file that they name; empty if settings have neither
 *
 * Ownership: *passphrase is the caller's, envl_octets_clear(); empty on
 *            failure.
 * Returns:   ENVELOPE_OK; what envl_passphrase_check() returns; ENVELOPE_R_
 *            UNREADABLE_KEY naming the file; ENVELOPE_R_PARAMETER for a file
 *            in use; ENVELOPE_R_MEMORY.
 */
enum envelope_reason
envl_passphrase_load(struct envl_octets *passphrase,
                     const struct envl_key_settings *settings,
                     struct envl_err *err);

/* envl_passphrase_read - the same from a descriptor: read the next line, and
 * not a byte after it */
enum envelope_reason envl_passphrase_read(struct envl_octets *passphrase,
                                          int fd,
                                          const struct envl_octets *in_use,
                                          struct envl_err *err);

#endif
