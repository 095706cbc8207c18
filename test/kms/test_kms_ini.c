/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sections with settings, and finding kms.conf. */
#include "kms/core/ini.h"

#include <stdio.h>

#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#include "kms/dispatch.h"

#define PATH "/etc/file"

/* What is found of section "a", or where the error is. */
struct outcome {
    size_t line; /* of the section, or of the error; 0: there is none */
    const char *id, *secret, *other;
    const char *error; /* NULL: it is read */
};

static struct kms_ini_section section;
static struct kms_ini_setting settings[3];

static enum envelope_reason
read_text(const char *data, size_t len, struct envl_err *err)
{
    static struct kms_text text;
    const struct kms_ini_file file = {
        .text = &text,
        .path = PATH,
        .is_section = kms_ini_is_named,
        .reason = ENVELOPE_R_CREDENTIALS,
    };
    enum envelope_reason rc;

    kms_text_clear(&text);
    kms_text_add_bytes(&text, data, len);
    assert_false(text.failed);
    memset(&section, 0xff, sizeof(section));
    memset(settings, 0xff, sizeof(settings));
    settings[0].name = "id";
    settings[1].name = "secret";
    settings[2].name = NULL;
    rc = kms_ini_read(&section, settings, &file, "a", err);
    if (data == NULL)
        kms_text_clear(&text);
    return rc;
}

static void
assert_span(struct kms_span span, size_t line, const char *expected,
            const char *file)
{
    if (line == 0 ? expected != NULL
                  : expected == NULL || !kms_span_is(span, expected))
        fail_msg("%s: \"%.*s\" in line %zu, not \"%s\"", file, (int)span.len,
                 line != 0 ? span.data : "", line,
                 expected != NULL ? expected : "(nothing)");
}

static void
check(const char *file, size_t len, const struct outcome *expected)
{
    struct envl_err err = { 0 };
    char begin[80];

    if (read_text(file, len, &err) == ENVELOPE_OK) {
        if (expected->error != NULL)
            fail_msg("%s: is read", file);
        assert_int_equal(section.line, expected->line);
        assert_span(settings[0].value, settings[0].line, expected->id, file);
        assert_span(settings[1].value, settings[1].line, expected->secret,
                    file);
        assert_span(section.other, section.other_line, expected->other, file);
        return;
    }
    if (expected->error == NULL)
        fail_msg("%s: %s", file, err.detail);
    assert_int_equal(err.reason, ENVELOPE_R_CREDENTIALS);
    (void)snprintf(begin, sizeof(begin), PATH ", line %zu: ", expected->line);
    if (strncmp(err.detail, begin, strlen(begin)) != 0
        || strstr(err.detail, expected->error) == NULL)
        fail_msg("%s: \"%s\" is not line %zu, %s", file, err.detail,
                 expected->line, expected->error);
    assert_null(strstr(err.detail, SECRET));
}

static const struct {
    const char *file;
    struct outcome outcome;
} read_files[] = {
    { "", { 0 } },
    { "\n \t\n\r\n\f\n", { 0 } },
    { "[b]\nid=1", { 0 } },
    { "[ab]\nid=1\n[A]\nid=2\n[aa]\n", { 0 } },
    { "#[a]\nid=1", { 2, NULL, NULL, NULL, "before the first" } },
    { "[a]", { .line = 1 } },
    { "[a] # [b\n", { .line = 1 } },
    { " [a]\nid=1", { 1, "1", NULL, NULL, NULL } },
    { "; x\n\n[b]\nid=3\nsecret=4\n[a]\nid = 1\nsecret =2",
      { 6, "1", "2", NULL, NULL } },
    { "[a]\nid=\t a=b#c;d \t\nsecret =", { 1, "a=b#c;d", "", NULL, NULL } },
    { "[a]\nid: 1\nsecret : a=b:c", { 1, "1", "a=b:c", NULL, NULL } },
    { "[a]\nid=a:b", { 1, "a:b", NULL, NULL, NULL } },
    { "[a]\nID = 1\nSeCrEt = 2", { 1, "1", "2", NULL, NULL } },
    { "[a]\nid2 = 1\ni = 2", { 1, NULL, NULL, "id2", NULL } },
    { "[a]\nid = \xc3\xa9", { 1, "\xc3\xa9", NULL, NULL, NULL } },
    /* Ends of lines: of Windows, and of old */
    { "[b]\r\n[a]\r\nid = 1\r\nsecret = 2\r\n", { 2, "1", "2", NULL, NULL } },
    { "[b]\r\r[a]\rid = 1\rsecret = 2", { 3, "1", "2", NULL, NULL } },
    /* Indented lines */
    { "[a]\n  id = 1\n  secret = 2", { 1, "1", "2", NULL, NULL } },
    { "[a]\n\tid = 1\n\tsecret = 2", { 1, "1", "2", NULL, NULL } },
    { "[a]\n  id = 1\n secret = 2\nx = 3\n  [b]\n  id = 4",
      { 5, NULL, NULL, NULL, "is indented" } },
    { "[a]\n  # x\n id = 1\n    ; y\n\n secret = 2",
      { 1, "1", "2", NULL, NULL } },
    { "  [a]\nid = 1\n  [b]\nid = 2", { 3, NULL, NULL, NULL, "is indented" } },
    { "  [a]\n  id = 1\n  [b]\nid = 2", { 1, "1", NULL, NULL, NULL } },
    { "[a]\nx =\n  y = 1\n\n  # z\n  z = 2\nid = 3",
      { 1, "3", NULL, "x", NULL } },
    /* What is wrong in other sections */
    { "[b]\nword\nid=1\nid=2\n = x\n\xc3\xa9 y\n[b]\n[b]\n[a]\nid=3",
      { 6, NULL, NULL, NULL, "not plain ASCII" } },
    { "[b]\nword\nid=1\n  deeper\n  id=1\nid=2\n= x\n[b]\n[b]\n[a]\nid=3",
      { 10, "3", NULL, NULL, NULL } },
    { "[b]\nx\xc3\xa9=1\nx=\n [c]\n [c]=d\n[a]", { .line = 6 } },
    /* Nobody knows where this belongs. */
    { "id=1\n[a]\n", { 1, NULL, NULL, NULL, "before the first" } },
    { "\xef\xbb\xbf[a]\nid=1", { 1, NULL, NULL, NULL, "not plain ASCII" } },
    { "[b]\n\xc2\xa0[a]\nid=1", { 2, NULL, NULL, NULL, "not plain ASCII" } },
    { "[a\nid=1", { 1, NULL, NULL, NULL, "a section is [NAME]" } },
    { "[b]\n[a\nid=1", { 2, NULL, NULL, NULL, "a section is [NAME]" } },
    { "[a=1", { 1, NULL, NULL, NULL, "a section is [NAME]" } },
    { "[]\n", { 1, NULL, NULL, NULL, "a section is [NAME]" } },
    { "[", { 1, NULL, NULL, NULL, "a section is [NAME]" } },
    { "[a\x01]\n", { 1, NULL, NULL, NULL, "a section is [NAME]" } },
    { "[a]b\n", { 1, NULL, NULL, NULL, "something else" } },
    { "[a] id=1\n", { 1, NULL, NULL, NULL, "something else" } },
    { "[a] # [b]\n", { 1, NULL, NULL, NULL, "something else" } },
    { "[b]\nx=1\n [a]\nid=1", { 3, NULL, NULL, NULL, "is indented deeper" } },
    { "[b]\nx=\n [a] # y=1\nid=1",
      { 3, NULL, NULL, NULL, "is indented deeper" } },
    { "[b]\nx=\n ['a']\nid=1", { 3, NULL, NULL, NULL, "is indented deeper" } },
    /* Programs differ in whether it is the section. */
    { "[ a ]\nid=1", { 1, NULL, NULL, NULL, "[ a ]: blanks and quotes" } },
    { "[b]\n[\ta]\nid=1", { 2, NULL, NULL, NULL, "blanks and quotes" } },
    { "[\"a\"]\nid=1", { 1, NULL, NULL, NULL, "blanks and quotes" } },
    { "[a]\nid=1\n[ 'a' ]", { 3, NULL, NULL, NULL, "blanks and quotes" } },
    { "[\"a']\n[\"]\n[\"a]\n[a\"]", { 0 } },
    /* Lines of the section that say nothing */
    { "[a]\nid", { 2, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\nsecret " SECRET, { 2, NULL, NULL, NULL, "is not \"name" } },
    { "[a]\n=" SECRET, { 2, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\n : " SECRET, { 2, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\ni\xc2\xa0"
      "d = 1",
      { 2, NULL, NULL, NULL, "is not \"name" } },
    { "[a]\nid 1:2", { 2, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\n\"id\" = 1", { 2, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\nexport id=1", { 2, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\nx =\n  y z = 1", { 3, NULL, NULL, NULL, "is not \"name" } },
    { "[a]\nx-1._y = 1", { 1, NULL, NULL, "x-1._y", NULL } },
    { "[a]\n\xc2\xa0id = 1", { 2, NULL, NULL, NULL, "not plain ASCII" } },
    { "[a]\nid = 1\x1b[2J", { 2, NULL, NULL, NULL, "control character" } },
    { "[a]\nid=1\n secret=" SECRET, { 3, NULL, NULL, NULL, "is indented" } },
    { "[a]\n id=1\n\n# x\n\tsecret=2\n  x",
      { 6, NULL, NULL, NULL, "indented" } },
    { "[a]\nx=1\n y=2", { 3, NULL, NULL, NULL, "is indented deeper" } },
    { "[a]\nid=\n  x=1", { 3, NULL, NULL, NULL, "is indented deeper" } },
    { "[a]\nx=\n  Id = 1", { 3, NULL, NULL, NULL, "is indented deeper" } },
    { "[a]\nx=\n  y", { 3, NULL, NULL, NULL, "is not \"name = value\"" } },
    { "[a]\nx=\n  y: 1", { 3, NULL, NULL, NULL, "is not \"name = value\"" } },
    /* Twice: an id from here and its secret from there would be nobody's. */
    { "[a]\nid=1\nx=1\nx=2\nid=1",
      { 5, NULL, NULL, NULL, "setting id is in line 2 already" } },
    { "[a]\nid=1\nID: 2",
      { 3, NULL, NULL, NULL, "setting id is in line 2 already" } },
    { "[a]\nid=1\n[b]\n[a]\nsecret=2",
      { 4, NULL, NULL, NULL, "section a is in line 1 already" } },
    { "[a]\n[a]", { 2, NULL, NULL, NULL, "section a is in line 1 already" } },
};

static void
all_lines_are_read_or_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(read_files); i++)
        check(read_files[i].file, strlen(read_files[i].file),
              &read_files[i].outcome);
    (void)read_text(NULL, 0, NULL);
    assert_int_equal(memory_live(), 0);
}

static void
a_byte_of_zero_is_no_end(void **state)
{
    static const char other[] = "[b]\nid = 1\0\n[a]\nid = 2",
                      value[] = "[a]\nid = 1\0", name[] = "[b]\n\0[a]\nid = 1",
                      header[] = "[b\0]\n";
    static const struct outcome found = { 3, "2", NULL, NULL, NULL },
                                in_value = { .line = 2, .error = "control" },
                                in_name = { .line = 2, .error = "plain" },
                                in_header = { .line = 1, .error = "[NAME]" };

    (void)state;
    check(other, sizeof(other) - 1, &found);
    check(value, sizeof(value) - 1, &in_value);
    check(name, sizeof(name) - 1, &in_name);
    check(header, sizeof(header) - 1, &in_header);
    (void)read_text(NULL, 0, NULL);
}

static void
keys_are_plain(void **state)
{
    static const struct {
        const char *text;
        bool is_key;
    } cases[] = {
        { "AKIA/+=.-_~|", true }, { "", false },         { "a b", false },
        { "a\tb", false },        { "\"a\"", false },    { "a'", false },
        { "a\x7f", false },       { "\xc3\xa9", false },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (kms_span_is_key(
                (struct kms_span){ cases[i].text, strlen(cases[i].text) })
            != cases[i].is_key)
            fail_msg("\"%s\"", cases[i].text);
    }
}

/* kms.conf */

static enum envelope_reason
check_config(const struct fake_world *fake, struct envl_err *err)
{
    return kms_dispatch_check(&fake->world, "execkms://a/k", ENVL_KMS_IDENTITY,
                              err);
}

static void
the_file_that_is_named(void **state)
{
    static const struct fake_pair files[] = { { "/home/kms.conf",
                                                "[a]\nexec = /h\n" },
                                              { ENVELOPE_KMS_CONFIG_PATH, "" },
                                              { NULL, NULL } },
                                  variables[] = { { "ENVELOPE_KMS_CONFIG",
                                                    "/home/kms.conf" },
                                                  { NULL, NULL } };
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    fake_world_init(&fake);
    fake.files = files;
    fake.variables = variables;
    assert_int_equal(check_config(&fake, &err), ENVELOPE_OK);
    /* The one of the system, which says nothing. */
    fake.variables = NULL;
    assert_int_equal(check_config(&fake, &err), ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(err.detail,
                        ENVELOPE_KMS_CONFIG_PATH " has no section [a]");
    fake_world_clear(&fake);
    assert_int_equal(memory_live(), 0);
}

static void
a_file_that_is_not_there(void **state)
{
    static const struct fake_pair files[] = { { ENVELOPE_KMS_CONFIG_PATH,
                                                "[a]\nexec = /h\n" },
                                              { NULL, NULL } },
                                  variables[] = { { "ENVELOPE_KMS_CONFIG",
                                                    "/home/kms.conf" },
                                                  { NULL, NULL } };
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    fake_world_init(&fake);
    assert_int_equal(check_config(&fake, &err), ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, ENVELOPE_KMS_CONFIG_PATH ": "));
    assert_non_null(strstr(err.detail, "ENVELOPE_KMS_CONFIG"));
    /* The other one does not stand in for it. */
    fake.files = files;
    fake.variables = variables;
    assert_int_equal(check_config(&fake, &err), ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "/home/kms.conf: "));
    fake_world_clear(&fake);
}

static void
a_file_that_cannot_be_read(void **state)
{
    static char content[65538];
    static const struct fake_pair files[] = {
        { ENVELOPE_KMS_CONFIG_PATH, content }, { NULL, NULL }
    };
    struct fake_world fake;
    struct envl_err err;

    (void)state;
    memset(content, '#', sizeof(content) - 1);
    fake_world_init(&fake);
    fake.files = files;
    assert_int_equal(check_config(&fake, &err), ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(err.reason, ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(err.detail, ENVELOPE_KMS_CONFIG_PATH " is too long");
    memset(content, 0, sizeof(content));
    memory_fail(1);
    assert_int_equal(check_config(&fake, &err), ENVELOPE_R_MEMORY);
    memory_fail(0);
    fake_world_clear(&fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_lines_are_read_or_refused),
        cmocka_unit_test(a_byte_of_zero_is_no_end),
        cmocka_unit_test(keys_are_plain),
        cmocka_unit_test(the_file_that_is_named),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(a_file_that_cannot_be_read),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_ini", tests, NULL, NULL);
}
