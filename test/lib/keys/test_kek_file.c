/* SPDX-License-Identifier: Apache-2.0 */
/* Key-encryption keys: their two spellings, and those that are no secret. */
#define _GNU_SOURCE
#include "lib/keys/kek_file.h"

#include "test/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HALF "00112233445566778899aabbccddeeff"
#define DIGITS HALF "f0E1D2C3B4A5968778695a4b3c2d1e0F"

static const unsigned char key[ENVL_KEK_LEN] = {
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
    0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5,
    0x96, 0x87, 0x78, 0x69, 0x5a, 0x4b, 0x3c, 0x2d, 0x1e, 0x0f
};

/* Read these bytes from a file of the name in *state. */
static enum envelope_reason
read_from(const char *name, const void *data, size_t len,
          unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    FILE *file = fopen(name, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return envl_kek_read(kek, name, NULL, err);
}

static void
keys_are_read(void **state)
{
    static const char *const ends[] = { "", "\n", "\r\n", " \t\r\n\n" };
    unsigned char kek[ENVL_KEK_LEN], edge[ENVL_KEK_LEN];
    struct envl_err err;
    char text[80];
    size_t i;

    for (i = 0; i < COUNT(ends); i++) {
        int len = snprintf(text, sizeof(text), "%s%s", DIGITS, ends[i]);

        memset(kek, 0, sizeof(kek));
        assert_int_equal(read_from(*state, text, (size_t)len, kek, &err),
                         ENVELOPE_OK);
        assert_memory_equal(kek, key, sizeof(key));
    }
    assert_int_equal(read_from(*state, key, sizeof(key), kek, &err),
                     ENVELOPE_OK);
    assert_memory_equal(kek, key, sizeof(key));

    /* Bytes are not looked at for blanks. */
    memcpy(edge, key, sizeof(key));
    edge[ENVL_KEK_LEN - 1] = '\n';
    assert_int_equal(read_from(*state, edge, sizeof(edge), kek, &err),
                     ENVELOPE_OK);
    assert_memory_equal(kek, edge, sizeof(edge));
}

static void
other_forms_are_refused(void **state)
{
    static const struct {
        const char *data;
        size_t len;
    } rows[] = {
#define ROW(literal) { literal, sizeof(literal) - 1 }
        ROW(""),
        ROW("\n"),
        ROW(HALF), /* 32 digits are half a key, and no 32 bytes */
        ROW(HALF "\n"),
        ROW(DIGITS "0"),
        ROW(DIGITS "00"),
        ROW(" " DIGITS),
        ROW("0x" DIGITS),
        ROW(DIGITS "\n0"),
        ROW(HALF " " HALF),
        ROW("g" HALF HALF),
        ROW(DIGITS "\0"),
        ROW("\x01 31 bytes are one byte less"),
#undef ROW
    };
    unsigned char kek[ENVL_KEK_LEN];
    char large[300] = DIGITS;
    struct envl_err err;
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        assert_int_equal(
            read_from(*state, rows[i].data, rows[i].len, kek, &err),
            ENVELOPE_R_UNREADABLE_KEY);
        assert_non_null(strstr(err.detail, *state));
        assert_non_null(strstr(err.detail, "64 hexadecimal digits"));
        assert_null(strstr(err.detail, HALF));
    }
    for (i = sizeof(DIGITS) - 1; i < sizeof(large); i++)
        large[i] = ' ';
    assert_int_equal(read_from(*state, large, sizeof(large), kek, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(envl_kek_read(kek, "/nowhere", NULL, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "/nowhere: No such file"));
}

static void
zeros_are_refused(void **state)
{
    const size_t half = ENVL_KEK_LEN / 2;
    unsigned char zeros[ENVL_KEK_LEN] = { 0 }, kek[ENVL_KEK_LEN];
    struct envl_err err;
    size_t i;

    assert_int_equal(read_from(*state, zeros, sizeof(zeros), kek, &err),
                     ENVELOPE_R_SHORT_KEY);
    assert_non_null(strstr(err.detail, "all of the key is zero"));
    assert_int_equal(read_from(*state, HALF "00000000000000000000000000000000",
                               4 * half, kek, &err),
                     ENVELOPE_R_SHORT_KEY);
    assert_non_null(strstr(err.detail, "half of the key is zero"));

    /* One bit in each half makes it a key; in one of them it does not. */
    for (i = 0; i < ENVL_KEK_LEN; i++) {
        memset(zeros, 0, sizeof(zeros));
        zeros[i] = 0x10;
        assert_int_equal(envl_kek_check(zeros, "it", &err),
                         ENVELOPE_R_SHORT_KEY);
        zeros[(i + half) % ENVL_KEK_LEN] = 1;
        assert_int_equal(envl_kek_check(zeros, "it", &err), ENVELOPE_OK);
    }
}

static int
make_file(void **state)
{
    char path[] = "/tmp/envelope-unit.XXXXXX";
    int fd = mkstemp(path);

    *state = fd >= 0 ? strdup(path) : NULL;
    return *state == NULL || close(fd) != 0;
}

static int
remove_file(void **state)
{
    int failed = unlink(*state) != 0;

    free(*state);
    return failed;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(zeros_are_refused),
    };

    return cmocka_run_group_tests_name("key-encryption key", tests, make_file,
                                       remove_file);
}
