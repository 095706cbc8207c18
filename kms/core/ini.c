/* SPDX-License-Identifier: Apache-2.0 */
/* Walks through the lines of a file, and takes the settings of one section. */
#include "kms/core/ini.h"

#include <string.h>

#define NAME_SHOWN_MAX 80

/* Of settings.  Anything else is more likely a slip than a setting that we do
 * not know, such as "role_arn arn:...". */
static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";

/* Where we are in the file. */
struct walk {
    struct kms_span left;
    size_t line;
    bool in_section;
    /* The last setting or header: what is deeper than a setting is part of
     * it. */
    size_t indent;
    bool in_setting, has_value;
};

enum line_kind {
    LINE_END,     /* there are no more */
    LINE_ASTRAY,  /* nobody knows which section this is or belongs to */
    LINE_SECTION, /* a section begins */
    LINE_SETTING,
    LINE_DEEPER, /* a part of the setting before it */
    LINE_BAD     /* it is in a section, and says nothing */
};

struct line {
    enum line_kind kind;
    struct kms_span name, value;
    const char *why; /* it is bad */
};

static bool
is_comment(struct kms_span span)
{
    return span.len > 0 && (span.data[0] == '#' || span.data[0] == ';');
}

/* Names of sections */

bool
kms_ini_is_named(struct kms_span name, const char *wanted, const char **trouble)
{
    struct kms_span bare = kms_span_trim(name);

    if (kms_span_is(name, wanted))
        return true;
    if (bare.len >= 2 && (bare.data[0] == '"' || bare.data[0] == '\'')
        && bare.data[bare.len - 1] == bare.data[0])
        bare = kms_span_trim((struct kms_span){ bare.data + 1, bare.len - 2 });
    if (kms_span_is(bare, wanted))
        *trouble = "blanks and quotes are part of the name to some programs: "
                   "write it without them";
    return false;
}

/* Lines */

/* A line ends with LF, CR LF or CR, as Python has it. */
static struct kms_span
next_line(struct walk *walk)
{
    struct kms_span line = kms_span_up_to(walk->left, '\n', '\r');
    size_t len = line.len;

    if (len < walk->left.len)
        len++;
    if (len < walk->left.len && walk->left.data[len - 1] == '\r'
        && walk->left.data[len] == '\n')
        len++;
    walk->left = kms_span_skip(walk->left, len);
    walk->line++;
    return line;
}

/* After the bracket there may be a comment.  Programs do not agree on which
 * bracket is the last one if there are two. */
static struct line
read_header(struct walk *walk, struct kms_span text)
{
    struct kms_span name = kms_span_up_to(kms_span_skip(text, 1), ']', ']'),
                    rest;

    if (name.len == 0 || name.len + 2 > text.len || kms_span_has_control(name))
        return (struct line){ .kind = LINE_ASTRAY,
                              .why = "a section is [NAME]" };
    rest = kms_span_trim(kms_span_skip(text, name.len + 2));
    if (rest.len > 0
        && (!is_comment(rest) || kms_span_up_to(rest, ']', ']').len < rest.len))
        return (struct line){ .kind = LINE_ASTRAY,
                              .why = "after [NAME] there is something else" };
    walk->in_section = true;
    walk->in_setting = false;
    return (struct line){ .kind = LINE_SECTION, .name = name };
}

static bool
is_name(struct kms_span span)
{
    size_t i;

    for (i = 0; i < span.len; i++) {
        if (strchr(name_letters, kms_lower(span.data[i])) == NULL
            || span.data[i] == '\0')
            return false;
    }
    return span.len > 0;
}

/* What is not a setting may be a secret: it is not shown. */
static struct line
read_setting(struct kms_span text, char a, char b)
{
    struct kms_span name = kms_span_up_to(text, a, b);
    struct line line = { .kind = LINE_SETTING, .name = kms_span_trim(name) };

    if (name.len == text.len || !is_name(line.name))
        return (struct line){ .kind = LINE_BAD,
                              .why = "is not \"name = value\"" };
    line.value = kms_span_trim(kms_span_skip(text, name.len + 1));
    return line;
}

/* Only "=" can be meant in the settings of a setting. */
static struct line
read_deeper(const struct walk *walk, struct kms_span text)
{
    struct line line = { .kind = LINE_BAD };

    if (walk->has_value)
        line.why = "is indented deeper than the setting before it, which has "
                   "a value: indent both alike";
    else
        line = read_setting(text, '=', '=');
    if (line.kind == LINE_SETTING)
        line.kind = LINE_DEEPER;
    line.name = line.kind == LINE_BAD ? text : line.name;
    return line;
}

static struct line
read_line(struct walk *walk, struct kms_span text, size_t indent)
{
    struct line line;

    if (walk->in_setting && indent > walk->indent)
        return read_deeper(walk, text);
    walk->indent = indent;
    if (text.data[0] == '[')
        return read_header(walk, text);
    if (!kms_span_within((struct kms_span){ text.data, 1 }, '!'))
        return (struct line){ .kind = LINE_ASTRAY,
                              .why = "begins with a byte that is not plain "
                                     "ASCII" };
    if (!walk->in_section)
        return (struct line){ .kind = LINE_ASTRAY,
                              .why = "is before the first [section]" };
    line = read_setting(text, '=', ':');
    if (line.kind == LINE_SETTING) {
        walk->in_setting = true;
        walk->has_value = line.value.len > 0;
    }
    return line;
}

/* The next line that matters. */
static struct line
next(struct walk *walk)
{
    struct kms_span line, text;

    while (walk->left.len > 0) {
        line = next_line(walk);
        text = kms_span_trim(line);
        if (text.len > 0 && !is_comment(text))
            return read_line(walk, text, kms_span_blanks(line));
    }
    return (struct line){ .kind = LINE_END };
}

/* Settings */

static struct kms_ini_setting *
find(struct kms_ini_setting *settings, struct kms_span name)
{
    for (; settings->name != NULL; settings++) {
        if (kms_same_name(name.data, name.len, settings->name))
            return settings;
    }
    return NULL;
}

/* The reading of one file */
struct reading {
    struct walk walk;
    const struct kms_ini_file *file;
    const char *wanted;
    struct kms_ini_section *section;
    struct kms_ini_setting *settings;
    struct kms_ini_setting *last; /* setting in the list, or NULL */
    bool inside;                  /* of the section */
};

static enum envelope_reason
fail(const struct reading *reading, const char *what, struct envl_err *err)
{
    return envl_fail(err, reading->file->reason, "%.150s, line %zu: %s",
                     reading->file->path, reading->walk.line, what);
}

static enum envelope_reason
fail_twice(const struct reading *reading, const char *what, const char *name,
           size_t line, struct envl_err *err)
{
    return envl_fail(err, reading->file->reason,
                     "%.150s, line %zu: the %s %.64s is in line %zu already, "
                     "and programs differ in which one counts",
                     reading->file->path, reading->walk.line, what, name, line);
}

static enum envelope_reason
take_section(struct reading *reading, struct kms_span name,
             struct envl_err *err)
{
    struct kms_ini_section *section = reading->section;
    const char *trouble = NULL;
    int shown = name.len < NAME_SHOWN_MAX ? (int)name.len : NAME_SHOWN_MAX;

    reading->inside =
        reading->file->is_section(name, reading->wanted, &trouble);
    if (trouble != NULL)
        return envl_fail(err, reading->file->reason,
                         "%.150s, line %zu: [%.*s]: %s", reading->file->path,
                         reading->walk.line, shown, name.data, trouble);
    if (!reading->inside)
        return ENVELOPE_OK;
    if (section->line != 0)
        return fail_twice(reading, "section", reading->wanted, section->line,
                          err);
    section->line = reading->walk.line;
    return ENVELOPE_OK;
}

static enum envelope_reason
take_setting(struct reading *reading, const struct line *line,
             struct envl_err *err)
{
    struct kms_ini_setting *setting = find(reading->settings, line->name);

    reading->last = setting;
    if (setting == NULL && reading->section->other_line == 0) {
        reading->section->other = line->name;
        reading->section->other_line = reading->walk.line;
    }
    if (setting == NULL)
        return ENVELOPE_OK;
    if (setting->line != 0)
        return fail_twice(reading, "setting", setting->name, setting->line,
                          err);
    if (kms_span_has_control(line->value))
        return fail(reading, "the value has a control character", err);
    setting->value = line->value;
    setting->line = reading->walk.line;
    return ENVELOPE_OK;
}

/* A setting in the list that has settings of its own is not what it seems; nor
 * is one of the list below another setting. */
static enum envelope_reason
take_deeper(const struct reading *reading, const struct line *line,
            struct envl_err *err)
{
    if (reading->last == NULL && find(reading->settings, line->name) == NULL)
        return ENVELOPE_OK;
    return fail(reading,
                "is indented deeper than the setting before it, and so is a "
                "part of that: indent both alike",
                err);
}

/* To some programs it is a header, however deep it is. */
static enum envelope_reason
refuse_deep_header(const struct reading *reading, struct kms_span text,
                   struct envl_err *err)
{
    struct walk ignored = { 0 };
    const char *trouble = NULL;
    struct line line = { 0 };

    if (text.len > 0 && text.data[0] == '[')
        line = read_header(&ignored, text);
    if (line.kind != LINE_SECTION
        || (!reading->file->is_section(line.name, reading->wanted, &trouble)
            && trouble == NULL))
        return ENVELOPE_OK;
    return fail(reading,
                "the section is indented deeper than the setting before it, "
                "and so is a part of that to some programs",
                err);
}

static enum envelope_reason
take_line(struct reading *reading, const struct line *line,
          struct envl_err *err)
{
    if (line->kind == LINE_ASTRAY)
        return fail(reading, line->why, err);
    if (line->kind == LINE_SECTION)
        return take_section(reading, line->name, err);
    if (!reading->inside)
        return refuse_deep_header(reading, line->name, err);
    if (line->kind == LINE_BAD)
        return fail(reading, line->why, err);
    return line->kind == LINE_SETTING ? take_setting(reading, line, err)
                                      : take_deeper(reading, line, err);
}

enum envelope_reason
kms_ini_read(struct kms_ini_section *section, struct kms_ini_setting *settings,
             const struct kms_ini_file *file, const char *wanted,
             struct envl_err *err)
{
    struct reading reading = {
        .walk.left = { kms_text_get(file->text), file->text->len },
        .file = file,
        .wanted = wanted,
        .section = section,
        .settings = settings,
    };
    enum envelope_reason rc = ENVELOPE_OK;
    struct line line;
    size_t i;

    *section = (struct kms_ini_section){ 0 };
    for (i = 0; settings[i].name != NULL; i++)
        settings[i] = (struct kms_ini_setting){ .name = settings[i].name };
    do {
        line = next(&reading.walk);
        if (line.kind != LINE_END)
            rc = take_line(&reading, &line, err);
    } while (rc == ENVELOPE_OK && line.kind != LINE_END);
    return rc;
}
