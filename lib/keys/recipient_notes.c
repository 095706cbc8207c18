/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to which lines are appended. */
#include "lib/keys/recipient_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

void
envl_recipient_notes_clear(struct envl_recipient_notes *notes)
{
    OPENSSL_free(notes->sources);
    OPENSSL_free(notes->left_out);
    OPENSSL_free(notes->ends);
    OPENSSL_free(notes->mixed);
    *notes = (struct envl_recipient_notes){ 0 };
}

enum envelope_reason
envl_recipient_notes_add(char **lines, struct envl_err *err, const char *fmt,
                         ...)
{
    size_t have = *lines != NULL ? strlen(*lines) : 0;
    va_list args;
    char *grown, *p;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return ENVELOPE_OK; /* no locale makes these formats fail */
    grown = OPENSSL_realloc(*lines, have + (size_t)len + 2);
    if (grown == NULL)
        return envl_fail_memory(err);
    va_start(args, fmt);
    (void)vsnprintf(grown + have, (size_t)len + 1, fmt, args);
    va_end(args);
    /* A file's name may have a newline. */
    for (p = grown + have; (p = strchr(p, '\n')) != NULL; p++)
        *p = '?';
    memcpy(grown + have + len, "\n", 2);
    *lines = grown;
    return ENVELOPE_OK;
}
