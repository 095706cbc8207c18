/* SPDX-License-Identifier: Apache-2.0 */
/* The DER of signatures: one encoding, and every other byte is refused. */
#include "lib/header/signatures.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "test/support/memory.h"
#include "test/support/support.h"

static const unsigned char ids[2][ENVL_SIGNER_ID_LEN] = {
    { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 },
    { 9 }
};
static const unsigned char ed25519[] = { 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70 };
static const unsigned char value[] = { 0xaa, 0xbb };

static struct envl_signatures
make(size_t count)
{
    struct envl_signatures made = { .count = count };
    size_t i;

    for (i = 0; i < count; i++)
        made.items[i] = (struct envl_signature){
            .signer = ids[i % 2],
            .algorithm = { ed25519, sizeof(ed25519) },
            .value = { value, sizeof(value) },
        };
    return made;
}

/* From a buffer of exactly this size */
static enum envelope_reason
read_exactly(struct envl_signatures *to, unsigned char **copy,
             const unsigned char *der, size_t len)
{
    struct envl_err err;

    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, der, len);
    return envl_signatures_read(to, *copy, len, &err);
}

static void
written_is_read(void **state)
{
    struct envl_signatures found;
    struct envl_err err;
    unsigned char *der, *copy;
    size_t count, len, i;

    (void)state;
    for (count = 1; count <= ENVL_SIGNATURE_COUNT_MAX; count++) {
        const struct envl_signatures made = make(count);

        assert_int_equal(envl_signatures_write(&der, &len, &made, &err),
                         ENVELOPE_OK);
        assert_int_equal(read_exactly(&found, &copy, der, len), ENVELOPE_OK);
        assert_int_equal(found.count, count);
        for (i = 0; i < count; i++) {
            assert_memory_equal(found.items[i].signer, ids[i % 2],
                                ENVL_SIGNER_ID_LEN);
            assert_true(envl_der_is(&found.items[i].algorithm, ed25519,
                                    sizeof(ed25519)));
            assert_true(
                envl_der_is(&found.items[i].value, value, sizeof(value)));
        }
        free(copy);
        OPENSSL_free(der);
    }
}

static void
none_is_none(void **state)
{
    struct envl_signatures found = make(3);
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_signatures_read(&found, NULL, 0, &err), ENVELOPE_OK);
    assert_int_equal(found.count, 0);
}

/* What is read after a byte was changed is written as it was read: there is no
 * second encoding of anything. */
static void
every_cut_and_every_byte(void **state)
{
    static const unsigned char flips[] = { 0x01, 0x20, 0x80, 0xff };
    const struct envl_signatures made = make(2);
    struct envl_signatures found;
    unsigned char *der, *copy, *again;
    size_t len, again_len, i, k;
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_signatures_write(&der, &len, &made, &err),
                     ENVELOPE_OK);
    for (i = 1; i < len; i++) {
        assert_int_equal(read_exactly(&found, &copy, der, i),
                         ENVELOPE_R_SIGNATURES);
        free(copy);
    }
    for (i = 0; i < len; i++) {
        for (k = 0; k < COUNT(flips); k++) {
            der[i] ^= flips[k];
            if (read_exactly(&found, &copy, der, len) == ENVELOPE_OK) {
                assert_int_equal(
                    envl_signatures_write(&again, &again_len, &found, &err),
                    ENVELOPE_OK);
                assert_int_equal(again_len, len);
                assert_memory_equal(again, der, len);
                OPENSSL_free(again);
            }
            free(copy);
            der[i] ^= flips[k];
        }
    }
    OPENSSL_free(der);
}

static void
too_long_is_not_written(void **state)
{
    static const unsigned char longest[ENVL_SIGNATURES_LEN_MAX];
    struct envl_signatures made = make(1);
    struct envl_err err;
    unsigned char *der;
    size_t len;

    (void)state;
    made.items[0].value = (struct envl_der){ longest, sizeof(longest) - 30 };
    assert_int_equal(envl_signatures_write(&der, &len, &made, &err),
                     ENVELOPE_R_HEADER_TOO_LARGE);
    assert_null(der);
}

static void
memory_may_run_out(void **state)
{
    const struct envl_signatures made = make(1);
    struct envl_err err;
    unsigned char *der;
    size_t len;

    (void)state;
    memory_fail(1);
    assert_int_equal(envl_signatures_write(&der, &len, &made, &err),
                     ENVELOPE_R_MEMORY);
    memory_fail(0);
    assert_null(der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_read),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(every_cut_and_every_byte),
        cmocka_unit_test(too_long_is_not_written),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
