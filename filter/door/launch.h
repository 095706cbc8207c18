/* SPDX-License-Identifier: Apache-2.0 */
/* The command lines of bsdtar, bsdcat and bsdcpio, as far as the launcher needs
 * to read them. */
#ifndef ENVL_LAUNCH_H
#define ENVL_LAUNCH_H

#include <stdbool.h>

/* The prefix of this module's options in libarchive's --options. */
#define ENVL_MODULE_PREFIX "envelope:"

struct envl_syntax {
    const char *name;                /* the system's program */
    const char *short_options;       /* as for getopt(3) */
    const char *const *long_options; /* those with an argument, then NULL */
    bool old_style;   /* the first word may be options without a dash */
    bool has_options; /* the program itself has --options */
};

/* envl_syntax_find - the syntax of the program of this name, which may end with
 * -envelope; NULL if it is none of the three */
const struct envl_syntax *envl_syntax_find(const char *name);

/*
 * Ownership: the structure owns its members, which are never freed, because
 * exec(2) follows.  Some words in argv are borrowed from the input.
 */
struct envl_arguments {
    char **argv;     /* for the program; ends with NULL */
    char *options;   /* all --options, joined; NULL if there are none */
    char *own;       /* options of the module "envelope"; or NULL */
    const char *bad; /* an argument that is refused, so that nothing must be
                      * run; or NULL */
    const char *why; /* why it is refused */
};

/*
 * envl_arguments_read - take the launcher's arguments out of a command line
 *
 * --add-filter envelope becomes the option envelope:filter.  A program that has
 * --options gets all options in one argument, because it would use the last
 * --options only.  For the other programs all options must be this module's.
 */
void envl_arguments_read(struct envl_arguments *arguments,
                         const struct envl_syntax *syntax, char **argv);

/* envl_options_filter - does an element of options name the filter, with any
 * value? */
bool envl_options_filter(const char *options);

#endif
