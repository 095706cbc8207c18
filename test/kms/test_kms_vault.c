/* SPDX-License-Identifier: Apache-2.0 */
/* Vault's transit engine: URIs, and what is sent. */
#include "test/kms/kms_vault.h"

/* URIs */

static void
bad_uris_are_refused(void **state)
{
    static const char *const bad[] = {
        "vault:",
        "vault://",
        "vault://backup",
        "vault://host/backup",
        "vault://host/transit/backup",
        "vault://host/keys/backup",
        "vault:///keys/backup",
        "vault:///transit/keys/",
        "vault:///transit/keys",
        "vault:///transit//keys/backup",
        "vault:////keys/backup",
        "vault:///transit/Keys/backup",
        "vault:///transitkeys/backup",
        "vault:..",
        "vault:.",
        "vault:///../keys/backup",
        "vault:///a/../keys/backup",
        "vault:///a/./keys/backup",
        "vault:///transit/keys/..",
        "vault:back%2Fup",
        "vault:back%2E%2E%2Fup",
        "vault:back%20up",
        "vault:back%25up",
        "vault:back+up",
        "vault:///tran%3Fsit/keys/backup",
        "vault:backup?context=other",
        "vault:backup?token=x",
        "vault://host/transit/keys/backup?address=https://other",
        "vault:backup?address=http://vault.example:8200",
        "vault:backup?address=unix:///run/vault.sock",
        "vault://user@host/transit/keys/backup",
        "vault://host:99999/transit/keys/backup",
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
    (void)trial_check(&t, "vault:backup?address=http://10.0.0.1:8200");
    assert_detail(&t, "plain http");
    fake_world_clear(&t.fake);
}

static void
paths_are_asked_as_named(void **state)
{
    static const struct {
        const char *uri, *key, *url;
    } good[] = {
        { "vault:backup", KEY,
          "https://vault.example:8200/v1/transit/datakey/plaintext/backup" },
        { "vault:///transit/keys/backup", KEY,
          "https://vault.example:8200/v1/transit/datakey/plaintext/backup" },
        { "vault:transit/keys/backup", KEY,
          "https://vault.example:8200/v1/transit/datakey/plaintext/backup" },
        { "vault:///team-1/a_b.c/keys/N.-_1", "team-1/a_b.c/keys/N.-_1",
          "https://vault.example:8200/v1/team-1/a_b.c/datakey/plaintext/"
          "N.-_1" },
        { "vault:///keys/keys/keys", "keys/keys/keys",
          "https://vault.example:8200/v1/keys/datakey/plaintext/keys" },
        { "vault://other.example/transit/keys/backup", KEY,
          "https://other.example/v1/transit/datakey/plaintext/backup" },
        { "vault://other.example:8201/transit/keys/backup", KEY,
          "https://other.example:8201/v1/transit/datakey/plaintext/backup" },
        { "vault:backup?address=http://127.0.0.1:8200/", KEY,
          "http://127.0.0.1:8200/v1/transit/datakey/plaintext/backup" },
        { "vault:backup?address=https://a.example/proxy/", KEY,
          "https://a.example/proxy/v1/transit/datakey/plaintext/backup" },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (trial_check(&t, good[i].uri) != ENVELOPE_OK
            || generate(&t, good[i].uri, 200, GENERATED) != ENVELOPE_OK)
            fail_msg("%s: %s", good[i].uri, t.err.detail);
        assert_string_equal(t.made.key, good[i].key);
        assert_string_equal(t.fake.requests[0].url, good[i].url);
    }
    fake_world_clear(&t.fake);
}

static void
names_fit_into_headers(void **state)
{
    struct trial t = new_trial();
    char uri[ENVL_KMS_KEY_LEN_MAX + 100];
    struct envl_kms_wrapped made;
    int most = ENVL_KMS_KEY_LEN_MAX - (int)strlen("transit/keys/");

    (void)state;
    (void)snprintf(uri, sizeof(uri), "vault:%0*d", most, 0);
    assert_int_equal(generate(&t, uri, 200, GENERATED), ENVELOPE_OK);
    assert_int_equal(strlen(t.made.key), ENVL_KMS_KEY_LEN_MAX);
    made = t.made;
    assert_true(trial_matches(&t, uri, &made));
    (void)snprintf(uri, sizeof(uri), "vault:%0*d", most + 1, 0);
    assert_int_equal(generate(&t, uri, 200, GENERATED),
                     ENVELOPE_R_UNREADABLE_KEY);
    fake_world_clear(&t.fake);
}

static void
other_keys_do_not_match(void **state)
{
    static const char *const keys[] = {
        "",
        "backup",
        "keys/backup",
        "/transit/keys/backup",
        "transit/keys/",
        "transit/keys/backup2",
        "transit/keys/backup/",
        "transit/keys/backup/../other",
        "other/keys/backup",
        "transit/decrypt/backup",
        "https://evil.example/transit/keys/backup",
        "//evil.example/transit/keys/backup",
    };
    struct trial t = new_trial();
    struct envl_kms_wrapped wrapped;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(keys); i++) {
        wrapped = wrapped_as("vault", keys[i], CIPHERTEXT, false);
        if (trial_matches(&t, URI, &wrapped))
            fail_msg("%s was taken", keys[i]);
        assert_int_equal(unwrap(&t, URI, &wrapped, DECRYPTED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
        assert_int_equal(rewrap(&t, URI, &wrapped, URI, REWRAPPED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
    }
    wrapped = wrapped_as("awskms", KEY, CIPHERTEXT, false);
    assert_false(trial_matches(&t, URI, &wrapped));
    wrapped = wrapped_as("vault", KEY, CIPHERTEXT, false);
    assert_true(trial_matches(&t, URI, &wrapped));
    assert_false(trial_matches(&t, "vault:..", &wrapped));
    /* Neither server nor namespace nor context are a part of the key. */
    assert_true(trial_matches(
        &t, "vault://h/transit/keys/backup?context=labels", &wrapped));
    fake_world_clear(&t.fake);
}

/* Requests */

static void
a_key_is_generated(void **state)
{
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(generate(&t, URI, 200, GENERATED), ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, 1);
    assert_string_equal(t.fake.requests[0].method, "POST");
    assert_string_equal(t.fake.requests[0].body, "{\"bits\":256}");
    assert_string_equal(t.fake.requests[0].headers,
                        "Content-Type: application/json\n"
                        "X-Vault-Request: true\n"
                        "X-Vault-Token: " TOKEN "\n");
    assert_string_equal(t.made.service, "vault");
    assert_string_equal(t.made.key, KEY);
    assert_false(t.made.has_context);
    assert_int_equal(t.made.blob_len, strlen(CIPHERTEXT));
    assert_memory_equal(t.made.blob, CIPHERTEXT, t.made.blob_len);
    fake_world_clear(&t.fake);
}

static void
a_key_is_decrypted(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("vault", KEY, CIPHERTEXT, false);
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(unwrap(&t, URI, &wrapped, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].url,
                        "https://vault.example:8200/v1/transit/decrypt/backup");
    assert_string_equal(t.fake.requests[0].body,
                        "{\"ciphertext\":\"" CIPHERTEXT "\"}");
    fake_world_clear(&t.fake);
}

static void
a_key_is_encrypted_anew(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("vault", KEY, CIPHERTEXT, false);
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(rewrap(&t, URI, &wrapped,
                            "vault://vault.example:8200/transit/keys/backup",
                            REWRAPPED),
                     ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].url,
                        "https://vault.example:8200/v1/transit/rewrap/backup");
    assert_string_equal(t.fake.requests[0].body,
                        "{\"ciphertext\":\"" CIPHERTEXT "\"}");
    assert_string_equal(t.made.key, KEY);
    assert_int_equal(t.made.blob_len, strlen("vault:v12:New="));
    assert_memory_equal(t.made.blob, "vault:v12:New=", t.made.blob_len);
    assert_int_equal(rewrap(&t, URI, &wrapped, URI, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE);
    fake_world_clear(&t.fake);
}

static void
encrypting_anew_is_for_the_same_key(void **state)
{
    static const char *const others[] = {
        "vault:other",
        "vault:///other/keys/backup",
        "vault://other.example/transit/keys/backup",
        "vault://vault.example/transit/keys/backup",
        "vault:backup?address=https://vault.example:8200/proxy",
        "vault:backup?address=http://127.0.0.1:8200",
        "vault:backup?namespace=ns1",
        "vault:backup?context=labels",
    };
    const struct envl_kms_wrapped wrapped =
        wrapped_as("vault", KEY, CIPHERTEXT, false);
    struct trial t = new_trial();
    size_t i;

    (void)state;
    t.labels = "a=1\n";
    for (i = 0; i < COUNT(others); i++) {
        if (rewrap(&t, URI, &wrapped, others[i], REWRAPPED)
            != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%s was taken", others[i]);
        assert_detail(&t, "without --by-service");
        assert_int_equal(t.fake.request_count, 0);
    }
    fake_world_clear(&t.fake);
}

/* Derived keys */

static void
labels_may_be_the_context(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("vault", KEY, CIPHERTEXT, true);
    static const char uri[] = URI "?context=labels";
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\nb=2\n";
    assert_int_equal(generate(&t, uri, 200, GENERATED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"bits\":256,\"context\":\"YT0xCmI9Mgo=\"}");
    assert_true(t.made.has_context);
    assert_int_equal(unwrap(&t, uri, &wrapped, DECRYPTED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"ciphertext\":\"" CIPHERTEXT
                        "\",\"context\":\"YT0xCmI9Mgo=\"}");
    assert_int_equal(rewrap(&t, uri, &wrapped, uri, REWRAPPED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"ciphertext\":\"" CIPHERTEXT
                        "\",\"context\":\"YT0xCmI9Mgo=\"}");
    assert_true(t.made.has_context);
    fake_world_clear(&t.fake);
}

static void
contexts_have_to_agree(void **state)
{
    const struct envl_kms_wrapped with =
        wrapped_as("vault", KEY, CIPHERTEXT, true);
    const struct envl_kms_wrapped without =
        wrapped_as("vault", KEY, CIPHERTEXT, false);
    static const char uri[] = URI "?context=labels";
    struct trial t = new_trial();

    (void)state;
    t.labels = "a=1\n";
    assert_int_equal(unwrap(&t, URI, &with, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "add context=labels");
    assert_int_equal(unwrap(&t, uri, &without, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "take context=labels out");
    assert_int_equal(rewrap(&t, URI, &with, URI, REWRAPPED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);

    t.labels = NULL;
    assert_int_equal(unwrap(&t, uri, &with, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(generate(&t, uri, 200, GENERATED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "the stream has none");
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

static void
hostile_blobs_are_not_sent(void **state)
{
    static const char *const blobs[] = {
        "",           "vault",        "vault:v",           "vault:v1",
        "vault:v1:",  "vault:v:abc",  "vault:vx:a",        "Vault:v1:abc",
        "xvault:v1:", "vault:v1:a\n", "vault:v1:\xc3\xa9",
    };
    struct envl_kms_wrapped wrapped;
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(blobs); i++) {
        wrapped = wrapped_as("vault", KEY, blobs[i], false);
        if (unwrap(&t, URI, &wrapped, DECRYPTED)
            != ENVELOPE_R_KEY_SERVICE_REFUSED)
            fail_msg("%s was sent", blobs[i]);
        assert_int_equal(t.fake.request_count, 0);
    }
    wrapped = wrapped_as("vault", KEY, CIPHERTEXT, false);
    wrapped.blob[10] = '\0';
    assert_int_equal(unwrap(&t, URI, &wrapped, DECRYPTED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_uris_are_refused),
        cmocka_unit_test(paths_are_asked_as_named),
        cmocka_unit_test(names_fit_into_headers),
        cmocka_unit_test(other_keys_do_not_match),
        cmocka_unit_test(a_key_is_generated),
        cmocka_unit_test(a_key_is_decrypted),
        cmocka_unit_test(a_key_is_encrypted_anew),
        cmocka_unit_test(encrypting_anew_is_for_the_same_key),
        cmocka_unit_test(labels_may_be_the_context),
        cmocka_unit_test(contexts_have_to_agree),
        cmocka_unit_test(hostile_blobs_are_not_sent),
    };

    return cmocka_run_group_tests_name("kms_vault", tests, NULL, NULL);
}
