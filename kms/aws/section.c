/* SPDX-License-Identifier: Apache-2.0 */
/* Names of sections.  The aws command takes them apart by the rules of
 * Python's shlex, which are those of a shell. */
#include "kms/aws/section.h"

#include <string.h>

#define BEGIN "profile"
#define BEGIN_LEN (sizeof(BEGIN) - 1)

#define WORD_END (-1)
#define WORD_BROKEN (-2) /* a quote has no end */

static bool
is_between(char c)
{
    return c == ' ' || c == '\t';
}

static char
take(struct kms_span *left)
{
    left->len--;
    return *left->data++;
}

/* The next character of a word, without what quotes it. */
static int
next_char(struct kms_span *left, char *quote)
{
    char c;

    while (left->len > 0 && (*quote != '\0' || !is_between(left->data[0]))) {
        c = take(left);
        if (*quote == '\0' && (c == '"' || c == '\'')) {
            *quote = c;
        } else if (c == *quote) {
            *quote = '\0';
        } else if (c != '\\' || *quote == '\'') {
            return (unsigned char)c;
        } else if (left->len == 0) {
            return WORD_BROKEN;
        } else {
            /* Within quotes it escapes no more than these two. */
            if (*quote == '\0' || left->data[0] == '"' || left->data[0] == '\\')
                c = take(left);
            return (unsigned char)c;
        }
    }
    return *quote == '\0' ? WORD_END : WORD_BROKEN;
}

/* Take the next word and the blanks after it: is it this one? */
static bool
take_word(struct kms_span *left, const char *expected)
{
    bool same = true;
    char quote = '\0';
    int c;

    while ((c = next_char(left, &quote)) >= 0) {
        same = same && c == (unsigned char)*expected && c != '\0';
        expected += same;
    }
    while (left->len > 0 && is_between(left->data[0]))
        (void)take(left);
    return same && *expected == '\0' && c == WORD_END;
}

/* Python's configparser gives the settings of [DEFAULT] to all sections. */
static bool
is_for_all(struct kms_span name, const char **trouble)
{
    if (!kms_span_is(name, "DEFAULT"))
        return false;
    *trouble = "its settings are in all profiles to the aws command, and in "
               "none to other programs: move them to [default]";
    return true;
}

bool
kms_aws_is_credentials_section(struct kms_span name, const char *wanted,
                               const char **trouble)
{
    return !is_for_all(name, trouble)
           && kms_ini_is_named(name, wanted, trouble);
}

bool
kms_aws_is_config_section(struct kms_span name, const char *wanted,
                          const char **trouble)
{
    struct kms_span bare = kms_span_trim(name), left = bare, second;
    bool is_plain, is_same;

    if (is_for_all(name, trouble))
        return false;
    if (strcmp(wanted, "default") == 0
        && kms_ini_is_named(name, wanted, trouble))
        return true;
    if (bare.len <= BEGIN_LEN || !kms_same_name(bare.data, BEGIN_LEN, BEGIN))
        return false;
    is_plain = take_word(&left, BEGIN) && name.data[0] == BEGIN[0];
    second = left;
    is_same = take_word(&left, wanted) && left.len == 0;
    if (is_same && is_plain)
        return true;
    if (is_same || kms_span_is(second, wanted))
        *trouble = "to some programs this is the profile, but not to all: "
                   "write [profile NAME], with quotes around a name that has "
                   "blanks in it";
    return false;
}
