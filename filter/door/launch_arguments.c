/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads options as bsdtar's own getopt does, with bundles, abbreviations and
 * -W.  That is needed because an option's argument may look like an option.
 */
#define _GNU_SOURCE /* asprintf() */
#include "filter/door/launch.h"

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/door/preload_names.h"

#define NAME_SUFFIX "-envelope"
#define FILTER_OPTION "add-filter"
#define FILTER_NAME "envelope"
#define FILTER_ELEMENT ENVL_MODULE_PREFIX ENVL_FILTER_OPTION
#define OPTIONS_OPTION "options"
/* The shortest abbreviation of --options: --op means no other option of
 * bsdtar. */
#define OPTIONS_ABBREVIATION_LEN 2

/* From tar/cmdline.c and cpio/cmdline.c of libarchive 3.6 to 3.8. */
static const char *const bsdtar_options[] = {
    "block-size",
    "blocking-factor",
    "cd",
    "directory",
    "exclude",
    "exclude-from",
    "file",
    "files-from",
    "format",
    "gid",
    "gname",
    "group",
    "include",
    "mode",
    "mtime",
    "newer",
    "newer-ctime",
    "newer-ctime-than",
    "newer-mtime",
    "newer-mtime-than",
    "newer-than",
    "older",
    "older-ctime",
    "older-ctime-than",
    "older-mtime",
    "older-mtime-than",
    "older-than",
    "owner",
    "passphrase",
    "strip-components",
    "uid",
    "uname",
    "use-compress-program",
    NULL,
};

static const char *const bsdcpio_options[] = {
    "file", "format", "owner", "passphrase", NULL,
};

static const char *const bsdcat_options[] = { NULL };

static const struct envl_syntax syntaxes[] = {
    { "bsdtar", "aBb:C:cf:HhI:JjkLlmnOoPpqrSs:T:tUuvW:wX:xyZz", bsdtar_options,
      true, true },
    { "bsdcat", "h", bsdcat_options, false, false },
    { "bsdcpio", "067AaBC:cdE:F:f:H:hI:iJjLlmnO:opR:rtuVvW:yZz",
      bsdcpio_options, false, false },
};

#define SYNTAX_COUNT (sizeof(syntaxes) / sizeof(syntaxes[0]))

struct scan {
    struct envl_arguments *arguments;
    const struct envl_syntax *syntax;
    char **next;   /* the word to read */
    size_t n_argv; /* words written */
};

const struct envl_syntax *
envl_syntax_find(const char *name)
{
    size_t i, len;

    for (i = 0; i < SYNTAX_COUNT; i++) {
        len = strlen(syntaxes[i].name);
        if (strncmp(name, syntaxes[i].name, len) == 0
            && (name[len] == '\0' || strcmp(name + len, NAME_SUFFIX) == 0))
            return &syntaxes[i];
    }
    return NULL;
}

/* Join two lists of elements with a comma; either may be NULL. */
static char *
join(const char *options, const char *more)
{
    char *joined;

    if (options == NULL || *options == '\0')
        options = more;
    else if (more != NULL && *more != '\0') {
        if (asprintf(&joined, "%s,%s", options, more) < 0)
            err(EXIT_FAILURE, "envelope");
        return joined;
    }
    if (options == NULL)
        return NULL;
    if ((joined = strdup(options)) == NULL)
        err(EXIT_FAILURE, "envelope");
    return joined;
}

static void
add(char **options, const char *more)
{
    char *joined = join(*options, more);

    free(*options);
    *options = joined;
}

/* The elements of this module, joined; NULL if there are none. */
static char *
own_of(const char *options)
{
    char *own = NULL, *text, *rest, *element;

    if (options == NULL)
        return NULL;
    rest = text = join(options, NULL);
    while ((element = strsep(&rest, ",")) != NULL) {
        if (strncmp(element, ENVL_MODULE_PREFIX, strlen(ENVL_MODULE_PREFIX))
            == 0)
            add(&own, element);
    }
    free(text);
    return own;
}

bool
envl_options_filter(const char *options)
{
    char *rest = own_of(options), *element;
    size_t len = strlen(FILTER_ELEMENT);
    bool found = false;

    while ((element = strsep(&rest, ",")) != NULL) {
        if (strncmp(element, FILTER_ELEMENT, len) == 0
            && (element[len] == '\0' || element[len] == '='))
            found = true;
    }
    return found; /* the split copy is not freed, like all memory here */
}

static void
put(struct scan *scan, const char *word)
{
    scan->arguments->argv[scan->n_argv++] = (char *)(uintptr_t)word;
}

static void
refuse(struct scan *scan, const char *bad, const char *why)
{
    if (scan->arguments->bad == NULL) {
        scan->arguments->bad = bad;
        scan->arguments->why = why;
    }
}

static void
add_options(struct scan *scan, const char *options)
{
    struct envl_arguments *arguments = scan->arguments;
    char *own = own_of(options);

    if (!scan->syntax->has_options
        && (own == NULL || strlen(own) != strlen(options)))
        refuse(scan, options, "this program takes envelope:... only");
    add(&arguments->options, options);
    add(&arguments->own, own);
    free(own);
}

static bool
is_option(const char *text, size_t len, const char *name, size_t least)
{
    return len >= least && len <= strlen(name) && strncmp(text, name, len) == 0;
}

static bool
is_options(const struct scan *scan, const char *text, size_t len)
{
    return is_option(text, len, OPTIONS_OPTION,
                     scan->syntax->has_options ? OPTIONS_ABBREVIATION_LEN
                                               : strlen(OPTIONS_OPTION));
}

/* Does the option take an argument?  The program reports an abbreviation of
 * several options. */
static bool
has_argument(const struct scan *scan, const char *text, size_t len)
{
    const char *const *name;

    for (name = scan->syntax->long_options; *name != NULL; name++) {
        if (is_option(text, len, *name, 1))
            return true;
    }
    return false;
}

/* Read a long option, without its dashes, and the next word if that is its
 * argument.  True if the option is the launcher's and not for the program. */
static bool
take_long(struct scan *scan, const char *text)
{
    size_t len = strcspn(text, "=");
    const char *argument = text[len] == '=' ? text + len + 1 : *scan->next;
    bool filter = is_option(text, len, FILTER_OPTION, strlen(FILTER_OPTION));
    bool options = is_options(scan, text, len);

    if (!filter && !options && !has_argument(scan, text, len))
        return false;
    if (text[len] != '=' && *scan->next != NULL)
        scan->next++;
    if (argument != NULL && filter && strcmp(argument, FILTER_NAME) == 0)
        add_options(scan, FILTER_ELEMENT);
    else if (argument != NULL && options)
        add_options(scan, argument);
    else
        return false;
    return true;
}

/* Read a bundle of short options, and the next word if that is the last
 * option's argument.  True as above; with -W a part of the bundle may be left
 * for the program. */
static bool
take_bundle(struct scan *scan, const char *word)
{
    const char *at, *option;
    char *left;

    for (at = word + 1; *at != '\0'; at++) {
        option = *at == ':' ? NULL : strchr(scan->syntax->short_options, *at);
        if (option == NULL || option[1] != ':')
            continue;
        if (*at == 'W' && (at[1] != '\0' || *scan->next != NULL)) {
            if (!take_long(scan, at[1] != '\0' ? at + 1 : *scan->next++))
                return false;
            if ((left = strndup(word, (size_t)(at - word))) == NULL)
                err(EXIT_FAILURE, "envelope");
            if (at > word + 1)
                put(scan, left);
            return true;
        }
        if (at[1] == '\0' && *scan->next != NULL)
            scan->next++;
        return false;
    }
    return false;
}

/* Copy the first word in the old style: the arguments of its options follow as
 * words, in order. */
static void
copy_old_style(struct scan *scan)
{
    const char *at = *scan->next, *option;

    put(scan, *scan->next++);
    for (; *at != '\0'; at++) {
        option = *at == ':' ? NULL : strchr(scan->syntax->short_options, *at);
        if (option != NULL && option[1] == ':' && *scan->next != NULL)
            put(scan, *scan->next++);
    }
}

static void
copy_options(struct scan *scan)
{
    char **word;
    bool ours;

    while (*scan->next != NULL && **scan->next == '-'
           && strcmp(*scan->next, "--") != 0) {
        word = scan->next++;
        ours = strncmp(*word, "--", 2) == 0 ? take_long(scan, *word + 2)
                                            : take_bundle(scan, *word);
        while (!ours && word < scan->next)
            put(scan, *word++);
    }
}

/* Copy the operands.  bsdtar takes all words after the first file name for file
 * names: options of the filter there would have no effect, so refuse them. */
static void
copy_operands(struct scan *scan)
{
    bool dashes = *scan->next != NULL && strcmp(*scan->next, "--") == 0;
    const char *word, *value;
    size_t len;

    for (; *scan->next != NULL; scan->next++) {
        word = *scan->next;
        put(scan, word);
        if (dashes || strncmp(word, "--", 2) != 0)
            continue;
        len = strcspn(word += 2, "=");
        value = word[len] == '=' ? word + len + 1 : scan->next[1];
        if (is_option(word, len, FILTER_OPTION, strlen(FILTER_OPTION))
            || (is_options(scan, word, len) && own_of(value) != NULL))
            refuse(scan, *scan->next, "goes before the names of files");
    }
}

void
envl_arguments_read(struct envl_arguments *arguments,
                    const struct envl_syntax *syntax, char **argv)
{
    struct scan scan = { arguments, syntax, argv, 0 };
    size_t n = 0;

    while (argv[n] != NULL)
        n++;
    *arguments = (struct envl_arguments){ 0 };
    /* Room for --options, its argument, and NULL in addition. */
    arguments->argv = calloc(n + 3, sizeof(*arguments->argv));
    if (arguments->argv == NULL)
        err(EXIT_FAILURE, "envelope");
    if (*scan.next != NULL)
        put(&scan, *scan.next++);
    if (syntax->old_style && *scan.next != NULL && **scan.next != '-')
        copy_old_style(&scan);
    copy_options(&scan);
    if (syntax->has_options && arguments->options != NULL) {
        put(&scan, "--" OPTIONS_OPTION);
        put(&scan, arguments->options);
    }
    copy_operands(&scan);
}
