/* SPDX-License-Identifier: Apache-2.0 */
/* Which key-encryption keys are accepted, and reading a key from a file. */
#ifndef ENVL_KEK_FILE_H
#define ENVL_KEK_FILE_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/octets.h"
#include "lib/keys/kek_source.h"

/*
 * envl_kek_check - refuse a key that is not secret: all or half of it is zero
 *
 * A crash or a failed set-up may leave a file of zeros, and an attacker would
 * try that key first.  openssl enc fills a -K that is too short with zeros.
 *
 *   name  the key's source, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_SHORT_KEY.
 */
enum envelope_reason envl_kek_check(const unsigned char kek[ENVL_KEK_LEN],
                                    const char *name, struct envl_err *err);

/* envl_kek_is_zero - is the whole key zero?  As the cipher's own key that means
 * "no key". */
bool envl_kek_is_zero(const unsigned char kek[ENVL_KEK_LEN]);

/*
 * envl_kek_read - read a key from a file, which has ENVL_KEK_LEN bytes, or
 * twice as many hexadecimal digits and then blanks
 *
 *   kek     receives the key, which the caller cleanses
 *   name    the file's name
 *   in_use  files that must not be read (lib/base/file.h)
 *
 * A file of 32 hexadecimal digits is refused, although it has 32 bytes: its
 * owner meant a key of 16 bytes.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; _SHORT_KEY; what
 *          envl_file_read() returns.
 */
enum envelope_reason envl_kek_read(unsigned char kek[ENVL_KEK_LEN],
                                   const char *name,
                                   const struct envl_octets *in_use,
                                   struct envl_err *err);

#endif
