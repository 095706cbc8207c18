/* SPDX-License-Identifier: Apache-2.0 */
/* Growing, wiping, base64 and hexadecimal.  It knows nothing of what the text
 * says. */
#include "kms/core/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SIZE_MIN 64
/* Far above anything that is sent or read, and far below what an int holds. */
#define TEXT_LEN_MAX (1 << 26)

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Room for so many more bytes and a NUL. */
static bool
reserve(struct kms_text *text, size_t more)
{
    size_t size = text->size > 0 ? text->size : SIZE_MIN;
    char *data;

    if (text->failed)
        return false;
    if (more > TEXT_LEN_MAX - text->len) {
        text->failed = true;
        return false;
    }
    if (text->size > text->len + more)
        return true;
    while (size <= text->len + more)
        size *= 2;
    data = OPENSSL_clear_realloc(text->data, text->size, size);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->size = size;
    return true;
}

/* What stands after the text now belongs to it. */
static void
extend(struct kms_text *text, size_t more)
{
    text->len += more;
    text->data[text->len] = '\0';
}

void
kms_text_add(struct kms_text *text, const char *more)
{
    kms_text_add_bytes(text, more, strlen(more));
}

void
kms_text_add_bytes(struct kms_text *text, const void *more, size_t len)
{
    if (!reserve(text, len))
        return;
    if (len > 0)
        memcpy(text->data + text->len, more, len);
    extend(text, len);
}

void
kms_text_addf(struct kms_text *text, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    kms_text_vaddf(text, fmt, args);
    va_end(args);
}

void
kms_text_vaddf(struct kms_text *text, const char *fmt, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    if (len < 0)
        text->failed = true;
    else if (reserve(text, (size_t)len)) {
        (void)vsnprintf(text->data + text->len, (size_t)len + 1, fmt, again);
        extend(text, (size_t)len);
    }
    va_end(again);
}

void
kms_text_add_base64(struct kms_text *text, const void *more, size_t len)
{
    size_t groups = len / 3 + (len % 3 > 0);

    /* Nothing that long has room, either. */
    if (groups > TEXT_LEN_MAX / 4)
        groups = TEXT_LEN_MAX;
    if (len == 0 || !reserve(text, groups * 4))
        return;
    (void)EVP_EncodeBlock((unsigned char *)text->data + text->len, more,
                          (int)len);
    extend(text, groups * 4);
}

void
kms_text_add_hex(struct kms_text *text, const void *more, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = more;
    size_t i;

    for (i = 0; i < len; i++) {
        const char pair[] = { digits[p[i] >> 4], digits[p[i] & 15] };

        kms_text_add_bytes(text, pair, sizeof(pair));
    }
}

void
kms_text_set(struct kms_text *text, const char *content)
{
    if (text->data != NULL)
        OPENSSL_cleanse(text->data, text->len);
    text->len = 0;
    kms_text_add(text, content);
}

const char *
kms_text_get(const struct kms_text *text)
{
    return text->data != NULL ? text->data : "";
}

void
kms_text_clear(struct kms_text *text)
{
    OPENSSL_clear_free(text->data, text->size);
    *text = (struct kms_text){ 0 };
}

/* The value of a digit, or -1. */
static int
base64_value(char c)
{
    const char *p = memchr(base64_digits, c, sizeof(base64_digits) - 1);

    return p != NULL ? (int)(p - base64_digits) : -1;
}

/* Digits without padding; the bits that are left over have to be zero. */
static bool
decode_digits(unsigned char *out, const char *text, size_t len)
{
    uint32_t bits = 0;
    size_t i;
    int value;

    for (i = 0; i < len; i++) {
        value = base64_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0)
            *out++ = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    return (len % 4 != 2 || (bits & 0x0f) == 0)
           && (len % 4 != 3 || (bits & 0x03) == 0);
}

long
kms_base64_decode(unsigned char *out, size_t room, const char *text, size_t len)
{
    size_t padding = 0, out_len;

    while (padding < 2 && padding < len && text[len - padding - 1] == '=')
        padding++;
    out_len = len / 4 * 3 - padding;
    if (len % 4 == 0 && len <= TEXT_LEN_MAX && out_len <= room
        && decode_digits(out, text, len - padding))
        return (long)out_len;
    if (room > 0)
        OPENSSL_cleanse(out, room);
    return -1;
}

bool
kms_is_printable(const char *text)
{
    const char *p;

    for (p = text; *p >= 0x20 && *p <= 0x7e; p++)
        ;
    return p > text && *p == '\0';
}

/* Of ASCII, whatever the locale says of it. */
static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
kms_text_is_token(struct kms_text *text)
{
    char *data = text->data;
    size_t end = text->len, begin = 0, i;

    while (end > 0 && is_space(data[end - 1]))
        end--;
    while (begin < end && is_space(data[begin]))
        begin++;
    if (data != NULL) {
        memmove(data, data + begin, end - begin);
        OPENSSL_cleanse(data + end - begin, text->len - (end - begin));
    }
    text->len = end - begin;
    for (i = 0; i < text->len && data[i] > ' ' && data[i] <= '~'; i++)
        ;
    return i > 0 && i == text->len;
}

char
kms_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
kms_same_name(const char *text, size_t len, const char *name)
{
    size_t i;

    for (i = 0; i < len && name[i] != '\0'; i++) {
        if (kms_lower(text[i]) != kms_lower(name[i]))
            return false;
    }
    return i == len && name[i] == '\0';
}
