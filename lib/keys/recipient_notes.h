/* SPDX-License-Identifier: Apache-2.0 */
/* What people want to know of the recipients, to see that none is lost. */
#ifndef ENVL_RECIPIENT_NOTES_H
#define ENVL_RECIPIENT_NOTES_H

#include <stddef.h>

#include "lib/base/err.h"

/* Lines of text, each with its end; owned, NULL where there is nothing. */
struct envl_recipient_notes {
    char *sources;  /* a line for each: how many keys it had, and its name */
    char *left_out; /* a line for each certificate that is no recipient */
    char *ends;     /* one: the certificate that ends first, if that is soon */
    char *mixed;    /* one: not all withstand a quantum computer */
};

/* envl_recipient_notes_clear - free; notes may be all zero */
void envl_recipient_notes_clear(struct envl_recipient_notes *notes);

/*
 * envl_recipient_notes_add - put a line at the end of one of them
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_MEMORY with nothing changed.
 */
enum envelope_reason envl_recipient_notes_add(char **lines,
                                              struct envl_err *err,
                                              const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#endif
