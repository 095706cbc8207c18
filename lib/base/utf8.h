/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629), and which of its characters may be shown. */
#ifndef ENVL_UTF8_H
#define ENVL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* envl_utf8_len - the length in bytes of the character at p, where len > 0
 * bytes can be read; 0 if there is no complete character */
size_t envl_utf8_len(const unsigned char *p, size_t len);

/* envl_utf8_is_valid - are all of these bytes characters? */
bool envl_utf8_is_valid(const unsigned char *p, size_t len);

/*
 * envl_utf8_is_control - is the character at p, of len bytes, a control
 * character: U+0000 to U+001F, U+007F to U+009F?
 * envl_utf8_is_shown - may a terminal show the character?  It must not show
 * control characters, nor characters that break lines or change the direction
 * of text: they make a name look like another one (Unicode 15, 23.2; UAX #9).
 */
bool envl_utf8_is_control(const unsigned char *p, size_t len);
bool envl_utf8_is_shown(const unsigned char *p, size_t len);

#endif
