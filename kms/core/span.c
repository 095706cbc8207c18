/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of texts. */
#include "kms/core/span.h"

#include <string.h>

#include <openssl/crypto.h>

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

struct kms_span
kms_span_skip(struct kms_span span, size_t len)
{
    return (struct kms_span){ span.data + len, span.len - len };
}

size_t
kms_span_blanks(struct kms_span span)
{
    size_t n = 0;

    while (n < span.len && is_blank(span.data[n]))
        n++;
    return n;
}

struct kms_span
kms_span_trim(struct kms_span span)
{
    span = kms_span_skip(span, kms_span_blanks(span));
    while (span.len > 0 && is_blank(span.data[span.len - 1]))
        span.len--;
    return span;
}

bool
kms_span_is(struct kms_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

bool
kms_span_within(struct kms_span span, char first)
{
    size_t i;

    for (i = 0; i < span.len; i++) {
        if (span.data[i] < first || span.data[i] > '~')
            return false;
    }
    return true;
}

bool
kms_span_is_key(struct kms_span value)
{
    return value.len > 0 && kms_span_within(value, '!')
           && kms_span_up_to(value, '"', '\'').len == value.len;
}

bool
kms_span_has_control(struct kms_span value)
{
    size_t i;

    for (i = 0; i < value.len; i++) {
        if ((unsigned char)value.data[i] < ' ' && value.data[i] != '\t')
            return true;
    }
    return false;
}

struct kms_span
kms_span_up_to(struct kms_span span, char a, char b)
{
    size_t n = 0;

    while (n < span.len && span.data[n] != a && span.data[n] != b)
        n++;
    span.len = n;
    return span;
}

struct kms_span
kms_span_cut(struct kms_span *rest, char c)
{
    struct kms_span part = kms_span_up_to(*rest, c, c);

    *rest = kms_span_skip(*rest, part.len + (part.len < rest->len));
    return part;
}

int
kms_span_octet(struct kms_span *span)
{
    const unsigned char first = (unsigned char)span->data[0];
    int high = -1, low = -1;

    if (first == '%' && span->len > 2) {
        high = OPENSSL_hexchar2int((unsigned char)span->data[1]);
        low = OPENSSL_hexchar2int((unsigned char)span->data[2]);
    }
    if (high < 0 || low < 0) {
        *span = kms_span_skip(*span, 1);
        return first == '%' ? -1 : first;
    }
    *span = kms_span_skip(*span, 3);
    return high << 4 | low;
}
