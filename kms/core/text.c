/* SPDX-License-Identifier: Apache-2.0 */
/* Growing, wiping, and the encodings.  It knows nothing of what the text says. */
#include "kms/core/text.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "kms/core/span.h"

#define SIZE_MIN 64
/* Far above anything that is sent or read, and far below what an int holds. */
#define TEXT_LEN_MAX (1 << 26)

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
kms_text_add_base64url(struct kms_text *text, const void *more, size_t len)
{
    size_t at = text->len;

    kms_text_add_base64(text, more, len);
    for (; at < text->len && text->data[at] != '='; at++) {
        if (text->data[at] == '+')
            text->data[at] = '-';
        else if (text->data[at] == '/')
            text->data[at] = '_';
    }
    if (at < text->len)
        text->data[text->len = at] = '\0';
}

void
kms_text_add_hex(struct kms_text *text, const void *more, size_t len)
{
    /* Nothing that long has room, either. */
    const size_t hex_len = len < TEXT_LEN_MAX ? 2 * len : TEXT_LEN_MAX + 1;
    char *hex;

    if (len == 0 || !reserve(text, hex_len))
        return;
    hex = text->data + text->len;
    if (OPENSSL_buf2hexstr_ex(hex, hex_len + 1, NULL, more, len, '\0') != 1) {
        text->failed = true;
        return;
    }
    extend(text, hex_len);
    for (; *hex != '\0'; hex++)
        *hex = kms_lower(*hex);
}

void
kms_text_add_encoded(struct kms_text *text, const void *more, size_t len)
{
    const char *p = more, *end = p + len;

    for (; p < end; p++) {
        if (*p != '\0' && strchr(KMS_UNRESERVED, *p) != NULL)
            kms_text_add_bytes(text, p, 1);
        else
            kms_text_addf(text, "%%%02X", (unsigned)(unsigned char)*p);
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

#define GROUP_LEN 4 /* digits of base64, for three octets */

/* The next digits, in the alphabet of RFC 4648, 4 and with padding. */
static bool
take_group(unsigned char group[GROUP_LEN], struct kms_span text, bool url)
{
    size_t i;
    char c;

    for (i = 0; i < GROUP_LEN; i++) {
        c = i < text.len ? text.data[i] : '=';
        if (url && i < text.len && strchr("+/=", c) != NULL)
            return false;
        if (url && c == '-')
            c = '+';
        else if (url && c == '_')
            c = '/';
        group[i] = (unsigned char)c;
    }
    return url || text.len >= GROUP_LEN;
}

/* EVP_DecodeBlock() takes much for base64 that is none.  What it was is what comes
 * out when the octets are encoded again. */
static long
decode(unsigned char *out, size_t room, struct kms_span text, bool url)
{
    unsigned char group[GROUP_LEN], octets[3], again[GROUP_LEN + 1];
    size_t len = 0, n = sizeof(octets), taken;
    bool good = true;

    for (; text.len > 0 && good; text = kms_span_skip(text, taken)) {
        /* Padding is the end. */
        good = n == sizeof(octets) && take_group(group, text, url)
               && EVP_DecodeBlock(octets, group, GROUP_LEN) >= 0;
        if (good)
            n -= (size_t)(group[2] == '=') + (group[3] == '=');
        good = good && n <= room - len
               && EVP_EncodeBlock(again, octets, (int)n) == GROUP_LEN
               && memcmp(again, group, GROUP_LEN) == 0;
        if (good)
            memcpy(out + len, octets, n);
        len += good ? n : 0;
        taken = text.len < GROUP_LEN ? text.len : GROUP_LEN;
    }
    OPENSSL_cleanse(group, sizeof(group));
    OPENSSL_cleanse(octets, sizeof(octets));
    OPENSSL_cleanse(again, sizeof(again));
    if (good)
        return (long)len;
    if (room > 0)
        OPENSSL_cleanse(out, room);
    return -1;
}

long
kms_base64_decode(unsigned char *out, size_t room, const char *text, size_t len)
{
    return decode(out, room, (struct kms_span){ text, len }, false);
}

long
kms_base64url_decode(unsigned char *out, size_t room, const char *text,
                     size_t len)
{
    return decode(out, room, (struct kms_span){ text, len }, true);
}

bool
kms_is_printable(const char *text)
{
    return *text != '\0'
           && kms_span_within((struct kms_span){ text, strlen(text) }, ' ');
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
    size_t end = text->len, begin = 0;

    while (end > 0 && is_space(data[end - 1]))
        end--;
    while (begin < end && is_space(data[begin]))
        begin++;
    if (data != NULL) {
        memmove(data, data + begin, end - begin);
        OPENSSL_cleanse(data + end - begin, text->len - (end - begin));
    }
    text->len = end - begin;
    return text->len > 0
           && kms_span_within((struct kms_span){ data, text->len }, '!');
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
