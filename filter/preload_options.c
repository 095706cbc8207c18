/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interposed: the functions that set libarchive's options.  Those of the
 * module "envelope" are taken out and kept for the open functions; values
 * have no commas, because libarchive's syntax has no way to write one.
 */
#define _GNU_SOURCE /* explicit_bzero(), stpcpy(), strsep() */
#include "filter/preload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULE "envelope"
#define PREFIX MODULE ":"
/* bsdtar puts this before what it finds in the environment. */
#define FORGIVING "__ignore_wrong_module_name__"

enum way { READING = 1, WRITING = 2, BOTH = READING | WRITING };

/* <envelope/archive.h> says what they mean. */
static const struct known {
    const char *name;
    enum way way;
    bool is_switch; /* no value stands for "1", as with libarchive's own */
} known[] = {
    { "filter", WRITING, true },        { "recipient", WRITING, false },
    { "recipients", WRITING, false },   { "identity", READING, false },
    { "identities", READING, false },   { "passphrase-file", BOTH, false },
    { "threads", BOTH, false },         { "label", WRITING, false },
    { "labels", WRITING, false },       { "carrier", WRITING, false },
    { "piece-size", WRITING, false },   { "xbcloud", WRITING, true },
    { "reserve", WRITING, false },      { "work-factor", WRITING, false },
    { "allow-expired", WRITING, true },
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

typedef int set_options_fn(struct archive *a, const char *options);
typedef int set_option_fn(struct archive *a, const char *module,
                          const char *option, const char *value);

static const struct known *
find(const char *name)
{
    size_t i;

    for (i = 0; i < KNOWN_COUNT; i++) {
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    }
    return NULL;
}

static int
refuse_unknown(struct archive *a, const char *name)
{
    char names[512] = "";
    size_t i, len = 0;

    /* On the command line everybody can read it. */
    if (strcmp(name, "passphrase") == 0)
        return envl_refuse(a, EINVAL,
                           "passphrase: not taken here, where other users "
                           "see it; use passphrase-file");
    for (i = 0; i < KNOWN_COUNT && len < sizeof(names); i++) {
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
                                i > 0 ? ", " : "", known[i].name);
    }
    return envl_refuse(a, EINVAL, "%s: unknown option; there are %s", name,
                       names);
}

/* bsdtar has one text for readers and writers: what the other way is about
 * is no mistake. */
static int
judge(struct envl_handle *handle, enum way way, const char *name,
      const char *value)
{
    const struct known *row = find(name);
    struct archive *a = handle->archive;

    if (handle->opened)
        return envl_refuse(a, EINVAL, "%s: the archive is open already", name);
    if (row == NULL)
        return refuse_unknown(a, name);
    if (value == NULL)
        value = row->is_switch ? "1" : "";
    if (strcmp(row->name, "filter") == 0) {
        return strcmp(value, "1") == 0
                   ? ARCHIVE_OK
                   : envl_refuse(a, EINVAL, "filter: takes no value");
    }
    if ((row->way & way) == 0 || envl_handle_add(handle, name, value))
        return ARCHIVE_OK;
    return envl_refuse(a, ENOMEM, "out of memory");
}

/* Before the archive could be armed: nothing may be written any more. */
static int
end_without_memory(struct archive *a, enum way way)
{
    if (way == WRITING)
        (void)archive_write_fail(a); /* it cannot fail here */
    return envl_refuse(a, ENOMEM, "out of memory");
}

static int
take(struct archive *a, enum way way, const char *name, const char *value)
{
    struct envl_handle *handle = envl_handle_get(a);
    int r;

    if (handle == NULL)
        return end_without_memory(a, way);
    if (way == WRITING)
        handle->armed = true;
    r = judge(handle, way, name, value);
    if (r != ARCHIVE_OK)
        handle->refused = true;
    return r;
}

/* Take the module's elements from the text; put the others into rest, which
 * has room for all of them. */
static int
take_elements(struct archive *a, enum way way, char *text, char *rest)
{
    char *element, *value, *end = rest;
    int r = ARCHIVE_OK;

    *rest = '\0';
    while (r == ARCHIVE_OK && (element = strsep(&text, ",")) != NULL) {
        if (strncmp(element, PREFIX, strlen(PREFIX)) == 0) {
            element += strlen(PREFIX);
            if ((value = strchr(element, '=')) != NULL)
                *value++ = '\0';
            r = take(a, way, element, value);
        } else {
            if (end != rest)
                end = stpcpy(end, ",");
            end = stpcpy(end, element);
        }
    }
    return r;
}

static int
set_options(struct archive *a, enum way way, const char *options,
            set_options_fn *real)
{
    char *text, *rest;
    size_t size;
    int r;

    if (envl_guard_holds(a) || options == NULL
        || strstr(options, PREFIX) == NULL)
        return real(a, options);

    size = strlen(options) + 1;
    text = malloc(size);
    rest = malloc(size);
    if (text == NULL || rest == NULL) {
        r = end_without_memory(a, way);
    } else {
        memcpy(text, options, size);
        r = take_elements(a, way, text, rest);
        if (r == ARCHIVE_OK && *rest != '\0' && strcmp(rest, FORGIVING) != 0)
            r = real(a, rest);
    }
    if (text != NULL)
        explicit_bzero(text, size);
    free(text);
    free(rest);
    return r;
}

static int
set_option(struct archive *a, enum way way, const char *module,
           const char *option, const char *value, set_option_fn *real)
{
    if (envl_guard_holds(a) || module == NULL || strcmp(module, MODULE) != 0)
        return real(a, module, option, value);
    if (option == NULL || value == NULL)
        return take(a, way, option != NULL ? option : "", "");
    return take(a, way, option, value);
}

ENVELOPE_EXPORT int
archive_write_set_options(struct archive *a, const char *options)
{
    return set_options(a, WRITING, options,
                       ENVL_REAL(archive_write_set_options));
}

ENVELOPE_EXPORT int
archive_read_set_options(struct archive *a, const char *options)
{
    return set_options(a, READING, options,
                       ENVL_REAL(archive_read_set_options));
}

ENVELOPE_EXPORT int
archive_write_set_option(struct archive *a, const char *module,
                         const char *option, const char *value)
{
    return set_option(a, WRITING, module, option, value,
                      ENVL_REAL(archive_write_set_option));
}

ENVELOPE_EXPORT int
archive_write_set_filter_option(struct archive *a, const char *module,
                                const char *option, const char *value)
{
    return set_option(a, WRITING, module, option, value,
                      ENVL_REAL(archive_write_set_filter_option));
}

ENVELOPE_EXPORT int
archive_write_set_format_option(struct archive *a, const char *module,
                                const char *option, const char *value)
{
    return set_option(a, WRITING, module, option, value,
                      ENVL_REAL(archive_write_set_format_option));
}

ENVELOPE_EXPORT int
archive_read_set_option(struct archive *a, const char *module,
                        const char *option, const char *value)
{
    return set_option(a, READING, module, option, value,
                      ENVL_REAL(archive_read_set_option));
}

ENVELOPE_EXPORT int
archive_read_set_filter_option(struct archive *a, const char *module,
                               const char *option, const char *value)
{
    return set_option(a, READING, module, option, value,
                      ENVL_REAL(archive_read_set_filter_option));
}

ENVELOPE_EXPORT int
archive_read_set_format_option(struct archive *a, const char *module,
                               const char *option, const char *value)
{
    return set_option(a, READING, module, option, value,
                      ENVL_REAL(archive_read_set_format_option));
}
