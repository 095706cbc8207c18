/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of labels, FORMAT 3.  header.c knows where they are. */
#include "lib/header/labels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/utf8.h"

/* Bytes of a label that a message shows. */
#define SHOWN_MAX 80

#define NOT_A_LABEL                                                           \
    "is not key=value; keys are made of letters, digits and _ . : -, values " \
    "hold no controls"

struct line {
    const char *text;
    size_t len; /* without its LF */
    size_t key_len;
};

static bool
is_key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || (c != '\0' && strchr("_.:-", c));
}

static bool
is_value(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i, n;

    for (i = 0; i < len; i += n) {
        n = envl_utf8_len(p + i, len - i);
        if (n == 0 || envl_utf8_is_control(p + i, n))
            return false;
    }
    return true;
}

/* Take the line at *text, up to its LF or the end, and step after it. */
static bool
next_line(struct line *line, const char **text, size_t *left)
{
    const char *end = memchr(*text, '\n', *left);
    size_t len = end != NULL ? (size_t)(end - *text) : *left;
    size_t i;

    *line = (struct line){ .text = *text, .len = len };
    *text += len + (end != NULL);
    *left -= len + (end != NULL);

    for (i = 0; i < len && is_key_char(line->text[i]); i++)
        ;
    line->key_len = i;
    return i > 0 && i <= ENVL_LABEL_KEY_LEN_MAX && i < len
           && line->text[i] == '=' && is_value(line->text + i + 1, len - i - 1);
}

static int
compare_keys(const void *va, const void *vb)
{
    const struct line *a = va, *b = vb;
    size_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = memcmp(a->text, b->text, n);

    return order != 0 ? order
                      : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int
shown_len(const struct line *line)
{
    return (int)(line->len < SHOWN_MAX ? line->len : SHOWN_MAX);
}

static enum envelope_reason
bad_line(struct envl_err *err, const struct line *line, const char *why)
{
    return envl_fail(err, ENVELOPE_R_LABELS, "the label %.*s %s",
                     shown_len(line), line->text, why);
}

enum envelope_reason
envl_labels_check(const char *text, size_t len, struct envl_err *err)
{
    struct line line, last = { 0 };

    if (len > 0 && text[len - 1] != '\n')
        return envl_fail(err, ENVELOPE_R_LABELS,
                         "the last line of the labels has no end");
    while (len > 0) {
        if (!next_line(&line, &text, &len))
            return bad_line(err, &line, "is not key=value");
        if (last.text != NULL && compare_keys(&last, &line) == 0)
            return bad_line(err, &line, "has a key that comes twice");
        if (last.text != NULL && compare_keys(&last, &line) > 0)
            return bad_line(err, &line, "is out of order");
        last = line;
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
require_line(const struct line *required, const struct envl_labels *have,
             struct envl_err *err)
{
    const char *text = have->text;
    size_t left = have->len;
    struct line line;

    while (left > 0 && next_line(&line, &text, &left)) {
        if (compare_keys(&line, required) != 0)
            continue;
        if (line.len == required->len
            && memcmp(line.text, required->text, line.len) == 0)
            return ENVELOPE_OK;
        return envl_fail(err, ENVELOPE_R_OTHER_LABELS,
                         "it has the label %.*s, and %.*s is required",
                         shown_len(&line), line.text, shown_len(required),
                         required->text);
    }
    return envl_fail(err, ENVELOPE_R_OTHER_LABELS,
                     "it has no label %.*s, and %.*s is required",
                     (int)required->key_len, required->text,
                     shown_len(required), required->text);
}

enum envelope_reason
envl_labels_require(const char *required, const struct envl_labels *have,
                    struct envl_err *err)
{
    size_t left = required != NULL ? strlen(required) : 0;
    enum envelope_reason rc = ENVELOPE_OK;
    struct line line;

    while (left > 0 && rc == ENVELOPE_OK)
        rc = next_line(&line, &required, &left)
                 ? require_line(&line, have, err)
                 : envl_fail(err, ENVELOPE_R_PARAMETER,
                             "the required label %.*s %s", shown_len(&line),
                             line.text, NOT_A_LABEL);
    return rc;
}

enum envelope_reason
envl_labels_sort(char **out, size_t *out_len, const char *text,
                 struct envl_err *err)
{
    size_t left = strlen(text), count = 1, i;
    enum envelope_reason rc = ENVELOPE_OK;
    struct line *lines;
    char *p;

    *out = NULL;
    *out_len = 0;
    if (left + (left > 0 && text[left - 1] != '\n') > ENVL_LABELS_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_LABELS,
                         "labels are longer than %d bytes",
                         ENVL_LABELS_LEN_MAX);
    for (i = 0; i < left; i++)
        count += text[i] == '\n';
    lines = OPENSSL_malloc(count * sizeof(*lines));
    p = OPENSSL_malloc(left + 1);
    if (lines == NULL || p == NULL) {
        rc = envl_fail_memory(err);
        goto out;
    }

    for (count = 0; left > 0; count++) {
        if (!next_line(&lines[count], &text, &left)) {
            rc = bad_line(err, &lines[count], NOT_A_LABEL);
            goto out;
        }
    }
    qsort(lines, count, sizeof(*lines), compare_keys);

    *out = p;
    for (i = 0; i < count; i++) {
        memcpy(p, lines[i].text, lines[i].len);
        p += lines[i].len;
        *p++ = '\n';
    }
    *out_len = (size_t)(p - *out);
    p = NULL;
    /* In sorted lines a key that comes twice can be found. */
    rc = envl_labels_check(*out, *out_len, err);
    if (rc != ENVELOPE_OK) {
        OPENSSL_free(*out);
        *out = NULL;
        *out_len = 0;
    }

out:
    OPENSSL_free(lines);
    OPENSSL_free(p);
    return rc;
}
