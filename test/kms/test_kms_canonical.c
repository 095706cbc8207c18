/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical requests: paths, queries and headers that sort badly, repeat,
 * are encoded or hold too many spaces.
 *
 * Where a name of a test vector stands, it is one of awslabs/aws-c-auth
 * (Apache-2.0), tests/aws-signing-test-suite/v4, with its
 * header-canonical-request.txt.
 */
#include "kms/http/canonical.h"

#include "test/support/support.h"

/* All headers are signed, as in the vectors. */
static const struct kms_canonical_form every = { .signed_prefix = "" };
static const struct kms_canonical_form aws4 = { .signed_prefix = "X-Amz-" };
static const struct kms_canonical_form tc3 = { .lower_values = true,
                                               .path_as_sent = true,
                                               .query_as_sent = true };
static const struct kms_canonical_form slashed = { .path_as_sent = true,
                                                   .slash_at_end = true };

struct header {
    const char *name, *value;
};

/* Make one; headers end with a name that is NULL. */
static enum envelope_reason
canonical(struct kms_text *text, struct kms_text *names,
          const struct kms_canonical_form *form, const char *target,
          const struct header *headers)
{
    struct kms_endpoint endpoint = { 0 };
    enum envelope_reason rc;
    struct kms_request request;
    struct envl_err err;

    kms_text_set(&endpoint.host, "example.amazonaws.com");
    kms_request_init(&request, "GET", &endpoint, target);
    for (; headers != NULL && headers->name != NULL; headers++)
        kms_request_add(&request, headers->name, "%s", headers->value);
    rc = kms_canonical_request(text, names, form, &request, &err);
    kms_request_clear(&request);
    kms_endpoint_clear(&endpoint);
    return rc;
}

/* Targets */

static void
assert_target(const struct kms_canonical_form *form, const char *target,
              const char *expected)
{
    struct kms_text text = { 0 }, names = { 0 }, whole = { 0 };

    assert_int_equal(canonical(&text, &names, form, target, NULL), ENVELOPE_OK);
    kms_text_addf(&whole, "GET\n%s\nhost:example.amazonaws.com\n\nhost\n",
                  expected);
    if (strcmp(kms_text_get(&text), kms_text_get(&whole)) != 0)
        fail_msg("%s: %s", target, kms_text_get(&text));
    assert_string_equal(kms_text_get(&names), "host");
    kms_text_clear(&whole);
    kms_text_clear(&names);
    kms_text_clear(&text);
}

struct target {
    const char *sent, *canonical; /* path LF query */
};

static void
paths_are_normalized_and_encoded(void **state)
{
    static const struct target paths[] = {
        { "", "/\n" },
        { "/", "/\n" },
        { "///", "/\n" },
        { "/.", "/\n" },
        { "/..", "/\n" },
        { "/../../..", "/\n" },
        { "/a/../..//../", "/\n" },
        { "/a/../b", "/b\n" },
        { "/../a", "/a\n" },
        { "/a/..b/.c/...", "/a/..b/.c/...\n" },
        { "/a/b/..", "/a\n" },
        { "/a/b/../", "/a/\n" },
        { "/a/b/.", "/a/b\n" },
        { "/a/./b/./", "/a/b/\n" },
        { "//a//b//", "/a/b/\n" },
        /* Once more: "%" of what has been encoded is encoded itself. */
        { "/a%20b", "/a%2520b\n" },
        { "/a%2Fb", "/a%252Fb\n" },
        { "/a%2fb%zz%", "/a%252fb%25zz%25\n" },
        { "/%2e%2e/a", "/%252e%252e/a\n" },
        { "/k:decrypt", "/k%3Adecrypt\n" },
        { "/a+b!$&'()*,;=@", "/a%2Bb%21%24%26%27%28%29%2A%2C%3B%3D%40\n" },
        { "/\xc3\xa9\xff", "/%C3%A9%FF\n" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(paths); i++)
        assert_target(&aws4, paths[i].sent, paths[i].canonical);
}

static void
queries_are_sorted_and_encoded(void **state)
{
    static const struct target queries[] = {
        { "/?", "/\n" },
        { "/?&&", "/\n" },
        { "?a=b", "/\na=b" },
        { "/a/..?a=/b/../c", "/\na=%2Fb%2F..%2Fc" },
        { "/?a", "/\na=" },
        { "/?a=", "/\na=" },
        { "/?=a", "/\n=a" },
        { "/?b=1&a=2", "/\na=2&b=1" },
        { "/?a=2&a=1&a", "/\na=&a=1&a=2" },
        { "/?a=b&&c=d&", "/\na=b&c=d" },
        { "/?a=b=c?d", "/\na=b%3Dc%3Fd" },
        /* Names sort by themselves: "=" is greater than "-" and digits. */
        { "/?a=1&a-b=2&a1=3", "/\na=1&a-b=2&a1=3" },
        { "/?a1=3&a-b=2&a=1", "/\na=1&a-b=2&a1=3" },
        /* They are bytes: "B" is before "a", "%" before all. */
        { "/?a=1&B=2&%C3%A9=3", "/\n%C3%A9=3&B=2&a=1" },
        { "/?a=10&a=9", "/\na=10&a=9" },
        { "/?a=%7e&b=%2f&c=%41", "/\na=~&b=%2F&c=A" },
        { "/?a=%&b=%4&c=%g1&d=%1g", "/\na=%25&b=%254&c=%25g1&d=%251g" },
        { "/?a=b+c", "/\na=b%2Bc" },
        { "/?a=%00b&%00=c", "/\n%00=c&a=%00b" },
        { "/?a=b%26c%3Dd&e", "/\na=b%26c%3Dd&e=" },
        /* get-vanilla-query-order-encoded */
        { "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
          "/\n%E1%88%B4=Value1&Param=Value2&Param-3=Value3" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(queries); i++)
        assert_target(&aws4, queries[i].sent, queries[i].canonical);
}

static void
tencent_takes_targets_as_they_are(void **state)
{
    static const struct target targets[] = {
        { "", "/\n" },
        { "/", "/\n" },
        { "/a%20b/../c//", "/a%20b/../c//\n" },
        { "/?b=%7e&a=1&c", "/\nb=%7e&a=1&c" },
        { "/a?b?c", "/a\nb?c" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(targets); i++)
        assert_target(&tc3, targets[i].sent, targets[i].canonical);
}

static void
a_slash_may_be_signed_alone(void **state)
{
    static const struct target targets[] = {
        { "", "/\n" },
        { "/", "/\n" },
        { "/a%20b/../c", "/a%20b/../c/\n" },
        { "/a/?b=%7e&a=1&c", "/a/\na=1&b=~&c=" },
        { "/a?b=*", "/a/\nb=%2A" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(targets); i++)
        assert_target(&slashed, targets[i].sent, targets[i].canonical);
}

static void
parameters_are_counted(void **state)
{
    struct kms_text target = { 0 }, text = { 0 }, names = { 0 };
    size_t i;

    (void)state;
    kms_text_set(&target, "/?");
    for (i = 0; i < KMS_QUERY_COUNT_MAX; i++)
        kms_text_addf(&target, "a%zu=b&&", i);
    assert_int_equal(
        canonical(&text, &names, &aws4, kms_text_get(&target), NULL),
        ENVELOPE_OK);
    kms_text_add(&target, "c");
    assert_int_equal(
        canonical(&text, &names, &aws4, kms_text_get(&target), NULL),
        ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(
        canonical(&text, &names, &tc3, kms_text_get(&target), NULL),
        ENVELOPE_OK);
    kms_text_clear(&names);
    kms_text_clear(&text);
    kms_text_clear(&target);
}

/* Headers */

static void
assert_headers(const struct kms_canonical_form *form,
               const struct header *headers, const char *lines,
               const char *signed_names)
{
    struct kms_text text = { 0 }, names = { 0 }, whole = { 0 };

    assert_int_equal(canonical(&text, &names, form, "/", headers), ENVELOPE_OK);
    kms_text_addf(&whole, "GET\n/\n\n%s\n%s\n", lines, signed_names);
    assert_string_equal(kms_text_get(&text), kms_text_get(&whole));
    assert_string_equal(kms_text_get(&names), signed_names);
    kms_text_clear(&whole);
    kms_text_clear(&names);
    kms_text_clear(&text);
}

#define HOST_LINE "host:example.amazonaws.com\n"
#define DATE_LINE "x-amz-date:20150830T123600Z\n"
#define DATE_HEADER                      \
    {                                    \
        "X-Amz-Date", "20150830T123600Z" \
    }

static void
headers_of_the_suite_pass(void **state)
{
    static const struct header duplicate[] = { { "My-Header1", "value2" },
                                               { "My-Header1", "value2" },
                                               { "My-Header1", "value1" },
                                               DATE_HEADER,
                                               { NULL, NULL } };
    static const struct header order[] = { { "My-Header1", "value4" },
                                           { "My-Header1", "value1" },
                                           { "My-Header1", "value3" },
                                           { "My-Header1", "value2" },
                                           DATE_HEADER,
                                           { NULL, NULL } };
    static const struct header trim[] = { { "My-Header1", " value1" },
                                          { "My-Header2", " \"a   b   c\"" },
                                          DATE_HEADER,
                                          { NULL, NULL } };
    static const struct header value_case[] = { { "My-Header1", "VALUE1" },
                                                DATE_HEADER,
                                                { NULL, NULL } };

    (void)state;
    /* get-header-key-duplicate */
    assert_headers(&every, duplicate,
                   HOST_LINE "my-header1:value2,value2,value1\n" DATE_LINE,
                   "host;my-header1;x-amz-date");
    /* get-header-value-order */
    assert_headers(&every, order,
                   HOST_LINE
                   "my-header1:value4,value1,value3,value2\n" DATE_LINE,
                   "host;my-header1;x-amz-date");
    /* get-header-value-trim */
    assert_headers(&every, trim,
                   HOST_LINE "my-header1:value1\n"
                             "my-header2:\"a b c\"\n" DATE_LINE,
                   "host;my-header1;my-header2;x-amz-date");
    /* post-header-value-case */
    assert_headers(&every, value_case,
                   HOST_LINE "my-header1:VALUE1\n" DATE_LINE,
                   "host;my-header1;x-amz-date");
}

static void
headers_that_are_signed_sort_by_name(void **state)
{
    static const struct header headers[] = {
        { "x-amz-a-b", "1" },
        { "X-AMZ-A", "2" },
        { "X-Amz-A0", "3" },
        { "Accept", "not signed" },
        { "X-Amz", "not signed" },
        { "X-Amzn-Trace-Id", "not signed" },
        { "CONTENT-TYPE", "Text/Plain" },
        { "Content-Types", "not signed" },
        { "x-amz-a", " 4  5 " },
        { "X-Amz-", "" },
        { "X-Amz-Empty", "   " },
        { NULL, NULL },
    };

    (void)state;
    assert_headers(&aws4, headers,
                   "content-type:Text/Plain\n" HOST_LINE "x-amz-:\n"
                   "x-amz-a:2,4 5\n"
                   "x-amz-a-b:1\n"
                   "x-amz-a0:3\n"
                   "x-amz-empty:\n",
                   "content-type;host;x-amz-;x-amz-a;x-amz-a-b;x-amz-a0;"
                   "x-amz-empty");
}

static void
tencent_signs_two_headers_in_lower_case(void **state)
{
    static const struct header headers[] = {
        { "X-TC-Action", "Decrypt" },
        { "Content-Type", "Application/JSON" },
        { "X-Amz-Date", "now" },
        { NULL, NULL },
    };

    (void)state;
    assert_headers(&tc3, headers, "content-type:application/json\n" HOST_LINE,
                   "content-type;host");
    assert_headers(&tc3, NULL, HOST_LINE, "host");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_normalized_and_encoded),
        cmocka_unit_test(queries_are_sorted_and_encoded),
        cmocka_unit_test(tencent_takes_targets_as_they_are),
        cmocka_unit_test(a_slash_may_be_signed_alone),
        cmocka_unit_test(parameters_are_counted),
        cmocka_unit_test(headers_of_the_suite_pass),
        cmocka_unit_test(headers_that_are_signed_sort_by_name),
        cmocka_unit_test(tencent_signs_two_headers_in_lower_case),
    };

    return cmocka_run_group_tests_name("kms_canonical", tests, NULL, NULL);
}
