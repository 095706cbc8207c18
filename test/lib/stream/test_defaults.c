/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the provider's section: what is no number there is no rule. */
#include "lib/stream/defaults.h"

#include "test/support/support.h"

#include <envelope/envelope.h>

static char yes[] = "1", no[] = "0", bad[] = "maybe";

static struct envl_defaults
all(char *value)
{
    return (struct envl_defaults){ .allow_expired = value,
                                   .skip_expired = value,
                                   .allow_usage = value,
                                   .require_post_quantum = value };
}

static void
rules_are_taken(void **state)
{
    struct envl_defaults defaults = all(yes);
    struct envl_key_settings settings = { 0 };
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_defaults_rules(&defaults, &settings, &err),
                     ENVELOPE_OK);
    assert_int_equal(settings.allow_expired, ENVL_YES);
    assert_int_equal(settings.skip_expired, ENVL_YES);
    assert_int_equal(settings.allow_usage, ENVL_YES);
    assert_int_equal(settings.require_post_quantum, ENVL_YES);

    /* The program has said something: of the first two, one speaks for both. */
    defaults = all(no);
    settings = (struct envl_key_settings){ .skip_expired = ENVL_YES,
                                           .allow_usage = ENVL_YES };
    assert_int_equal(envl_defaults_rules(&defaults, &settings, &err),
                     ENVELOPE_OK);
    assert_int_equal(settings.allow_expired, ENVL_UNSAID);
    assert_int_equal(settings.skip_expired, ENVL_YES);
    assert_int_equal(settings.allow_usage, ENVL_YES);
    assert_int_equal(settings.require_post_quantum, ENVL_NO);
}

static void
each_must_be_a_number(void **state)
{
    const struct {
        struct envl_defaults defaults;
        const char *name;
    } cases[] = {
        { { .allow_expired = bad }, ENVELOPE_PARAM_ALLOW_EXPIRED },
        { { .skip_expired = bad }, ENVELOPE_PARAM_SKIP_EXPIRED },
        { { .allow_usage = bad }, ENVELOPE_PARAM_ALLOW_USAGE },
        { { .require_post_quantum = bad },
          ENVELOPE_PARAM_REQUIRE_POST_QUANTUM },
    };
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        struct envl_key_settings settings = { 0 };

        assert_int_equal(
            envl_defaults_rules(&cases[i].defaults, &settings, &err),
            ENVELOPE_R_CONFIGURATION);
        assert_non_null(strstr(err.detail, cases[i].name));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_taken),
        cmocka_unit_test(each_must_be_a_number),
    };

    return cmocka_run_group_tests_name("defaults", tests, NULL, NULL);
}
