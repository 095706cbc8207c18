/* SPDX-License-Identifier: Apache-2.0 */
/* What harms a terminal is replaced, and not left out: it was there. */
#include "tools/os/term_safe.h"

#include <string.h>

#include "lib/base/utf8.h"

void
envl_show_bytes(FILE *to, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n;

    for (; len > 0; p += n, len -= n) {
        n = envl_utf8_len(p, len);
        if (n > 0 && envl_utf8_is_shown(p, n)) {
            (void)fwrite(p, 1, n, to);
        } else {
            n = n > 0 ? n : 1;
            (void)fputc('?', to);
        }
    }
}

void
envl_show(FILE *to, const char *text)
{
    envl_show_bytes(to, text, strlen(text));
}

void
envl_show_lines(FILE *to, const char *what, const char *text)
{
    size_t len;

    for (; text != NULL && *text != '\0'; text += len + (text[len] != '\0')) {
        len = strcspn(text, "\n");
        (void)fprintf(to, "%s: ", what);
        envl_show_bytes(to, text, len);
        (void)fputc('\n', to);
    }
}

void
envl_show_notes(const struct envl_recipient_notes *notes, bool verbose)
{
    if (notes != NULL && verbose)
        envl_show_lines(stderr, "envelope", notes->sources);
    if (notes != NULL)
        envl_show_lines(stderr, "envelope", notes->left_out);
}

void
envl_show_hint(const struct envl_recipient_notes *notes)
{
    if (notes == NULL)
        return;
    envl_show_lines(stderr, "hint", notes->ends);
    envl_show_lines(stderr, "hint", notes->mixed);
}
