/* SPDX-License-Identifier: Apache-2.0 */
/* Control characters, of both sets, are not shown. */
#include "tools/shown.h"

#include <string.h>

#include <openssl/asn1.h>

void
envl_show(FILE *to, const char *text)
{
    unsigned long c;
    int len;

    for (; *text != '\0'; text += len) {
        len = UTF8_getc((const unsigned char *)text, (int)strlen(text), &c);
        if (len <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            len = len <= 0 ? 1 : len;
            (void)fputc('?', to);
        } else {
            (void)fwrite(text, 1, (size_t)len, to);
        }
    }
}
