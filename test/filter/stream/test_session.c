/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failure of the cipher keeps its reason on the way through EVP, whatever
 * the error queue can hold: here libcrypto is built without file names, as it
 * were, and the program has records of its own.
 */
#include "filter/stream/cipher.h"

#include "test/filter/stream/pump.h"

#include <stdlib.h>

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#include "lib/payload/payload.h"

/* The provider's init, between the core and the real one (ld's --wrap) */

OSSL_provider_init_fn __real_envelope_provider_init,
    __wrap_envelope_provider_init;

static OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
static size_t nameless;
static int lacking; /* an upcall that this core does not have */

static void
set_no_names(const OSSL_CORE_HANDLE *core, const char *file, int line,
             const char *function)
{
    (void)file;
    (void)line;
    (void)function;
    nameless++;
    set_error_debug(core, "", 0, "");
}

int
__wrap_envelope_provider_init(const OSSL_CORE_HANDLE *core,
                              const OSSL_DISPATCH *in,
                              const OSSL_DISPATCH **out, void **provctx)
{
    static OSSL_DISPATCH upcalls[100];
    size_t n = 0;

    memset(upcalls, 0, sizeof(upcalls));
    for (; n < COUNT(upcalls) - 1 && in->function_id != 0; in++) {
        if (in->function_id == lacking)
            continue;
        upcalls[n] = *in;
        if (in->function_id == OSSL_FUNC_CORE_SET_ERROR_DEBUG) {
            set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            upcalls[n].function = (void (*)(void))set_no_names;
        }
        n++;
    }
    return __real_envelope_provider_init(core, upcalls, out, provctx);
}

/* Batches of chunks, which libcrypto may fail at (ld's --wrap) */

size_t __real_envl_payload_batch(struct envl_payload *payload, unsigned worker,
                                 uint64_t index, unsigned char *data,
                                 size_t count);
size_t __wrap_envl_payload_batch(struct envl_payload *payload, unsigned worker,
                                 uint64_t index, unsigned char *data,
                                 size_t count);

static bool batches_fail;

size_t
__wrap_envl_payload_batch(struct envl_payload *payload, unsigned worker,
                          uint64_t index, unsigned char *data, size_t count)
{
    if (batches_fail)
        return 0;
    return __real_envl_payload_batch(payload, worker, index, data, count);
}

/* A program's own record, from before */

static void
leave_record(void)
{
    ERR_raise_data(ERR_LIB_USER, ERR_R_MALLOC_FAILURE, "of the program");
}

static void
expect_one_record(void)
{
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), ERR_R_MALLOC_FAILURE);
    assert_int_equal(ERR_get_error(), 0);
}

static struct envl_cipher *
session_of(struct envl_options *options, enum envl_direction direction)
{
    struct envl_cipher *cipher;
    struct envl_err err;

    assert_int_equal(envl_cipher_new(&cipher, options, direction, &err),
                     ENVELOPE_OK);
    return cipher;
}

static struct envl_options
no_options(void)
{
    return (struct envl_options){
        .reserve = -1, .work_factor = -1, .allow_expired = -1, .threads = -1
    };
}

static void
of_init(void **state)
{
    struct envl_options options = no_options();
    struct envl_cipher *cipher;
    struct envl_err err;

    (void)state;
    options.work_factor = 99;
    leave_record();
    assert_int_equal(envl_cipher_new(&cipher, &options, ENVL_ENCRYPT, &err),
                     ENVELOPE_R_PARAMETER);
    assert_non_null(strstr(err.detail, "work-factor"));
    assert_int_equal(nameless, 1);
    expect_one_record();
}

static void
of_update(void **state)
{
    struct envl_options options = no_options();
    unsigned char out[1 + ENVL_SLACK_LEN];
    struct envl_cipher *cipher;
    char nowhere[] = "/nowhere/key";
    struct envl_err err;
    size_t n;

    (void)state;
    options.recipients = nowhere;
    cipher = session_of(&options, ENVL_ENCRYPT);
    leave_record();
    assert_int_equal(envl_cipher_update(cipher, out, &n,
                                        (const unsigned char *)"x", 1, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, nowhere));
    expect_one_record();
    envl_cipher_free(cipher);
}

static void
of_final_and_seek(void **state)
{
    static unsigned char kek[ENVELOPE_KEY_LENGTH];
    struct envl_options options = no_options();
    unsigned char out[1 + ENVL_SLACK_LEN];
    struct envl_cipher *cipher;
    struct envl_err err;
    size_t n;

    (void)state;
    memset(kek, 7, sizeof(kek));
    options.kek = kek;
    cipher = session_of(&options, ENVL_DECRYPT);
    leave_record();
    assert_int_equal(envl_cipher_seek(cipher, 3, &err), ENVELOPE_R_PARAMETER);
    assert_non_null(strstr(err.detail, "chunk"));
    assert_int_equal(envl_cipher_final(cipher, out, &n, &err),
                     ENVELOPE_R_HEADER_TRUNCATED);
    /* The next call's, not the last one's */
    assert_int_equal(envl_cipher_update(cipher, out, &n,
                                        (const unsigned char *)"x", 1, &err),
                     ENVELOPE_R_HEADER_TRUNCATED);
    expect_one_record();
    envl_cipher_free(cipher);
}

/* The message says what there is, and how much of it is missing. */
static void
of_a_cut(void **state)
{
    static const struct {
        size_t len;
        const char *words;
    } cases[] = {
        { 0, "is empty" },
        { 31, "31 bytes, fewer than the 32 of a prelude" },
        { 40, "40 bytes of a header of" },
    };
    static unsigned char kek[ENVELOPE_KEY_LENGTH];
    struct bytes text = text_of_len(5), sealed = seal(ENVL_RAW, text);
    struct envl_options options = no_options();
    unsigned char out[64 + ENVL_SLACK_LEN];
    struct envl_cipher *cipher;
    struct envl_err err;
    size_t i, n;

    (void)state;
    memset(kek, 7, sizeof(kek));
    options.kek = kek;
    for (i = 0; i < COUNT(cases); i++) {
        cipher = session_of(&options, ENVL_DECRYPT);
        assert_int_equal(
            envl_cipher_update(cipher, out, &n, sealed.p, cases[i].len, &err),
            ENVELOPE_OK);
        assert_int_equal(envl_cipher_final(cipher, out, &n, &err),
                         ENVELOPE_R_HEADER_TRUNCATED);
        assert_non_null(strstr(err.detail, cases[i].words));
        envl_cipher_free(cipher);
    }
    ERR_clear_error();
    drop(&sealed);
    drop(&text);
}

/* Nothing comes after the header: no text, and no end. */
static void
of_a_batch(void **state)
{
    struct bytes text = text_of_len(3 * CHUNK);
    struct outcome outcome;

    (void)state;
    batches_fail = true;
    outcome = direct(ENVL_ENCRYPT, ENVL_RAW, text);
    batches_fail = false;
    assert_int_equal(outcome.reason, ENVELOPE_R_CRYPTO);
    assert_non_null(strstr(outcome.detail, "seal a chunk"));
    assert_true(outcome.got.len < CHUNK);
    drop(&outcome.got);
    drop(&text);
}

/* One is as many as any other number. */
static void
of_threads(void **state)
{
    struct envl_options options = no_options();
    struct envl_cipher *cipher;
    struct envl_err err;

    (void)state;
    for (options.threads = 1; options.threads <= 3; options.threads++) {
        cipher = session_of(&options, ENVL_ENCRYPT);
        assert_int_equal(envl_cipher_prepare_batches(cipher, &err),
                         ENVELOPE_OK);
        assert_int_equal(envl_cipher_threads(cipher), options.threads);
        envl_cipher_free(cipher);
    }
}

/* Without them the provider has no way to say what is wrong. */
static void
of_upcalls(void **state)
{
    static const int needed[] = { OSSL_FUNC_CORE_NEW_ERROR,
                                  OSSL_FUNC_CORE_SET_ERROR_DEBUG,
                                  OSSL_FUNC_CORE_VSET_ERROR };
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider;
    size_t i;

    (void)state;
    assert_non_null(libctx);
    assert_true(OSSL_PROVIDER_add_builtin(libctx, "envelope",
                                          __wrap_envelope_provider_init));
    for (i = 0; i < COUNT(needed); i++) {
        lacking = needed[i];
        assert_null(OSSL_PROVIDER_load(libctx, "envelope"));
    }
    lacking = 0;
    provider = OSSL_PROVIDER_load(libctx, "envelope");
    assert_non_null(provider);
    assert_true(OSSL_PROVIDER_unload(provider));
    OSSL_LIB_CTX_free(libctx);
    ERR_clear_error();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_init),           cmocka_unit_test(of_update),
        cmocka_unit_test(of_final_and_seek), cmocka_unit_test(of_a_cut),
        cmocka_unit_test(of_a_batch),        cmocka_unit_test(of_upcalls),
        cmocka_unit_test(of_threads),
    };

    return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
