/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS: what is sent, byte by byte, and what is made of each reply. */
#include "kms/dispatch.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/kms/world.h"

#define ACCOUNT "111122223333"
#define UUID "1234abcd-12ab-34cd-56ef-1234567890ab"
#define MRK "mrk-1234abcd12ab34cd56ef1234567890ab"
#define ARN "arn:aws:kms:us-east-1:" ACCOUNT ":key/" UUID
#define OTHER_ARN "arn:aws:kms:us-east-1:" ACCOUNT ":key/other"
#define FAR_ARN "arn:aws:kms:us-west-2:" ACCOUNT ":key/" UUID
#define MRK_ARN "arn:aws:kms:us-east-1:" ACCOUNT ":key/" MRK
#define FAR_MRK_ARN "arn:aws:kms:eu-west-1:" ACCOUNT ":key/" MRK

#define KEK "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEK_16 "AAECAwQFBgcICQoLDA0ODw=="
#define KEK_31 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="
#define KEK_33 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
#define BLOB "Qk9YRUQ=" /* "BOXED" */

#define GENERATED(key, plaintext, blob)                                     \
    "{\"CiphertextBlob\":\"" blob "\",\"KeyId\":\"" key "\",\"Plaintext\":" \
    "\"" plaintext "\"}"
#define DECRYPTED(key, plaintext)                                     \
    "{\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\",\"KeyId\":\"" key \
    "\",\"Plaintext\":\"" plaintext "\",\"KeyMaterialId\":\"0a1b\"}"
#define REENCRYPTED(source, key, blob)                  \
    "{\"CiphertextBlob\":\"" blob "\",\"KeyId\":\"" key \
    "\",\"SourceKeyId\":\"" source "\"}"

static const struct envl_libctx ctx = { .propq = "?provider=default" };
static const struct envl_kms_wrapped unset = { .service = "awskms" };

static const struct fake_pair variables[] = {
    { "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE" },
    { "AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    { NULL, NULL },
};
static const struct fake_pair temporary[] = {
    { "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE" },
    { "AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    { "AWS_SESSION_TOKEN", "SESSION/TOKEN==" },
    { "AWS_CA_BUNDLE", "/etc/corp.pem" },
    { NULL, NULL },
};

/* All that a call takes and leaves. */
static struct test {
    struct fake_world fake;
    const char *labels;
    struct envl_kms_wrapped wrapped, made;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err err;
} t;

static void
begin(void)
{
    fake_world_init(&t.fake);
    t.fake.variables = variables;
    t.labels = NULL;
    t.wrapped = unset;
    memcpy(t.wrapped.key, ARN, sizeof(ARN));
    memcpy(t.wrapped.blob, "BOXED", 5);
    t.wrapped.blob_len = 5;
    t.err.detail[0] = '\0';
}

static void
end(void)
{
    fake_world_clear(&t.fake);
}

static int
set_up(void **state)
{
    (void)state;
    begin();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    end();
    return 0;
}

enum operation { GENERATE, UNWRAP, REWRAP };

static enum envelope_reason
call(enum operation operation, const struct envl_kms_call *asked,
     const char *to)
{
    const struct kms_world *world = &t.fake.world;

    memset(t.kek, 0xaa, sizeof(t.kek));
    t.made = unset;
    if (operation == GENERATE)
        return kms_dispatch_generate(world, &t.made, t.kek, asked, &t.err);
    if (operation == UNWRAP)
        return kms_dispatch_unwrap(world, t.kek, &t.wrapped, asked, &t.err);
    return kms_dispatch_rewrap(world, &t.made, &t.wrapped, asked, to, &t.err);
}

/* What holds for every call, whatever came of it. */
static void
check_outcome(enum operation operation, enum envelope_reason rc)
{
    static const unsigned char zero[ENVL_KEK_LEN];
    size_t i;

    if (rc == ENVELOPE_OK && operation != REWRAP) {
        for (i = 0; i < ENVL_KEK_LEN; i++)
            assert_int_equal(t.kek[i], i);
    } else if (operation != REWRAP) {
        assert_memory_equal(t.kek, zero, ENVL_KEK_LEN);
    }
    if (rc == ENVELOPE_OK && operation != UNWRAP) {
        assert_int_equal(t.made.blob_len, 5);
        assert_memory_equal(t.made.blob, "BOXED", 5);
        assert_string_equal(t.made.service, "awskms");
        assert_true(t.made.has_context == (t.labels != NULL));
    }
    if (rc != ENVELOPE_OK) {
        assert_true(strlen(t.err.detail) > 0);
        assert_null(strstr(t.err.detail, "wJalr"));
        assert_null(strstr(t.err.detail, "AAECAwQF"));
    }
}

static enum envelope_reason
run(enum operation operation, const char *uri, const char *to,
    const struct fake_reply *replies, size_t count)
{
    const struct envl_kms_call asked = {
        .ctx = &ctx,
        .uri = uri,
        .labels = t.labels,
        .labels_len = t.labels != NULL ? strlen(t.labels) : 0,
    };
    enum envelope_reason rc;

    t.fake.replies = replies;
    t.fake.reply_count = count;
    rc = call(operation, &asked, to);
    check_outcome(operation, rc);
    return rc;
}

static enum envelope_reason
run_once(enum operation operation, const char *uri, const char *to, int status,
         const char *body)
{
    const struct fake_reply reply = { status, body,
                                      "x-amzn-RequestId: 1b2c-3d\r\n" };

    return run(operation, uri, to, &reply, 1);
}

static void
says(const char *text)
{
    if (strstr(t.err.detail, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, t.err.detail);
}

/* Requests */

static void
a_request_is_signed(void **state)
{
    const struct fake_request *sent = &t.fake.requests[0];

    (void)state;
    assert_int_equal(run_once(GENERATE, "awskms:///" ARN, NULL, 200,
                              GENERATED(ARN, KEK, BLOB)),
                     ENVELOPE_OK);
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url, "https://kms.us-east-1.amazonaws.com/");
    assert_string_equal(sent->body,
                        "{\"KeyId\":\"" ARN "\",\"KeySpec\":\"AES_256\"}");
    assert_string_equal(fake_header(sent, "Content-Type"),
                        "application/x-amz-json-1.1");
    assert_string_equal(fake_header(sent, "X-Amz-Target"),
                        "TrentService.GenerateDataKey");
    assert_string_equal(fake_header(sent, "X-Amz-Date"), "20150830T123600Z");
    assert_null(fake_header(sent, "X-Amz-Security-Token"));
    /* As botocore 1.43 signs it. */
    assert_string_equal(
        fake_header(sent, "Authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kms/"
        "aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target,"
        " Signature="
        "98aaeb70fede7d76b48f7f1532fd4208022e8dc0d3f6cc34f02f0dd34d50cc66");
    assert_string_equal(t.made.key, ARN);
}

static void
a_session_token_is_signed(void **state)
{
    const struct fake_request *sent = &t.fake.requests[0];

    (void)state;
    t.fake.variables = temporary;
    assert_int_equal(run_once(GENERATE, "awskms:///" ARN, NULL, 200,
                              GENERATED(ARN, KEK, BLOB)),
                     ENVELOPE_OK);
    assert_string_equal(fake_header(sent, "X-Amz-Security-Token"),
                        "SESSION/TOKEN==");
    assert_string_equal(
        fake_header(sent, "Authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kms/"
        "aws4_request, SignedHeaders=content-type;host;x-amz-date;"
        "x-amz-security-token;x-amz-target, Signature="
        "88e3030178d8b94674b387d0067c79be21cbaafce786c20dd25cbe2e5bd1da49");
}

/* A send that looks at what no table shows. */
static enum envelope_reason
look_at_trust(void *arg, struct kms_reply *reply,
              const struct kms_request *request, unsigned milliseconds,
              struct envl_err *err)
{
    (void)arg;
    (void)milliseconds;
    assert_string_equal(request->tls.ca_file, "/etc/corp.pem");
    assert_null(request->tls.certificate);
    reply->status = 200;
    kms_text_set(&reply->body, GENERATED(ARN, KEK, BLOB));
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
a_bundle_is_trusted(void **state)
{
    (void)state;
    t.fake.variables = temporary;
    t.fake.world.send = look_at_trust;
    assert_int_equal(run(GENERATE, "awskms:///" ARN, NULL, NULL, 0),
                     ENVELOPE_OK);
}

static void
a_bundle_of_the_profile_is_trusted(void **state)
{
    static const struct fake_pair profile[] = {
        { "HOME", "/home/me" },
        { "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE" },
        { "AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI" },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = {
        { "/home/me/.aws/config", "[default]\nca_bundle = /etc/corp.pem\n" },
        { NULL, NULL },
    };

    (void)state;
    t.fake.variables = profile;
    t.fake.files = files;
    t.fake.world.send = look_at_trust;
    assert_int_equal(run(GENERATE, "awskms:///" ARN, NULL, NULL, 0),
                     ENVELOPE_OK);
}

/* There is no replica where the user asks. */
static void
a_missing_replica_is_told(void **state)
{
    (void)state;
    memcpy(t.wrapped.key, FAR_MRK_ARN, sizeof(FAR_MRK_ARN));
    assert_int_equal(run_once(UNWRAP, "awskms:///" MRK_ARN, NULL, 400,
                              "{\"__type\":\"NotFoundException\"}"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    says("no replica in us-east-1: write awskms:///" FAR_MRK_ARN);
    end();
    begin();
    memcpy(t.wrapped.key, FAR_MRK_ARN, sizeof(FAR_MRK_ARN));
    assert_int_equal(run_once(UNWRAP, "awskms:///" MRK_ARN, NULL, 400,
                              "{\"__type\":\"DisabledException\"}"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_null(strstr(t.err.detail, "replica"));
}

static const struct {
    enum operation operation;
    const char *uri, *to, *labels;
    bool has_context;
    const char *key; /* of the header, or NULL for ARN */
    const char *reply;
    const char *target, *url, *body;
} requests[] = {
    { GENERATE, "awskms:///alias/backup?region=us-east-1", NULL, NULL, false,
      NULL, GENERATED(ARN, KEK, BLOB), "GenerateDataKey",
      "https://kms.us-east-1.amazonaws.com/",
      "{\"KeyId\":\"alias/backup\",\"KeySpec\":\"AES_256\"}" },
    { GENERATE, "awskms:" UUID "?region=us-east-1", NULL,
      "db=main\nhost=\"a\\b\"\n", true, NULL, GENERATED(ARN, KEK, BLOB),
      "GenerateDataKey", "https://kms.us-east-1.amazonaws.com/",
      "{\"KeyId\":\"" UUID "\",\"KeySpec\":\"AES_256\",\"EncryptionContext\":"
      "{\"db\":\"main\",\"host\":\"\\\"a\\\\b\\\"\"}}" },
    { UNWRAP, "awskms:///" ARN, NULL, NULL, false, NULL, DECRYPTED(ARN, KEK),
      "Decrypt", "https://kms.us-east-1.amazonaws.com/",
      "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"" BLOB "\"}" },
    { UNWRAP, "awskms:///alias/backup?region=us-east-1", NULL, "a=1\n", true,
      NULL, DECRYPTED(ARN, KEK), "Decrypt",
      "https://kms.us-east-1.amazonaws.com/",
      "{\"KeyId\":\"alias/backup\",\"CiphertextBlob\":\"" BLOB "\","
      "\"EncryptionContext\":{\"a\":\"1\"}}" },
    /* Labels that the key does not know of. */
    { UNWRAP, "awskms:///" UUID "?region=us-east-1", NULL, "a=1\n", false, NULL,
      DECRYPTED(ARN, KEK), "Decrypt", "https://kms.us-east-1.amazonaws.com/",
      "{\"KeyId\":\"" UUID "\",\"CiphertextBlob\":\"" BLOB "\"}" },
    /* Without an algorithm in the reply. */
    { UNWRAP, "awskms:///" ARN "?endpoint=http://127.0.0.1:4566/kms", NULL,
      NULL, false, NULL, "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"" KEK "\"}",
      "Decrypt", "http://127.0.0.1:4566/kms/",
      "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"" BLOB "\"}" },
    /* A sibling of the header's key: ours is asked, in our region. */
    { UNWRAP, "awskms:///" MRK_ARN, NULL, NULL, false, FAR_MRK_ARN,
      DECRYPTED(MRK_ARN, KEK), "Decrypt",
      "https://kms.us-east-1.amazonaws.com/",
      "{\"KeyId\":\"" MRK_ARN "\",\"CiphertextBlob\":\"" BLOB "\"}" },
    { UNWRAP, "awskms:?account=" ACCOUNT "&region=us-east-1&region=us-west-2",
      NULL, NULL, false, FAR_ARN, DECRYPTED(FAR_ARN, KEK), "Decrypt",
      "https://kms.us-west-2.amazonaws.com/",
      "{\"KeyId\":\"" FAR_ARN "\",\"CiphertextBlob\":\"" BLOB "\"}" },
    { REWRAP, "awskms:///" ARN, "awskms:///alias/new?region=us-east-1", "a=1\n",
      true, NULL, REENCRYPTED(ARN, OTHER_ARN, BLOB), "ReEncrypt",
      "https://kms.us-east-1.amazonaws.com/",
      "{\"SourceKeyId\":\"" ARN "\",\"DestinationKeyId\":\"alias/new\","
      "\"CiphertextBlob\":\"" BLOB "\",\"SourceEncryptionContext\":"
      "{\"a\":\"1\"},\"DestinationEncryptionContext\":{\"a\":\"1\"}}" },
    /* The new one gets what the old one lacked. */
    { REWRAP, "awskms:///" ARN, "awskms:///" ARN, "a=1\n", false, NULL,
      REENCRYPTED(ARN, ARN, BLOB), "ReEncrypt",
      "https://kms.us-east-1.amazonaws.com/",
      "{\"SourceKeyId\":\"" ARN "\",\"DestinationKeyId\":\"" ARN "\","
      "\"CiphertextBlob\":\"" BLOB "\",\"DestinationEncryptionContext\":"
      "{\"a\":\"1\"}}" },
    { REWRAP, "awskms:?account=" ACCOUNT "&region=us-east-1", "awskms:///" ARN,
      NULL, false, NULL, REENCRYPTED(ARN, ARN, BLOB), "ReEncrypt",
      "https://kms.us-east-1.amazonaws.com/",
      "{\"SourceKeyId\":\"" ARN "\",\"DestinationKeyId\":\"" ARN "\","
      "\"CiphertextBlob\":\"" BLOB "\"}" },
};

static void
requests_are_as_written(void **state)
{
    const struct fake_request *sent = &t.fake.requests[0];
    char target[64];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(requests); i++) {
        end();
        begin();
        t.labels = requests[i].labels;
        t.wrapped.has_context = requests[i].has_context;
        if (requests[i].key != NULL)
            memcpy(t.wrapped.key, requests[i].key, strlen(requests[i].key) + 1);
        if (run_once(requests[i].operation, requests[i].uri, requests[i].to,
                     200, requests[i].reply)
            != ENVELOPE_OK)
            fail_msg("request %zu: %s", i, t.err.detail);
        assert_int_equal(t.fake.request_count, 1);
        (void)snprintf(target, sizeof(target), "TrentService.%s",
                       requests[i].target);
        assert_string_equal(fake_header(sent, "X-Amz-Target"), target);
        assert_string_equal(sent->url, requests[i].url);
        assert_string_equal(sent->body, requests[i].body);
    }
}

/* Replies with status 200 */

static const struct {
    enum operation operation;
    const char *uri, *to, *reply;
    enum envelope_reason reason;
} bad_replies[] = {
    /* No JSON, or not the one */
    { GENERATE, "awskms:///" ARN, NULL, "", ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL, "{}", ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL, "[]", ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL, "<html>", ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL, "{\"KeyId\":\"" ARN "\",\"Cipher",
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, "{}", ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(ARN, KEK) "x",
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL,
      "{\"KeyId\":\"" ARN "\",\"KeyId\":\"" ARN "\",\"Plaintext\":\"" KEK "\"}",
      ENVELOPE_R_KEY_SERVICE },
    /* The key */
    { GENERATE, "awskms:///" ARN, NULL, GENERATED(OTHER_ARN, KEK, BLOB),
      ENVELOPE_R_KEY_SERVICE_REFUSED },
    { GENERATE, "awskms:///" ARN, NULL, GENERATED(FAR_ARN, KEK, BLOB),
      ENVELOPE_R_KEY_SERVICE_REFUSED },
    { GENERATE, "awskms:///" MRK_ARN, NULL, GENERATED(FAR_MRK_ARN, KEK, BLOB),
      ENVELOPE_R_KEY_SERVICE_REFUSED },
    { GENERATE, "awskms:///alias/x?region=us-east-1", NULL,
      GENERATED(FAR_ARN, KEK, BLOB), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { GENERATE, "awskms:///arn:aws:kms:us-east-1:999999999999:alias/x", NULL,
      GENERATED(ARN, KEK, BLOB), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { GENERATE, "awskms:///" UUID "?region=us-east-1", NULL,
      GENERATED(OTHER_ARN, KEK, BLOB), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { GENERATE, "awskms:///alias/x?region=us-east-1", NULL,
      GENERATED("alias/x", KEK, BLOB), ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///alias/x?region=us-east-1", NULL,
      GENERATED("arn:aws:kms:us-east-1:" ACCOUNT ":alias/x", KEK, BLOB),
      ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL,
      "{\"KeyId\":7,\"CiphertextBlob\":\"" BLOB "\",\"Plaintext\":\"" KEK "\"}",
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, "{\"Plaintext\":\"" KEK "\"}",
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(OTHER_ARN, KEK),
      ENVELOPE_R_KEY_SERVICE_REFUSED },
    { UNWRAP, "awskms:///alias/x?region=us-east-1", NULL,
      DECRYPTED(OTHER_ARN, KEK), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { UNWRAP, "awskms:///alias/x?region=us-east-1", NULL,
      DECRYPTED(FAR_ARN, KEK), ENVELOPE_R_KEY_SERVICE_REFUSED },
    /* The alias of somebody else's account, whose credentials we were given */
    { GENERATE, "awskms:///alias/x?region=us-east-1&account=999999999999", NULL,
      GENERATED(ARN, KEK, BLOB), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { UNWRAP, "awskms:?account=" ACCOUNT "&region=us-east-1", NULL,
      DECRYPTED(OTHER_ARN, KEK), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(UUID, KEK),
      ENVELOPE_R_KEY_SERVICE },
    /* The plaintext */
    { GENERATE, "awskms:///" ARN, NULL, GENERATED(ARN, KEK_16, BLOB),
      ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL, GENERATED(ARN, "", BLOB),
      ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL,
      "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"" BLOB "\"}",
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(ARN, KEK_16),
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(ARN, KEK_31),
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(ARN, KEK_33),
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, DECRYPTED(ARN, KEK "="),
      ENVELOPE_R_KEY_SERVICE },
    { UNWRAP, "awskms:///" ARN, NULL, "{\"KeyId\":\"" ARN "\"}",
      ENVELOPE_R_KEY_SERVICE },
    /* The blob */
    { GENERATE, "awskms:///" ARN, NULL, GENERATED(ARN, KEK, ""),
      ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL, GENERATED(ARN, KEK, "Qk9YRUQ"),
      ENVELOPE_R_KEY_SERVICE },
    { GENERATE, "awskms:///" ARN, NULL,
      "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"" KEK "\"}",
      ENVELOPE_R_KEY_SERVICE },
    /* What was encrypted anew */
    { REWRAP, "awskms:///" ARN, "awskms:///" ARN,
      REENCRYPTED(OTHER_ARN, ARN, BLOB), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { REWRAP, "awskms:///" ARN, "awskms:///" ARN,
      REENCRYPTED(ARN, OTHER_ARN, BLOB), ENVELOPE_R_KEY_SERVICE_REFUSED },
    { REWRAP, "awskms:///" ARN, "awskms:///" ARN,
      "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"" BLOB "\"}",
      ENVELOPE_R_KEY_SERVICE },
    { REWRAP, "awskms:///" ARN, "awskms:///" ARN, REENCRYPTED(ARN, ARN, ""),
      ENVELOPE_R_KEY_SERVICE },
};

static void
bad_replies_are_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad_replies); i++) {
        end();
        begin();
        if (run_once(bad_replies[i].operation, bad_replies[i].uri,
                     bad_replies[i].to, 200, bad_replies[i].reply)
            != bad_replies[i].reason)
            fail_msg("reply %zu: %s: %s", i, bad_replies[i].reply,
                     t.err.detail);
        assert_int_equal(t.fake.request_count, 1);
        says("awskms: ");
        says("(request 1b2c-3d)");
    }
}

/* A reply whose blob has so many bytes, a multiple of three. */
static char *
reply_of(size_t blob_len)
{
    static const char begin_text[] =
        "{\"KeyId\":\"" ARN "\",\"Plaintext\":\"" KEK
        "\",\"CiphertextBlob\":\"";
    size_t len = sizeof(begin_text) - 1, digits = blob_len / 3 * 4;
    char *text = malloc(len + digits + 3);

    assert_non_null(text);
    memcpy(text, begin_text, len);
    memset(text + len, 'A', digits);
    memcpy(text + len + digits, "\"}", 3);
    return text;
}

static void
a_blob_may_not_be_too_long(void **state)
{
    struct envl_kms_wrapped *made = &t.made;
    char *fits = reply_of(6144), *is_long = reply_of(6147);
    const struct fake_reply replies[] = { { 200, fits, NULL },
                                          { 200, is_long, NULL } };
    struct envl_err err;
    const struct envl_kms_call asked = { &ctx, "awskms:///" ARN, NULL, 0 };

    (void)state;
    t.fake.replies = replies;
    t.fake.reply_count = 2;
    *made = unset;
    assert_int_equal(
        kms_dispatch_generate(&t.fake.world, made, t.kek, &asked, &err),
        ENVELOPE_OK);
    assert_int_equal(made->blob_len, 6144);
    assert_int_equal(
        kms_dispatch_generate(&t.fake.world, made, t.kek, &asked, &err),
        ENVELOPE_R_KEY_SERVICE);
    free(fits);
    free(is_long);
}

/* What is refused before anybody is asked */

static void
bad_headers_ask_nobody(void **state)
{
    static const char *const keys[] = {
        "",
        "alias/backup",
        OTHER_ARN,
        FAR_ARN,
        "arn:aws:kms:us-east-1:999999999999:key/other",
        "arn:aws:kms:x@evil/:" ACCOUNT ":key/" UUID,
        "arn:aws:kms:us-east-1.evil.example:" ACCOUNT ":key/" UUID,
    };
    static const char *const uris[] = {
        "awskms:///" ARN, "awskms:///" UUID "?region=us-east-1",
        "awskms:?account=111111111111&region=us-east-1"
    };
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(keys); i++) {
        for (n = 0; n < COUNT(uris); n++) {
            memcpy(t.wrapped.key, keys[i], strlen(keys[i]) + 1);
            assert_int_equal(run(UNWRAP, uris[n], NULL, NULL, 0),
                             ENVELOPE_R_KEY_SERVICE_REFUSED);
            assert_int_equal(run(REWRAP, uris[n], "awskms:///" ARN, NULL, 0),
                             ENVELOPE_R_KEY_SERVICE_REFUSED);
        }
    }
    assert_int_equal(t.fake.request_count, 0);
}

static void
bad_blobs_ask_nobody(void **state)
{
    static const size_t lengths[] = { 0, 6145, ENVL_KMS_BLOB_LEN_MAX };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lengths); i++) {
        t.wrapped.blob_len = lengths[i];
        assert_int_equal(run(UNWRAP, "awskms:///" ARN, NULL, NULL, 0),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        says("6144");
        assert_int_equal(
            run(REWRAP, "awskms:///" ARN, "awskms:///" ARN, NULL, 0),
            ENVELOPE_R_KEY_SERVICE_REFUSED);
    }
    assert_int_equal(t.fake.request_count, 0);
}

static void
one_request_is_for_one_place(void **state)
{
    static const char *const others[] = {
        "awskms:///" FAR_ARN,
        "awskms:///" ARN "?endpoint=https://k.example",
        "awskms:///" ARN "?profile=other",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(others); i++) {
        assert_int_equal(run(REWRAP, "awskms:///" ARN, others[i], NULL, 0),
                         ENVELOPE_R_UNREADABLE_KEY);
        says("without --by-service");
    }
    /* Nor can a discovery be encrypted for. */
    assert_int_equal(run(REWRAP, "awskms:///" ARN,
                         "awskms:?account=" ACCOUNT "&region=us-east-1", NULL,
                         0),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(t.fake.request_count, 0);
}

static void
nobody_is_asked_without_credentials(void **state)
{
    static const struct fake_pair off[] = {
        { "AWS_EC2_METADATA_DISABLED", "true" }, { NULL, NULL }
    };

    (void)state;
    t.fake.variables = off;
    assert_int_equal(run(UNWRAP, "awskms:///" ARN, NULL, NULL, 0),
                     ENVELOPE_R_CREDENTIALS);
    assert_int_equal(run(GENERATE, "awskms:///" ARN, NULL, NULL, 0),
                     ENVELOPE_R_CREDENTIALS);
    assert_int_equal(t.fake.request_count, 0);
}

/* Replies with other statuses */

#define ID "x-amzn-RequestId: 1b2c-3d\r\n"
#define RIGHT_DATE "Date: Sun, 30 Aug 2015 12:36:30 GMT\r\n"
#define LATE_DATE "Date: Sun, 30 Aug 2015 13:36:00 GMT\r\n"
#define ATTEMPTS 4

static const struct {
    int status;
    const char *headers, *body;
    size_t requests;
    enum envelope_reason reason;
    const char *says;
} failures[] = {
    /* For good: the code, and what to do */
    { 400, ID, "{\"__type\":\"AccessDeniedException\",\"message\":\"no, bob\"}",
      1, ENVELOPE_R_KEY_SERVICE_REFUSED,
      "awskms: AccessDeniedException: no, bob (request 1b2c-3d); check whose "
      "credentials these are" },
    { 403, ID, "{\"__type\":\"UnrecognizedClientException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED,
      "UnrecognizedClientException (request 1b2c-3d); check the access key "
      "id" },
    { 400, ID, "{\"__type\":\"NotFoundException\",\"message\":\"m\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "region" },
    { 400, ID, "{\"__type\":\"InvalidCiphertextException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "labels" },
    { 400, ID, "{\"__type\":\"IncorrectKeyException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "IncorrectKeyException" },
    { 409, ID, "{\"__type\":\"DisabledException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "enabled" },
    { 409, ID, "{\"__type\":\"KMSInvalidStateException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "state" },
    { 400, ID, "{\"__type\":\"InvalidKeyUsageException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "symmetric" },
    { 400, ID, "{\"__type\":\"InvalidGrantTokenException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "InvalidGrantTokenException" },
    { 400, ID, "{\"__type\":\"ValidationException\",\"message\":\"1 error\"}",
      1, ENVELOPE_R_KEY_SERVICE_REFUSED, "ValidationException: 1 error" },
    /* A code that is known counts more than the status. */
    { 500, ID, "{\"__type\":\"AccessDeniedException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "AccessDeniedException" },
    /* Where the code may stand, and how */
    { 400, ID, "{\"__type\":\"com.amazonaws.kms#NotFoundException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    { 400, ID, "{\"__type\":\"NotFoundException:http://a.example/b#c\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    { 400, ID, "{\"__type\":\"ns#NotFoundException,x:http://a/\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    { 400, ID, "{\"code\":\"NotFoundException\",\"Message\":\"M\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException: M (" },
    { 400, ID, "{\"Code\":\"NotFoundException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    { 400, ID "X-Amzn-ErrorType: NotFoundException:http://a/\r\n", "{}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    { 400, ID "x-amzn-errortype: NotFoundException\r\n", "", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    { 400, ID "x-amzn-ErrorType: Other\r\n",
      "{\"__type\":\"NotFoundException\",\"code\":\"Another\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "awskms: NotFoundException (" },
    /* No code at all */
    { 400, NULL, "", 1, ENVELOPE_R_KEY_SERVICE_REFUSED,
      "awskms: HTTP status 400" },
    { 404, NULL, "<html>\x1b[2J</html>", 1, ENVELOPE_R_KEY_SERVICE_REFUSED,
      "HTTP status 404" },
    { 403, NULL, "{\"__type\":7}", 1, ENVELOPE_R_KEY_SERVICE_REFUSED,
      "HTTP status 403" },
    { 400, NULL, "{\"__type\":\"ns#\"}", 1, ENVELOPE_R_KEY_SERVICE_REFUSED,
      "HTTP status 400" },
    { 201, NULL, "", 1, ENVELOPE_R_KEY_SERVICE, "not JSON" },
    { 400, ID, "{\"__type\":\"FutureException\",\"message\":\"new\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "FutureException: new" },
    /* Never followed */
    { 302, "Location: https://evil.example/\r\n", "", 1, ENVELOPE_R_KEY_SERVICE,
      "redirection" },
    /* Again and again */
    { 500, ID, "", ATTEMPTS, ENVELOPE_R_KEY_SERVICE, "HTTP status 500" },
    { 503, ID, "<html>", ATTEMPTS, ENVELOPE_R_KEY_SERVICE, "HTTP status 503" },
    { 500, ID, "{\"__type\":\"FutureException\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "FutureException" },
    { 500, ID, "{\"__type\":\"KMSInternalException\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "KMSInternalException" },
    { 400, ID, "{\"__type\":\"KMSInternalException\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "KMSInternalException" },
    { 400, ID, "{\"__type\":\"DependencyTimeoutException\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "Dependency" },
    { 400, ID, "{\"__type\":\"KeyUnavailableException\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "KeyUnavailable" },
    { 400, ID, "{\"__type\":\"RequestTimeout\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "RequestTimeout" },
    { 429, ID, "", ATTEMPTS, ENVELOPE_R_KEY_SERVICE, "too often" },
    { 400, ID, "{\"__type\":\"ThrottlingException\",\"message\":\"Rate\"}",
      ATTEMPTS, ENVELOPE_R_KEY_SERVICE, "ThrottlingException: Rate" },
    { 400, ID, "{\"__type\":\"LimitExceededException\"}", ATTEMPTS,
      ENVELOPE_R_KEY_SERVICE, "LimitExceeded" },
    { 0, NULL, NULL, ATTEMPTS, ENVELOPE_R_KEY_SERVICE, "no connection" },
    /* Clocks: right, wrong, not told */
    { 403, ID RIGHT_DATE, "{\"__type\":\"InvalidSignatureException\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "check the secret access key" },
    { 403, ID, "{\"__type\":\"SignatureDoesNotMatch\"}", 1,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "check the secret access key" },
    { 403, ID LATE_DATE, "{\"__type\":\"InvalidSignatureException\"}", 2,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "check the secret access key" },
    { 400, ID LATE_DATE, "{\"__type\":\"RequestExpired\"}", 2,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "clock" },
    { 400, ID LATE_DATE, "{\"__type\":\"RequestTimeTooSkewed\"}", 2,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "clock" },
    /* Credentials anew, once */
    { 400, ID, "{\"__type\":\"ExpiredTokenException\"}", 2,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "renew the credentials" },
    { 403, ID, "{\"__type\":\"ExpiredToken\",\"message\":\"old\"}", 2,
      ENVELOPE_R_KEY_SERVICE_REFUSED, "ExpiredToken: old" },
};

static void
failures_are_understood(void **state)
{
    struct fake_reply replies[ATTEMPTS];
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(failures); i++) {
        end();
        begin();
        for (n = 0; n < ATTEMPTS; n++)
            replies[n] =
                (struct fake_reply){ failures[i].status, failures[i].body,
                                     failures[i].headers };
        if (run(i % 2 ? GENERATE : UNWRAP, "awskms:///" ARN, NULL, replies,
                failures[i].requests)
            != failures[i].reason)
            fail_msg("failure %zu: %s", i, t.err.detail);
        if (t.fake.request_count != failures[i].requests)
            fail_msg("failure %zu: %zu requests", i, t.fake.request_count);
        says(failures[i].says);
        assert_null(strchr(t.err.detail, '\x1b'));
    }
}

static void
the_longest_failure_is_told(void **state)
{
    char body[4096];

    (void)state;
    (void)snprintf(body, sizeof(body),
                   "{\"__type\":\"%0*d\",\"message\":"
                   "\"%0*d\"}",
                   500, 0, 3000, 0);
    assert_int_equal(run_once(UNWRAP, "awskms:///" ARN, NULL, 400, body),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    says("(request 1b2c-3d)");
}

static void
a_busy_service_is_given_time(void **state)
{
    static const struct fake_reply replies[] = {
        { 400, "{\"__type\":\"ThrottlingException\"}", NULL },
        { 503, "", NULL },
        { 200, DECRYPTED(ARN, KEK), NULL },
    };

    (void)state;
    assert_int_equal(run(UNWRAP, "awskms:///" ARN, NULL, replies, 3),
                     ENVELOPE_OK);
    assert_int_equal(t.fake.pause_count, 2);
    assert_int_equal(t.fake.pauses[0], 499);
    assert_int_equal(t.fake.pauses[1], 199);
}

static void
a_wrong_clock_is_set(void **state)
{
    static const struct fake_reply replies[] = {
        { 403, "{\"__type\":\"InvalidSignatureException\"}", LATE_DATE },
        { 200, DECRYPTED(ARN, KEK), NULL },
    };

    (void)state;
    assert_int_equal(run(UNWRAP, "awskms:///" ARN, NULL, replies, 2),
                     ENVELOPE_OK);
    assert_string_equal(fake_header(&t.fake.requests[1], "X-Amz-Date"),
                        "20150830T133600Z");
}

static void
expired_credentials_are_got_anew(void **state)
{
#define CONTAINER(id)                                                        \
    "{\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"," \
    "\"Expiration\":\"2030-01-01T00:00:00Z\"}"
#define EXPIRED                                             \
    {                                                       \
        400, "{\"__type\":\"ExpiredTokenException\"}", NULL \
    }
    static const struct fake_pair container[] = {
        { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c" },
        { NULL, NULL }
    };
    static const struct fake_reply replies[] = {
        { 200, CONTAINER("OLD"), NULL },
        EXPIRED,
        { 200, CONTAINER("NEW"), NULL },
        { 200, DECRYPTED(ARN, KEK), NULL },
    };
    static const struct fake_reply never[] = {
        { 200, CONTAINER("OLD"), NULL },
        EXPIRED,
        { 200, CONTAINER("NEW"), NULL },
        EXPIRED,
    };

    (void)state;
    t.fake.variables = container;
    assert_int_equal(run(UNWRAP, "awskms:///" ARN, NULL, replies, 4),
                     ENVELOPE_OK);
    assert_non_null(
        strstr(fake_header(&t.fake.requests[3], "Authorization"), "NEW/"));
    end();
    begin();
    t.fake.variables = container;
    assert_int_equal(run(UNWRAP, "awskms:///" ARN, NULL, never, 4),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 4);
}

/* Without the copies that the fake one keeps, whose memory is not ours. */
static enum envelope_reason
send_simply(void *arg, struct kms_reply *reply,
            const struct kms_request *request, unsigned milliseconds,
            struct envl_err *err)
{
    (void)arg;
    (void)request;
    (void)milliseconds;
    reply->status = t.fake.replies[0].status;
    kms_text_set(&reply->body, t.fake.replies[0].body);
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static const struct {
    enum operation operation;
    const char *uri, *to, *reply;
    int status;
    enum envelope_reason rc; /* with memory enough */
} sweeps[] = {
    { GENERATE, "awskms:///alias/x", NULL, GENERATED(ARN, KEK, BLOB), 200,
      ENVELOPE_OK },
    { UNWRAP, "awskms:?account=" ACCOUNT "&region=us-east-1", NULL,
      DECRYPTED(ARN, KEK), 200, ENVELOPE_OK },
    { UNWRAP, "awskms:///" ARN, NULL, "{\"__type\":\"AccessDenied\"}", 400,
      ENVELOPE_R_KEY_SERVICE_REFUSED },
    { REWRAP, "awskms:///" ARN, "awskms:///alias/x?region=us-east-1",
      REENCRYPTED(ARN, ARN, BLOB), 200, ENVELOPE_OK },
};

/* Whichever of our allocations fails, that is what is told, and check_outcome()
 * sees to the rest; libcrypto can do without some, and does not always tell. */
static void
memory_may_run_out(void **state)
{
    static const struct fake_pair home[] = { { "HOME", "/h" }, { NULL, NULL } };
    static const struct fake_pair files[] = {
        { "/h/.aws/credentials",
          "[default]\naws_access_key_id = A\naws_secret_access_key = s\n" },
        { "/h/.aws/config", "[default]\nregion = us-east-1\n" },
        { NULL, NULL }
    };
    enum envelope_reason rc;
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(sweeps); i++) {
        n = 0;
        do {
            end();
            begin();
            t.labels = "a=1\n";
            t.wrapped.has_context = true;
            t.fake.variables = home;
            t.fake.files = files;
            t.fake.world.send = send_simply;
            memory_fail(++n);
            rc = run_once(sweeps[i].operation, sweeps[i].uri, sweeps[i].to,
                          sweeps[i].status, sweeps[i].reply);
            if (memory_failed() && rc != ENVELOPE_R_MEMORY
                && (memory_is_ours(memory.failure->file)
                    || (rc != sweeps[i].rc && rc != ENVELOPE_R_CRYPTO)))
                fail_msg("sweep %zu, allocation %zu: %d: %s", i, n, rc,
                         t.err.detail);
            memory_fail(0);
        } while (memory_failed());
        assert_int_equal(rc, sweeps[i].rc);
        assert_true(n > 20);
    }
}

#define service_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(a_request_is_signed),
        service_test(a_session_token_is_signed),
        service_test(a_bundle_is_trusted),
        service_test(a_bundle_of_the_profile_is_trusted),
        service_test(a_missing_replica_is_told),
        service_test(requests_are_as_written),
        service_test(bad_replies_are_refused),
        service_test(a_blob_may_not_be_too_long),
        service_test(bad_headers_ask_nobody),
        service_test(bad_blobs_ask_nobody),
        service_test(one_request_is_for_one_place),
        service_test(nobody_is_asked_without_credentials),
        service_test(failures_are_understood),
        service_test(the_longest_failure_is_told),
        service_test(a_busy_service_is_given_time),
        service_test(a_wrong_clock_is_set),
        service_test(expired_credentials_are_got_anew),
        service_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_aws", tests, NULL, NULL);
}
