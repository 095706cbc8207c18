/* SPDX-License-Identifier: Apache-2.0 */
/* What is UTF-8, and what of it is shown. */
#include "lib/base/utf8.h"

#include "test/support/support.h"

#include <string.h>

static void
characters_have_a_length(void **state)
{
    static const struct {
        const char *bytes;
        size_t len; /* of the first character; 0 if it is none */
    } cases[] = {
        { "a", 1 },
        { "a\xc3\xa4", 1 },
        { "\x7f", 1 },
        { "\x80", 0 },
        { "\xbf", 0 },
        { "\xc0\x80", 0 }, /* longer than needed */
        { "\xc1\xbf", 0 },
        { "\xc2\x80", 2 },
        { "\xc2", 0 }, /* cut */
        { "\xc2\x7f", 0 },
        { "\xdf\xbf", 2 },
        { "\xe0\x9f\xbf", 0 },
        { "\xe0\xa0\x80", 3 },
        { "\xe0\xa0", 0 },
        { "\xe2\x80\xae", 3 },
        { "\xed\x9f\xbf", 3 },
        { "\xed\xa0\x80", 0 }, /* a surrogate */
        { "\xef\xbf\xbf", 3 },
        { "\xe1\x80\xc0", 0 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf0\x90\x80\x80", 4 },
        { "\xf0\x90\x80", 0 },
        { "\xf4\x8f\xbf\xbf", 4 },
        { "\xf4\x90\x80\x80", 0 }, /* after the last one */
        { "\xf5\x80\x80\x80", 0 },
        { "\xff", 0 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(envl_utf8_len((const unsigned char *)cases[i].bytes,
                                       strlen(cases[i].bytes)),
                         cases[i].len);
    assert_int_equal(envl_utf8_len((const unsigned char *)"", 1), 1); /* NUL */
    assert_true(envl_utf8_is_valid((const unsigned char *)"", 0));
    assert_true(envl_utf8_is_valid((const unsigned char *)"a\xc3\xa4", 3));
    assert_false(envl_utf8_is_valid((const unsigned char *)"a\xc3\xa4", 2));
    assert_false(envl_utf8_is_valid((const unsigned char *)"\xff"
                                                           "a",
                                    2));
}

static void
some_are_not_shown(void **state)
{
    static const struct {
        const char *bytes;
        bool control, shown;
    } cases[] = {
        { "\x01", true, false },
        { "\x1f", true, false },
        { " ", false, true },
        { "~", false, true },
        { "\x7f", true, false },
        { "\xc2\x80", true, false }, /* U+0080 */
        { "\xc2\x9f", true, false },
        { "\xc2\xa0", false, true },
        { "\xc3\xa4", false, true },
        { "\xd8\x9b", false, true },
        { "\xd8\x9c", false, false }, /* U+061C */
        { "\xd8\x9d", false, true },
        { "\xe2\x80\x8d", false, true },
        { "\xe2\x80\x8e", false, false }, /* U+200E */
        { "\xe2\x80\x8f", false, false },
        { "\xe2\x80\x90", false, true },
        { "\xe2\x80\xa7", false, true },
        { "\xe2\x80\xa8", false, false }, /* U+2028 */
        { "\xe2\x80\xae", false, false },
        { "\xe2\x80\xaf", false, true },
        { "\xe2\x81\xa5", false, true },
        { "\xe2\x81\xa6", false, false }, /* U+2066 */
        { "\xe2\x81\xa9", false, false },
        { "\xe2\x81\xaa", false, true },
        { "\xf0\x9f\x98\x80", false, true },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char *p = (const unsigned char *)cases[i].bytes;
        size_t len = strlen(cases[i].bytes);

        assert_int_equal(envl_utf8_len(p, len), len);
        assert_int_equal(envl_utf8_is_control(p, len), cases[i].control);
        assert_int_equal(envl_utf8_is_shown(p, len), cases[i].shown);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_have_a_length),
        cmocka_unit_test(some_are_not_shown),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
