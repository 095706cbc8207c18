/* SPDX-License-Identifier: Apache-2.0 */
/* DER: what is refused, and that what is written is read again. */
#include "lib/base/der.h"

#include "test/support/support.h"

#include <stdlib.h>

struct der_case {
    const char *bytes;
    size_t len;
};

#define DER(text)              \
    {                          \
        text, sizeof(text) - 1 \
    }

static bool
is_valid(const struct der_case *c)
{
    return envl_der_is_valid((const unsigned char *)c->bytes, c->len);
}

static void
what_is_der(void **state)
{
    static const struct der_case cases[] = {
        DER("\x05\x00"),
        DER("\x01\x01\xff"),
        DER("\x01\x01\x00"),
        DER("\x02\x01\x00"),
        DER("\x02\x01\x80"),
        DER("\x02\x02\x00\x80"),
        DER("\x02\x02\xff\x7f"),
        DER("\x03\x01\x00"),
        DER("\x03\x02\x00\xff"),
        DER("\x03\x02\x07\x80"),
        DER("\x04\x00"),
        DER("\x06\x01\x2a"),
        DER("\x06\x03\x2a\x86\x48"),
        DER("\x18\x0f"
            "20260101000000Z"),
        DER("\x18\x12"
            "20260101000000.05Z"),
        DER("\x30\x00"),
        DER("\x31\x04\x05\x00\x05\x00"),
        DER("\xa0\x02\x05\x00"),
        DER("\x80\x03\x30\x80\x00"), /* nobody looks into a primitive element */
        DER("\x9f\x1f\x00"),
        DER("\x30\x08\x30\x02\x05\x00\xa1\x02\x30\x00"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (!is_valid(&cases[i]))
            fail_msg("case %zu", i);
    }
}

static void
what_is_not(void **state)
{
    static const struct der_case cases[] = {
        DER(""),
        DER("\x05"),
        DER("\x05\x00\x00"),     /* left over */
        DER("\x04\x02\x00"),     /* cut */
        DER("\x04\x81\x01\x00"), /* a longer form of a length */
        DER("\x04\x82\x00\x80"),
        DER("\x30\x80\x00\x00"), /* no length */
        DER("\x24\x80\x04\x00\x00\x00"),
        DER("\x30\x05\x04\x81\x02\x00\x00"), /* the same within */
        DER("\xa0\x04\x04\x81\x01\x00"),
        DER("\x24\x02\x04\x00"), /* a string in pieces */
        DER("\x2c\x02\x0c\x00"),
        DER("\x25\x00"), /* NULL that is constructed */
        DER("\x10\x00"), /* SEQUENCE that is not */
        DER("\x11\x00"),
        DER("\x00\x00"), /* end of contents */
        DER("\x01\x01\x01"),
        DER("\x01\x02\xff\xff"),
        DER("\x02\x00"),
        DER("\x02\x02\x00\x7f"),
        DER("\x02\x02\xff\x80"),
        DER("\x03\x00"),
        DER("\x03\x01\x01"),
        DER("\x03\x02\x08\x00"),
        DER("\x03\x02\x01\x01"), /* an unused bit is set */
        DER("\x05\x01\x00"),
        DER("\x06\x00"),
        DER("\x06\x01\x80"),
        DER("\x06\x02\x80\x01"), /* a longer form of a number */
        DER("\x06\x02\x2a\x86"), /* cut */
        DER("\x18\x00"),
        DER("\x18\x0e"
            "20260101000000"),
        DER("\x18\x0f"
            "2026010100000.Z"),
        DER("\x18\x10"
            "20260101000000.Z"),
        DER("\x18\x11"
            "20260101000000.0Z"),
        DER("\x18\x11"
            "2026010100000000Z"),
        DER("\x18\x13"
            "20260101000000+0000"),
        DER("\x1f\x05\x00"), /* a small number of a tag in the long form */
        DER("\x30\x03\x05\x00\x05"),
        DER("\x30\x04\x02\x02\x00\x01"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (is_valid(&cases[i]))
            fail_msg("case %zu", i);
    }
}

static void
depth_is_bounded(void **state)
{
    unsigned char buf[200];
    struct envl_der_writer w;
    struct envl_der all;
    int depth;

    (void)state;
    for (depth = 1; depth < 40; depth++) {
        envl_der_begin(&w, buf, sizeof(buf));
        envl_der_put_element(&w, ENVL_DER_NULL, "", 0);
        for (int i = 1; i < depth; i++)
            envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
        all = envl_der_written(&w);
        assert_int_equal(envl_der_is_valid(all.p, all.len), depth <= 32);
    }
}

/* Around each length at which the form of a length changes. */
static void
lengths_survive(void **state)
{
    static const size_t lengths[] = { 0,   1,     127,   128,   255,
                                      256, 65535, 65536, 70000, 16777216 };
    static const size_t heads[] = { 2, 2, 2, 3, 3, 4, 4, 5, 5, 6 };
    size_t i, size;

    (void)state;
    for (i = 0; i < COUNT(lengths); i++) {
        unsigned char *bytes = malloc(lengths[i] + 1), *buf;
        struct envl_der_writer w;
        struct envl_der in, content;

        fill(bytes, lengths[i], 3);
        size = lengths[i] + heads[i];
        buf = malloc(size);
        assert_true(bytes != NULL && buf != NULL);
        envl_der_begin(&w, buf, size);
        envl_der_put_element(&w, ENVL_DER_OCTETS, bytes, lengths[i]);
        in = envl_der_written(&w);
        assert_ptr_equal(in.p, buf);
        assert_int_equal(in.len, size);
        assert_true(envl_der_is_valid(in.p, in.len));
        assert_true(envl_der_take(&in, ENVL_DER_OCTETS, &content));
        assert_int_equal(in.len, 0);
        assert_true(envl_der_is(&content, bytes, lengths[i]));

        envl_der_begin(&w, buf, size - 1);
        envl_der_put_element(&w, ENVL_DER_OCTETS, bytes, lengths[i]);
        assert_null(envl_der_written(&w).p);
        free(bytes);
        free(buf);
    }
}

static void
a_full_buffer_stays_full(void **state)
{
    unsigned char buf[4] = { 9, 9, 9, 9 };
    struct envl_der_writer w;

    (void)state;
    envl_der_begin(&w, buf, sizeof(buf));
    envl_der_put(&w, "abc", 3);
    envl_der_put(&w, "de", 2);
    envl_der_put(&w, "f", 1); /* there is room, but it would be misleading */
    assert_null(envl_der_written(&w).p);
    assert_memory_equal(buf,
                        "\x09"
                        "abc",
                        4);
}

static void
what_is_not_wanted_stays(void **state)
{
    static const unsigned char bytes[] = { 0x02, 1, 3, 0x05, 0 };
    struct envl_der in = { bytes, sizeof(bytes) }, content;

    (void)state;
    assert_false(envl_der_take(&in, ENVL_DER_OCTETS, &content));
    assert_false(envl_der_take_version(&in, 2));
    assert_int_equal(in.len, sizeof(bytes));
    assert_true(envl_der_take_version(&in, 3));
    assert_false(envl_der_take_just(&in, bytes, sizeof(bytes)));
    assert_true(envl_der_take_whole(&in, ENVL_DER_ANY, &content));
    assert_true(envl_der_is(&content, bytes + 3, 2));
    assert_false(envl_der_take(&in, ENVL_DER_ANY, &content));
}

static void
sets_have_an_order(void **state)
{
    static const struct der_case sorted[] = {
        DER("\x02\x01\x01"), DER("\x02\x01\x02"), DER("\x04\x00"),
        DER("\x04\x01\x00"), DER("\x30\x00")
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(sorted); i++) {
        for (j = 0; j < COUNT(sorted); j++) {
            struct envl_der a = { (const unsigned char *)sorted[i].bytes,
                                  sorted[i].len };
            struct envl_der b = { (const unsigned char *)sorted[j].bytes,
                                  sorted[j].len };
            int order = envl_der_compare(&a, &b);

            assert_int_equal(order < 0, i < j);
            assert_int_equal(order > 0, i > j);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_der),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(lengths_survive),
        cmocka_unit_test(a_full_buffer_stays_full),
        cmocka_unit_test(what_is_not_wanted_stays),
        cmocka_unit_test(sets_have_an_order),
    };

    return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}
