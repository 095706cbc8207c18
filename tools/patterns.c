/* SPDX-License-Identifier: Apache-2.0 */
/* By fnmatch(3), on the bytes of names. */
#define _GNU_SOURCE /* FNM_LEADING_DIR */
#include "tools/patterns.h"

#include <fnmatch.h>
#include <string.h>

#include <openssl/crypto.h>

#include "filter/inside/inside.h"

enum envelope_reason
envl_patterns_begin(struct envl_patterns *patterns, char **words, int count,
                    struct envl_err *err)
{
    *patterns = (struct envl_patterns){ .words = words, .count = count };
    if (count == 0)
        return ENVELOPE_OK;
    patterns->used = OPENSSL_zalloc((size_t)count * sizeof(bool));
    return patterns->used != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

void
envl_patterns_clear(struct envl_patterns *patterns)
{
    OPENSSL_free(patterns->used);
    patterns->used = NULL;
}

/* A name without ./ before it and without the slash after a directory's; the
 * directory that an archive is of is ".". */
struct bare {
    char text[ENVL_INSIDE_NAME_MAX + 1];
};

static bool
make_bare(struct bare *bare, const char *name)
{
    size_t len;

    while (name[0] == '.' && name[1] == '/')
        for (name += 2; *name == '/'; name++)
            ;
    len = strlen(name);
    while (len > 1 && name[len - 1] == '/')
        len--;
    if (len >= sizeof(bare->text))
        return false;
    memcpy(bare->text, len > 0 ? name : ".", len > 0 ? len : 1);
    bare->text[len > 0 ? len : 1] = '\0';
    return true;
}

static bool
matches(const char *pattern, const struct bare *name)
{
    struct bare bare;

    if (*pattern == '\0' || !make_bare(&bare, pattern))
        return false;
    return strcmp(bare.text, ".") == 0
           || fnmatch(bare.text, name->text, FNM_LEADING_DIR) == 0;
}

bool
envl_patterns_match(struct envl_patterns *patterns, const char *name)
{
    bool found = patterns->count == 0;
    struct bare bare;
    int i;

    if (!make_bare(&bare, name))
        return found;
    for (i = 0; i < patterns->count; i++) {
        if (matches(patterns->words[i], &bare))
            found = patterns->used[i] = true;
    }
    return found;
}

bool
envl_patterns_would_match(const struct envl_patterns *patterns,
                          const char *name)
{
    struct bare bare;
    int i = 0;

    if (!make_bare(&bare, name))
        return patterns->count == 0;
    while (i < patterns->count && !matches(patterns->words[i], &bare))
        i++;
    return patterns->count == 0 || i < patterns->count;
}

const char *
envl_patterns_unused(const struct envl_patterns *patterns, int *i)
{
    while (*i < patterns->count && patterns->used[*i])
        (*i)++;
    return *i < patterns->count ? patterns->words[(*i)++] : NULL;
}
