/* SPDX-License-Identifier: Apache-2.0 */
/* Azure Key Vault: which version of a key is asked to unwrap, and what the process
 * remembers of the others. */
#include "test/kms/kms_azure.h"

#include "test/support/memory.h"

#define GET(version) "https://" NAME version "?api-version=7.4"
#define LIST "https://" NAME "/versions?api-version=7.4&maxresults=5"
#define FORBIDDEN REFUSED(403, INNER("ForbiddenByRbac"))
#define DISABLED REFUSED(403, INNER("KeyDisabled"))

static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int
forget(void **state)
{
    (void)state;
    kms_kept_forget(&kept);
    return 0;
}

/* The current one */

static void
the_current_version_unwraps(void **state)
{
    static const struct fake_reply replies[] = { TOKEN, OK(KEY("v1", N1)),
                                                 TOKEN, OK(UNWRAPPED("v1")) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, NULL, URI, &header, replies, 4),
                     ENVELOPE_OK);
    assert_sent(&t, 1, "GET", GET(""));
    assert_sent(&t, 3, "POST", "https://" NAME "/v1/unwrapkey?api-version=7.4");
    assert_string_equal(t.fake.requests[3].headers,
                        "Content-Type: application/json\n"
                        "Authorization: Bearer tok\n");
    assert_string_equal(t.fake.requests[3].body,
                        "{\"alg\":\"RSA-OAEP-256\",\"value\":\"Qk9YRUQ\"}");
    assert_int_equal(header.looked_at, 1);
    fake_world_clear(&t.fake);
}

/* To open, it does not matter what speaks against encrypting. */
static void
an_old_key_unwraps(void **state)
{
    static const struct fake_reply replies[] = {
        TOKEN,
        OK(KEY_AS(KID "v1", "RSA-HSM", "\"unwrapKey\"", NUMBERS(N1),
                  "\"enabled\":true,\"exp\":1")),
        OK(UNWRAPPED("v1"))
    };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 3),
                     ENVELOPE_OK);
    fake_world_clear(&t.fake);
}

static void
replies_are_checked(void **state)
{
    static const struct {
        const char *body, *text;
        enum envelope_reason reason;
    } rows[] = {
        { UNWRAPPED("v2"), "about another key",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"kid\":\"https://evil.example/keys/backup/v1\",\"value\":"
          "\"" KEK_URL "\"}",
          "about another key", ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"value\":\"" KEK_URL "\"}", "names no key",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"kid\":\"" KID "v1\"}", "no key of 32 bytes at value",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"kid\":\"" KID "v1\",\"value\":\"AAECAwQFBgcICQoLDA0ODw\"}",
          "no key of 32 bytes", ENVELOPE_R_KEY_SERVICE },
        { "{\"kid\":\"" KID "v1\",\"value\":\"" KEK_URL "AA\"}",
          "no key of 32 bytes", ENVELOPE_R_KEY_SERVICE },
        { "{\"kid\":\"" KID "v1\",\"value\":\"" KEK_BASE64 "\"}",
          "no key of 32 bytes", ENVELOPE_R_KEY_SERVICE },
        { "[]", "", ENVELOPE_R_KEY_SERVICE },
        { "", "", ENVELOPE_R_KEY_SERVICE },
    };
    struct fake_reply replies[] = { TOKEN, OK(KEY("v1", N1)), OK(NULL) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        kms_kept_forget(&kept);
        replies[2].body = rows[i].body;
        if (trial_decrypt(&t, &kept, URI, &header, replies, 3)
            != rows[i].reason)
            fail_msg("%s: %s", rows[i].body, t.err.detail);
        assert_detail(&t, rows[i].text);
    }
    replies[2] = (struct fake_reply)REFUSED(400, ERROR("BadParameter"));
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies + 2, 1),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "the header was changed");
    fake_world_clear(&t.fake);
}

/* Others */

/* The list is read a page at a time.  Only the query of its link counts. */
static void
an_older_version_is_found(void **state)
{
    static const struct fake_reply replies[] = {
        TOKEN,
        OK(KEY("v3", N2)),
        OK("{\"value\":[" ITEM("v3") "],\"nextLink\":\"https://"
                                     "evil.example:1/y?z=1&$skip=a%2Fb\"}"),
        OK("{\"value\":[" ITEM("v1") "," ITEM("v2") "]}"),
        OK(KEY("v1", N1)),
        OK(UNWRAPPED("v1")),
    };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 6),
                     ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, 6);
    assert_sent(&t, 1, "GET", GET(""));
    assert_sent(&t, 2, "GET", LIST);
    assert_sent(&t, 3, "GET", "https://" NAME "/versions?z=1&$skip=a%2Fb");
    assert_sent(&t, 4, "GET", GET("/v1"));
    assert_sent(&t, 5, "POST", "https://" NAME "/v1/unwrapkey?api-version=7.4");
    assert_int_equal(header.looked_at, 2);
    /* And once more without looking for it. */
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies + 5, 1),
                     ENVELOPE_OK);
    /* What is known of one vault says nothing about another. */
    assert_int_equal(trial_decrypt(&t, &kept,
                                   "azurekeyvault://other.vault.azure.net/"
                                   "keys/backup",
                                   &header, replies + 1, 1),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "about another key");
    fake_world_clear(&t.fake);
}

static void
a_version_that_is_named_is_the_one(void **state)
{
    static const struct fake_reply replies[] = { TOKEN, OK(KEY("v1", N1)),
                                                 OK(UNWRAPPED("v1")) };
    static const struct fake_reply newer[] = { OK(KEY("v2", N2)) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI "/v1", &header, replies, 3),
                     ENVELOPE_OK);
    assert_sent(&t, 1, "GET", GET("/v1"));
    /* The other one is known, and not meant. */
    assert_int_equal(trial_decrypt(&t, &kept, URI "/v2", &header, newer, 1),
                     ENVELOPE_R_NO_MATCH);
    assert_int_equal(t.fake.request_count, 1);
    assert_int_equal(trial_decrypt(&t, &kept, URI "/v2", &header, newer, 0),
                     ENVELOPE_R_NO_MATCH);
    fake_world_clear(&t.fake);
}

/* That nothing fits is believed for a while, and then looked at again. */
static void
that_there_is_none_is_remembered(void **state)
{
    static const struct fake_reply replies[] = {
        TOKEN, OK(KEY("v1", N1)), OK("{\"value\":[" ITEM("v1") "]}")
    };
    static const struct fake_reply later[] = {
        OK(KEY("v2", N2)), OK("{\"value\":[" ITEM("v1") "," ITEM("v2") "]}")
    };
    struct trial t = new_trial();
    struct for_key header = { .n = NULL };
    struct envl_kms_call call = trial_call(&t, URI);

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 3),
                     ENVELOPE_R_NO_MATCH);
    assert_int_equal(header.looked_at, 1);
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, NULL, 0),
                     ENVELOPE_R_NO_MATCH);
    trial_begin(&t, later, 2);
    t.fake.world.kept = &kept;
    t.fake.now += 60;
    assert_int_equal(kms_dispatch_decrypt(&t.fake.world, t.kek,
                                          &header.encrypted, &call, &t.err),
                     ENVELOPE_R_NO_MATCH);
    assert_int_equal(t.fake.request_count, 2);
    fake_world_clear(&t.fake);
}

/* It hides no other one, and is told where none is found. */
static void
disabled_versions_are_passed_over(void **state)
{
    static const struct fake_reply found[] = {
        TOKEN,
        DISABLED,
        OK("{\"value\":[" ITEM("v2") "," ITEM("v1") "]}"),
        DISABLED,
        OK(KEY("v1", N1)),
        OK(UNWRAPPED("v1"))
    };
    static const struct fake_reply named[] = { DISABLED };
    static const struct fake_reply none[] = {
        DISABLED, OK("{\"value\":[" ITEM("v2") "," ITEM("v1") "]}"), DISABLED
    };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 }, other = { .n = N2 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, found, 6),
                     ENVELOPE_OK);
    assert_int_equal(trial_decrypt(&t, &kept, URI "/v2", &header, named, 1),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(trial_decrypt(&t, &kept, URI, &other, none, 3),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "the key's version has to be enabled");
    fake_world_clear(&t.fake);
}

/* A version may be of another type than those before it. */
static void
other_types_are_passed_over(void **state)
{
    static const struct fake_reply replies[] = {
        TOKEN, OK(KEY_AS(KID "v2", "EC", OPS, "", ENABLED)),
        OK("{\"value\":[" ITEM("v2") "," ITEM("v1") "]}"), OK(KEY("v1", N1)),
        OK(UNWRAPPED("v1"))
    };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 5),
                     ENVELOPE_OK);
    assert_int_equal(header.looked_at, 1);
    fake_world_clear(&t.fake);
}

/* A failure after a disabled version is not another of these. */
static void
failures_end_the_search(void **state)
{
    static const struct fake_reply replies[] = { TOKEN,
                                                 DISABLED,
                                                 OK("{\"value\":[" ITEM(
                                                     "v2") "," ITEM("v1") "]}"),
                                                 { 0, NULL, NULL },
                                                 { 0, NULL, NULL },
                                                 { 0, NULL, NULL },
                                                 { 0, NULL, NULL } };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 7),
                     ENVELOPE_R_KEY_SERVICE);
    assert_detail(&t, "no connection");
    assert_int_equal(t.fake.request_count, 7);
    fake_world_clear(&t.fake);
}

/* Who may not look at the key is not sent to its list; who may not list is told what
 * to write. */
static void
rights_may_be_missing(void **state)
{
    static const struct fake_reply no_get[] = { TOKEN, FORBIDDEN };
    static const struct fake_reply no_list[] = { OK(KEY("v2", N2)), FORBIDDEN };
    static const struct fake_reply no_unwrap[] = { OK(KEY("v1", N1)),
                                                   FORBIDDEN };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, no_get, 2),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "their role for the key");
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, no_list, 2),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "needs the right to list versions");
    assert_detail(&t, "azurekeyvault://" NAME "/VERSION");
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, no_unwrap, 2),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "their role for the key");
    fake_world_clear(&t.fake);
}

#define LISTED(items, more) OK("{\"value\":[" items "]" more "}")
#define FIVE \
    ITEM("v1") "," ITEM("v1") "," ITEM("v1") "," ITEM("v1") "," ITEM("v1")

/* None of the versions of so many pages is the one; that is believed for a while. */
static void
assert_long_list(const struct fake_reply *page, size_t pages)
{
    struct fake_reply replies[2 + 40] = { TOKEN, OK(KEY("v1", N2)) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };
    size_t i;

    kms_kept_forget(&kept);
    for (i = 0; i < pages; i++)
        replies[2 + i] = *page;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 2 + pages),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 2 + pages);
    assert_detail(&t, "more versions than are looked at");
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "more versions than are looked at");
    fake_world_clear(&t.fake);
}

static void
long_lists_end(void **state)
{
    static const struct fake_reply full = LISTED(FIVE, ",\"nextLink\":\"?a\"");
    static const struct fake_reply empty = LISTED("", ",\"nextLink\":\"?a\"");
    static const struct fake_reply twice =
        LISTED(FIVE "," FIVE, ",\"nextLink\":\"?a\"");

    (void)state;
    assert_long_list(&full, 20);
    assert_long_list(&empty, 40);
    /* More than were asked for count as well. */
    assert_long_list(&twice, 10);
}

static void
bad_lists_are_refused(void **state)
{
    static const struct {
        struct fake_reply reply;
        const char *text;
    } rows[] = {
        { LISTED("", ",\"nextLink\":\"https://" NAME "?a b\""), "no URL" },
        { OK("{\"nextLink\":\"?a\"}"), "no list" },
        { OK("{\"value\":null}"), "no list" },
        { LISTED("{\"kid\":\"https://evil.example/x/v9\"}", ""),
          "no version of the key" },
        { LISTED("{}", ""), "no version of the key" },
        { LISTED(ITEM("v1") ",7", ""), "no version of the key" },
        { LISTED(FIVE "," FIVE "," FIVE "," FIVE "," FIVE "," ITEM("v1"), ""),
          "more of them" },
    };
    struct fake_reply replies[] = { TOKEN, OK(KEY("v1", N2)), OK(NULL) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        kms_kept_forget(&kept);
        replies[2] = rows[i].reply;
        assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 3),
                         ENVELOPE_R_KEY_SERVICE);
        assert_detail(&t, rows[i].text);
    }
    fake_world_clear(&t.fake);
}

/* The one before it is gone since the list was made. */
static void
a_version_may_go(void **state)
{
    static const struct fake_reply replies[] = {
        TOKEN,
        OK(KEY("v3", N2)),
        LISTED(ITEM("v2") "," ITEM("v1"), ""),
        REFUSED(404, ERROR("KeyNotFound")),
        OK(KEY("v1", N1)),
        OK(UNWRAPPED("v1")),
    };
    static const struct fake_reply none[] = { REFUSED(404,
                                                      ERROR("KeyNotFound")) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 6),
                     ENVELOPE_OK);
    header.n = "AQAB";
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, none, 1),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "KeyNotFound");
    fake_world_clear(&t.fake);
}

/* All requests of a search have the time of one call. */
static void
a_search_takes_its_time(void **state)
{
    static const struct fake_reply replies[] = { TOKEN, OK(KEY("v1", N2)) };
    static const struct fake_pair timeout[] = { { "AZURE_TENANT_ID", TENANT },
                                                { "AZURE_CLIENT_ID", "app" },
                                                { "AZURE_CLIENT_SECRET", "s" },
                                                { "ENVELOPE_KMS_TIMEOUT", "7" },
                                                { NULL, NULL } };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };

    (void)state;
    t.variables = timeout;
    t.request_ms = 4000;
    assert_int_equal(trial_decrypt(&t, &kept, URI, &header, replies, 2),
                     ENVELOPE_R_KEY_SERVICE);
    assert_detail(&t, "no time is left to look at more versions");
    assert_int_equal(t.fake.request_count, 2);
    fake_world_clear(&t.fake);
}

/* Memory */

/* Without the copies that the fake world keeps. */
static enum envelope_reason
answer(void *arg, struct kms_reply *reply, const struct kms_request *request,
       unsigned milliseconds, struct envl_err *err)
{
    static const struct fake_reply token = TOKEN;
    const char *path = kms_text_get(&request->path), *body = token.body;

    (void)arg;
    (void)milliseconds;
    if (strstr(path, "/unwrapkey?") != NULL)
        body = UNWRAPPED("v1");
    else if (strstr(path, "/versions?") != NULL)
        body = "{\"value\":[" ITEM("v2") "," ITEM("v1") "]}";
    else if (strstr(path, "/keys/backup/v1?") != NULL)
        body = KEY("v1", N1);
    else if (strstr(path, "/keys/backup?") != NULL)
        body = KEY("v2", N2);
    kms_reply_clear(reply);
    reply->status = 200;
    kms_text_set(&reply->body, body);
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
memory_runs_out(void **state)
{
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };
    struct envl_kms_call call = trial_call(&t, URI);
    enum envelope_reason rc;
    size_t n = 0;

    (void)state;
    memory.leaves_record = true;
    do {
        kms_kept_forget(&kept);
        trial_begin(&t, NULL, 0);
        t.fake.world.send = answer;
        t.fake.world.kept = &kept;
        header.encrypted =
            (struct envl_kms_encrypted){ .find = find_for_key, .arg = &header };
        memory_fail(++n);
        rc = kms_dispatch_decrypt(&t.fake.world, t.kek, &header.encrypted,
                                  &call, &t.err);
        /* To keep something is not needed. */
        if (memory_failed() && rc != ENVELOPE_R_MEMORY && rc != ENVELOPE_OK)
            fail_msg("allocation %zu, %s:%d: %d: %s", n, memory.failure->file,
                     memory.failure->line, rc, t.err.detail);
        memory_fail(0);
        assert_kek(&t, rc);
    } while (memory_failed());
    assert_int_equal(rc, ENVELOPE_OK);
    memory.leaves_record = false;
    assert_true(n > 50);
    assert_int_equal(memory.unwiped, 0);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_current_version_unwraps, forget),
        cmocka_unit_test_teardown(an_old_key_unwraps, forget),
        cmocka_unit_test_teardown(replies_are_checked, forget),
        cmocka_unit_test_teardown(an_older_version_is_found, forget),
        cmocka_unit_test_teardown(a_version_that_is_named_is_the_one, forget),
        cmocka_unit_test_teardown(that_there_is_none_is_remembered, forget),
        cmocka_unit_test_teardown(disabled_versions_are_passed_over, forget),
        cmocka_unit_test_teardown(other_types_are_passed_over, forget),
        cmocka_unit_test_teardown(failures_end_the_search, forget),
        cmocka_unit_test_teardown(rights_may_be_missing, forget),
        cmocka_unit_test_teardown(long_lists_end, forget),
        cmocka_unit_test_teardown(bad_lists_are_refused, forget),
        cmocka_unit_test_teardown(a_version_may_go, forget),
        cmocka_unit_test_teardown(a_search_takes_its_time, forget),
        cmocka_unit_test_teardown(memory_runs_out, forget),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
