/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns for names of members: which match, and which has matched nothing. */
#ifndef ENVL_PATTERNS_H
#define ENVL_PATTERNS_H

#include <stdbool.h>

#include "lib/base/err.h"

/* All zero has no patterns, and takes every name. */
struct envl_patterns {
    char **words; /* borrowed */
    int count;
    bool *used; /* owned */
};

/* envl_patterns_begin - ENVELOPE_R_MEMORY if that ran out
 * Ownership: envl_patterns_clear(); words must stay. */
enum envelope_reason envl_patterns_begin(struct envl_patterns *patterns,
                                         char **words, int count,
                                         struct envl_err *err);
void envl_patterns_clear(struct envl_patterns *patterns);

/*
 * envl_patterns_match - does a pattern match this name, or a directory that it
 * is beneath?
 *
 * *, ? and [...] also match a slash.  A leading ./ and a slash at the end count
 * for nothing, in patterns and in names.
 */
bool envl_patterns_match(struct envl_patterns *patterns, const char *name);

/* envl_patterns_would_match - the same, and no pattern counts as used by it */
bool envl_patterns_would_match(const struct envl_patterns *patterns,
                               const char *name);

/* envl_patterns_unused - the next pattern from *i on that has matched nothing;
 * NULL after the last one */
const char *envl_patterns_unused(const struct envl_patterns *patterns, int *i);

#endif
