/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of sources, as clouds that are not there yet use them: bearer tokens,
 * seconds from now, a POST; and the texts of variables, files and forms. */
#include "kms/engine/source.h"

#include <stdio.h>

#include "test/kms/world.h"
#include "test/support/support.h"

#define NOW INT64_C(1440938160) /* of the fake world */

static struct fake_world fake;
static struct kms_credentials credentials;
static struct kms_text text;
static struct envl_err err;

static int
set_up(void **state)
{
    (void)state;
    fake_world_init(&fake);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    kms_credentials_clear(&credentials);
    kms_text_clear(&text);
    fake_world_clear(&fake);
    return 0;
}

static const struct kms_source_document bearer = {
    .names = { .token = "access_token", .other_token = "accessToken" },
    .expires = "expireTime",
    .expires_in = "expires_in",
};
static const struct kms_source_document nested = {
    .names = { .id = "c.access", .secret = "c.secret", .token = "c.token" },
    .expires = "c.ends",
};

static const struct kms_source_document whole = {
    .names = { .id = "id", .secret = "secret", .token = "token" },
    .is_whole = true,
};

static const struct {
    const struct kms_source_document *document;
    const char *json;
    const char *id, *token; /* token NULL: refused, and id is in the detail */
    int64_t expires;
} documents[] = {
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":3599}", "", "t",
      NOW + 3599 },
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":\"3599\"}", "", "t",
      NOW + 3599 },
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":0}", "", "t", NOW },
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":9223372036854775807}",
      "", "t", NOW + 999999999 },
    { &bearer, "{\"access_token\":\"t\"}", "", "t", 0 },
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":null}", "", "t", 0 },
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":\"\"}",
      "where: the answer does not say when they expire", NULL, 0 },
    { &bearer, "{\"access_token\":\"t\",\"expires_in\":[]}",
      "where: the answer does not say when they expire", NULL, 0 },
    { &bearer,
      "{\"accessToken\":\"t\",\"expireTime\":\"2030-01-02T03:04:05Z\"}", "",
      "t", 1893553445 },
    { &bearer, "{\"access_token\":\"t u\"}",
      "where: the answer has no access_token", NULL, 0 },
    { &bearer, "{\"access_token\":\"t\\r\\nX: y\"}",
      "where: the answer has no access_token", NULL, 0 },
    { &bearer, "{\"expires_in\":3599}", "where: the answer has no access_token",
      NULL, 0 },
    { &nested,
      "{\"c\":{\"access\":\"i\",\"secret\":\"s\",\"token\":\"t\",\"ends\":"
      "\"2030-01-02T03:04:05.678901Z\"}}",
      "i", "t", 1893553445 },
    { &nested,
      "{\"c\":{\"access\":\"i\",\"secret\":\"s\",\"ends\":1893553445}}", "i",
      "", 1893553445 },
    { &nested,
      "{\"c\":{\"access\":\"i\",\"secret\":\"s\",\"ends\":\"1893553445\"}}",
      "i", "", 1893553445 },
    { &nested, "{\"c\":{\"access\":\"i\"}}",
      "where: the answer has no c.secret", NULL, 0 },
    { &nested, "[]", "where: the answer is not a JSON object", NULL, 0 },
    { &whole, "{\"id\":\"i\",\"secret\":\"s\",\"token\":\"t\"}", "i", "t", 0 },
    { &whole, "{\"id\":\"i\",\"secret\":\"s\"}",
      "where: the answer has no token", NULL, 0 },
};

static void
documents_are_read(void **state)
{
    const struct kms_seeker seeker = { .world = &fake.world };
    enum envelope_reason rc;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(documents); i++) {
        kms_credentials_clear(&credentials);
        kms_text_set(&text, documents[i].json);
        rc = kms_source_take(&credentials, &seeker, &text,
                             documents[i].document, "where", &err);
        if (documents[i].token == NULL) {
            assert_int_equal(rc, ENVELOPE_R_CREDENTIALS);
            assert_string_equal(err.detail, documents[i].id);
            continue;
        }
        assert_int_equal(rc, ENVELOPE_OK);
        assert_string_equal(kms_text_get(&credentials.id), documents[i].id);
        assert_string_equal(kms_text_get(&credentials.token),
                            documents[i].token);
        assert_int_equal(credentials.expires, documents[i].expires);
    }
}

static void
a_body_may_be_posted(void **state)
{
    const struct kms_seeker seeker = { .world = &fake.world };
    const struct kms_source_request request = {
        .name = "the service",
        .method = "POST",
        .url = "http://127.0.0.1/token?a=b",
        .headers = { { "Authorization", "x" } },
        .body = &text,
    };
    static const struct fake_reply reply = { 200, "{\"access_token\":\"t\"}",
                                             NULL };

    (void)state;
    kms_text_set(&text, "{}");
    fake.replies = &reply;
    fake.reply_count = 1;
    assert_int_equal(
        kms_source_ask(&credentials, &seeker, &request, &bearer, &err),
        ENVELOPE_OK);
    assert_string_equal(fake.requests[0].method, "POST");
    assert_string_equal(fake.requests[0].url, "http://127.0.0.1/token?a=b");
    assert_string_equal(fake.requests[0].headers, "Authorization: x\n");
    assert_string_equal(fake.requests[0].body, "{}");
}

/* From afar: more than one attempt, and what it says of itself. */
static void
a_far_service_is_asked_again(void **state)
{
    static const struct kms_source_document document = {
        .names = { .token = "t" },
        .reason = ENVELOPE_R_KEY_SERVICE,
    };
    static const struct kms_source_request request = {
        .name = "login.example",
        .method = "POST",
        .url = "https://login.example",
        .path = "/token",
        .advice = "log in again",
        .is_far = true,
    };
    static const struct {
        struct fake_reply replies[2];
        size_t count;
        enum envelope_reason reason;
        const char *text;
    } cases[] = {
        { { { 500, "", NULL }, { 200, "{\"t\":\"x\"}", NULL } },
          2,
          ENVELOPE_OK,
          "" },
        { { { 400, "{\"error\":\"denied\",\"error_description\":\"by us\"}",
              NULL } },
          1,
          ENVELOPE_R_CREDENTIALS,
          "login.example: HTTP status 400: denied: by us; log in "
          "again" },
        { { { 200, "{}", NULL } },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "login.example: the answer has no t" },
    };
    const struct kms_seeker seeker = { .world = &fake.world };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        fake_world_clear(&fake);
        fake_world_init(&fake);
        fake.replies = cases[i].replies;
        fake.reply_count = cases[i].count;
        err.detail[0] = '\0';
        assert_int_equal(
            kms_source_ask(&credentials, &seeker, &request, &document, &err),
            cases[i].reason);
        if (cases[i].reason != ENVELOPE_OK)
            assert_string_equal(err.detail, cases[i].text);
        assert_string_equal(fake.requests[0].url,
                            "https://login.example/token");
    }
}

/* As Alibaba's services are: each attempt is signed, and their errors have two
 * members. */
static void
a_far_service_may_want_a_signature(void **state)
{
    static const struct fake_reply replies[] = {
        { 503, "{\"Code\":\"Busy\",\"Message\":\"later\"}", NULL },
        { 403, "{\"Code\":\"NoPermission\",\"Message\":\"not you\"}", NULL },
    };
    static const struct envl_libctx ctx = { .propq = "" };
    struct kms_credentials keys = { 0 };
    const struct kms_sign sign = { KMS_SIGN_ACS3, &ctx, &keys, NULL, NULL };
    const struct kms_seeker seeker = { .world = &fake.world, .ctx = &ctx };
    const struct kms_source_request request = {
        .name = "STS",
        .method = "POST",
        .url = "https://sts.example",
        .path = "/?a=b",
        .headers = { { "x-acs-action", "Assume" } },
        .sign = &sign,
        .is_far = true,
    };
    char first[200];

    (void)state;
    kms_text_set(&keys.id, "id");
    kms_text_set(&keys.secret, "secret");
    fake.replies = replies;
    fake.reply_count = COUNT(replies);
    assert_int_equal(
        kms_source_ask(&credentials, &seeker, &request, &nested, &err),
        ENVELOPE_R_CREDENTIALS);
    assert_string_equal(err.detail,
                        "STS: HTTP status 403: NoPermission: not you, after 2 "
                        "attempts");
    (void)snprintf(first, sizeof(first), "%s",
                   fake_header(&fake.requests[0], "x-acs-signature-nonce"));
    assert_string_not_equal(
        first, fake_header(&fake.requests[1], "x-acs-signature-nonce"));
    assert_non_null(fake_header(&fake.requests[1], "Authorization"));
    kms_credentials_clear(&keys);
}

static enum envelope_reason
give_token(struct kms_credentials *to, const struct kms_seeker *seeker,
           struct envl_err *e)
{
    (void)seeker;
    (void)e;
    kms_text_add(&to->token, "t");
    return ENVELOPE_OK;
}

static enum envelope_reason
give_nothing(struct kms_credentials *to, const struct kms_seeker *seeker,
             struct envl_err *e)
{
    (void)to;
    (void)seeker;
    (void)e;
    return ENVELOPE_OK;
}

/* What was there before is gone, and who has a token is the last who is asked. */
static void
a_token_alone_is_enough(void **state)
{
    static kms_source *const sources[] = { give_nothing, give_token, give_token,
                                           NULL };
    const struct kms_seeker seeker = { .world = &fake.world };

    (void)state;
    kms_text_set(&credentials.token, "of an earlier call");
    assert_int_equal(kms_source_first(&credentials, &seeker, sources, &err),
                     ENVELOPE_OK);
    assert_string_equal(kms_text_get(&credentials.token), "t");
}

static const struct {
    const char *said, *text; /* NULL: refused */
} variables[] = {
    { "a b", "a b" }, { " \t\r\na\n", "a" }, { "\n", "" },
    { "a\nb", NULL }, { "a\x7f", NULL },     { "\xc3\xa9", NULL },
};

static const struct {
    const char *content, *token; /* NULL: refused */
} files_of_tokens[] = {
    { "a.b", "a.b" }, { "a\n", "a" },   { "a\r\n\n", "a" }, { "a b\n", "a b" },
    { "\na", NULL },  { "a\nb", NULL }, { "\r\n", NULL },   { "", NULL },
    { NULL, NULL },   { "a\t", NULL },
};

static void
texts_are_cleaned(void **state)
{
    static struct fake_pair said[] = { { "V", NULL }, { NULL, NULL } };
    enum envelope_reason rc;
    size_t i;

    (void)state;
    fake.variables = fake.files = said;
    for (i = 0; i < COUNT(variables); i++) {
        said[0].content = variables[i].said;
        rc = kms_source_variable(&text, &fake.world, "V", &err);
        assert_int_equal(rc, variables[i].text != NULL
                                 ? ENVELOPE_OK
                                 : ENVELOPE_R_CREDENTIALS);
        if (variables[i].text != NULL)
            assert_string_equal(kms_text_get(&text), variables[i].text);
    }
    assert_int_equal(kms_source_variable(&text, &fake.world, "W", &err),
                     ENVELOPE_OK);
    assert_int_equal(text.len, 0);
    said[0].content = "True";
    assert_true(kms_source_is_true(&fake.world, "V"));
    said[0].content = "1";
    assert_false(kms_source_is_true(&fake.world, "V"));
    assert_false(kms_source_is_true(&fake.world, "W"));
    for (i = 0; i < COUNT(files_of_tokens); i++) {
        said[0].content = files_of_tokens[i].content;
        rc = kms_source_token_file(&text, &fake.world, "V", &err);
        assert_int_equal(rc, files_of_tokens[i].token != NULL
                                 ? ENVELOPE_OK
                                 : ENVELOPE_R_CREDENTIALS);
        if (files_of_tokens[i].token != NULL)
            assert_string_equal(kms_text_get(&text), files_of_tokens[i].token);
    }
}

static void
forms_are_encoded(void **state)
{
    (void)state;
    kms_form_add(&text, "A", "aZ09-._~");
    kms_form_add(&text, "B", "a b+&=%/\xc3\xa9");
    kms_form_add(&text, "C", "");
    assert_string_equal(kms_text_get(&text),
                        "A=aZ09-._~&B=a%20b%2B%26%3D%25%2F%C3%A9&C=");
}

#define source_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        source_test(documents_are_read),
        source_test(a_body_may_be_posted),
        source_test(a_far_service_is_asked_again),
        source_test(a_far_service_may_want_a_signature),
        source_test(a_token_alone_is_enough),
        source_test(texts_are_cleaned),
        source_test(forms_are_encoded),
    };

    return cmocka_run_group_tests_name("kms_source", tests, NULL, NULL);
}
