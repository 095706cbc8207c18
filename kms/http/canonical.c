/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical requests as AWS, "Create a signed AWS API request" has them for
 * all services but S3; where it is silent, as botocore makes them.
 */
#include "kms/http/canonical.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kms/core/span.h"

/* Names with values, to be sorted: parameters, headers */

static_assert(KMS_QUERY_COUNT_MAX > KMS_HEADERS_MAX, "Host is one more");

struct pairs {
    struct pair {
        struct kms_text name, value;
    } list[KMS_QUERY_COUNT_MAX];
    size_t count;
};

static int
compare(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = strcmp(kms_text_get(&x->name), kms_text_get(&y->name));

    if (order != 0)
        return order;
    return strcmp(kms_text_get(&x->value), kms_text_get(&y->value));
}

/* Sorted, and cleared: the parameters of a query, or lines of headers, if their
 * names are asked for. */
static void
add_sorted(struct kms_text *text, struct kms_text *names, struct pairs *pairs)
{
    const bool lines = names != NULL;
    struct pair *pair = pairs->list;
    const struct pair *end = pair + pairs->count;

    qsort(pairs->list, pairs->count, sizeof(pairs->list[0]), compare);
    for (; pair < end; pair++) {
        if (lines)
            kms_text_addf(names, "%s%s", pair > pairs->list ? ";" : "",
                          kms_text_get(&pair->name));
        else if (pair > pairs->list)
            kms_text_add(text, "&");
        kms_text_addf(text, "%s%s%s%s", kms_text_get(&pair->name),
                      lines ? ":" : "=", kms_text_get(&pair->value),
                      lines ? "\n" : "");
        text->failed = text->failed || pair->name.failed || pair->value.failed;
        kms_text_clear(&pair->name);
        kms_text_clear(&pair->value);
    }
}

/* The canonical form of path and query */

/* Take the last "/segment" back; what stands before start stays. */
static void
drop_segment(struct kms_text *text, size_t start)
{
    bool slash = false;

    while (!slash && text->len > start) {
        slash = text->data[--text->len] == '/';
        text->data[text->len] = '\0';
    }
}

/* Without empty segments and those of dots; what has been percent-encoded is
 * encoded once more. */
static void
add_path(struct kms_text *text, const char *path, size_t path_len)
{
    const size_t start = text->len;
    size_t at, len;

    for (at = 0; at < path_len; at += len + 1) {
        len = strcspn(path + at, "/?");
        if (len == 2 && memcmp(path + at, "..", 2) == 0) {
            drop_segment(text, start);
        } else if (len > 0 && !(len == 1 && path[at] == '.')) {
            kms_text_add(text, "/");
            kms_text_add_encoded(text, path + at, len);
        }
    }
    if (text->len == start || path[path_len - 1] == '/')
        kms_text_add(text, "/");
}

/* In the one form that a service finds, too, once it has decoded: "%7e" and
 * "~" are the same. */
static void
add_reencoded(struct kms_text *text, struct kms_span from)
{
    char octet;
    int c;

    while (from.len > 0) {
        c = kms_span_octet(&from);
        octet = c >= 0 ? (char)c : '%';
        kms_text_add_encoded(text, &octet, 1);
    }
}

/* Sorted by name, with a "=" in each; parts that are empty do not count. */
static enum envelope_reason
add_query(struct kms_text *text, struct kms_span query, struct envl_err *err)
{
    struct pairs pairs = { 0 };
    struct pair *pair;
    struct kms_span part, name;
    enum envelope_reason rc = ENVELOPE_OK;

    while (query.len > 0 && rc == ENVELOPE_OK) {
        part = kms_span_cut(&query, '&');
        if (part.len > 0 && pairs.count == KMS_QUERY_COUNT_MAX) {
            rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                           "cannot sign a URL with more than %d parameters",
                           KMS_QUERY_COUNT_MAX);
        } else if (part.len > 0) {
            pair = &pairs.list[pairs.count++];
            name = kms_span_cut(&part, '=');
            add_reencoded(&pair->name, name);
            add_reencoded(&pair->value, part);
        }
    }
    add_sorted(text, NULL, &pairs);
    return rc;
}

static enum envelope_reason
add_target(struct kms_text *text, const struct kms_canonical_form *form,
           const char *target, struct envl_err *err)
{
    struct kms_span all = { target, strlen(target) };
    const struct kms_span path = kms_span_cut(&all, '?');
    enum envelope_reason rc = ENVELOPE_OK;

    if (form->path_as_sent)
        kms_text_add_bytes(text, path.data, path.len);
    else
        add_path(text, path.data, path.len);
    if (form->slash_at_end && path.len > 0 && path.data[path.len - 1] != '/')
        kms_text_add(text, "/");
    kms_text_add(text, "\n");
    if (form->query_as_sent)
        kms_text_add_bytes(text, all.data, all.len);
    else
        rc = add_query(text, all, err);
    kms_text_add(text, "\n");
    return rc;
}

/* The canonical form of headers */

/* Without spaces around it, and with single ones in it. */
static void
add_trimmed(struct kms_text *text, const char *from, bool lower)
{
    const size_t start = text->len;
    bool space = false;
    char c;

    for (; *from != '\0'; from++) {
        if (*from == ' ') {
            space = text->len > start;
            continue;
        }
        if (space)
            kms_text_add(text, " ");
        space = false;
        c = lower ? kms_lower(*from) : *from;
        kms_text_add_bytes(text, &c, 1);
    }
}

static bool
is_signed(const struct kms_canonical_form *form, const char *name)
{
    const char *prefix = form->signed_prefix;
    size_t len = strlen(name);

    return kms_same_name(name, len, "Content-Type")
           || kms_same_name(name, len, "Host")
           || (prefix != NULL && kms_same_name(name, strlen(prefix), prefix));
}

/* The values of those that have the same name are joined. */
static void
take_header(struct pairs *pairs, const struct kms_canonical_form *form,
            const char *name, const char *value)
{
    struct pair *pair = pairs->list, *end = pairs->list + pairs->count;

    if (!is_signed(form, name))
        return;
    while (pair < end
           && !kms_same_name(name, strlen(name), kms_text_get(&pair->name)))
        pair++;
    if (pair < end) {
        kms_text_add(&pair->value, ",");
    } else {
        pairs->count++;
        add_trimmed(&pair->name, name, true);
    }
    add_trimmed(&pair->value, value, form->lower_values);
}

/* Those that are signed, and the list of their names. */
static void
add_headers(struct kms_text *text, struct kms_text *names,
            const struct kms_canonical_form *form,
            const struct kms_request *request)
{
    struct pairs pairs = { 0 };
    size_t i;

    take_header(&pairs, form, "Host", kms_text_get(&request->endpoint->host));
    for (i = 0; i < request->header_count; i++)
        take_header(&pairs, form, request->headers[i].name,
                    kms_text_get(&request->headers[i].value));
    add_sorted(text, names, &pairs);
}

const char *
kms_request_target(const struct kms_request *request)
{
    return request->path.len > 0 ? kms_text_get(&request->path) : "/";
}

enum envelope_reason
kms_canonical_request(struct kms_text *text, struct kms_text *names,
                      const struct kms_canonical_form *form,
                      const struct kms_request *request, struct envl_err *err)
{
    enum envelope_reason rc;

    kms_text_addf(text, "%s\n", request->method);
    rc = add_target(text, form, kms_request_target(request), err);
    add_headers(text, names, form, request);
    kms_text_addf(text, "\n%s\n", kms_text_get(names));
    return rc;
}
