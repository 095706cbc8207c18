/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading on after a chunk that failed: with next-chunk, with verified
 * release, and after no other failure.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)ENVELOPE_CHUNK_LENGTH)
#define SEALED ((size_t)ENVELOPE_SEALED_CHUNK_LENGTH)
#define START ((size_t)ENVELOPE_PAYLOAD_START_LENGTH)

#define CHUNK_COUNT 5
#define LAST_LEN 77

static const struct support_how at_once = { .has_slack = true, .slack = CHUNK };

/* A stream of CHUNK_COUNT whole chunks and a short one, and who reads it. */
struct reading {
    struct octets text, stream;
    size_t start; /* of chunk 0 */
    EVP_CIPHER_CTX *ctx;
};

enum release { AS_IT_COMES, VERIFIED };

static void
begin_reading(struct reading *r, const struct support *s, enum release release,
              uint64_t threads)
{
    struct support_params params;
    struct octets got = { 0 };

    r->text = support_noise(CHUNK_COUNT * CHUNK + LAST_LEN, 9);
    r->stream =
        support_seal(s, support_kek, NULL, NULL, r->text.data, r->text.len);
    r->start = r->stream.len - support_stream_length(0, r->text.len) + START;
    support_params_init(&params);
    if (release == VERIFIED) {
        support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                         ENVELOPE_RELEASE_VERIFIED);
        support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    }
    support_add_number(&params, ENVELOPE_PARAM_THREADS, threads);
    r->ctx = support_init(s, SUPPORT_OPEN, support_kek, params.list);
    assert_true(
        support_update(r->ctx, &at_once, r->stream.data, r->start, &got));
    assert_int_equal(got.len, 0);
    support_drop(&got);
}

static void
end_reading(struct reading *r)
{
    EVP_CIPHER_CTX_free(r->ctx);
    support_drop(&r->stream);
    support_drop(&r->text);
}

static unsigned char *
chunk_at(const struct reading *r, size_t chunk)
{
    return r->stream.data + r->start + chunk * SEALED;
}

static int
set_next_chunk(EVP_CIPHER_CTX *ctx, uint64_t index)
{
    struct support_params params;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_NEXT_CHUNK, index);
    return EVP_CIPHER_CTX_set_params(ctx, params.list);
}

/* The chunk, and then what is left of the stream, read as they should be. */
static void
expect_the_rest(struct reading *r, size_t chunk)
{
    struct octets got = { 0 };
    size_t left = r->stream.len - r->start - chunk * SEALED;

    assert_true(set_next_chunk(r->ctx, chunk));
    assert_true(
        support_update(r->ctx, &at_once, chunk_at(r, chunk), left, &got));
    assert_true(support_final(r->ctx, &at_once, &got));
    assert_int_equal(got.len, r->text.len - chunk * CHUNK);
    assert_memory_equal(got.data, r->text.data + chunk * CHUNK, got.len);
    support_drop(&got);
}

static void
expect_failure(struct reading *r, int reason, const char *word)
{
    struct octets got = { 0 };

    assert_false(support_update(r->ctx, &at_once, "x", 1, &got));
    expect_reason(reason, word);
    assert_false(support_final(r->ctx, &at_once, &got));
    expect_reason(reason, word);
    assert_int_equal(got.len, 0);
}

/* Chunk by chunk, whole and in pieces; every bad one fails, no other does. */
static void
test_behind_bad_chunks(void **state)
{
    static const size_t cuts[] = { 0, 1, 4096, 16399 };
    size_t i, chunk;

    for (i = 0; i < COUNT_OF(cuts); i++) {
        struct support_how how = at_once;
        struct reading r;

        how.cut = cuts[i];
        begin_reading(&r, *state, VERIFIED, 1);
        chunk_at(&r, 1)[7] ^= 1;
        chunk_at(&r, 2)[SEALED - 1] ^= 0x80;
        chunk_at(&r, 4)[16] ^= 1;
        for (chunk = 0; chunk < CHUNK_COUNT; chunk++) {
            bool good = chunk == 0 || chunk == 3;
            struct octets got = { 0 };
            size_t at, n;

            assert_true(set_next_chunk(r.ctx, chunk));
            for (at = 0; at < SEALED; at += n) {
                n = how.cut == 0 || SEALED - at < how.cut ? SEALED - at
                                                          : how.cut;
                assert_int_equal(support_update(r.ctx, &how,
                                                chunk_at(&r, chunk) + at, n,
                                                &got),
                                 good || at + n < SEALED);
            }
            assert_int_equal(got.len, good ? CHUNK : 0);
            if (good)
                assert_memory_equal(got.data, r.text.data + chunk * CHUNK,
                                    CHUNK);
            else
                expect_reason(ENVELOPE_R_CHUNK, chunk == 1   ? "chunk 1 "
                                                : chunk == 2 ? "chunk 2 "
                                                             : "chunk 4 ");
            support_drop(&got);
        }
        expect_the_rest(&r, CHUNK_COUNT);
        assert_int_equal(support_get(r.ctx, ENVELOPE_PARAM_VERIFIED_LENGTH),
                         2 * CHUNK + LAST_LEN);
        end_reading(&r);
    }
}

/* A run: the text before the bad chunk comes out, and the failure is told
 * before anything else happens. */
static void
test_failure_is_told_first(void **state)
{
    static const uint64_t threads[] = { 1, 4 };
    size_t i, in_place;

    for (i = 0; i < COUNT_OF(threads); i++) {
        for (in_place = 0; in_place < 2; in_place++) {
            struct support_how how = at_once;
            struct octets got = { 0 };
            struct reading r;

            how.in_place = in_place != 0;
            begin_reading(&r, *state, VERIFIED, threads[i]);
            chunk_at(&r, 2)[0] ^= 1;
            assert_true(support_update(r.ctx, &how, chunk_at(&r, 0),
                                       CHUNK_COUNT * SEALED, &got));
            assert_int_equal(got.len, 2 * CHUNK);
            assert_memory_equal(got.data, r.text.data, got.len);
            assert_false(set_next_chunk(r.ctx, 3));
            expect_reason(ENVELOPE_R_CHUNK, "chunk 2 ");
            expect_the_rest(&r, 3);
            /* And again, for a chunk that is not where it was. */
            assert_true(set_next_chunk(r.ctx, 4));
            support_drop(&got);
            assert_false(
                support_update(r.ctx, &how, chunk_at(&r, 3), SEALED, &got));
            expect_reason(ENVELOPE_R_CHUNK, "chunk 4 ");
            expect_failure(&r, ENVELOPE_R_CHUNK, "chunk 4 ");
            expect_the_rest(&r, 3);
            support_drop(&got);
            end_reading(&r);
        }
    }
}

/* In place more than one piece of the input is put aside: nothing of what was
 * verified is left for a later call. */
static void
test_long_updates_in_place(void **state)
{
    struct support_how how = { .in_place = true,
                               .has_slack = true,
                               .slack = CHUNK };
    struct octets text = support_noise(100 * CHUNK + 1, 9), stream, got = { 0 };
    struct support_params params;
    size_t start, bad;
    EVP_CIPHER_CTX *ctx;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    for (bad = 14; bad < 20; bad++) {
        struct support_params seal;

        support_params_init(&seal);
        support_add_number(&seal, ENVELOPE_PARAM_OUTPUT_SLACK, 4 * CHUNK);
        stream = support_seal(
            *state, support_kek, seal.list,
            &(struct support_how){ .has_slack = true, .slack = 4 * CHUNK },
            text.data, text.len);
        start = stream.len - support_stream_length(0, text.len) + START;
        stream.data[start + bad * SEALED] ^= 1;
        ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
        assert_true(support_update(ctx, &how, stream.data, stream.len, &got));
        assert_int_equal(got.len, bad * CHUNK);
        assert_memory_equal(got.data, text.data, got.len);
        support_drop(&got);
        assert_false(set_next_chunk(ctx, bad + 1));
        expect_reason(ENVELOPE_R_CHUNK, "altered");
        assert_true(set_next_chunk(ctx, bad + 1));
        assert_true(support_update(ctx, &how,
                                   stream.data + start + (bad + 1) * SEALED,
                                   3 * SEALED, &got));
        assert_int_equal(got.len, 3 * CHUNK);
        assert_memory_equal(got.data, text.data + (bad + 1) * CHUNK, got.len);
        support_drop(&got);
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&stream);
    }
    support_drop(&text);
}

/* The ends: cut between chunks, cut within one, damaged. */
static void
test_behind_a_bad_end(void **state)
{
    struct octets got = { 0 };
    struct reading r;

    begin_reading(&r, *state, VERIFIED, 1);
    assert_true(
        support_update(r.ctx, &at_once, chunk_at(&r, 0), 2 * SEALED, &got));
    assert_false(support_final(r.ctx, &at_once, &got));
    expect_reason(ENVELOPE_R_TRUNCATED, "2 whole chunks");
    expect_failure(&r, ENVELOPE_R_TRUNCATED, "2 whole chunks");
    expect_the_rest(&r, 2);

    support_drop(&got);
    assert_true(set_next_chunk(r.ctx, 3));
    assert_true(
        support_update(r.ctx, &at_once, chunk_at(&r, 3), SEALED - 1, &got));
    assert_false(support_final(r.ctx, &at_once, &got));
    assert_int_equal(got.len, 0);
    expect_reason(ENVELOPE_R_LAST_CHUNK, "chunk 3 ");
    expect_failure(&r, ENVELOPE_R_LAST_CHUNK, "chunk 3 ");
    expect_the_rest(&r, 0);
    end_reading(&r);
}

/* An update looks for the end of the stream in a bad chunk once, the final
 * call each time; so it can be found wherever it is. */
static void
test_data_behind_the_end(void **state)
{
    struct octets got = { 0 }, longer, noise;
    struct reading r;

    begin_reading(&r, *state, VERIFIED, 1);
    noise = support_noise(SEALED, 10);
    longer = support_join(r.stream, noise);
    support_drop(&r.stream);
    r.stream = longer;
    assert_true(set_next_chunk(r.ctx, CHUNK_COUNT));
    assert_false(support_update(r.ctx, &at_once, chunk_at(&r, CHUNK_COUNT),
                                SEALED, &got));
    expect_reason(ENVELOPE_R_TRAILING_DATA, "is whole");
    assert_true(set_next_chunk(r.ctx, CHUNK_COUNT));
    assert_false(support_update(r.ctx, &at_once, chunk_at(&r, CHUNK_COUNT),
                                SEALED, &got));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 5 ");
    assert_true(set_next_chunk(r.ctx, CHUNK_COUNT));
    assert_true(support_update(r.ctx, &at_once, chunk_at(&r, CHUNK_COUNT),
                               SEALED - 1, &got));
    assert_false(support_final(r.ctx, &at_once, &got));
    expect_reason(ENVELOPE_R_TRAILING_DATA, "is whole");
    assert_true(set_next_chunk(r.ctx, CHUNK_COUNT));
    assert_true(support_update(r.ctx, &at_once, chunk_at(&r, CHUNK_COUNT),
                               LAST_LEN + TAG_LEN, &got));
    assert_int_equal(got.len, 0);
    assert_true(support_final(r.ctx, &at_once, &got));
    assert_int_equal(got.len, LAST_LEN);
    assert_memory_equal(got.data, r.text.data + CHUNK_COUNT * CHUNK, got.len);
    support_drop(&got);
    support_drop(&noise);
    end_reading(&r);
}

static void
expect_no_revival(struct reading *r, int reason, const char *word)
{
    int i;

    for (i = 0; i < 2; i++) {
        assert_false(set_next_chunk(r->ctx, 0));
        expect_reason(reason, word);
        expect_failure(r, reason, word);
    }
}

/* Text of the bad chunk may have been given out: it stays as it was. */
static void
test_not_without_verified_release(void **state)
{
    struct octets got = { 0 };
    struct reading r;

    begin_reading(&r, *state, AS_IT_COMES, 1);
    chunk_at(&r, 0)[0] ^= 1;
    assert_false(support_update(r.ctx, &(struct support_how){ 0 },
                                chunk_at(&r, 0), SEALED, &got));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 0 ");
    expect_no_revival(&r, ENVELOPE_R_CHUNK, "chunk 0 ");
    support_drop(&got);
    end_reading(&r);
}

static void
test_not_behind_other_failures(void **state)
{
    struct octets got = { 0 };
    struct reading r;

    begin_reading(&r, *state, VERIFIED, 1);
    assert_true(set_next_chunk(r.ctx, (UINT64_C(1) << 38) - 1));
    assert_false(
        support_update(r.ctx, &at_once, chunk_at(&r, 0), 2 * SEALED, &got));
    expect_reason(ENVELOPE_R_TOO_LONG, "2^38");
    expect_no_revival(&r, ENVELOPE_R_TOO_LONG, "2^38");
    end_reading(&r);

    begin_reading(&r, *state, VERIFIED, 1);
    EVP_CIPHER_CTX_free(r.ctx);
    r.stream.data[r.start - 1] ^= 1;
    {
        struct support_params params;

        support_params_init(&params);
        support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                         ENVELOPE_RELEASE_VERIFIED);
        support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
        r.ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
    }
    assert_false(
        support_update(r.ctx, &at_once, r.stream.data, r.stream.len, &got));
    expect_reason(ENVELOPE_R_COMMITMENT, "");
    expect_no_revival(&r, ENVELOPE_R_COMMITMENT, "");
    end_reading(&r);
}

/* TRUNCATED, too, where there is no key for chunks yet. */
static void
test_not_without_a_payload(void **state)
{
    struct support_params params;
    struct octets got = { 0 };
    struct reading r;

    begin_reading(&r, *state, VERIFIED, 1);
    EVP_CIPHER_CTX_free(r.ctx);
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    r.ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
    assert_true(
        support_update(r.ctx, &at_once, r.stream.data, r.start - 1, &got));
    assert_false(support_final(r.ctx, &at_once, &got));
    expect_reason(ENVELOPE_R_TRUNCATED, "after the header");
    expect_no_revival(&r, ENVELOPE_R_TRUNCATED, "after the header");
    end_reading(&r);
}

/* A number that no chunk has is refused, and the failure stays. */
static void
test_refusal_changes_nothing(void **state)
{
    struct octets got = { 0 };
    struct reading r;

    begin_reading(&r, *state, VERIFIED, 1);
    chunk_at(&r, 0)[0] ^= 1;
    assert_false(
        support_update(r.ctx, &at_once, chunk_at(&r, 0), SEALED, &got));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 0 ");
    assert_false(set_next_chunk(r.ctx, UINT64_C(1) << 38));
    expect_reason(ENVELOPE_R_PARAMETER, "no chunk");
    expect_failure(&r, ENVELOPE_R_CHUNK, "chunk 0 ");
    expect_the_rest(&r, 1);
    end_reading(&r);
}

/* Under the name that keeps failures for the final call. */
static void
test_decrypt_name(void **state)
{
    const struct support *s = *state;
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(s->libctx, ENVELOPE_DECRYPT_NAME, NULL);
    struct support_params params;
    struct octets got = { 0 };
    struct reading r;

    begin_reading(&r, s, VERIFIED, 1);
    EVP_CIPHER_CTX_free(r.ctx);
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    r.ctx = EVP_CIPHER_CTX_new();
    assert_true(
        EVP_CipherInit_ex2(r.ctx, cipher, support_kek, NULL, 0, params.list));
    chunk_at(&r, 1)[0] ^= 1;
    assert_true(
        support_update(r.ctx, &at_once, r.stream.data, r.stream.len, &got));
    assert_int_equal(got.len, CHUNK);
    assert_true(support_update(r.ctx, &at_once, chunk_at(&r, 2), SEALED, &got));
    assert_int_equal(got.len, CHUNK);
    assert_false(set_next_chunk(r.ctx, 2));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 1 ");
    expect_the_rest(&r, 2);
    support_drop(&got);
    end_reading(&r);
    EVP_CIPHER_free(cipher);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behind_bad_chunks),
        cmocka_unit_test(test_failure_is_told_first),
        cmocka_unit_test(test_long_updates_in_place),
        cmocka_unit_test(test_behind_a_bad_end),
        cmocka_unit_test(test_data_behind_the_end),
        cmocka_unit_test(test_not_without_verified_release),
        cmocka_unit_test(test_not_behind_other_failures),
        cmocka_unit_test(test_not_without_a_payload),
        cmocka_unit_test(test_refusal_changes_nothing),
        cmocka_unit_test(test_decrypt_name),
    };

    return cmocka_run_group_tests(tests, support_group_setup,
                                  support_group_teardown);
}
