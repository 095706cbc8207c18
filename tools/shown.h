/* SPDX-License-Identifier: Apache-2.0 */
/* Names that somebody else may have made up, on a terminal. */
#ifndef ENVL_SHOWN_H
#define ENVL_SHOWN_H

#include <stdio.h>

/* envl_show, envl_show_bytes - print text with a '?' for what could harm a
 * terminal (envl_utf8_is_shown()), and for bytes that are not UTF-8 */
void envl_show(FILE *to, const char *text);
void envl_show_bytes(FILE *to, const char *text, size_t len);

/* envl_show_lines - each line of text so, after "envelope: "; NULL has none */
void envl_show_lines(FILE *to, const char *text);

#endif
