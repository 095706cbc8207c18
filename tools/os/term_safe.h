/* SPDX-License-Identifier: Apache-2.0 */
/* Names that somebody else may have made up, on a terminal. */
#ifndef ENVL_TERM_SAFE_H
#define ENVL_TERM_SAFE_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/keys/recipient_notes.h"

/* envl_show, envl_show_bytes - print text with a '?' for what could harm a
 * terminal (envl_utf8_is_shown()), and for bytes that are not UTF-8 */
void envl_show(FILE *to, const char *text);
void envl_show_bytes(FILE *to, const char *text, size_t len);

/* envl_show_lines - each line of text so, after what and ": "; NULL has none */
void envl_show_lines(FILE *to, const char *what, const char *text);

/*
 * envl_show_notes - who was left out of the recipients, on standard error; where
 * verbose, also where they all came from
 * envl_show_hint - that a certificate ends soon, for an end without a failure:
 * there is one hint at most
 *
 * Of NULL there is nothing to show.
 */
void envl_show_notes(const struct envl_recipient_notes *notes, bool verbose);
void envl_show_hint(const struct envl_recipient_notes *notes);

#endif
