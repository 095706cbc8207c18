/* SPDX-License-Identifier: Apache-2.0 */
/* Alibaba Cloud KMS: its URIs, and what is sent to it. */
#include "test/kms/kms_ali.h"

/* URIs */

static void
bad_uris_are_refused(void **state)
{
    static const char *const bad[] = {
        "alikms:",
        "alikms:" KEY_ID,
        "alikms:///" KEY_ID,
        "alikms:///" ARN,
        "alikms://cn-hangzhou",
        "alikms://cn-hangzhou/",
        "alikms://hangzhou/" KEY_ID,
        "alikms://CN-hangzhou/" KEY_ID,
        "alikms://cn-hangzhou.evil.example/" KEY_ID,
        "alikms://cn-hangzhou:443/" KEY_ID,
        "alikms://cn-hangzhou%0d%0ax-acs-action:x/" KEY_ID,
        REGION "a_b",
        REGION "a/b",
        REGION "a%20b",
        REGION "alias/",
        REGION "alias/a%20b",
        REGION "Alias/a",
        REGION "acs:kms:cn-hangzhou:154035569884:alias/a",
        REGION "acs:kms:cn-hangzhou:154035569884:key/",
        REGION "acs:kms:cn-hangzhou:154035569884:key/a/b",
        REGION "acs:kms:cn-hangzhou::key/" KEY_ID,
        REGION "acs:kms:cn-hangzhou:me:key/" KEY_ID,
        REGION "acs:kms:cn-shanghai:154035569884:key/" KEY_ID,
        REGION "acs:ram:cn-hangzhou:154035569884:key/" KEY_ID,
        REGION "arn:aws:kms:cn-hangzhou:154035569884:key/" KEY_ID,
        URI "?region=x",
        URI "?account=154035569884",
        URI "?endpoint=http://kms.cn-hangzhou.aliyuncs.com",
        URI "?endpoint=kms.cn-hangzhou.aliyuncs.com",
        URI "?endpoint=https://user@kms.cn-hangzhou.aliyuncs.com",
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
    (void)trial_check(&t, "alikms://hangzhou/" KEY_ID);
    assert_detail(&t, "no region such as cn-hangzhou");
    (void)trial_check(&t, REGION "acs:kms:cn-shanghai:1:key/" KEY_ID);
    assert_detail(&t, "the ARN of a key in this region");
    (void)trial_check(&t, REGION);
    assert_detail(&t, "name the key");
    (void)trial_check(&t, URI "?endpoint=http://10.0.0.1");
    assert_detail(&t, "plain http");
    fake_world_clear(&t.fake);
}

static void
lengths_are_limited(void **state)
{
    static const struct {
        const char *begin;
        int max;
    } cases[] = {
        { REGION, 128 },
        { REGION "alias/", 255 - 6 },
        { REGION "acs:kms:cn-hangzhou:1:key/", 128 },
    };
    struct trial t = new_trial();
    char uri[400];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        (void)snprintf(uri, sizeof(uri), "%s%0*d", cases[i].begin, cases[i].max,
                       0);
        assert_int_equal(trial_check(&t, uri), ENVELOPE_OK);
        (void)snprintf(uri, sizeof(uri), "%s%0*d", cases[i].begin,
                       cases[i].max + 1, 0);
        assert_int_equal(trial_check(&t, uri), ENVELOPE_R_UNREADABLE_KEY);
    }
    fake_world_clear(&t.fake);
}

static void
good_uris_pass(void **state)
{
    static const char *const good[] = {
        URI,
        OTHER_URI,
        ALIAS_URI,
        REGION "alias/team/a_b-c",
        REGION "alias%2Fbackup",
        REGION ARN,
        REGION "acs%3Akms%3Acn-hangzhou%3A154035569884%3Akey%2F" KEY_ID,
        "AliKMS://us-west-1/k",
        "alikms://cn-beijing-finance-1/k",
        URI "?profile=backup&endpoint=https://kms-vpc.cn-hangzhou.aliyuncs.com",
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
    static const struct {
        const char *key;
        bool of_alias; /* an alias of the region can mean it */
    } cases[] = {
        { "", false },
        { "/", false },
        { "cn-hangzhou", false },
        { "cn-hangzhou/", false },
        { KEY_ID, false },
        { "/" KEY_ID, false },
        { ARN, false },
        { "cn-hangzhou/" ARN, false },
        { "cn-hangzhou/alias/backup", false },
        { "cn-shanghai/" KEY_ID, false },
        { "cn-hangzhou-" KEY_ID, false },
        { "CN-HANGZHOU/" KEY_ID, false },
        { "cn-hangzhou//" KEY_ID, false },
        { KEY "/", false },
        { KEY " ", false },
        { "cn-hangzhou@evil.example/" KEY_ID, false },
        { "https://evil.example/" KEY, false },
        { OTHER_KEY, true },
        { KEY "x", true },
    };
    static const char *const uris[] = { URI, REGION ARN, ALIAS_URI };
    struct trial t = new_trial();
    struct envl_kms_wrapped wrapped;
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(cases) * COUNT(uris); i++) {
        j = i / COUNT(uris);
        wrapped = wrapped_as("alikms", cases[j].key, "blob", false);
        if (i % COUNT(uris) == 2 && cases[j].of_alias) {
            assert_true(trial_matches(&t, ALIAS_URI, &wrapped));
            continue;
        }
        if (trial_matches(&t, uris[i % COUNT(uris)], &wrapped))
            fail_msg("%s was taken", cases[j].key);
        assert_int_equal(unwrap(&t, uris[i % COUNT(uris)], &wrapped, DECRYPTED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
    }
    for (i = 0; i < COUNT(uris); i++) {
        wrapped = wrapped_as("awskms", KEY, "blob", false);
        assert_false(trial_matches(&t, uris[i], &wrapped));
        wrapped = wrapped_as("alikms", KEY, "blob", false);
        assert_true(trial_matches(&t, uris[i], &wrapped));
    }
    fake_world_clear(&t.fake);
}

/* Requests */

#define CONTEXT "%7B%22host%22%3A%22db1%22%2C%22set%22%3A%22a%5C%22b%22%7D"

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
    assert_string_equal(sent->url,
                        "https://kms.cn-hangzhou.aliyuncs.com/?KeyId=" KEY_ID
                        "&KeySpec=AES_256&EncryptionContext=" CONTEXT);
    assert_string_equal(sent->body, "");
    assert_header(&t, 0, "Content-Type", NULL);
    assert_header(&t, 0, "Accept", "application/json");
    assert_header(&t, 0, "x-acs-version", "2016-01-20");
    assert_header(&t, 0, "x-acs-date", "2015-08-30T12:36:00Z");
    assert_header(&t, 0, "x-acs-action", "GenerateDataKey");
    assert_header(&t, 0, "x-acs-security-token", NULL);
    assert_header(
        &t, 0, "x-acs-content-sha256",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_non_null(strstr(fake_header(sent, "Authorization"),
                           "ACS3-HMAC-SHA256 Credential=LTAI5tEXAMPLE,"
                           "SignedHeaders=host;x-acs-action;"
                           "x-acs-content-sha256;x-acs-date;"
                           "x-acs-signature-nonce;x-acs-version,Signature="));

    assert_string_equal(t.made.service, "alikms");
    assert_string_equal(t.made.key, KEY);
    assert_true(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen("k-blob+/:="));
    assert_memory_equal(t.made.blob, "k-blob+/:=", t.made.blob_len);
    fake_world_clear(&t.fake);
}

/* As the user has it, the key is sent; as the service has it, it is kept. */
static void
each_name_of_a_key_is_sent(void **state)
{
    static const struct {
        const char *uri, *sent;
    } cases[] = {
        { URI, "?KeyId=" KEY_ID "&KeySpec=AES_256" },
        { ALIAS_URI, "?KeyId=alias%2Fbackup&KeySpec=AES_256" },
        { REGION ARN,
          "?KeyId=acs%3Akms%3Acn-hangzhou%3A154035569884%3Akey%2F" KEY_ID
          "&KeySpec=AES_256" },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(generate(&t, cases[i].uri, 200, GENERATED),
                         ENVELOPE_OK);
        assert_string_equal(strchr(t.fake.requests[0].url, '?'), cases[i].sent);
        assert_string_equal(t.made.key, KEY);
        assert_false(t.made.has_context);
    }
    fake_world_clear(&t.fake);
}

/* An alias is any key; an identifier is one. */
static void
the_key_of_the_reply_counts(void **state)
{
    static const struct {
        const char *uri, *said;
        enum envelope_reason reason;
    } cases[] = {
        { URI, OTHER_ID, ENVELOPE_R_KEY_SERVICE_REFUSED },
        { REGION ARN, OTHER_ID, ENVELOPE_R_KEY_SERVICE_REFUSED },
        { ALIAS_URI, OTHER_ID, ENVELOPE_OK },
        { ALIAS_URI, "alias/backup", ENVELOPE_R_KEY_SERVICE },
        { ALIAS_URI, ARN, ENVELOPE_R_KEY_SERVICE },
        { ALIAS_URI, "", ENVELOPE_R_KEY_SERVICE },
        { URI, "a b", ENVELOPE_R_KEY_SERVICE },
        { URI, KEY_ID "x", ENVELOPE_R_KEY_SERVICE_REFUSED },
    };
    struct trial t = new_trial();
    char body[400];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        (void)snprintf(body, sizeof(body),
                       REPLY("\"KeyId\":\"%s\"," PLAIN "," BLOB),
                       cases[i].said);
        assert_int_equal(generate(&t, cases[i].uri, 200, body),
                         cases[i].reason);
    }
    assert_int_equal(t.fake.request_count, 1);
    fake_world_clear(&t.fake);
}

static void
a_key_is_decrypted(void **state)
{
    struct envl_kms_wrapped wrapped =
        wrapped_as("alikms", KEY, "k-blob+/:=", false);
    static const char *const uris[] = { URI, REGION ARN, ALIAS_URI };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    t.labels = "a=1\n";
    for (i = 0; i < COUNT(uris); i++) {
        wrapped.has_context = false;
        assert_int_equal(unwrap(&t, uris[i], &wrapped, DECRYPTED), ENVELOPE_OK);
        assert_string_equal(t.fake.requests[0].url,
                            "https://kms.cn-hangzhou.aliyuncs.com/"
                            "?CiphertextBlob=k-blob%2B%2F%3A%3D");
        assert_header(&t, 0, "x-acs-action", "Decrypt");
        wrapped.has_context = true;
        assert_int_equal(unwrap(&t, uris[i], &wrapped, DECRYPTED), ENVELOPE_OK);
        assert_string_equal(strchr(t.fake.requests[0].url, '&'),
                            "&EncryptionContext=%7B%22a%22%3A%221%22%7D");
        /* The header's key, whatever the user calls it */
        assert_int_equal(unwrap(&t, uris[i], &wrapped,
                                REPLY("\"KeyId\":\"" OTHER_ID "\"," PLAIN)),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_detail(&t, "about another key, " OTHER_ID ", than " KEY_ID);
        assert_int_equal(unwrap(&t, uris[i], &wrapped, REPLY(PLAIN)),
                         ENVELOPE_R_KEY_SERVICE);
    }
    fake_world_clear(&t.fake);
}

static void
a_key_is_encrypted_anew(void **state)
{
    struct envl_kms_wrapped wrapped = wrapped_as("alikms", KEY, "blob", false);
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(rewrap(&t, ALIAS_URI, &wrapped, OTHER_URI, REENCRYPTED),
                     ENVELOPE_OK);
    assert_header(&t, 0, "x-acs-action", "ReEncrypt");
    assert_string_equal(strchr(t.fake.requests[0].url, '?'),
                        "?CiphertextBlob=blob&DestinationKeyId=" OTHER_ID
                        "&DestinationEncryptionContext="
                        "%7B%22a%22%3A%221%22%7D");
    assert_string_equal(t.made.service, "alikms");
    assert_string_equal(t.made.key, OTHER_KEY);
    assert_true(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen("new-blob"));
    assert_memory_equal(t.made.blob, "new-blob", t.made.blob_len);

    wrapped.has_context = true;
    assert_int_equal(rewrap(&t, URI, &wrapped, REGION ARN, REENCRYPTED),
                     ENVELOPE_OK);
    assert_non_null(strstr(t.fake.requests[0].url,
                           "&SourceEncryptionContext=%7B%22a%22%3A%221%22%7D"
                           "&DestinationEncryptionContext="));
    assert_string_equal(t.made.key, KEY);
    fake_world_clear(&t.fake);
}

static void
encrypting_anew_has_its_bounds(void **state)
{
    static const struct {
        const char *to, *detail;
    } elsewhere[] = {
        { "alikms://cn-shanghai/" KEY_ID, "without --by-service" },
        { URI "?endpoint=https://kms-vpc.cn-hangzhou.aliyuncs.com",
          "without --by-service" },
        { URI "?profile=x", "without --by-service" },
        /* The reply does not name the new key. */
        { ALIAS_URI, "which key an alias is" },
    };
    const struct envl_kms_wrapped wrapped =
        wrapped_as("alikms", KEY, "blob", false);
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(elsewhere); i++) {
        assert_int_equal(
            rewrap(&t, URI, &wrapped, elsewhere[i].to, REENCRYPTED),
            ENVELOPE_R_UNREADABLE_KEY);
        assert_detail(&t, elsewhere[i].detail);
        assert_int_equal(t.fake.request_count, 0);
    }
    assert_int_equal(rewrap(&t, URI, &wrapped, OTHER_URI,
                            REPLY("\"KeyId\":\"" OTHER_ID "\"," BLOB)),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(rewrap(&t, URI, &wrapped, OTHER_URI, REPLY(NAMED)),
                     ENVELOPE_R_KEY_SERVICE);
    fake_world_clear(&t.fake);
}

static void
the_endpoint_is_the_users(void **state)
{
    static const struct fake_pair with_endpoint[] = {
        { "ALIBABA_CLOUD_ACCESS_KEY_ID", "id" },
        { "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "key" },
        { "ALIBABA_CLOUD_SECURITY_TOKEN", "the-token" },
        { "ALIBABA_CLOUD_KMS_ENDPOINT",
          "https://kms-vpc.cn-hangzhou.aliyuncs.com" },
        { NULL, NULL },
    };
    struct trial t = { .variables = with_endpoint };

    (void)state;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_non_null(strstr(t.fake.requests[0].url,
                           "https://kms-vpc.cn-hangzhou.aliyuncs.com/?"));
    assert_header(&t, 0, "x-acs-security-token", "the-token");
    assert_header(&t, 0, "x-acs-accesskey-id", "id");
    assert_int_equal(
        generate(&t, URI "?endpoint=http://127.0.0.1:5601", 200, GENERATED),
        ENVELOPE_OK);
    assert_non_null(strstr(t.fake.requests[0].url, "http://127.0.0.1:5601/?"));
    fake_world_clear(&t.fake);
}

/* Labels and blobs */

static void
many_labels_are_refused(void **state)
{
    struct trial t = new_trial();
    char labels[8300];

    (void)state;
    /* {"a":"..."} has 8 bytes beside the value. */
    (void)snprintf(labels, sizeof(labels), "a=%0*d\n", 8192 - 8, 0);
    t.labels = labels;
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    (void)snprintf(labels, sizeof(labels), "a=%0*d\n", 8193 - 8, 0);
    assert_int_equal(generate(&t, URI, 200, GENERATED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "8193 bytes");
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

static void
hostile_blobs_are_not_sent(void **state)
{
    struct envl_kms_wrapped wrapped;
    struct trial t = new_trial();

    (void)state;
    trial_refuses_blobs(&t, URI, "alikms", KEY, DECRYPTED);
    /* Nothing of it becomes a parameter of its own. */
    wrapped = wrapped_as("alikms", KEY, "a&KeyId=b#c?d", false);
    assert_int_equal(unwrap(&t, URI, &wrapped, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(strchr(t.fake.requests[0].url, '?'),
                        "?CiphertextBlob=a%26KeyId%3Db%23c%3Fd");
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
        cmocka_unit_test(each_name_of_a_key_is_sent),
        cmocka_unit_test(the_key_of_the_reply_counts),
        cmocka_unit_test(a_key_is_decrypted),
        cmocka_unit_test(a_key_is_encrypted_anew),
        cmocka_unit_test(encrypting_anew_has_its_bounds),
        cmocka_unit_test(the_endpoint_is_the_users),
        cmocka_unit_test(many_labels_are_refused),
        cmocka_unit_test(hostile_blobs_are_not_sent),
    };

    return cmocka_run_group_tests_name("kms_ali", tests, NULL, NULL);
}
