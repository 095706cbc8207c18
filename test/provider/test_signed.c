/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signers and who is trusted, as a program sets them: what is set anew replaces
 * what was there, a context that is used again forgets neither, and nothing
 * comes out of a stream that nobody trusted has signed.
 */
#include "support.h"

#include <string.h>

#include <openssl/err.h>

#define TEXT_LEN 40000

static const struct support_how at_once = { 0 };

enum { RECIPIENT, HOST, OTHER, KEY_COUNT };

static struct fixture {
    struct support s;
    struct octets public[KEY_COUNT], private[KEY_COUNT], text;
} f;

static int
setup(void **state)
{
    EVP_PKEY *key;
    size_t i;

    (void)state;
    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    for (i = 0; i < KEY_COUNT; i++) {
        key = support_keygen(&f.s, i == RECIPIENT ? "X25519" : "ED25519", NULL,
                             0);
        f.public[i] = support_public(key, "PEM");
        f.private[i] = support_private(key, "PEM");
        EVP_PKEY_free(key);
    }
    f.text = support_noise(TEXT_LEN, 1);
    return 0;
}

static int
teardown(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < KEY_COUNT; i++) {
        support_drop(&f.public[i]);
        support_drop(&f.private[i]);
    }
    support_drop(&f.text);
    support_close(&f.s);
    return 0;
}

/* A context with the recipient's key, and one of a signer's */
static EVP_CIPHER_CTX *
context(enum support_direction direction, size_t signer)
{
    const bool seals = direction == SUPPORT_SEAL;
    const struct octets *key =
        seals ? &f.public[RECIPIENT] : &f.private[RECIPIENT];
    const struct octets *signs = seals ? &f.private[signer] : &f.public[signer];
    struct support_params params;

    support_params_init(&params);
    support_add_octets(
        &params, seals ? ENVELOPE_PARAM_RECIPIENT : ENVELOPE_PARAM_IDENTITY,
        key->data, key->len);
    support_add_octets(
        &params, seals ? ENVELOPE_PARAM_SIGNER : ENVELOPE_PARAM_SIGNED_BY_KEY,
        signs->data, signs->len);
    return support_init(&f.s, direction, NULL, params.list);
}

static void
again(EVP_CIPHER_CTX *ctx, enum support_direction direction)
{
    assert_true(
        EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, (int)direction, NULL));
    assert_no_errors();
}

static bool
set(EVP_CIPHER_CTX *ctx, const char *name, const struct octets *value)
{
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, name, value->data, value->len);
    return EVP_CIPHER_CTX_set_params(ctx, params.list);
}

static struct octets
seal(EVP_CIPHER_CTX *ctx)
{
    struct octets out = { 0 };

    assert_true(support_run(ctx, &at_once, f.text.data, f.text.len, &out));
    return out;
}

static struct octets
signed_by(size_t signer)
{
    EVP_CIPHER_CTX *ctx = context(SUPPORT_SEAL, signer);
    struct octets stream = seal(ctx);

    EVP_CIPHER_CTX_free(ctx);
    return stream;
}

static struct octets
signed_by_nobody(void)
{
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT,
                       f.public[RECIPIENT].data, f.public[RECIPIENT].len);
    return support_seal(&f.s, NULL, params.list, &at_once, f.text.data,
                        f.text.len);
}

/* reason: ENVELOPE_OK, or the one with which nothing comes out */
static void
expect(EVP_CIPHER_CTX *ctx, struct octets stream, int reason, size_t cut)
{
    const struct support_how how = { .cut = cut };
    struct octets got = { 0 };

    if (support_run(ctx, &how, stream.data, stream.len, &got)) {
        assert_int_equal(reason, ENVELOPE_OK);
        assert_int_equal(got.len, f.text.len);
        assert_memory_equal(got.data, f.text.data, got.len);
    } else {
        expect_reason(reason, "");
        assert_int_equal(got.len, 0);
    }
    support_drop(&got);
}

static void
test_every_cut(void **state)
{
    static const size_t cuts[] = { 0, 1000, 1 };
    struct octets good = signed_by(HOST), bad = signed_by(OTHER),
                  none = signed_by_nobody();
    EVP_CIPHER_CTX *ctx = context(SUPPORT_OPEN, HOST);
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(cuts); i++) {
        expect(ctx, good, ENVELOPE_OK, cuts[i]);
        again(ctx, SUPPORT_OPEN);
        expect(ctx, bad, ENVELOPE_R_OTHER_SIGNER, cuts[i]);
        again(ctx, SUPPORT_OPEN);
        expect(ctx, none, ENVELOPE_R_UNSIGNED, cuts[i]);
        again(ctx, SUPPORT_OPEN);
    }
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&good);
    support_drop(&bad);
    support_drop(&none);
}

/* The signer stays when other recipients come, and the other way round. */
static void
test_a_context_goes_on_signing(void **state)
{
    EVP_CIPHER_CTX *ctx = context(SUPPORT_SEAL, HOST);
    EVP_CIPHER_CTX *reader = context(SUPPORT_OPEN, HOST);
    struct octets stream = seal(ctx);

    (void)state;
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    assert_true(set(ctx, ENVELOPE_PARAM_RECIPIENT, &f.public[RECIPIENT]));
    stream = seal(ctx);
    expect(reader, stream, ENVELOPE_OK, 0);
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    assert_true(set(ctx, ENVELOPE_PARAM_SIGNER, &f.private[OTHER]));
    stream = seal(ctx);
    again(reader, SUPPORT_OPEN);
    expect(reader, stream, ENVELOPE_R_OTHER_SIGNER, 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_CTX_free(reader);
    support_drop(&stream);
}

static void
test_trust_is_replaced(void **state)
{
    EVP_CIPHER_CTX *ctx = context(SUPPORT_OPEN, HOST), *copy;
    struct octets stream = signed_by(HOST), other = signed_by(OTHER);

    (void)state;
    /* Before the first stream a second key adds to the first one. */
    assert_true(set(ctx, ENVELOPE_PARAM_SIGNED_BY_KEY, &f.public[OTHER]));
    expect(ctx, stream, ENVELOPE_OK, 0);
    again(ctx, SUPPORT_OPEN);
    expect(ctx, other, ENVELOPE_OK, 0);
    /* After one it comes in their place. */
    again(ctx, SUPPORT_OPEN);
    assert_true(set(ctx, ENVELOPE_PARAM_SIGNED_BY_KEY, &f.public[OTHER]));
    assert_true(set(ctx, ENVELOPE_PARAM_IDENTITY, &f.private[RECIPIENT]));
    copy = EVP_CIPHER_CTX_new();
    assert_non_null(copy);
    assert_true(EVP_CIPHER_CTX_copy(copy, ctx));
    expect(ctx, stream, ENVELOPE_R_OTHER_SIGNER, 0);
    expect(copy, stream, ENVELOPE_R_OTHER_SIGNER, 0);
    again(copy, SUPPORT_OPEN);
    expect(copy, other, ENVELOPE_OK, 0);
    EVP_CIPHER_CTX_free(copy);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
    support_drop(&other);
}

static void
test_not_after_data(void **state)
{
    EVP_CIPHER_CTX *ctx = context(SUPPORT_OPEN, HOST);
    struct octets stream = signed_by(HOST), got = { 0 };

    (void)state;
    assert_true(support_update(ctx, &at_once, stream.data, 10, &got));
    assert_false(set(ctx, ENVELOPE_PARAM_SIGNED_BY_KEY, &f.public[OTHER]));
    expect_reason(ENVELOPE_R_IN_USE, ENVELOPE_PARAM_SIGNED_BY_KEY);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
    support_drop(&got);
}

/* The salt, the commitment, the labels' length and the payload's scheme are
 * bound; so is every byte of the signature. */
static void
test_every_byte_of_the_header(void **state)
{
    struct octets stream = signed_by(HOST), got = { 0 };
    EVP_CIPHER_CTX *ctx = context(SUPPORT_OPEN, HOST);
    size_t i, end;

    (void)state;
    end = 32 + ((size_t)stream.data[26] << 8) + stream.data[27];
    for (i = 0; i < end; i++) {
        stream.data[i] ^= 1;
        assert_false(support_run(ctx, &at_once, stream.data, stream.len, &got));
        assert_int_equal(got.len, 0);
        ERR_clear_error();
        again(ctx, SUPPORT_OPEN);
        stream.data[i] ^= 1;
    }
    expect(ctx, stream, ENVELOPE_OK, 0);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
    support_drop(&got);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_a_context_goes_on_signing),
        cmocka_unit_test(test_trust_is_replaced),
        cmocka_unit_test(test_not_after_data),
        cmocka_unit_test(test_every_byte_of_the_header),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
