/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structure of a file of keys, before any key in it is read.
 *
 * A PEM reader takes all text that it does not understand for a comment.  So a
 * key that is indented, quoted or joined to the key before it is lost without a
 * message, and its holder finds out on the day of the restore.  This check
 * refuses such a file, and counts the blocks of a good one.
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
    bool is_openssh; /* has an OpenSSH key, which libcrypto cannot read */
};

/*
 * envl_key_text_check - tell PEM, DER and OpenSSH apart, and refuse text in
 * which a key could be lost
 *
 *   text    receives the result; it borrows octets
 *   octets  the file's bytes
 *   name    the source, for messages
 *
 * Refused are: a PEM line (BEGIN or END, RFC 7468) with other text on the same
 * line; a block without its end; an OpenSSH key within other text; UTF-16; and,
 * in text with keys, a NUL byte or a carriage return within a line.  Other text
 * around PEM blocks is explanatory (RFC 7468, section 2).  DER may only be
 * followed by more DER.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY with the line.
 */
enum envelope_reason envl_key_text_check(struct envl_key_text *text,
                                         const struct envl_octets *octets,
                                         const char *name,
                                         struct envl_err *err);

/* envl_key_text_is_base64 - is c a base64 character (RFC 4648, 4) other than
 * "="?
 * envl_key_text_has_blob - do these bytes hold the beginning of an OpenSSH
 * public key in base64? */
bool envl_key_text_is_base64(unsigned char c);
bool envl_key_text_has_blob(const unsigned char *data, size_t len);

#endif
