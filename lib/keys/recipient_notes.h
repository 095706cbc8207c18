/* SPDX-License-Identifier: Apache-2.0 */
/* Notes on the recipients, by which a user sees that none is missing. */
#ifndef ENVL_RECIPIENT_NOTES_H
#define ENVL_RECIPIENT_NOTES_H

#include <stddef.h>

#include "lib/base/err.h"

/* Lines of text that end with a newline; owned; NULL if there is no line. */
struct envl_recipient_notes {
    char *sources;  /* one a source: its number of keys and its name */
    char *left_out; /* one a certificate that was left out */
    char *ends;     /* at most one: the certificate that ends first, if soon */
    char *mixed;    /* at most one: not all withstand a quantum computer */
};

/* envl_recipient_notes_clear - free; notes may be all zero */
void envl_recipient_notes_clear(struct envl_recipient_notes *notes);

/*
 * envl_recipient_notes_add - append a line to one of the notes
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
