/* SPDX-License-Identifier: Apache-2.0 */
#include "test/support/der.h"

#include <stdlib.h>
#include <string.h>

void
der_add(struct der *to, const void *p, size_t len)
{
    if (len > sizeof(to->p) - to->len)
        abort();
    if (len > 0)
        memcpy(to->p + to->len, p, len);
    to->len += len;
}

void
der_add_element(struct der *to, int tag, const void *p, size_t len)
{
    size_t begin = to->len;

    der_add(to, p, len);
    der_enclose(to, begin, tag);
}

void
der_add_text(struct der *to, const char *text)
{
    der_add_element(to, ENVL_DER_UTF8, text, strlen(text));
}

void
der_enclose(struct der *in, size_t begin, int tag)
{
    size_t len = in->len - begin, head_len = 2;
    unsigned char head[4] = { (unsigned char)tag, (unsigned char)len };

    if (len >= 0x100) {
        head[1] = 0x82;
        head[head_len++] = (unsigned char)(len >> 8);
    } else if (len >= 0x80) {
        head[1] = 0x81;
    }
    if (len >= 0x80)
        head[head_len++] = (unsigned char)len;
    der_add(in, head, head_len); /* room */
    memmove(in->p + begin + head_len, in->p + begin, len);
    memcpy(in->p + begin, head, head_len);
}
