/* SPDX-License-Identifier: Apache-2.0 */
/* Vault's transit engine: what is made of its replies. */
#include "test/kms/kms_vault.h"
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
#define ERRORS(list) "{\"errors\":[" list "]}"

static void
errors_are_understood(void **state)
{
    static const struct reply_case cases[] = {
        { 400, ERRORS("\"first\",\"second\""), REFUSED, "400: first", 1 },
        { 400, ERRORS(""), REFUSED, "vault: HTTP status 400", 1 },
        { 400, ERRORS("7"), REFUSED, "status 400", 1 },
        { 400, "{\"errors\":\"x\"}", REFUSED, "status 400", 1 },
        { 400, "<html>", REFUSED, "status 400", 1 },
        { 403, ERRORS("\"permission denied\""), REFUSED,
          "403: permission denied", 1 },
        { 403, ERRORS(""), REFUSED, "the token is not good", 1 },
        { 404, ERRORS(""), REFUSED, "no such mount or key", 1 },
        { 405, ERRORS(""), REFUSED, "405", 1 },
        { 204, "", FAILED, "not JSON", 1 },
        { 307, "", ENVELOPE_R_KEY_SERVICE, "redirection", 1 },
        { 412, ERRORS(""), FAILED, "412", 4 },
        { 429, ERRORS("\"slowly\""), FAILED, "429: slowly", 4 },
        { 500, ERRORS("\"internal\""), FAILED, "500: internal", 4 },
        { 502, "", FAILED, "502", 4 },
        { 503, ERRORS("\"Vault is sealed\""), FAILED, "Vault is sealed", 4 },
        { 503, "", FAILED, "sealed", 4 },
        { 504, "", FAILED, "504", 4 },
        { 0, NULL, FAILED, "no connection", 4 },
        { 400, "{\"request_id\":\"req-2\",\"errors\":[]}", REFUSED,
          "(request req-2)", 1 },
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
        assert_null(strstr(t.err.detail, TOKEN));
    }
    fake_world_clear(&t.fake);
}

static void
nonsense_is_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"data\":null}",
        "{\"data\":[]}",
        GENERATED "x",
        REPLY(PLAIN),
        REPLY(CIPHER),
        REPLY(PLAIN "," PLAIN "," CIPHER),
        REPLY(PLAIN "," CIPHER "," CIPHER),
        REPLY(CIPHER ",\"plaintext\":\"" SHORT_KEK_BASE64 "\""),
        REPLY(CIPHER ",\"plaintext\":\"AAAA" KEK_BASE64 "\""),
        REPLY(CIPHER ",\"plaintext\":\"not base64\""),
        REPLY(CIPHER ",\"plaintext\":7"),
        REPLY(PLAIN ",\"ciphertext\":\"\""),
        REPLY(PLAIN ",\"ciphertext\":\"vault:v1:\""),
        REPLY(PLAIN ",\"ciphertext\":\"vault:v:x\""),
        REPLY(PLAIN ",\"ciphertext\":\"other:v1:x\""),
        REPLY(PLAIN ",\"ciphertext\":\"vault:v1:x\\ny\""),
        REPLY(PLAIN ",\"ciphertext\":\"vault:v1:x\\u0000\""),
        REPLY(PLAIN ",\"ciphertext\":7"),
    };
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bodies); i++) {
        if (generate(&t, URI, 200, bodies[i]) != ENVELOPE_R_KEY_SERVICE)
            fail_msg("%s was taken", bodies[i]);
        assert_int_equal(t.fake.request_count, 1);
        assert_detail(&t, "vault: ");
    }
    (void)generate(&t, URI, 200, REPLY(CIPHER));
    assert_detail(&t, "32 bytes at data.plaintext (request req-1)");
    fake_world_clear(&t.fake);
}

static void
nonsense_does_not_decrypt(void **state)
{
    static const char *const bodies[] = {
        "{}",
        REPLY(CIPHER),
        REPLY("\"plaintext\":\"\""),
        REPLY("\"plaintext\":\"" SHORT_KEK_BASE64 "\""),
    };
    const struct envl_kms_wrapped wrapped =
        wrapped_as("vault", KEY, CIPHERTEXT, false);
    struct trial t = new_trial();
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bodies); i++)
        assert_int_equal(unwrap(&t, URI, &wrapped, bodies[i]),
                         ENVELOPE_R_KEY_SERVICE);
    fake_world_clear(&t.fake);
}

/* A ciphertext of len bytes. */
static enum envelope_reason
generate_ciphertext(struct trial *t, int len)
{
    char body[10000];

    (void)snprintf(body, sizeof(body),
                   REPLY(PLAIN ",\"ciphertext\":\"vault:v1:%0*d\""),
                   len - (int)strlen("vault:v1:"), 0);
    return generate(t, URI, 200, body);
}

static void
long_replies_are_bounded(void **state)
{
    struct trial t = new_trial();
    char body[3000];

    (void)state;
    assert_int_equal(generate_ciphertext(&t, ENVL_KMS_BLOB_LEN_MAX),
                     ENVELOPE_OK);
    assert_int_equal(t.made.blob_len, ENVL_KMS_BLOB_LEN_MAX);
    assert_int_equal(generate_ciphertext(&t, ENVL_KMS_BLOB_LEN_MAX + 1),
                     ENVELOPE_R_KEY_SERVICE);
    (void)snprintf(body, sizeof(body), ERRORS("\"\\u001b[2J%02500d\""), 0);
    assert_int_equal(generate(&t, URI, 400, body),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_null(strchr(t.err.detail, '\x1b'));
    fake_world_clear(&t.fake);
}

static void
a_failure_passes(void **state)
{
    static const struct fake_reply replies[] = {
        { 503, ERRORS("\"Vault is sealed\""), NULL },
        { 0, NULL, NULL },
        { 412, ERRORS(""), NULL },
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

enum operation { UNWRAP, REWRAP };

/* The fake world does without some of its own blocks. */
static void
sweep(enum operation operation)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("vault", KEY, CIPHERTEXT, true);
    static const char uri[] =
        "vault://vault.example/transit/keys/backup?context=labels";
    static const struct fake_pair variables[] = { { "HOME", "/home/me" },
                                                  { NULL, NULL } };
    static const struct fake_pair files[] = {
        { "/home/me/.vault-token", TOKEN "\n" },
        { NULL, NULL },
    };
    struct trial t = { .variables = variables, .files = files };
    enum envelope_reason rc;
    size_t n = 0, failures = 0;

    t.labels = "a=1\n";
    do {
        memory_fail(++n);
        if (operation == UNWRAP)
            rc = unwrap(&t, uri, &wrapped, DECRYPTED);
        else
            rc = rewrap(&t, uri, &wrapped, uri, REWRAPPED);
        memory_fail(0);
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_MEMORY)
            fail_msg("allocation %zu: %s", n, t.err.detail);
        failures += rc != ENVELOPE_OK;
    } while (memory_failed());
    assert_int_equal(rc, ENVELOPE_OK);
    assert_true(failures > 20);
    fake_world_clear(&t.fake);
}

static void
memory_may_run_out(void **state)
{
    (void)state;
    sweep(UNWRAP);
    sweep(REWRAP);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_understood),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(nonsense_does_not_decrypt),
        cmocka_unit_test(long_replies_are_bounded),
        cmocka_unit_test(a_failure_passes),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_vault_replies", tests, NULL, NULL);
}
