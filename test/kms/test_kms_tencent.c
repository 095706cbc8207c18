/* SPDX-License-Identifier: Apache-2.0 */
/* Tencent Cloud KMS: its URIs, and what is sent to it. */
#include "test/kms/kms_tencent.h"

/* URIs */

static void
bad_uris_are_refused(void **state)
{
    static const char *const bad[] = {
        "tencentkms:",
        "tencentkms:" KEY_ID,
        "tencentkms:///" KEY_ID,
        "tencentkms://ap-guangzhou",
        "tencentkms://ap-guangzhou/",
        "tencentkms://guangzhou/" KEY_ID,
        "tencentkms://a-guangzhou/" KEY_ID,
        "tencentkms://apac-guangzhou/" KEY_ID,
        "tencentkms://ap-/" KEY_ID,
        "tencentkms://ap--x/" KEY_ID,
        "tencentkms://ap-x-/" KEY_ID,
        "tencentkms://AP-guangzhou/" KEY_ID,
        "tencentkms://ap-guangzhou.evil.example/" KEY_ID,
        "tencentkms://ap-guangzhou:443/" KEY_ID,
        "tencentkms://ap-guangzhou%0d%0aX-TC-Token:x/" KEY_ID,
        "tencentkms://ap-guangzhou/a/b",
        "tencentkms://ap-guangzhou/a%2Fb",
        "tencentkms://ap-guangzhou/a_b",
        "tencentkms://ap-guangzhou/a%20b",
        URI "?region=x",
        URI "?endpoint=http://kms.tencentcloudapi.com",
        URI "?endpoint=kms.tencentcloudapi.com",
        URI "?endpoint=https://user@kms.tencentcloudapi.com",
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (trial_check(&t, bad[i]) != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(generate(&t, bad[i], 200, GENERATED),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(t.fake.request_count, 0);
    }
    (void)trial_check(&t, "tencentkms://ap-guangzhou/");
    assert_detail(&t, "name the key");
    (void)trial_check(&t, URI "?endpoint=http://10.0.0.1");
    assert_detail(&t, "plain http");
    fake_world_clear(&t.fake);
}

static void
lengths_are_limited(void **state)
{
    struct trial t = new_trial();
    char uri[400];

    (void)state;
    (void)snprintf(uri, sizeof(uri), "tencentkms://ap-x/%0*d", 128, 0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_OK);
    (void)snprintf(uri, sizeof(uri), "tencentkms://ap-x/%0*d", 129, 0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_R_UNREADABLE_KEY);
    (void)snprintf(uri, sizeof(uri), "tencentkms://ap-%0*d/k", 61, 0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_OK);
    (void)snprintf(uri, sizeof(uri), "tencentkms://ap-%0*d/k", 62, 0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_R_UNREADABLE_KEY);
    fake_world_clear(&t.fake);
}

static void
good_uris_pass(void **state)
{
    static const char *const good[] = {
        URI,
        "TencentKMS://ap-guangzhou/" KEY_ID,
        "tencentkms://na-siliconvalley/k",
        "tencentkms://ap-shanghai-fsi/k",
        "tencentkms://usa-east1/k",
        URI "?profile=backup&endpoint=https://kms.intl.tencentcloudapi.com",
        URI "?endpoint=http://127.0.0.1:5601",
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (trial_check(&t, good[i]) != ENVELOPE_OK)
            fail_msg("%s: %s", good[i], t.err.detail);
    }
    fake_world_clear(&t.fake);
}

/* A header that names another key, or none, asks nobody. */
static void
other_keys_do_not_match(void **state)
{
    static const char *const keys[] = {
        "",
        "/",
        "ap-guangzhou",
        "ap-guangzhou/",
        KEY_ID,
        "/" KEY_ID,
        "ap-singapore/" KEY_ID,
        "ap-guangzhou/" OTHER_ID,
        KEY "x",
        KEY "/",
        KEY " ",
        "AP-GUANGZHOU/" KEY_ID,
        "ap-guangzhou@evil.example/" KEY_ID,
        "https://evil.example/" KEY,
        "ap-guangzhou//" KEY_ID,
        "ap-guangzhou-" KEY_ID,
    };
    struct trial t = new_trial();
    struct envl_kms_wrapped wrapped;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(keys); i++) {
        wrapped = wrapped_as("tencentkms", keys[i], "blob", false);
        if (trial_matches(&t, URI, &wrapped))
            fail_msg("%s was taken", keys[i]);
        assert_int_equal(unwrap(&t, &wrapped, 200, DECRYPTED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
        assert_int_equal(rewrap(&t, &wrapped, URI, REENCRYPTED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
    }
    wrapped = wrapped_as("awskms", KEY, "blob", false);
    assert_false(trial_matches(&t, URI, &wrapped));
    wrapped = wrapped_as("tencentkms", KEY, "blob", false);
    assert_true(trial_matches(&t, URI, &wrapped));
    assert_true(
        trial_matches(&t, URI "?profile=p&endpoint=http://[::1]:1", &wrapped));
    fake_world_clear(&t.fake);
}

/* Requests */

/* The signature was computed with the signer of Tencent's own SDK. */
static void
a_key_is_generated(void **state)
{
    struct trial t = new_trial();
    const struct fake_request *sent = &t.fake.requests[0];

    (void)state;
    t.labels = "host=db1\nset=a\"b\n";
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, 1);
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url, "https://kms.tencentcloudapi.com/");
    assert_string_equal(
        sent->body,
        "{\"KeyId\":\"" KEY_ID "\",\"KeySpec\":\"AES_256\","
        "\"EncryptionContext\":"
        "\"{\\\"host\\\":\\\"db1\\\",\\\"set\\\":\\\"a\\\\\\\"b\\\"}\"}");
    assert_string_equal(
        sent->headers,
        "Content-Type: application/json; charset=utf-8\n"
        "X-TC-Action: GenerateDataKey\n"
        "X-TC-Version: 2019-01-18\n"
        "X-TC-Region: ap-guangzhou\n"
        "X-TC-Timestamp: 1440938160\n"
        "Authorization: TC3-HMAC-SHA256 "
        "Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2015-08-30/kms/"
        "tc3_request, SignedHeaders=content-type;host, "
        "Signature=d54f8633ef5ebee29384c0a0d8c64b4d6530b4de1b7609bd89faa4a8b"
        "73764be\n");

    assert_string_equal(t.made.service, "tencentkms");
    assert_string_equal(t.made.key, KEY);
    assert_true(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen("k-blob+/:="));
    assert_memory_equal(t.made.blob, "k-blob+/:=", t.made.blob_len);
    fake_world_clear(&t.fake);
}

static void
without_labels_there_is_no_context(void **state)
{
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"KeyId\":\"" KEY_ID "\",\"KeySpec\":\"AES_256\"}");
    assert_false(t.made.has_context);
    t.labels = "";
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_false(t.made.has_context);
    fake_world_clear(&t.fake);
}

static void
a_key_is_decrypted(void **state)
{
    struct envl_kms_wrapped wrapped =
        wrapped_as("tencentkms", KEY, "b\"lob\\", false);
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(unwrap(&t, &wrapped, 200, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"CiphertextBlob\":\"b\\\"lob\\\\\"}");
    assert_header(&t, 0, "X-TC-Action", "Decrypt");
    assert_header(&t, 0, "X-TC-Region", "ap-guangzhou");
    assert_header(&t, 0, "X-TC-Token", NULL);

    wrapped = wrapped_as("tencentkms", KEY, "blob", true);
    assert_int_equal(unwrap(&t, &wrapped, 200, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"CiphertextBlob\":\"blob\",\"EncryptionContext\":"
                        "\"{\\\"a\\\":\\\"1\\\"}\"}");
    fake_world_clear(&t.fake);
}

static void
a_key_is_encrypted_anew(void **state)
{
    struct envl_kms_wrapped wrapped =
        wrapped_as("tencentkms", KEY, "blob", false);
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, REENCRYPTED), ENVELOPE_OK);
    assert_header(&t, 0, "X-TC-Action", "ReEncrypt");
    assert_string_equal(t.fake.requests[0].body,
                        "{\"CiphertextBlob\":\"blob\",\"DestinationKeyId\":"
                        "\"" OTHER_ID "\",\"DestinationEncryptionContext\":"
                        "\"{\\\"a\\\":\\\"1\\\"}\"}");
    assert_string_equal(t.made.service, "tencentkms");
    assert_string_equal(t.made.key, "ap-guangzhou/" OTHER_ID);
    assert_true(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen("new-blob"));
    assert_memory_equal(t.made.blob, "new-blob", t.made.blob_len);

    wrapped.has_context = true;
    assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, REENCRYPTED), ENVELOPE_OK);
    assert_string_equal(
        t.fake.requests[0].body,
        "{\"CiphertextBlob\":\"blob\",\"DestinationKeyId\":\"" OTHER_ID
        "\",\"SourceEncryptionContext\":\"{\\\"a\\\":\\\"1\\\"}\","
        "\"DestinationEncryptionContext\":\"{\\\"a\\\":\\\"1\\\"}\"}");
    assert_true(t.made.has_context);
    fake_world_clear(&t.fake);
}

static void
encrypting_anew_has_its_bounds(void **state)
{
    static const char *const elsewhere[] = {
        "tencentkms://ap-singapore/" KEY_ID,
        URI "?endpoint=https://kms.intl.tencentcloudapi.com",
        URI "?profile=x",
    };
    const struct envl_kms_wrapped wrapped =
        wrapped_as("tencentkms", KEY, "blob", false);
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(elsewhere); i++) {
        assert_int_equal(rewrap(&t, &wrapped, elsewhere[i], REENCRYPTED),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_detail(&t, "without --by-service");
        assert_int_equal(t.fake.request_count, 0);
    }
    /* Another source, another destination, none. */
    assert_int_equal(rewrap(&t, &wrapped, URI, REENCRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(rewrap(&t, &wrapped, URI, GENERATED),
                     ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(
        rewrap(&t, &wrapped, URI,
               REPLY(NAMED "," BLOB ",\"SourceKeyId\":\"" OTHER_ID "\"")),
        ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(rewrap(&t, &wrapped, URI,
                            REPLY(NAMED ",\"SourceKeyId\":\"" KEY_ID "\"")),
                     ENVELOPE_R_KEY_SERVICE);
    fake_world_clear(&t.fake);
}

static void
the_endpoint_is_the_users(void **state)
{
    static const struct fake_pair with_endpoint[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "TENCENTCLOUD_TOKEN", "the-token" },
        { "TENCENTCLOUD_KMS_ENDPOINT", "https://kms.intl.tencentcloudapi.com" },
        { NULL, NULL },
    };
    struct trial t = { .variables = with_endpoint };

    (void)state;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].url,
                        "https://kms.intl.tencentcloudapi.com/");
    assert_header(&t, 0, "X-TC-Token", "the-token");
    assert_int_equal(
        generate(&t, URI "?endpoint=http://127.0.0.1:5601", 200, GENERATED),
        ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].url, "http://127.0.0.1:5601/");
    /* The service's name does not come from the host's. */
    assert_non_null(strstr(fake_header(&t.fake.requests[0], "Authorization"),
                           "/2015-08-30/kms/tc3_request"));
    fake_world_clear(&t.fake);
}

/* Labels */

static void
many_labels_are_refused(void **state)
{
    struct trial t = new_trial();
    char labels[1100];

    (void)state;
    /* {"a":"..."} has 8 bytes beside the value. */
    (void)snprintf(labels, sizeof(labels), "a=%0*d\n", 1024 - 8, 0);
    t.labels = labels;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    (void)snprintf(labels, sizeof(labels), "a=%0*d\n", 1025 - 8, 0);
    assert_int_equal(generate(&t, URI, 200, GENERATED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "1025 bytes");
    assert_detail(&t, "use fewer labels");
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

static void
a_context_needs_labels(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("tencentkms", KEY, "blob", true);
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(unwrap(&t, &wrapped, 200, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "the stream has none");
    assert_int_equal(rewrap(&t, &wrapped, OTHER_URI, REENCRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

static void
hostile_blobs_are_not_sent(void **state)
{
    struct envl_kms_wrapped wrapped;
    struct trial t = new_trial();

    (void)state;
    trial_refuses_blobs(&t, URI, "tencentkms", KEY, DECRYPTED);
    wrapped = wrapped_as("tencentkms", KEY, "abc", false);
    wrapped.blob[1] = '\0';
    assert_int_equal(unwrap(&t, &wrapped, 200, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

/* Credentials */

static void
bad_credentials_are_not_sent(void **state)
{
    static const struct fake_pair bad[] = {
        { "TENCENTCLOUD_SECRET_ID", "id\r\nX-Evil: 1" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { NULL, NULL },
    };
    static const struct fake_pair bad_token[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "TENCENTCLOUD_SESSION_TOKEN", "token\n" },
        { NULL, NULL },
    };
    struct trial t = { .variables = bad };

    (void)state;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_R_CREDENTIALS);
    assert_int_equal(t.fake.request_count, 0);
    t.variables = bad_token;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_R_CREDENTIALS);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

static void
a_named_profile_is_used(void **state)
{
    static const struct fake_pair with_home[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "HOME", "/home/me" },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = {
        { "/home/me/.tencentcloud/credentials",
          "[backup]\nsecret_id = other\nsecret_key = s\ntoken = t\n" },
        { NULL, NULL },
    };
    struct trial t = { .variables = with_home, .files = files };

    (void)state;
    assert_int_equal(generate(&t, URI "?profile=backup", 200, GENERATED),
                     ENVELOPE_OK);
    assert_non_null(strstr(fake_header(&t.fake.requests[0], "Authorization"),
                           "Credential=other/"));
    assert_header(&t, 0, "X-TC-Token", "t");
    assert_int_equal(generate(&t, URI "?profile=none", 200, GENERATED),
                     ENVELOPE_R_CREDENTIALS);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_uris_are_refused),
        cmocka_unit_test(lengths_are_limited),
        cmocka_unit_test(good_uris_pass),
        cmocka_unit_test(other_keys_do_not_match),
        cmocka_unit_test(a_key_is_generated),
        cmocka_unit_test(without_labels_there_is_no_context),
        cmocka_unit_test(a_key_is_decrypted),
        cmocka_unit_test(a_key_is_encrypted_anew),
        cmocka_unit_test(encrypting_anew_has_its_bounds),
        cmocka_unit_test(the_endpoint_is_the_users),
        cmocka_unit_test(many_labels_are_refused),
        cmocka_unit_test(a_context_needs_labels),
        cmocka_unit_test(hostile_blobs_are_not_sent),
        cmocka_unit_test(bad_credentials_are_not_sent),
        cmocka_unit_test(a_named_profile_is_used),
    };

    return cmocka_run_group_tests_name("kms_tencent", tests, NULL, NULL);
}
