/* SPDX-License-Identifier: Apache-2.0 */
/* Formats the one line that goes with a failure. */
#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

/* Names and passages of input end up in details: keep terminals safe, from
 * U+0080 to U+009F in UTF-8, too. */
static void
blank_controls(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        unsigned char next = (unsigned char)text[1];

        if (c < 0x20 || c == 0x7f)
            *text = '?';
        if (c == 0xc2 && next >= 0x80 && next < 0xa0)
            text[0] = text[1] = '?';
    }
}

enum envelope_reason
envl_fail(struct envl_err *err, enum envelope_reason reason, const char *fmt,
          ...)
{
    va_list args;

    err->reason = reason;
    va_start(args, fmt);
    if (vsnprintf(err->detail, sizeof(err->detail), fmt, args) < 0)
        err->detail[0] = '\0';
    va_end(args);
    blank_controls(err->detail);
    return reason;
}

const char *
envl_reason_text(enum envelope_reason reason)
{
    switch (reason) {
#define REASON_TEXT(name, number, text) \
    case name:                          \
        return text;
        ENVELOPE_REASONS(REASON_TEXT)
#undef REASON_TEXT
    default:
        return "unknown failure";
    }
}

const char *
envl_crypto_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text != NULL ? text : "no further detail";
}

bool
envl_crypto_no_memory(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

enum envelope_reason
envl_fail_crypto(struct envl_err *err, const char *what)
{
    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_CRYPTO, "cannot %s: %s", what,
                     envl_crypto_reason());
}

enum envelope_reason
envl_fail_memory(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_MEMORY, "memory ran out");
}
