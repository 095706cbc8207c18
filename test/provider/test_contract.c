/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program may rely on besides the bytes: properties, keys, parameters
 * and when they can be set, order of calls, copies, and loading.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

#define CHUNK ((size_t)ENVELOPE_CHUNK_LENGTH)
#define SEALED ((size_t)ENVELOPE_SEALED_CHUNK_LENGTH)
#define START ((size_t)ENVELOPE_PAYLOAD_START_LENGTH)

static const struct support_how at_once = { 0 };

/* The cipher */

static void
test_properties(void **state)
{
    const struct support *s = *state;
    const EVP_CIPHER *cipher = s->cipher;
    EVP_CIPHER_CTX *ctx = support_init(s, SUPPORT_SEAL, support_kek, NULL);

    assert_int_equal(EVP_CIPHER_get_key_length(cipher), ENVELOPE_KEY_LENGTH);
    assert_int_equal(EVP_CIPHER_get_iv_length(cipher), 0);
    assert_int_equal(EVP_CIPHER_get_block_size(cipher), ENVELOPE_BLOCK_SIZE);
    assert_int_equal(EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER,
                     0);
    assert_int_equal(EVP_CIPHER_get_mode(cipher), EVP_CIPH_STREAM_CIPHER);
    assert_true(EVP_CIPHER_is_a(cipher, ENVELOPE_CIPHER_NAME));
    assert_string_equal(
        OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher)),
        ENVELOPE_PROVIDER_NAME);
    assert_int_equal(EVP_CIPHER_CTX_get_key_length(ctx), ENVELOPE_KEY_LENGTH);
    assert_int_equal(EVP_CIPHER_CTX_get_iv_length(ctx), 0);
    EVP_CIPHER_CTX_free(ctx);
}

static void
test_provider_params(void **state)
{
    const struct support *s = *state;
    const char *name = NULL, *version = NULL;
    int status = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_NAME,
                                      (char **)(uintptr_t)&name, 0),
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION,
                                      (char **)(uintptr_t)&version, 0),
        OSSL_PARAM_construct_int(OSSL_PROV_PARAM_STATUS, &status),
        OSSL_PARAM_construct_end(),
    };

    assert_true(OSSL_PROVIDER_get_params(s->provider, params));
    assert_non_null(name);
    assert_non_null(version);
    assert_int_equal(status, 1);
}

/* Only what is documented may be set or read, under its documented type. */
static void
test_parameter_lists(void **state)
{
    static const struct {
        const char *name;
        unsigned type;
    } settable[] = {
        { ENVELOPE_PARAM_RECIPIENTS, OSSL_PARAM_UTF8_STRING },
        { ENVELOPE_PARAM_IDENTITIES, OSSL_PARAM_UTF8_STRING },
        { ENVELOPE_PARAM_PASSPHRASE_FILE, OSSL_PARAM_UTF8_STRING },
        { ENVELOPE_PARAM_LABELS, OSSL_PARAM_UTF8_STRING },
        { ENVELOPE_PARAM_RELEASE, OSSL_PARAM_UTF8_STRING },
        { ENVELOPE_PARAM_RECIPIENT, OSSL_PARAM_OCTET_STRING },
        { ENVELOPE_PARAM_IDENTITY, OSSL_PARAM_OCTET_STRING },
        { ENVELOPE_PARAM_PASSPHRASE, OSSL_PARAM_OCTET_STRING },
        { ENVELOPE_PARAM_PASSPHRASE_CALLBACK, OSSL_PARAM_OCTET_PTR },
        { ENVELOPE_PARAM_THREADS, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_OUTPUT_SLACK, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_RESERVE, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_WORK_FACTOR, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_ALLOW_EXPIRED, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_SKIP_EXPIRED, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_ALLOW_USAGE, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, OSSL_PARAM_UNSIGNED_INTEGER },
        { ENVELOPE_PARAM_NEXT_CHUNK, OSSL_PARAM_UNSIGNED_INTEGER },
    };
    static const char *const gettable[] = { ENVELOPE_PARAM_HEADER,
                                            ENVELOPE_PARAM_HEADER_LENGTH,
                                            ENVELOPE_PARAM_VERIFIED_LENGTH };
    const struct support *s = *state;
    const OSSL_PARAM *list = EVP_CIPHER_settable_ctx_params(s->cipher), *p;
    size_t i;

    for (i = 0; i < COUNT_OF(settable); i++) {
        p = OSSL_PARAM_locate_const(list, settable[i].name);
        assert_non_null(p);
        assert_int_equal(p->data_type, settable[i].type);
    }
    list = EVP_CIPHER_gettable_ctx_params(s->cipher);
    for (i = 0; i < COUNT_OF(gettable); i++)
        assert_non_null(OSSL_PARAM_locate_const(list, gettable[i]));
}

/* Keys */

static void
expect_update(const struct support *s, enum support_direction direction,
              const unsigned char *key, const OSSL_PARAM *params, int reason,
              const char *word)
{
    EVP_CIPHER_CTX *ctx = support_init(s, direction, key, params);
    struct octets out = { 0 };

    assert_false(support_update(ctx, &at_once, "x", 1, &out));
    expect_reason(reason, word);
    assert_false(support_final(ctx, &at_once, &out));
    expect_reason(reason, word);
    assert_int_equal(out.len, 0);
    EVP_CIPHER_CTX_free(ctx);
}

static void
test_no_key(void **state)
{
    static const unsigned char zero[ENVELOPE_KEY_LENGTH] = { 0 };
    struct octets stream, got;

    expect_update(*state, SUPPORT_SEAL, NULL, NULL, ENVELOPE_R_NO_RECIPIENT,
                  ENVELOPE_ENV_RECIPIENTS);
    expect_update(*state, SUPPORT_SEAL, zero, NULL, ENVELOPE_R_NO_RECIPIENT,
                  ENVELOPE_ENV_RECIPIENTS);
    stream = support_seal(*state, support_kek, NULL, NULL, "text", 4);
    assert_false(support_opens(*state, NULL, NULL, NULL, stream, &got));
    expect_reason(ENVELOPE_R_NO_IDENTITY, ENVELOPE_ENV_IDENTITIES);
    assert_false(support_opens(*state, zero, NULL, NULL, stream, &got));
    expect_reason(ENVELOPE_R_NO_IDENTITY, ENVELOPE_ENV_IDENTITIES);
    assert_false(
        support_opens(*state, support_other_kek, NULL, NULL, stream, &got));
    expect_reason(ENVELOPE_R_WRONG_KEY, "key");
    support_drop(&stream);
}

static void
test_short_key(void **state)
{
    static const struct {
        size_t at, len;
    } zeros[] = { { 16, 16 }, { 15, 17 }, { 8, 24 }, { 1, 31 },
                  { 0, 16 },  { 0, 17 },  { 0, 31 } };
    const struct support *s = *state;
    unsigned char key[ENVELOPE_KEY_LENGTH];
    struct octets out = { 0 };
    size_t i;

    for (i = 0; i < 2 * COUNT_OF(zeros); i++) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

        memset(key, 0x77, sizeof(key));
        memset(key + zeros[i / 2].at, 0, zeros[i / 2].len);
        assert_false(
            EVP_CipherInit_ex2(ctx, s->cipher, key, NULL, (int)(i % 2), NULL));
        expect_reason(ENVELOPE_R_SHORT_KEY, "half");
        assert_false(support_update(ctx, &at_once, "x", 1, &out));
        expect_reason(ENVELOPE_R_NO_STREAM, "");
        EVP_CIPHER_CTX_free(ctx);
    }
    /* A byte in each half is a key, if not a good one. */
    memset(key, 0, sizeof(key));
    key[15] = key[16] = 1;
    out = support_seal(s, key, NULL, NULL, "x", 1);
    support_drop(&out);
}

static void
test_key_length_is_fixed(void **state)
{
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, NULL, NULL);

    assert_int_equal(EVP_CIPHER_CTX_set_key_length(ctx, 16) > 0, 0);
    ERR_clear_error();
    assert_int_equal(EVP_CIPHER_CTX_get_key_length(ctx), ENVELOPE_KEY_LENGTH);
    EVP_CIPHER_CTX_free(ctx);
}

static void
test_both_key_and_recipients(void **state)
{
    EVP_PKEY *key = support_keygen(*state, "X25519", NULL, 0);
    struct octets public = support_public(key, "PEM"), out;
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, public.data,
                       public.len);
    expect_update(*state, SUPPORT_SEAL, support_kek, params.list,
                  ENVELOPE_R_AMBIGUOUS_KEY, ENVELOPE_ENV_RECIPIENTS);
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RECIPIENTS, "/nowhere");
    expect_update(*state, SUPPORT_SEAL, support_kek, params.list,
                  ENVELOPE_R_AMBIGUOUS_KEY, "recipients");
    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, "secret", 6);
    expect_update(*state, SUPPORT_SEAL, support_kek, params.list,
                  ENVELOPE_R_AMBIGUOUS_KEY, "key");

    assert_int_equal(setenv(ENVELOPE_ENV_RECIPIENTS, "/nowhere", 1), 0);
    expect_update(*state, SUPPORT_SEAL, support_kek, NULL,
                  ENVELOPE_R_AMBIGUOUS_KEY, ENVELOPE_ENV_RECIPIENTS);
    expect_update(*state, SUPPORT_SEAL, NULL, NULL, ENVELOPE_R_UNREADABLE_KEY,
                  "/nowhere");
    /* Parameters come before the environment. */
    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, public.data,
                       public.len);
    out = support_seal(*state, NULL, params.list, NULL, "x", 1);
    support_drop(&out);
    /* An empty variable is none. */
    assert_int_equal(setenv(ENVELOPE_ENV_RECIPIENTS, "", 1), 0);
    out = support_seal(*state, support_kek, NULL, NULL, "x", 1);
    support_drop(&out);
    assert_int_equal(unsetenv(ENVELOPE_ENV_RECIPIENTS), 0);
    support_drop(&public);
    EVP_PKEY_free(key);
}

/* A key suffices for decryption, whatever the environment says. */
static void
test_key_beside_identities(void **state)
{
    struct octets stream =
                      support_seal(*state, support_kek, NULL, NULL, "text", 4),
                  got;

    assert_int_equal(setenv(ENVELOPE_ENV_IDENTITIES, "/nowhere", 1), 0);
    assert_int_equal(setenv(ENVELOPE_ENV_PASSPHRASE_FILE, "/nowhere", 1), 0);
    assert_true(support_opens(*state, support_kek, NULL, NULL, stream, &got));
    support_drop(&got);
    assert_false(support_opens(*state, NULL, NULL, NULL, stream, &got));
    expect_reason(ENVELOPE_R_UNREADABLE_KEY, "/nowhere");
    assert_int_equal(unsetenv(ENVELOPE_ENV_PASSPHRASE_FILE), 0);
    assert_false(support_opens(*state, NULL, NULL, NULL, stream, &got));
    expect_reason(ENVELOPE_R_UNREADABLE_KEY, "/nowhere");
    assert_int_equal(unsetenv(ENVELOPE_ENV_IDENTITIES), 0);
    support_drop(&stream);
}

/* Parameters */

static const struct envelope_passphrase_callback no_callback = { NULL, NULL };

/* A good value for each, to be refused once data has been processed. */
static void
test_parameters_in_use(void **state)
{
    static const char *const texts[][2] = {
        { ENVELOPE_PARAM_RECIPIENTS, "/x" },
        { ENVELOPE_PARAM_IDENTITIES, "/x" },
        { ENVELOPE_PARAM_PASSPHRASE_FILE, "/x" },
        { ENVELOPE_PARAM_LABELS, "a=b" },
        { ENVELOPE_PARAM_RELEASE, ENVELOPE_RELEASE_CHUNK },
    };
    static const char *const octets[] = { ENVELOPE_PARAM_RECIPIENT,
                                          ENVELOPE_PARAM_IDENTITY,
                                          ENVELOPE_PARAM_PASSPHRASE };
    static const struct {
        const char *name;
        uint64_t good;
    } numbers[] = { { ENVELOPE_PARAM_THREADS, 2 },
                    { ENVELOPE_PARAM_OUTPUT_SLACK, 64 },
                    { ENVELOPE_PARAM_RESERVE, 1 },
                    { ENVELOPE_PARAM_WORK_FACTOR, 14 },
                    { ENVELOPE_PARAM_ALLOW_EXPIRED, 1 },
                    { ENVELOPE_PARAM_SKIP_EXPIRED, 1 },
                    { ENVELOPE_PARAM_ALLOW_USAGE, 1 },
                    { ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, 1 } };
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    EVP_CIPHER_CTX *fresh =
        support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    void *callback = (void *)(uintptr_t)&no_callback;
    struct support_params params;
    struct octets out = { 0 };
    size_t i;

    assert_true(support_update(ctx, &at_once, "x", 1, &out));
    for (i = 0; i < COUNT_OF(texts) + COUNT_OF(octets) + COUNT_OF(numbers) + 1;
         i++) {
        size_t k = i;

        support_params_init(&params);
        if (k < COUNT_OF(texts)) {
            support_add_text(&params, texts[k][0], texts[k][1]);
        } else if ((k -= COUNT_OF(texts)) < COUNT_OF(octets)) {
            support_add_octets(&params, octets[k], "x", 1);
        } else if ((k -= COUNT_OF(octets)) < COUNT_OF(numbers)) {
            support_add_number(&params, numbers[k].name, numbers[k].good);
        } else {
            params.list[0] = OSSL_PARAM_construct_octet_ptr(
                ENVELOPE_PARAM_PASSPHRASE_CALLBACK, &callback,
                sizeof(no_callback));
            params.list[1] = OSSL_PARAM_construct_end();
        }
        assert_true(EVP_CIPHER_CTX_set_params(fresh, params.list));
        assert_no_errors();
        assert_false(EVP_CIPHER_CTX_set_params(ctx, params.list));
        expect_reason(ENVELOPE_R_IN_USE, params.list[0].key);
    }
    /* A refusal does no harm. */
    assert_true(support_final(ctx, &at_once, &out));
    assert_false(EVP_CIPHER_CTX_set_params(ctx, params.list));
    expect_reason(ENVELOPE_R_IN_USE, params.list[0].key);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_CTX_free(fresh);
    support_drop(&out);
}

static void
expect_bad_param(EVP_CIPHER_CTX *ctx, OSSL_PARAM param)
{
    OSSL_PARAM params[2] = { param, OSSL_PARAM_END };

    if (EVP_CIPHER_CTX_set_params(ctx, params))
        fail_msg("%s was taken", param.key);
    expect_reason(ENVELOPE_R_PARAMETER, param.key);
}

static void
test_bad_parameters(void **state)
{
    static const struct {
        const char *name;
        uint64_t bad;
    } numbers[] = {
        { ENVELOPE_PARAM_THREADS, 65 },
        { ENVELOPE_PARAM_THREADS, UINT64_C(1) << 32 },
        { ENVELOPE_PARAM_THREADS, UINT64_MAX },
        { ENVELOPE_PARAM_OUTPUT_SLACK, (UINT64_C(1) << 30) + 1 },
        { ENVELOPE_PARAM_OUTPUT_SLACK, UINT64_MAX },
        { ENVELOPE_PARAM_RESERVE, 2097153 },
        { ENVELOPE_PARAM_RESERVE, UINT64_MAX },
        { ENVELOPE_PARAM_WORK_FACTOR, 0 },
        { ENVELOPE_PARAM_WORK_FACTOR, 13 },
        { ENVELOPE_PARAM_WORK_FACTOR, 21 },
        { ENVELOPE_PARAM_ALLOW_EXPIRED, 2 },
        { ENVELOPE_PARAM_SKIP_EXPIRED, 2 },
        { ENVELOPE_PARAM_ALLOW_USAGE, 2 },
        { ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, 2 },
    };
    static const char *const texts[] = { ENVELOPE_PARAM_RECIPIENTS,
                                         ENVELOPE_PARAM_IDENTITIES,
                                         ENVELOPE_PARAM_PASSPHRASE_FILE,
                                         ENVELOPE_PARAM_LABELS,
                                         ENVELOPE_PARAM_RELEASE };
    static const char *const octets[] = { ENVELOPE_PARAM_RECIPIENT,
                                          ENVELOPE_PARAM_IDENTITY,
                                          ENVELOPE_PARAM_PASSPHRASE };
    static const char *const words[] = { "", "Chunk", "verifie", "verified ",
                                         "none" };
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    char text[] = "text", long_passphrase[1025] = "x";
    uint64_t number;
    int negative = -1;
    struct octets out = { 0 };
    size_t i;

    for (i = 0; i < COUNT_OF(numbers); i++) {
        number = numbers[i].bad;
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_uint64(numbers[i].name, &number));
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_int(numbers[i].name, &negative));
        expect_bad_param(
            ctx, OSSL_PARAM_construct_utf8_string(numbers[i].name, text, 0));
    }
    for (i = 0; i < COUNT_OF(texts); i++) {
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_octet_string(texts[i], text, 4));
        expect_bad_param(ctx, OSSL_PARAM_construct_uint64(texts[i], &number));
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_utf8_string(texts[i], NULL, 0));
    }
    for (i = 0; i < COUNT_OF(octets); i++) {
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_utf8_string(octets[i], text, 0));
        expect_bad_param(ctx, OSSL_PARAM_construct_uint64(octets[i], &number));
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_octet_string(octets[i], text, 0));
        expect_bad_param(ctx,
                         OSSL_PARAM_construct_octet_string(octets[i], NULL, 4));
    }
    expect_bad_param(ctx, OSSL_PARAM_construct_octet_string(
                              ENVELOPE_PARAM_PASSPHRASE, long_passphrase,
                              sizeof(long_passphrase)));
    expect_bad_param(ctx, OSSL_PARAM_construct_octet_string(
                              ENVELOPE_PARAM_PASSPHRASE_CALLBACK, text, 4));
    for (i = 0; i < COUNT_OF(words); i++)
        expect_bad_param(
            ctx, OSSL_PARAM_construct_utf8_string(
                     ENVELOPE_PARAM_RELEASE, (char *)(uintptr_t)words[i], 0));

    /* The context is as good as before. */
    assert_true(support_update(ctx, &at_once, "x", 1, &out));
    assert_true(support_final(ctx, &at_once, &out));
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
}

static void
test_bad_parameter_in_init(void **state)
{
    const struct support *s = *state;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    struct support_params params;
    struct octets out = { 0 };

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 65);
    assert_false(
        EVP_EncryptInit_ex2(ctx, s->cipher, support_kek, NULL, params.list));
    expect_reason(ENVELOPE_R_PARAMETER, ENVELOPE_PARAM_THREADS);
    assert_false(support_update(ctx, &at_once, "x", 1, &out));
    expect_reason(ENVELOPE_R_NO_STREAM, "initialise");
    EVP_CIPHER_CTX_free(ctx);
}

static void
test_other_parameters_are_passed_over(void **state)
{
    struct support_params params;
    struct octets out;

    support_params_init(&params);
    support_add_text(&params, "somebody-elses", "x");
    support_add_number(&params, "padding", 0);
    out = support_seal(*state, support_kek, params.list, NULL, "x", 1);
    support_drop(&out);
}

/* The limits themselves */
static void
test_extreme_parameters(void **state)
{
    struct support_how how = { .has_slack = true, .slack = 4 << 20 };
    struct support_params params;
    struct octets out, got;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 64);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, how.slack);
    support_add_number(&params, ENVELOPE_PARAM_WORK_FACTOR, 20);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, 2000000);
    out = support_seal(*state, support_kek, params.list, &how, "x", 1);
    assert_true(support_opens(*state, support_kek, NULL, NULL, out, &got));
    assert_int_equal(got.len, 1);
    support_drop(&got);
    support_drop(&out);

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, 2097152);
    expect_update(*state, SUPPORT_SEAL, support_kek, params.list,
                  ENVELOPE_R_HEADER_TOO_LARGE, "2097152 reserved");
}

/* Labels */

/* The labels as they stand in the header */
static struct octets
labels_of(const struct support *s, const char *labels, size_t text_len)
{
    struct octets text = support_noise(text_len, 8), out = { 0 }, header;
    const struct support_how how = { .cut = 65536 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    size_t len;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, labels);
    ctx = support_init(s, SUPPORT_SEAL, support_kek, params.list);
    assert_true(support_run(ctx, &how, text.data, text.len, &out));
    header = support_header(ctx);
    assert_memory_equal(header.data, out.data, header.len);
    EVP_CIPHER_CTX_free(ctx);
    len = (size_t)header.data[13] << 16 | (size_t)header.data[14] << 8
          | header.data[15];
    assert_true(PRELUDE_LEN + len < header.len);
    memmove(header.data, header.data + PRELUDE_LEN, len);
    header.len = len;
    support_drop(&out);
    support_drop(&text);
    return header;
}

/* A text goes as far as its size says, with its NUL or without; there is none
 * within it. */
static void
test_size_of_a_text(void **state)
{
    static const char *const texts[] = { ENVELOPE_PARAM_RECIPIENTS,
                                         ENVELOPE_PARAM_IDENTITIES,
                                         ENVELOPE_PARAM_PASSPHRASE_FILE,
                                         ENVELOPE_PARAM_LABELS,
                                         ENVELOPE_PARAM_RELEASE };
    static const char wanted[] = "a=b\n";
    char within[] = "chunk\0m", rest[] = "a=b\nno label", exact[] = "a=b";
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    const struct {
        char *text;
        size_t size;
    } cases[] = { { rest, strlen(wanted) },
                  { exact, strlen(exact) },
                  { exact, sizeof(exact) } };
    size_t i;

    for (i = 0; i < COUNT_OF(texts); i++)
        expect_bad_param(ctx, OSSL_PARAM_construct_utf8_string(
                                  texts[i], within, sizeof(within) - 1));
    EVP_CIPHER_CTX_free(ctx);
    for (i = 0; i < COUNT_OF(cases); i++) {
        OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
                                    ENVELOPE_PARAM_LABELS, cases[i].text,
                                    cases[i].size),
                                OSSL_PARAM_END };
        struct octets out, header;

        ctx = support_init(*state, SUPPORT_SEAL, support_kek, params);
        out = (struct octets){ 0 };
        assert_true(support_run(ctx, &at_once, "x", 1, &out));
        header = support_header(ctx);
        assert_int_equal(header.data[15], strlen(wanted));
        assert_memory_equal(header.data + PRELUDE_LEN, wanted, strlen(wanted));
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&header);
        support_drop(&out);
    }
}

static void
test_labels_are_sorted(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "a=1", "a=1\n" },
        { "a=1\n", "a=1\n" },
        { "b=2\na=1", "a=1\nb=2\n" },
        { "ab=2\na=1\nB=3\n_=\n", "B=3\n_=\na=1\nab=2\n" },
        { "a.b=1\na-b=2\na:b=3\na=4", "a=4\na-b=2\na.b=1\na:b=3\n" },
        { "k==v=", "k==v=\n" },
        { "k=\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
          "k=\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n" },
        { "k=\xc2\xa0", "k=\xc2\xa0\n" },
        { "k= ~", "k= ~\n" },
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct octets got = labels_of(*state, cases[i][0], 1);

        assert_int_equal(got.len, strlen(cases[i][1]));
        if (got.len > 0)
            assert_memory_equal(got.data, cases[i][1], got.len);
        support_drop(&got);
    }
}

/* A key of this many bytes and an empty value */
static char *
label_of(size_t key_len, size_t value_len)
{
    char *label = support_malloc(key_len + value_len + 2);

    memset(label, 'k', key_len);
    label[key_len] = '=';
    memset(label + key_len + 1, 'v', value_len);
    label[key_len + 1 + value_len] = '\0';
    return label;
}

static void
expect_bad_labels(const struct support *s, const char *labels, const char *word)
{
    struct support_params params;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, labels);
    expect_update(s, SUPPORT_SEAL, support_kek, params.list, ENVELOPE_R_LABELS,
                  word);
}

static void
test_malformed_labels(void **state)
{
    static const char *const cases[] = {
        "a",
        "=v",
        "\n",
        "a=1\n\n",
        "\na=1",
        "a b=1",
        "a/b=1",
        "\xc3\xa4=1",
        "a=\t",
        "a=\r",
        "a=1\r\n",
        "a=\x01",
        "a=\x1b[0m",
        "a=\x7f",
        "a=\xc2\x80",     /* U+0080 */
        "a=\xc2\x9f",     /* U+009F */
        "a=\xc0\xaf",     /* overlong */
        "a=\xe0\x80\xaf", /* overlong */
        "a=\xed\xa0\x80", /* a surrogate */
        "a=\xf4\x90\x80\x80",
        "a=\xff",
        "a=\xc3", /* cut short */
        "a=\xe2\x82",
        "a=\x80",
    };
    struct octets got;
    char *label;
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++)
        expect_bad_labels(*state, cases[i], "the label ");
    expect_bad_labels(*state, "a=1\nb", "the label b is not");
    expect_bad_labels(*state, "a=1\nb=2\na=3", "twice");
    expect_bad_labels(*state, "a=1\na=1", "twice");

    label = label_of(129, 0);
    expect_bad_labels(*state, label, "the label ");
    free(label);
    label = label_of(128, 0);
    got = labels_of(*state, label, 1);
    assert_int_equal(got.len, 130);
    support_drop(&got);
    free(label);

    label = label_of(1, 65534); /* with its line end one too many */
    expect_bad_labels(*state, label, "65536");
    free(label);
    label = label_of(1, 65533);
    got = labels_of(*state, label, 3 << 20);
    assert_int_equal(got.len, 65536);
    support_drop(&got);
    free(label);
}

/* Reading parameters */

static void
test_reserve(void **state)
{
    static const uint64_t reserves[] = { 0, 1, 1000 };
    size_t header_len[COUNT_OF(reserves)], i;

    for (i = 0; i < COUNT_OF(reserves); i++) {
        struct support_params params;
        EVP_CIPHER_CTX *ctx;
        struct octets out = { 0 }, header;
        size_t k;

        support_params_init(&params);
        support_add_number(&params, ENVELOPE_PARAM_RESERVE, reserves[i]);
        ctx = support_init(*state, SUPPORT_SEAL, support_kek, params.list);
        assert_true(support_run(ctx, &at_once, "x", 1, &out));
        header = support_header(ctx);
        header_len[i] = header.len;
        assert_int_equal(header_len[i], header_len[0] + reserves[i]);
        for (k = 0; k < reserves[i]; k++)
            assert_int_equal(header.data[header_len[0] + k], 0);
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&header);
        support_drop(&out);
    }
}

/* Is there a header yet? */
static bool
has_header(EVP_CIPHER_CTX *ctx)
{
    uint64_t len = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint64(ENVELOPE_PARAM_HEADER_LENGTH, &len),
        OSSL_PARAM_construct_octet_string(ENVELOPE_PARAM_HEADER, NULL, 0),
        OSSL_PARAM_construct_end(),
    };

    assert_true(EVP_CIPHER_CTX_get_params(ctx, params));
    assert_int_equal(OSSL_PARAM_modified(&params[0]),
                     OSSL_PARAM_modified(&params[1]));
    if (!OSSL_PARAM_modified(&params[0]))
        return false;
    assert_int_equal(params[1].return_size, len);
    return true;
}

static void
test_header_is_known_in_time(void **state)
{
    struct octets out = { 0 }, got = { 0 }, header;
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    unsigned char small[8];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(ENVELOPE_PARAM_HEADER, small,
                                          sizeof(small)),
        OSSL_PARAM_construct_end(),
    };
    size_t i;

    assert_false(has_header(ctx));
    assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH), 0);
    assert_true(support_update(ctx, &at_once, "", 0, &out));
    assert_true(has_header(ctx));
    assert_true(support_update(ctx, &at_once, "x", 1, &out));
    assert_false(EVP_CIPHER_CTX_get_params(ctx, params)); /* too small */
    ERR_clear_error();
    assert_true(support_final(ctx, &at_once, &out));
    header = support_header(ctx);
    EVP_CIPHER_CTX_free(ctx);
    assert_memory_equal(header.data, out.data, header.len);

    ctx = support_init(*state, SUPPORT_OPEN, support_kek, NULL);
    for (i = 0; i < header.len; i++) {
        assert_false(has_header(ctx));
        assert_true(support_update(ctx, &at_once, out.data + i, 1, &got));
    }
    assert_true(has_header(ctx));
    support_drop(&header);
    header = support_header(ctx);
    assert_memory_equal(header.data, out.data, header.len);
    assert_true(support_update(ctx, &at_once, out.data + i, out.len - i, &got));
    assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH), 0);
    assert_true(support_final(ctx, &at_once, &got));
    assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH), 1);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&header);
    support_drop(&got);
    support_drop(&out);
}

/* Order of calls */

static void
test_before_init(void **state)
{
    const struct support *s = *state;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char buf[4096];
    int n = -1;

    /* Without a cipher it is libcrypto that refuses. */
    assert_false(EVP_EncryptUpdate(ctx, buf, &n, buf, 1));
    ERR_clear_error();
    EVP_CIPHER_CTX_free(ctx);
    (void)s;
}

static void
test_after_final(void **state)
{
    struct octets out = { 0 }, got = { 0 };
    int i;

    for (i = 0; i < 2; i++) {
        EVP_CIPHER_CTX *ctx = support_init(
            *state, i == 0 ? SUPPORT_SEAL : SUPPORT_OPEN, support_kek, NULL);

        if (i == 0)
            assert_true(support_run(ctx, &at_once, "text", 4, &out));
        else
            assert_true(support_run(ctx, &at_once, out.data, out.len, &got));
        assert_false(support_update(ctx, &at_once, "x", 1, &got));
        expect_reason(ENVELOPE_R_NO_STREAM, "ended");
        assert_false(support_final(ctx, &at_once, &got));
        expect_reason(ENVELOPE_R_NO_STREAM, "ended");
        assert_false(support_final(ctx, &at_once, &got));
        expect_reason(ENVELOPE_R_NO_STREAM, "ended");
        EVP_CIPHER_CTX_free(ctx);
    }
    assert_int_equal(got.len, 4);
    support_drop(&out);
    support_drop(&got);
}

static void
test_update_without_buffer(void **state)
{
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    struct octets out = { 0 };
    int n = -1;

    /* Nothing to write, nothing wrong. */
    assert_true(EVP_EncryptUpdate(ctx, NULL, &n, NULL, 0));
    assert_int_equal(n, 0);
    assert_false(EVP_EncryptUpdate(ctx, NULL, &n, (const void *)"aad", 3));
    assert_int_equal(n, 0);
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "labels");
    assert_false(support_update(ctx, &at_once, "x", 1, &out));
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "labels");
    assert_false(support_final(ctx, &at_once, &out));
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "labels");
    EVP_CIPHER_CTX_free(ctx);
    ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    assert_false(EVP_EncryptFinal_ex(ctx, NULL, &n));
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "");
    EVP_CIPHER_CTX_free(ctx);
}

/* libcrypto 3.0 hands a negative length on as one of almost 2^64 bytes. */
static void
test_negative_length(void **state)
{
    static const int lens[] = { -1, -340, -2040, -20000, INT32_MIN };
    struct octets stream =
        support_seal(*state, support_kek, NULL, NULL, "text", 4);
    size_t i, direction;

    for (i = 0; i < COUNT_OF(lens); i++) {
        for (direction = 0; direction < 2; direction++) {
            EVP_CIPHER_CTX *ctx = support_init(
                *state, (enum support_direction)direction, support_kek, NULL);
            unsigned char *in = support_malloc(stream.len);
            unsigned char *out = support_malloc(4096);
            int n = -1;

            memcpy(in, stream.data, stream.len);
            /* libcrypto itself refuses it in newer versions. */
            assert_false(EVP_CipherUpdate(ctx, out, &n, in, lens[i]));
            assert_true(n == 0 || n == -1);
            ERR_clear_error();
            free(in);
            free(out);
            EVP_CIPHER_CTX_free(ctx);
        }
    }
    support_drop(&stream);
}

/* An update of no bytes makes the header: from then on it is known, comes out
 * as there is room, and nothing about it can be changed. */
static void
test_empty_updates(void **state)
{
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    struct octets out = { 0 }, got = { 0 };
    struct support_params params;
    int i, n = -1;

    assert_true(EVP_EncryptUpdate(ctx, NULL, &n, NULL, 0));
    assert_int_equal(n, 0);
    assert_true(has_header(ctx));
    for (i = 1; i <= 3; i++) {
        assert_true(support_update(ctx, &at_once, "", 0, &out));
        assert_int_equal(out.len, i * ENVELOPE_UPDATE_SLACK);
    }
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, "late=yes");
    assert_false(EVP_CIPHER_CTX_set_params(ctx, params.list));
    expect_reason(ENVELOPE_R_IN_USE, "labels");
    assert_true(support_update(ctx, &at_once, "x", 1, &out));
    assert_true(support_update(ctx, &at_once, "", 0, &out));
    assert_true(support_final(ctx, &at_once, &out));
    EVP_CIPHER_CTX_free(ctx);
    assert_true(support_opens(*state, support_kek, NULL, NULL, out, &got));
    assert_int_equal(got.len, 1);
    support_drop(&got);
    support_drop(&out);
}

static void
test_empty_update_fails(void **state)
{
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, NULL, NULL);
    struct octets out = { 0 };

    assert_false(support_update(ctx, &at_once, "", 0, &out));
    expect_reason(ENVELOPE_R_NO_RECIPIENT, "ENVELOPE_RECIPIENTS");
    assert_false(support_update(ctx, &at_once, "x", 1, &out));
    expect_reason(ENVELOPE_R_NO_RECIPIENT, "ENVELOPE_RECIPIENTS");
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
}

static void
test_free_in_every_state(void **state)
{
    const struct support *s = *state;
    struct octets text = support_noise(40000, 5), stream, out = { 0 };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t len, i;

    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_CTX_free(support_init(s, SUPPORT_OPEN, NULL, NULL));
    for (len = 0; len < 40000; len += 7001) {
        ctx = support_init(s, SUPPORT_SEAL, support_kek, NULL);
        assert_true(support_update(ctx, &at_once, text.data, len, &out));
        EVP_CIPHER_CTX_free(ctx);
    }
    support_drop(&out);
    stream = support_seal(s, support_kek, NULL, NULL, text.data, text.len);
    for (len = 0; len < stream.len; len += len < 400 ? 13 : 7001) {
        for (i = 0; i < 2; i++) {
            ctx = support_init(s, SUPPORT_OPEN, support_kek, NULL);
            assert_true(support_update(ctx, &at_once, stream.data, len, &out));
            if (i == 1) {
                assert_false(support_final(ctx, &at_once, &out));
                (void)take_reason();
            }
            EVP_CIPHER_CTX_free(ctx);
        }
    }
    support_drop(&out);
    support_drop(&stream);
    support_drop(&text);
}

/* Again */

/* A context that has come to any end is as good as new after an init. */
static void
test_init_again(void **state)
{
    const struct support *s = *state;
    EVP_CIPHER_CTX *ctx = support_init(s, SUPPORT_SEAL, support_kek, NULL);
    struct octets first = { 0 }, second = { 0 }, got = { 0 };

    assert_true(support_run(ctx, &at_once, "text", 4, &first));
    assert_true(EVP_EncryptInit_ex2(ctx, NULL, NULL, NULL, NULL));
    assert_true(support_run(ctx, &at_once, "text", 4, &second));
    assert_int_equal(first.len, second.len);
    assert_memory_not_equal(first.data, second.data, first.len);

    assert_true(EVP_DecryptInit_ex2(ctx, NULL, support_kek, NULL, NULL));
    assert_true(support_run(ctx, &at_once, first.data, first.len, &got));
    assert_int_equal(got.len, 4);
    /* In the middle */
    assert_true(EVP_DecryptInit_ex2(ctx, NULL, NULL, NULL, NULL));
    assert_true(support_update(ctx, &at_once, first.data, first.len / 2, &got));
    /* After a failure */
    assert_true(EVP_DecryptInit_ex2(ctx, NULL, support_other_kek, NULL, NULL));
    assert_false(support_run(ctx, &at_once, second.data, second.len, &got));
    expect_reason(ENVELOPE_R_WRONG_KEY, "");
    assert_true(EVP_DecryptInit_ex2(ctx, NULL, support_kek, NULL, NULL));
    assert_true(support_run(ctx, &at_once, second.data, second.len, &got));
    assert_int_equal(got.len, 8);
    /* After an init that failed */
    assert_false(EVP_DecryptInit_ex2(
        ctx, NULL,
        (const unsigned char *)"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        NULL, NULL));
    expect_reason(ENVELOPE_R_SHORT_KEY, "");
    assert_false(support_update(ctx, &at_once, "x", 1, &got));
    expect_reason(ENVELOPE_R_NO_STREAM, "");
    assert_true(EVP_EncryptInit_ex2(ctx, NULL, support_kek, NULL, NULL));
    support_drop(&first);
    assert_true(support_run(ctx, &at_once, "text", 4, &first));
    assert_true(EVP_CIPHER_CTX_reset(ctx));
    assert_true(EVP_DecryptInit_ex2(ctx, s->cipher, support_kek, NULL, NULL));
    assert_true(support_run(ctx, &at_once, first.data, first.len, &got));
    assert_int_equal(got.len, 12);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&first);
    support_drop(&second);
    support_drop(&got);
}

/* What was set stays for the next stream. */
static void
test_parameters_stay(void **state)
{
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    struct support_params params;
    struct octets out = { 0 };
    int i;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, "a=1");
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    for (i = 0; i < 3; i++) {
        assert_true(support_run(ctx, &at_once, "x", 1, &out));
        assert_memory_equal(out.data + PRELUDE_LEN, "a=1\n", 4);
        support_drop(&out);
        assert_true(EVP_EncryptInit_ex2(ctx, NULL, NULL, NULL, NULL));
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* Copies */

static void
test_copy_before_data(void **state)
{
    EVP_PKEY *key = support_keygen(*state, "X25519", NULL, 0);
    struct octets public = support_public(key, "DER"),
                  private = support_private(key, "DER"), one = { 0 },
                  two = { 0 }, got;
    EVP_CIPHER_CTX *ctx, *copy = EVP_CIPHER_CTX_new();
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, public.data,
                       public.len);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, "secret", 6);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, "b=2\na=1");
    support_add_number(&params, ENVELOPE_PARAM_WORK_FACTOR, 14);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, 10);
    ctx = support_init(*state, SUPPORT_SEAL, NULL, params.list);
    assert_true(EVP_CIPHER_CTX_copy(copy, ctx));
    assert_true(support_run(ctx, &at_once, "text", 4, &one));
    EVP_CIPHER_CTX_free(ctx);
    /* The copy is whole without its original, and another stream. */
    assert_true(support_run(copy, &at_once, "text", 4, &two));
    EVP_CIPHER_CTX_free(copy);
    assert_memory_equal(two.data + PRELUDE_LEN, "a=1\nb=2\n", 8);
    assert_memory_not_equal(one.data + one.len - 20, two.data + two.len - 20,
                            20);

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_IDENTITY, private.data,
                       private.len);
    ctx = support_init(*state, SUPPORT_OPEN, NULL, params.list);
    copy = EVP_CIPHER_CTX_new();
    assert_true(EVP_CIPHER_CTX_copy(copy, ctx));
    EVP_CIPHER_CTX_free(ctx);
    got = (struct octets){ 0 };
    assert_true(support_run(copy, &at_once, two.data, two.len, &got));
    assert_int_equal(got.len, 4);
    EVP_CIPHER_CTX_free(copy);
    support_drop(&got);
    support_drop(&one);
    support_drop(&two);
    support_drop(&private);
    support_drop(&public);
    EVP_PKEY_free(key);
}

static void
expect_no_copy(EVP_CIPHER_CTX *ctx)
{
    EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();

    assert_false(EVP_CIPHER_CTX_copy(copy, ctx));
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), ENVELOPE_R_IN_USE);
    ERR_clear_error();
    EVP_CIPHER_CTX_free(copy);
}

/* libcrypto has put the cipher into the target, and calls it with NULL. */
static void
expect_empty(int ok)
{
    const char *data = NULL;
    unsigned long code;
    bool found = false;

    assert_false(ok > 0);
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, NULL)) != 0)
        found = found
                || (ERR_GET_REASON(code) == ENVELOPE_R_NO_STREAM
                    && strstr(data, "no stream in progress") != NULL);
    assert_true(found);
}

static void
test_use_after_refused_copy(void **state)
{
    static const char *const names[] = { ENVELOPE_CIPHER_NAME,
                                         ENVELOPE_DECRYPT_NAME };
    struct support *s = *state;
    struct octets stream = support_seal(s, support_kek, NULL, NULL, "text", 4);
    struct octets out = { 0 };
    EVP_CIPHER_CTX *ctx, *copy, *again;
    struct support_params params;
    unsigned char buf[4096];
    uint64_t length = 0;
    EVP_CIPHER *cipher;
    OSSL_PARAM get[] = {
        OSSL_PARAM_construct_uint64(ENVELOPE_PARAM_VERIFIED_LENGTH, &length),
        OSSL_PARAM_construct_end(),
    };
    size_t i;
    int n;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, "a=1");
    for (i = 0; i < COUNT_OF(names); i++) {
        cipher = EVP_CIPHER_fetch(s->libctx, names[i], NULL);
        ctx = EVP_CIPHER_CTX_new();
        copy = EVP_CIPHER_CTX_new();
        again = EVP_CIPHER_CTX_new();
        assert_true(EVP_DecryptInit_ex2(ctx, cipher, support_kek, NULL, NULL));
        assert_true(
            EVP_DecryptUpdate(ctx, buf, &n, stream.data, (int)stream.len));
        assert_false(EVP_CIPHER_CTX_copy(copy, ctx));
        ERR_clear_error();

        n = 1;
        expect_empty(EVP_DecryptUpdate(copy, buf, &n, stream.data, 10));
        assert_int_equal(n, 0);
        expect_empty(EVP_DecryptFinal_ex(copy, buf, &n));
        expect_empty(EVP_CIPHER_CTX_get_params(copy, get));
        expect_empty(EVP_CIPHER_CTX_set_params(copy, params.list));
        expect_empty(EVP_CIPHER_CTX_copy(again, copy));
        assert_non_null(EVP_CIPHER_CTX_gettable_params(copy));
        assert_non_null(EVP_CIPHER_CTX_settable_params(copy));
        (void)EVP_CIPHER_CTX_get_key_length(copy);
        (void)EVP_CIPHER_CTX_get_iv_length(copy);
        (void)EVP_CIPHER_CTX_get_tag_length(copy);
        (void)EVP_CIPHER_CTX_set_key_length(copy, 16);
        (void)EVP_CIPHER_CTX_set_padding(copy, 0);
        (void)EVP_CIPHER_CTX_ctrl(copy, EVP_CTRL_AEAD_GET_TAG, 16, buf);
        ERR_clear_error();

        /* libcrypto makes it a context as soon as it is initialised. */
        assert_true(EVP_DecryptInit_ex2(copy, NULL, support_kek, NULL, NULL));
        out = (struct octets){ 0 };
        assert_true(support_run(copy, &at_once, stream.data, stream.len, &out));
        assert_int_equal(out.len, 4);
        support_drop(&out);
        assert_true(EVP_DecryptFinal_ex(ctx, buf, &n));
        EVP_CIPHER_CTX_free(again);
        EVP_CIPHER_CTX_free(copy);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
    }
    support_drop(&stream);
}

static void
test_copy_after_data(void **state)
{
    struct octets stream =
                      support_seal(*state, support_kek, NULL, NULL, "text", 4),
                  out = { 0 };
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);

    assert_true(support_update(ctx, &at_once, "x", 1, &out));
    expect_no_copy(ctx);
    assert_true(support_final(ctx, &at_once, &out)); /* the original is well */
    expect_no_copy(ctx);
    assert_true(EVP_DecryptInit_ex2(ctx, NULL, NULL, NULL, NULL));
    assert_true(support_update(ctx, &at_once, stream.data, 1, &out));
    expect_no_copy(ctx);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&stream);
}

/* Ranges */

static int
set_next_chunk(EVP_CIPHER_CTX *ctx, uint64_t index)
{
    struct support_params params;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_NEXT_CHUNK, index);
    return EVP_CIPHER_CTX_set_params(ctx, params.list);
}

static void
test_chunks_in_any_order(void **state)
{
    static const size_t order[] = { 3, 0, 4, 2, 1, 3, 3, 5 };
    struct octets text = support_noise(5 * CHUNK + 77, 6), stream;
    const struct support_how hows[] = {
        { 0 },
        { .has_slack = true, .slack = CHUNK },
    };
    size_t header_len, i, m;

    stream = support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    header_len = stream.len - support_stream_length(0, text.len);
    for (m = 0; m < COUNT_OF(hows); m++) {
        struct support_params params;
        EVP_CIPHER_CTX *ctx;
        size_t verified = 0;

        support_params_init(&params);
        if (hows[m].has_slack) {
            support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                             ENVELOPE_RELEASE_VERIFIED);
            support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
        }
        ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
        struct octets got = { 0 };
        assert_true(support_update(ctx, &hows[m], stream.data,
                                   header_len + START, &got));
        for (i = 0; i < COUNT_OF(order); i++) {
            size_t at = header_len + START + order[i] * SEALED;
            size_t len = order[i] < 5 ? SEALED : stream.len - at;

            assert_true(set_next_chunk(ctx, order[i]));
            assert_true(
                support_update(ctx, &hows[m], stream.data + at, len, &got));
            if (order[i] == 5)
                assert_true(support_final(ctx, &hows[m], &got));
            verified += len - TAG_LEN;
            assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH),
                             verified);
            assert_int_equal(got.len, len - TAG_LEN);
            assert_memory_equal(got.data, text.data + order[i] * CHUNK,
                                got.len);
            support_drop(&got);
        }
        EVP_CIPHER_CTX_free(ctx);
    }
    support_drop(&stream);
    support_drop(&text);
}

static void
expect_no_seek(EVP_CIPHER_CTX *ctx, uint64_t index, int reason,
               const char *word)
{
    assert_false(set_next_chunk(ctx, index));
    expect_reason(reason, word);
}

static void
test_next_chunk_refused(void **state)
{
    struct octets text = support_noise(2 * CHUNK + 9, 6), stream, got = { 0 };
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    size_t header_len, at;
    char word[] = "1";
    OSSL_PARAM bad[] = {
        OSSL_PARAM_construct_utf8_string(ENVELOPE_PARAM_NEXT_CHUNK, word, 0),
        OSSL_PARAM_construct_end(),
    };

    expect_no_seek(ctx, 0, ENVELOPE_R_PARAMETER, "");
    assert_true(support_update(ctx, &at_once, "x", 1, &got));
    expect_no_seek(ctx, 0, ENVELOPE_R_PARAMETER, "decrypting");
    assert_true(support_final(ctx, &at_once, &got));
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&got);

    stream = support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    header_len = stream.len - support_stream_length(0, text.len);
    ctx = support_init(*state, SUPPORT_OPEN, support_kek, NULL);
    expect_no_seek(ctx, 0, ENVELOPE_R_PARAMETER, "after the header");
    for (at = 0; at < header_len + START; at++) {
        assert_true(support_update(ctx, &at_once, stream.data + at, 1, &got));
        if (at + 1 < header_len + START)
            expect_no_seek(ctx, 0, ENVELOPE_R_PARAMETER, "after the header");
    }
    assert_true(set_next_chunk(ctx, 0));
    expect_no_seek(ctx, UINT64_C(1) << 38, ENVELOPE_R_PARAMETER, "no chunk");
    expect_no_seek(ctx, UINT64_MAX, ENVELOPE_R_PARAMETER, "no chunk");
    assert_false(EVP_CIPHER_CTX_set_params(ctx, bad));
    expect_reason(ENVELOPE_R_PARAMETER, ENVELOPE_PARAM_NEXT_CHUNK);
    /* None of it did harm. */
    assert_true(
        support_update(ctx, &at_once, stream.data + at, SEALED + 1, &got));
    /* Text of this chunk has come out already. */
    expect_no_seek(ctx, 0, ENVELOPE_R_PARAMETER, "within a chunk");
    at += SEALED + 1;
    assert_true(
        support_update(ctx, &at_once, stream.data + at, stream.len - at, &got));
    assert_true(support_final(ctx, &at_once, &got));
    assert_int_equal(got.len, text.len);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&got);
    support_drop(&stream);
    support_drop(&text);
}

/* With verified release a chunk can be left half read, and the end reached
 * more than once; what was dropped does not show. */
static void
test_next_chunk_anywhere(void **state)
{
    static const size_t order[] = { 2, 3, 0, 3, 1 };
    const struct support_how how = { .has_slack = true, .slack = CHUNK };
    struct octets text = support_noise(3 * CHUNK + 9, 6), stream, got = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    size_t start, at, i;

    stream = support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    start = stream.len - support_stream_length(0, text.len) + START;
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
    assert_true(support_update(ctx, &how, stream.data, start, &got));
    for (i = 0; i < COUNT_OF(order); i++) {
        at = start + order[i] * SEALED;
        /* Half a chunk, of which nothing comes out, and then it again. */
        assert_true(set_next_chunk(ctx, order[i]));
        assert_true(support_update(ctx, &how, stream.data + at, 20, &got));
        assert_int_equal(got.len, 0);
        assert_true(set_next_chunk(ctx, order[i]));
        assert_true(support_update(ctx, &how, stream.data + at,
                                   order[i] < 3 ? SEALED : stream.len - at,
                                   &got));
        if (order[i] == 3)
            assert_true(support_final(ctx, &how, &got));
        assert_int_equal(got.len, order[i] < 3 ? CHUNK : 9);
        assert_memory_equal(got.data, text.data + order[i] * CHUNK, got.len);
        support_drop(&got);
    }
    /* A failure lasts until another chunk is chosen. */
    assert_true(set_next_chunk(ctx, 1));
    assert_false(support_update(ctx, &how, stream.data + start, SEALED, &got));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 1");
    assert_false(support_update(ctx, &how, stream.data + start, SEALED, &got));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 1");
    assert_true(set_next_chunk(ctx, 0));
    assert_true(support_update(ctx, &how, stream.data + start, SEALED, &got));
    assert_int_equal(got.len, CHUNK);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&got);
    support_drop(&stream);
    support_drop(&text);
}

/* The end is the last chunk's place, and only there. */
static void
test_range_and_end(void **state)
{
    struct octets text = support_noise(2 * CHUNK + 9, 6), stream, got = { 0 };
    size_t start;
    int i;

    stream = support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    start = stream.len - support_stream_length(0, text.len) + START;
    for (i = 0; i < 3; i++) {
        EVP_CIPHER_CTX *ctx =
            support_init(*state, SUPPORT_OPEN, support_kek, NULL);

        assert_true(support_update(ctx, &at_once, stream.data, start, &got));
        if (i == 0) { /* in the middle */
            assert_true(set_next_chunk(ctx, 1));
            assert_true(support_update(
                ctx, &at_once, stream.data + start + SEALED, SEALED, &got));
            assert_false(support_final(ctx, &at_once, &got));
            expect_reason(ENVELOPE_R_TRUNCATED, "2 whole chunks");
        } else if (i == 1) { /* another chunk's bytes */
            assert_true(set_next_chunk(ctx, 1));
            assert_false(support_update(ctx, &at_once, stream.data + start,
                                        SEALED, &got));
            expect_reason(ENVELOPE_R_CHUNK, "chunk 1");
            expect_no_seek(ctx, 0, ENVELOPE_R_CHUNK, "chunk 1");
        } else { /* beyond what a stream can have */
            assert_true(set_next_chunk(ctx, (UINT64_C(1) << 38) - 1));
            assert_false(support_update(ctx, &at_once, stream.data + start,
                                        2 * SEALED, &got));
            expect_reason(ENVELOPE_R_TOO_LONG, "2^38");
        }
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&got);
    }
    support_drop(&stream);
    support_drop(&text);
}

/* The buffer of the last call is the program's again. */
static void
test_next_chunk_after_damage(void **state)
{
    struct octets text = support_noise(2 * CHUNK, 6), stream;
    EVP_CIPHER_CTX *ctx = support_init(*state, SUPPORT_OPEN, support_kek, NULL);
    unsigned char *out;
    int n = -1;

    stream = support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    stream.data[stream.len - TAG_LEN - 1] ^= 1; /* of chunk 1 */
    out = support_malloc(stream.len);
    assert_true(EVP_DecryptUpdate(ctx, out, &n, stream.data, (int)stream.len));
    assert_int_equal(n, CHUNK);
    assert_memory_equal(out, text.data, CHUNK);
    expect_no_seek(ctx, 1, ENVELOPE_R_CHUNK, "chunk 1");
    assert_memory_equal(out, text.data, CHUNK);
    EVP_CIPHER_CTX_free(ctx);
    free(out);
    support_drop(&stream);
    support_drop(&text);
}

/* Loading */

static void
test_alone(void **state)
{
    struct octets stream, got;
    struct support own;

    support_open(&own, SUPPORT_ALONE);
    stream = support_seal(&own, support_kek, NULL, NULL, "text", 4);
    assert_true(support_opens(&own, support_kek, NULL, NULL, stream, &got));
    assert_int_equal(got.len, 4);
    support_drop(&got);
    /* The program's context did not get what it did not ask for. */
    assert_false(OSSL_PROVIDER_available(own.libctx, "default"));
    support_close(&own);
    assert_true(support_opens(*state, support_kek, NULL, NULL, stream, &got));
    support_drop(&got);
    support_drop(&stream);
}

static void
test_two_contexts(void **state)
{
    struct octets one = { 0 }, two = { 0 }, got = { 0 };
    EVP_CIPHER_CTX *a, *b;
    struct support own;

    support_open(&own, SUPPORT_WITH_DEFAULT);
    a = support_init(*state, SUPPORT_SEAL, support_kek, NULL);
    b = support_init(&own, SUPPORT_SEAL, support_kek, NULL);
    assert_true(support_update(a, &at_once, "te", 2, &one));
    assert_true(support_update(b, &at_once, "te", 2, &two));
    assert_true(support_update(a, &at_once, "xt", 2, &one));
    assert_true(support_update(b, &at_once, "xt", 2, &two));
    assert_true(support_final(a, &at_once, &one));
    assert_true(support_final(b, &at_once, &two));
    EVP_CIPHER_CTX_free(a);
    EVP_CIPHER_CTX_free(b);
    assert_true(support_opens(&own, support_kek, NULL, NULL, one, &got));
    support_drop(&got);
    assert_false(support_opens(&own, support_other_kek, NULL, NULL, two, &got));
    expect_reason(ENVELOPE_R_WRONG_KEY, "");
    support_close(&own);
    assert_true(support_opens(*state, support_kek, NULL, NULL, two, &got));
    support_drop(&got);
    support_drop(&one);
    support_drop(&two);
}

static void
test_load_again_and_again(void **state)
{
    struct support own;
    int i;

    (void)state;
    for (i = 0; i < 20; i++) {
        support_open(&own, i % 2 == 0 ? SUPPORT_ALONE : SUPPORT_WITH_DEFAULT);
        if (i % 3 != 0) {
            struct octets out =
                support_seal(&own, support_kek, NULL, NULL, "x", 1);

            support_drop(&out);
        }
        support_close(&own);
    }
}

/* The same provider again in the same context */
static void
test_load_twice(void **state)
{
    const struct support *s = *state;
    OSSL_PROVIDER *again;
    struct octets out;
    int i;

    for (i = 0; i < 10; i++) {
        again = OSSL_PROVIDER_load(s->libctx, ENVELOPE_PROVIDER_NAME);
        assert_non_null(again);
        assert_true(OSSL_PROVIDER_unload(again));
    }
    out = support_seal(s, support_kek, NULL, NULL, "x", 1);
    support_drop(&out);
}

/* A context outlives the program's hold on the provider. */
static void
test_unload_while_in_use(void **state)
{
    struct octets out = { 0 }, got;
    EVP_CIPHER_CTX *ctx;
    struct support own;

    support_open(&own, SUPPORT_WITH_DEFAULT);
    ctx = support_init(&own, SUPPORT_SEAL, support_kek, NULL);
    assert_true(support_update(ctx, &at_once, "te", 2, &out));
    EVP_CIPHER_free(own.cipher);
    assert_true(OSSL_PROVIDER_unload(own.provider));
    assert_true(support_update(ctx, &at_once, "xt", 2, &out));
    assert_true(support_final(ctx, &at_once, &out));
    EVP_CIPHER_CTX_free(ctx);
    assert_true(OSSL_PROVIDER_unload(own.beside));
    OSSL_LIB_CTX_free(own.libctx);
    assert_true(support_opens(*state, support_kek, NULL, NULL, out, &got));
    assert_int_equal(got.len, 4);
    support_drop(&got);
    support_drop(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_short_key),
        cmocka_unit_test(test_key_length_is_fixed),
        cmocka_unit_test(test_both_key_and_recipients),
        cmocka_unit_test(test_key_beside_identities),
        cmocka_unit_test(test_parameters_in_use),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_bad_parameter_in_init),
        cmocka_unit_test(test_malformed_labels),
        cmocka_unit_test(test_before_init),
        cmocka_unit_test(test_after_final),
        cmocka_unit_test(test_update_without_buffer),
        cmocka_unit_test(test_copy_after_data),
        cmocka_unit_test(test_use_after_refused_copy),
        cmocka_unit_test(test_next_chunk_anywhere),
        cmocka_unit_test(test_next_chunk_refused),
        cmocka_unit_test(test_range_and_end),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_provider_params),
        cmocka_unit_test(test_parameter_lists),
        cmocka_unit_test(test_other_parameters_are_passed_over),
        cmocka_unit_test(test_extreme_parameters),
        cmocka_unit_test(test_labels_are_sorted),
        cmocka_unit_test(test_size_of_a_text),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_header_is_known_in_time),
        cmocka_unit_test(test_empty_updates),
        cmocka_unit_test(test_empty_update_fails),
        cmocka_unit_test(test_free_in_every_state),
        cmocka_unit_test(test_init_again),
        cmocka_unit_test(test_parameters_stay),
        cmocka_unit_test(test_copy_before_data),
        cmocka_unit_test(test_chunks_in_any_order),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_two_contexts),
        cmocka_unit_test(test_load_again_and_again),
        cmocka_unit_test(test_load_twice),
        cmocka_unit_test(test_unload_while_in_use),
        /* Last, because where they fail memory checkers end the program. */
        cmocka_unit_test(test_next_chunk_after_damage),
        cmocka_unit_test(test_negative_length),
    };

    /* What the shell has set would get in the way. */
    if (unsetenv(ENVELOPE_ENV_RECIPIENTS) != 0
        || unsetenv(ENVELOPE_ENV_IDENTITIES) != 0
        || unsetenv(ENVELOPE_ENV_PASSPHRASE_FILE) != 0)
        return 1;
    return cmocka_run_group_tests(tests, support_group_setup,
                                  support_group_teardown);
}
