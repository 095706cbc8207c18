/* SPDX-License-Identifier: Apache-2.0 */
/* Walks through the settings of one section, line by line. */
#include "kms/ini.h"

#include <stdbool.h>
#include <string.h>

struct span {
    const char *data;
    size_t len;
};

/* Where we are in the file. */
struct reader {
    struct span left;
    const char *section; /* that is asked for */
    bool inside;         /* of it */
};

enum line_kind {
    LINE_END,     /* there are no more */
    LINE_SECTION, /* the section begins, maybe anew */
    LINE_SETTING  /* one of it */
};

struct line {
    enum line_kind kind;
    struct span name, value; /* of a setting; value.data is NULL without "=" */
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span
trim(struct span s)
{
    for (; s.len > 0 && is_blank(s.data[0]); s.data++)
        s.len--;
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

static bool
span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* Up to the first c; all of it if there is none. */
static struct span
up_to(struct span s, char c)
{
    const char *p = s.len > 0 ? memchr(s.data, c, s.len) : NULL;

    if (p != NULL)
        s.len = (size_t)(p - s.data);
    return s;
}

static struct span
next_line(struct reader *reader)
{
    struct span line = up_to(reader->left, '\n');
    size_t len = line.len + (line.len < reader->left.len);

    reader->left.data += len;
    reader->left.len -= len;
    return line;
}

/* A section without its closing bracket is nobody's. */
static bool
begins_section(const struct reader *reader, struct span line)
{
    struct span name = { line.data + 1, line.len - 1 };
    size_t len = name.len;

    name = up_to(name, ']');
    return name.len < len && span_is(trim(name), reader->section);
}

/* What may be said of a line that is no setting: it may hold a secret. */
static struct span
word(struct span s)
{
    return up_to(up_to(up_to(s, ' '), '\t'), ':');
}

static struct line
read_setting(struct span text)
{
    struct line line = { LINE_SETTING, up_to(text, '='), { NULL, 0 } };
    size_t len = line.name.len + 1;

    if (len <= text.len)
        line.value = trim((struct span){ text.data + len, text.len - len });
    else
        line.name = word(line.name);
    line.name = trim(line.name);
    return line;
}

/* The next line that matters. */
static struct line
next(struct reader *reader)
{
    struct span text;

    while (reader->left.len > 0) {
        text = next_line(reader);
        if (trim(text).len == 0 || is_blank(text.data[0]) || text.data[0] == '#'
            || text.data[0] == ';')
            continue;
        if (text.data[0] == '[') {
            reader->inside = begins_section(reader, text);
            if (reader->inside)
                return (struct line){ .kind = LINE_SECTION };
        } else if (reader->inside)
            return read_setting(text);
    }
    return (struct line){ .kind = LINE_END };
}

static struct reader
start(const struct kms_text *text, const char *section)
{
    return (struct reader){ .left = { kms_text_get(text), text->len },
                            .section = section };
}

int
kms_ini_get(struct kms_text *value, const struct kms_text *text,
            const char *section, const char *name)
{
    struct reader reader = start(text, section);
    struct line line;
    int found = 0;

    kms_text_set(value, "");
    while ((line = next(&reader)).kind != LINE_END) {
        if (line.kind == LINE_SETTING
            && (line.value.data == NULL || !span_is(line.name, name)))
            continue;
        kms_text_set(value, "");
        kms_text_add_bytes(value, line.value.data, line.value.len);
        found = line.kind == LINE_SETTING;
    }
    return found;
}

int
kms_ini_has(const struct kms_text *text, const char *section)
{
    struct reader reader = start(text, section);

    return next(&reader).kind != LINE_END;
}

static bool
is_in(struct span name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (span_is(name, *names))
            return true;
    }
    return false;
}

int
kms_ini_unknown(struct kms_text *found, const struct kms_text *text,
                const char *section, const char *const *names)
{
    struct reader reader = start(text, section);
    struct line line;
    int is_found = 0;

    kms_text_set(found, "");
    while ((line = next(&reader)).kind != LINE_END) {
        if (line.kind == LINE_SECTION) {
            kms_text_set(found, "");
            is_found = 0;
        } else if (!is_found
                   && (line.value.data == NULL || !is_in(line.name, names))) {
            kms_text_add_bytes(found, line.name.data, line.name.len);
            is_found = 1;
        }
    }
    return is_found;
}
