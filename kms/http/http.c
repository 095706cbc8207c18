/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies as they are filled in; nothing is sent here. */
#include "kms/http/http.h"

#include <stdarg.h>
#include <string.h>

#include "kms/core/span.h"
#include "kms/core/time.h"

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

/* Is it so that it cannot end its line? */
static bool
is_within(const struct kms_text *text, char first)
{
    return kms_span_within((struct kms_span){ kms_text_get(text), text->len },
                           first);
}

enum envelope_reason
kms_request_check(const struct kms_request *request, struct envl_err *err)
{
    const struct kms_header *header = request->headers;
    size_t i;

    if (request->path.failed || request->body.failed)
        return envl_fail_memory(err);
    /* A fragment is signed, and not sent. */
    if (kms_text_get(&request->path)[0] != '/'
        || strchr(kms_text_get(&request->path), '#') != NULL
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
    { "X-Ms-Request-Id", KMS_REPLY_REQUEST_ID },
    { "x-amzn-ErrorType", KMS_REPLY_ERROR_TYPE },
    { "Metadata-Flavor", KMS_REPLY_FLAVOR },
    { "Retry-After", KMS_REPLY_RETRY_AFTER },
};

void
kms_reply_take_header(struct kms_reply *reply, const char *line, size_t len)
{
    struct kms_span text =
        kms_span_up_to((struct kms_span){ line, len }, '\r', '\n');
    struct kms_span name = kms_span_up_to(text, ':', ':'), value;
    struct kms_text *kept;
    size_t i;

    if (name.len == text.len)
        return;
    value = kms_span_trim(kms_span_skip(text, name.len + 1));
    if (value.len > REPLY_HEADER_LEN_MAX)
        value.len = REPLY_HEADER_LEN_MAX;
    for (i = 0; i < sizeof(reply_headers) / sizeof(reply_headers[0]); i++) {
        if (!kms_same_name(name.data, name.len, reply_headers[i].name))
            continue;
        kept = &reply->headers[reply_headers[i].header];
        kms_text_set(kept, "");
        kms_text_add_bytes(kept, value.data, value.len);
    }
}

int64_t
kms_reply_date(const struct kms_reply *reply)
{
    return kms_time_read_date(kms_text_get(&reply->headers[KMS_REPLY_DATE]));
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
