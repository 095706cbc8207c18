/* SPDX-License-Identifier: Apache-2.0 */
/* Commas and escapes; that output fails is seen by whoever flushes it. */
#include "tools/json.h"

#include <inttypes.h>
#include <string.h>

static void
separate(struct envl_json *json)
{
    if (json->needs_comma)
        (void)fputc(',', json->to);
    json->needs_comma = true;
}

void
envl_json_begin(struct envl_json *json, char bracket)
{
    separate(json);
    (void)fputc(bracket, json->to);
    json->needs_comma = false;
}

void
envl_json_end(struct envl_json *json, char bracket)
{
    (void)fputc(bracket, json->to);
    json->needs_comma = true;
}

/* Bytes of the UTF-8 character (RFC 3629) at p; 0 if it is none. */
static size_t
utf8_len(const unsigned char *p, size_t len)
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

static void
put_character(FILE *to, const unsigned char *p, size_t len)
{
    if (len == 1 && (*p == '"' || *p == '\\'))
        (void)fprintf(to, "\\%c", *p);
    else if (len == 1 && (*p < 0x20 || *p == 0x7f))
        (void)fprintf(to, "\\u%04x", *p);
    else if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        (void)fprintf(to, "\\u%04x", p[1]);
    else
        (void)fwrite(p, 1, len, to);
}

static void
put_text(FILE *to, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n;

    (void)fputc('"', to);
    for (; len > 0; p += n, len -= n) {
        n = utf8_len(p, len);
        if (n > 0) {
            put_character(to, p, n);
        } else {
            (void)fputs("\\ufffd", to);
            n = 1;
        }
    }
    (void)fputc('"', to);
}

void
envl_json_name(struct envl_json *json, const char *name, size_t len)
{
    separate(json);
    put_text(json->to, name, len);
    (void)fputc(':', json->to);
    json->needs_comma = false;
}

void
envl_json_text(struct envl_json *json, const char *text, size_t len)
{
    separate(json);
    put_text(json->to, text, len);
}

void
envl_json_number(struct envl_json *json, uint64_t number)
{
    separate(json);
    (void)fprintf(json->to, "%" PRIu64, number);
}

void
envl_json_bool(struct envl_json *json, bool value)
{
    separate(json);
    (void)fputs(value ? "true" : "false", json->to);
}

void
envl_json_null(struct envl_json *json)
{
    separate(json);
    (void)fputs("null", json->to);
}

void
envl_json_member(struct envl_json *json, const char *name, const char *value)
{
    envl_json_name(json, name, strlen(name));
    envl_json_text(json, value, strlen(value));
}

void
envl_json_error(struct envl_json *json, enum envelope_reason reason,
                const char *detail)
{
    char text[2 * ENVL_DETAIL_MAX];

    (void)snprintf(text, sizeof(text), "%s%s%s", envl_reason_text(reason),
                   *detail != '\0' ? ": " : "", detail);
    envl_json_member(json, "error", text);
}
