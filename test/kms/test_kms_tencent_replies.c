/* SPDX-License-Identifier: Apache-2.0 */
/* Tencent Cloud KMS: what is made of its replies. */
#include "test/kms/kms_tencent.h"
#include "test/support/memory.h"

/* Replies */

/* After so many requests, this reason with this in its line. */
struct reply_case {
    int status;
    const char *body;
    enum envelope_reason reason;
    const char *detail;
    size_t requests;
};

#define REFUSED ENVELOPE_R_KEY_SERVICE_REFUSED
#define FAILED ENVELOPE_R_KEY_SERVICE
#define REFUSES(code)                                     \
    {                                                     \
        200, ERROR(code), REFUSED, code ": it says no", 1 \
    }
#define RETRIES(code)                                    \
    {                                                    \
        200, ERROR(code), FAILED, code ": it says no", 4 \
    }

static void
errors_are_understood(void **state)
{
    static const struct reply_case cases[] = {
        RETRIES("InternalError"),
        RETRIES("InternalError.DbError"),
        RETRIES("RequestLimitExceeded"),
        RETRIES("RequestLimitExceeded.UinLimitExceeded"),
        REFUSES("InternalErrors"),
        REFUSES("LimitExceeded"),
        REFUSES("AuthFailure"),
        REFUSES("AuthFailure.SignatureFailure"),
        REFUSES("AuthFailure.SecretIdNotFound"),
        REFUSES("AuthFailure.UnauthorizedOperation"),
        REFUSES("UnauthorizedOperation"),
        REFUSES("InvalidParameterValue.InvalidCiphertext"),
        REFUSES("ResourceUnavailable.CmkDisabled"),
        REFUSES("ResourceUnavailable.CmkNotFound"),
        /* No Date that would set the clock right. */
        REFUSES("AuthFailure.SignatureExpire"),
        /* Once more with credentials that were read again. */
        { 200, ERROR("AuthFailure.TokenFailure"), REFUSED, "TokenFailure", 2 },
        { 200, REPLY("\"Error\":{}"), REFUSED, "no reason", 1 },
        { 200, REPLY("\"Error\":7"), REFUSED, "no reason", 1 },
        { 200, REPLY("\"Error\":{\"Code\":7},\"X\":1"), REFUSED, "reason", 1 },
        /* From something in front of the service. */
        { 500, "<html>", FAILED, "status 500", 4 },
        { 502, "", FAILED, "status 502", 4 },
        { 503, "[]", FAILED, "status 503", 4 },
        { 504, NULL, FAILED, "status 504", 4 },
        { 429, "{}", FAILED, "status 429", 4 },
        { 503, ERROR("Whatever"), FAILED, "Whatever: it says no", 4 },
        { 403, "<html>", REFUSED, "status 403", 1 },
        { 404, GENERATED, REFUSED, "status 404", 1 },
        { 204, "", FAILED, "tencentkms: ", 1 },
        { 302, GENERATED, ENVELOPE_R_KEY_SERVICE, "redirection", 1 },
        { 0, NULL, FAILED, "no connection", 4 },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (generate(&t, URI, cases[i].status, cases[i].body)
            != cases[i].reason)
            fail_msg("case %zu: %s", i, t.err.detail);
        assert_detail(&t, cases[i].detail);
        assert_int_equal(t.fake.request_count, cases[i].requests);
    }
    (void)generate(&t, URI, 200, ERROR("UnauthorizedOperation"));
    assert_detail(&t, "(request req-1)");
    fake_world_clear(&t.fake);
}

static void
nonsense_is_refused(void **state)
{
    static const struct reply_case cases[] = {
        { 200, "", FAILED, "tencentkms: ", 1 },
        { 200, "{", FAILED, "tencentkms: ", 1 },
        { 200, "[]", FAILED, "tencentkms: ", 1 },
        { 200, GENERATED "x", FAILED, "tencentkms: ", 1 },
        { 200, REPLY(NAMED "," PLAIN "," PLAIN "," BLOB), FAILED, "", 1 },
        { 200, REPLY(NAMED "," NAMED "," PLAIN "," BLOB), FAILED, "", 1 },
        { 200, "{}", FAILED, "names no key", 1 },
        { 200, "{\"Response\":[]}", FAILED, "names no key", 1 },
        { 200, REPLY(PLAIN "," BLOB), FAILED, "names no key", 1 },
        { 200, REPLY("\"KeyId\":7," PLAIN "," BLOB), FAILED, "no key", 1 },
        { 200, REPLY("\"KeyId\":\"\"," PLAIN "," BLOB), REFUSED, "another", 1 },
        { 200, REPLY("\"KeyId\":\"" OTHER_ID "\"," PLAIN "," BLOB), REFUSED,
          "another key", 1 },
        { 200, REPLY("\"KeyId\":\"" KEY_ID "\\u0000\"," PLAIN "," BLOB), FAILED,
          "names no key", 1 },
        { 200, REPLY(NAMED "," BLOB), FAILED, "32 bytes", 1 },
        { 200, REPLY(NAMED "," BLOB ",\"Plaintext\":\"\""), FAILED, "32", 1 },
        { 200, REPLY(NAMED "," BLOB ",\"Plaintext\":\"AA AA\""), FAILED, "",
          1 },
        { 200, REPLY(NAMED "," BLOB ",\"Plaintext\":\"" SHORT_KEK_BASE64 "\""),
          FAILED, "32 bytes", 1 },
        { 200, REPLY(NAMED "," BLOB ",\"Plaintext\":\"AAAA" KEK_BASE64 "\""),
          FAILED, "32 bytes", 1 },
        { 200, REPLY(NAMED "," PLAIN), FAILED, "no encrypted key", 1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"\""), FAILED, "",
          1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":null"), FAILED, "",
          1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"a\\nb\""), FAILED,
          "", 1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"a\\u0000\""),
          FAILED, "", 1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"\xc3\xa9\""),
          FAILED, "", 1 },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (generate(&t, URI, cases[i].status, cases[i].body)
            != cases[i].reason)
            fail_msg("case %zu: %s", i, t.err.detail);
        assert_detail(&t, cases[i].detail);
        assert_int_equal(t.fake.request_count, cases[i].requests);
    }
    fake_world_clear(&t.fake);
}

static void
nonsense_does_not_decrypt(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("tencentkms", KEY, "blob", false);
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(
        unwrap(&t, &wrapped, 200, REPLY("\"KeyId\":\"" OTHER_ID "\"," PLAIN)),
        ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(unwrap(&t, &wrapped, 200, REPLY(PLAIN)),
                     ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(unwrap(&t, &wrapped, 200, REPLY(NAMED)),
                     ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(
        unwrap(&t, &wrapped, 200,
               REPLY(NAMED ",\"Plaintext\":\"" SHORT_KEK_BASE64 "\"")),
        ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(unwrap(&t, &wrapped, 200, ERROR("InvalidParameter")),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    fake_world_clear(&t.fake);
}

/* A blob of len bytes. */
static enum envelope_reason
generate_blob(struct trial *t, int len)
{
    char body[10000];

    (void)snprintf(body, sizeof(body),
                   REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"%0*d\""), len,
                   0);
    return generate(t, URI, 200, body);
}

static void
long_replies_are_bounded(void **state)
{
    struct trial t = new_trial();
    char body[6000];

    (void)state;
    assert_int_equal(generate_blob(&t, ENVL_KMS_BLOB_LEN_MAX), ENVELOPE_OK);
    assert_int_equal(t.made.blob_len, ENVL_KMS_BLOB_LEN_MAX);
    assert_int_equal(generate_blob(&t, ENVL_KMS_BLOB_LEN_MAX + 1),
                     ENVELOPE_R_KEY_SERVICE);
    (void)snprintf(
        body, sizeof(body),
        "{\"Response\":{\"Error\":{\"Code\":\"x%01500d\",\"Message\":"
        "\"\\u001b[2J%01500d\"},\"RequestId\":\"%01500d\"}}",
        0, 0, 0);
    assert_int_equal(generate(&t, URI, 200, body),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_null(strchr(t.err.detail, '\x1b'));
    fake_world_clear(&t.fake);
}

/* More than one reply */

static void
a_wrong_clock_is_set_right(void **state)
{
    static const struct fake_reply replies[] = {
        { 200, ERROR("AuthFailure.SignatureExpire"),
          "Date: Sun, 30 Aug 2015 13:36:00 GMT\r\n" },
        { 200, GENERATED, NULL },
    };
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(trial_generate(&t, URI, replies, COUNT(replies)),
                     ENVELOPE_OK);
    assert_header(&t, 0, "X-TC-Timestamp", "1440938160");
    assert_header(&t, 1, "X-TC-Timestamp", "1440941760");
    fake_world_clear(&t.fake);
}

static void
a_failure_passes(void **state)
{
    static const struct fake_reply replies[] = {
        { 502, "<html>", NULL },
        { 200, ERROR("RequestLimitExceeded"), NULL },
        { 0, NULL, NULL },
        { 200, GENERATED, NULL },
    };
    struct trial t = new_trial();

    (void)state;
    assert_int_equal(trial_generate(&t, URI, replies, COUNT(replies)),
                     ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, COUNT(replies));
    fake_world_clear(&t.fake);
}

/* Memory */

static void
memory_may_run_out(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("tencentkms", KEY, "blob", true);
    struct trial t = new_trial();

    (void)state;
    trial_sweep(&t, URI, &wrapped, DECRYPTED);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_understood),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(nonsense_does_not_decrypt),
        cmocka_unit_test(long_replies_are_bounded),
        cmocka_unit_test(a_wrong_clock_is_set_right),
        cmocka_unit_test(a_failure_passes),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_tencent_replies", tests, NULL,
                                       NULL);
}
