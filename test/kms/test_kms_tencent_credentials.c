/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for Tencent Cloud: their sources, in their order. */
#include "kms/engine/credentials.h"

#include <stdio.h>

#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define HOME_FILE "/home/me/.tencentcloud/credentials"
#define SYSTEM_FILE "/etc/tencentcloud/credentials"
#define ROLES                                              \
    "http://metadata.tencentyun.com/latest/meta-data/cam/" \
    "security-credentials/"

#define ROLE_REPLY                                                 \
    "{\"TmpSecretId\":\"role-id\",\"TmpSecretKey\":\"role-key\","  \
    "\"ExpiredTime\":1615590047,\"Expiration\":\"2021-03-12T23:00" \
    ":47Z\",\"Token\":\"role-token\",\"Code\":\"Success\"}"

static const struct fake_pair home[] = { { "HOME", "/home/me" },
                                         { NULL, NULL } };

struct sources {
    const struct fake_pair *variables, *files;
    const struct fake_reply *replies;
    size_t reply_count;
};

/* The caller clears credentials and fake. */
static enum envelope_reason
look(struct kms_credentials *credentials, struct fake_world *fake,
     const struct sources *sources, const char *profile, struct envl_err *err)
{
    enum envelope_reason rc;

    fake_world_init(fake);
    fake->variables = sources->variables;
    fake->files = sources->files;
    fake->replies = sources->replies;
    fake->reply_count = sources->reply_count;
    *credentials = (struct kms_credentials){ 0 };
    kms_text_set(&credentials->token, "of an earlier call");
    rc = kms_tencent_credentials(
        credentials,
        &(struct kms_seeker){ .world = &fake->world, .profile = profile }, err);
    if (rc != ENVELOPE_OK) {
        assert_int_equal(err->reason, rc);
        assert_int_equal(credentials->id.len, 0);
        assert_int_equal(credentials->secret.len, 0);
        assert_int_equal(credentials->token.len, 0);
    }
    return rc;
}

static void
assert_found(const struct sources *sources, const char *profile, const char *id,
             const char *secret, const char *token)
{
    struct kms_credentials credentials;
    struct fake_world fake;
    struct envl_err err;

    if (look(&credentials, &fake, sources, profile, &err) != ENVELOPE_OK)
        fail_msg("%s", err.detail);
    assert_string_equal(kms_text_get(&credentials.id), id);
    assert_string_equal(kms_text_get(&credentials.secret), secret);
    assert_string_equal(kms_text_get(&credentials.token), token);
    assert_int_equal(fake.request_count, sources->reply_count);
    kms_credentials_clear(&credentials);
    fake_world_clear(&fake);
}

/* With this in its line, after all the replies there are. */
static void
assert_none(const struct sources *sources, const char *profile,
            enum envelope_reason reason, const char *detail)
{
    struct kms_credentials credentials;
    struct fake_world fake;
    struct envl_err err;

    assert_int_equal(look(&credentials, &fake, sources, profile, &err), reason);
    if (strstr(err.detail, detail) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", detail, err.detail);
    assert_null(strstr(err.detail, "very-secret"));
    assert_int_equal(fake.request_count, sources->reply_count);
    kms_credentials_clear(&credentials);
    fake_world_clear(&fake);
}

/* Variables */

static void
variables_come_first(void **state)
{
    static const struct fake_pair variables[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "HOME", "/home/me" },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = {
        { HOME_FILE, "[default]\nsecret_id=x\nsecret_key=y\n" },
        { NULL, NULL },
    };
    const struct sources sources = { .variables = variables, .files = files };

    (void)state;
    assert_found(&sources, NULL, "id", "key", "");
}

static void
a_token_has_two_names(void **state)
{
    static const struct fake_pair both[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "TENCENTCLOUD_TOKEN", "tccli" },
        { "TENCENTCLOUD_SESSION_TOKEN", "sdk" },
        { NULL, NULL },
    };
    static const struct fake_pair one[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "TENCENTCLOUD_TOKEN", "tccli" },
        { NULL, NULL },
    };
    const struct sources of_both = { .variables = both };
    const struct sources of_one = { .variables = one };

    (void)state;
    assert_found(&of_both, NULL, "id", "key", "sdk");
    assert_found(&of_one, NULL, "id", "key", "tccli");
}

/* Half of a pair is a mistake, and no reason to be somebody else. */
static void
half_a_pair_is_an_error(void **state)
{
    static const struct fake_pair id[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "HOME", "/home/me" },
        { NULL, NULL },
    };
    static const struct fake_pair key[] = {
        { "TENCENTCLOUD_SECRET_KEY", "very-secret" },
        { "HOME", "/home/me" },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = {
        { HOME_FILE, "[default]\nsecret_id=x\nsecret_key=y\n" },
        { NULL, NULL },
    };
    const struct sources of_id = { .variables = id, .files = files };
    const struct sources of_key = { .variables = key, .files = files };

    (void)state;
    assert_none(&of_id, NULL, ENVELOPE_R_CREDENTIALS, "belong together");
    assert_none(&of_key, NULL, ENVELOPE_R_CREDENTIALS, "belong together");
}

/* Files */

static void
files_are_read_in_order(void **state)
{
    static const struct fake_pair both[] = {
        { HOME_FILE, "[default]\nsecret_id = a\nsecret_key = b\ntoken = c\n" },
        { SYSTEM_FILE, "[default]\nsecret_id = x\nsecret_key = y\n"
                       "[backup]\nsecret_id = v\nsecret_key = w\n" },
        { NULL, NULL },
    };
    static const struct fake_pair system_only[] = {
        { SYSTEM_FILE, "[default]\nsecret_id = x\nsecret_key = y\n" },
        { NULL, NULL },
    };
    const struct sources of_both = { .variables = home, .files = both };
    const struct sources homeless = { .files = both };
    const struct sources of_one = { .variables = home, .files = system_only };

    (void)state;
    assert_found(&of_both, NULL, "a", "b", "c");
    assert_found(&of_both, "default", "a", "b", "c");
    assert_found(&of_both, "backup", "v", "w", "");
    assert_found(&homeless, NULL, "x", "y", "");
    assert_found(&of_one, NULL, "x", "y", "");
}

static void
bad_files_are_errors(void **state)
{
    static const struct fake_pair files[] = {
        { HOME_FILE, "[default]\nsecret_id = a\ntoken = t\n"
                     "[no-id]\nsecret_key = very-secret\n"
                     "[empty]\nsecret_id =\nsecret_key = very-secret\n"
                     "[void]\n" },
        { SYSTEM_FILE, "[default]\nsecret_id = x\nsecret_key = y\n" },
        { NULL, NULL },
    };
    static const char *const profiles[] = { NULL, "no-id", "empty", "void" };
    const struct sources sources = { .variables = home, .files = files };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(profiles); i++)
        assert_none(&sources, profiles[i], ENVELOPE_R_CREDENTIALS, HOME_FILE);
    assert_none(&sources, "none", ENVELOPE_R_CREDENTIALS, "no section [none]");
}

/* As Tencent Cloud's own programs read it, or an error with file and line. */
static const struct {
    const char *file, *says; /* NULL: id, key and token are found */
} dialects[] = {
    { "[default]\n  secret_id = id\n  secret_key = key\n  token = token\n",
      NULL },
    { "[default]\nSECRET_ID: id\nSecret_Key: key\nTOKEN: token\n", NULL },
    { "[default]\rsecret_id=id\rsecret_key=key\rtoken=token\r", NULL },
    { "[DEFAULT]\nrole_arn = x\n[default]\nsecret_id=id\nsecret_key=key\n"
      "token=token\nregion=ap-guangzhou\n",
      NULL },
    { "[default]\nsecret_id=id\n",
      ", line 2: profile default: secret_id is there without secret_key" },
    { "[ default ]\nsecret_id=id\nsecret_key=key\n", ", line 1: [ default ]" },
    { "[default\nsecret_id=id\nsecret_key=key\n", ", line 1: a section" },
    { "[default]\nsecret_id=id\n secret_key=key\n", ", line 3: is indented" },
    { "[default]\nsecret_id=\n  id\nsecret_key=key\n", ", line 3: " },
    { "[default]\nsecret_id=id\nsecret_id=id2\nsecret_key=key\n",
      ", line 3: the setting secret_id is in line 2 already" },
    { "[default]\nsecret_id=id\nsecret_key=key\n[default]\n",
      ", line 4: the section default is in line 1 already" },
    { "[default]\nsecret_id=id\nsecret_key=\"very-secret\"\n",
      ", line 3: profile default: secret_key is empty, or has a character" },
    { "[default]\nsecret_id=id\nsecret_key=key\ntoken=a b\n", ", line 4: " },
    { "[default]\nsecret_id=id\nsecret_key=key\n\nRole_Arn = r\n",
      ", line 5: profile default: role_arn cannot be followed" },
    { "[default]\nsecret_id=id\nvery-secret\n", ", line 3: is not \"name" },
};

static void
the_dialect_is_that_of_tencent(void **state)
{
    struct fake_pair files[] = { { HOME_FILE, NULL }, { NULL, NULL } };
    const struct sources sources = { .variables = home, .files = files };
    char says[200];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(dialects); i++) {
        files[0].content = dialects[i].file;
        if (dialects[i].says == NULL) {
            assert_found(&sources, NULL, "id", "key", "token");
            continue;
        }
        (void)snprintf(says, sizeof(says), HOME_FILE "%s", dialects[i].says);
        assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, says);
    }
}

/* And then no other file counts, and no role of the machine. */
static void
a_file_may_be_named(void **state)
{
    static const struct fake_pair variables[] = {
        { "HOME", "/home/me" },
        { "TENCENTCLOUD_CREDENTIALS_FILE", "/run/keys" },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = {
        { HOME_FILE, "[default]\nsecret_id = x\nsecret_key = y\n" },
        { "/run/keys", "[default]\nsecret_id = id\nsecret_key = key\n" },
        { NULL, NULL },
    };
    const struct sources named = { .variables = variables, .files = files };
    const struct sources missing = { .variables = variables };

    (void)state;
    assert_found(&named, NULL, "id", "key", "");
    assert_none(&named, "none", ENVELOPE_R_CREDENTIALS, "/run/keys");
    assert_none(&missing, NULL, ENVELOPE_R_CREDENTIALS,
                "TENCENTCLOUD_CREDENTIALS_FILE: /run/keys: ");
}

static void
a_huge_file_is_an_error(void **state)
{
    static char text[65538];
    const struct fake_pair files[] = { { HOME_FILE, text }, { NULL, NULL } };
    const struct sources sources = { .variables = home, .files = files };

    (void)state;
    memset(text, '#', sizeof(text) - 1);
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, HOME_FILE);
}

/* The machine's role */

static void
a_role_is_found(void **state)
{
    static const struct fake_reply replies[] = {
        { 200, "backup-role\nsecond\n", NULL },
        { 200, ROLE_REPLY, NULL },
    };
    const struct sources sources = { .replies = replies, .reply_count = 2 };
    struct kms_credentials credentials;
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    assert_int_equal(look(&credentials, &fake, &sources, NULL, &err),
                     ENVELOPE_OK);
    assert_string_equal(kms_text_get(&credentials.id), "role-id");
    assert_string_equal(kms_text_get(&credentials.secret), "role-key");
    assert_string_equal(kms_text_get(&credentials.token), "role-token");
    assert_int_equal(credentials.expires, 1615590047);
    assert_string_equal(fake.requests[0].method, "GET");
    assert_string_equal(fake.requests[0].url, ROLES);
    assert_string_equal(fake.requests[0].body, "");
    assert_int_equal(fake.requests[0].milliseconds, 1000);
    assert_string_equal(fake.requests[1].url, ROLES "backup-role");
    assert_int_equal(fake.requests[1].milliseconds, 1000);
    kms_credentials_clear(&credentials);
    fake_world_clear(&fake);
}

static void
a_role_may_be_named(void **state)
{
    static const struct fake_pair named[] = {
        { "TENCENTCLOUD_CVM_ROLE", "a+b=c,d.e@f_g-1" },
        { NULL, NULL },
    };
    static const struct fake_pair bad[] = {
        { "TENCENTCLOUD_CVM_ROLE", "../../user-data" },
        { NULL, NULL },
    };
    static const struct fake_reply reply = { 200, ROLE_REPLY, NULL };
    const struct sources sources = { named, NULL, &reply, 1 };
    const struct sources of_bad = { .variables = bad };

    (void)state;
    assert_found(&sources, NULL, "role-id", "role-key", "role-token");
    assert_none(&of_bad, NULL, ENVELOPE_R_CREDENTIALS, "TENCENTCLOUD_CVM_ROLE");
}

/* On any other machine, or where it has no role. */
static void
no_role_is_no_credentials(void **state)
{
    static const struct fake_reply replies[] = {
        { 0, NULL, NULL },        { 404, "no-role", NULL },
        { 500, "no-role", NULL }, { 302, "no-role", NULL },
        { 200, "", NULL },        { 200, "\n", NULL },
        { 200, ".", NULL },       { 200, "..", NULL },
        { 200, "a/b", NULL },     { 200, "a b", NULL },
        { 200, "a?b", NULL },     { 200, "a%2fb", NULL },
        { 200, "<html>", NULL },  { 200, "a\x01", NULL },
    };
    struct sources sources = { .reply_count = 1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(replies); i++) {
        sources.replies = &replies[i];
        assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                    "TENCENTCLOUD_SECRET_ID");
    }
}

static void
a_role_name_is_bounded(void **state)
{
    char name[130];
    const struct fake_reply replies[] = { { 200, name, NULL },
                                          { 200, ROLE_REPLY, NULL } };
    const struct sources taken = { .replies = replies, .reply_count = 2 };
    const struct sources refused = { .replies = replies, .reply_count = 1 };

    (void)state;
    (void)snprintf(name, sizeof(name), "%0*d", 128, 0);
    assert_found(&taken, NULL, "role-id", "role-key", "role-token");
    (void)snprintf(name, sizeof(name), "%0*d", 129, 0);
    assert_none(&refused, NULL, ENVELOPE_R_CREDENTIALS, "CVM");
}

static void
a_role_may_fail(void **state)
{
    static const struct fake_pair named[] = {
        { "TENCENTCLOUD_CVM_ROLE", "backup" },
        { NULL, NULL },
    };
    static const struct fake_reply replies[] = {
        { 0, NULL, NULL },
        { 404, ROLE_REPLY, NULL },
        { 500, ROLE_REPLY, NULL },
        { 302, ROLE_REPLY, NULL },
        { 200, "", NULL },
        { 200, "[]", NULL },
        { 200, "{}", NULL },
        { 200,
          "{\"Code\":\"Failed\",\"TmpSecretId\":\"i\",\"Token\":\"t\","
          "\"TmpSecretKey\":\"very-secret\"}",
          NULL },
        { 200, "{\"TmpSecretId\":\"i\",\"TmpSecretKey\":\"k\",\"Token\":\"t\"}",
          NULL },
        { 200, "{\"Code\":\"Success\",\"TmpSecretKey\":\"very-secret\"}",
          NULL },
        { 200, "{\"Code\":\"Success\",\"TmpSecretId\":\"i\",\"Token\":\"t\"}",
          NULL },
        { 200,
          "{\"Code\":\"Success\",\"TmpSecretId\":\"i\","
          "\"TmpSecretKey\":\"k\"}",
          NULL },
        { 200,
          "{\"Code\":\"Success\",\"Code\":\"Success\",\"TmpSecretId\":\"i\","
          "\"TmpSecretKey\":\"k\",\"Token\":\"t\"}",
          NULL },
    };
    struct sources sources = { .variables = named, .reply_count = 1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(replies); i++) {
        sources.replies = &replies[i];
        assert_none(&sources, NULL,
                    replies[i].status == 0 || replies[i].status == 500
                        ? ENVELOPE_R_KEY_SERVICE
                        : ENVELOPE_R_CREDENTIALS,
                    "TENCENTCLOUD_CVM_ROLE: ");
    }
}

/* Memory */

/* The fake world does without some of its own blocks. */
static void
sweep(const struct sources *sources)
{
    struct kms_credentials credentials;
    enum envelope_reason rc;
    struct fake_world fake;
    struct envl_err err;
    size_t n = 0, failures = 0;

    do {
        memory_fail(++n);
        rc = look(&credentials, &fake, sources, NULL, &err);
        memory_fail(0);
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_MEMORY)
            fail_msg("allocation %zu: %s", n, err.detail);
        failures += rc != ENVELOPE_OK;
        kms_credentials_clear(&credentials);
        fake_world_clear(&fake);
    } while (memory_failed());
    assert_int_equal(rc, ENVELOPE_OK);
    assert_true(failures >= 3);
}

static void
memory_may_run_out(void **state)
{
    static const struct fake_pair variables[] = {
        { "TENCENTCLOUD_SECRET_ID", "id" },
        { "TENCENTCLOUD_SECRET_KEY", "key" },
        { "TENCENTCLOUD_TOKEN", "token" },
        { NULL, NULL },
    };
    static const struct fake_pair named[] = {
        { "TENCENTCLOUD_CVM_ROLE", "backup" },
        { NULL, NULL },
    };
    static const struct fake_pair files[] = {
        { HOME_FILE, "[default]\nsecret_id = a\nsecret_key = b\ntoken = c\n" },
        { NULL, NULL },
    };
    static const struct fake_reply replies[] = {
        { 200, "backup-role", NULL },
        { 200, ROLE_REPLY, NULL },
    };
    const struct sources sources[] = {
        { .variables = variables },
        { .variables = home, .files = files },
        { .variables = home, .replies = replies, .reply_count = 2 },
        { .variables = named, .replies = replies + 1, .reply_count = 1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(sources); i++)
        sweep(&sources[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_come_first),
        cmocka_unit_test(a_token_has_two_names),
        cmocka_unit_test(half_a_pair_is_an_error),
        cmocka_unit_test(files_are_read_in_order),
        cmocka_unit_test(bad_files_are_errors),
        cmocka_unit_test(the_dialect_is_that_of_tencent),
        cmocka_unit_test(a_file_may_be_named),
        cmocka_unit_test(a_huge_file_is_an_error),
        cmocka_unit_test(a_role_is_found),
        cmocka_unit_test(a_role_may_be_named),
        cmocka_unit_test(no_role_is_no_credentials),
        cmocka_unit_test(a_role_name_is_bounded),
        cmocka_unit_test(a_role_may_fail),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_tencent_credentials", tests, NULL,
                                       NULL);
}
