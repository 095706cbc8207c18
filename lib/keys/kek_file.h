/* SPDX-License-Identifier: Apache-2.0 */
/* What a key-encryption key may be, and reading one from a file. */
#ifndef ENVL_KEK_FILE_H
#define ENVL_KEK_FILE_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/octets.h"
#include "lib/keys/kek_source.h"

/*
 * envl_kek_check - refuse a key that is no secret: all or half of it is zero
 *
 * A file of zeros is what a crash or a failed set-up leaves; everybody would
 * try it.  Half a key of zeros is what openssl enc makes of a -K that is too
 * short.
 *
 *   name  of where it comes from, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_SHORT_KEY.
 */
enum envelope_reason envl_kek_check(const unsigned char kek[ENVL_KEK_LEN],
                                    const char *name, struct envl_err *err);

/* envl_kek_is_zero - is all of it zero?  For the cipher's own key that is none. */
bool envl_kek_is_zero(const unsigned char kek[ENVL_KEK_LEN]);

/*
 * envl_kek_read - the key in a file: ENVL_KEK_LEN bytes, or twice as many
 * hexadecimal digits and blanks after them
 *
 *   kek     receives the key, which the caller cleanses
 *   in_use  files that must not be read (lib/base/file.h)
 *
 * 32 hexadecimal digits are refused: they are half a key for their owner.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; _SHORT_KEY; what
 *          envl_file_read() returns.
 */
enum envelope_reason envl_kek_read(unsigned char kek[ENVL_KEK_LEN],
                                   const char *name,
                                   const struct envl_octets *in_use,
                                   struct envl_err *err);

#endif
