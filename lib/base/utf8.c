/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of bytes and of characters. */
#include "lib/base/utf8.h"

#include <stdint.h>

size_t
envl_utf8_len(const unsigned char *p, size_t len)
{
    static const struct {
        unsigned char from, to;  /* first byte */
        unsigned char low, high; /* second byte */
        unsigned char len;
    } rows[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    size_t row, i;

    for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        if (*p >= rows[row].from && *p <= rows[row].to)
            break;
    }
    if (row == sizeof(rows) / sizeof(rows[0]) || rows[row].len > len)
        return 0;
    if (rows[row].len > 1 && (p[1] < rows[row].low || p[1] > rows[row].high))
        return 0;
    for (i = 2; i < rows[row].len; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return rows[row].len;
}

bool
envl_utf8_is_valid(const unsigned char *p, size_t len)
{
    size_t n;

    for (; len > 0; p += n, len -= n) {
        if ((n = envl_utf8_len(p, len)) == 0)
            return false;
    }
    return true;
}

/* The code point of a character; len is from envl_utf8_len(). */
static uint32_t
code_of(const unsigned char *p, size_t len)
{
    uint32_t code = len == 1 ? p[0] : p[0] & (0xffU >> (len + 1));
    size_t i;

    for (i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3fU);
    return code;
}

bool
envl_utf8_is_control(const unsigned char *p, size_t len)
{
    const uint32_t code = code_of(p, len);

    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

bool
envl_utf8_is_shown(const unsigned char *p, size_t len)
{
    static const struct {
        uint32_t first, last;
    } others[] = {
        { 0x061c, 0x061c }, /* Arabic letter mark */
        { 0x200e, 0x200f }, /* left-to-right and right-to-left marks */
        { 0x2028, 0x202e }, /* separators; embeddings and overrides */
        { 0x2066, 0x2069 }, /* isolates */
    };
    const uint32_t code = code_of(p, len);
    size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (code >= others[i].first && code <= others[i].last)
            return false;
    }
    return !envl_utf8_is_control(p, len);
}
