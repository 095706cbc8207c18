/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON (RFC 8259), value by value; the caller keeps the order.  No memory
 * is needed: what is written is never less for want of it. */
#ifndef ENVL_JSON_H
#define ENVL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

/* The caller sets to; the rest is zero. */
struct envl_json {
    FILE *to;
    bool needs_comma;
};

/* envl_json_begin - '{' or '['; envl_json_end - its counterpart */
void envl_json_begin(struct envl_json *json, char bracket);
void envl_json_end(struct envl_json *json, char bracket);

/* envl_json_name - of the value that follows, in an object */
void envl_json_name(struct envl_json *json, const char *name, size_t len);

/*
 * envl_json_text - a string, len bytes
 *
 * UTF-8 stays as it is, but what a terminal must not get
 * (envl_utf8_is_shown()) is written as an escape; a byte that is no UTF-8
 * becomes U+FFFD.
 */
void envl_json_text(struct envl_json *json, const char *text, size_t len);
/* envl_json_hex - a string of lower-case hexadecimal digits */
void envl_json_hex(struct envl_json *json, const unsigned char *bytes,
                   size_t len);
void envl_json_number(struct envl_json *json, uint64_t number);
void envl_json_bool(struct envl_json *json, bool value);
void envl_json_null(struct envl_json *json);

/* envl_json_member - a name and a string
 * envl_json_path - the same for the name of a file; if it is no UTF-8, a member
 * NAME_base64 (RFC 4648, 4) has its bytes
 * envl_json_error - members "reason", its number, and "error", what is wrong in
 * words */
void envl_json_member(struct envl_json *json, const char *name,
                      const char *value);
void envl_json_path(struct envl_json *json, const char *name, const char *path);
void envl_json_error(struct envl_json *json, enum envelope_reason reason,
                     const char *detail);

#endif
