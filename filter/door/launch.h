/* SPDX-License-Identifier: Apache-2.0 */
/* The command lines of bsdtar, bsdcat and bsdcpio, as far as the launcher
 * has to understand them. */
#ifndef ENVL_LAUNCH_H
#define ENVL_LAUNCH_H

#include <stdbool.h>

/* The module in libarchive's --options that is ours. */
#define ENVL_MODULE_PREFIX "envelope:"

struct envl_syntax {
    const char *name;                /* of the system's program */
    const char *short_options;       /* as for getopt(3) */
    const char *const *long_options; /* those with an argument, then NULL */
    bool old_style;   /* the first word may be options without a dash */
    bool has_options; /* takes --options itself */
};

/* envl_syntax_find - by the name of the program, which -envelope may follow;
 * NULL if it is none of the three */
const struct envl_syntax *envl_syntax_find(const char *name);

/*
 * Ownership: the structure's own, and never freed: what follows is exec(2).
 * The words in argv are partly those that were given.
 */
struct envl_arguments {
    char **argv;   /* for the program; ends with NULL */
    char *options; /* all --options, joined; NULL if there are none */
    char *own;     /* those for the module "envelope"; NULL if there are none */
    const char *bad; /* an argument that is not good, or NULL: nothing must be
                      * run then */
    const char *why;
};

/*
 * envl_arguments_read - take out what is the launcher's
 *
 * --add-filter envelope becomes the option envelope:filter.  A program that
 * takes --options is given all of them in one, because it would use the last
 * only; of another one all of them have to be ours.
 */
void envl_arguments_read(struct envl_arguments *arguments,
                         const struct envl_syntax *syntax, char **argv);

/* envl_options_filter - does an element switch the filter on, whatever its
 * value? */
bool envl_options_filter(const char *options);

#endif
