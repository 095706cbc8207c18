/* SPDX-License-Identifier: Apache-2.0 */
/* execkms: what a helper is told, and what it may answer; envelope-kms-helper(7)
 * has the protocol. */
#include <stdio.h>

#include <openssl/crypto.h>

#include "kms/core/uri.h"
#include "test/kms/kms_scene.h"

#define LABELS "host=db1\nset=\xc3\xa9 \"1\"\n"
#define CONTEXT "\"context\":{\"host\":\"db1\",\"set\":\"\xc3\xa9 \\\"1\\\"\"}"
/* "blob" */
#define BLOB_BASE64 "YmxvYg=="
/* What is not asked for is passed over, but wiped like the rest. */
#define GOOD                                                  \
    "{\"key\":\"backup/1\",\"plaintext\":\"" KEK_BASE64 "\"," \
    "\"ciphertext\":\"" BLOB_BASE64 "\",\"more\":\"" SECRET "\"}\n"

static const char config[] = "[corp]\n"
                             "exec = /usr/libexec/helper\n"
                             "key = backup/1\n"
                             "[args]\n"
                             "exec = /usr/libexec/helper\n"
                             "args =  --site  eu\t-v \n"
                             "timeout = 600\n"
                             "[empty]\n"
                             "[Web]\n"
                             "url = https://kms.example.net\n";

/* What the world does not keep. */
static struct {
    unsigned milliseconds;      /* of the last run */
    const char *const *outputs; /* of one run after the other, or NULL */
    enum envelope_reason (*run)(void *arg, struct kms_text *output, size_t max,
                                char *const argv[],
                                const struct kms_text *input,
                                unsigned milliseconds, struct envl_err *err);
} ran;

/* The world's own. */
static enum envelope_reason
run(void *arg, struct kms_text *output, size_t max, char *const argv[],
    const struct kms_text *input, unsigned milliseconds, struct envl_err *err)
{
    ran.milliseconds = milliseconds;
    if (ran.outputs != NULL)
        scene.fake.run_output = ran.outputs[scene.fake.run_count];
    return ran.run(arg, output, max, argv, input, milliseconds, err);
}

static int
set_scene(void **state)
{
    (void)state;
    scene_begin(config, "execkms://corp/backup%2f1", "execkms", "corp/backup/1",
                "blob");
    memset(&ran, 0, sizeof(ran));
    ran.run = scene.fake.world.run;
    scene.fake.world.run = run;
    scene.fake.run_output = GOOD;
    return 0;
}

/* Configuration */

static void
bad_configurations_are_refused(void **state)
{
    static const struct {
        const char *config, *uri, *detail;
    } cases[] = {
        { "", "execkms://corp/k", "no section [corp]" },
        { "[corpo]\nexec=/h\n", "execkms://corp/k", "no section [corp]" },
        { "[corp]\n", "execkms://corp/k", "exec: is missing" },
        { "[corp]\nexec=\n", "execkms://corp/k", "exec: is missing" },
        { "[corp]\nexec=helper\n", "execkms://corp/k", "absolute" },
        { "[corp]\nexec=./h\n", "execkms://corp/k", "absolute" },
        { "[corp]\nexec=/h\nurl=https://x\n", "execkms://corp/k", "url: " },
        { "[corp]\nexec=/h\nsigner=none\n", "execkms://corp/k", "signer: " },
        { "[corp]\nexec=/h\ntimout=3\n", "execkms://corp/k",
          "timout: execkms has no such setting" },
        { "[corp]\nexec=/h\ntimeout=0\n", "execkms://corp/k", "timeout: " },
        { "[corp]\nexec=/h\ntimeout=601\n", "execkms://corp/k", "timeout: " },
        { "[corp]\nexec=/h\ntimeout=\n", "execkms://corp/k", "timeout: " },
        { "[corp]\nexec=/h\ntimeout=-1\n", "execkms://corp/k", "timeout: " },
        { "[corp]\nexec=/h\ntimeout=3s\n", "execkms://corp/k", "timeout: " },
        { "[corp]\nexec=/h\ntimeout=4294967297\n", "execkms://corp/k",
          "timeout: " },
        { "[corp]\nexec=/h\nargs=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
          "execkms://corp/k", "args: " },
        { "[corp]\nexec=/h\n", "execkms://corp", "no key is named" },
        { "[corp]\nexec=/h\n", "execkms://corp/", "no key is named" },
        { "[corp]\nexec=/h\nkey=\xc3\xa9\n", "execkms://corp", "not ASCII" },
        { "[corp]\nexec=/h\n", "execkms:///corp", "names no section" },
        { "[corp]\nexec=/h\n", "execkms:corp/k", "names no section" },
        { "[corp]\nexec=/h\n", "execkms://corp%5d/k", "a section's name" },
        { "[corp]\nexec=/h\n", "execkms://corp:1/k", "a section's name" },
        { "[a b]\nexec=/h\n", "execkms://a%20b/k", "a section's name" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        scene.files[0].content = cases[i].config;
        if (check(cases[i].uri, ENVL_KMS_RECIPIENT) != ENVELOPE_R_UNREADABLE_KEY
            || strstr(scene.err.detail, cases[i].detail) == NULL)
            fail_msg("case %zu: %s", i, scene.err.detail);
        assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
        assert_false(matches("corp/other"));
    }
    assert_int_equal(scene.fake.run_count, 0);
}

static void
without_a_file_there_is_nothing(void **state)
{
    (void)state;
    scene.fake.files = NULL;
    assert_int_equal(check("execkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(scene.err.detail, CONF));
}

static void
names_are_limited(void **state)
{
    char text[KMS_URI_LEN_MAX];

    (void)state;
    (void)snprintf(text, sizeof(text), "execkms://%065d/k", 0);
    assert_int_equal(check(text, ENVL_KMS_RECIPIENT),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(scene.err.detail, "a section's name"));
    (void)snprintf(text, sizeof(text), "execkms://corp/%0*d",
                   ENVL_KMS_KEY_LEN_MAX - 5, 0);
    assert_int_equal(check(text, ENVL_KMS_RECIPIENT), ENVELOPE_OK);
    (void)snprintf(text, sizeof(text), "execkms://corp/%0*d",
                   ENVL_KMS_KEY_LEN_MAX - 4, 0);
    assert_int_equal(check(text, ENVL_KMS_RECIPIENT),
                     ENVELOPE_R_UNREADABLE_KEY);
    scene.files[0].content =
        "[corp]\nexec=/h\nargs=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    assert_int_equal(check("execkms://corp/k", ENVL_KMS_RECIPIENT),
                     ENVELOPE_OK);
}

static void
good_configurations_pass(void **state)
{
    static const char *const good[] = { "execkms://corp", "execkms://corp/",
                                        "execkms://corp/other",
                                        "ExecKMS://args/k" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++)
        assert_int_equal(check(good[i], ENVL_KMS_RECIPIENT), ENVELOPE_OK);
    assert_int_equal(scene.fake.run_count, 0);
}

static void
keys_match_by_name_alone(void **state)
{
    static const struct {
        const char *uri, *key;
        bool matches;
    } cases[] = {
        { "execkms://corp/backup/1", "corp/backup/1", true },
        { "execkms://corp/backup%2F1", "corp/backup/1", true },
        { "execkms://corp", "corp/backup/1", true }, /* the section's key */
        { "execkms://corp/backup/1", "corp/backup/2", false },
        { "execkms://corp/backup/1", "corp/backup/1/", false },
        { "execkms://corp/backup/1", "corp/backup", false },
        { "execkms://corp/backup/1", "Corp/backup/1", false },
        { "execkms://corp/backup/1", "args/backup/1", false },
        { "execkms://corp/backup/1", "backup/1", false },
        { "execkms://corp/backup/1", "", false },
        { "execkms://args", "args/", false },
        { "execkms://nobody/k", "nobody/k", false },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        scene.call.uri = cases[i].uri;
        if (matches(cases[i].key) != cases[i].matches)
            fail_msg("case %zu", i);
    }
}

/* Requests */

static void
generate_asks_for_a_key(void **state)
{
    (void)state;
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_int_equal(scene.fake.run_count, 1);
    assert_string_equal(scene.fake.runs[0].command, "/usr/libexec/helper");
    assert_string_equal(scene.fake.runs[0].input,
                        "{\"version\":1,\"operation\":\"generate\","
                        "\"key\":\"backup/1\"}\n");
    assert_int_equal(ran.milliseconds, 30000);
    assert_string_equal(scene.made.key, "corp/backup/1");
    assert_int_equal(scene.made.blob_len, 4);
    assert_memory_equal(scene.made.blob, "blob", 4);
    assert_false(scene.made.has_context);
    assert_kek_is('k');
}

static void
labels_are_the_context(void **state)
{
    (void)state;
    set_labels(LABELS);
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.runs[0].input,
                        "{\"version\":1,\"operation\":\"generate\","
                        "\"key\":\"backup/1\"," CONTEXT "}\n");
    assert_true(scene.made.has_context);
    scene.call.labels_len = 0;
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_null(strstr(scene.fake.runs[1].input, "context"));
    assert_false(scene.made.has_context);
}

static void
unwrap_asks_with_the_blob(void **state)
{
    (void)state;
    set_labels(LABELS);
    assert_int_equal(unwrap(), ENVELOPE_OK);
    assert_string_equal(scene.fake.runs[0].input,
                        "{\"version\":1,\"operation\":\"decrypt\","
                        "\"key\":\"backup/1\","
                        "\"ciphertext\":\"" BLOB_BASE64 "\"}\n");
    assert_kek_is('k');
    scene.wrapped.has_context = true;
    assert_int_equal(unwrap(), ENVELOPE_OK);
    assert_string_equal(scene.fake.runs[1].input,
                        "{\"version\":1,\"operation\":\"decrypt\","
                        "\"key\":\"backup/1\"," CONTEXT ","
                        "\"ciphertext\":\"" BLOB_BASE64 "\"}\n");
    /* Somebody has taken them off the stream. */
    scene.call.labels = NULL;
    assert_int_equal(unwrap(), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(scene.fake.run_count, 2);
}

static void
rewrap_names_both_keys(void **state)
{
    (void)state;
    set_labels(LABELS);
    scene.wrapped.has_context = true;
    scene.fake.run_output = "{\"key\":\"next\",\"ciphertext\":\"bmV3\"}";
    assert_int_equal(rewrap("execkms://corp/next"), ENVELOPE_OK);
    assert_string_equal(scene.fake.runs[0].input,
                        "{\"version\":1,\"operation\":\"rewrap\","
                        "\"key\":\"backup/1\"," CONTEXT ","
                        "\"ciphertext\":\"" BLOB_BASE64 "\","
                        "\"to\":\"next\"}\n");
    assert_string_equal(scene.made.key, "corp/next");
    assert_true(scene.made.has_context);
    assert_int_equal(scene.made.blob_len, 3);
    assert_memory_equal(scene.made.blob, "new", 3);
    scene.wrapped.has_context = false;
    assert_int_equal(rewrap("execkms://corp/next"), ENVELOPE_OK);
    assert_null(strstr(scene.fake.runs[1].input, "context"));
    assert_false(scene.made.has_context);
}

static void
rewrap_stays_in_its_section(void **state)
{
    (void)state;
    assert_int_equal(rewrap("execkms://args/next"), ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(scene.err.detail, "sections"));
    /* The reply has to be about the new key. */
    assert_int_equal(rewrap("execkms://corp/next"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(scene.fake.run_count, 1);
    assert_string_equal(scene.made.key, "");
}

static void
arguments_are_split_at_spaces(void **state)
{
    (void)state;
    scene.call.uri = "execkms://args/backup/1";
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_string_equal(scene.fake.runs[0].command,
                        "/usr/libexec/helper --site eu -v");
    assert_int_equal(ran.milliseconds, 600000);
    assert_string_equal(scene.made.key, "args/backup/1");
}

/* Replies */

static void
bad_replies_are_refused(void **state)
{
    static const struct {
        const char *output;
        enum envelope_reason reason;
    } cases[] = {
        { NULL, ENVELOPE_R_KEY_SERVICE }, /* it fails */
        { "", ENVELOPE_R_KEY_SERVICE },
        { "\n", ENVELOPE_R_KEY_SERVICE },
        { "OK", ENVELOPE_R_KEY_SERVICE },
        { "[]", ENVELOPE_R_KEY_SERVICE },
        { "{}", ENVELOPE_R_KEY_SERVICE },
        { GOOD "{}", ENVELOPE_R_KEY_SERVICE },
        { GOOD "done", ENVELOPE_R_KEY_SERVICE },
        { "{\"key\":\"backup/1\"}", ENVELOPE_R_KEY_SERVICE },
        { "{\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"key\":1,\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"key\":\"backup/2\",\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"key\":\"corp/backup/1\",\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        { "{\"key\":\"\",\"plaintext\":\"" KEK_BASE64
          "\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE_REFUSED },
        /* 31 and 33 bytes, and what is no base64 */
        { "{\"key\":\"backup/1\",\"plaintext\":\"a2tra2tra2tra2tra2tra2tra2tr"
          "a2tra2tra2trag==\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"key\":\"backup/1\",\"plaintext\":\"a2tra2tra2tra2tra2tra2tra2tr"
          "a2tra2tra2tra2tr\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"key\":\"backup/1\",\"plaintext\":\"a2tra2tra2tra2tra2tra2tra2tr"
          "a2tra2tra2tra2s\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE },
        { "{\"key\":\"backup/1\",\"plaintext\":\"" KEK_BASE64
          "\",\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"YQ==\"}",
          ENVELOPE_R_KEY_SERVICE },
    };
    static const char *const bad_blobs[] = { "", "\"\"", "\"YQ\"", "\"Y Q=\"",
                                             "1" };
    char output[200];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        memset(scene.kek, 0, sizeof(scene.kek));
        scene.fake.run_output = cases[i].output;
        if (generate() != cases[i].reason || unwrap() != cases[i].reason)
            fail_msg("reply %zu: %s", i, scene.err.detail);
        assert_kek_is(0);
        (void)strike_scene(NULL);
        (void)set_scene(NULL);
    }
    for (i = 0; i < COUNT(bad_blobs); i++) {
        (void)snprintf(
            output, sizeof(output),
            "{\"key\":\"backup/1\",\"plaintext\":\"" KEK_BASE64 "\",\"%s\":%s}",
            i > 0 ? "ciphertext" : "cipher", i > 0 ? bad_blobs[i] : "\"YQ==\"");
        scene.fake.run_output = output;
        assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE);
        assert_int_equal(rewrap("execkms://corp"), ENVELOPE_R_KEY_SERVICE);
        assert_kek_is(0);
        assert_null(strstr(scene.err.detail, KEK_BASE64));
    }
    assert_int_equal(scene.fake.pause_count, 0);
}

/* A blob of so many bytes. */
static enum envelope_reason
generate_blob(size_t len)
{
    static const char head[] =
        "{\"key\":\"backup/1\",\"plaintext\":\"" KEK_BASE64
        "\",\"ciphertext\":\"";
    static unsigned char blob[ENVL_KMS_BLOB_LEN_MAX + 1];
    struct kms_text output = { 0 };
    enum envelope_reason rc;

    fill(blob, sizeof(blob), 1);
    kms_text_add(&output, head);
    kms_text_add_base64(&output, blob, len);
    kms_text_add(&output, "\"}");
    scene.fake.run_output = output.data;
    rc = generate();
    if (rc == ENVELOPE_OK) {
        assert_int_equal(scene.made.blob_len, len);
        assert_memory_equal(scene.made.blob, blob, len);
    }
    kms_text_clear(&output);
    return rc;
}

static void
blobs_are_limited(void **state)
{
    (void)state;
    assert_int_equal(generate_blob(1), ENVELOPE_OK);
    assert_int_equal(generate_blob(ENVL_KMS_BLOB_LEN_MAX), ENVELOPE_OK);
    assert_int_equal(generate_blob(ENVL_KMS_BLOB_LEN_MAX + 1),
                     ENVELOPE_R_KEY_SERVICE);
}

static void
a_refusal_is_told(void **state)
{
    static const struct {
        const char *output, *detail;
    } cases[] = {
        { "{\"error\":{\"code\":\"Denied\",\"message\":\"not you\","
          "\"request\":\"r-1\"}}",
          "execkms://corp: Denied: not you (request r-1)" },
        { "{\"error\":{\"code\":\"Denied\",\"retry\":false}}",
          "execkms://corp: Denied" },
        /* true only is that */
        { "{\"error\":{\"code\":\"Denied\",\"retry\":\"true\"}}",
          "execkms://corp: Denied" },
        { "{\"error\":{}}", "execkms://corp: no reason was given" },
        { "{\"error\":\"Denied\"}", "execkms://corp: no reason was given" },
        /* whatever else there is */
        { "{\"error\":{\"code\":\"Denied\"},\"key\":\"backup/1\","
          "\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"YQ==\"}",
          "execkms://corp: Denied" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        scene.fake.run_output = cases[i].output;
        assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_string_equal(scene.err.detail, cases[i].detail);
        assert_int_equal(unwrap(), ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(rewrap("execkms://corp"),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_kek_is(0);
    }
    assert_int_equal(scene.fake.pause_count, 0);
    scene.fake.run_output =
        "{\"error\":null,\"key\":\"backup/1\","
        "\"plaintext\":\"" KEK_BASE64 "\",\"ciphertext\":\"YQ==\"}";
    assert_int_equal(generate(), ENVELOPE_OK);
}

#define BUSY "{\"error\":{\"code\":\"Busy\",\"retry\":true}}"

static void
it_is_asked_once_more_if_it_says_so(void **state)
{
    static const char *const well[] = { BUSY, GOOD };
    static const char *const badly[] = { BUSY, BUSY, GOOD };
    static const char *const dead[] = { BUSY, NULL, GOOD };

    (void)state;
    ran.outputs = well;
    assert_int_equal(generate(), ENVELOPE_OK);
    assert_int_equal(scene.fake.run_count, 2);
    assert_string_equal(scene.fake.runs[0].input, scene.fake.runs[1].input);
    assert_int_equal(scene.fake.pause_count, 1);
    assert_int_equal(scene.fake.pauses[0], 499);
    assert_kek_is('k');

    (void)strike_scene(NULL);
    (void)set_scene(NULL);
    ran.outputs = badly;
    assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(scene.err.detail,
                        "execkms://corp: Busy, after 2 attempts");
    assert_int_equal(scene.fake.run_count, 2);

    (void)strike_scene(NULL);
    (void)set_scene(NULL);
    ran.outputs = dead;
    assert_int_equal(generate(), ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(scene.fake.run_count, 2);
}

/* Memory */

/* Its own lists are not what is tested. */
static enum envelope_reason
run_plainly(void *arg, struct kms_text *output, size_t max, char *const argv[],
            const struct kms_text *input, unsigned milliseconds,
            struct envl_err *err)
{
    (void)arg;
    (void)max;
    (void)argv;
    (void)input;
    (void)milliseconds;
    kms_text_set(output, GOOD);
    return output->failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
memory_may_run_out_anywhere(void **state)
{
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    size_t n;
    long live = memory_live();

    (void)state;
    set_labels(LABELS);
    scene.fake.world.run = run_plainly;
    for (n = 1; rc != ENVELOPE_OK; n++) {
        memset(&scene.made, 0, sizeof(scene.made));
        memory_fail(n);
        rc = generate();
        memory_fail(0);
        assert_true(rc == ENVELOPE_OK || rc == ENVELOPE_R_MEMORY);
        assert_int_equal(memory_live(), live);
    }
    assert_true(n > 10);
    assert_kek_is('k');
    assert_string_equal(scene.made.key, "corp/backup/1");
}

/* Whoever can write to the file, or to the program, could have our keys. */
static void
what_others_can_write_to_is_not_used(void **state)
{
    static const char *const paths[] = { CONF, "/usr/libexec/helper" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(paths); i++) {
        scene.fake.open_to_all = paths[i];
        assert_int_equal(generate(), ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(unwrap(), ENVELOPE_R_UNREADABLE_KEY);
        assert_non_null(strstr(scene.err.detail, paths[i]));
        assert_int_equal(scene.fake.run_count, 0);
    }
    scene.fake.open_to_all = NULL;
    assert_int_equal(generate(), ENVELOPE_OK);
}

#define IN_SCENE(test) \
    cmocka_unit_test_setup_teardown(test, set_scene, strike_scene)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(bad_configurations_are_refused),
        IN_SCENE(without_a_file_there_is_nothing),
        IN_SCENE(what_others_can_write_to_is_not_used),
        IN_SCENE(names_are_limited),
        IN_SCENE(good_configurations_pass),
        IN_SCENE(keys_match_by_name_alone),
        IN_SCENE(generate_asks_for_a_key),
        IN_SCENE(labels_are_the_context),
        IN_SCENE(unwrap_asks_with_the_blob),
        IN_SCENE(rewrap_names_both_keys),
        IN_SCENE(rewrap_stays_in_its_section),
        IN_SCENE(arguments_are_split_at_spaces),
        IN_SCENE(bad_replies_are_refused),
        IN_SCENE(blobs_are_limited),
        IN_SCENE(a_refusal_is_told),
        IN_SCENE(it_is_asked_once_more_if_it_says_so),
        IN_SCENE(memory_may_run_out_anywhere),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("execkms", tests, NULL, NULL);
}
