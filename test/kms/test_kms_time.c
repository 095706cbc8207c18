/* SPDX-License-Identifier: Apache-2.0 */
/* Times of documents, and the texts of elements in XML. */
#include "kms/core/time.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include "kms/core/xml.h"

static void
times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } times[] = {
        { "2015-08-30T12:36:01Z", 1440938161 },
        { "2030-01-02T03:04:05.678901Z", 1893553445 },
        { "2030-01-02T04:34:05+01:30", 1893553445 },
        { "2030-01-01T19:04:05.1-08:00", 1893553445 },
        { "1615590047", 1615590047 },
        { "0", 0 },
        { "", 0 },
        { "1234567890123", 0 },
        { "-5", 0 },
        { "16155900.5", 0 },
        { "2030-01-02", 0 },
        { "2030-01-02T03:04:05", 0 },
        { "2030-01-02T03:04:05+0130", 0 },
        { "2030-01-02T03:04:05+01", 0 },
        { "2030-1-2T03:04:05Z", 0 },
        { "2030-13-02T03:04:05Z", 0 },
        { "2030-01-02T03:04:05ZZ", 0 },
        { "1960-01-02T03:04:05Z", 0 },
        { "Wed, 02 Jan 2030 03:04:05 GMT", 0 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(times); i++) {
        if (kms_time_read(times[i].text) != times[i].seconds)
            fail_msg("%s is %lld", times[i].text,
                     (long long)kms_time_read(times[i].text));
    }
}

static const struct {
    const char *document, *text; /* of <a>; NULL: refused */
} documents[] = {
    { "<r><a>x</a></r>", "x" },
    { "<?xml version=\"1.0\"?>\n<r xmlns=\"u\">\n <a>x y</a>\n</r>\n", "x y" },
    { "<r><a></a></r>", "" },
    { "<r><ab>z</ab><a>x</a></r>", "x" },
    { "<r><a>&lt;&amp;lt;&gt;&quot;&apos;</a></r>", "<&lt;>\"'" },
    { "<r><b>&x;</b><a>x</a></r>", "x" },
    { "", NULL },
    { "<r/>", NULL },
    { "<r><a/></r>", NULL },
    { "<r><a>x</a><a>y</a></r>", NULL },
    { "<r><a>x</b></r>", NULL },
    { "<r><a>x", NULL },
    { "<r><a>x</a", NULL },
    { "<r><a>x<b/></a></r>", NULL },
    { "<r><a b=\"c\">x</a></r>", NULL },
    { "<r><a>&#120;</a></r>", NULL },
    { "<r><a>&</a></r>", NULL },
    { "<r><a>&amp</a></r>", NULL },
    { "<r><!-- <a>y</a> --><a>x</a></r>", NULL },
    { "<!DOCTYPE r [<!ENTITY e 'x'>]><r><a>x</a></r>", NULL },
    { "<r><a><![CDATA[x]]></a></r>", NULL },
};

static void
elements_are_read(void **state)
{
    struct kms_text document = { 0 }, text = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(documents); i++) {
        kms_text_set(&document, documents[i].document);
        kms_text_set(&text, "of an earlier one");
        if (kms_xml_text(&text, &document, "a") != (documents[i].text != NULL))
            fail_msg("%s", documents[i].document);
        assert_string_equal(kms_text_get(&text),
                            documents[i].text != NULL ? documents[i].text : "");
    }
    kms_text_set(&document, "<r><a>x</a></r>");
    kms_text_add_bytes(&document, "\0", 1);
    assert_false(kms_xml_text(&text, &document, "a"));
    kms_text_clear(&document);
    kms_text_clear(&text);
}

static void
memory_may_run_out(void **state)
{
    struct kms_text document = { 0 }, text = { 0 };
    size_t n = 0;
    bool good;

    (void)state;
    kms_text_set(&document, "<r><a>x</a></r>");
    do {
        kms_text_clear(&text);
        memory_fail(++n);
        good = kms_xml_text(&text, &document, "a");
        memory_fail(0);
        assert_true(text.failed == memory_failed());
    } while (memory_failed());
    assert_true(good);
    assert_true(n > 3);
    kms_text_clear(&document);
    kms_text_clear(&text);
}

static void
times_are_written(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } times[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1440938161, "2015-08-30T12:36:01Z" },
        { INT64_C(253402300799), "9999-12-31T23:59:59Z" },
        { INT64_C(253402300800), "" },
        { -1, "" },
        { INT64_MIN, "" },
        { INT64_MAX, "" },
    };
    char text[KMS_TIME_SIZE];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(times); i++) {
        assert_int_equal(kms_time_write(text, times[i].seconds),
                         *times[i].text != '\0');
        assert_string_equal(text, times[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(times_are_written),
        cmocka_unit_test(elements_are_read),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_time", tests, NULL, NULL);
}
