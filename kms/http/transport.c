/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending by libcurl.  Of one request nothing but the connection is there for the
 * next, and nothing is believed that has not been bounded.
 */
#include "kms/http/transport.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <openssl/crypto.h>

#include "kms/core/clock.h"
#include "kms/core/sigpipe.h"
#include "kms/http/authorities.h"
#include "kms/http/handles.h"

/* CURLE_TOO_LARGE, which headers before 8.6 do not have. */
#define TOO_LARGE 100
/* Servers and routers forget connections that are not used for a minute or more. */
#define IDLE_S 50

struct transfer {
    CURL *curl;
    CURLcode rc; /* the first failure of an option */
    const struct kms_request *request;
    struct kms_reply *reply;
    size_t headers_len;
    bool headers_ended;
    const char *excess; /* what is too long, or NULL */
    char why[CURL_ERROR_SIZE];
};

/* Options: the first failure stays, and is looked at once */

static void
set_number(struct transfer *t, CURLoption option, long value)
{
    if (t->rc == CURLE_OK)
        t->rc = curl_easy_setopt(t->curl, option, value);
}

/* libcurl copies a string, but not a body. */
static void
set(struct transfer *t, CURLoption option, const void *value)
{
    if (t->rc == CURLE_OK)
        t->rc = curl_easy_setopt(t->curl, option, value);
}

/* What is the same for all requests; also what is libcurl's default, where
 * another one would do harm. */
static const struct {
    CURLoption option;
    long value;
} numbers[] = {
    { CURLOPT_CONNECTTIMEOUT_MS, KMS_CONNECT_MS },
    { CURLOPT_DISALLOW_USERNAME_IN_URL, 1 },
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_HEADEROPT, CURLHEADER_SEPARATE }, /* none for a proxy */
    { CURLOPT_HTTP09_ALLOWED, 0 },
    { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
    { CURLOPT_MAXAGE_CONN, IDLE_S },
    { CURLOPT_MAXCONNECTS, 1 },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_PATH_AS_IS, 1 },
    { CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
#if LIBCURL_VERSION_NUM >= 0x075700
    { CURLOPT_QUICK_EXIT, 1 }, /* do not wait for a resolver that hangs */
#endif
    { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 }, /* at least */
    { CURLOPT_SSL_SESSIONID_CACHE, 0 },
    { CURLOPT_SSL_VERIFYHOST, 2 },
    { CURLOPT_SSL_VERIFYPEER, 1 },
    { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
};

/* A program that the caller runs gets none of what lives on here. */
static int
keep_to_ourselves(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK
                                               : CURL_SOCKOPT_ERROR;
}

static void
set_fixed(struct transfer *t)
{
    size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        set_number(t, numbers[i].option, numbers[i].value);
    set(t, CURLOPT_USERAGENT, "envelope");
    if (t->rc == CURLE_OK)
        t->rc = curl_easy_setopt(t->curl, CURLOPT_SOCKOPTFUNCTION,
                                 keep_to_ourselves);
}

static void
set_target(struct transfer *t)
{
    const struct kms_endpoint *endpoint = t->request->endpoint;
    const char *host = kms_text_get(&endpoint->host);
    const char *scheme = endpoint->plain ? "http" : "https";
    struct kms_text url = { 0 };

    kms_text_addf(&url, "%s://%s%s", scheme, host,
                  kms_text_get(&t->request->path));
    if (url.failed)
        t->rc = CURLE_OUT_OF_MEMORY;
    set(t, CURLOPT_URL, kms_text_get(&url));
    if (endpoint->plain || endpoint->metadata || endpoint->loopback)
        set(t, CURLOPT_NOPROXY, "*");
    kms_text_clear(&url);
}

/*
 * What is not named is not trusted.  From libcurl 8.21 on NULL means the system's
 * authorities: so there is always a file, if need be one of the directory, and a
 * directory, if need be one that cannot be there.
 */
static void
set_tls(struct transfer *t)
{
    const struct kms_tls *tls = &t->request->tls;
    const char *file = tls->ca_file, *path = tls->ca_path;
    char first[PATH_MAX];

    set(t, CURLOPT_SSLCERT, tls->certificate);
    set(t, CURLOPT_SSLKEY, tls->key);
    if (file == NULL && path == NULL)
        return;
    if (file == NULL && t->rc == CURLE_OK) {
        if (!kms_authorities_first(first, sizeof(first), path)) {
            (void)snprintf(t->why, sizeof(t->why),
                           "no certificate of an authority in %.100s", path);
            t->rc = CURLE_SSL_CACERT_BADFILE;
        }
        file = first;
    }
    set(t, CURLOPT_CAINFO, file);
    set(t, CURLOPT_CAPATH, path != NULL ? path : "/dev/null");
}

static void
set_body(struct transfer *t)
{
    const struct kms_request *request = t->request;

    set(t, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body.len == 0 && strcmp(request->method, "GET") == 0)
        return;
    set_number(t, CURLOPT_POST, 1);
    set_number(t, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    set(t, CURLOPT_POSTFIELDS, kms_text_get(&request->body));
}

/* Headers */

/* A copy more of an Authorization, but this one can be wiped. */
static void
free_lines(struct curl_slist *lines)
{
    struct curl_slist *line;

    for (line = lines; line != NULL; line = line->next)
        OPENSSL_cleanse(line->data, strlen(line->data));
    curl_slist_free_all(lines);
}

static void
add_line(struct transfer *t, struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);

    if (longer == NULL)
        t->rc = CURLE_OUT_OF_MEMORY;
    else
        *lines = longer;
}

static struct curl_slist *
set_headers(struct transfer *t)
{
    const struct kms_request *request = t->request;
    struct curl_slist *lines = NULL;
    struct kms_text line = { 0 };
    const char *value;
    size_t i;

    /* libcurl's own, which an empty one takes away. */
    add_line(t, &lines, "Accept:");
    add_line(t, &lines, "Expect:");
    if (kms_request_header(request, "Content-Type") == NULL)
        add_line(t, &lines, "Content-Type:");
    for (i = 0; i < request->header_count; i++) {
        value = kms_text_get(&request->headers[i].value);
        kms_text_set(&line, request->headers[i].name);
        /* A semicolon is how libcurl is told to send an empty one. */
        kms_text_add(&line, *value != '\0' ? ": " : ";");
        kms_text_add(&line, value);
        if (line.failed)
            t->rc = CURLE_OUT_OF_MEMORY;
        add_line(t, &lines, kms_text_get(&line));
    }
    kms_text_clear(&line);
    set(t, CURLOPT_HTTPHEADER, lines);
    return lines;
}

/* The reply, as it comes; another number than all of it ends the transfer */

static size_t
take_header(char *line, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;
    size_t i;

    (void)one;
    if (len > KMS_REPLY_HEADERS_LEN_MAX - t->headers_len) {
        t->excess = "its headers are";
        return 0;
    }
    t->headers_len += len;
    /* What stood in front of it, such as "100 Continue", is not the reply. */
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        for (i = 0; i < KMS_REPLY_HEADER_COUNT; i++)
            kms_text_clear(&t->reply->headers[i]);
        t->headers_ended = false;
    }
    kms_reply_take_header(t->reply, line, len);
    if (len > 0 && (line[0] == '\r' || line[0] == '\n'))
        t->headers_ended = true;
    return len;
}

static size_t
take_body(char *part, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;

    (void)one;
    if (len > KMS_REPLY_LEN_MAX - t->reply->body.len) {
        t->excess = "its reply is";
        return 0;
    }
    kms_text_add_bytes(&t->reply->body, part, len);
    return t->reply->body.failed ? 0 : len;
}

static void
set_reply(struct transfer *t, unsigned milliseconds)
{
    /* 0 would mean for ever. */
    set_number(t, CURLOPT_TIMEOUT_MS,
               (long)milliseconds > 0 ? (long)milliseconds : 1);
    set(t, CURLOPT_ERRORBUFFER, t->why);
    set(t, CURLOPT_HEADERDATA, t);
    set(t, CURLOPT_WRITEDATA, t);
    if (t->rc == CURLE_OK)
        t->rc = curl_easy_setopt(t->curl, CURLOPT_HEADERFUNCTION, take_header);
    if (t->rc == CURLE_OK)
        t->rc = curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take_body);
}

/* What becomes of it */

/* Is it what a new attempt does not help with? */
static bool
is_lasting(CURLcode rc)
{
    switch (rc) {
    case CURLE_NOT_BUILT_IN:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_URL_MALFORMAT:
        return true;
    default:
        return false;
    }
}

/* In its words, unless an URL of a proxy, with its password, is quoted. */
static const char *
reason_text(const struct transfer *t)
{
    return t->why[0] != '\0' && strchr(t->why, '@') == NULL
               ? t->why
               : curl_easy_strerror(t->rc);
}

static bool
ran_out_of_memory(const struct transfer *t)
{
    bool failed = t->rc == CURLE_OUT_OF_MEMORY || t->reply->body.failed;
    size_t i;

    for (i = 0; i < KMS_REPLY_HEADER_COUNT; i++)
        failed = failed || t->reply->headers[i].failed;
    return failed;
}

/* libcurl does not say that it was its own list that it could not read. */
static const char *
advice(const struct transfer *t)
{
    return t->rc == CURLE_SSL_CACERT_BADFILE && t->request->tls.ca_file == NULL
                   && t->request->tls.ca_path == NULL
               ? "; the certificates of this system's authorities cannot be "
                 "read: they come with the package ca-certificates"
               : "";
}

static enum envelope_reason
judge(const struct transfer *t, struct envl_err *err)
{
    const struct kms_request *request = t->request;
    const char *host = kms_text_get(&request->endpoint->host);

    if (t->excess != NULL)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "%.200s: %s too long", host, t->excess);
    if (ran_out_of_memory(t))
        return envl_fail_memory(err);
    if (t->rc == CURLE_OK)
        return ENVELOPE_OK;
    return envl_fail(err,
                     is_lasting(t->rc) ? ENVELOPE_R_KEY_SERVICE_REFUSED
                                       : ENVELOPE_R_KEY_SERVICE,
                     "%.200s: %.160s%s", host, reason_text(t), advice(t));
}

static void
ask(struct transfer *t)
{
    long status = 0;

    t->rc = curl_easy_perform(t->curl);
    /* Its own limit is 100 KiB for one header.  Before 8.6 it says the same where
     * memory ran out. */
    if (t->rc == CURLE_OUT_OF_MEMORY)
        t->excess = "memory runs out, or a header of its reply is";
    else if ((int)t->rc == TOO_LARGE)
        t->excess = "a header of its reply is";
    if (t->rc == CURLE_OK)
        t->rc = curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    /* libcurl takes the end of a connection for that of the headers. */
    if (t->rc == CURLE_OK && (!t->headers_ended || status < 200))
        t->rc = CURLE_PARTIAL_FILE;
    t->reply->status = (int)status;
}

/* Of all options that decide what is connected to and how, those that differ from
 * one request to another.  libcurl itself does not look at each of them before it
 * takes a connection again: not at the file of a key. */
static void
get_handle(struct transfer *t, struct kms_handle *handle)
{
    const struct kms_endpoint *endpoint = t->request->endpoint;
    const struct kms_tls *tls = &t->request->tls;
    const char *const files[] = { tls->ca_file, tls->ca_path, tls->certificate,
                                  tls->key };
    struct kms_text way = { 0 };
    size_t i;

    kms_text_addf(&way, "%d%d%d %s", endpoint->plain, endpoint->metadata,
                  endpoint->loopback, kms_text_get(&endpoint->host));
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        kms_text_addf(&way, "\n%s", files[i] != NULL ? files[i] : "");
    if (way.failed)
        t->rc = CURLE_OUT_OF_MEMORY;
    kms_handle_take(handle, &way, kms_clock_ticks(NULL));
    t->curl = handle->curl;
    if (t->curl == NULL)
        t->rc = CURLE_OUT_OF_MEMORY;
}

static void
perform(struct transfer *t, unsigned milliseconds)
{
    struct kms_sigpipe sigpipe;
    struct kms_handle handle;
    struct curl_slist *lines;

    kms_sigpipe_hold(&sigpipe);
    get_handle(t, &handle);
    set_fixed(t);
    set_target(t);
    set_tls(t);
    set_body(t);
    set_reply(t, milliseconds);
    lines = set_headers(t);
    if (t->rc == CURLE_OK)
        ask(t);
    kms_handle_put(&handle, t->rc == CURLE_OK);
    kms_sigpipe_release(&sigpipe);
    free_lines(lines);
}

/* Once in a program; it is never undone, since others may use libcurl.  What is kept
 * is closed before libcurl's TLS comes to its own end. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode library = CURLE_FAILED_INIT;

static void
start_library(void)
{
    library = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)atexit(kms_handles_forget); /* else the system closes them */
}

enum envelope_reason
kms_transport_send(void *arg, struct kms_reply *reply,
                   const struct kms_request *request, unsigned milliseconds,
                   struct envl_err *err)
{
    struct transfer t = { .request = request, .reply = reply };
    enum envelope_reason rc;

    (void)arg;
    kms_reply_clear(reply);
    (void)pthread_once(&once, start_library);
    t.rc = library;
    if (t.rc == CURLE_OK)
        perform(&t, milliseconds);
    rc = judge(&t, err);
    if (rc != ENVELOPE_OK)
        kms_reply_clear(reply);
    return rc;
}
