/* SPDX-License-Identifier: Apache-2.0 */
/* The header's frame: what is built is parsed, and each field is bounded. */
#include "lib/header/header.h"

#include "test/support/support.h"

#include "lib/base/wire.h"
#include "lib/header/labels.h"
#include "lib/header/signatures.h"

enum {
    AT_VERSION = 8,
    AT_SCHEME = 9,
    AT_LABELS = 12,
    AT_KEY = 16,
    AT_LEN = 20,
    AT_SIGNED = 24
};

/* One signature, of an algorithm that nobody knows. */
#define SIGNED_LEN 34
static const unsigned char signatures[SIGNED_LEN] = {
    0x30, 32, 0x30, 30, 0x04, 20, 1,    2,    3,  4,  5,  6,
    7,    8,  9,    10, 11,   12, 13,   14,   15, 16, 17, 18,
    19,   20, 0x30, 3,  0x06, 1,  0x29, 0x04, 1,  7
};

static struct envl_header
build(size_t reserve)
{
    static const unsigned char key_envelope[] = { 1, 2, 3, 4, 5 };
    const struct envl_header_contents contents = {
        .labels = "a=b\n",
        .labels_len = 4,
        .signatures = signatures,
        .signatures_len = sizeof(signatures),
        .key_envelope = key_envelope,
        .key_envelope_len = sizeof(key_envelope),
        .reserve = reserve,
    };
    struct envl_header header;
    struct envl_err err;

    assert_int_equal(envl_header_build(&header, &contents, &err), ENVELOPE_OK);
    return header;
}

static void
built_is_parsed(void **state)
{
    struct envl_header header = build(7);
    struct envl_prelude prelude;
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_prelude_parse(&prelude, header.bytes, &err),
                     ENVELOPE_OK);
    assert_int_equal(prelude.labels_len, 4);
    assert_int_equal(prelude.key_envelope_len, 5);
    assert_int_equal(prelude.signatures_len, SIGNED_LEN);
    assert_int_equal(prelude.header_len,
                     ENVL_PRELUDE_LEN + 4 + SIGNED_LEN + 5 + 7);
    assert_int_equal(envl_prelude_key_envelope_at(&prelude),
                     ENVL_PRELUDE_LEN + 4 + SIGNED_LEN);
    assert_memory_equal(envl_header_labels(&header), "a=b\n", 4);
    assert_memory_equal(envl_header_signatures(&header), signatures,
                        SIGNED_LEN);
    assert_int_equal(envl_header_key_envelope(&header)[4], 5);
    assert_int_equal(envl_header_check(&header, &err), ENVELOPE_OK);
    envl_header_clear(&header);
}

/* The bytes of FORMAT 2, written out. */
static void
the_prelude_is_this(void **state)
{
    static const unsigned char expected[] = {
        0x89, 0x45, 0x4e, 0x56, 0x0d, 0x0a, 0x1a, 0x0a, 1, 1, 0, 0,  0, 0, 0, 4,
        0,    0,    0,    5,    0,    0,    0,    82,   0, 0, 0, 34, 0, 0, 0, 0
    };
    struct envl_header header = build(7);

    (void)state;
    assert_memory_equal(header.bytes, expected, sizeof(expected));
    envl_header_clear(&header);
}

static void
every_field_is_checked(void **state)
{
    static const struct {
        size_t offset;
        uint32_t value; /* four bytes, big-endian, over what is there */
        enum envelope_reason reason;
    } cases[] = {
        { 0, 0x8a454e56, ENVELOPE_R_NOT_ENVELOPE },
        { 4, 0x0a1a0a01, ENVELOPE_R_NOT_ENVELOPE },
        { AT_VERSION, 0x00010000, ENVELOPE_R_VERSION },
        { AT_VERSION, 0x02010000, ENVELOPE_R_VERSION },
        { AT_VERSION, 0x01000000, ENVELOPE_R_SCHEME },
        { AT_VERSION, 0x01020000, ENVELOPE_R_SCHEME },
        { AT_VERSION, 0x01010100, ENVELOPE_R_HEADER_FIELD },
        { AT_VERSION, 0x01010001, ENVELOPE_R_HEADER_FIELD },
        { AT_LABELS, ENVL_LABELS_LEN_MAX + 1, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_LABELS, 0xffffffff, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_LABELS, 12, ENVELOPE_R_HEADER_FIELD }, /* does not fit */
        { AT_KEY, 0, ENVELOPE_R_HEADER_FIELD },
        { AT_KEY, 13, ENVELOPE_R_HEADER_FIELD }, /* does not fit */
        { AT_KEY, ENVL_KEY_ENVELOPE_LEN_MAX + 1, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_KEY, 0xffffffff, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_LEN, 0, ENVELOPE_R_HEADER_FIELD },
        { AT_LEN, ENVL_PRELUDE_LEN + 8, ENVELOPE_R_HEADER_FIELD },
        { AT_LEN, ENVL_HEADER_LEN_MAX + 1, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_LEN, 0xffffffff, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_SIGNED, SIGNED_LEN + 8, ENVELOPE_R_HEADER_FIELD },
        { AT_SIGNED, ENVL_SIGNATURES_LEN_MAX + 1, ENVELOPE_R_HEADER_TOO_LARGE },
        { AT_SIGNED, 0xffffffff, ENVELOPE_R_HEADER_TOO_LARGE },
        { 28, 1, ENVELOPE_R_HEADER_FIELD },
        { 28, 0x80000000, ENVELOPE_R_HEADER_FIELD },
    };
    unsigned char bytes[ENVL_PRELUDE_LEN];
    struct envl_header header = build(7);
    struct envl_prelude prelude;
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        memcpy(bytes, header.bytes, sizeof(bytes));
        envl_put_be32(bytes + cases[i].offset, cases[i].value);
        if (envl_prelude_parse(&prelude, bytes, &err) != cases[i].reason)
            fail_msg("case %zu: reason %d (%s)", i, (int)err.reason,
                     err.detail);
    }
    envl_header_clear(&header);
}

static void
limits_themselves_pass(void **state)
{
    struct envl_header header = build(7);
    struct envl_prelude prelude;
    struct envl_err err;

    (void)state;
    envl_put_be32(header.bytes + AT_LABELS, ENVL_LABELS_LEN_MAX);
    envl_put_be32(header.bytes + AT_KEY, ENVL_KEY_ENVELOPE_LEN_MAX);
    envl_put_be32(header.bytes + AT_LEN, ENVL_HEADER_LEN_MAX);
    envl_put_be32(header.bytes + AT_SIGNED, ENVL_SIGNATURES_LEN_MAX);
    assert_int_equal(envl_prelude_parse(&prelude, header.bytes, &err),
                     ENVELOPE_OK);
    envl_header_clear(&header);
}

static void
padding_must_be_zero(void **state)
{
    struct envl_header header = build(3);
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 1; i <= 3; i++) {
        header.bytes[header.prelude.header_len - i] = 1;
        assert_int_equal(envl_header_check(&header, &err),
                         ENVELOPE_R_HEADER_FIELD);
        header.bytes[header.prelude.header_len - i] = 0;
    }
    assert_int_equal(envl_header_check(&header, &err), ENVELOPE_OK);
    envl_header_clear(&header);
}

static void
labels_of_a_header_are_checked(void **state)
{
    struct envl_header header = build(0);
    struct envl_err err;

    (void)state;
    header.bytes[ENVL_PRELUDE_LEN + 1] = '-';
    assert_int_equal(envl_header_check(&header, &err), ENVELOPE_R_LABELS);
    envl_header_clear(&header);
}

static void
signatures_of_a_header_are_checked(void **state)
{
    struct envl_header header = build(0);
    struct envl_err err;

    (void)state;
    header.bytes[ENVL_PRELUDE_LEN + 4] = 0x31;
    assert_int_equal(envl_header_check(&header, &err), ENVELOPE_R_SIGNATURES);
    envl_header_clear(&header);
}

static void
too_large_is_not_built(void **state)
{
    static unsigned char bytes[ENVL_KEY_ENVELOPE_LEN_MAX + 1];
    struct envl_header_contents contents = {
        .signatures = bytes,
        .key_envelope = bytes,
        .key_envelope_len = sizeof(bytes),
    };
    struct envl_header header;
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_header_build(&header, &contents, &err),
                     ENVELOPE_R_HEADER_TOO_LARGE);
    contents.key_envelope_len = 100;
    contents.signatures_len = ENVL_SIGNATURES_LEN_MAX + 1;
    assert_int_equal(envl_header_build(&header, &contents, &err),
                     ENVELOPE_R_HEADER_TOO_LARGE);
    contents.signatures_len = 0;
    contents.reserve = ENVL_HEADER_LEN_MAX - 131;
    assert_int_equal(envl_header_build(&header, &contents, &err),
                     ENVELOPE_R_HEADER_TOO_LARGE);
    assert_null(header.bytes);
    contents.reserve--;
    assert_int_equal(envl_header_build(&header, &contents, &err), ENVELOPE_OK);
    assert_int_equal(header.prelude.header_len, ENVL_HEADER_LEN_MAX);
    envl_header_clear(&header);
}

/* Each length gives the header that would have been built so. */
static void
padding_is_added_and_removed(void **state)
{
    static const size_t reserves[] = { 7, 0, 5000, 8, 0 };
    struct envl_header header = build(100), built;
    struct envl_err err;
    size_t i, len;

    (void)state;
    for (i = 0; i < sizeof(reserves) / sizeof(reserves[0]); i++) {
        built = build(reserves[i]);
        len = envl_header_least_len(&header) + reserves[i];
        assert_int_equal(envl_header_resize(&header, len, &err), ENVELOPE_OK);
        assert_int_equal(header.prelude.header_len, len);
        assert_memory_equal(header.bytes, built.bytes, len);
        envl_header_clear(&built);
    }
    assert_int_equal(envl_header_resize(&header, len - 1, &err),
                     ENVELOPE_R_HEADER_TOO_LARGE);
    assert_int_equal(envl_header_resize(&header, ENVL_HEADER_LEN_MAX + 1, &err),
                     ENVELOPE_R_HEADER_TOO_LARGE);
    assert_int_equal(header.prelude.header_len, len);
    envl_header_clear(&header);
}

static void
lookalikes_get_a_hint(void **state)
{
    static const struct {
        const char *begin, *hint;
    } cases[] = {
        { "Salted__12345678", "-pass" },
        { "iUVOVg0KGgoBAQAA", "base64" },
        { "\x89"
          "ENV\x0a\x1a\x0a\x01",
          "text-mode" },
        { "\x09"
          "ENV\x0d\x0a\x1a\x0a",
          "eighth" },
        { "envelope/header", "tar" },
        { "XBSTCK01", "xbstream" },
        { "\x1f\x8b\x08\x00\x00\x00\x00\x00", "magic" },
    };
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            envl_prelude_check_magic((const unsigned char *)cases[i].begin,
                                     ENVL_MAGIC_LEN, &err),
            ENVELOPE_R_NOT_ENVELOPE);
        assert_non_null(strstr(err.detail, cases[i].hint));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_is_parsed),
        cmocka_unit_test(the_prelude_is_this),
        cmocka_unit_test(every_field_is_checked),
        cmocka_unit_test(limits_themselves_pass),
        cmocka_unit_test(padding_must_be_zero),
        cmocka_unit_test(labels_of_a_header_are_checked),
        cmocka_unit_test(signatures_of_a_header_are_checked),
        cmocka_unit_test(too_large_is_not_built),
        cmocka_unit_test(padding_is_added_and_removed),
        cmocka_unit_test(lookalikes_get_a_hint),
    };

    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
