/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies as they are filled in; nothing is sent here. */
#include "kms/http/http.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#define REPLY_HEADER_LEN_MAX 256

/* Requests */

void
kms_request_init(struct kms_request *request, const char *method,
                 const struct kms_endpoint *endpoint, const char *path)
{
    *request = (struct kms_request){ .method = method, .endpoint = endpoint };
    kms_text_set(&request->path, kms_text_get(&endpoint->path));
    kms_text_add(&request->path, path);
}

void
kms_request_add(struct kms_request *request, const char *name, const char *fmt,
                ...)
{
    struct kms_header *header = &request->headers[request->header_count];
    va_list args;

    /* Room that runs out is memory that does. */
    if (request->header_count == KMS_HEADERS_MAX) {
        request->path.failed = true;
        return;
    }
    request->header_count++;
    header->name = name;
    va_start(args, fmt);
    kms_text_vaddf(&header->value, fmt, args);
    va_end(args);
}

const char *
kms_request_header(const struct kms_request *request, const char *name)
{
    const struct kms_header *header = request->headers;
    size_t i;

    for (i = 0; i < request->header_count; i++, header++) {
        if (kms_same_name(header->name, strlen(header->name), name))
            return kms_text_get(&header->value);
    }
    return NULL;
}

/* Is all of the text from first to '~', so that it cannot end its line? */
static bool
is_within(const struct kms_text *text, char first)
{
    size_t i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < first || text->data[i] > '~')
            return false;
    }
    return true;
}

enum envelope_reason
kms_request_check(const struct kms_request *request, struct envl_err *err)
{
    const struct kms_header *header = request->headers;
    size_t i;

    if (request->path.failed || request->body.failed)
        return envl_fail_memory(err);
    if (kms_text_get(&request->path)[0] != '/'
        || !is_within(&request->path, '!'))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "the path of a request has a character that cannot "
                         "be sent");
    for (i = 0; i < request->header_count; i++, header++) {
        if (header->value.failed)
            return envl_fail_memory(err);
        if (!is_within(&header->value, ' '))
            return envl_fail(err, ENVELOPE_R_CREDENTIALS,
                             "what would be the header %s of a request has a "
                             "character that cannot be sent",
                             header->name);
    }
    return ENVELOPE_OK;
}

void
kms_request_clear(struct kms_request *request)
{
    size_t i;

    kms_text_clear(&request->path);
    for (i = 0; i < request->header_count; i++)
        kms_text_clear(&request->headers[i].value);
    kms_text_clear(&request->body);
    *request = (struct kms_request){ 0 };
}

/* Replies */

static const struct {
    const char *name;
    enum kms_reply_header header;
} reply_headers[] = {
    { "Date", KMS_REPLY_DATE },
    { "x-amzn-RequestId", KMS_REPLY_REQUEST_ID },
    { "X-Request-Id", KMS_REPLY_REQUEST_ID },
    { "x-amzn-ErrorType", KMS_REPLY_ERROR_TYPE },
};

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
set_header(struct kms_text *text, const char *value, size_t len)
{
    for (; len > 0 && is_space(value[0]); value++)
        len--;
    while (len > 0 && is_space(value[len - 1]))
        len--;
    if (len > REPLY_HEADER_LEN_MAX)
        len = REPLY_HEADER_LEN_MAX;
    kms_text_set(text, "");
    kms_text_add_bytes(text, value, len);
}

void
kms_reply_take_header(struct kms_reply *reply, const char *line, size_t len)
{
    const char *colon = len > 0 ? memchr(line, ':', len) : NULL;
    size_t i, name_len;

    if (colon == NULL)
        return;
    name_len = (size_t)(colon - line);
    for (i = 0; i < sizeof(reply_headers) / sizeof(reply_headers[0]); i++) {
        if (kms_same_name(line, name_len, reply_headers[i].name))
            set_header(&reply->headers[reply_headers[i].header], colon + 1,
                       len - name_len - 1);
    }
}

/* The number of a name of three letters, or -1. */
static int
find_name(const char *names, const char *name)
{
    int i;

    for (i = 0; names[3 * i] != '\0'; i++) {
        if (memcmp(names + 3 * i, name, 3) == 0)
            return i;
    }
    return -1;
}

static int
number(const char *digits, size_t len)
{
    int value = 0;

    while (len-- > 0)
        value = value * 10 + (*digits++ - '0');
    return value;
}

/* Digits where there is a 0, any character where there is an x. */
static bool
has_form(const struct kms_text *text, const char *form)
{
    size_t i;

    if (text->len != strlen(form))
        return false;
    for (i = 0; i < text->len; i++) {
        if (form[i] == '0' ? text->data[i] < '0' || text->data[i] > '9'
                           : form[i] != 'x' && text->data[i] != form[i])
            return false;
    }
    return true;
}

int64_t
kms_reply_date(const struct kms_reply *reply)
{
    const struct kms_text *text = &reply->headers[KMS_REPLY_DATE];
    const char *p = text->data;
    struct tm tm = { 0 }, same;
    time_t seconds;

    if (!has_form(text, "xxx, 00 xxx 0000 00:00:00 GMT"))
        return -1;
    tm.tm_wday = find_name("SunMonTueWedThuFriSat", p);
    tm.tm_mday = number(p + 5, 2);
    tm.tm_mon = find_name("JanFebMarAprMayJunJulAugSepOctNovDec", p + 8);
    tm.tm_year = number(p + 12, 4) - 1900;
    tm.tm_hour = number(p + 17, 2);
    tm.tm_min = number(p + 20, 2);
    tm.tm_sec = number(p + 23, 2);
    /* What is no date, or another weekday's, comes out as another one. */
    same = tm;
    seconds = timegm(&same);
    if (seconds < 0 || same.tm_wday != tm.tm_wday || same.tm_mon != tm.tm_mon
        || same.tm_mday != tm.tm_mday || same.tm_hour != tm.tm_hour
        || same.tm_min != tm.tm_min || same.tm_sec != tm.tm_sec)
        return -1;
    return seconds;
}

void
kms_reply_clear(struct kms_reply *reply)
{
    size_t i;

    for (i = 0; i < KMS_REPLY_HEADER_COUNT; i++)
        kms_text_clear(&reply->headers[i]);
    kms_text_clear(&reply->body);
    *reply = (struct kms_reply){ 0 };
}
