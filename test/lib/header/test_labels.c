/* SPDX-License-Identifier: Apache-2.0 */
/* Labels: what FORMAT 3 allows, what it refuses, and the order of a writer. */
#include "lib/header/labels.h"

#include "test/support/support.h"

#include <openssl/crypto.h>

static void
good_labels_pass(void **state)
{
    static const char *const good[] = {
        "",
        "a=\n",
        "a=b\n",
        "a=b=c\n",
        "A=1\na=2\n",
        "a=1\nab=2\nb=3\n",
        "host.name:x_y-9=db1 \xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92\n",
        "k=\xc2\xa0\xed\x9f\xbf\xf4\x8f\xbf\xbf\n",
    };
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++)
        assert_int_equal(envl_labels_check(good[i], strlen(good[i]), &err),
                         ENVELOPE_OK);
}

static void
bad_labels_are_refused(void **state)
{
    static const char *const bad[] = {
        "a",                    /* no LF */
        "a=b",                  /* no LF */
        "\n",                   /* no key */
        "=b\n",                 /* no key */
        "ab\n",                 /* no = */
        "a b=c\n",              /* space in the key */
        "\xc3\xa9=c\n",         /* key not ASCII */
        "a=b\na=c\n",           /* twice */
        "b=1\na=2\n",           /* order */
        "ab=1\na=2\n",          /* order: a prefix comes first */
        "a=\x01\n",             /* control */
        "a=\x7f\n",             /* delete */
        "a=\r\n",               /* CR is a control */
        "a=\xc2\x85\n",         /* C1 control */
        "a=\xff\n",             /* no UTF-8 */
        "a=\xc0\x80\n",         /* overlong */
        "a=\xe0\x80\x80\n",     /* overlong */
        "a=\xed\xa0\x80\n",     /* surrogate */
        "a=\xf4\x90\x80\x80\n", /* above U+10FFFF */
        "a=\xe2\x82\n",         /* cut sequence */
        "a=b\n\n",              /* empty line */
    };
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (envl_labels_check(bad[i], strlen(bad[i]), &err)
            != ENVELOPE_R_LABELS)
            fail_msg("labels %zu were taken", i);
    }
    /* A NUL byte, which no C string shows. */
    assert_int_equal(envl_labels_check("a=\0\n", 4, &err), ENVELOPE_R_LABELS);
    assert_int_equal(envl_labels_check("\0=b\n", 4, &err), ENVELOPE_R_LABELS);
}

static void
key_length_is_limited(void **state)
{
    char text[ENVL_LABEL_KEY_LEN_MAX + 4];
    struct envl_err err;

    (void)state;
    memset(text, 'k', sizeof(text));
    memcpy(text + ENVL_LABEL_KEY_LEN_MAX, "=v\n", 3);
    assert_int_equal(envl_labels_check(text, ENVL_LABEL_KEY_LEN_MAX + 3, &err),
                     ENVELOPE_OK);
    memcpy(text + ENVL_LABEL_KEY_LEN_MAX, "k=v\n", 4);
    assert_int_equal(envl_labels_check(text, sizeof(text), &err),
                     ENVELOPE_R_LABELS);
}

static void
a_writer_sorts(void **state)
{
    struct envl_err err;
    size_t len;
    char *out;

    (void)state;
    assert_int_equal(envl_labels_sort(&out, &len, "b=2\na=1\nab=3", &err),
                     ENVELOPE_OK);
    assert_int_equal(len, 13);
    assert_memory_equal(out, "a=1\nab=3\nb=2\n", len);
    OPENSSL_free(out);
    assert_int_equal(envl_labels_sort(&out, &len, "", &err), ENVELOPE_OK);
    assert_int_equal(len, 0);
    OPENSSL_free(out);
}

static void
a_writer_refuses(void **state)
{
    static const char *const bad[] = { "a=1\na=2", "a", "a=\x1b[2J", "\na=1" };
    struct envl_err err;
    size_t i, len;
    char *out;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(envl_labels_sort(&out, &len, bad[i], &err),
                         ENVELOPE_R_LABELS);
        assert_null(out);
    }
    assert_null(strchr(err.detail, '\n'));
}

static const struct {
    const char *have, *required;
    enum envelope_reason reason;
} requirements[] = {
    { "", NULL, ENVELOPE_OK },
    { "", "", ENVELOPE_OK },
    { "a=1\nb=2\n", "b=2\na=1\n", ENVELOPE_OK },
    { "a=1\nb=2\n", "b=2", ENVELOPE_OK },
    { "a=\n", "a=", ENVELOPE_OK },
    { "", "a=1", ENVELOPE_R_OTHER_LABELS },
    { "a=1\n", "a=2", ENVELOPE_R_OTHER_LABELS },
    { "a=1\n", "a=11", ENVELOPE_R_OTHER_LABELS },
    { "a=11\n", "a=1", ENVELOPE_R_OTHER_LABELS },
    { "a=1\n", "a=", ENVELOPE_R_OTHER_LABELS },
    { "ab=1\n", "a=1", ENVELOPE_R_OTHER_LABELS },
    { "a=1\n", "a=1\nb=2", ENVELOPE_R_OTHER_LABELS },
    { "a=1\n", "a", ENVELOPE_R_PARAMETER },
    { "a=1\n", "a=1\n\n", ENVELOPE_R_PARAMETER },
};

static void
required_labels(void **state)
{
    struct envl_labels have;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(requirements) / sizeof(requirements[0]); i++) {
        have.text = requirements[i].have;
        have.len = strlen(have.text);
        assert_int_equal(
            envl_labels_require(requirements[i].required, &have, &err),
            requirements[i].reason);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_labels_pass),
        cmocka_unit_test(bad_labels_are_refused),
        cmocka_unit_test(key_length_is_limited),
        cmocka_unit_test(a_writer_sorts),
        cmocka_unit_test(a_writer_refuses),
        cmocka_unit_test(required_labels),
    };

    return cmocka_run_group_tests_name("labels", tests, NULL, NULL);
}
