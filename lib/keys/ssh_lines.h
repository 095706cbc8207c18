/* SPDX-License-Identifier: Apache-2.0 */
/* The lines and words of OpenSSH's text files. */
#ifndef ENVL_SSH_LINES_H
#define ENVL_SSH_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* The rest of a text, borrowed; taking a part moves data forward. */
struct envl_span {
    const unsigned char *data;
    size_t len;
};

struct envl_ssh_lines {
    struct envl_span left;
    size_t number; /* of the last line that was taken, from 1 */
};

bool envl_span_is(struct envl_span s, const char *text);
bool envl_span_begins(struct envl_span s, const char *text);
bool envl_span_same(struct envl_span a, struct envl_span b);

/* envl_ssh_next_line - take the next line, without the blanks around it; false
 * after the last
 * envl_ssh_next_word - take the next word of a line; empty after the last */
bool envl_ssh_next_line(struct envl_ssh_lines *lines, struct envl_span *line);
struct envl_span envl_ssh_next_word(struct envl_span *line);

#endif
