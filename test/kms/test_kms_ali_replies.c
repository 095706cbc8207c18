/* SPDX-License-Identifier: Apache-2.0 */
/* Alibaba Cloud KMS: what is made of its replies. */
#include "test/kms/kms_ali.h"
#include "test/support/memory.h"

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
#define REFUSES(status, code, detail)                     \
    {                                                     \
        status, ERROR(code), REFUSED, code ": " detail, 1 \
    }
#define RETRIES(status, code)                               \
    {                                                       \
        status, ERROR(code), FAILED, code ": it says no", 4 \
    }

static void
errors_are_understood(void **state)
{
    static const struct reply_case cases[] = {
        RETRIES(500, "InternalFailure"),
        RETRIES(503, "ServiceUnavailableTemporary"),
        RETRIES(400, "Throttling"),
        RETRIES(400, "Throttling.User"),
        RETRIES(429, "Rejected.Throttling"),
        RETRIES(400, "SignatureNonceUsed"),
        REFUSES(403, "Forbidden.NoPermission",
                "it says no (request req-1); "
                "check whose credentials"),
        REFUSES(404, "Forbidden.KeyNotFound",
                "it says no (request req-1); check region and key"),
        REFUSES(404, "Forbidden.AliasNotFound",
                "it says no (request req-1); check region and key"),
        REFUSES(404, "InvalidAccessKeyId.NotFound",
                "it says no (request req-1); check the AccessKey id"),
        REFUSES(400, "SignatureDoesNotMatch",
                "it says no (request req-1); check the AccessKey secret"),
        REFUSES(409, "Rejected.Disabled",
                "it says no (request req-1); check the key's state"),
        REFUSES(400, "InvalidCiphertextBlob",
                "it says no (request req-1); it is not this key"),
        REFUSES(400, "InvalidParameter", "it says no (request req-1)"),
        REFUSES(403, "Forbiddens", "it says no"),
        /* No Date that would set the clock right. */
        REFUSES(400, "IllegalTimestamp",
                "it says no (request req-1); check this machine's clock"),
        REFUSES(400, "InvalidTimeStamp.Expired", "it says no"),
        /* Once more with credentials that were read again. */
        { 400, ERROR("InvalidSecurityToken.Expired"), REFUSED, "no longer good",
          2 },
        { 404, "<KMS><Code>Forbidden.KeyNotFound</Code></KMS>", REFUSED,
          "status 404", 1 },
        { 400, REPLY("\"Code\":7"), REFUSED, "status 400", 1 },
        /* From something in front of the service. */
        { 414, "<html>", REFUSED, "status 414", 1 },
        { 502, "", FAILED, "status 502", 4 },
        { 429, "{}", FAILED, "status 429", 4 },
        { 204, "", FAILED, "alikms: ", 1 },
        { 302, GENERATED, FAILED, "redirection", 1 },
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
    fake_world_clear(&t.fake);
}

static void
nonsense_is_refused(void **state)
{
    static const struct reply_case cases[] = {
        { 200, "", FAILED, "alikms: ", 1 },
        { 200, "[]", FAILED, "alikms: ", 1 },
        { 200, GENERATED "x", FAILED, "alikms: ", 1 },
        { 200, REPLY(NAMED "," PLAIN "," PLAIN "," BLOB), FAILED, "", 1 },
        { 200, "{}", FAILED, "names no key", 1 },
        { 200, REPLY(PLAIN "," BLOB), FAILED, "names no key", 1 },
        { 200, REPLY("\"KeyId\":7," PLAIN "," BLOB), FAILED, "no key", 1 },
        { 200, REPLY("\"KeyId\":\"" KEY_ID "\\u0000\"," PLAIN "," BLOB), FAILED,
          "names no key", 1 },
        { 200, REPLY(NAMED "," BLOB), FAILED, "32 bytes", 1 },
        { 200, REPLY(NAMED "," BLOB ",\"Plaintext\":\"" SHORT_KEK_BASE64 "\""),
          FAILED, "32 bytes", 1 },
        { 200, REPLY(NAMED "," PLAIN), FAILED, "no encrypted key", 1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"\""), FAILED, "",
          1 },
        { 200, REPLY(NAMED "," PLAIN ",\"CiphertextBlob\":\"a\\nb\""), FAILED,
          "", 1 },
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

/* More than one reply */

static void
a_wrong_clock_is_set_right(void **state)
{
    static const char *const codes[] = { ERROR("IllegalTimestamp"),
                                         ERROR("InvalidTimeStamp.Expired"),
                                         ERROR("RequestTimeTooSkewed") };
    struct fake_reply replies[] = {
        { 400, NULL, "Date: Sun, 30 Aug 2015 13:36:00 GMT\r\n" },
        { 200, GENERATED, NULL },
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(codes); i++) {
        replies[0].body = codes[i];
        assert_int_equal(trial_generate(&t, URI, replies, COUNT(replies)),
                         ENVELOPE_OK);
        assert_header(&t, 0, "x-acs-date", "2015-08-30T12:36:00Z");
        assert_header(&t, 1, "x-acs-date", "2015-08-30T13:36:00Z");
    }
    fake_world_clear(&t.fake);
}

/* Each attempt is a request of its own: the service refuses a nonce that it knows. */
static void
a_failure_passes(void **state)
{
    static const struct fake_reply replies[] = {
        { 502, "<html>", NULL },
        { 429, ERROR("Rejected.Throttling"), NULL },
        { 0, NULL, NULL },
        { 200, GENERATED, NULL },
    };
    char nonces[COUNT(replies)][40];
    struct trial t = new_trial();
    size_t i, j;

    (void)state;
    assert_int_equal(trial_generate(&t, URI, replies, COUNT(replies)),
                     ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, COUNT(replies));
    for (i = 0; i < COUNT(replies); i++) {
        (void)snprintf(
            nonces[i], sizeof(nonces[i]), "%s",
            fake_header(&t.fake.requests[i], "x-acs-signature-nonce"));
        assert_int_equal(strlen(nonces[i]), 32);
        for (j = 0; j < i; j++)
            assert_string_not_equal(nonces[i], nonces[j]);
    }
    fake_world_clear(&t.fake);
}

/* Memory */

static void
memory_may_run_out(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("alikms", KEY, "blob", true);
    struct trial t = new_trial();

    (void)state;
    trial_sweep(&t, ALIAS_URI, &wrapped, DECRYPTED);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_understood),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_wrong_clock_is_set_right),
        cmocka_unit_test(a_failure_passes),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_ali_replies", tests, NULL, NULL);
}
