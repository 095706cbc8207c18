/* SPDX-License-Identifier: Apache-2.0 */
/* URIs of keys: their parts, what is decoded in them, and what is refused. */
#include "kms/core/uri.h"

#include "test/support/memory.h"
#include "test/support/support.h"

static const char *const parameters[] = { "region+", "endpoint", "context.k",
                                          NULL };
static const char *const none[] = { NULL };

/* Good ones */

static void
the_parts_of_uris(void **state)
{
    static const struct {
        const char *uri, *scheme, *authority, *path;
    } good[] = {
        { "awskms:///arn:aws:kms:eu-west-1:111122223333:key/1-2", "awskms", "",
          "arn:aws:kms:eu-west-1:111122223333:key/1-2" },
        { "awskms:arn:aws:kms", "awskms", "", "arn:aws:kms" },
        { "awskms:/alias/x", "awskms", "", "alias/x" },
        { "awskms:", "awskms", "", "" },
        { "awskms://", "awskms", "", "" },
        { "awskms:///", "awskms", "", "" },
        { "awskms:////x", "awskms", "", "/x" },
        { "awskms:///x//", "awskms", "", "x//" },
        { "AWSkms:///Alias/X", "awskms", "", "Alias/X" },
        { "tencentkms://ap-guangzhou/1-2", "tencentkms", "ap-guangzhou",
          "1-2" },
        { "vault://Host:8200/transit/keys/n", "vault", "Host:8200",
          "transit/keys/n" },
        { "vault://[::1]:8200/k", "vault", "[::1]:8200", "k" },
        { "httpkms://name", "httpkms", "name", "" },
        { "a+b-c.d1:x", "a+b-c.d1", "", "x" },
        { "v:a:b", "v", "", "a:b" },
        { "v:a@b", "v", "", "a@b" },
        { "v://a/b@c", "v", "a", "b@c" },
        { "v:a//b", "v", "", "a//b" },
        /* encoded: a delimiter is none then */
        { "v:%61%2F%3f%25%20%7e", "v", "", "a/?% ~" },
        { "v://a%3A1/b", "v", "a:1", "b" },
        { "v://a%2Fb/c", "v", "a/b", "c" },
        { "v://a%40b/c", "v", "a@b", "c" },
        { "v:%2Fa", "v", "", "/a" },
        { "v:%2e%2E/+", "v", "", "../+" },
        { "v:%2541", "v", "", "%41" },
    };
    struct envl_err err = { 0 };
    struct kms_uri uri;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (kms_uri_parse(&uri, good[i].uri, none, &err) != ENVELOPE_OK)
            fail_msg("%s", err.detail);
        assert_string_equal(uri.scheme, good[i].scheme);
        assert_string_equal(uri.authority, good[i].authority);
        assert_string_equal(uri.path, good[i].path);
        assert_int_equal(uri.query_count, 0);
        kms_uri_clear(&uri);
    }
    assert_int_equal(memory_live(), 0);
}

static void
queries(void **state)
{
    struct kms_uri uri;
    struct envl_err err;

    (void)state;
    assert_int_equal(
        kms_uri_parse(&uri,
                      "v://h/p?region=a&endpoint=https://[::1]:1/x?y=/z&"
                      "region=b&context%2Ek=%3D%26%3f+&region=b=c",
                      parameters, &err),
        ENVELOPE_OK);
    assert_string_equal(uri.path, "p");
    assert_int_equal(uri.query_count, 5);
    assert_string_equal(kms_uri_get(&uri, "region"), "a");
    assert_string_equal(kms_uri_get(&uri, "endpoint"),
                        "https://[::1]:1/x?y=/z");
    assert_string_equal(kms_uri_get(&uri, "context.k"), "=&?+");
    assert_null(kms_uri_get(&uri, "Region"));
    assert_null(kms_uri_get(&uri, ""));
    assert_true(kms_uri_has(&uri, "region", "a"));
    assert_true(kms_uri_has(&uri, "region", "b"));
    assert_true(kms_uri_has(&uri, "region", "b=c"));
    assert_false(kms_uri_has(&uri, "region", "c"));
    assert_false(kms_uri_has(&uri, "region", ""));
    assert_false(kms_uri_has(&uri, "endpoint", "a"));
    kms_uri_clear(&uri);
    assert_null(kms_uri_get(&uri, "region"));
    kms_uri_clear(&uri);
    assert_int_equal(memory_live(), 0);

    /* Directly after the authority, or the scheme. */
    assert_int_equal(kms_uri_parse(&uri, "v://h?region=a", parameters, &err),
                     ENVELOPE_OK);
    assert_string_equal(uri.authority, "h");
    assert_string_equal(uri.path, "");
    kms_uri_clear(&uri);
    assert_int_equal(kms_uri_parse(&uri, "v:?region=//", parameters, &err),
                     ENVELOPE_OK);
    assert_string_equal(uri.authority, "");
    assert_string_equal(kms_uri_get(&uri, "region"), "//");
    kms_uri_clear(&uri);
}

static void
as_many_parameters_as_there_may_be(void **state)
{
    char text[KMS_URI_LEN_MAX + 2] = "v:p?";
    struct kms_uri uri;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < KMS_URI_QUERY_MAX; i++)
        (void)strcat(text, i == 0 ? "region=a" : "&region=a");
    assert_int_equal(kms_uri_parse(&uri, text, parameters, &err), ENVELOPE_OK);
    assert_int_equal(uri.query_count, KMS_URI_QUERY_MAX);
    kms_uri_clear(&uri);
    (void)strcat(text, "&region=a");
    assert_int_equal(kms_uri_parse(&uri, text, parameters, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "too many"));
    assert_int_equal(memory_live(), 0);
}

static void
one_that_may_not_come_again(void **state)
{
    struct kms_uri uri;
    struct envl_err err;

    (void)state;
    assert_int_equal(kms_uri_parse(&uri, "v:k?endpoint=a&region=b&endpoint=a",
                                   parameters, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "twice"));
    assert_int_equal(kms_uri_parse(&uri, "v:k?region%2b=a", parameters, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "only: region, endpoint, context.k"));
    assert_int_equal(memory_live(), 0);
}

static void
as_long_as_it_may_be(void **state)
{
    char text[KMS_URI_LEN_MAX + 2] = "v:";
    struct kms_uri uri;
    struct envl_err err;

    (void)state;
    memset(text + 2, 'a', KMS_URI_LEN_MAX - 2);
    assert_int_equal(kms_uri_parse(&uri, text, none, &err), ENVELOPE_OK);
    assert_int_equal(strlen(uri.path), KMS_URI_LEN_MAX - 2);
    kms_uri_clear(&uri);
    text[KMS_URI_LEN_MAX] = 'a';
    assert_int_equal(kms_uri_parse(&uri, text, none, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "too long"));
    assert_null(uri.path);
}

/* Bad ones */

static void
refuse(const char *text, const char *why)
{
    struct envl_err err = { 0 };
    struct kms_uri uri;

    if (kms_uri_parse(&uri, text, parameters, &err)
        != ENVELOPE_R_UNREADABLE_KEY)
        fail_msg("%s was taken", text);
    if (strstr(err.detail, why) == NULL)
        fail_msg("%s: %s", text, err.detail);
    assert_null(strstr(err.detail, SECRET));
    assert_null(uri.scheme);
    assert_null(uri.authority);
    assert_null(uri.path);
    assert_int_equal(uri.query_count, 0);
    assert_int_equal(memory_live(), 0);
}

static void
bad_schemes(void **state)
{
    static const char *const bad[] = {
        "",     ":",     ":a",    "a",      "awskms", "awskms/x:y",
        "1a:x", "+a:x",  "a_b:x", "a%62:x", "/a:b",   "//a:b",
        "?a:b", "a?b:c", "a/b:c", "a,b:c",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], "scheme");
}

static void
bad_characters(void **state)
{
    static const char *const bad[] = {
        "v:a b",     " v:a",          "v:a\n",         "v:a\r\nb",
        "v:a\tb",    "v:\x01",        "v:\x7f",        "v:\xc3\xa9",
        "v:\x80",    "v:\xff",        "v:a#b",         "v:a#",
        "v:\"a\"",   "v:<a>",         "v:a\\b",        "v:a^b",
        "v:`a`",     "v:{a}",         "v:a|b",         "v://a b/",
        "v://a\nb/", "v:?region=a b", "v:?region=a\n", ("v:?region=#" SECRET),
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], "percent-encoded");
}

static void
bad_encodings(void **state)
{
    static const char *const bad[] = {
        "v:%",
        "v:%4",
        "v:%g1",
        "v:%1g",
        "v:%-1",
        "v:%+1",
        "v:%%41",
        "v:a%",
        "v:%4/1",
        "v:%00",
        "v:a%00b",
        "v:%0a",
        "v:%0D%0AX:",
        "v:%1f",
        "v:%7f",
        "v:%80",
        "v:%C3%A9",
        "v:%ff",
        "v://a%00/b",
        "v://a%0a/b",
        "v://a%4/1",
        "v:?region=%",
        "v:?region=%0",
        "v:?region=%00",
        "v:?region=%0a",
        "v:?region=%4&region=1",
        "v:?reg%00ion=a",
        "v:%4?region=1",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], "hexadecimal");
}

static void
bad_queries(void **state)
{
    static const char *const bad[] = {
        "v:?",
        "v:?&",
        "v:?region",
        "v:?region=",
        "v:?=a",
        "v:?=",
        "v:?region=a&",
        "v:?&region=a",
        "v:?region=a&&region=b",
        ("v:?" SECRET),
        "v:?region=a&endpoint",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        refuse(bad[i], "no name or no value");
    refuse("v:?Region=a", "no parameter Region, only: region, endpoint, "
                          "context.k");
    refuse("v:?region=a&region%3D=b", "no parameter region=,");
    refuse("v:?secret=" SECRET, "no parameter secret");
    refuse("v:?reg=a", "no parameter reg,");
    refuse("v:?regions=a", "no parameter regions,");
}

static void
a_service_without_parameters(void **state)
{
    struct kms_uri uri;
    struct envl_err err;

    (void)state;
    assert_int_equal(kms_uri_parse(&uri, "v:p?a=b", none, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(err.detail, "v:p: there is no parameter a, only: none");
}

/* Messages name the URI, but what may be secret in it. */
static void
messages_keep_secrets(void **state)
{
    (void)state;
    refuse("v://user:" SECRET "@host/path", "v: ");
    refuse("v://" SECRET "@host", "user");
    refuse("v://user:" SECRET "@host/%", "user");
    refuse("v://host/path?region=" SECRET "%", "v://host/path: ");
    refuse("v://host/path?region=" SECRET "\n", "v://host/path: ");
    refuse("v:path#" SECRET, "v:path: ");
}

static void
schemes_are_recognised(void **state)
{
    (void)state;
    assert_true(kms_uri_scheme_is("awskms:///x", "awskms"));
    assert_true(kms_uri_scheme_is("AwsKMS:", "awskms"));
    assert_false(kms_uri_scheme_is("awskms", "awskms"));
    assert_false(kms_uri_scheme_is("awskm:", "awskms"));
    assert_false(kms_uri_scheme_is("awskmss:", "awskms"));
    assert_false(kms_uri_scheme_is("/awskms:", "awskms"));
    assert_false(kms_uri_scheme_is("", "awskms"));
    assert_false(kms_uri_scheme_is(":", "awskms"));
}

static void
memory_runs_out(void **state)
{
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    struct kms_uri uri;
    struct envl_err err;
    size_t n;

    (void)state;
    for (n = 1; rc != ENVELOPE_OK; n++) {
        memory_fail(n);
        rc = kms_uri_parse(&uri, "v://h/p?region=a&endpoint=b", parameters,
                           &err);
        memory_fail(0);
        if (rc != ENVELOPE_OK) {
            assert_int_equal(rc, ENVELOPE_R_MEMORY);
            assert_null(uri.scheme);
            assert_int_equal(memory_live(), 0);
        }
    }
    assert_int_equal(n, 9);
    kms_uri_clear(&uri);
    /* A list that is not whole is no reason for another failure. */
    memory_fail(6);
    assert_int_equal(kms_uri_parse(&uri, "v://h/p?b=a", parameters, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    memory_fail(0);
    assert_int_equal(memory_live(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_uris),
        cmocka_unit_test(queries),
        cmocka_unit_test(as_many_parameters_as_there_may_be),
        cmocka_unit_test(one_that_may_not_come_again),
        cmocka_unit_test(as_long_as_it_may_be),
        cmocka_unit_test(bad_schemes),
        cmocka_unit_test(bad_characters),
        cmocka_unit_test(bad_encodings),
        cmocka_unit_test(bad_queries),
        cmocka_unit_test(a_service_without_parameters),
        cmocka_unit_test(messages_keep_secrets),
        cmocka_unit_test(schemes_are_recognised),
        cmocka_unit_test(memory_runs_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_uri", tests, NULL, NULL);
}
