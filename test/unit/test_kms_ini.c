/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sections with settings, and finding kms.conf. */
#include "kms/ini.h"

#include "test/kms/memory.h"
#include "test/kms/world.h"
#include "test/unit/support.h"

#include "kms/config.h"

static const char profiles[] = "; at the top\n"
                               "region = before any section\n"
                               "\n"
                               "[default]\n"
                               "aws_access_key_id=AKIA\n"
                               "  aws_access_key_id = indented\n"
                               "aws_secret_access_key =\t a=b#c;d \t\r\n"
                               "# region = commented\n"
                               ";region = commented\n"
                               "  [prod]\n"
                               "s3 =\n"
                               "\tregion = nested\n"
                               "empty=\n"
                               "word\n"
                               "region:colon\n"
                               "Region = case\n"
                               "region2 = longer\n"
                               "regio = shorter\n"
                               "[ profile  prod ] # and more\n"
                               "region = eu-west-1\n"
                               "region = eu-west-2\n"
                               "[default ]\r\n"
                               "output = json\r\n"
                               "[broken\n"
                               "output = nobody's\n"
                               "[]\n"
                               "output = nobody's\n"
                               "[last]\n"
                               "region = no line feed";

static void
set(struct kms_text *text, const char *content)
{
    kms_text_set(text, content);
    assert_false(text->failed);
}

static void
check(const struct kms_text *text, const char *section, const char *name,
      const char *expected)
{
    struct kms_text value = { 0 };
    int found;

    set(&value, "left from before");
    found = kms_ini_get(&value, text, section, name);
    assert_int_equal(found, expected != NULL);
    assert_string_equal(kms_text_get(&value), expected != NULL ? expected : "");
    kms_text_clear(&value);
}

static void
settings_are_found(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    set(&text, profiles);
    check(&text, "profile  prod", "region", "eu-west-2");
    check(&text, "last", "region", "no line feed");
    check(&text, "default", "output", "json");
    /* What is not there: */
    check(&text, "profile prod", "region", NULL);
    check(&text, "prod", "region", NULL);
    check(&text, "Default", "output", NULL);
    check(&text, "last", "regio", NULL);
    check(&text, "last", "region ", NULL);
    check(&text, "last", "", NULL);
    check(&text, "broken", "output", NULL);
    check(&text, "[broken", "output", NULL);
    check(&text, "nowhere", "output", NULL);
    kms_text_clear(&text);
}

static void
lines_of_all_kinds(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    set(&text, profiles);
    /* The first section of this name only. */
    text.len = (size_t)(strstr(profiles, "[default ]") - profiles);
    check(&text, "default", "aws_access_key_id", "AKIA");
    check(&text, "default", "aws_secret_access_key", "a=b#c;d");
    check(&text, "default", "s3", "");
    check(&text, "default", "empty", "");
    check(&text, "default", "region2", "longer");
    check(&text, "default", "Region", "case");
    check(&text, "default", "region", NULL);
    check(&text, "default", "word", NULL);
    check(&text, "default", "# region", NULL);
    check(&text, "default", "[prod]", NULL);
    check(&text, "", "region", NULL);
    kms_text_clear(&text);
}

/* An id from here and its secret from there would be nobody's. */
static void
sections_are_not_mixed(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    set(&text, "[a]\nid = 1\nsecret = 2\n[b]\nid = 3\n[a]\nid = 4\n");
    check(&text, "a", "id", "4");
    check(&text, "a", "secret", NULL);
    check(&text, "b", "id", "3");
    set(&text, "[a]\nid = 1\n[b]\n[a]");
    check(&text, "a", "id", NULL);
    assert_true(kms_ini_has(&text, "a"));
    kms_text_clear(&text);
}

static void
files_of_hardly_anything(void **state)
{
    static const char *const files[] = {
        "",           "\n",         "[",          "]",
        "[]",         "[\n",        "[a",         "=",
        "a=",         "=b",         " ",          "\r",
        "#",          "[a]b",       "\n\n\n",     "[a\nb]\nid=1",
        "[b]\nid=1",  " [a]\nid=1", "#[a]\nid=1", "[ab]\nid=1",
        "x[a]\nid=1",
    };
    struct kms_text text = { 0 };
    size_t i;

    (void)state;
    check(&text, "a", "id", NULL);
    assert_false(kms_ini_has(&text, "a"));
    for (i = 0; i < COUNT(files); i++) {
        set(&text, files[i]);
        check(&text, "a", "id", NULL);
        check(&text, "", "", NULL);
        assert_int_equal(kms_ini_has(&text, "a"),
                         strcmp(files[i], "[a]b") == 0);
    }
    kms_text_clear(&text);
}

static void
a_byte_of_zero_is_no_end(void **state)
{
    static const char file[] = "[a]\nid = 1\0\n[b]\nid = 2";
    struct kms_text text = { 0 };

    (void)state;
    kms_text_add_bytes(&text, file, sizeof(file) - 1);
    check(&text, "b", "id", "2");
    kms_text_clear(&text);
}

static void
sections_are_found(void **state)
{
    struct kms_text text = { 0 };

    (void)state;
    set(&text, profiles);
    assert_true(kms_ini_has(&text, "default"));
    assert_true(kms_ini_has(&text, "profile  prod"));
    assert_true(kms_ini_has(&text, "last"));
    assert_false(kms_ini_has(&text, "prod"));
    assert_false(kms_ini_has(&text, "broken"));
    assert_false(kms_ini_has(&text, "LAST"));
    assert_false(kms_ini_has(&text, "las"));
    kms_text_clear(&text);
}

/* Settings that nobody knows */

static void
check_unknown(const char *file, const char *expected)
{
    static const char *const names[] = { "id", "secret", NULL };
    struct kms_text text = { 0 }, found = { 0 };

    set(&text, file);
    set(&found, "left from before");
    assert_int_equal(kms_ini_unknown(&found, &text, "a", names),
                     expected != NULL);
    assert_string_equal(kms_text_get(&found), expected != NULL ? expected : "");
    kms_text_clear(&found);
    kms_text_clear(&text);
}

static void
unknown_settings_are_found(void **state)
{
    (void)state;
    check_unknown("", NULL);
    check_unknown("x=1\n[a]\nid=1\nsecret=2\n  x=1\n#x=1\n[b]\nx=1", NULL);
    check_unknown("[a]\nid=1\nx = 1\ny=1", "x");
    check_unknown("[a]\nid2=1", "id2");
    check_unknown("[a]\ni=1", "i");
    check_unknown("[a]\nID=1", "ID");
    check_unknown("[a]\n=1", "");
    check_unknown("[a]\nx=1\n[a]\nid=1", NULL);
    check_unknown("[a]\nx=1\n[a]\ny=1", "y");
}

/* A line without "=" is one too, and what may be a secret in it is not
 * shown. */
static void
a_line_that_says_nothing_is_unknown(void **state)
{
    (void)state;
    check_unknown("[a]\nid", "id");
    check_unknown("[a]\nsecret " SECRET, "secret");
    check_unknown("[a]\nsecret\t" SECRET, "secret");
    check_unknown("[a]\nsecret:" SECRET, "secret");
}

static void
memory_runs_out(void **state)
{
    struct kms_text text = { 0 }, value = { 0 };
    char file[300] = "[a]\nid = ";
    size_t n;

    (void)state;
    memset(file + strlen(file), 'b', 200);
    set(&text, file);
    for (n = 1; n <= 2; n++) {
        memory_fail(n);
        assert_true(kms_ini_get(&value, &text, "a", "id"));
        memory_fail(0);
        assert_true(value.failed);
        kms_text_clear(&value);
    }
    kms_text_clear(&text);
    assert_int_equal(memory.live, 0);
}

/* kms.conf */

static void
the_file_that_is_named(void **state)
{
    static const struct fake_pair files[] = { { "/home/kms.conf",
                                                "[a]\nid = 1\n" },
                                              { ENVELOPE_KMS_CONFIG_PATH, "" },
                                              { NULL, NULL } },
                                  variables[] = { { "ENVELOPE_KMS_CONFIG",
                                                    "/home/kms.conf" },
                                                  { NULL, NULL } };
    struct kms_text text = { 0 };
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    fake_world_init(&fake);
    fake.files = files;
    fake.variables = variables;
    assert_int_equal(kms_config_read(&text, &fake.world, &err), ENVELOPE_OK);
    check(&text, "a", "id", "1");
    /* The one of the system, which says nothing. */
    fake.variables = NULL;
    assert_int_equal(kms_config_read(&text, &fake.world, &err), ENVELOPE_OK);
    assert_string_equal(kms_text_get(&text), "");
    kms_text_clear(&text);
    fake_world_clear(&fake);
    assert_int_equal(memory.live, 0);
}

static void
a_file_that_is_not_there(void **state)
{
    static const struct fake_pair files[] = { { ENVELOPE_KMS_CONFIG_PATH,
                                                "[a]\n" },
                                              { NULL, NULL } },
                                  variables[] = { { "ENVELOPE_KMS_CONFIG",
                                                    "/home/kms.conf" },
                                                  { NULL, NULL } };
    struct kms_text text = { 0 };
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    fake_world_init(&fake);
    assert_int_equal(kms_config_read(&text, &fake.world, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, ENVELOPE_KMS_CONFIG_PATH ": "));
    assert_non_null(strstr(err.detail, "ENVELOPE_KMS_CONFIG"));
    /* The other one does not stand in for it. */
    fake.files = files;
    fake.variables = variables;
    assert_int_equal(kms_config_read(&text, &fake.world, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "/home/kms.conf: "));
    assert_null(text.data);
    fake_world_clear(&fake);
}

static void
a_file_that_cannot_be_read(void **state)
{
    static char content[65538];
    static const struct fake_pair files[] = {
        { ENVELOPE_KMS_CONFIG_PATH, content }, { NULL, NULL }
    };
    struct kms_text text = { 0 };
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    memset(content, '#', sizeof(content) - 1);
    fake_world_init(&fake);
    fake.files = files;
    assert_int_equal(kms_config_read(&text, &fake.world, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(err.reason, ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(err.detail, ENVELOPE_KMS_CONFIG_PATH " is too long");
    memset(content, 0, sizeof(content));
    memory_fail(1);
    assert_int_equal(kms_config_read(&text, &fake.world, &err),
                     ENVELOPE_R_MEMORY);
    memory_fail(0);
    kms_text_clear(&text);
    fake_world_clear(&fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_found),
        cmocka_unit_test(lines_of_all_kinds),
        cmocka_unit_test(sections_are_not_mixed),
        cmocka_unit_test(files_of_hardly_anything),
        cmocka_unit_test(a_byte_of_zero_is_no_end),
        cmocka_unit_test(sections_are_found),
        cmocka_unit_test(unknown_settings_are_found),
        cmocka_unit_test(a_line_that_says_nothing_is_unknown),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(the_file_that_is_named),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(a_file_that_cannot_be_read),
    };

    memory_watch();
    return cmocka_run_group_tests_name("kms_ini", tests, NULL, NULL);
}
