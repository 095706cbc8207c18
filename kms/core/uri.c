/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a URI at its delimiters and decodes the pieces, in this order, so that
 * an encoded delimiter is none. */
#include "kms/core/uri.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "kms/core/span.h"
#include "kms/core/text.h"

/* RFC 3986, 2: unreserved, reserved but "#", and the percent sign. */
#define SCHEME KMS_ALNUM "+-."
#define URI KMS_UNRESERVED ":/?[]@!$&'()*+,;=%"

/* What is parsed, and whom to tell. */
struct parser {
    const char *text;
    const char *const *parameters;
    struct envl_err *err;
};

/* How much of the URI a message may show: a query and a password stay out of
 * it. */
static int
shown(const char *text)
{
    size_t len = strcspn(text, "?#");

    if (memchr(text, '@', len) != NULL)
        len = strcspn(text, ":/");
    return len < 200 ? (int)len : 200;
}

static enum envelope_reason
bad(const struct parser *parser, const char *why)
{
    return envl_fail(parser->err, ENVELOPE_R_UNREADABLE_KEY, "%.*s: %s",
                     shown(parser->text), parser->text, why);
}

static enum envelope_reason
bad_parameter(const struct parser *parser, const char *name)
{
    const char *const *known = parser->parameters;
    struct kms_text why = { 0 };

    kms_text_addf(&why, "there is no parameter %.32s, only: %s", name,
                  *known == NULL ? "none" : "");
    for (; *known != NULL; known++)
        kms_text_addf(&why, "%.*s%s", (int)strcspn(*known, "+"), *known,
                      known[1] != NULL ? ", " : "");
    (void)bad(parser, kms_text_get(&why));
    kms_text_clear(&why);
    return ENVELOPE_R_UNREADABLE_KEY;
}

static enum envelope_reason
decode(char **decoded, const struct parser *parser, struct kms_span piece)
{
    char *out = OPENSSL_malloc(piece.len + 1);
    int c;

    *decoded = out;
    if (out == NULL)
        return envl_fail_memory(parser->err);
    while (piece.len > 0) {
        c = kms_span_octet(&piece);
        if (c < 0x20 || c > 0x7e)
            return bad(parser, "a % without two hexadecimal digits, or with "
                               "those of what is not printable ASCII");
        *out++ = (char)c;
    }
    *out = '\0';
    return ENVELOPE_OK;
}

/* Where two could be meant, none is taken. */
static enum envelope_reason
check_name(const struct kms_uri *uri, const struct parser *parser,
           const char *name)
{
    const size_t len = strlen(name);
    const char *const *known = parser->parameters;

    while (*known != NULL
           && (strcspn(*known, "+") != len || memcmp(*known, name, len) != 0))
        known++;
    if (*known == NULL)
        return bad_parameter(parser, name);
    if ((*known)[len] != '+' && kms_uri_get(uri, name) != NULL)
        return bad(parser, "a parameter of its query comes twice");
    return ENVELOPE_OK;
}

static enum envelope_reason
take_parameter(struct kms_uri *uri, const struct parser *parser,
               struct kms_span parameter)
{
    struct kms_span name = kms_span_cut(&parameter, '=');
    size_t i = uri->query_count;
    enum envelope_reason rc;

    if (name.len == 0 || parameter.len == 0)
        return bad(parser, "a parameter in its query has no name or no value");
    if (i == KMS_URI_QUERY_MAX)
        return bad(parser, "too many parameters in its query");
    rc = decode(&uri->query[i].name, parser, name);
    if (rc == ENVELOPE_OK)
        rc = check_name(uri, parser, uri->query[i].name);
    uri->query_count++;
    if (rc == ENVELOPE_OK)
        rc = decode(&uri->query[i].value, parser, parameter);
    return rc;
}

/* After the scheme and up to the query: "//authority/path" or "path". */
static enum envelope_reason
take_hierarchy(struct kms_uri *uri, const struct parser *parser,
               struct kms_span rest)
{
    struct kms_span authority = { rest.data, 0 };
    enum envelope_reason rc;

    if (rest.len >= 2 && memcmp(rest.data, "//", 2) == 0) {
        authority = kms_span_up_to(kms_span_skip(rest, 2), '/', '/');
        rest = kms_span_skip(rest, 2 + authority.len);
    }
    if (memchr(authority.data, '@', authority.len) != NULL)
        return bad(parser, "there is no place for a user in it");
    if (rest.len > 0 && *rest.data == '/')
        rest = kms_span_skip(rest, 1);
    rc = decode(&uri->authority, parser, authority);
    return rc == ENVELOPE_OK ? decode(&uri->path, parser, rest) : rc;
}

static enum envelope_reason
parse(struct kms_uri *uri, const struct parser *parser)
{
    struct kms_span text = { parser->text, strlen(parser->text) }, parameter;
    struct kms_span head = kms_span_up_to(text, '?', '?');
    const size_t scheme_len = strspn(text.data, SCHEME);
    enum envelope_reason rc;
    char *p;

    if (text.len > KMS_URI_LEN_MAX)
        return bad(parser, "the URI is too long");
    if (strspn(text.data, URI) < text.len)
        return bad(parser, "it has a character that has to be "
                           "percent-encoded in a URI");
    if (text.data[scheme_len] != ':'
        || strspn(text.data, KMS_LOWER KMS_UPPER) == 0)
        return bad(parser, "not a URI: it has no scheme in front");
    rc = decode(&uri->scheme, parser,
                (struct kms_span){ text.data, scheme_len });
    if (rc == ENVELOPE_OK)
        rc = take_hierarchy(uri, parser, kms_span_skip(head, scheme_len + 1));
    for (p = uri->scheme; rc == ENVELOPE_OK && *p != '\0'; p++)
        *p = kms_lower(*p);
    text = kms_span_skip(text, head.len);
    while (rc == ENVELOPE_OK && text.len > 0) {
        /* After the question mark, or the ampersand. */
        parameter = kms_span_up_to(kms_span_skip(text, 1), '&', '&');
        text = kms_span_skip(text, 1 + parameter.len);
        rc = take_parameter(uri, parser, parameter);
    }
    return rc;
}

enum envelope_reason
kms_uri_parse(struct kms_uri *uri, const char *text,
              const char *const *parameters, struct envl_err *err)
{
    const struct parser parser = { text, parameters, err };
    enum envelope_reason rc;

    *uri = (struct kms_uri){ 0 };
    rc = parse(uri, &parser);
    if (rc != ENVELOPE_OK)
        kms_uri_clear(uri);
    return rc;
}

void
kms_uri_clear(struct kms_uri *uri)
{
    size_t i;

    OPENSSL_free(uri->scheme);
    OPENSSL_free(uri->authority);
    OPENSSL_free(uri->path);
    for (i = 0; i < uri->query_count; i++) {
        OPENSSL_free(uri->query[i].name);
        OPENSSL_free(uri->query[i].value);
    }
    *uri = (struct kms_uri){ 0 };
}

/* The first value of this name, which is value unless that is NULL. */
static const char *
find(const struct kms_uri *uri, const char *name, const char *value)
{
    size_t i;

    for (i = 0; i < uri->query_count; i++) {
        if (strcmp(uri->query[i].name, name) == 0
            && (value == NULL || strcmp(uri->query[i].value, value) == 0))
            return uri->query[i].value;
    }
    return NULL;
}

const char *
kms_uri_get(const struct kms_uri *uri, const char *name)
{
    return find(uri, name, NULL);
}

int
kms_uri_has(const struct kms_uri *uri, const char *name, const char *value)
{
    return find(uri, name, value) != NULL;
}

int
kms_uri_scheme_is(const char *text, const char *scheme)
{
    size_t len = strcspn(text, ":");

    return text[len] == ':' && kms_same_name(text, len, scheme);
}
