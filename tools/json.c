/* SPDX-License-Identifier: Apache-2.0 */
/* Commas and escapes; that output fails is seen by whoever flushes it. */
#include "tools/json.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/base/utf8.h"

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

static void
put_character(FILE *to, const unsigned char *p, size_t len)
{
    if (len == 1 && (*p == '"' || *p == '\\'))
        (void)fprintf(to, "\\%c", *p);
    else if (envl_utf8_is_shown(p, len))
        (void)fwrite(p, 1, len, to);
    else if (len == 1)
        (void)fprintf(to, "\\u%04x", *p);
    else if (len == 2)
        (void)fprintf(to, "\\u%04x", (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU));
    else /* U+FFFF is the last one that is not shown */
        (void)fprintf(to, "\\u%04x",
                      (p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6
                          | (p[2] & 0x3fU));
}

static void
put_text(FILE *to, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n;

    (void)fputc('"', to);
    for (; len > 0; p += n, len -= n) {
        n = envl_utf8_len(p, len);
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
envl_json_hex(struct envl_json *json, const unsigned char *bytes, size_t len)
{
    size_t i;

    separate(json);
    (void)fputc('"', json->to);
    for (i = 0; i < len; i++)
        (void)fprintf(json->to, "%02x", bytes[i]);
    (void)fputc('"', json->to);
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
envl_json_path(struct envl_json *json, const char *name, const char *path)
{
    size_t len = strlen(path);
    const unsigned char *p = (const unsigned char *)path;
    unsigned char text[5];
    char exact[32];
    int n;

    envl_json_member(json, name, path);
    if (envl_utf8_is_valid(p, len))
        return;
    (void)snprintf(exact, sizeof(exact), "%s_base64", name);
    envl_json_name(json, exact, strlen(exact));
    separate(json);
    (void)fputc('"', json->to);
    for (; len > 0; p += n, len -= (size_t)n) {
        n = len < 3 ? (int)len : 3;
        (void)EVP_EncodeBlock(text, p, n);
        (void)fputs((const char *)text, json->to);
    }
    (void)fputc('"', json->to);
}

void
envl_json_error(struct envl_json *json, enum envelope_reason reason,
                const char *detail)
{
    char text[2 * ENVL_DETAIL_MAX];

    envl_json_name(json, "reason", strlen("reason"));
    envl_json_number(json, (uint64_t)reason);
    (void)snprintf(text, sizeof(text), "%s%s%s", envl_reason_text(reason),
                   *detail != '\0' ? ": " : "", detail);
    envl_json_member(json, "error", text);
}
