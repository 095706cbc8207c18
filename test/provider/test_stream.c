/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole streams through EVP: every cut, every length, how much output a call
 * returns, in place, after BIO_f_cipher(), with threads and over a fork.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "test/support/process.h"

#define CHUNK ((size_t)ENVELOPE_CHUNK_LENGTH)
#define MIB ((size_t)1048576)

static const struct support_how at_once = { 0 };

/* Text in a known place of one noise, so that a wrong offset shows. */
static struct octets
text_of(size_t len)
{
    return support_noise(len, 1);
}

static void
assert_text(struct octets got, struct octets text)
{
    assert_int_equal(got.len, text.len);
    if (text.len > 0)
        assert_memory_equal(got.data, text.data, text.len);
}

/* Round trips */

static const size_t cuts[] = { 1,     2,     31,    32,  33, 4096,
                               16383, 16384, 16385, MIB, 0 };

/* Small cuts of large texts take long and show nothing new. */
static bool
is_worth(size_t cut, size_t len)
{
    return cut == 0 || cut >= 31 || len <= 100000;
}

/* Without output-slack an update has room for 127 tags. */
static struct support_how
how_to_seal(size_t cut, size_t len)
{
    struct support_how how = { .cut = cut };

    how.has_slack = cut == 0 && len > 127 * CHUNK;
    how.slack = how.has_slack ? 65536 : 0;
    return how;
}

static void
open_at_all_cuts(const struct support *s, struct octets stream,
                 struct octets text)
{
    struct octets got;
    size_t i;

    for (i = 0; i < COUNT_OF(cuts); i++) {
        struct support_how how = { .cut = cuts[i] };

        if (!is_worth(cuts[i], text.len))
            continue;
        assert_true(support_opens(s, support_kek, NULL, &how, stream, &got));
        assert_text(got, text);
        support_drop(&got);
    }
}

static void
round_trips(const struct support *s, size_t len, uint64_t reserve)
{
    struct octets text = text_of(len), stream;
    EVP_CIPHER_CTX *ctx;
    size_t i;

    for (i = 0; i < COUNT_OF(cuts); i++) {
        struct support_how how = how_to_seal(cuts[i], len);
        struct support_params params;

        if (!is_worth(cuts[i], len))
            continue;
        support_params_init(&params);
        support_add_number(&params, ENVELOPE_PARAM_RESERVE, reserve);
        if (how.has_slack)
            support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, how.slack);
        ctx = support_init(s, SUPPORT_SEAL, support_kek, params.list);
        stream = (struct octets){ 0 };
        assert_true(support_run(ctx, &how, text.data, text.len, &stream));
        assert_int_equal(
            stream.len,
            support_stream_length(
                support_get(ctx, ENVELOPE_PARAM_HEADER_LENGTH), text.len));
        assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH), len);
        EVP_CIPHER_CTX_free(ctx);
        open_at_all_cuts(s, stream, text);
        support_drop(&stream);
    }
    support_drop(&text);
}

static void
test_round_trips_of_short_texts(void **state)
{
    static const size_t sizes[] = { 0, 1, 16, 16383, 16384, 16385 };
    size_t i;

    for (i = 0; i < COUNT_OF(sizes); i++)
        round_trips(*state, sizes[i], 0);
}

static void
test_round_trips_of_long_texts(void **state)
{
    round_trips(*state, 100000, 0);
    round_trips(*state, 3 * MIB + 7, 0);
}

static void
test_round_trips_with_large_header(void **state)
{
    round_trips(*state, 2 * CHUNK, 1500);
}

/* A header that does not fit one update leaves over many. */
static void
test_header_drains(void **state)
{
    static const size_t some_cuts[] = { 31, 4096, 16385, MIB };
    struct octets text = text_of(3 * MIB), stream, got;
    struct support_params params;
    size_t i;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, 20000);
    for (i = 0; i < COUNT_OF(some_cuts); i++) {
        struct support_how how = { .cut = some_cuts[i] };
        size_t len = some_cuts[i] == MIB ? 3 * MIB : 800 * some_cuts[i];

        if (len > text.len)
            len = text.len;
        /* The last call returns what is left; a MIB-sized cut leaves more. */
        if (some_cuts[i] == MIB) {
            EVP_CIPHER_CTX *ctx =
                support_init(*state, SUPPORT_SEAL, support_kek, params.list);

            stream = (struct octets){ 0 };
            assert_false(support_run(ctx, &how, text.data, len, &stream));
            expect_reason(ENVELOPE_R_OUTPUT_ROOM, "header");
            EVP_CIPHER_CTX_free(ctx);
        } else {
            stream = support_seal(*state, support_kek, params.list, &how,
                                  text.data, len);
            assert_true(
                support_opens(*state, support_kek, NULL, &how, stream, &got));
            assert_int_equal(got.len, len);
            assert_memory_equal(got.data, text.data, len);
            support_drop(&got);
        }
        support_drop(&stream);
    }
    support_drop(&text);
}

/* In place */

static void
test_in_place(void **state)
{
    static const size_t some_cuts[] = { 1,          31,     4096, 16400, 262144,
                                        262144 + 1, 300000, MIB,  0 };
    static const size_t sizes[] = { 1, CHUNK, 100000, 127 * CHUNK };
    static const uint64_t reserves[] = { 0, 1500 };
    size_t i, j, k;

    for (i = 0; i < COUNT_OF(some_cuts); i++) {
        for (j = 0; j < COUNT_OF(sizes); j++) {
            for (k = 0; k < COUNT_OF(reserves); k++) {
                struct support_how how = { .cut = some_cuts[i],
                                           .in_place = true };
                struct octets text = text_of(sizes[j]), stream, got;
                struct support_params params;

                support_params_init(&params);
                support_add_number(&params, ENVELOPE_PARAM_RESERVE,
                                   reserves[k]);
                if (is_worth(how.cut, text.len)) {
                    stream = support_seal(*state, support_kek, params.list,
                                          &how, text.data, text.len);
                    assert_true(support_opens(*state, support_kek, NULL, NULL,
                                              stream, &got));
                    assert_text(got, text);
                    support_drop(&got);
                    assert_true(support_opens(*state, support_kek, NULL, &how,
                                              stream, &got));
                    assert_text(got, text);
                    support_drop(&got);
                    support_drop(&stream);
                }
                support_drop(&text);
            }
        }
    }
}

/* A header that drains while every update is in place. */
static void
test_in_place_while_header_drains(void **state)
{
    struct support_how how = { .cut = 17000, .in_place = true };
    struct octets text = text_of(3 * MIB), stream, got;
    struct support_params params;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, 300000);
    stream = support_seal(*state, support_kek, params.list, &how, text.data,
                          text.len);
    assert_true(support_opens(*state, support_kek, NULL, &how, stream, &got));
    assert_text(got, text);
    support_drop(&got);
    support_drop(&stream);
    support_drop(&text);
}

static void
test_in_place_with_slack(void **state)
{
    struct support_how how = { .in_place = true,
                               .has_slack = true,
                               .slack = 65536 };
    static const size_t some_cuts[] = { 300000, 0 };
    struct octets text = text_of(5 * MIB), stream, got;
    struct support_params params;
    size_t i;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, how.slack);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    for (i = 0; i < COUNT_OF(some_cuts); i++) {
        how.cut = some_cuts[i];
        stream = support_seal(*state, support_kek, params.list, &how, text.data,
                              text.len);
        assert_true(support_opens(*state, support_kek, params.list, &how,
                                  stream, &got));
        assert_text(got, text);
        support_drop(&got);
        support_drop(&stream);
    }
    support_drop(&text);
}

/* out = in + shift, both inside one area */
static void
check_overlap(const struct support *s, enum support_direction direction,
              long shift, int len, bool refused)
{
    size_t middle = 20000;
    unsigned char *area = calloc(1, 3 * middle);
    EVP_CIPHER_CTX *ctx = support_init(s, direction, support_kek, NULL);
    int n = -1, ok, round;

    assert_non_null(area);
    memcpy(area + middle,
           "\x89"
           "ENV\r\n\x1a\n",
           8);
    for (round = 0; round < (refused ? 2 : 1); round++) { /* it stays */
        n = -1;
        ok = EVP_CipherUpdate(ctx, area + middle + shift, &n, area + middle,
                              len);
        assert_int_equal(ok, refused ? 0 : 1);
        if (refused) {
            assert_int_equal(n, 0);
            expect_reason(ENVELOPE_R_OVERLAP, "buffer");
        }
    }
    EVP_CIPHER_CTX_free(ctx);
    free(area);
}

static void
test_partial_overlap(void **state)
{
    static const long shifts[] = { 1, -1, 7, -7, 15, -15 };
    size_t i;

    for (i = 0; i < COUNT_OF(shifts); i++) {
        check_overlap(*state, SUPPORT_SEAL, shifts[i], 16, true);
        check_overlap(*state, SUPPORT_OPEN, shifts[i], 16, true);
    }
    check_overlap(*state, SUPPORT_SEAL, -31, 16, true); /* slack reaches in */
    check_overlap(*state, SUPPORT_SEAL, 16, 16, false);
    check_overlap(*state, SUPPORT_SEAL, -48, 16, false);
    check_overlap(*state, SUPPORT_OPEN, 16, 16, false);
    check_overlap(*state, SUPPORT_OPEN, -16, 16, false);
}

/* Release */

static void
assert_only_verified(EVP_CIPHER_CTX *ctx, const struct octets *out)
{
    assert_int_equal(out->len,
                     support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH));
}

static void
assert_one_chunk_ahead(EVP_CIPHER_CTX *ctx, const struct octets *out)
{
    size_t verified = support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH);

    assert_in_range(out->len, verified, verified + CHUNK);
}

static void
release_at_all_cuts(const struct support *s, struct octets text,
                    const char *release, size_t slack,
                    void (*after)(EVP_CIPHER_CTX *, const struct octets *))
{
    struct octets stream = support_seal(s, support_kek, NULL, NULL, text.data,
                                        text.len),
                  got;
    struct support_params params;
    size_t i;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE, release);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, slack);
    for (i = 0; i < COUNT_OF(cuts); i++) {
        struct support_how how = {
            .cut = cuts[i], .has_slack = true, .slack = slack, .after = after
        };

        assert_true(
            support_opens(s, support_kek, params.list, &how, stream, &got));
        assert_text(got, text);
        support_drop(&got);
    }
    support_drop(&stream);
}

static void
test_release(void **state)
{
    static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 100000 };
    size_t i;

    for (i = 0; i < COUNT_OF(sizes); i++) {
        struct octets text = text_of(sizes[i]);

        release_at_all_cuts(*state, text, ENVELOPE_RELEASE_VERIFIED, CHUNK,
                            assert_only_verified);
        release_at_all_cuts(*state, text, ENVELOPE_RELEASE_CHUNK, 0,
                            assert_one_chunk_ahead);
        support_drop(&text);
    }
}

static void
test_verified_needs_slack(void **state)
{
    static const uint64_t slacks[] = { 0, 1, CHUNK - 1 };
    struct octets stream =
                      support_seal(*state, support_kek, NULL, NULL, "text", 4),
                  got = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    size_t i;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    assert_false(
        support_opens(*state, support_kek, params.list, NULL, stream, &got));
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
    for (i = 0; i < COUNT_OF(slacks); i++) {
        struct support_how how = { .has_slack = true,
                                   .slack = (size_t)slacks[i] };
        support_params_init(&params);
        support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                         ENVELOPE_RELEASE_VERIFIED);
        support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, slacks[i]);
        ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
        assert_false(support_run(ctx, &how, stream.data, stream.len, &got));
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
        assert_false(support_final(ctx, &how, &got));
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
        assert_int_equal(got.len, 0);
        EVP_CIPHER_CTX_free(ctx);
    }
    support_drop(&stream);
}

/* Where there is room for a chunk, none of it comes before its tag does. */
static void
test_room_for_a_chunk(void **state)
{
    static const size_t slacks[] = { 0, CHUNK - 1, CHUNK, 2 * CHUNK };
    struct octets text = support_noise(2 * CHUNK, 3), stream, out;
    size_t i, half;

    stream = support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    half = stream.len - CHUNK - 3 * TAG_LEN; /* without the first tag */
    for (i = 0; i < COUNT_OF(slacks); i++) {
        const struct support_how how = { .has_slack = true,
                                         .slack = slacks[i] };
        struct support_params params;
        EVP_CIPHER_CTX *ctx;

        support_params_init(&params);
        support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, slacks[i]);
        ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
        out = (struct octets){ 0 };
        assert_true(support_update(ctx, &how, stream.data, half, &out));
        assert_int_equal(out.len == 0, slacks[i] >= CHUNK);
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&out);
    }
    support_drop(&stream);
    support_drop(&text);
}

/* Text must not vanish after a final call that says all is well. */
static void
test_verified_final_without_buffer(void **state)
{
    struct octets stream =
                      support_seal(*state, support_kek, NULL, NULL, "text", 4),
                  got = { 0 };
    struct support_how how = { .has_slack = true, .slack = CHUNK };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    int n = -1;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                     ENVELOPE_RELEASE_VERIFIED);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
    assert_true(support_update(ctx, &how, stream.data, stream.len, &got));
    assert_int_equal(got.len, 0);
    assert_false(EVP_DecryptFinal_ex(ctx, NULL, &n));
    expect_reason(ENVELOPE_R_OUTPUT_ROOM, "");
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
}

/* Output room */

static void
test_large_updates_with_slack(void **state)
{
    struct support_how how = { .cut = 8 * MIB,
                               .has_slack = true,
                               .slack = 513 * TAG_LEN };
    struct octets text = text_of(17 * MIB), stream, got;
    struct support_params params;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, how.slack);
    stream = support_seal(*state, support_kek, params.list, &how, text.data,
                          text.len);
    assert_true(
        support_opens(*state, support_kek, params.list, &how, stream, &got));
    assert_text(got, text);
    support_drop(&got);
    how = (struct support_how){ .cut = 8 * MIB };
    assert_true(support_opens(*state, support_kek, NULL, &how, stream, &got));
    assert_text(got, text);
    support_drop(&got);
    support_drop(&stream);
    support_drop(&text);
}

/* 127 tags are what ENVELOPE_BLOCK_SIZE pays for. */
static void
check_update_limit(const struct support *s, size_t first, size_t len, bool good)
{
    struct octets text = text_of(first + len), out = { 0 }, got;
    EVP_CIPHER_CTX *ctx = support_init(s, SUPPORT_SEAL, support_kek, NULL);

    assert_true(support_update(ctx, &at_once, text.data, first, &out));
    assert_int_equal(
        support_update(ctx, &at_once, text.data + first, len, &out), good);
    if (good) {
        assert_true(support_final(ctx, &at_once, &out));
        assert_true(support_opens(s, support_kek, NULL, NULL, out, &got));
        assert_text(got, text);
        support_drop(&got);
    } else {
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
        assert_false(support_final(ctx, &at_once, &out));
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "output-slack");
    }
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&text);
}

static void
test_update_limit(void **state)
{
    check_update_limit(*state, 0, 8 * MIB, false);
    check_update_limit(*state, 0, 2 * MIB + 1, false);
    check_update_limit(*state, 0, 128 * CHUNK, false);
    check_update_limit(*state, 1, 128 * CHUNK - 1, false);
    check_update_limit(*state, CHUNK - 1, 127 * CHUNK + 1, false);
    check_update_limit(*state, 0, 128 * CHUNK - 1, true);
    check_update_limit(*state, 1, 128 * CHUNK - 2, true);
    check_update_limit(*state, CHUNK - 1, 127 * CHUNK, true);
}

static struct octets
many_recipients(const struct support *s, size_t count)
{
    EVP_PKEY *key = support_keygen(s, "X25519", NULL, 0);
    struct octets one = support_public(key, "PEM"), all = { 0 }, more;

    for (; count > 0; count--) {
        more = support_join(all, one);
        support_drop(&all);
        all = more;
    }
    support_drop(&one);
    EVP_PKEY_free(key);
    return all;
}

static void
test_many_recipients_behind_little(void **state)
{
    struct octets recipients = many_recipients(*state, 20);
    struct octets text = text_of(100000), out = { 0 };
    struct support_how how = { .cut = 1000 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    size_t len;

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, recipients.data,
                       recipients.len);
    for (len = 0; len < 2; len++) {
        ctx = support_init(*state, SUPPORT_SEAL, NULL, params.list);
        assert_false(support_run(ctx, &at_once, "x", len, &out));
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "recipients");
        assert_false(support_final(ctx, &at_once, &out));
        expect_reason(ENVELOPE_R_OUTPUT_ROOM, "recipients");
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&out);
    }

    out = support_seal(*state, NULL, params.list, &how, text.data, text.len);
    support_drop(&out);

    how = (struct support_how){ .has_slack = true, .slack = 65536 };
    support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, how.slack);
    out = support_seal(*state, NULL, params.list, &how, "x", 1);
    support_drop(&out);
    out = support_seal(*state, NULL, params.list, &how, "", 0);
    support_drop(&out);
    support_drop(&recipients);
    support_drop(&text);
}

/* BIO_f_cipher() */

static BIO *
cipher_bio(const struct support *s, enum support_direction direction, BIO *next)
{
    BIO *bio = BIO_new(BIO_f_cipher());

    assert_non_null(bio);
    assert_true(
        BIO_set_cipher(bio, s->cipher, support_kek, NULL, (int)direction));
    return BIO_push(bio, next);
}

static struct octets
through_writes(const struct support *s, enum support_direction direction,
               struct octets in, size_t cut)
{
    BIO *queue = BIO_new(BIO_s_mem()), *bio = cipher_bio(s, direction, queue);
    struct octets out;
    char *data = NULL;
    size_t done, n;
    long len;

    for (done = 0; done < in.len; done += n) {
        n = in.len - done < cut ? in.len - done : cut;
        assert_int_equal(BIO_write(bio, in.data + done, (int)n), n);
    }
    assert_int_equal(BIO_flush(bio), 1);
    assert_int_equal(BIO_get_cipher_status(bio), 1);
    len = BIO_get_mem_data(queue, &data);
    out = support_octets(data, (size_t)len);
    BIO_free_all(bio);
    assert_no_errors();
    return out;
}

static struct octets
through_reads(const struct support *s, enum support_direction direction,
              struct octets in, size_t request)
{
    BIO *bio = cipher_bio(s, direction, BIO_new_mem_buf(in.data, (int)in.len));
    struct octets out = { support_malloc(in.len + MIB), 0 };
    unsigned char *buf = support_malloc(request);
    int n;

    while ((n = BIO_read(bio, buf, (int)request)) > 0) {
        assert_in_range(n, 1, request);
        assert_true(out.len + (size_t)n <= in.len + MIB);
        memcpy(out.data + out.len, buf, (size_t)n);
        out.len += (size_t)n;
    }
    assert_int_equal(BIO_get_cipher_status(bio), 1);
    BIO_free_all(bio);
    free(buf);
    assert_no_errors();
    return out;
}

static void
check_writes(const struct support *s, struct octets text, size_t cut)
{
    struct octets stream = through_writes(s, SUPPORT_SEAL, text, cut), got;

    got = through_writes(s, SUPPORT_OPEN, stream, cut);
    assert_text(got, text);
    support_drop(&got);
    support_drop(&stream);
}

static void
check_reads(const struct support *s, struct octets text, size_t request)
{
    struct octets stream, got;

    stream = through_reads(s, SUPPORT_SEAL, text, request);
    assert_true(support_opens(s, support_kek, NULL, NULL, stream, &got));
    assert_text(got, text);
    support_drop(&got);
    got = through_reads(s, SUPPORT_OPEN, stream, request);
    assert_text(got, text);
    support_drop(&got);
    support_drop(&stream);
}

static const size_t bio_sizes[] = { 1, CHUNK, 100000, 300000 };

static void
check_bio(const struct support *s, const size_t *requests, size_t count,
          void (*check)(const struct support *, struct octets, size_t))
{
    size_t i, j;

    for (i = 0; i < COUNT_OF(bio_sizes); i++) {
        struct octets text = text_of(bio_sizes[i]);

        for (j = 0; j < count; j++)
            check(s, text, requests[j]);
        support_drop(&text);
    }
}

static void
test_bio_write(void **state)
{
    static const size_t requests[] = { 1, 31, 256, 2041, 4096, 65536 };

    check_bio(*state, requests, COUNT_OF(requests), check_writes);
}

static void
test_bio_read_small(void **state)
{
    static const size_t requests[] = { 1, 31, 256 };

    check_bio(*state, requests, COUNT_OF(requests), check_reads);
}

/* With the name for decryption alone a reader may ask for any length. */
static void
check_large_reads(const struct support *s, struct octets text, size_t request)
{
    struct support decrypt = *s;
    struct octets stream, got;

    decrypt.cipher = EVP_CIPHER_fetch(s->libctx, ENVELOPE_DECRYPT_NAME, NULL);
    assert_non_null(decrypt.cipher);
    assert_int_equal(EVP_CIPHER_get_block_size(decrypt.cipher), 1);
    stream = support_seal(s, support_kek, NULL, NULL, text.data, text.len);
    got = through_reads(&decrypt, SUPPORT_OPEN, stream, request);
    assert_text(got, text);
    support_drop(&got);
    support_drop(&stream);
    EVP_CIPHER_free(decrypt.cipher);
}

static void
test_bio_read_large(void **state)
{
    static const size_t requests[] = { 1,    31,   255,  256,  257,
                                       1000, 2040, 2041, 4096, 65536 };

    check_bio(*state, requests, COUNT_OF(requests), check_large_reads);
}

/* Damage must not look like an early, but good, end of file. */
static void
test_bio_read_damaged(void **state)
{
    static const size_t requests[] = { 100, 300, 4096, 65536 };
    const struct support *s = *state;
    struct support decrypt = *s;
    struct octets text = text_of(100000);
    struct octets stream =
        support_seal(s, support_kek, NULL, NULL, text.data, text.len);
    unsigned char *buf = support_malloc(65536);
    size_t i, len;
    int n;

    decrypt.cipher = EVP_CIPHER_fetch(s->libctx, ENVELOPE_DECRYPT_NAME, NULL);
    stream.data[stream.len - 20000] ^= 1;
    for (i = 0; i < COUNT_OF(requests); i++) {
        BIO *bio = cipher_bio(&decrypt, SUPPORT_OPEN,
                              BIO_new_mem_buf(stream.data, (int)stream.len));

        for (len = 0; (n = BIO_read(bio, buf, (int)requests[i])) > 0;
             len += (size_t)n)
            ;
        assert_int_equal(BIO_get_cipher_status(bio), 0);
        assert_true(len < text.len);
        expect_reason(ENVELOPE_R_CHUNK, "chunk 4");
        BIO_free_all(bio);
    }
    EVP_CIPHER_free(decrypt.cipher);
    free(buf);
    support_drop(&stream);
    support_drop(&text);
}

static void
test_decrypt_name_does_not_encrypt(void **state)
{
    const struct support *s = *state;
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(s->libctx, ENVELOPE_DECRYPT_NAME, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    assert_false(EVP_EncryptInit_ex2(ctx, cipher, support_kek, NULL, NULL));
    ERR_clear_error();
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

/*
 * Under the usual name libcrypto makes a negative length of what is left of
 * such a request; that is refused, and nothing is read or written for it.
 */
static void
test_bio_read_negative(void **state)
{
    static const size_t requests[] = { 257, 2039, 4096, 65536 };
    struct octets text = text_of(100000);
    struct octets stream =
        support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    unsigned char *buf = support_malloc(65536);
    size_t i, direction;

    for (i = 0; i < COUNT_OF(requests); i++) {
        for (direction = 0; direction < 2; direction++) {
            struct octets in = direction == SUPPORT_OPEN ? stream : text;
            BIO *bio = cipher_bio(*state, (enum support_direction)direction,
                                  BIO_new_mem_buf(in.data, (int)in.len));

            while (BIO_read(bio, buf, (int)requests[i]) > 0)
                ;
            /* Newer versions of libcrypto refuse it before the cipher. */
            assert_int_not_equal(ERR_peek_last_error(), 0);
            if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_EVP)
                ERR_clear_error();
            else
                expect_reason(ENVELOPE_R_PARAMETER, ENVELOPE_DECRYPT_NAME);
            BIO_free_all(bio);
        }
    }
    free(buf);
    support_drop(&stream);
    support_drop(&text);
}

/* Of a damaged stream a reader gets no end of file that looks good. */
static void
test_bio_says_that_it_failed(void **state)
{
    struct octets text = text_of(50000);
    struct octets stream =
        support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    unsigned char buf[256];
    BIO *bio;
    int n;

    stream.data[stream.len - 1] ^= 1;
    bio = cipher_bio(*state, SUPPORT_OPEN,
                     BIO_new_mem_buf(stream.data, (int)stream.len));
    while ((n = BIO_read(bio, buf, sizeof(buf))) > 0)
        ;
    assert_int_equal(BIO_get_cipher_status(bio), 0);
    expect_reason(ENVELOPE_R_LAST_CHUNK, "chunk 3");
    BIO_free_all(bio);
    support_drop(&stream);
    support_drop(&text);
}

/* Threads */

static const uint64_t thread_counts[] = { 0, 1, 2, 3, 8, 64 };

static void
test_threads_make_no_difference(void **state)
{
    struct octets text = text_of(3 * MIB + 7), reference, stream, got;
    size_t i;

    reference =
        support_seal(*state, support_kek, NULL,
                     &(struct support_how){ .cut = MIB }, text.data, text.len);
    for (i = 0; i < COUNT_OF(thread_counts); i++) {
        struct support_how how = { .cut = i % 2 == 0 ? MIB : 500000 };
        struct support_params params;

        support_params_init(&params);
        support_add_number(&params, ENVELOPE_PARAM_THREADS, thread_counts[i]);
        assert_true(support_opens(*state, support_kek, params.list, &how,
                                  reference, &got));
        assert_text(got, text);
        support_drop(&got);
        how.in_place = true;
        stream = support_seal(*state, support_kek, params.list, &how, text.data,
                              text.len);
        assert_true(
            support_opens(*state, support_kek, NULL, NULL, stream, &got));
        assert_text(got, text);
        support_drop(&got);
        support_drop(&stream);
    }
    support_drop(&reference);
    support_drop(&text);
}

static void
check_task_count(const struct support *s, uint64_t threads, size_t started)
{
    unsigned before = thread_count();
    struct octets text = text_of(MIB), out = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;

    support_params_init(&params);
    if (threads != UINT64_MAX)
        support_add_number(&params, ENVELOPE_PARAM_THREADS, threads);
    ctx = support_init(s, SUPPORT_SEAL, support_kek, params.list);
    assert_int_equal(thread_count(), before);
    assert_true(support_update(ctx, &at_once, text.data, text.len, &out));
    assert_int_equal(thread_count(), before + started);
    assert_true(support_update(ctx, &at_once, text.data, text.len, &out));
    assert_int_equal(thread_count(), before + started);
    EVP_CIPHER_CTX_free(ctx);
    assert_int_equal(thread_count(), before);
    support_drop(&out);
    support_drop(&text);
}

static void
test_threads_end_with_the_context(void **state)
{
    check_task_count(*state, UINT64_MAX, 0);
    check_task_count(*state, 0, 0);
    check_task_count(*state, 1, 0);
    check_task_count(*state, 2, 1);
    check_task_count(*state, 8, 7);
    check_task_count(*state, 64, 63);
}

/* Small updates have nothing to share. */
static void
test_small_updates_start_no_thread(void **state)
{
    unsigned before = thread_count();
    size_t i;
    struct octets text = text_of(8 * CHUNK), out = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 8);
    ctx = support_init(*state, SUPPORT_SEAL, support_kek, params.list);
    for (i = 0; i < 32; i++)
        assert_true(
            support_update(ctx, &at_once, text.data, text.len / 32, &out));
    assert_int_equal(thread_count(), before);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&text);
}

static void
test_unload_leaves_no_thread(void **state)
{
    unsigned before = thread_count();
    struct octets text = text_of(MIB), out = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    struct support own;

    (void)state;
    support_open(&own, SUPPORT_WITH_DEFAULT);
    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 4);
    ctx = support_init(&own, SUPPORT_SEAL, support_kek, params.list);
    assert_true(support_update(ctx, &at_once, text.data, text.len, &out));
    assert_int_equal(thread_count(), before + 3);
    EVP_CIPHER_CTX_free(ctx);
    support_close(&own);
    assert_int_equal(thread_count(), before);
    support_drop(&out);
    support_drop(&text);
}

/* A damaged chunk, found by another thread than the first. */
static void
test_damage_among_threads(void **state)
{
    struct octets text = text_of(MIB), stream, got = { 0 };
    struct support_how how = { .cut = 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    size_t bad;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 4);
    for (bad = 1; bad < 64; bad += 9) {
        size_t at;

        stream =
            support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
        at = stream.len - TAG_LEN - (64 - bad) * ENVELOPE_SEALED_CHUNK_LENGTH;
        stream.data[at] ^= 1;
        stream.data[stream.len - 1000] ^= 1; /* the first counts */
        ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
        assert_true(support_update(ctx, &how, stream.data, stream.len, &got));
        assert_int_equal(got.len, bad * CHUNK);
        assert_memory_equal(got.data, text.data, got.len);
        assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH),
                         got.len);
        assert_false(support_final(ctx, &how, &got));
        expect_reason(ENVELOPE_R_CHUNK, "altered");
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&got);
        support_drop(&stream);
    }
    support_drop(&text);
}

/* fork() */

/* The rest of a stream after its first MIB, and its check. */
static bool
finish(const struct support *s, EVP_CIPHER_CTX *ctx, struct octets text,
       struct octets *out)
{
    struct octets got;
    bool good;

    good = support_update(ctx, &at_once, text.data + MIB, text.len - MIB, out)
           && support_final(ctx, &at_once, out)
           && support_opens(s, support_kek, NULL, NULL, *out, &got)
           && got.len == text.len && memcmp(got.data, text.data, got.len) == 0;
    support_drop(&got);
    return good;
}

/* Two processes with one context would use one key and nonces twice. */
static void
test_fork_while_sealing(void **state)
{
    struct octets text = text_of(2 * MIB + 9), out = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    int status = -1;
    pid_t child;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 2);
    ctx = support_init(*state, SUPPORT_SEAL, support_kek, params.list);
    assert_true(support_update(ctx, &at_once, text.data, MIB, &out));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60); /* a lock that another thread held would block */
        if (support_update(ctx, &at_once, text.data + MIB, MIB, &out))
            _exit(1);
        expect_reason(ENVELOPE_R_IN_USE, "forked");
        if (support_final(ctx, &at_once, &out))
            _exit(2);
        expect_reason(ENVELOPE_R_IN_USE, "forked");
        EVP_CIPHER_CTX_free(ctx);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(finish(*state, ctx, text, &out));
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&text);
}

/* Reading twice harms nobody, and the child's threads are its own. */
static void
test_fork_while_opening(void **state)
{
    struct octets text = text_of(2 * MIB - 99), got = { 0 };
    struct octets stream =
        support_seal(*state, support_kek, NULL, NULL, text.data, text.len);
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    int status = -1;
    pid_t child;
    bool good;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 2);
    ctx = support_init(*state, SUPPORT_OPEN, support_kek, params.list);
    assert_true(support_update(ctx, &at_once, stream.data, MIB, &got));
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        alarm(60);
    good =
        support_update(ctx, &at_once, stream.data + MIB, stream.len - MIB, &got)
        && support_final(ctx, &at_once, &got) && got.len == text.len
        && memcmp(got.data, text.data, text.len) == 0;
    EVP_CIPHER_CTX_free(ctx);
    if (child == 0)
        _exit(good ? 0 : 1);
    assert_true(good);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    support_drop(&got);
    support_drop(&stream);
    support_drop(&text);
}

/* A child that only frees what it inherited. */
static void
test_fork_and_free(void **state)
{
    struct octets text = text_of(MIB), out = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    int status = -1;
    pid_t child;

    support_params_init(&params);
    support_add_number(&params, ENVELOPE_PARAM_THREADS, 8);
    ctx = support_init(*state, SUPPORT_SEAL, support_kek, params.list);
    assert_true(support_update(ctx, &at_once, text.data, MIB, &out));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        EVP_CIPHER_CTX_free(ctx);
        _exit(thread_count() == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verified_needs_slack),
        cmocka_unit_test(test_room_for_a_chunk),
        cmocka_unit_test(test_verified_final_without_buffer),
        cmocka_unit_test(test_update_limit),
        cmocka_unit_test(test_many_recipients_behind_little),
        cmocka_unit_test(test_partial_overlap),
        cmocka_unit_test(test_bio_says_that_it_failed),
        cmocka_unit_test(test_damage_among_threads),
        cmocka_unit_test(test_round_trips_of_short_texts),
        cmocka_unit_test(test_round_trips_of_long_texts),
        cmocka_unit_test(test_round_trips_with_large_header),
        cmocka_unit_test(test_header_drains),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_in_place_while_header_drains),
        cmocka_unit_test(test_in_place_with_slack),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_large_updates_with_slack),
        cmocka_unit_test(test_bio_write),
        cmocka_unit_test(test_bio_read_small),
        cmocka_unit_test(test_threads_make_no_difference),
        cmocka_unit_test(test_threads_end_with_the_context),
        cmocka_unit_test(test_small_updates_start_no_thread),
        cmocka_unit_test(test_unload_leaves_no_thread),
        cmocka_unit_test(test_fork_while_sealing),
        cmocka_unit_test(test_fork_while_opening),
        cmocka_unit_test(test_fork_and_free),
        cmocka_unit_test(test_bio_read_large),
        cmocka_unit_test(test_bio_read_negative),
        cmocka_unit_test(test_bio_read_damaged),
        cmocka_unit_test(test_decrypt_name_does_not_encrypt),
    };

    return cmocka_run_group_tests(tests, support_group_setup,
                                  support_group_teardown);
}
