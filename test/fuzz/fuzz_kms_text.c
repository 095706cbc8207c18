/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kms/ reads: the first byte of the input chooses the reader, the rest is
 * what it gets.  What is accepted must be what it looks like.
 */
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "kms/aws/section.h"
#include "kms/core/ini.h"
#include "kms/core/json.h"
#include "kms/core/uri.h"
#include "kms/http/http.h"
#include "test/fuzz/target.h"

/* A copy of exactly its size, with a NUL after it: the caller frees it. */
static char *
copy(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    MUST(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static void
check_failure(enum envelope_reason rc, enum envelope_reason expected,
              const struct envl_err *err)
{
    MUST(rc == expected && err->reason == rc);
    MUST(err->detail[0] != '\0');
}

static bool
is_printable_or_empty(const char *text)
{
    return *text == '\0' || kms_is_printable(text);
}

/* URIs */

static void
try_uri(const char *text, size_t size)
{
    static const char *const parameters[] = { "a", "region", NULL };
    struct envl_err err = { 0 };
    struct kms_uri uri;
    size_t i;
    enum envelope_reason rc = kms_uri_parse(&uri, text, parameters, &err);

    (void)size;
    if (rc != ENVELOPE_OK) {
        check_failure(rc, ENVELOPE_R_UNREADABLE_KEY, &err);
        MUST(uri.scheme == NULL && uri.path == NULL && uri.query_count == 0);
        return;
    }
    MUST(kms_uri_scheme_is(text, uri.scheme));
    MUST(is_printable_or_empty(uri.authority));
    MUST(is_printable_or_empty(uri.path));
    for (i = 0; i < uri.query_count; i++) {
        MUST(kms_uri_has(&uri, uri.query[i].name, uri.query[i].value));
        MUST(kms_uri_get(&uri, uri.query[i].name) != NULL);
        MUST(kms_is_printable(uri.query[i].value));
    }
    kms_uri_clear(&uri);
}

/* Files of sections */

/* It lies in the file, in this line, without what is around it. */
static void
check_span(const struct kms_text *text, struct kms_span span, size_t line)
{
    const char *begin = kms_text_get(text), *p;
    size_t lines = 1;

    MUST(line > 0 && span.data >= begin
         && span.len <= text->len - (size_t)(span.data - begin));
    MUST(span.len == 0 || span.data[0] != ' ');
    for (p = begin; p < span.data; p++)
        lines += *p == '\n' || (*p == '\r' && p[1] != '\n');
    MUST(lines == line);
}

static void
try_sections(const struct kms_text *text, kms_ini_is_section *is_section,
             const char *wanted)
{
    const struct kms_ini_file file = { text, "file", is_section,
                                       ENVELOPE_R_CREDENTIALS };
    struct kms_ini_setting settings[] = { { .name = "a" },
                                          { .name = "b" },
                                          { .name = NULL } };
    struct kms_ini_section section;
    struct envl_err err = { 0 };
    enum envelope_reason rc =
        kms_ini_read(&section, settings, &file, wanted, &err);
    size_t i;

    if (rc != ENVELOPE_OK) {
        check_failure(rc, ENVELOPE_R_CREDENTIALS, &err);
        MUST(strncmp(err.detail, "file, line ", 11) == 0);
        return;
    }
    for (i = 0; i < 2; i++) {
        MUST(settings[i].line == 0 || settings[i].line > section.line);
        if (settings[i].line != 0)
            check_span(text, settings[i].value, settings[i].line);
    }
    if (section.other_line != 0)
        check_span(text, section.other, section.other_line);
    MUST(section.line != 0
         || (settings[0].line + settings[1].line + section.other_line == 0));
}

static void
try_ini(const char *file, size_t size)
{
    struct kms_text text = { 0 };

    kms_text_add_bytes(&text, file, size);
    try_sections(&text, kms_ini_is_named, "a");
    try_sections(&text, kms_aws_is_credentials_section, "a b");
    try_sections(&text, kms_aws_is_config_section, "a b");
    try_sections(&text, kms_aws_is_config_section, "default");
    kms_text_clear(&text);
}

/* JSON */

/* What is read and written anew is read as the same. */
static void
check_rewrite(const char *value)
{
    struct kms_text text = { 0 };
    struct kms_json *json;
    struct envl_err err;

    kms_json_begin(&text);
    kms_json_add(&text, "a", value);
    kms_json_end(&text);
    MUST(kms_json_parse(&json, kms_text_get(&text), text.len, &err)
         == ENVELOPE_OK);
    MUST(strcmp(kms_json_text(json, "a"), value) == 0);
    kms_json_free(json);
    kms_text_clear(&text);
}

static void
try_json(const char *text, size_t size)
{
    static const char *const paths[] = { "a", "a.b", "b", "", "a.b.c" };
    struct kms_json *json;
    struct envl_err err = { 0 };
    enum envelope_reason rc = kms_json_parse(&json, text, size, &err);
    const char *value;
    size_t i;

    if (rc != ENVELOPE_OK) {
        check_failure(rc, ENVELOPE_R_KEY_SERVICE, &err);
        MUST(json == NULL);
        return;
    }
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        value = kms_json_text(json, paths[i]);
        if (value != NULL) {
            MUST(kms_json_has(json, paths[i]));
            check_rewrite(value);
        }
        (void)kms_json_bool(json, paths[i], true);
        (void)kms_json_number(json, paths[i]);
    }
    kms_json_free(json);
}

/* Endpoints */

static bool
is_this_machine(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0
           || strncmp(host, "localhost", 9) == 0;
}

/* Written, and read again. */
static void
check_canonical(const struct kms_endpoint *endpoint)
{
    struct kms_endpoint again;
    struct kms_text url = { 0 };
    struct envl_err err;

    kms_text_addf(&url, "%s://%s%s", endpoint->plain ? "http" : "https",
                  kms_text_get(&endpoint->host), kms_text_get(&endpoint->path));
    MUST(kms_endpoint_parse(&again, url.data, endpoint->metadata, &err)
         == ENVELOPE_OK);
    MUST(again.plain == endpoint->plain);
    MUST(strcmp(again.host.data, endpoint->host.data) == 0);
    MUST(strcmp(again.path.data, endpoint->path.data) == 0);
    kms_endpoint_clear(&again);
    kms_text_clear(&url);
}

static void
try_endpoint_as(const char *url, bool metadata)
{
    struct kms_endpoint endpoint;
    struct envl_err err = { 0 };
    enum envelope_reason rc =
        kms_endpoint_parse(&endpoint, url, metadata, &err);

    if (rc != ENVELOPE_OK) {
        check_failure(rc, ENVELOPE_R_UNREADABLE_KEY, &err);
        MUST(endpoint.host.data == NULL && endpoint.path.data == NULL);
        return;
    }
    MUST(kms_is_printable(endpoint.host.data));
    MUST(strpbrk(endpoint.host.data, "/@?#% \\") == NULL);
    MUST(!endpoint.plain || metadata || is_this_machine(endpoint.host.data));
    MUST(strpbrk(endpoint.path.data, "?#% \\\r\n") == NULL);
    check_canonical(&endpoint);
    kms_endpoint_clear(&endpoint);
}

static void
try_endpoint(const char *url, size_t size)
{
    (void)size;
    try_endpoint_as(url, false);
    try_endpoint_as(url, true);
}

/* Replies */

/* A date is what strftime() makes of it. */
static void
check_date(const struct kms_reply *reply)
{
    time_t seconds = kms_reply_date(reply);
    char text[64];
    struct tm tm;

    MUST(seconds >= -1);
    if (seconds < 0)
        return;
    MUST(gmtime_r(&seconds, &tm) != NULL);
    MUST(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
    MUST(strcmp(text, kms_text_get(&reply->headers[KMS_REPLY_DATE])) == 0);
}

/* Each line in memory of its own size, without a NUL. */
static void
try_reply(const char *lines, size_t size)
{
    struct kms_reply reply = { 0 };
    const char *lf;
    size_t len;
    char *line;

    for (; size > 0; lines += len, size -= len) {
        lf = memchr(lines, '\n', size);
        len = lf != NULL ? (size_t)(lf - lines) + 1 : size;
        line = malloc(len);
        MUST(line != NULL);
        memcpy(line, lines, len);
        kms_reply_take_header(&reply, line, len);
        free(line);
        check_date(&reply);
    }
    kms_reply_clear(&reply);
}

/* Base64 */

/* There is one encoding for one list of octets. */
static void
try_base64(const char *text, size_t size)
{
    unsigned char *out = malloc(size + 1);
    struct kms_text again = { 0 };
    long len;

    MUST(out != NULL);
    len = kms_base64_decode(out, size, text, size);
    if (len >= 0) {
        kms_text_add_base64(&again, out, (size_t)len);
        MUST(again.len == size);
        MUST(memcmp(kms_text_get(&again), text, size) == 0);
    }
    kms_text_set(&again, "");
    kms_text_add_base64(&again, text, size);
    len = kms_base64_decode(out, size, kms_text_get(&again), again.len);
    MUST(len >= 0 && (size_t)len == size);
    MUST(memcmp(out, text, size) == 0);
    kms_text_clear(&again);
    free(out);
}

static const struct {
    uint8_t choice;
    void (*try)(const char *text, size_t size);
} readers[] = {
    { 'b', try_base64 }, { 'e', try_endpoint }, { 'i', try_ini },
    { 'j', try_json },   { 'r', try_reply },    { 'u', try_uri },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;
    size_t i;

    for (i = 0; size > 0 && i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (data[0] == readers[i].choice) {
            text = copy(data + 1, size - 1);
            readers[i].try(text, size - 1);
            free(text);
        }
    }
    return 0;
}
