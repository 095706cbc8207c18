/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: which host is meant, and who may be asked without TLS. */
#include "kms/http/http.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#define FULL63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define HTTPS false
#define PLAIN true

struct good_endpoint {
    const char *url;
    bool plain;
    const char *host, *path;
};

static const struct good_endpoint good[] = {
    { "https://kms.eu-west-1.amazonaws.com", HTTPS,
      "kms.eu-west-1.amazonaws.com", "" },
    { "https://kms.eu-west-1.amazonaws.com/", HTTPS,
      "kms.eu-west-1.amazonaws.com", "" },
    { "HTTPS://KMS.Example.COM:8200", HTTPS, "kms.example.com:8200", "" },
    { "https://a/v1", HTTPS, "a", "/v1" },
    { "https://a/v1/b.c/~d_e-f/", HTTPS, "a", "/v1/b.c/~d_e-f" },
    { "https://a/v1/...", HTTPS, "a", "/v1/..." },
    { "https://a/.well-known", HTTPS, "a", "/.well-known" },
    { "https://a/p:sign@1,2;3=4+5", HTTPS, "a", "/p:sign@1,2;3=4+5" },
    /* ports: the scheme's own is not written */
    { "https://a:443", HTTPS, "a", "" },
    { "https://a:80", HTTPS, "a:80", "" },
    { "https://a:1", HTTPS, "a:1", "" },
    { "https://a:65535/x", HTTPS, "a:65535", "/x" },
    { "http://localhost:80", PLAIN, "localhost", "" },
    { "http://localhost:443", PLAIN, "localhost:443", "" },
    { "http://[::1]:80/", PLAIN, "[::1]", "" },
    { "https://[2001:DB8::1]:443", HTTPS, "[2001:db8::1]", "" },
    /* names */
    { "https://" FULL63 ".example", HTTPS, FULL63 ".example", "" },
    { "https://xn--bcher-kva.example", HTTPS, "xn--bcher-kva.example", "" },
    { "https://1.2.3.4.example", HTTPS, "1.2.3.4.example", "" },
    { "https://127.0.0.1.evil.com", HTTPS, "127.0.0.1.evil.com", "" },
    { "https://0xg", HTTPS, "0xg", "" },
    { "https://1a", HTTPS, "1a", "" },
    /* addresses, in one way of writing */
    { "https://10.0.0.1", HTTPS, "10.0.0.1", "" },
    { "https://[0:0:0:0:0:0:0:1]", HTTPS, "[::1]", "" },
    { "https://[::ffff:10.0.0.1]:8200", HTTPS, "[::ffff:10.0.0.1]:8200", "" },
    /* this machine */
    { "http://localhost", PLAIN, "localhost", "" },
    { "http://LocalHost:8080/x", PLAIN, "localhost:8080", "/x" },
    { "HTTP://127.0.0.1", PLAIN, "127.0.0.1", "" },
    { "http://127.255.255.254:5601", PLAIN, "127.255.255.254:5601", "" },
    { "http://[::1]", PLAIN, "[::1]", "" },
    { "http://[::1]:5601/x", PLAIN, "[::1]:5601", "/x" },
    { "http://[0:0::0001]", PLAIN, "[::1]", "" },
};

static void
good_endpoints(void **state)
{
    struct kms_endpoint endpoint;
    struct envl_err err = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (kms_endpoint_parse(&endpoint, good[i].url, false, &err)
            != ENVELOPE_OK)
            fail_msg("%s", err.detail);
        assert_int_equal(endpoint.plain, good[i].plain);
        assert_false(endpoint.metadata);
        assert_string_equal(kms_text_get(&endpoint.host), good[i].host);
        assert_string_equal(kms_text_get(&endpoint.path), good[i].path);
        kms_endpoint_clear(&endpoint);
    }
}

/* Of any scheme: whom a proxy is not asked for. */
static void
this_machine_is_known(void **state)
{
    static const struct {
        const char *url;
        bool loopback;
    } cases[] = {
        { "https://localhost", true },
        { "https://LOCALHOST:8200/v1", true },
        { "https://127.0.0.1:8200", true },
        { "http://127.1.2.3", true },
        { "https://[0:0::0001]:8200", true },
        { "https://127.0.0.1.example.com", false },
        { "https://localhost.example.com", false },
        { "https://[::ffff:127.0.0.1]", false },
        { "https://10.0.0.1", false },
    };
    struct kms_endpoint endpoint;
    struct envl_err err = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            kms_endpoint_parse(&endpoint, cases[i].url, false, &err),
            ENVELOPE_OK);
        assert_int_equal(endpoint.loopback, cases[i].loopback);
        kms_endpoint_clear(&endpoint);
    }
}

/* It is empty then, and the message is of one line and names no password. */
static void
refuse(const char *url, bool metadata, const char *why)
{
    struct kms_endpoint endpoint;
    struct envl_err err = { 0 };

    if (kms_endpoint_parse(&endpoint, url, metadata, &err)
        != ENVELOPE_R_UNREADABLE_KEY)
        fail_msg("%s was taken", url);
    if (strstr(err.detail, why) == NULL)
        fail_msg("%s: %s", url, err.detail);
    assert_int_equal(err.reason, ENVELOPE_R_UNREADABLE_KEY);
    assert_null(strstr(err.detail, SECRET));
    assert_null(endpoint.host.data);
    assert_null(endpoint.path.data);
    assert_int_equal(memory_live(), 0);
}

static void
bad_schemes(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "https",
        "https:",
        "https:/",
        "https:a",
        "https:/a",
        "//a",
        "://a",
        "ftp://a",
        "file:///etc/passwd",
        "httpss://a",
        "http+unix://a",
        " https://a",
        "\nhttps://a",
        "https ://a",
        "https:\\\\a",
        "hvs.CAESIJ",
        "kms.example.com:8200",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], false, "https://");
}

static void
bad_hosts(void **state)
{
    static const char *const bad[] = {
        /* none */
        "https://",
        "https:///",
        "https:///v1",
        "https://:443",
        "https://?",
        "https://#",
        /* a user, and what was meant to look like one */
        "https://user@a",
        "https://user:" SECRET "@a",
        "https://" SECRET "@a",
        "https://@a",
        "https://a:1@evil.com",
        "https://a:" SECRET "@evil.com",
        "https://[::1]@evil.com",
        "http://127.0.0.1:80@evil.com",
        "http://localhost@evil.com",
        "http://127.0.0.1@evil.com",
        "http://127.0.0.1%40evil.com",
        "https://a\\@evil.com",
        /* names that are none */
        "https://a.",
        "https://.",
        "https://..",
        "https://.a",
        "https://a..b",
        "https://localhost.",
        "https://-a",
        "https://a-",
        "https://a.-b.c",
        "https://a_b",
        "https://a b",
        "https://a%2fb",
        "https://a%00",
        "https://a\tb",
        "https://a\r\nHost: b",
        "https://a\nb",
        "https://a\x7f",
        "https://b\xc3\xbc"
        "cher",
        "https://a,b",
        "https://a;b",
        "https://a*",
        "https://${HOST}",
        "https://" FULL63 "0.example",
        "https://" FULL63 "." FULL63 "." FULL63 "." FULL63 ".a",
        /* numbers that resolvers take for an address */
        "https://127.1",
        "https://127.0.1",
        "https://127",
        "https://2130706433",
        "https://0x7f000001",
        "https://0X7F.0.0.1",
        "https://127.0.0.0x1",
        "https://a.0x",
        "https://0177.0.0.1",
        "https://127.0.0.01",
        "https://127.0.0.1.",
        "https://127.0.0.1.1",
        "https://256.0.0.1",
        "https://1.2.3.4.5",
        "https://a.1",
        "http://127.1",
        "http://127.0.0.256",
        "http://127.0.0.1.",
        "http://0x7f.0.0.1",
        "http://017700000001",
        "http://2130706433",
        /* brackets */
        "https://[",
        "https://[]",
        "https://]",
        "https://[]:1",
        "https://[::1",
        "https://::1",
        "https://a[::1]",
        "https://[a]",
        "https://[127.0.0.1]",
        "https://[localhost]",
        "https://[::1%lo]",
        "https://[::1%25lo]",
        "https://[fe80::1%eth0]",
        "https://[::1/]",
        "https://[::1?]",
        "https://[[::1]]",
        "https://[:::1]",
        "https://[1:2:3:4:5:6:7:8:9]",
        "https://[::12345]",
        "https://[ ::1]",
        "https://[0000:0000:0000:0000:0000:ffff:255.255.255.255000000000000]",
        "http://[::1%1]",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], false, "host");
}

static void
bad_ports(void **state)
{
    static const char *const bad[] = {
        "https://a:",
        "https://a:/",
        "https://a:0",
        "https://a:00",
        "https://a:0443",
        "https://a:65536",
        "https://a:99999",
        "https://a:100000",
        "https://a:18446744073709551617",
        "https://a:-1",
        "https://a:+1",
        "https://a: 1",
        "https://a:1 ",
        "https://a:1a",
        "https://a:0x1",
        "https://a:http",
        "https://a:1:2",
        "https://a::",
        "https://a:1\r\nX: y",
        "https://[::1]a",
        "https://[::1]1",
        "https://[::1]:",
        "https://[::1].example",
        "https://[::1]]",
        "http://localhost:80:80",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], false, "port");
}

static void
bad_paths(void **state)
{
    static const char *const bad[] = {
        "https://a?b",
        "https://a/?b",
        "https://a/?token=" SECRET,
        "https://a#b",
        "https://a/#" SECRET,
        "https://a//",
        "https://a//b",
        "https://a/b//",
        "https://a/.",
        "https://a/..",
        "https://a/../b",
        "https://a/./b",
        "https://a/b/..",
        "https://a/b/../",
        "https://a/%2e%2e/b",
        "https://a/b%20c",
        "https://a/b c",
        "https://a/b\\c",
        "https://a/b\tc",
        "https://a/b\r\nHost: c",
        "https://a/b\nc",
        "https://a/\x7f",
        "https://a/\xc3\xbc",
        "https://a/\"",
        "https://a/<b>",
        "https://a/{b}",
        "https://a/b|c",
        "https://a/b^c",
        "https://a/`b`",
        "https://a/[b]",
        "http://127.0.0.1?@evil.com",
        "http://127.0.0.1#@evil.com",
        "http://127.0.0.1/\\@evil.com",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], false, "path");
}

static void
an_endpoint_too_long(void **state)
{
    char url[2051] = "https://a/";

    (void)state;
    memset(url + 10, 'b', sizeof(url) - 11);
    refuse(url, false, "too long");
    assert_int_equal(strlen(url), 2050);
}

static void
plain_http_is_for_this_machine(void **state)
{
    static const char *const bad[] = {
        "http://a",
        "http://example.com",
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://notlocalhost",
        "http://localhos",
        "http://localhost1",
        "http://localhost-a",
        "http://a.localhost",
        "http://127.evil.com",
        "http://128.0.0.1",
        "http://12.7.0.1",
        "http://1.127.0.1",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://169.255.169.254",
        "http://169.25.4.1",
        "http://[::ffff:169.254.169.254]",
        "http://169.254.169.254.evil.com",
        "http://evil.com/127.0.0.1",
        "http://evil.com:8080/localhost",
        "http://[::]",
        "http://[::2]",
        "http://[1::]",
        "http://[::ffff:127.0.0.1]",
        "http://[::127.0.0.1]",
        "http://[fd00:ec2::22]",
        "http://[fd00:ec2::2:23]",
        "http://[fe80::1]",
        "http://evil.metadata.tencentyun.com",
        "http://metadata.tencentyun.com.cn",
        "http://metadata.google.internal",
        "http://100.100.100.201",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        refuse(bad[i], false, "use https");
        refuse(bad[i], true, "use https");
    }
}

/* Only for those who look for it. */
static void
metadata_services(void **state)
{
    static const char *const urls[] = {
        "http://169.254.169.254",     "http://169.254.170.2",
        "http://169.254.170.23",      "http://[fd00:ec2::23]",
        "http://[fd00:ec2::254]",     "http://metadata.tencentyun.com",
        "http://[FD00:0EC2:0::0254]", "http://Metadata.TencentYun.com:80/x",
        "http://100.100.100.200",     "http://169.254.129.2:8081/msi/token",
    };
    struct kms_endpoint endpoint;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(urls); i++) {
        refuse(urls[i], false, "use https");
        assert_int_equal(kms_endpoint_parse(&endpoint, urls[i], true, &err),
                         ENVELOPE_OK);
        assert_true(endpoint.plain);
        assert_true(endpoint.metadata);
        kms_endpoint_clear(&endpoint);
        assert_false(endpoint.metadata);
    }
    /* This machine, and all with TLS, as without. */
    for (i = 0; i < COUNT(good); i++) {
        assert_int_equal(kms_endpoint_parse(&endpoint, good[i].url, true, &err),
                         ENVELOPE_OK);
        assert_string_equal(kms_text_get(&endpoint.host), good[i].host);
        assert_true(endpoint.metadata);
        kms_endpoint_clear(&endpoint);
    }
}

/* What was written is read as the same again. */
static void
hosts_are_canonical(void **state)
{
    struct kms_endpoint endpoint, again;
    struct envl_err err;
    char url[400];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        assert_int_equal(
            kms_endpoint_parse(&endpoint, good[i].url, false, &err),
            ENVELOPE_OK);
        (void)snprintf(
            url, sizeof(url), "%s://%s%s", endpoint.plain ? "http" : "https",
            kms_text_get(&endpoint.host), kms_text_get(&endpoint.path));
        assert_int_equal(kms_endpoint_parse(&again, url, false, &err),
                         ENVELOPE_OK);
        assert_string_equal(kms_text_get(&again.host),
                            kms_text_get(&endpoint.host));
        assert_string_equal(kms_text_get(&again.path),
                            kms_text_get(&endpoint.path));
        kms_endpoint_clear(&again);
        kms_endpoint_clear(&endpoint);
    }
}

static void
memory_runs_out(void **state)
{
    struct kms_endpoint endpoint;
    enum envelope_reason rc;
    struct envl_err err;
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        for (n = 1, rc = ENVELOPE_R_MEMORY; rc != ENVELOPE_OK; n++) {
            memory_fail(n);
            rc = kms_endpoint_parse(&endpoint, good[i].url, false, &err);
            memory_fail(0);
            if (rc != ENVELOPE_OK) {
                assert_int_equal(rc, ENVELOPE_R_MEMORY);
                assert_null(endpoint.host.data);
                assert_null(endpoint.path.data);
                assert_int_equal(memory_live(), 0);
            }
        }
        kms_endpoint_clear(&endpoint);
        assert_int_equal(memory_live(), 0);
        assert_true(n > 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_endpoints),
        cmocka_unit_test(this_machine_is_known),
        cmocka_unit_test(bad_schemes),
        cmocka_unit_test(bad_hosts),
        cmocka_unit_test(bad_ports),
        cmocka_unit_test(bad_paths),
        cmocka_unit_test(an_endpoint_too_long),
        cmocka_unit_test(plain_http_is_for_this_machine),
        cmocka_unit_test(metadata_services),
        cmocka_unit_test(hosts_are_canonical),
        cmocka_unit_test(memory_runs_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_endpoint", tests, NULL, NULL);
}
