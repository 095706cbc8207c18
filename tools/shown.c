/* SPDX-License-Identifier: Apache-2.0 */
/* Control characters, of both sets, are not shown. */
#include "tools/shown.h"

#include <string.h>

#include <openssl/asn1.h>

static void
show(FILE *to, const char *text, size_t left)
{
    unsigned long c;
    int len;

    for (; left > 0; text += len, left -= (size_t)len) {
        len = UTF8_getc((const unsigned char *)text, (int)left, &c);
        if (len <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            len = len <= 0 ? 1 : len;
            (void)fputc('?', to);
        } else {
            (void)fwrite(text, 1, (size_t)len, to);
        }
    }
}

void
envl_show(FILE *to, const char *text)
{
    show(to, text, strlen(text));
}

void
envl_show_lines(FILE *to, const char *text)
{
    size_t len;

    for (; text != NULL && *text != '\0'; text += len + (text[len] != '\0')) {
        len = strcspn(text, "\n");
        (void)fputs("envelope: ", to);
        show(to, text, len);
        (void)fputc('\n', to);
    }
}
