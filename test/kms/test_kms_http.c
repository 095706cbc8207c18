/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that cannot be sent, and what is kept of a reply. */
#include "kms/http/http.h"

#include "test/support/memory.h"
#include "test/support/support.h"

/* Requests */

static void
parse_good(struct kms_endpoint *endpoint, const char *url)
{
    struct envl_err err;

    assert_int_equal(kms_endpoint_parse(endpoint, url, false, &err),
                     ENVELOPE_OK);
}

static void
a_request_is_put_together(void **state)
{
    struct kms_endpoint endpoint;
    struct kms_request request;
    struct envl_err err;

    (void)state;
    parse_good(&endpoint, "https://a/v1");
    kms_request_init(&request, "POST", &endpoint, "/keys/%20");
    kms_request_add(&request, "Content-Type", "application/%s", "json");
    kms_request_add(&request, "X-Empty", "%s", "");
    kms_text_set(&request.body, "\xff any \n thing");
    assert_int_equal(kms_request_check(&request, &err), ENVELOPE_OK);
    assert_string_equal(request.method, "POST");
    assert_ptr_equal(request.endpoint, &endpoint);
    assert_string_equal(kms_text_get(&request.path), "/v1/keys/%20");
    assert_int_equal(request.header_count, 2);
    assert_string_equal(kms_request_header(&request, "content-type"),
                        "application/json");
    assert_string_equal(kms_request_header(&request, "X-EMPTY"), "");
    assert_null(kms_request_header(&request, "Content"));
    assert_null(kms_request_header(&request, "Content-Type2"));
    kms_request_clear(&request);
    assert_int_equal(request.header_count, 0);
    kms_endpoint_clear(&endpoint);
    assert_int_equal(memory_live(), 0);
}

/* The message names the header and not the token. */
static void
headers_cannot_be_broken_out_of(void **state)
{
    static const char *const bad[] = {
        SECRET "\r\nX-Evil: 1",
        SECRET "\nX-Evil: 1",
        "\r",
        "a\n",
        SECRET "\t1",
        SECRET "\x7f",
        "\x01",
        "\xc3\xa9",
        "\x80",
    };
    struct kms_endpoint endpoint;
    struct kms_request request;
    struct envl_err err;
    size_t i;

    (void)state;
    parse_good(&endpoint, "https://a");
    for (i = 0; i < COUNT(bad); i++) {
        kms_request_init(&request, "GET", &endpoint, "/");
        kms_request_add(&request, "Accept", "*/*");
        kms_request_add(&request, "X-Vault-Token", "%s", bad[i]);
        assert_int_equal(kms_request_check(&request, &err),
                         ENVELOPE_R_CREDENTIALS);
        assert_non_null(strstr(err.detail, "X-Vault-Token"));
        assert_null(strstr(err.detail, SECRET));
        kms_request_clear(&request);
    }
    kms_request_init(&request, "GET", &endpoint, "/");
    kms_request_add(&request, "X-Vault-Token", "%s", "a");
    kms_text_add_bytes(&request.headers[0].value, "\0b", 2);
    assert_int_equal(kms_request_check(&request, &err), ENVELOPE_R_CREDENTIALS);
    kms_request_clear(&request);
    kms_endpoint_clear(&endpoint);
}

static void
paths_cannot_be_broken_out_of(void **state)
{
    static const char *const bad[] = {
        "",      "keys",       "/a b",   "/a HTTP/1.1\r\nHost: b",
        "/a\nb", "/a\tb",      "/\x7f",  "/\xc3\xa9",
        "@evil", ".evil.com/", ":8080/", " /",
        "/a#b",
    };
    struct kms_endpoint endpoint;
    struct kms_request request;
    struct envl_err err;
    size_t i;

    (void)state;
    parse_good(&endpoint, "https://a");
    for (i = 0; i < COUNT(bad); i++) {
        kms_request_init(&request, "GET", &endpoint, bad[i]);
        if (kms_request_check(&request, &err) != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%s was taken", bad[i]);
        kms_request_clear(&request);
    }
    kms_endpoint_clear(&endpoint);
}

static void
too_many_headers_fail(void **state)
{
    struct kms_endpoint endpoint;
    struct kms_request request;
    struct envl_err err;
    size_t i;

    (void)state;
    parse_good(&endpoint, "https://a");
    kms_request_init(&request, "GET", &endpoint, "/");
    for (i = 0; i < KMS_HEADERS_MAX; i++)
        kms_request_add(&request, "X", "%zu", i);
    assert_int_equal(kms_request_check(&request, &err), ENVELOPE_OK);
    kms_request_add(&request, "X", "more");
    assert_int_equal(kms_request_check(&request, &err), ENVELOPE_R_MEMORY);
    kms_request_clear(&request);
    kms_endpoint_clear(&endpoint);
    assert_int_equal(memory_live(), 0);
}

static void
requests_are_wiped(void **state)
{
    struct kms_endpoint endpoint;
    struct kms_request request;

    (void)state;
    memory.unwiped = 0;
    parse_good(&endpoint, "https://a");
    kms_request_init(&request, "GET", &endpoint, "/" SECRET);
    kms_request_add(&request, "Authorization", "Bearer %s", SECRET);
    kms_text_set(&request.body, SECRET);
    kms_request_clear(&request);
    kms_endpoint_clear(&endpoint);
    assert_int_equal(memory.unwiped, 0);
    assert_int_equal(memory_live(), 0);
}

/* Replies */

static void
take(struct kms_reply *reply, const char *line)
{
    kms_reply_take_header(reply, line, strlen(line));
}

static const char *
kept(const struct kms_reply *reply, enum kms_reply_header header)
{
    return kms_text_get(&reply->headers[header]);
}

static void
headers_that_are_kept(void **state)
{
    struct kms_reply reply = { 0 };

    (void)state;
    take(&reply, "HTTP/1.1 200 OK\r\n");
    take(&reply, "DATE: now\r\n");
    take(&reply, "x-amzn-requestid:1-2-3");
    take(&reply, "X-Amzn-ErrorType:  \t NotFoundException:http://a/  \r\n");
    take(&reply, "Set-Cookie: Date: 1\r\n");
    take(&reply, "Dates: 1\r\n");
    take(&reply, "Dat: 1\r\n");
    take(&reply, " Date: 1\r\n");
    take(&reply, "Date : 1\r\n");
    take(&reply, "Date\r\n");
    take(&reply, ": 1\r\n");
    take(&reply, "\r\n");
    take(&reply, "");
    kms_reply_take_header(&reply, NULL, 0);
    assert_string_equal(kept(&reply, KMS_REPLY_DATE), "now");
    assert_string_equal(kept(&reply, KMS_REPLY_REQUEST_ID), "1-2-3");
    assert_string_equal(kept(&reply, KMS_REPLY_ERROR_TYPE),
                        "NotFoundException:http://a/");
    take(&reply, "X-Request-Id: 4\r\n");
    take(&reply, "Date:\r\n");
    assert_string_equal(kept(&reply, KMS_REPLY_REQUEST_ID), "4");
    assert_string_equal(kept(&reply, KMS_REPLY_DATE), "");
    kms_text_set(&reply.body, SECRET);
    memory.unwiped = 0;
    kms_reply_clear(&reply);
    assert_int_equal(memory.unwiped, 0);
    assert_int_equal(memory_live(), 0);
}

static void
long_headers_are_cut(void **state)
{
    struct kms_reply reply = { 0 };
    char line[70000];

    (void)state;
    memset(line, 'a', sizeof(line));
    memcpy(line, "Date: ", 6);
    kms_reply_take_header(&reply, line, sizeof(line));
    assert_int_equal(reply.headers[KMS_REPLY_DATE].len, 256);
    kms_reply_clear(&reply);
}

/* Not a byte after the length is looked at. */
static void
a_header_ends_at_its_length(void **state)
{
    static const char line[] = "Date: ab";
    struct kms_reply reply = { 0 };
    size_t len;
    char *copy;

    (void)state;
    for (len = 0; len < sizeof(line); len++) {
        copy = test_malloc(len);
        memcpy(copy, line, len);
        kms_reply_take_header(&reply, copy, len);
        test_free(copy);
    }
    kms_reply_clear(&reply);
}

static int64_t
date_of(const char *value)
{
    struct kms_reply reply = { 0 };
    int64_t seconds;

    kms_text_addf(&reply.headers[KMS_REPLY_DATE], "%s", value);
    seconds = kms_reply_date(&reply);
    kms_reply_clear(&reply);
    return seconds;
}

static void
good_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } dates[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777) },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thu, 01 Jan 1970 00:00:01 GMT", 1 },
        { "Sun, 30 Aug 2015 12:36:00 GMT", INT64_C(1440938160) },
        { "Tue, 29 Feb 2000 23:59:59 GMT", INT64_C(951868799) },
        { "Thu, 29 Feb 2024 00:00:00 GMT", INT64_C(1709164800) },
        { "Tue, 19 Jan 2038 03:14:08 GMT", INT64_C(2147483648) },
        { "Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799) },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(dates); i++)
        assert_int_equal(date_of(dates[i].text), dates[i].seconds);
}

static void
bad_dates(void **state)
{
    static const char *const bad[] = {
        "",
        "1440938160",
        "2015-08-30T12:36:00Z",
        "Sunday, 06-Nov-94 08:49:37 GMT", /* obsolete */
        "Sun Nov  6 08:49:37 1994",       /* obsolete */
        "Mon, 06 Nov 1994 08:49:37 GMT",  /* it was a Sunday */
        "Xxx, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "unM, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nob 1994 08:49:37 GMT",
        "Mon, 06 Nob 1994 08:49:37 GMT", /* as 6 Dec 1993 */
        "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 1994 08:49:3x GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Mon, 31 Nov 1994 08:49:37 GMT",
        "Thu, 31 Nov 1994 08:49:37 GMT", /* the day 1 Dec was */
        "Wed, 30 Feb 2000 00:00:00 GMT",
        "Wed, 29 Feb 1900 00:00:00 GMT",
        "Thu, 29 Feb 2100 00:00:00 GMT",
        "Mon, 29 Feb 2100 00:00:00 GMT",
        "Sun, 29 Feb 2015 00:00:00 GMT", /* the day 1 Mar was */
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Mon, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 99:99:99 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
    };
    struct kms_reply reply = { 0 };
    size_t i;

    (void)state;
    assert_int_equal(kms_reply_date(&reply), -1);
    for (i = 0; i < COUNT(bad); i++) {
        if (date_of(bad[i]) != -1)
            fail_msg("%s was taken", bad[i]);
    }
}

/* The machine's time zone is of no matter. */
static void
dates_are_universal(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
    assert_int_equal(date_of("Sun, 12 Mar 2017 02:30:00 GMT"),
                     INT64_C(1489285800)); /* a gap there */
    assert_int_equal(unsetenv("TZ"), 0);
}

/* Memory */

static enum envelope_reason
make_all(struct kms_endpoint *endpoint, struct kms_request *request,
         const char *url, struct envl_err *err)
{
    enum envelope_reason rc = kms_endpoint_parse(endpoint, url, false, err);

    if (rc != ENVELOPE_OK) {
        assert_null(endpoint->host.data);
        return rc;
    }
    kms_request_init(request, "POST", endpoint, "/keys");
    kms_request_add(request, "Accept", "*/*");
    kms_request_add(request, "Authorization", "%s %0100d", SECRET, 1);
    kms_text_add(&request->body, "{}");
    return kms_request_check(request, err);
}

static void
memory_runs_out(void **state)
{
    static const char *const urls[] = { "https://kms.example.com:8200/v1",
                                        "http://127.0.0.1:5601",
                                        "http://localhost/v1",
                                        "http://[::1]:5601/v1" };
    enum envelope_reason rc;
    struct kms_endpoint endpoint;
    struct kms_request request = { 0 };
    struct envl_err err;
    size_t i, n;

    (void)state;
    memory.unwiped = 0;
    for (i = 0; i < COUNT(urls); i++) {
        for (n = 1, rc = ENVELOPE_R_MEMORY; rc != ENVELOPE_OK; n++) {
            memory_fail(n);
            rc = make_all(&endpoint, &request, urls[i], &err);
            memory_fail(0);
            if (rc != ENVELOPE_OK)
                assert_int_equal(rc, ENVELOPE_R_MEMORY);
            kms_request_clear(&request);
            kms_endpoint_clear(&endpoint);
            assert_int_equal(memory_live(), 0);
        }
        assert_true(n > 6);
    }
    assert_int_equal(memory.unwiped, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_put_together),
        cmocka_unit_test(headers_cannot_be_broken_out_of),
        cmocka_unit_test(paths_cannot_be_broken_out_of),
        cmocka_unit_test(too_many_headers_fail),
        cmocka_unit_test(requests_are_wiped),
        cmocka_unit_test(headers_that_are_kept),
        cmocka_unit_test(long_headers_are_cut),
        cmocka_unit_test(a_header_ends_at_its_length),
        cmocka_unit_test(good_dates),
        cmocka_unit_test(bad_dates),
        cmocka_unit_test(dates_are_universal),
        cmocka_unit_test(memory_runs_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_http", tests, NULL, NULL);
}
