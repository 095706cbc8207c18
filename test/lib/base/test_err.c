/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's queue may hold records that have nothing to do with a failure:
 * only those since the program's call came in say why it failed.
 */
#include "lib/base/err.h"

#include "test/support/support.h"

#include <pthread.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

/* The same line for all, so that only the record itself tells them apart. */
static void
leave(int reason)
{
    ERR_raise(ERR_LIB_EVP, reason);
}

static void
expect(enum envelope_reason reason, const char *word)
{
    struct envl_err err;

    assert_int_equal(envl_fail_crypto(&err, "do it"), reason);
    assert_non_null(strstr(err.detail, word));
}

static void
nothing_new(void **state)
{
    (void)state;
    ERR_clear_error();
    envl_err_begin();
    expect(ENVELOPE_R_CRYPTO, "cannot do it: no further detail");
    leave(ERR_R_MALLOC_FAILURE);
    expect(ENVELOPE_R_MEMORY, "memory ran out");
    envl_err_begin();
    expect(ENVELOPE_R_CRYPTO, "no further detail");
    assert_false(envl_crypto_no_memory());
    leave(EVP_R_BAD_DECRYPT);
    envl_err_begin();
    expect(ENVELOPE_R_CRYPTO, "no further detail");
    assert_string_equal(envl_crypto_reason(), "no further detail");
}

static void
something_new(void **state)
{
    const char *data;
    int i;

    (void)state;
    ERR_clear_error();
    for (i = 0; i < 40; i++) { /* more than the queue holds */
        leave(ERR_R_MALLOC_FAILURE);
        envl_err_begin();
        expect(ENVELOPE_R_CRYPTO, "no further detail");
        leave(ERR_R_MALLOC_FAILURE);
        expect(ENVELOPE_R_MEMORY, "");
        leave(EVP_R_BAD_DECRYPT);
        expect(ENVELOPE_R_CRYPTO, "cannot do it: bad decrypt");
        assert_int_equal(ERR_GET_REASON(envl_crypto_newest(&data)),
                         EVP_R_BAD_DECRYPT);
        assert_string_equal(data, "");
    }
}

/* What was taken away again was not the cause. */
static void
taken_away(void **state)
{
    (void)state;
    ERR_clear_error();
    leave(ERR_R_MALLOC_FAILURE);
    envl_err_begin();
    ERR_set_mark();
    leave(EVP_R_BAD_DECRYPT);
    ERR_pop_to_mark();
    expect(ENVELOPE_R_CRYPTO, "no further detail");
}

static void
oldest(void **state)
{
    const char *data;

    (void)state;
    ERR_clear_error();
    envl_err_begin();
    assert_int_equal(envl_crypto_oldest(&data), 0);
    assert_string_equal(data, "");
    ERR_raise_data(ERR_LIB_EVP, EVP_R_BAD_DECRYPT, "the first");
    leave(ERR_R_MALLOC_FAILURE);
    assert_int_equal(ERR_GET_REASON(envl_crypto_oldest(&data)),
                     EVP_R_BAD_DECRYPT);
    assert_string_equal(data, "the first");
    /* What a block was for may say why on top of it. */
    ERR_clear_error();
    leave(ERR_R_MALLOC_FAILURE);
    leave(EVP_R_BAD_DECRYPT);
    expect(ENVELOPE_R_MEMORY, "memory ran out");
    ERR_clear_error();
    leave(EVP_R_BAD_DECRYPT);
    /* One of the program's stands before it. */
    envl_err_begin();
    leave(EVP_R_BAD_DECRYPT);
    assert_int_equal(envl_crypto_oldest(NULL), 0);
}

static void *
in_a_thread(void *arg)
{
    leave(ERR_R_MALLOC_FAILURE);
    envl_err_begin();
    expect(ENVELOPE_R_CRYPTO, "no further detail");
    return arg;
}

/* Each thread has a queue, and its own beginning. */
static void
threads(void **state)
{
    pthread_t thread;

    (void)state;
    ERR_clear_error();
    envl_err_begin();
    leave(ERR_R_MALLOC_FAILURE);
    assert_int_equal(pthread_create(&thread, NULL, in_a_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect(ENVELOPE_R_MEMORY, "");
    ERR_clear_error();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new), cmocka_unit_test(something_new),
        cmocka_unit_test(taken_away),  cmocka_unit_test(oldest),
        cmocka_unit_test(threads),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
