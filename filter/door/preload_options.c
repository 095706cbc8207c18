/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interposes the functions that set libarchive's options.  Options of the
 * module "envelope" are taken out and kept for the open functions.  Values
 * cannot have commas, because libarchive's syntax cannot quote them.
 */
#define _GNU_SOURCE /* explicit_bzero(), stpcpy(), strsep() */
#include "filter/door/preload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/door/preload_names.h"
#include "filter/stream/options.h"
#include "lib/base/err.h"

#define MODULE "envelope"
#define PREFIX MODULE ":"
/* bsdtar puts this before the options that it finds in its variables. */
#define FORGIVING "__ignore_wrong_module_name__"

/* What an option means for the archive, besides its value. */
enum about { SETTING, FILTER, REQUIRE, ORIGIN, IDENTITY, PASSPHRASE };

/* The options that are more than a setting; all other options are those of the
 * archive functions. */
static const struct known {
    const char *name;
    enum about about;
} special[] = {
    { ENVL_FILTER_OPTION, FILTER },    { "require", REQUIRE },
    { "identity", IDENTITY },          { "identities", IDENTITY },
    { "passphrase-file", PASSPHRASE }, { "require-label", ORIGIN },
    { "require-labels", ORIGIN },      { "signed-by", ORIGIN },
};

#define SPECIAL_COUNT (sizeof(special) / sizeof(special[0]))

/* The module's own option, for archives that are written. */
static const struct envl_option_name filter_option = {
    ENVL_FILTER_OPTION, ENVL_WRITING | ENVL_OPTION_SWITCH
};

/* The options for every archive; set before the program begins. */
static const char *defaults[ENVL_SAID_COUNT];

typedef int set_options_fn(struct archive *a, const char *options);
typedef int set_option_fn(struct archive *a, const char *module,
                          const char *option, const char *value);

/* The i-th option; NULL after the last. */
static const struct envl_option_name *
option(size_t i)
{
    return i == 0 ? &filter_option : envl_option_name(i - 1);
}

static const struct envl_option_name *
find(const char *name)
{
    return strcmp(name, ENVL_FILTER_OPTION) == 0 ? &filter_option
                                                 : envl_option_find(name);
}

static enum about
about(const struct envl_option_name *known)
{
    size_t i;

    for (i = 0; i < SPECIAL_COUNT; i++) {
        if (strcmp(special[i].name, known->name) == 0)
            return special[i].about;
    }
    return SETTING;
}

static int
refuse_unknown(struct archive *a, const char *name)
{
    const struct envl_option_name *known;
    char names[512] = "";
    size_t i, len = 0;

    if (*name == '\0')
        return envl_refuse(a, EINVAL,
                           PREFIX " the name of an option is missing");
    for (i = 0; (known = option(i)) != NULL && len < sizeof(names); i++) {
        if ((known->traits & ENVL_OPTION_SECRET) == 0)
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
                                    len > 0 ? ", " : "", known->name);
    }
    return envl_refuse(a, EINVAL, "%s: unknown option; there are %s", name,
                       names);
}

/* Check a value, whether the archive is read or written. */
static int
check_value(struct archive *a, const char *name, const char *value)
{
    struct envl_options scratch;
    enum envelope_reason rc;
    struct envl_err err;

    envl_options_init(&scratch, ENVL_TAR);
    rc = envl_options_set(&scratch, name, value, &err);
    envl_options_clear(&scratch);
    if (rc == ENVELOPE_OK)
        return ARCHIVE_OK;
    return envl_refuse(a, rc == ENVELOPE_R_MEMORY ? ENOMEM : EINVAL, "%s",
                       rc == ENVELOPE_R_MEMORY ? "out of memory" : err.detail);
}

/* Note what an option means for the archive.  Keys in a variable do not
 * require an envelope; a user who wants that sets the option require. */
static void
note(struct envl_request *handle, enum envl_said said, enum about says)
{
    bool by_command = said == ENVL_BY_COMMAND;

    handle->filter |= says == FILTER;
    handle->required |=
        says == REQUIRE || says == ORIGIN || (says == IDENTITY && by_command);
    handle->passphrase |= says == PASSPHRASE && by_command;
}

/* Check an option and keep it.  bsdtar passes the same options to readers and
 * writers, so an option for the other direction is no mistake. */
static int
judge(struct envl_request *handle, enum envl_use use, enum envl_said said,
      const char *name, const char *value)
{
    const struct envl_option_name *known = find(name);
    struct archive *a = handle->handle.archive;
    enum about says;
    int r = ARCHIVE_OK;

    if (handle->opened)
        return envl_refuse(a, EINVAL, "%s: the archive is open already", name);
    if (known == NULL)
        return refuse_unknown(a, name);
    if ((known->traits & ENVL_OPTION_SECRET) != 0)
        return envl_refuse(a, EINVAL,
                           "%s: not taken here, where other users see it; use "
                           "passphrase-file",
                           name);
    says = about(known);
    if (value == NULL)
        value = (known->traits & ENVL_OPTION_SWITCH) != 0 ? "1" : "";
    if ((says == FILTER || says == REQUIRE) && strcmp(value, "1") != 0)
        return envl_refuse(a, EINVAL, "%s: takes no value", name);
    if (says == FILTER && said != ENVL_BY_COMMAND)
        return envl_refuse(a, EINVAL,
                           PREFIX ENVL_FILTER_OPTION ": " ENVL_FILTER_REFUSED);
    if (says != FILTER)
        r = check_value(a, name, value);
    if (r != ARCHIVE_OK)
        return r;
    note(handle, said, says);
    if (says == FILTER || says == REQUIRE || (known->traits & use) == 0
        || envl_handle_add(handle, name, value))
        return ARCHIVE_OK;
    return envl_refuse(a, ENOMEM, "out of memory");
}

/* Make sure that nothing more is read or written, even by a program that
 * ignores the result of this call. */
static int
end_without_memory(struct archive *a, enum envl_use use)
{
    struct envl_request *handle = envl_handle_get(a);

    if (handle != NULL)
        handle->refused = true;
    if (use == ENVL_WRITING)
        (void)archive_write_fail(a); /* it cannot fail here */
    return envl_refuse(a, ENOMEM, "out of memory");
}

static int
take(struct archive *a, enum envl_use use, enum envl_said said,
     const char *name, const char *value)
{
    struct envl_request *handle = envl_handle_get(a);
    int r;

    if (handle == NULL)
        return end_without_memory(a, use);
    r = judge(handle, use, said, name, value);
    if (r != ARCHIVE_OK)
        handle->refused = true;
    /* Arm the archive also if an option was refused: then nothing is
     * written. */
    if (use == ENVL_WRITING && (said != ENVL_BY_VARIABLE || r != ARCHIVE_OK))
        handle->armed = true;
    handle->switched |= said == ENVL_BY_COMMAND;
    handle->by_tar |= said == ENVL_BY_TAR;
    return r;
}

/* Is the element this module's?  For a negated element the "!" is put back
 * before the option's name, so that the name is refused as unknown. */
static bool
is_ours(char **element)
{
    char *at = *element + (**element == '!');

    if (strncmp(at, PREFIX, strlen(PREFIX)) != 0)
        return false;
    at += strlen(PREFIX);
    if (**element == '!')
        *--at = '!';
    *element = at;
    return true;
}

/* Take the module's elements from the text; put the others into rest, which
 * has room for all of them. */
static int
take_elements(struct archive *a, enum envl_use use, enum envl_said said,
              char *text, char *rest)
{
    char *element, *value, *end = rest;
    int r = ARCHIVE_OK;

    *rest = '\0';
    while (r == ARCHIVE_OK && (element = strsep(&text, ",")) != NULL) {
        if (is_ours(&element)) {
            if ((value = strchr(element, '=')) != NULL)
                *value++ = '\0';
            r = take(a, use, said, element, value);
        } else {
            if (end != rest)
                end = stpcpy(end, ",");
            end = stpcpy(end, element);
        }
    }
    return r;
}

static int
take_text(struct archive *a, enum envl_use use, enum envl_said said,
          const char *options, set_options_fn *real)
{
    char *text, *rest;
    size_t size;
    int r;

    size = strlen(options) + 1;
    text = malloc(size);
    rest = malloc(size);
    if (text == NULL || rest == NULL) {
        r = end_without_memory(a, use);
    } else {
        memcpy(text, options, size);
        r = take_elements(a, use, said, text, rest);
        if (r == ARCHIVE_OK && *rest != '\0' && strcmp(rest, FORGIVING) != 0)
            r = real(a, rest);
    }
    if (text != NULL)
        explicit_bzero(text, size);
    free(text);
    free(rest);
    return r;
}

/* Are these options from bsdtar's variable?  bsdtar first sets the options of
 * its variable and then those of the command line; some versions leave out the
 * prefix that tells them apart. */
static bool
is_by_tar(struct archive *a, enum envl_use use, const char *options)
{
    const struct envl_request *handle = envl_handle_find(a);
    const char *variable = getenv(use == ENVL_WRITING ? ENVL_WRITER_VARIABLE
                                                      : ENVL_READER_VARIABLE);

    if (strncmp(options, FORGIVING, strlen(FORGIVING)) == 0)
        return true;
    return variable != NULL && strcmp(variable, options) == 0
           && (handle == NULL || !handle->by_tar);
}

static int
set_options(struct archive *a, enum envl_use use, const char *options,
            set_options_fn *real)
{
    if (envl_guard_holds(a) || options == NULL
        || strstr(options, PREFIX) == NULL)
        return real(a, options);
    return take_text(a, use,
                     is_by_tar(a, use, options) ? ENVL_BY_TAR : ENVL_BY_COMMAND,
                     options, real);
}

static int
set_option(struct archive *a, enum envl_use use, const char *module,
           const char *option, const char *value, set_option_fn *real)
{
    if (envl_guard_holds(a) || module == NULL || strcmp(module, MODULE) != 0)
        return real(a, module, option, value);
    return take(a, use, ENVL_BY_COMMAND, option != NULL ? option : "",
                value != NULL ? value : "");
}

void
envl_options_set_default(enum envl_said said, const char *text)
{
    defaults[said] = text;
}

int
envl_options_begin(struct archive *a, enum envl_use use)
{
    set_options_fn *real = use == ENVL_WRITING
                               ? ENVL_REAL(archive_write_set_options)
                               : ENVL_REAL(archive_read_set_options);
    int r = ARCHIVE_OK, i;

    for (i = 0; r == ARCHIVE_OK && i < ENVL_SAID_COUNT; i++) {
        if (defaults[i] != NULL)
            r = take_text(a, use, (enum envl_said)i, defaults[i], real);
    }
    return r;
}

ENVELOPE_EXPORT int
archive_write_set_options(struct archive *a, const char *options)
{
    return set_options(a, ENVL_WRITING, options,
                       ENVL_REAL(archive_write_set_options));
}

ENVELOPE_EXPORT int
archive_read_set_options(struct archive *a, const char *options)
{
    return set_options(a, ENVL_READING, options,
                       ENVL_REAL(archive_read_set_options));
}

ENVELOPE_EXPORT int
archive_write_set_option(struct archive *a, const char *module,
                         const char *option, const char *value)
{
    return set_option(a, ENVL_WRITING, module, option, value,
                      ENVL_REAL(archive_write_set_option));
}

ENVELOPE_EXPORT int
archive_write_set_filter_option(struct archive *a, const char *module,
                                const char *option, const char *value)
{
    return set_option(a, ENVL_WRITING, module, option, value,
                      ENVL_REAL(archive_write_set_filter_option));
}

ENVELOPE_EXPORT int
archive_write_set_format_option(struct archive *a, const char *module,
                                const char *option, const char *value)
{
    return set_option(a, ENVL_WRITING, module, option, value,
                      ENVL_REAL(archive_write_set_format_option));
}

ENVELOPE_EXPORT int
archive_read_set_option(struct archive *a, const char *module,
                        const char *option, const char *value)
{
    return set_option(a, ENVL_READING, module, option, value,
                      ENVL_REAL(archive_read_set_option));
}

ENVELOPE_EXPORT int
archive_read_set_filter_option(struct archive *a, const char *module,
                               const char *option, const char *value)
{
    return set_option(a, ENVL_READING, module, option, value,
                      ENVL_REAL(archive_read_set_filter_option));
}

ENVELOPE_EXPORT int
archive_read_set_format_option(struct archive *a, const char *module,
                               const char *option, const char *value)
{
    return set_option(a, ENVL_READING, module, option, value,
                      ENVL_REAL(archive_read_set_format_option));
}
