/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One buffer for an update and the final call, with room for the input and one
 * block, as PHP and many programs have it: nothing is ever written past its
 * end, and who has two buffers does not notice.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#define POISON 0x5a
#define TAGS_IN_UPDATE (ENVELOPE_BLOCK_SIZE / TAG_LEN)

static const size_t sizes[] = { 0,       1,       100,     16384,   16385,
                                1500000, 1900000, 2000000, 2080767, 2100000 };
static const size_t counts[] = { 0, 1, 3, 9, 12, 20, 60 };

struct fixture {
    struct support s;
    struct octets public;
};

static int
setup(void **state)
{
    static struct fixture f;
    EVP_PKEY *key;

    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    key = support_keygen(&f.s, "EC", "P-256", 0);
    f.public = support_public(key, "DER");
    EVP_PKEY_free(key);
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    support_drop(&f->public);
    support_close(&f->s);
    return 0;
}

/* A context with count recipients; with none it is the key. */
static EVP_CIPHER_CTX *
context(const struct fixture *f, size_t count)
{
    EVP_CIPHER_CTX *ctx = support_init(&f->s, SUPPORT_SEAL,
                                       count == 0 ? support_kek : NULL, NULL);
    struct support_params params;
    size_t i;

    for (i = 0; i < count; i++) {
        support_params_init(&params);
        support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, f->public.data,
                           f->public.len);
        assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    }
    return ctx;
}

static void
assert_poison(const unsigned char *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        assert_int_equal(p[i], POISON);
}

enum early { NO_EARLY_UPDATE, EARLY_UPDATE, EARLY_WITHOUT_BUFFER };

/*
 * PHP's calls.  The buffer is exactly as long, so that AddressSanitizer and
 * valgrind see the first byte past it; those after it show it without them.
 */
static void
one_buffer(const struct fixture *f, size_t len, size_t count, bool in_place,
           enum early early)
{
    const size_t room = len + ENVELOPE_BLOCK_SIZE;
    unsigned char *out = support_malloc(room), *in = out;
    EVP_CIPHER_CTX *ctx = context(f, count);
    int ok, fits, start = 0, n = -1, last = -1;
    size_t length, written;

    memset(out, POISON, room);
    if (!in_place)
        in = support_malloc(len);
    memset(in, 'x', len);
    if (early != NO_EARLY_UPDATE)
        assert_true(EVP_CipherUpdate(ctx, early == EARLY_UPDATE ? out : NULL,
                                     &start, in, 0));
    if (in_place)
        memset(in + start, 'x', len);
    ok = EVP_CipherUpdate(ctx, out + start, &n, in_place ? out + start : in,
                          (int)len);
    if (len / ENVELOPE_CHUNK_LENGTH > TAGS_IN_UPDATE) {
        assert_false(ok);
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
        written = in_place ? len : (size_t)start;
        assert_poison(out + written, room - written);
        goto out;
    }
    assert_true(ok);
    n += start;
    assert_true((size_t)n <= room);
    length = support_stream_length(
        support_get(ctx, ENVELOPE_PARAM_HEADER_LENGTH), len);
    fits = length <= room;
    ok = EVP_CipherFinal_ex(ctx, out + n, &last);
    assert_int_equal(ok, fits);
    if (ok) {
        assert_int_equal((size_t)n + (size_t)last, length);
        assert_no_errors();
    } else {
        assert_int_equal(last, 0);
        assert_poison(out + n, room - (size_t)n);
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
    }
out:
    if (in != out)
        free(in);
    free(out);
    EVP_CIPHER_CTX_free(ctx);
}

static void
test_one_buffer(void **state)
{
    size_t i, k;

    for (i = 0; i < COUNT_OF(sizes); i++) {
        for (k = 0; k < COUNT_OF(counts); k++)
            one_buffer(*state, sizes[i], counts[k], false, NO_EARLY_UPDATE);
    }
}

static void
test_one_buffer_in_place(void **state)
{
    size_t i;

    for (i = 0; i < COUNT_OF(sizes); i++)
        one_buffer(*state, sizes[i], 3, true, NO_EARLY_UPDATE);
}

/* An update of no bytes makes the header, and belongs to the same buffer. */
static void
test_one_buffer_after_the_header(void **state)
{
    size_t i, k;

    for (i = 0; i < COUNT_OF(sizes); i++) {
        for (k = 0; k < COUNT_OF(counts); k++) {
            one_buffer(*state, sizes[i], counts[k], false, EARLY_UPDATE);
            one_buffer(*state, sizes[i], counts[k], false,
                       EARLY_WITHOUT_BUFFER);
        }
    }
}

/* The message says which of the two it is. */
static void
test_message(void **state)
{
    EVP_CIPHER_CTX *ctx = context(*state, 3);
    unsigned char *in = support_malloc(2000000);
    unsigned char *out = support_malloc(2000000 + ENVELOPE_BLOCK_SIZE);
    int n, last;

    memset(in, 'x', 2000000);
    assert_true(EVP_CipherUpdate(ctx, out, &n, in, 2000000));
    assert_false(EVP_CipherFinal_ex(ctx, out + n, &last));
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "2000000 bytes of input may give "
                                          "2002040");
    EVP_CIPHER_CTX_free(ctx);
    free(in);
    free(out);
}

/* With buffers of their own, as Ruby, Node.js and BIO_f_cipher() have them,
 * with output-slack, and in pieces, nothing is new. */
static void
two_buffers(const struct fixture *f, size_t len, size_t count)
{
    struct octets text = support_noise(len, 1), out = { 0 };
    const struct support_how how = { 0 };
    EVP_CIPHER_CTX *ctx = context(f, count);

    assert_true(support_update(ctx, &how, text.data, len, &out));
    assert_true(support_final(ctx, &how, &out));
    assert_int_equal(out.len,
                     support_stream_length(
                         support_get(ctx, ENVELOPE_PARAM_HEADER_LENGTH), len));
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&text);
}

static void
with_slack(const struct fixture *f, size_t len, size_t count)
{
    const size_t slack = 65536;
    unsigned char *in = support_malloc(len);
    unsigned char *out = support_malloc(len + 2 * slack);
    EVP_CIPHER_CTX *ctx = context(f, count);
    struct support_params params;
    int n, last;

    memset(in, 'x', len);
    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, slack);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    assert_true(EVP_CipherUpdate(ctx, out, &n, in, (int)len));
    assert_true(EVP_CipherFinal_ex(ctx, out + n, &last));
    EVP_CIPHER_CTX_free(ctx);
    free(in);
    free(out);
}

/* Two updates in one buffer: who has them knows that each may add a block. */
static void
in_pieces(const struct fixture *f, size_t len, size_t count)
{
    unsigned char *in = support_malloc(len);
    unsigned char *out = support_malloc(len + 3 * ENVELOPE_BLOCK_SIZE);
    EVP_CIPHER_CTX *ctx = context(f, count);
    int n, more, last;

    memset(in, 'x', len);
    assert_true(EVP_CipherUpdate(ctx, out, &n, in, (int)len - 20000));
    assert_true(EVP_CipherUpdate(ctx, out + n, &more, in, 20000));
    assert_true(EVP_CipherFinal_ex(ctx, out + n + more, &last));
    assert_int_equal((size_t)n + (size_t)more + (size_t)last,
                     support_stream_length(
                         support_get(ctx, ENVELOPE_PARAM_HEADER_LENGTH), len));
    EVP_CIPHER_CTX_free(ctx);
    free(in);
    free(out);
}

static void
test_other_programs(void **state)
{
    two_buffers(*state, 1, 9);
    two_buffers(*state, 20000, 20);
    two_buffers(*state, 2000000, 0);
    two_buffers(*state, 2000000, 9);
    with_slack(*state, 2000000, 9);
    with_slack(*state, 100, 60);
    in_pieces(*state, 2000000, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_buffer),
        cmocka_unit_test(test_one_buffer_in_place),
        cmocka_unit_test(test_one_buffer_after_the_header),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_other_programs),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
