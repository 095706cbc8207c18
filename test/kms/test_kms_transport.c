/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests over a real network, to a server on loopback that is as rude as
 * servers can be (test/kms/rude_server.py).  What is sent is looked at byte by
 * byte; what comes back is taken, or refused, in time.
 */
#define _GNU_SOURCE /* pipe2 */
#include "kms/http/transport.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "kms/core/clock.h"
#include "kms/http/handles.h"

#define LONG_MS 20000 /* never reached */
#define HANG_S 100
#define NAME_LEN_MAX 31
#define PORTS_MAX 20

/* The server */

static struct {
    pid_t pid;
    int input; /* it lives as long as this is open */
    char directory[64];
    struct {
        char name[NAME_LEN_MAX + 1];
        unsigned number;
    } ports[PORTS_MAX];
    size_t port_count;
} server = { .input = -1 };

static unsigned
port_of(const char *name)
{
    size_t i;

    for (i = 0; i < server.port_count; i++) {
        if (strcmp(server.ports[i].name, name) == 0)
            return server.ports[i].number;
    }
    fail_msg("no port is called %s", name);
    return 0;
}

static void
become_server(const int input[2], const int output[2])
{
    const char *python = getenv("PYTHON"), *top = getenv("srcdir");
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/test/kms/rude_server.py",
                   top != NULL ? top : ".");
    if (dup2(input[0], 0) == 0 && dup2(output[1], 1) == 1)
        (void)execlp(python != NULL ? python : "python3", "python3", path,
                     server.directory, (char *)NULL);
    _exit(127);
}

/* An empty line is after the last; a server that could not start has none. */
static bool
read_ports(FILE *output)
{
    char line[100];

    while (fgets(line, sizeof(line), output) != NULL) {
        if (line[0] == '\n')
            return true;
        if (server.port_count == PORTS_MAX
            || sscanf(line, "%31s %u", server.ports[server.port_count].name,
                      &server.ports[server.port_count].number)
                   != 2)
            return false;
        server.port_count++;
    }
    return false;
}

/* Where there is no network, there may be none to oneself either. */
static bool
there_is_loopback(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(9),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is = fd >= 0
              && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0)
        (void)close(fd);
    return is;
}

static bool
start_server(void)
{
    int input[2], output[2];
    FILE *ports;
    bool good;

    (void)snprintf(server.directory, sizeof(server.directory),
                   "/tmp/kms-transport-XXXXXX");
    if (mkdtemp(server.directory) == NULL || pipe2(input, O_CLOEXEC) != 0
        || pipe2(output, O_CLOEXEC) != 0 || (server.pid = fork()) < 0)
        return false;
    if (server.pid == 0)
        become_server(input, output);
    (void)close(input[0]);
    (void)close(output[1]);
    server.input = input[1];
    ports = fdopen(output[0], "r");
    good = ports != NULL && read_ports(ports) && there_is_loopback();
    if (ports != NULL)
        (void)fclose(ports);
    return good;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void
stop_server(void)
{
    (void)close(server.input);
    (void)waitpid(server.pid, NULL, 0);
    (void)nftw(server.directory, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

/* A file that the server made. */
static const char *
file(const char *name)
{
    static char paths[4][128];
    static size_t next;
    char *path = paths[next++ % COUNT(paths)];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", server.directory, name);
    return path;
}

/* A request */

static struct {
    struct kms_endpoint endpoint;
    struct kms_request request;
    struct kms_reply reply;
    struct envl_err err;
    unsigned milliseconds;
    int64_t took;
} t;

static const char *const proxies[] = {
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
    "ALL_PROXY",  "no_proxy",    "NO_PROXY",
};

static int
setup(void **state)
{
    size_t i;

    (void)state;
    memset(&t, 0, sizeof(t));
    t.milliseconds = LONG_MS;
    for (i = 0; i < COUNT(proxies); i++)
        (void)unsetenv(proxies[i]);
    (void)alarm(HANG_S);
    return 0;
}

static int
teardown(void **state)
{
    sigset_t pending;

    (void)state;
    kms_reply_clear(&t.reply);
    kms_request_clear(&t.request);
    kms_endpoint_clear(&t.endpoint);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    return 0;
}

/* A new request, GET, with what makes a leak show. */
static void
aim(const char *scheme, const char *host, const char *port, const char *path)
{
    kms_reply_clear(&t.reply);
    kms_request_clear(&t.request);
    kms_endpoint_clear(&t.endpoint);
    t.endpoint.plain = strcmp(scheme, "http") == 0;
    t.endpoint.loopback =
        strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0;
    kms_text_addf(&t.endpoint.host, "%s:%u", host, port_of(port));
    kms_request_init(&t.request, "GET", &t.endpoint, path);
    kms_request_add(&t.request, "Authorization", "%s", SECRET);
}

static void
make_post(const char *method, size_t len)
{
    unsigned char *body = malloc(len + 1);

    assert_non_null(body);
    fill(body, len, 1);
    t.request.method = method;
    kms_text_add_bytes(&t.request.body, body, len);
    free(body);
}

static enum envelope_reason
transfer(void)
{
    int64_t start = kms_clock_ticks(NULL);
    enum envelope_reason rc;

    rc = kms_transport_send(NULL, &t.reply, &t.request, t.milliseconds, &t.err);
    t.took = kms_clock_ticks(NULL) - start;
    if (rc != ENVELOPE_OK) {
        assert_int_equal(t.reply.status, 0);
        assert_null(t.reply.body.data);
        assert_null(strstr(t.err.detail, SECRET));
        assert_memory_equal(t.err.detail, kms_text_get(&t.endpoint.host),
                            t.endpoint.host.len);
    }
    return rc;
}

static enum envelope_reason
get(const char *path)
{
    aim("http", "127.0.0.1", "plain", path);
    return transfer();
}

static enum envelope_reason
get_tls(const char *port, const char *ca)
{
    aim("https", "127.0.0.1", port, "/no-name");
    t.request.tls.ca_file = ca;
    return transfer();
}

static void
assert_body(const char *text)
{
    assert_string_equal(kms_text_get(&t.reply.body), text);
}

static void
assert_body_has(const char *part)
{
    if (strstr(kms_text_get(&t.reply.body), part) == NULL)
        fail_msg("\"%s\" has no \"%s\"", kms_text_get(&t.reply.body), part);
}

static void
assert_body_has_not(const char *part)
{
    if (strstr(kms_text_get(&t.reply.body), part) != NULL)
        fail_msg("\"%s\" has \"%s\"", kms_text_get(&t.reply.body), part);
}

static void
assert_detail(const char *part)
{
    if (strstr(t.err.detail, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", t.err.detail, part);
}

/* In the words of GnuTLS, or of OpenSSL */
static void
assert_detail_of(const char *gnutls, const char *openssl)
{
    bool is_gnutls = strstr(curl_version(), "GnuTLS") != NULL;

    assert_detail(is_gnutls ? gnutls : openssl);
}

/* What is sent */

static void __attribute__((format(printf, 1, 2)))
assert_sent(const char *fmt, ...)
{
    char expected[1000];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(expected, sizeof(expected), fmt, args);
    va_end(args);
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(t.reply.status, 200);
    assert_body(expected);
}

static void
a_post_is_sent_as_it_is(void **state)
{
    (void)state;
    aim("http", "127.0.0.1", "plain", "/echo/%2F/../a%20b?q=1&r");
    t.request.method = "POST";
    kms_request_add(&t.request, "Content-Type", "application/x-test");
    kms_request_add(&t.request, "X-Empty", "%s", "");
    kms_text_set(&t.request.body, "{\"a\":\"@b\"}");
    assert_sent("POST /echo/%%2F/../a%%20b?q=1&r HTTP/1.1\r\n"
                "Host: 127.0.0.1:%u\r\n"
                "User-Agent: envelope\r\n"
                "Authorization: " SECRET "\r\n"
                "Content-Type: application/x-test\r\n"
                "X-Empty:\r\n"
                "Content-Length: 10\r\n"
                "\r\n"
                "{\"a\":\"@b\"}",
                port_of("plain"));
}

static void
a_put_may_be_empty(void **state)
{
    (void)state;
    aim("http", "127.0.0.1", "plain", "/echo");
    t.request.method = "PUT";
    assert_sent("PUT /echo HTTP/1.1\r\n"
                "Host: 127.0.0.1:%u\r\n"
                "User-Agent: envelope\r\n"
                "Authorization: " SECRET "\r\n"
                "Content-Length: 0\r\n"
                "\r\n",
                port_of("plain"));
}

static void
a_get_has_no_body(void **state)
{
    (void)state;
    aim("http", "127.0.0.1", "plain", "/echo");
    assert_sent("GET /echo HTTP/1.1\r\n"
                "Host: 127.0.0.1:%u\r\n"
                "User-Agent: envelope\r\n"
                "Authorization: " SECRET "\r\n"
                "\r\n",
                port_of("plain"));
}

/* Nobody is asked whether it may come. */
static void
a_long_body_is_sent_at_once(void **state)
{
    (void)state;
    aim("http", "127.0.0.1", "plain", "/head");
    make_post("POST", 3000000);
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_body_has("Content-Length: 3000000");
    assert_body_has_not("Expect");
}

static void
a_body_may_have_any_bytes(void **state)
{
    static const size_t lens[] = { 1, 1025, 50000 };
    const char *body;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        aim("http", "127.0.0.1", "plain", "/echo");
        make_post("POST", lens[i]);
        assert_int_equal(transfer(), ENVELOPE_OK);
        assert_true(t.reply.body.len > lens[i]);
        body = t.reply.body.data + t.reply.body.len - lens[i];
        assert_memory_equal(body, t.request.body.data, lens[i]);
        assert_body_has("\r\n\r\n");
    }
}

static void
addresses_may_be_of_ipv6(void **state)
{
    (void)state;
    if (port_of("ipv6") == 0)
        skip();
    aim("http", "[::1]", "ipv6", "/echo");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_body_has("Host: [::1]:");
}

static void
nothing_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(get("/cookie"), ENVELOPE_OK);
    assert_int_equal(get("/echo"), ENVELOPE_OK);
    assert_body_has_not("ookie");
}

static void
no_password_file_is_read(void **state)
{
    FILE *netrc = fopen(file(".netrc"), "w");

    (void)state;
    assert_non_null(netrc);
    (void)fputs("machine 127.0.0.1 login me password x\n", netrc);
    assert_int_equal(fclose(netrc), 0);
    assert_int_equal(setenv("HOME", server.directory, 1), 0);
    aim("http", "127.0.0.1", "plain", "/unauthorized");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(t.reply.status, 401);
    aim("http", "127.0.0.1", "plain", "/echo");
    t.request.header_count = 0;
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_body_has_not("Authorization");
    t.request.header_count = 1;
}

/* kms_endpoint_parse() refuses it; should it get here, it goes no further. */
static void
no_user_is_in_an_address(void **state)
{
    (void)state;
    aim("http", "me@127.0.0.1", "plain", "/echo");
    assert_int_not_equal(transfer(), ENVELOPE_OK);
}

/* What comes back */

static void
replies_are_taken(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *body;
    } cases[] = {
        { "/busy", 503, "later" },
        { "/empty", 204, "" },
        { "/unauthorized", 401, "who?" },
        { "/redirect", 302, "elsewhere" },
        { "/chunked", 200, "chunk by part" },
        { "/no-length", 200, "until the end" },
        { "/compressed", 200, "\x1f\x8b\x08raw" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(get(cases[i].path), ENVELOPE_OK);
        assert_int_equal(t.reply.status, cases[i].status);
        assert_body(cases[i].body);
        assert_null(t.reply.headers[KMS_REPLY_DATE].data);
    }
    /* Nobody went where the redirection pointed to. */
    assert_int_equal(get("/trapped"), ENVELOPE_OK);
    assert_body("");
}

static void
headers_are_taken(void **state)
{
    (void)state;
    assert_int_equal(get("/named"), ENVELOPE_OK);
    assert_int_equal(t.reply.status, 418);
    assert_int_equal(kms_reply_date(&t.reply), 1440938160);
    assert_string_equal(kms_text_get(&t.reply.headers[KMS_REPLY_REQUEST_ID]),
                        "1b2c");
    assert_string_equal(kms_text_get(&t.reply.headers[KMS_REPLY_ERROR_TYPE]),
                        "SomeException");
}

static void
what_comes_before_the_reply_is_not_it(void **state)
{
    (void)state;
    assert_int_equal(get("/early-hints"), ENVELOPE_OK);
    assert_int_equal(t.reply.status, 200);
    assert_body("late");
    assert_int_equal(kms_reply_date(&t.reply), -1);
    assert_string_equal(kms_text_get(&t.reply.headers[KMS_REPLY_REQUEST_ID]),
                        "");
}

static void
the_reply_of_before_is_gone(void **state)
{
    (void)state;
    assert_int_equal(get("/named"), ENVELOPE_OK);
    kms_request_clear(&t.request);
    kms_request_init(&t.request, "GET", &t.endpoint, "/nothing");
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
    assert_null(t.reply.headers[KMS_REPLY_DATE].data);
}

static void
the_longest_reply_is_taken(void **state)
{
    (void)state;
    assert_int_equal(get("/full"), ENVELOPE_OK);
    assert_int_equal(t.reply.body.len, KMS_REPLY_LEN_MAX);
}

static void
too_much_is_refused(void **state)
{
    static const struct {
        const char *path, *what;
    } cases[] = {
        { "/over", "its reply is too long" },
        { "/endless", "its reply is too long" },
        { "/endless-chunks", "its reply is too long" },
        { "/long-header", "its headers are too long" },
        { "/endless-headers", "its headers are too long" },
        { "/endless-continues", "its headers are too long" },
        { "/endless-trailers", "its headers are too long" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(get(cases[i].path), ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_detail(cases[i].what);
    }
    /* libcurl's own limit. */
    assert_int_equal(get("/endless-header"), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail("a header of its reply is too long");
}

static void
too_little_is_a_failure(void **state)
{
    static const char *const paths[] = {
        "/nothing",
        "/reset",
        "/reset-in-body",
        "/truncated",
        "/truncated-chunks",
        "/truncated-continue",
        "/truncated-early-hints",
        "/truncated-headers",
        "/switching",
        "/bad-chunks",
        "/bad-length",
        "/garbage",
        "/no-status",
        "/other-version",
    };
    enum envelope_reason rc;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(paths); i++) {
        rc = get(paths[i]);
        if (rc != ENVELOPE_R_KEY_SERVICE)
            fail_msg("%s: %d, %s", paths[i], rc, t.err.detail);
        assert_in_range(t.took, 0, 5000);
    }
}

static void
time_is_limited(void **state)
{
    static const char *const paths[] = { "/silence", "/drip", "/drip-headers" };
    size_t i;

    (void)state;
    t.milliseconds = 150;
    for (i = 0; i < COUNT(paths); i++) {
        assert_int_equal(get(paths[i]), ENVELOPE_R_KEY_SERVICE);
        assert_in_range(t.took, 100, 2000);
        assert_detail("timed out");
    }
    aim("https", "127.0.0.1", "mute", "/");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
    assert_in_range(t.took, 100, 2000);
    t.milliseconds = 0;
    assert_int_equal(get("/silence"), ENVELOPE_R_KEY_SERVICE);
    assert_in_range(t.took, 0, 2000);
}

static void
nobody_may_be_there(void **state)
{
    (void)state;
    aim("http", "127.0.0.1", "closed", "/");
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
    assert_detail("connect");
}

/* SIGPIPE would end us, as it does by default. */
static void
a_connection_may_be_reset(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < 20; i++) {
        aim(i % 2 == 0 ? "http" : "https", "127.0.0.1", "closing", "/");
        t.request.tls.ca_file = file("ca.pem");
        make_post("POST", 8000000);
        assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
    }
}

/* TLS */

static void
good_certificates_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(get_tls("tls", file("ca.pem")), ENVELOPE_OK);
    assert_body_has("GET /no-name HTTP/1.1\r\n");
    assert_int_equal(get_tls("tls_1_2", file("ca.pem")), ENVELOPE_OK);
    aim("https", "localhost", "tls", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_body_has("Host: localhost:");
}

/* GnuTLS takes all files of a directory, and OpenSSL those that are called by the
 * hash of the name in them. */
static void
name_by_hash(char *name, size_t size, const char *ca)
{
    FILE *from = fopen(ca, "r");
    X509 *cert;

    assert_non_null(from);
    cert = PEM_read_X509(from, NULL, NULL, NULL);
    (void)fclose(from);
    assert_non_null(cert);
    (void)snprintf(
        name, size, "%08lx.0",
        X509_NAME_hash_ex(X509_get_subject_name(cert), NULL, NULL, NULL));
    X509_free(cert);
}

static void
authorities_may_be_in_a_directory(void **state)
{
    const char *directory = file("authorities");
    char ca[128], name[20], link[150];

    (void)state;
    (void)snprintf(ca, sizeof(ca), "%s", file("ca.pem"));
    name_by_hash(name, sizeof(name), ca);
    (void)snprintf(link, sizeof(link), "%s/%s", directory, name);
    assert_int_equal(mkdir(directory, 0700), 0);
    assert_int_equal(symlink(ca, link), 0);
    aim("https", "127.0.0.1", "tls", "/echo");
    t.request.tls.ca_path = directory;
    if (transfer() != ENVELOPE_OK)
        fail_msg("%s: %s", link, t.err.detail);
    assert_int_equal(unlink(link), 0);
    aim("https", "127.0.0.1", "tls", "/echo");
    t.request.tls.ca_path = directory;
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail("no certificate of an authority in");
    assert_int_equal(symlink(ca, link), 0);
    aim("https", "127.0.0.1", "tls_self", "/echo");
    t.request.tls.ca_path = directory;
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE_REFUSED);
}

static void
bad_certificates_are_refused(void **state)
{
    static const struct {
        const char *port, *ca;
    } cases[] = {
        { "tls", NULL },           /* signed by nobody whom we know */
        { "tls_self", NULL },      /* signed by itself */
        { "tls_self", "ca.pem" },  /* the same */
        { "tls", "other-ca.pem" }, /* signed by somebody else */
        { "tls_there", "ca.pem" }, /* the name of somebody else */
    };
    enum envelope_reason rc;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        rc = get_tls(cases[i].port,
                     cases[i].ca != NULL ? file(cases[i].ca) : NULL);
        if (rc != ENVELOPE_R_KEY_SERVICE_REFUSED)
            fail_msg("%zu: %d, %s", i, rc, t.err.detail);
        assert_detail("certificate");
    }
    /* No authority at all, and no such file */
    assert_int_equal(get_tls("tls", file("good.key")),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail_of("certificate", "trust anchors");
    assert_int_equal(get_tls("tls", "/nowhere"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail_of("CA cert", "/nowhere");
}

static void
old_versions_of_tls_are_refused(void **state)
{
    (void)state;
    assert_int_equal(get_tls("tls_1_1", file("ca.pem")),
                     ENVELOPE_R_KEY_SERVICE);
}

static void
tls_does_not_become_http(void **state)
{
    (void)state;
    t.milliseconds = 100; /* the server waits for what it understands */
    assert_int_equal(get_tls("plain", file("ca.pem")), ENVELOPE_R_KEY_SERVICE);
    aim("http", "127.0.0.1", "tls", "/");
    assert_int_not_equal(transfer(), ENVELOPE_OK);
}

static void
an_end_without_a_goodbye_is_no_end(void **state)
{
    (void)state;
    aim("https", "127.0.0.1", "tls", "/no-length");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
}

static void
a_client_may_have_a_certificate(void **state)
{
    (void)state;
    assert_int_equal(get_tls("tls_client", file("ca.pem")),
                     ENVELOPE_R_KEY_SERVICE);
    aim("https", "127.0.0.1", "tls_client", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    t.request.tls.certificate = file("client.pem");
    t.request.tls.key = file("client.key");
    assert_int_equal(transfer(), ENVELOPE_OK);
    t.request.tls.key = file("good.key");
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
    assert_detail_of("error reading X.509 key", "private key file");
}

/* Proxies */

static void
set_proxies(const char *url)
{
    size_t i;

    for (i = 0; strcmp(proxies[i], "no_proxy") != 0; i++)
        assert_int_equal(setenv(proxies[i], url, 1), 0);
}

static void
use_proxy(const char *port)
{
    char url[64];

    (void)snprintf(url, sizeof(url), "http://me:word@127.0.0.1:%u",
                   port_of(port));
    set_proxies(url);
}

/* The first to ask it, before there is anything in it. */
static void
near_hosts_are_asked_without_a_proxy(void **state)
{
    (void)state;
    use_proxy("trap");
    assert_int_equal(get("/echo"), ENVELOPE_OK);
    aim("http", "localhost", "plain", "/echo");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(get_tls("tls", file("ca.pem")), ENVELOPE_OK);
    aim("https", "localhost", "tls", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_OK);
    /* A metadata service, and one without TLS, as if they were elsewhere. */
    aim("https", "127.0.0.1", "tls", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    t.endpoint.loopback = false;
    t.endpoint.metadata = true;
    assert_int_equal(transfer(), ENVELOPE_OK);
    aim("http", "127.0.0.1", "plain", "/echo");
    t.endpoint.loopback = false;
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(get("/trapped"), ENVELOPE_OK);
    assert_body("");
}

static void
other_hosts_are_asked_through_it(void **state)
{
    static const char *const hosts[] = { "192.0.2.1", "127.0.0.1.kms.example",
                                         "localhost.kms.example" };
    char connect[100];
    size_t i;

    (void)state;
    use_proxy("trap");
    for (i = 0; i < COUNT(hosts); i++) {
        aim("https", hosts[i], "tls", "/echo");
        t.request.method = "POST";
        kms_text_set(&t.request.body, "body");
        assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
        assert_detail("403");
        assert_int_equal(get("/trapped"), ENVELOPE_OK);
        (void)snprintf(connect, sizeof(connect),
                       "connection CONNECT %s:%u HTTP/1.1\r\n", hosts[i],
                       port_of("tls"));
        assert_body_has(connect);
        assert_body_has_not(SECRET);
        assert_body_has_not("body");
    }
}

/* The certificate is that of the host, and the reply is the host's alone. */
static void
a_proxy_is_no_part_of_the_reply(void **state)
{
    (void)state;
    use_proxy("tunnel");
    aim("https", "kms.example", "tls", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_body_has("Host: kms.example:");
    assert_body_has_not("Proxy-");
    assert_null(t.reply.headers[KMS_REPLY_DATE].data);
    assert_null(t.reply.headers[KMS_REPLY_REQUEST_ID].data);
    aim("https", "kms.example", "tls", "/echo");
    assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE_REFUSED);
}

static void
a_proxys_password_is_not_told(void **state)
{
    static const char *const urls[] = {
        "foo://me:word@127.0.0.1:9",
        "http://me:word@[127.0.0.1:9",
        "http://me:word@:x",
        "http://me:word@127.0.0.1:99999999",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(urls); i++) {
        set_proxies(urls[i]);
        aim("https", "kms.example", "tls", "/echo");
        assert_int_equal(transfer(), ENVELOPE_R_KEY_SERVICE);
        assert_null(strstr(t.err.detail, "word"));
    }
}

/* Resources */

static size_t
count_open(void)
{
    size_t count = 0;
    int fd;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* But those that are kept. */
static void
no_descriptor_is_left(void **state)
{
    size_t count;

    (void)state;
    kms_handles_forget();
    count = count_open();
    assert_int_equal(get("/echo"), ENVELOPE_OK);
    assert_int_equal(get("/truncated"), ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(get("/over"), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(get_tls("tls", file("ca.pem")), ENVELOPE_OK);
    assert_int_equal(get_tls("tls_self", NULL), ENVELOPE_R_KEY_SERVICE_REFUSED);
    kms_handles_forget();
    assert_int_equal(count_open(), count);
}

static void
memory_may_run_out(void **state)
{
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    size_t n;

    (void)state;
    aim("http", "127.0.0.1", "plain", "/named");
    for (n = 1; rc != ENVELOPE_OK; n++) {
        memory_fail(n);
        rc = kms_transport_send(NULL, &t.reply, &t.request, LONG_MS, &t.err);
        memory_fail(0);
        if (rc != ENVELOPE_OK)
            assert_int_equal(rc, ENVELOPE_R_MEMORY);
    }
    /* The way, the address, a header, three headers of the reply, its body. */
    assert_int_equal(n, 9);
}

/* Kept connections */

/* The number of the connection that answered. */
static int
which(const char *scheme, const char *port, const char *path)
{
    aim(scheme, "127.0.0.1", port, path);
    t.request.tls.ca_file = t.endpoint.plain ? NULL : file("ca.pem");
    if (transfer() != ENVELOPE_OK)
        fail_msg("%s", t.err.detail);
    return atoi(kms_text_get(&t.reply.body));
}

/* Whatever each of them says. */
static void
a_connection_is_kept(void **state)
{
    int first, i;

    (void)state;
    first = which("https", "kept_tls", "/which");
    for (i = 0; i < 50; i++)
        assert_int_equal(which("https", "kept_tls", "/which"), first);
    aim("https", "127.0.0.1", "kept_tls", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    make_post("POST", 3000);
    kms_request_add(&t.request, "X-Other", "%s", SECRET);
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_body_has(SECRET);
    aim("https", "127.0.0.1", "kept_tls", "/echo");
    t.request.tls.ca_file = file("ca.pem");
    t.request.header_count = 0;
    assert_sent("GET /echo HTTP/1.1\r\n"
                "Host: 127.0.0.1:%u\r\n"
                "User-Agent: envelope\r\n"
                "\r\n",
                port_of("kept_tls"));
    t.request.header_count = 1;
    aim("https", "127.0.0.1", "kept_tls", "/busy");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(which("https", "kept_tls", "/which"), first);
}

/* Only for what goes the same way. */
static void
others_have_connections_of_their_own(void **state)
{
    int first, with_key;

    (void)state;
    kms_handles_forget();
    first = which("https", "kept_tls", "/which");
    assert_int_equal(which("http", "kept", "/which"), first + 1);
    aim("https", "localhost", "kept_tls", "/which");
    t.request.tls.ca_file = file("ca.pem");
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(atoi(kms_text_get(&t.reply.body)), first + 2);
    assert_int_equal(get_tls("kept_tls", file("other-ca.pem")),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(get_tls("kept_tls", NULL), ENVELOPE_R_KEY_SERVICE_REFUSED);
    aim("https", "127.0.0.1", "kept_tls", "/which");
    t.request.tls.ca_file = file("ca.pem");
    t.request.tls.certificate = file("client.pem");
    t.request.tls.key = file("client.key");
    assert_int_equal(transfer(), ENVELOPE_OK);
    with_key = atoi(kms_text_get(&t.reply.body));
    assert_true(with_key > first + 2);
    assert_int_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(atoi(kms_text_get(&t.reply.body)), with_key);
    /* libcurl itself would not look at the key. */
    t.request.tls.key = file("good.key");
    assert_int_not_equal(transfer(), ENVELOPE_OK);
    assert_int_equal(which("https", "kept_tls", "/which"), first);
}

/* Each time, and whether it is noticed before the request is sent or not. */
static void
a_server_may_close_what_is_kept(void **state)
{
    const struct timespec pause = { .tv_nsec = 150000000 };
    int first, i;

    (void)state;
    for (i = 0; i < 50; i++) {
        aim("https", "127.0.0.1", "tls", "/head");
        t.request.tls.ca_file = file("ca.pem");
        make_post("POST", 1000);
        if (transfer() != ENVELOPE_OK)
            fail_msg("%d: %s", i, t.err.detail);
        assert_body_has("Content-Length: 1000");
        assert_int_equal(get("/chunked"), ENVELOPE_OK);
    }
    first = which("http", "kept_briefly", "/which");
    for (i = 1; i < 4; i++) {
        (void)nanosleep(&pause, NULL);
        assert_int_equal(which("http", "kept_briefly", "/which"), first + i);
    }
}

/* A process that is forked has a connection of its own, and leaves that of its
 * parent as it is, to the end of its life. */
static void
processes_do_not_share_connections(void **state)
{
    int first = which("https", "kept_tls", "/which"), status = -1;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        status = which("https", "kept_tls", "/which") == first + 1 ? 0 : 1;
        status |= which("https", "kept_tls", "/which") == first + 1 ? 0 : 2;
        kms_handles_forget();
        _exit(status);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(which("https", "kept_tls", "/which"), first);
}

/* A new one has no connection yet, and would not be kept. */
static void
take(struct kms_handle *handle, size_t number, int64_t now)
{
    struct kms_text way = { 0 };
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/empty",
                   port_of("kept"));
    kms_text_addf(&way, "way %zu", number);
    kms_handle_take(handle, &way, now);
    assert_null(way.data);
    assert_int_equal(curl_easy_setopt(handle->curl, CURLOPT_URL, url),
                     CURLE_OK);
    assert_int_equal(curl_easy_perform(handle->curl), CURLE_OK);
}

static void
handles_are_few_and_grow_old(void **state)
{
    struct kms_handle handles[KMS_HANDLES_MAX + 2], none = { 0 };
    size_t i;

    (void)state;
    kms_handles_forget();
    for (i = 0; i < COUNT(handles); i++)
        take(&handles[i], i, (int64_t)i);
    for (i = 0; i < COUNT(handles); i++) {
        kms_handle_put(&handles[i], i != 2);
        assert_memory_equal(&handles[i], &none, sizeof(none));
    }
    /* The first has gone for the last, and the third was not to be kept. */
    for (i = 0; i < COUNT(handles); i++) {
        take(&handles[i], i, 1000);
        assert_int_equal(handles[i].born, i == 0 || i == 2 ? 1000 : i);
    }
    kms_handle_put(&handles[1], true);
    take(&handles[1], 1, 1 + KMS_HANDLE_AGE_MS);
    assert_int_equal(handles[1].born, 1);
    kms_handle_put(&handles[1], true);
    take(&handles[1], 1, 2 + KMS_HANDLE_AGE_MS);
    assert_int_equal(handles[1].born, 2 + KMS_HANDLE_AGE_MS);
    for (i = 0; i < COUNT(handles); i++)
        kms_handle_put(&handles[i], false);
}

/* The next connection of this process that is of IPv4 and, if so asked, would live
 * on in another program; -1 after the last. */
static int
next_connection(int fd, bool inherited)
{
    struct sockaddr_storage to;
    socklen_t len = sizeof(to);

    while (++fd < 1024) {
        if (getpeername(fd, (struct sockaddr *)&to, &len) == 0
            && to.ss_family == AF_INET
            && !(inherited && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0))
            return fd;
        len = sizeof(to);
    }
    return -1;
}

static void
no_other_program_gets_a_connection(void **state)
{
    (void)state;
    (void)which("https", "kept_tls", "/which");
    (void)which("http", "kept", "/which");
    assert_true(next_connection(-1, false) >= 0);
    assert_int_equal(next_connection(-1, true), -1);
}

/* As a daemon does: what it finds open is closed, and files of its own have those
 * numbers then.  Nothing is written to them, and they stay open. */
static int
close_all_and_ask(int number)
{
    char path[] = "/tmp/kms-transport-file-XXXXXX";
    int fd = -1, last = -1, mine = mkstemp(path);
    struct stat st;

    if (mine < 0 || unlink(path) != 0
        || which("https", "kept_tls", "/which") != number
        || which("https", "kept_tls", "/which") != number)
        return 1;
    while ((fd = next_connection(fd, false)) >= 0) {
        if (dup2(mine, last = fd) < 0)
            return 2;
    }
    if (last < 0 || which("https", "kept_tls", "/which") != number + 1)
        return 3;
    kms_handles_forget();
    return fstat(last, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 ? 0
                                                                           : 4;
}

static void
descriptors_of_others_are_left_alone(void **state)
{
    int first, status = -1;
    pid_t child;

    (void)state;
    kms_handles_forget();
    first = which("https", "kept_tls", "/which");
    child = fork();
    if (child == 0)
        _exit(close_all_and_ask(first + 1));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* And those that its parent has kept. */
    child = fork();
    if (child == 0) {
        int fd = next_connection(-1, false), mine = open("/dev/null", O_RDONLY);

        if (fd < 0 || dup2(mine, fd) < 0
            || which("https", "kept_tls", "/which") != first + 3)
            _exit(1);
        kms_handles_forget();
        _exit(fcntl(fd, F_GETFD) >= 0 ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(which("https", "kept_tls", "/which"), first);
}

static void *
ask_slowly(void *arg)
{
    struct kms_request request;
    struct kms_reply reply = { 0 };
    struct envl_err err;

    kms_request_init(&request, "GET", &t.endpoint, "/slow");
    if (kms_transport_send(NULL, &reply, &request, LONG_MS, &err)
        == ENVELOPE_OK)
        *(int *)arg = atoi(kms_text_get(&reply.body));
    kms_reply_clear(&reply);
    kms_request_clear(&request);
    return NULL;
}

/* At once: each has one, and both are there for whoever comes next. */
static void
two_threads_have_two_connections(void **state)
{
    int numbers[2] = { -1, -1 }, first;
    pthread_t threads[2];
    size_t i;

    (void)state;
    kms_handles_forget();
    first = which("http", "kept", "/which");
    for (i = 0; i < COUNT(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, ask_slowly, &numbers[i]), 0);
    for (i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(numbers[0] >= first && numbers[1] >= first);
    assert_int_not_equal(numbers[0], numbers[1]);
    /* Where both look at the same moment, one finds nothing. */
    assert_in_range(which("http", "kept", "/which"), first, first + 2);
}

static void *
ask_often(void *arg)
{
    struct kms_request request;
    struct kms_reply reply = { 0 };
    struct envl_err err;
    bool good = true;
    size_t i;

    kms_request_init(&request, "GET", &t.endpoint, "/chunked");
    request.tls.ca_file = arg;
    for (i = 0; i < 5; i++)
        good = good
               && kms_transport_send(NULL, &reply, &request, LONG_MS, &err)
                      == ENVELOPE_OK
               && strcmp(kms_text_get(&reply.body), "chunk by part") == 0;
    kms_reply_clear(&reply);
    kms_request_clear(&request);
    return good ? arg : NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
    char *ca = strdup(file("ca.pem"));
    pthread_t threads[8];
    void *result;
    size_t i;

    (void)state;
    aim("https", "127.0.0.1", "tls", "/");
    for (i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, ca), 0);
    for (i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, ca);
    }
    free(ca);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(near_hosts_are_asked_without_a_proxy),
        TEST(a_post_is_sent_as_it_is),
        TEST(a_put_may_be_empty),
        TEST(a_get_has_no_body),
        TEST(a_long_body_is_sent_at_once),
        TEST(a_body_may_have_any_bytes),
        TEST(addresses_may_be_of_ipv6),
        TEST(nothing_is_remembered),
        TEST(no_password_file_is_read),
        TEST(no_user_is_in_an_address),
        TEST(replies_are_taken),
        TEST(headers_are_taken),
        TEST(what_comes_before_the_reply_is_not_it),
        TEST(the_reply_of_before_is_gone),
        TEST(the_longest_reply_is_taken),
        TEST(too_much_is_refused),
        TEST(too_little_is_a_failure),
        TEST(time_is_limited),
        TEST(nobody_may_be_there),
        TEST(a_connection_may_be_reset),
        TEST(good_certificates_are_accepted),
        TEST(authorities_may_be_in_a_directory),
        TEST(bad_certificates_are_refused),
        TEST(old_versions_of_tls_are_refused),
        TEST(tls_does_not_become_http),
        TEST(an_end_without_a_goodbye_is_no_end),
        TEST(a_client_may_have_a_certificate),
        TEST(other_hosts_are_asked_through_it),
        TEST(a_proxy_is_no_part_of_the_reply),
        TEST(a_proxys_password_is_not_told),
        TEST(a_connection_is_kept),
        TEST(others_have_connections_of_their_own),
        TEST(a_server_may_close_what_is_kept),
        TEST(processes_do_not_share_connections),
        TEST(handles_are_few_and_grow_old),
        TEST(no_other_program_gets_a_connection),
        TEST(descriptors_of_others_are_left_alone),
        TEST(two_threads_have_two_connections),
        TEST(no_descriptor_is_left),
        TEST(memory_may_run_out),
        TEST(threads_do_not_disturb_each_other),
    };
    int failed = 0;

    default_signals();
    memory_install(NULL);
    if (start_server())
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    else if (getenv("ENVELOPE_NO_SKIP") != NULL)
        failed = 99;
    else
        (void)puts("1..0 # SKIP the server needs Python, openssl and loopback");
    stop_server();
    return failed;
}
