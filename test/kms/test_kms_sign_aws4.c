/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of AWS4, against those that AWS has published.
 *
 * The vectors are facts of awslabs/aws-c-auth (Apache-2.0),
 * tests/aws-signing-test-suite/v4, at 495329c2433034bd8fd53fc6ba9e0202d3fac876:
 * all that are normalized and sign no other headers than we do.
 */
#include "kms/http/canonical.h"
#include "test/kms/kms_sign.h"

static void
a_long_query_is_refused(void **state)
{
    struct fixture f;
    size_t i;

    (void)state;
    set_up(&f, "GET", "/?");
    for (i = 0; i < KMS_QUERY_COUNT_MAX; i++)
        kms_text_add(&f.request.path, "a=b&");
    assert_int_equal(sign_aws4(&f), ENVELOPE_OK);
    kms_request_clear(&f.request);
    kms_request_init(&f.request, "GET", &f.endpoint, "/?");
    for (i = 0; i <= KMS_QUERY_COUNT_MAX; i++)
        kms_text_add(&f.request.path, "a=b&");
    assert_int_equal(sign_aws4(&f), ENVELOPE_R_UNREADABLE_KEY);
    assert_null(authorization(&f));
    tear_down(&f);
}

#define UNRESERVED                                             \
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop" \
    "qrstuvwxyz"
#define STS_TOKEN                                                              \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKW" \
    "HGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4" \
    "IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE" \
    "8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yj" \
    "c8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

static const struct {
    const char *name, *method, *path, *token, *signature;
} vectors[] = {
    { "get-vanilla", "GET", "/", "",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-vanilla, no path", "GET", "", "",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-relative-normalized", "GET", "/example/..", "",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-relative-relative-normalized", "GET", "/example1/example2/../..", "",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-slash-dot-slash-normalized", "GET", "/./", "",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-slash-normalized", "GET", "//", "",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-slash-pointless-dot-normalized", "GET", "/./example", "",
      "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },
    { "get-slashes-normalized", "GET", "//example//", "",
      "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
    { "get-space-normalized", "GET", "/example space/", "",
      "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
    { "get-unreserved", "GET", "/" UNRESERVED, "",
      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
    { "get-utf8", "GET", "/\xe1\x88\xb4", "",
      "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
    { "get-vanilla-empty-query-key", "GET", "/?Param1=value1", "",
      "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
    { "get-vanilla-query-order-encoded", "GET",
      "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "",
      "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
    { "get-vanilla-query-order-key-case", "GET",
      "/?Param2=value2&Param1=value1", "",
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
    { "get-vanilla-query-unreserved", "GET", "/?" UNRESERVED "=" UNRESERVED, "",
      "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
    { "get-vanilla-utf8-query", "GET", "/?\xe1\x88\xb4=bar", "",
      "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
    { "get-vanilla-with-session-token", "GET", "/",
      "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
      "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },
    { "post-vanilla", "POST", "/", "",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
    { "post-vanilla-query", "POST", "/?Param1=value1", "",
      "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
    { "post-sts-header-before", "POST", "/", STS_TOKEN,
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
};

static void
the_suite_of_aws_passes(void **state)
{
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(vectors); i++) {
        set_up(&f, vectors[i].method, vectors[i].path);
        kms_text_set(&f.credentials.token, vectors[i].token);
        assert_int_equal(sign_aws4(&f), ENVELOPE_OK);
        if (strstr(authorization(&f), vectors[i].signature) == NULL)
            fail_msg("%s: %s", vectors[i].name, authorization(&f));
        assert_string_equal(kms_request_header(&f.request, "X-Amz-Date"),
                            "20150830T123600Z");
        assert_int_equal(f.request.header_count,
                         vectors[i].token[0] != '\0' ? 3 : 2);
        tear_down(&f);
    }
}

/* AWS, "Signature Version 4 signing process", the example of ListUsers. */
static void
the_example_of_aws_passes(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, "GET", "/?Action=ListUsers&Version=2010-05-08");
    kms_text_set(&f.endpoint.host, "iam.amazonaws.com");
    kms_request_add(&f.request, "Content-Type", "%s",
                    "application/x-www-form-urlencoded; charset=utf-8");
    assert_int_equal(sign_for(&f, KMS_SIGN_AWS4, "us-east-1", "iam", NOW),
                     ENVELOPE_OK);
    assert_string_equal(
        authorization(&f),
        "AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature="
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    assert_int_equal(kms_request_check(&f.request, &f.err), ENVELOPE_OK);
    tear_down(&f);
}

/* Sign a POST with one header and a body; its signature is kept. */
static void
signature_with(char signature[65], const char *name, const char *value,
               const char *body)
{
    const char *part;
    struct fixture f;

    set_up(&f, "POST", "/");
    kms_request_add(&f.request, name, "%s", value);
    kms_text_set(&f.request.body, body);
    assert_int_equal(sign_aws4(&f), ENVELOPE_OK);
    part = strstr(authorization(&f), "Signature=");
    assert_non_null(part);
    assert_int_equal(strlen(part), strlen("Signature=") + 64);
    memcpy(signature, part + strlen("Signature="), 65);
    tear_down(&f);
}

static void
what_is_signed_counts(void **state)
{
    static const struct {
        const char *name, *value, *body;
        bool same;
    } others[] = {
        { "X-Amz-Target", "Trent.A", "{}", true },
        { "x-AMZ-tARGET", "Trent.A", "{}", true },
        { "X-Amz-Target", "  Trent.A ", "{}", true },
        { "X-Amz-Target", "Trent.a", "{}", false },
        { "X-Amz-Targets", "Trent.A", "{}", false },
        { "X-Amz-Target", "Trent.A", "{ }", false },
        { "X-Amz-Target", "Trent.A", "", false },
        { "X-Amzn-Target", "Trent.A", "{}", false },
        { "Content-Type", "Trent.A", "{}", false },
    };
    char first[65], second[65];
    size_t i;

    (void)state;
    signature_with(first, "X-Amz-Target", "Trent.A", "{}");
    for (i = 0; i < COUNT(others); i++) {
        signature_with(second, others[i].name, others[i].value, others[i].body);
        if ((strcmp(first, second) == 0) != others[i].same)
            fail_msg("%s: %s", others[i].name, others[i].value);
    }
    /* Others are not signed: proxies may change them. */
    signature_with(first, "Accept", "a", "");
    signature_with(second, "X-Amzn-Trace-Id", "b", "");
    assert_string_equal(first, second);
    assert_string_equal(
        first,
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_query_is_refused),
        cmocka_unit_test(the_suite_of_aws_passes),
        cmocka_unit_test(the_example_of_aws_passes),
        cmocka_unit_test(what_is_signed_counts),
    };

    return cmocka_run_group_tests_name("kms_sign_aws4", tests, NULL, NULL);
}
