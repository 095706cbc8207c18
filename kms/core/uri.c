/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a URI at its delimiters and decodes the pieces, in this order, so that
 * an encoded delimiter is none. */
#include "kms/core/uri.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "kms/core/text.h"

/* RFC 3986, 2: unreserved, reserved but "#", and the percent sign. */
#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SCHEME ALPHA "0123456789+-."
#define URI SCHEME "_~:/?[]@!$&'()*,;=%"

/* What is parsed, and whom to tell. */
struct parser {
    const char *text;
    const char *const *parameters;
    struct envl_err *err;
};

/* Part of the text. */
struct piece {
    const char *begin, *end;
};

/* Failures */

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
    struct kms_text known = { 0 };
    size_t i;

    for (i = 0; parser->parameters[i] != NULL; i++)
        kms_text_addf(&known, "%s%.*s", i > 0 ? ", " : "",
                      (int)strcspn(parser->parameters[i], "+"),
                      parser->parameters[i]);
    (void)envl_fail(parser->err, ENVELOPE_R_UNREADABLE_KEY,
                    "%.*s: there is no parameter %.32s, only: %s",
                    shown(parser->text), parser->text, name,
                    i > 0 ? kms_text_get(&known) : "none");
    kms_text_clear(&known);
    return parser->err->reason;
}

/* Pieces */

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = memchr(digits, kms_lower(c), sizeof(digits) - 1);

    return p != NULL ? (int)(p - digits) : -1;
}

/* One character, which may be encoded; -1 for what is none. */
static int
take_character(struct piece *piece)
{
    int high, low;

    if (*piece->begin != '%')
        return (unsigned char)*piece->begin++;
    if (piece->end - piece->begin < 3)
        return -1;
    high = hex_value(piece->begin[1]);
    low = hex_value(piece->begin[2]);
    piece->begin += 3;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static enum envelope_reason
decode(char **decoded, const struct parser *parser, struct piece piece)
{
    size_t len = 0;
    char *out = OPENSSL_malloc((size_t)(piece.end - piece.begin) + 1);
    int c;

    if (out == NULL)
        return envl_fail_memory(parser->err);
    *decoded = out;
    while (piece.begin < piece.end) {
        c = take_character(&piece);
        if (c < 0x20 || c > 0x7e)
            return bad(parser, "a % without two hexadecimal digits, or "
                               "with those of a character that is not "
                               "printable ASCII");
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return ENVELOPE_OK;
}

/* The first of these characters, or the end. */
static const char *
find(struct piece piece, char c)
{
    const char *p = memchr(piece.begin, c, (size_t)(piece.end - piece.begin));

    return p != NULL ? p : piece.end;
}

/* Parts */

static enum envelope_reason
take_scheme(struct kms_uri *uri, const struct parser *parser,
            struct piece *rest)
{
    size_t len = strspn(rest->begin, SCHEME);
    struct piece scheme = { rest->begin, rest->begin + len };
    enum envelope_reason rc;
    char *p;

    if (*scheme.end != ':' || strspn(rest->begin, ALPHA) == 0)
        return bad(parser, "not a URI: it has no scheme in front");
    rest->begin = scheme.end + 1;
    rc = decode(&uri->scheme, parser, scheme);
    if (rc != ENVELOPE_OK)
        return rc;
    for (p = uri->scheme; *p != '\0'; p++)
        *p = kms_lower(*p);
    return ENVELOPE_OK;
}

static enum envelope_reason
take_authority(struct kms_uri *uri, const struct parser *parser,
               struct piece *rest)
{
    struct piece authority = { rest->begin, rest->begin };

    if (strncmp(rest->begin, "//", 2) == 0) {
        authority.begin = rest->begin += 2;
        authority.end = rest->begin = find(*rest, '/');
    }
    if (find(authority, '@') != authority.end)
        return bad(parser, "there is no place for a user in it");
    return decode(&uri->authority, parser, authority);
}

static enum envelope_reason
take_path(struct kms_uri *uri, const struct parser *parser, struct piece path)
{
    if (path.begin < path.end && *path.begin == '/')
        path.begin++;
    return decode(&uri->path, parser, path);
}

/* The parameter of this name, or NULL if there is none. */
static const char *
find_known(const struct parser *parser, const char *name)
{
    const size_t len = strlen(name);
    size_t i;

    for (i = 0; parser->parameters[i] != NULL; i++) {
        if (strcspn(parser->parameters[i], "+") == len
            && memcmp(parser->parameters[i], name, len) == 0)
            return parser->parameters[i];
    }
    return NULL;
}

/* Where two could be meant, none is taken. */
static enum envelope_reason
check_name(const struct kms_uri *uri, const struct parser *parser,
           const char *name)
{
    const char *known = find_known(parser, name);

    if (known == NULL)
        return bad_parameter(parser, name);
    if (strchr(known, '+') == NULL && kms_uri_get(uri, name) != NULL)
        return bad(parser, "a parameter of its query comes twice");
    return ENVELOPE_OK;
}

static enum envelope_reason
take_parameter(struct kms_uri *uri, const struct parser *parser,
               struct piece parameter)
{
    struct piece name = { parameter.begin, find(parameter, '=') };
    struct piece value = { name.end + 1, parameter.end };
    size_t i = uri->query_count;
    enum envelope_reason rc;
    char *text = NULL;

    if (name.end == name.begin || name.end == parameter.end
        || value.begin == value.end)
        return bad(parser, "a parameter in its query has no name or no value");
    if (i == KMS_URI_QUERY_MAX)
        return bad(parser, "too many parameters in its query");
    rc = decode(&text, parser, name);
    if (rc == ENVELOPE_OK)
        rc = check_name(uri, parser, text);
    uri->query[i].name = text;
    uri->query_count++;
    if (rc == ENVELOPE_OK)
        rc = decode(&uri->query[i].value, parser, value);
    return rc;
}

static enum envelope_reason
take_query(struct kms_uri *uri, const struct parser *parser, struct piece query)
{
    struct piece parameter = { query.begin, query.begin };
    enum envelope_reason rc = ENVELOPE_OK;

    while (rc == ENVELOPE_OK && parameter.end < query.end) {
        /* Past the question mark, or the ampersand. */
        parameter.begin = parameter.end + 1;
        parameter.end = find((struct piece){ parameter.begin, query.end }, '&');
        rc = take_parameter(uri, parser, parameter);
    }
    return rc;
}

/* The whole */

static enum envelope_reason
parse(struct kms_uri *uri, const struct parser *parser)
{
    size_t len = strlen(parser->text);
    struct piece rest = { parser->text, parser->text + len };
    struct piece query = { find(rest, '?'), rest.end };
    enum envelope_reason rc;

    if (len > KMS_URI_LEN_MAX)
        return bad(parser, "the URI is too long");
    if (strspn(parser->text, URI) < len)
        return bad(parser, "it has a character that has to be "
                           "percent-encoded in a URI");
    rest.end = query.begin;
    rc = take_scheme(uri, parser, &rest);
    if (rc == ENVELOPE_OK)
        rc = take_authority(uri, parser, &rest);
    if (rc == ENVELOPE_OK)
        rc = take_path(uri, parser, rest);
    if (rc == ENVELOPE_OK)
        rc = take_query(uri, parser, query);
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

const char *
kms_uri_get(const struct kms_uri *uri, const char *name)
{
    size_t i;

    for (i = 0; i < uri->query_count; i++) {
        if (strcmp(uri->query[i].name, name) == 0)
            return uri->query[i].value;
    }
    return NULL;
}

int
kms_uri_has(const struct kms_uri *uri, const char *name, const char *value)
{
    size_t i;

    for (i = 0; i < uri->query_count; i++) {
        if (strcmp(uri->query[i].name, name) == 0
            && strcmp(uri->query[i].value, value) == 0)
            return 1;
    }
    return 0;
}

int
kms_uri_scheme_is(const char *text, const char *scheme)
{
    size_t len = strcspn(text, ":");

    return text[len] == ':' && kms_same_name(text, len, scheme);
}
