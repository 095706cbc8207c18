/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C against published values. */
#include "kms/core/crc32c.h"

#include "test/support/support.h"

/* RFC 3720, B.4: an iSCSI read command. */
static const unsigned char command[48] = {
    0x01, 0xc0, [16] = 0x14, [22] = 0x04, [26] = 0x00, 0x14,
    0x00, 0x00, 0x00,        0x18,        0x28,        [40] = 0x02,
};

/* Where data is NULL: len bytes that begin with first and grow by step.  Their
 * values are those of RFC 3720, where the bytes of a CRC are sent lowest first. */
static const struct {
    const void *data;
    size_t len;
    unsigned char first, step;
    uint32_t crc;
} vectors[] = {
    { "", 0, 0, 0, 0 },
    { "123456789", 9, 0, 0, 3808858755u },
    { NULL, 32, 0x00, 0, 0x8a9136aau }, /* Google: 2324772522 */
    { NULL, 32, 0xff, 0, 0x62a8ab43u },
    { NULL, 32, 0x00, 1, 0x46dd794eu },
    { NULL, 32, 0x1f, 0xff, 0x113fdb5cu },
    { command, sizeof(command), 0, 0, 0xd9963a56u },
};

static void
published_values(void **state)
{
    unsigned char bytes[32];
    const void *data;
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(vectors); i++) {
        for (j = 0; j < sizeof(bytes); j++)
            bytes[j] = (unsigned char)(vectors[i].first + j * vectors[i].step);
        data = vectors[i].data != NULL ? vectors[i].data : bytes;
        assert_int_equal(kms_crc32c(data, vectors[i].len), vectors[i].crc);
    }
    assert_int_equal(kms_crc32c(NULL, 0), 0);
}

/* Each bit counts, also of as much as a service takes. */
static void
a_flipped_bit_is_found(void **state)
{
    static unsigned char text[65536];
    uint32_t whole;
    size_t i;

    (void)state;
    fill(text, sizeof(text), 1);
    whole = kms_crc32c(text, sizeof(text));
    for (i = 0; i < 64; i++) {
        text[i * 1023] ^= (unsigned char)(1 << i % 8);
        assert_int_not_equal(kms_crc32c(text, sizeof(text)), whole);
        text[i * 1023] ^= (unsigned char)(1 << i % 8);
    }
    assert_int_equal(kms_crc32c(text, sizeof(text)), whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values),
        cmocka_unit_test(a_flipped_bit_is_found),
    };

    return cmocka_run_group_tests_name("kms_crc32c", tests, NULL, NULL);
}
