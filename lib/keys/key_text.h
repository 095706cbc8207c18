/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structure of a file of keys, before any key in it is read.
 *
 * A reader of PEM takes whatever it does not understand for a comment.  So a
 * key that is indented, quoted or glued to the one before is lost in silence,
 * and its holder finds out on the day of the restore.  Here such a file is
 * refused, and the blocks of a good one are counted.
 */
#ifndef ENVL_KEY_TEXT_H
#define ENVL_KEY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/octets.h"

struct envl_key_text {
    const unsigned char *data; /* borrowed; without a byte order mark */
    size_t len;
    size_t objects;  /* PEM blocks or DER values: each must become an object */
    bool is_openssh; /* there is a key of OpenSSH's: libcrypto reads none */
};

/*
 * envl_key_text_check - tell PEM, DER and OpenSSH apart, and refuse text in
 * which a key could be lost
 *
 *   name  of the source, for messages
 *
 * Refused are: a PEM line (BEGIN or END, RFC 7468) that does not stand alone
 * on its line; a block without its end; what looks like a key of OpenSSH's
 * within other text; UTF-16; and, in text with keys, a NUL byte or a carriage
 * return within a line.  Other text around PEM blocks is explanatory (RFC 7468,
 * section 2).  After DER nothing but more DER may stand.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY with the line.
 */
enum envelope_reason envl_key_text_check(struct envl_key_text *text,
                                         const struct envl_octets *octets,
                                         const char *name,
                                         struct envl_err *err);

/* envl_key_text_is_base64 - is it a digit of base64 (RFC 4648, 4)?  "=" is none.
 * envl_key_text_has_blob - do these bytes hold what begins like the base64 of
 * an OpenSSH public key? */
bool envl_key_text_is_base64(unsigned char c);
bool envl_key_text_has_blob(const unsigned char *data, size_t len);

#endif
