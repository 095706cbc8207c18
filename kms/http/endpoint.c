/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads endpoints.  The host decides here whether plain http will do, and others
 * read it after us.  It must be the same host to all of us: so a host is written in
 * one way, or refused.
 */
#include "kms/http/http.h"

#include <string.h>

#include <arpa/inet.h>

#define URL_LEN_MAX 2048
#define HOST_LEN_MAX 253 /* RFC 1035, 2.3.4 */
#define LABEL_LEN_MAX 63
#define PORT_LEN_MAX 5
#define PORT_MAX 65535

#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define NAME DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-."
/* RFC 3986, 3.3, without percent-encoding: there is more than one way to encode,
 * and a signature is for one of them. */
#define PATH NAME "_~!$&'()*+,;=:@/"

/* Who may be asked without TLS, beside loopback. */
static const char *const metadata_hosts[] = {
    "169.254.169.254", "169.254.170.2",   "169.254.170.23",
    "[fd00:ec2::23]",  "[fd00:ec2::254]", "metadata.tencentyun.com",
};

static enum envelope_reason
bad_endpoint(const char *url, const char *why, struct envl_err *err)
{
    /* What may be a password, or another secret, stays out of it. */
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%.200s: %s",
                     strpbrk(url, "@?#") == NULL ? url : "an endpoint", why);
}

/* An address in brackets, in the one way that inet_ntop() writes it. */
static bool
set_ipv6(struct kms_text *host, const char *text, size_t len)
{
    char name[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];

    if (len < 2 || len - 2 >= sizeof(name) || text[len - 1] != ']')
        return false;
    memcpy(name, text + 1, len - 2);
    name[len - 2] = '\0';
    if (inet_pton(AF_INET6, name, address) != 1
        || inet_ntop(AF_INET6, address, name, sizeof(name)) == NULL)
        return false;
    kms_text_addf(host, "[%s]", name);
    return true;
}

static bool
is_ipv4(const char *host)
{
    unsigned char address[sizeof(struct in_addr)];

    return inet_pton(AF_INET, host, address) == 1;
}

/* RFC 952, RFC 1123; without an empty label at the end. */
static bool
is_label(const char *label, size_t len)
{
    return len > 0 && len <= LABEL_LEN_MAX && label[0] != '-'
           && label[len - 1] != '-';
}

/* Is it a number, as resolvers read it: 1, 0x7f, 0x? */
static bool
is_number(const char *label)
{
    if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
        return strspn(label + 2, HEX_DIGITS) == strlen(label + 2);
    return strspn(label, DIGITS) == strlen(label);
}

/* A name, or four numbers with dots: there is much else that resolvers take
 * for an address, such as 127.1, 0x7f.1 and 2130706433. */
static bool
is_name_or_ipv4(const char *host)
{
    const char *label = host;
    size_t len;

    if (is_ipv4(host))
        return true;
    if (strspn(host, NAME) < strlen(host))
        return false;
    for (;; label += len + 1) {
        len = strcspn(label, ".");
        if (!is_label(label, len))
            return false;
        if (label[len] == '\0')
            return !is_number(label);
    }
}

static bool
set_name(struct kms_text *host, const char *text, size_t len)
{
    size_t i;

    if (len > HOST_LEN_MAX)
        return false;
    kms_text_add_bytes(host, text, len);
    for (i = 0; i < host->len; i++)
        host->data[i] = kms_lower(host->data[i]);
    return host->failed || is_name_or_ipv4(kms_text_get(host));
}

/* libcurl asks nobody where localhost is. */
static bool
is_loopback(const char *host)
{
    return (is_ipv4(host) && strncmp(host, "127.", 4) == 0)
           || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static bool
is_metadata(const char *host)
{
    size_t i;

    for (i = 0; i < sizeof(metadata_hosts) / sizeof(metadata_hosts[0]); i++) {
        if (strcmp(host, metadata_hosts[i]) == 0)
            return true;
    }
    return false;
}

/* After the host: nothing, or a colon and a number without zeros in front.
 * The scheme's own port is not written. */
static bool
add_port(struct kms_endpoint *endpoint, const char *text, size_t len)
{
    unsigned port = 0;
    size_t i;

    if (len == 0)
        return true;
    if (text[0] != ':' || len < 2 || len > 1 + PORT_LEN_MAX || text[1] == '0'
        || strspn(text + 1, DIGITS) < len - 1)
        return false;
    for (i = 1; i < len; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    if (port > PORT_MAX)
        return false;
    if (port != (endpoint->plain ? 80 : 443))
        kms_text_addf(&endpoint->host, ":%u", port);
    return true;
}

/* Without empty segments, and without those that somebody might take out. */
static bool
is_path(const char *path)
{
    size_t len;

    if (strspn(path, PATH) < strlen(path))
        return false;
    for (; *path != '\0'; path += len) {
        path++; /* the slash in front */
        len = strcspn(path, "/");
        if ((len == 0 && path[0] != '\0') || (len == 1 && path[0] == '.')
            || (len == 2 && path[0] == '.' && path[1] == '.'))
            return false;
    }
    return true;
}

static bool
set_path(struct kms_text *path, const char *text)
{
    size_t len = strlen(text);

    if (!is_path(text))
        return false;
    if (len > 0 && text[len - 1] == '/')
        len--;
    kms_text_add_bytes(path, text, len);
    return true;
}

/* "https://" or "http://"; NULL for anything else, or what is after it. */
static const char *
take_scheme(bool *plain, const char *url)
{
    size_t len = strcspn(url, ":");

    *plain = kms_same_name(url, len, "http");
    if ((!*plain && !kms_same_name(url, len, "https"))
        || strncmp(url + len, "://", 3) != 0)
        return NULL;
    return url + len + 3;
}

/* The host and its port, which end at end. */
static enum envelope_reason
parse_host(struct kms_endpoint *endpoint, const char *url, const char *host,
           const char *end, struct envl_err *err)
{
    struct kms_text *text = &endpoint->host;
    /* The colons of an address in brackets are not a port's. */
    const char *port = host + strcspn(host, *host == '[' ? "]/?#" : ":/?#");
    bool good;

    if (*port == ']')
        port++;
    if (*host == '[')
        good = set_ipv6(text, host, (size_t)(port - host));
    else
        good = set_name(text, host, (size_t)(port - host));
    if (text->failed)
        return envl_fail_memory(err);
    if (!good)
        return bad_endpoint(url,
                            "its host is neither a name nor an address that "
                            "is written in full",
                            err);
    endpoint->loopback = is_loopback(kms_text_get(text));
    if (endpoint->plain && !endpoint->loopback
        && !(endpoint->metadata && is_metadata(kms_text_get(text))))
        return bad_endpoint(
            url, "plain http is for this machine only: use https", err);
    if (!add_port(endpoint, port, (size_t)(end - port)))
        return bad_endpoint(url, "its port is not a number from 1 to 65535",
                            err);
    return ENVELOPE_OK;
}

static enum envelope_reason
parse_endpoint(struct kms_endpoint *endpoint, const char *url,
               struct envl_err *err)
{
    const char *host, *path;
    enum envelope_reason rc;

    if (strlen(url) > URL_LEN_MAX)
        return bad_endpoint(url, "it is too long", err);
    host = take_scheme(&endpoint->plain, url);
    if (host == NULL)
        return bad_endpoint(url, "it has to begin with https://", err);
    path = host + strcspn(host, "/?#");
    if (memchr(host, '@', (size_t)(path - host)) != NULL)
        return bad_endpoint(url, "no user may stand in front of its host", err);
    rc = parse_host(endpoint, url, host, path, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (!set_path(&endpoint->path, path))
        return bad_endpoint(url,
                            "its path has a query, an empty or dotted "
                            "segment, or a character that is not for paths",
                            err);
    return endpoint->host.failed || endpoint->path.failed
               ? envl_fail_memory(err)
               : ENVELOPE_OK;
}

enum envelope_reason
kms_endpoint_parse(struct kms_endpoint *endpoint, const char *url,
                   bool metadata, struct envl_err *err)
{
    enum envelope_reason rc;

    *endpoint = (struct kms_endpoint){ .metadata = metadata };
    rc = parse_endpoint(endpoint, url, err);
    if (rc != ENVELOPE_OK)
        kms_endpoint_clear(endpoint);
    return rc;
}

void
kms_endpoint_clear(struct kms_endpoint *endpoint)
{
    kms_text_clear(&endpoint->host);
    kms_text_clear(&endpoint->path);
    *endpoint = (struct kms_endpoint){ 0 };
}

bool
kms_endpoint_same(const struct kms_endpoint *a, const struct kms_endpoint *b)
{
    return a->plain == b->plain
           && strcmp(kms_text_get(&a->host), kms_text_get(&b->host)) == 0
           && strcmp(kms_text_get(&a->path), kms_text_get(&b->path)) == 0;
}
