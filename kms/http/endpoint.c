/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads endpoints.  libcurl takes the URL apart, since libcurl connects: here it is
 * decided whether plain http will do for the host that libcurl understood.  What
 * could be understood in more than one way is refused.
 */
#include "kms/http/http.h"

#include <string.h>

#include <arpa/inet.h>
#include <curl/curl.h>

#include "kms/core/span.h"

#define URL_LEN_MAX 2048
#define HOST_LEN_MAX 253 /* RFC 1035, 2.3.4 */
#define LABEL_LEN_MAX 63

/* RFC 3986, without percent-encoding: there is more than one way to encode, and a
 * signature is for one of them. */
#define URL KMS_UNRESERVED "!$&'()*+,;=:@/[]"

/* Who may be asked without TLS, beside loopback and IPv4's link (RFC 3927), which no
 * router leads on from. */
static const char *const metadata_hosts[] = {
    "[fd00:ec2::23]",
    "[fd00:ec2::254]",
    "metadata.tencentyun.com",
    "100.100.100.200",
};

enum { SCHEME, HOST, PORT, PATH, PART_COUNT };

/* The parts of a URL as libcurl understands them, and in its memory; NULL where
 * there is no port. */
static CURLUcode
take_apart(char *parts[PART_COUNT], const char *url)
{
    static const CURLUPart names[] = { CURLUPART_SCHEME, CURLUPART_HOST,
                                       CURLUPART_PORT, CURLUPART_PATH };
    CURLU *u = curl_url();
    CURLUcode rc = CURLUE_OUT_OF_MEMORY;
    size_t i;

    if (u != NULL)
        rc = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER);
    for (i = 0; i < PART_COUNT && rc == CURLUE_OK; i++) {
        rc = curl_url_get(u, names[i], &parts[i], 0);
        if (rc == CURLUE_NO_PORT)
            rc = CURLUE_OK;
    }
    curl_url_cleanup(u);
    return rc;
}

/* The rest of a text after a part of it, in any case of letters; NULL if it does
 * not begin with that. */
static const char *
after(const char *text, const char *part)
{
    size_t len = strlen(part);

    return text != NULL && kms_same_name(text, len, part) ? text + len : NULL;
}

/* libcurl repairs much: 127.1, an empty port, a slash that lacks, dots in a path.
 * Only addresses of IPv6 have more than one good form. */
static bool
is_as_written(const char *url, char *const parts[PART_COUNT])
{
    const char *rest = after(after(url, parts[SCHEME]), "://");

    if (rest != NULL && *rest == '[')
        rest = strchr(rest, ']') + 1;
    else
        rest = after(rest, parts[HOST]);
    if (parts[PORT] != NULL)
        rest = after(after(rest, ":"), parts[PORT]);
    if (rest != NULL && *rest != '\0')
        rest = after(rest, parts[PATH]);
    return rest != NULL && *rest == '\0';
}

static bool
is_ipv4(const char *host)
{
    unsigned char address[sizeof(struct in_addr)];

    return inet_pton(AF_INET, host, address) == 1;
}

/* Is it a number, as resolvers read it: 1, 0x7f, 0x? */
static bool
is_number(const char *label)
{
    const bool hex = label[0] == '0' && kms_lower(label[1]) == 'x';

    return label[strspn(label, hex ? KMS_DIGITS "abcdefABCDEFxX" : KMS_DIGITS)]
           == '\0';
}

/* RFC 952, RFC 1123; without an empty label at the end.  The last label of a name is
 * no number: there is much that resolvers take for an address. */
static bool
is_name(const char *host)
{
    size_t len;

    if (strlen(host) > HOST_LEN_MAX)
        return false;
    for (;; host += len + 1) {
        len = strspn(host, KMS_ALNUM "-");
        if (len == 0 || len > LABEL_LEN_MAX || host[0] == '-'
            || host[len - 1] == '-')
            return false;
        if (host[len] == '\0')
            return !is_number(host);
        if (host[len] != '.')
            return false;
    }
}

/* In small letters; an address of IPv6 in the one way that inet_ntop() writes it. */
static bool
set_host(struct kms_text *to, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char name[INET6_ADDRSTRLEN] = "";
    size_t len = strlen(host);

    if (host[0] == '[' && len - 2 < sizeof(name)) {
        memcpy(name, host + 1, len - 2);
        if (inet_pton(AF_INET6, name, address) != 1
            || inet_ntop(AF_INET6, address, name, sizeof(name)) == NULL)
            return false;
        kms_text_addf(to, "[%s]", name);
        return true;
    }
    kms_text_add(to, host);
    for (len = 0; len < to->len; len++)
        to->data[len] = kms_lower(to->data[len]);
    return is_ipv4(host) || is_name(host);
}

/* libcurl asks nobody where localhost is. */
static bool
is_loopback(const char *host)
{
    return (is_ipv4(host) && strncmp(host, "127.", 4) == 0)
           || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* May it be asked without TLS? */
static bool
is_near(const struct kms_endpoint *endpoint)
{
    const char *host = kms_text_get(&endpoint->host);
    size_t i;

    if (endpoint->loopback || !endpoint->metadata)
        return endpoint->loopback;
    for (i = 0; i < sizeof(metadata_hosts) / sizeof(metadata_hosts[0]); i++) {
        if (strcmp(host, metadata_hosts[i]) == 0)
            return true;
    }
    return is_ipv4(host) && strncmp(host, "169.254.", 8) == 0;
}

/* Fill the endpoint in; NULL, or what is wrong with the URL. */
static const char *
understand(struct kms_endpoint *endpoint, const char *url,
           char *parts[PART_COUNT])
{
    CURLUcode code = CURLUE_MALFORMED_INPUT;
    size_t path_len;

    if (strlen(url) > URL_LEN_MAX)
        return "it is too long";
    if (url[strspn(url, URL)] == '\0')
        code = take_apart(parts, url);
    endpoint->host.failed = code == CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_USER_NOT_ALLOWED)
        return "no user may stand in front of its host";
    if (code == CURLUE_BAD_PORT_NUMBER
        || (parts[PORT] != NULL && strcmp(parts[PORT], "0") == 0))
        return "after its host may come a colon and its port, a number from 1 "
               "to 65535";
    endpoint->plain = code == CURLUE_OK && strcmp(parts[SCHEME], "http") == 0;
    if (code != CURLUE_OK
        || (!endpoint->plain && strcmp(parts[SCHEME], "https") != 0))
        return "it has to be https://host[:port][/path], without a query, "
               "percent-encoding and special characters";
    if (!is_as_written(url, parts))
        return "its host, port or path would be repaired before it is used: "
               "write https://host[:port][/path] in full";
    if (!set_host(&endpoint->host, parts[HOST]))
        return "its host is neither a name nor an address that is written in "
               "full";
    endpoint->loopback = is_loopback(kms_text_get(&endpoint->host));
    if (endpoint->plain && !is_near(endpoint))
        return "plain http is for this machine only: use https";
    if (parts[PORT] != NULL
        && strcmp(parts[PORT], endpoint->plain ? "80" : "443") != 0)
        kms_text_addf(&endpoint->host, ":%s", parts[PORT]);
    if (strstr(parts[PATH], "//") != NULL || strpbrk(parts[PATH], "[]") != NULL)
        return "its path has an empty segment or a bracket";
    path_len = strlen(parts[PATH]);
    if (parts[PATH][path_len - 1] == '/')
        path_len--;
    kms_text_add_bytes(&endpoint->path, parts[PATH], path_len);
    return NULL;
}

enum envelope_reason
kms_endpoint_parse(struct kms_endpoint *endpoint, const char *url,
                   bool metadata, struct envl_err *err)
{
    char *parts[PART_COUNT] = { NULL };
    enum envelope_reason rc = ENVELOPE_OK;
    const char *why;
    size_t i;

    *endpoint = (struct kms_endpoint){ .metadata = metadata };
    why = understand(endpoint, url, parts);
    if (endpoint->host.failed || endpoint->path.failed)
        rc = envl_fail_memory(err);
    else if (why != NULL)
        /* What may be a password, or another secret, stays out of it. */
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%.200s: %s",
                       strpbrk(url, "@?#") == NULL ? url : "an endpoint", why);
    for (i = 0; i < PART_COUNT; i++)
        curl_free(parts[i]);
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
