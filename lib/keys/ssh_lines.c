/* SPDX-License-Identifier: Apache-2.0 */
/* A carriage return counts as a blank. */
#include "lib/keys/ssh_lines.h"

#include <string.h>

bool
envl_span_is(struct envl_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

bool
envl_span_begins(struct envl_span s, const char *text)
{
    return s.len >= strlen(text) && memcmp(s.data, text, strlen(text)) == 0;
}

bool
envl_span_same(struct envl_span a, struct envl_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool
is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void
skip_blanks(struct envl_span *s)
{
    for (; s->len > 0 && is_blank(s->data[0]); s->data++)
        s->len--;
}

bool
envl_ssh_next_line(struct envl_ssh_lines *lines, struct envl_span *line)
{
    struct envl_span *left = &lines->left;
    const unsigned char *lf;

    if (left->len == 0)
        return false;
    lf = memchr(left->data, '\n', left->len);
    *line = *left;
    if (lf != NULL)
        line->len = (size_t)(lf - line->data);
    left->data += line->len + (lf != NULL);
    left->len -= line->len + (lf != NULL);
    lines->number++;
    skip_blanks(line);
    while (line->len > 0 && is_blank(line->data[line->len - 1]))
        line->len--;
    return true;
}

struct envl_span
envl_ssh_next_word(struct envl_span *line)
{
    struct envl_span word;

    skip_blanks(line);
    word = *line;
    for (; line->len > 0 && !is_blank(line->data[0]); line->data++)
        line->len--;
    word.len -= line->len;
    return word;
}
