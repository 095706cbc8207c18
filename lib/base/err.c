/* SPDX-License-Identifier: Apache-2.0 */
/* Formats the one line that goes with a failure. */
#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "lib/base/utf8.h"

/* Details quote names and bytes of the input: keep terminals safe. */
static void
blank(char *text)
{
    unsigned char *p = (unsigned char *)text;
    size_t len = strlen(text), n;

    for (; len > 0; p += n, len -= n) {
        n = envl_utf8_len(p, len);
        if (n > 0 && envl_utf8_is_shown(p, n))
            continue;
        n = n > 0 ? n : 1;
        memset(p, '?', n);
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
    blank(err->detail);
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

/*
 * The newest record at the time of envl_err_begin().  libcrypto does not number
 * its records, but each has its own copy of the names of file and function, so
 * their addresses tell records apart.  Code and line do so where libcrypto was
 * built without file names.
 */
struct record {
    unsigned long code;
    const char *file, *function;
    int line;
};

static _Thread_local struct record before;

/* An allocation of the provider's failed inside a libcrypto call.  libcrypto
 * does not pass that on. */
static _Thread_local bool has_failed_within;

static struct record
peek_newest(const char **data)
{
    struct record record = { 0 };
    int flags;

    record.code = ERR_peek_last_error_all(&record.file, &record.line,
                                          &record.function, data, &flags);
    return record;
}

void
envl_err_begin(void)
{
    before = peek_newest(NULL);
    has_failed_within = false;
}

void
envl_crypto_note_no_memory(void)
{
    has_failed_within = true;
}

unsigned long
envl_crypto_newest(const char **data)
{
    const struct record record = peek_newest(data);

    if (record.code != 0
        && (record.code != before.code || record.file != before.file
            || record.function != before.function
            || record.line != before.line))
        return record.code;
    if (data != NULL)
        *data = "";
    return 0;
}

unsigned long
envl_crypto_oldest(const char **data)
{
    unsigned long code = 0;
    int flags;

    if (before.code == 0)
        code = ERR_peek_error_all(NULL, NULL, NULL, data, &flags);
    if (code == 0 && data != NULL)
        *data = "";
    return code;
}

const char *
envl_crypto_reason(void)
{
    const char *text = ERR_reason_error_string(envl_crypto_newest(NULL));

    return text != NULL ? text : "no further detail";
}

bool
envl_crypto_no_memory(void)
{
    return has_failed_within
           || ERR_GET_REASON(envl_crypto_newest(NULL)) == ERR_R_MALLOC_FAILURE
           || ERR_GET_REASON(envl_crypto_oldest(NULL)) == ERR_R_MALLOC_FAILURE;
}

enum envelope_reason
envl_fail_crypto(struct envl_err *err, const char *what)
{
    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_CRYPTO, "cannot %s: %s", what,
                     envl_crypto_reason());
}

void *
envl_drop_mark(void *allocated)
{
    if (allocated != NULL)
        (void)ERR_clear_last_mark();
    else
        (void)ERR_pop_to_mark();
    return allocated;
}

enum envelope_reason
envl_fail_memory(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_MEMORY, "memory ran out");
}
