/* SPDX-License-Identifier: Apache-2.0 */
/* Huawei Cloud KMS: its URIs, what is sent to it, and what is made of its replies. */
#include <openssl/evp.h>

#include "kms/engine/kept.h"
#include "test/kms/kms_trial.h"
#include "test/support/memory.h"

#define REGION "cn-north-4"
#define KEY_ID "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define OTHER_ID "1d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define PROJECT "0d0466b0e7274d9cb35df84bb474a37f"
#define KEY REGION "/" KEY_ID
#define OTHER_KEY REGION "/" OTHER_ID
#define URI "huaweikms://" KEY
#define OTHER_URI "huaweikms://" OTHER_KEY
#define SERVICE "https://kms.cn-north-4.myhuaweicloud.com"
#define PATH "/v1.0/" PROJECT "/kms/"

/* SHA-256 of "a=1\n". */
#define AAD "fe3209d6d4f51935b391288a43df48d9ddece1a992597ae53387ca16611a9179"

#define NAMED "\"key_id\":\"" KEY_ID "\""
#define PLAIN "\"plain_text\":\"" KEK_BASE64 "\""
#define BLOB "\"cipher_text\":\"blob+/:=\""
#define DECRYPTED "{" NAMED "," PLAIN "}"
#define ENCRYPTED "{" NAMED "," BLOB "}"
#define REENCRYPTED                                            \
    "{\"key_id\":\"" OTHER_ID "\",\"source_key_id\":\"" KEY_ID \
    "\",\"cipher_text\":\"new-blob\"}"
#define ERROR(code) \
    "{\"error\":{\"error_code\":\"" code "\",\"error_msg\":\"it says no\"}}"
#define GATEWAY(code)                                            \
    "{\"error_code\":\"" code "\",\"error_msg\":\"it says no\"," \
    "\"request_id\":\"req-1\"}"

static struct trial
new_trial(void)
{
    static const struct fake_pair variables[] = {
        { "HUAWEICLOUD_SDK_AK", "AccessKey" },
        { "HUAWEICLOUD_SDK_SK", "SecretKey" },
        { "HUAWEICLOUD_SDK_PROJECT_ID", PROJECT },
        { NULL, NULL },
    };

    return (struct trial){ .variables = variables };
}

static struct envl_kms_wrapped
wrapped_key(bool has_context)
{
    return wrapped_as("huaweikms", KEY, "blob", has_context);
}

/* A key of ours is another one each time: its bytes are not looked at. */
static enum envelope_reason
generate(struct trial *t, const char *uri, int status, const char *body)
{
    const struct fake_reply reply = { status, body, NULL };
    const struct fake_reply replies[] = SAME(reply);
    const struct envl_kms_call call = trial_call(t, uri);
    enum envelope_reason rc;

    trial_begin(t, replies, COUNT(replies));
    rc =
        kms_dispatch_generate(&t->fake.world, &t->made, t->kek, &call, &t->err);
    if (rc != ENVELOPE_OK)
        assert_kek(t, rc);
    assert_not_made(t, rc);
    assert_failure_told(t, rc);
    return rc;
}

static enum envelope_reason
unwrap(struct trial *t, const char *uri, const struct envl_kms_wrapped *wrapped,
       int status, const char *body)
{
    return trial_unwrap_same(t, uri, wrapped, status, body);
}

static enum envelope_reason
rewrap(struct trial *t, const struct envl_kms_wrapped *wrapped,
       const char *to_uri, const char *body)
{
    return trial_rewrap_same(t, URI, wrapped, to_uri, body);
}

/* URIs */

static void
bad_uris_are_refused(void **state)
{
    static const char *const bad[][2] = {
        { "huaweikms:", "no region" },
        { "huaweikms:" KEY_ID, "no region" },
        { "huaweikms:///" KEY_ID, "no region" },
        { "huaweikms://north/" KEY_ID, "no region" },
        { "huaweikms://CN-north-4/" KEY_ID, "no region" },
        { "huaweikms://cn-north-4.evil.example/" KEY_ID, "no region" },
        { "huaweikms://cn-north-4:443/" KEY_ID, "no region" },
        { "huaweikms://cn-north-4@evil.example/" KEY_ID, "" },
        { "huaweikms://" REGION, "after the region" },
        { "huaweikms://" REGION "/", "after the region" },
        { "huaweikms://" REGION "/alias/x", "after the region" },
        { "huaweikms://" REGION "/" PROJECT, "after the region" },
        { URI "x", "after the region" },
        { URI "/", "after the region" },
        { "huaweikms://" REGION "/0D0466B0-e727-4d9c-b35d-f84bb474a37f",
          "small letters" },
        { "huaweikms://" REGION "/0d0466b0-e7274d9c--b35d-f84bb474a37f", "" },
        { "huaweikms://" REGION "/..466b00-e727-4d9c-b35d-f84bb474a37f", "" },
        { "huaweikms://" REGION "/" PROJECT "/" KEY_ID, "after the region" },
        { URI "?project=", "no value" },
        { URI "?project=a/b", "project=" },
        { URI "?project=..", "project=" },
        { URI "?project=a%2Fb", "project=" },
        { URI "?region=x", "region" },
        { URI "?project=a&project=b", "comes twice" },
        { URI "?endpoint=http://kms.example", "plain http" },
        { URI "?endpoint=https://user@kms.example", "" },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (trial_check(&t, bad[i][0]) != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%s was taken", bad[i][0]);
        assert_detail(&t, bad[i][1]);
        assert_int_equal(generate(&t, bad[i][0], 200, ENCRYPTED),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(t.fake.request_count, 0);
    }
    fake_world_clear(&t.fake);
}

/* Where a request goes to; it is of the URI, the environment and the region only. */
static void
the_endpoint_is_the_users(void **state)
{
    static const struct fake_pair with_endpoint[] = {
        { "HUAWEICLOUD_SDK_AK", "AccessKey" },
        { "HUAWEICLOUD_SDK_SK", "SecretKey" },
        { "HUAWEICLOUD_SDK_PROJECT_ID", "p" },
        { "HUAWEICLOUD_KMS_ENDPOINT", "https://kms.example" },
        { NULL, NULL },
    };
    struct trial usual = new_trial();
    const struct {
        const struct fake_pair *variables;
        const char *uri, *url;
    } cases[] = {
        { usual.variables, URI, SERVICE PATH "encrypt-data" },
        { usual.variables, "HuaweiKMS://" KEY, SERVICE PATH "encrypt-data" },
        { usual.variables, "huaweikms://eu-west-101/" KEY_ID,
          "https://kms.eu-west-101.myhuaweicloud.eu" PATH "encrypt-data" },
        { usual.variables, "huaweikms://eu-west-0/" KEY_ID,
          "https://kms.eu-west-0.myhuaweicloud.com" PATH "encrypt-data" },
        { usual.variables, URI "?project=Other-1",
          SERVICE "/v1.0/Other-1/kms/encrypt-data" },
        { usual.variables, URI "?endpoint=http://127.0.0.1:5601/a",
          "http://127.0.0.1:5601/a" PATH "encrypt-data" },
        { with_endpoint, URI, "https://kms.example/v1.0/p/kms/encrypt-data" },
        { with_endpoint, URI "?endpoint=https://other.example",
          "https://other.example/v1.0/p/kms/encrypt-data" },
    };
    struct trial t;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        t = (struct trial){ .variables = cases[i].variables };
        if (generate(&t, cases[i].uri, 200, ENCRYPTED) != ENVELOPE_OK)
            fail_msg("%s: %s", cases[i].uri, t.err.detail);
        assert_string_equal(t.fake.requests[0].url, cases[i].url);
        fake_world_clear(&t.fake);
    }
}

/* A header that names another key, or none, asks nobody. */
static void
other_keys_do_not_match(void **state)
{
    static const char *const keys[] = {
        "",
        "/",
        REGION,
        REGION "/",
        KEY_ID,
        "/" KEY_ID,
        "ap-southeast-1/" KEY_ID,
        OTHER_KEY,
        REGION "/" PROJECT "/" KEY_ID,
        KEY "x",
        KEY "/",
        KEY " ",
        "CN-NORTH-4/" KEY_ID,
        "cn-north-4@evil.example/" KEY_ID,
        "https://evil.example/" KEY,
        REGION "//" KEY_ID,
        KEY "?project=" PROJECT,
    };
    struct trial t = new_trial();
    struct envl_kms_wrapped wrapped;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(keys); i++) {
        wrapped = wrapped_as("huaweikms", keys[i], "blob", false);
        if (trial_matches(&t, URI, &wrapped))
            fail_msg("%s matches", keys[i]);
        assert_int_equal(unwrap(&t, URI, &wrapped, 200, DECRYPTED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
    }
    wrapped = wrapped_key(false);
    assert_true(trial_matches(&t, URI, &wrapped));
    /* Whose request it is says nothing of the key. */
    assert_true(trial_matches(&t, URI "?project=other", &wrapped));
    wrapped = wrapped_as("tencentkms", KEY, "blob", false);
    assert_false(trial_matches(&t, URI, &wrapped));
    fake_world_clear(&t.fake);
}

/* Requests */

static void
a_key_is_encrypted(void **state)
{
    struct trial t = new_trial();
    char body[512], encoded[64];

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(generate(&t, URI, 200, ENCRYPTED), ENVELOPE_OK);
    (void)EVP_EncodeBlock((unsigned char *)encoded, t.kek, ENVL_KEK_LEN);
    (void)snprintf(body, sizeof(body),
                   "{" NAMED ",\"plain_text\":\"%s\","
                   "\"additional_authenticated_data\":\"" AAD "\"}",
                   encoded);
    assert_string_equal(t.fake.requests[0].body, body);
    assert_string_equal(t.fake.requests[0].method, "POST");
    assert_header(&t, 0, "Content-Type", "application/json");
    assert_header(&t, 0, "X-Project-Id", PROJECT);
    assert_string_equal(t.made.service, "huaweikms");
    assert_string_equal(t.made.key, KEY);
    assert_true(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen("blob+/:="));
    assert_memory_equal(t.made.blob, "blob+/:=", t.made.blob_len);

    t.labels = NULL;
    assert_int_equal(generate(&t, URI, 200, ENCRYPTED), ENVELOPE_OK);
    assert_null(strstr(t.fake.requests[0].body, "additional"));
    assert_false(t.made.has_context);
    fake_world_clear(&t.fake);
}

/* The signature was computed by huawei_lookalike.py. */
static void
a_key_is_decrypted(void **state)
{
    struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(unwrap(&t, URI, &wrapped, 200, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].url, SERVICE PATH "decrypt-data");
    assert_string_equal(t.fake.requests[0].body,
                        "{" NAMED ",\"cipher_text\":\"blob\"}");
    assert_string_equal(
        t.fake.requests[0].headers,
        "Content-Type: application/json\n"
        "X-Project-Id: " PROJECT "\n"
        "X-Sdk-Date: 20150830T123600Z\n"
        "Authorization: SDK-HMAC-SHA256 Access=AccessKey, "
        "SignedHeaders=content-type;host;x-project-id;x-sdk-date, "
        "Signature=110c79737ac07e595e570cfcaddbb163"
        "599b12c6aa76731e9f679be23a4ffe2c\n");

    wrapped = wrapped_key(true);
    assert_int_equal(unwrap(&t, URI, &wrapped, 200, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{" NAMED ",\"cipher_text\":\"blob\","
                        "\"additional_authenticated_data\":\"" AAD "\"}");
    fake_world_clear(&t.fake);
}

/* As many labels as a stream may have make one digest. */
static void
all_labels_fit(void **state)
{
    static char labels[60000];
    struct trial t = new_trial();

    (void)state;
    (void)snprintf(labels, sizeof(labels), "a=%0*d\n", 59000, 0);
    t.labels = labels;
    assert_int_equal(generate(&t, URI, 200, ENCRYPTED), ENVELOPE_OK);
    assert_true(strlen(t.fake.requests[0].body) < 512);
    fake_world_clear(&t.fake);
}

static void
a_context_needs_labels(void **state)
{
    const struct envl_kms_wrapped wrapped = wrapped_key(true);
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(unwrap(&t, URI, &wrapped, 200, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "the stream has none");
    assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, REENCRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

static void
a_key_is_encrypted_anew(void **state)
{
    struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, REENCRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].url, SERVICE PATH "re-encrypt");
    assert_string_equal(t.fake.requests[0].body,
                        "{\"source_key_id\":\"" KEY_ID "\","
                        "\"destination_key_id\":\"" OTHER_ID "\","
                        "\"cipher_text\":\"blob\"}");
    assert_string_equal(t.made.key, OTHER_KEY);
    assert_false(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen("new-blob"));
    assert_memory_equal(t.made.blob, "new-blob", t.made.blob_len);

    t.labels = "a=1\n";
    wrapped = wrapped_key(true);
    assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, REENCRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"source_key_id\":\"" KEY_ID "\","
                        "\"source_additional_authenticated_data\":\"" AAD "\","
                        "\"destination_key_id\":\"" OTHER_ID "\","
                        "\"destination_additional_authenticated_data\":\"" AAD
                        "\","
                        "\"cipher_text\":\"blob\"}");
    assert_true(t.made.has_context);
    fake_world_clear(&t.fake);
}

static void
encrypting_anew_has_its_bounds(void **state)
{
    static const char *const elsewhere[] = {
        "huaweikms://cn-south-1/" OTHER_ID,
        OTHER_URI "?endpoint=https://kms.example",
        OTHER_URI "?profile=x",
    };
    static const struct {
        const char *body;
        enum envelope_reason reason;
    } bad[] = {
        { ENCRYPTED, ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"key_id\":\"" OTHER_ID "\"," BLOB "}", ENVELOPE_R_KEY_SERVICE },
        { "{\"key_id\":\"" OTHER_ID "\",\"source_key_id\":\"" OTHER_ID
          "\"," BLOB "}",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"key_id\":\"" OTHER_ID "\",\"source_key_id\":\"" KEY_ID "\"}",
          ENVELOPE_R_KEY_SERVICE },
    };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(elsewhere); i++) {
        assert_int_equal(rewrap(&t, &wrapped, elsewhere[i], REENCRYPTED),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_detail(&t, "without --by-service");
        assert_int_equal(t.fake.request_count, 0);
    }
    for (i = 0; i < COUNT(bad); i++)
        assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, bad[i].body),
                         bad[i].reason);
    fake_world_clear(&t.fake);
}

static void
hostile_blobs_are_not_sent(void **state)
{
    struct trial t = new_trial();

    (void)state;
    trial_refuses_blobs(&t, URI, "huaweikms", KEY, DECRYPTED);
    fake_world_clear(&t.fake);
}

/* Replies */

#define REFUSED ENVELOPE_R_KEY_SERVICE_REFUSED
#define FAILED ENVELOPE_R_KEY_SERVICE

static void
replies_are_understood(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum envelope_reason reason;
        const char *detail;
        size_t requests;
    } cases[] = {
        { 400, ERROR("KMS.0205"), REFUSED, "KMS.0205: it says no; check reg",
          1 },
        { 400, ERROR("KMS.0208"), REFUSED, "the labels or the header", 1 },
        { 400, ERROR("KMS.0209"), REFUSED, "enable the key", 1 },
        { 400, ERROR("KMS.0210"), REFUSED, "cancel the deletion", 1 },
        { 400, ERROR("KMS.02055"), REFUSED, "KMS.02055: it says no", 1 },
        { 403, ERROR("KMS.0301"), REFUSED, "whose credentials", 1 },
        { 500, ERROR("KMS.0101"), FAILED, "KMS.0101: it says no", 4 },
        /* No Date that would set the clock right, and nothing to lock a key for. */
        { 401, GATEWAY("APIGW.0301"), REFUSED,
          "APIGW.0301: it says no (request req-1); check access key", 1 },
        { 429, GATEWAY("APIGW.0308"), FAILED, "asked too often", 4 },
        { 404, GATEWAY("APIGW.0101"), REFUSED, "APIGW.0101: it says no", 1 },
        { 502, "<html>", FAILED, "status 502", 4 },
        { 504, "", FAILED, "status 504", 4 },
        { 400, "{\"error\":7}", REFUSED, "status 400", 1 },
        { 302, DECRYPTED, FAILED, "redirection", 1 },
        { 204, "", FAILED, "huaweikms: ", 1 },
        { 0, NULL, FAILED, "no connection", 4 },
        { 200, "", FAILED, "huaweikms: ", 1 },
        { 200, "[]", FAILED, "huaweikms: ", 1 },
        { 200, DECRYPTED "x", FAILED, "huaweikms: ", 1 },
        { 200, "{" PLAIN "}", FAILED, "names no key", 1 },
        { 200, "{" NAMED "}", FAILED, "32 bytes", 1 },
        { 200, "{" NAMED "," PLAIN "," PLAIN "}", FAILED, "", 1 },
        { 200, "{" PLAIN ",\"key_id\":\"" OTHER_ID "\"}", REFUSED,
          "about another key", 1 },
        { 200, "{" NAMED ",\"plain_text\":\"" SHORT_KEK_BASE64 "\"}", FAILED,
          "32 bytes", 1 },
        { 200, "{" NAMED ",\"plain_text\":\"" KEK_BASE64 "AAAA\"}", FAILED,
          "32 bytes", 1 },
    };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (unwrap(&t, URI, &wrapped, cases[i].status, cases[i].body)
            != cases[i].reason)
            fail_msg("case %zu: %s", i, t.err.detail);
        assert_detail(&t, cases[i].detail);
        assert_int_equal(t.fake.request_count, cases[i].requests);
    }
    fake_world_clear(&t.fake);
}

static void
bad_replies_make_no_header(void **state)
{
    static const struct {
        const char *body;
        enum envelope_reason reason;
    } cases[] = {
        { "{" BLOB "}", FAILED },
        { "{" BLOB ",\"key_id\":\"" OTHER_ID "\"}", REFUSED },
        { "{" NAMED "}", FAILED },
        { "{" NAMED ",\"cipher_text\":\"\"}", FAILED },
        { "{" NAMED ",\"cipher_text\":null}", FAILED },
        { "{" NAMED ",\"cipher_text\":\"a\\nb\"}", FAILED },
        { "{" NAMED ",\"cipher_text\":\"a\\u0000\"}", FAILED },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++)
        assert_int_equal(generate(&t, URI, 200, cases[i].body),
                         cases[i].reason);
    fake_world_clear(&t.fake);
}

/* The gateway's code for a clock that is wrong is that for all else. */
static void
the_clock_is_the_services(void **state)
{
    static const char late[] = "Date: Sun, 30 Aug 2015 13:36:00 GMT\r\n";
    const struct fake_reply replies[] = {
        { 401, GATEWAY("APIGW.0301"), late },
        { 200, DECRYPTED, late },
    };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, replies, COUNT(replies)),
                     ENVELOPE_OK);
    assert_header(&t, 0, "X-Sdk-Date", "20150830T123600Z");
    assert_header(&t, 1, "X-Sdk-Date", "20150830T133600Z");
    fake_world_clear(&t.fake);
}

/* A pod's credentials that are refused are asked for anew. */
static void
credentials_are_renewed(void **state)
{
#define POD(id)                                                               \
    "{\"credentials\":{\"accessKeyId\":\"" id "\",\"secretAccessKey\":\"s\"," \
    "\"securityToken\":\"t\",\"expiration\":\"2030-01-01T00:00:00Z\"}}"
    static const struct fake_pair variables[] = {
        { "HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c" },
        { "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token" },
        { "HUAWEICLOUD_SDK_PROJECT_ID", PROJECT },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = { { "/run/token", "token" },
                                              { NULL, NULL } };
    static const struct fake_reply replies[] = {
        { 200, POD("old"), NULL },
        { 401, GATEWAY("APIGW.0301"), NULL },
        { 200, POD("new"), NULL },
        { 200, DECRYPTED, NULL },
    };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = { .variables = variables, .files = files };

    (void)state;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, replies, COUNT(replies)),
                     ENVELOPE_OK);
    assert_non_null(
        strstr(fake_header(&t.fake.requests[3], "Authorization"), "new"));
    fake_world_clear(&t.fake);
}

/* A few wrong signatures lock an access key: they are not repeated for each file. */
static void
who_was_denied_is_not_asked_again(void **state)
{
    static const struct fake_pair others[] = {
        { "HUAWEICLOUD_SDK_AK", "AccessKey" },
        { "HUAWEICLOUD_SDK_SK", "AnotherKey" },
        { "HUAWEICLOUD_SDK_PROJECT_ID", PROJECT },
        { NULL, NULL },
    };
    static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };
    const struct fake_reply denied = { 401, GATEWAY("APIGW.0301"), NULL };
    const struct fake_reply good = { 200, DECRYPTED, NULL };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();

    (void)state;
    t.kept = &kept;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &denied, 1),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "check access key");
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "huaweikms: it refused these credentials a moment ago");
    /* Others are tried; and these again, a minute later. */
    t.variables = others;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &good, 1), ENVELOPE_OK);
    t.variables = new_trial().variables;
    t.now = 1440938160 + 59;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    t.now = 1440938160 + 60;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &good, 1), ENVELOPE_OK);
    kms_kept_forget(&kept);
    fake_world_clear(&t.fake);
}

/* Only what was refused last, with these credentials and by this service, counts. */
static void
others_are_not_denied(void **state)
{
    static const char late[] = "Date: Sun, 30 Aug 2015 13:36:00 GMT\r\n";
    static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };
    const struct fake_reply denied = { 401, GATEWAY("APIGW.0301"), NULL };
    const struct fake_reply good = { 200, DECRYPTED, NULL };
    const struct fake_reply clock[] = { { 401, GATEWAY("APIGW.0301"), late },
                                        { 0, NULL, NULL },
                                        { 0, NULL, NULL },
                                        { 0, NULL, NULL } };
    const struct fake_reply moved[] = { { 401, GATEWAY("APIGW.0301"), late },
                                        { 302, "", NULL } };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = new_trial();

    (void)state;
    t.kept = &kept;
    /* The clock was wrong, and then nobody answered. */
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, clock, COUNT(clock)),
                     ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, moved, COUNT(moved)),
                     ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &good, 1), ENVELOPE_OK);
    /* Another endpoint. */
    assert_int_equal(trial_unwrap(&t, URI "?endpoint=https://kms.example",
                                  &wrapped, &denied, 1),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &good, 1), ENVELOPE_OK);
    assert_int_equal(trial_unwrap(&t, URI "?endpoint=https://kms.example",
                                  &wrapped, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    kms_kept_forget(&kept);
    fake_world_clear(&t.fake);
}

/* IAM is asked for the project with the same key, which it may lock as well. */
static void
iam_is_not_asked_again(void **state)
{
    static const struct fake_pair no_project[] = {
        { "HUAWEICLOUD_SDK_AK", "AccessKey" },
        { "HUAWEICLOUD_SDK_SK", "SecretKey" },
        { NULL, NULL },
    };
    static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };
    const struct fake_reply denied = { 401, GATEWAY("APIGW.0301"), NULL };
    const struct fake_reply replies[] = {
        { 200, "{\"projects\":[{\"id\":\"" PROJECT "\"}]}", NULL },
        { 401, GATEWAY("APIGW.0301"), NULL },
    };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = { .variables = no_project, .kept = &kept };

    (void)state;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &denied, 1),
                     ENVELOPE_R_CREDENTIALS);
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, NULL, 0),
                     ENVELOPE_R_CREDENTIALS);
    assert_detail(&t, "IAM: it refused these credentials a moment ago");
    kms_kept_forget(&kept);
    /* The project that is known is not asked for with a key that was refused. */
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, replies, 2),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "check access key");
    assert_int_equal(t.fake.request_count, 2);
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    kms_kept_forget(&kept);
    fake_world_clear(&t.fake);
}

/* A pod's new credentials were not refused. */
static void
renewed_credentials_are_not_denied(void **state)
{
    static const struct fake_pair variables[] = {
        { "HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c" },
        { "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token" },
        { "HUAWEICLOUD_SDK_PROJECT_ID", PROJECT },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = { { "/run/token", "token" },
                                              { NULL, NULL } };
    static const struct fake_reply replies[] = {
        { 200, POD("old"), NULL }, { 401, GATEWAY("APIGW.0301"), NULL },
        { 200, POD("new"), NULL }, { 0, NULL, NULL },
        { 0, NULL, NULL },         { 0, NULL, NULL },
    };
    static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };
    const struct fake_reply good = { 200, DECRYPTED, NULL };
    const struct envl_kms_wrapped wrapped = wrapped_key(false);
    struct trial t = { .variables = variables, .files = files, .kept = &kept };

    (void)state;
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, replies, COUNT(replies)),
                     ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(t.fake.request_count, COUNT(replies));
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, &good, 1), ENVELOPE_OK);
    kms_kept_forget(&kept);
    fake_world_clear(&t.fake);
}

static void
memory_may_run_out(void **state)
{
    const struct envl_kms_wrapped wrapped = wrapped_key(true);
    struct trial t = new_trial();

    (void)state;
    trial_sweep(&t, URI, &wrapped, DECRYPTED);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_uris_are_refused),
        cmocka_unit_test(the_endpoint_is_the_users),
        cmocka_unit_test(other_keys_do_not_match),
        cmocka_unit_test(a_key_is_encrypted),
        cmocka_unit_test(a_key_is_decrypted),
        cmocka_unit_test(all_labels_fit),
        cmocka_unit_test(a_context_needs_labels),
        cmocka_unit_test(a_key_is_encrypted_anew),
        cmocka_unit_test(encrypting_anew_has_its_bounds),
        cmocka_unit_test(hostile_blobs_are_not_sent),
        cmocka_unit_test(replies_are_understood),
        cmocka_unit_test(bad_replies_make_no_header),
        cmocka_unit_test(the_clock_is_the_services),
        cmocka_unit_test(credentials_are_renewed),
        cmocka_unit_test(who_was_denied_is_not_asked_again),
        cmocka_unit_test(others_are_not_denied),
        cmocka_unit_test(iam_is_not_asked_again),
        cmocka_unit_test(renewed_credentials_are_not_denied),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_huawei", tests, NULL, NULL);
}
