/* SPDX-License-Identifier: Apache-2.0 */
/* What is no real public key is refused, whether or not keys are remembered. */
#include "lib/keys/key_check.h"

#include "test/support/support.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define BITS 2048

/* libcrypto's check (ld's --wrap) */

int __real_EVP_PKEY_public_check(EVP_PKEY_CTX *pctx);
int __wrap_EVP_PKEY_public_check(EVP_PKEY_CTX *pctx);

static int checks;

int
__wrap_EVP_PKEY_public_check(EVP_PKEY_CTX *pctx)
{
    checks++;
    return __real_EVP_PKEY_public_check(pctx);
}

/* An RSA key whose modulus is even: it can be read, and means nothing. */
static EVP_PKEY *
even_key(void)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_new();
    OSSL_PARAM *params;
    EVP_PKEY *key = NULL;

    assert_true(pctx != NULL && build != NULL && n != NULL);
    assert_true(BN_set_bit(n, BITS - 1));
    assert_true(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n));
    assert_true(OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_RSA_E, 65537));
    params = OSSL_PARAM_BLD_to_param(build);
    assert_non_null(params);
    assert_true(EVP_PKEY_fromdata_init(pctx) > 0);
    assert_true(EVP_PKEY_fromdata(pctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(pctx);
    BN_free(n);
    return key;
}

/* Each twice: the second time it may be known. */
static void
check_both(struct envl_sound_keys *sound)
{
    const struct envl_libctx ctx = { .propq = "", .sound = sound };
    EVP_PKEY *real = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"),
             *even = even_key();
    struct envl_err err;
    int i;

    assert_non_null(real);
    checks = 0;
    for (i = 0; i < 2; i++) {
        assert_int_equal(
            envl_key_check(real, ENVL_TO_ENCRYPT, &ctx, "real", &err),
            ENVELOPE_OK);
        assert_int_equal(
            envl_key_check(even, ENVL_TO_ENCRYPT, &ctx, "even", &err),
            ENVELOPE_R_BAD_KEY);
    }
    ERR_clear_error();
    EVP_PKEY_free(real);
    EVP_PKEY_free(even);
}

static void
nothing_is_remembered(void **state)
{
    (void)state;
    check_both(NULL);
    assert_int_equal(checks, 4);
}

static void
real_keys_are_remembered(void **state)
{
    struct envl_sound_keys *sound = envl_sound_keys_new();

    (void)state;
    assert_non_null(sound);
    check_both(sound);
    assert_int_equal(checks, 3); /* the real one once */
    envl_sound_keys_free(sound);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_remembered),
        cmocka_unit_test(real_keys_are_remembered),
    };

    return cmocka_run_group_tests_name("key_check", tests, NULL, NULL);
}
