/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that were altered, cut, reordered or lengthened, at several cuts
 * and in both release modes: which reason, and what may come out before it.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/kdf.h>

#define CHUNK ((size_t)ENVELOPE_CHUNK_LENGTH)
#define SEALED ((size_t)ENVELOPE_SEALED_CHUNK_LENGTH)
#define START ((size_t)ENVELOPE_PAYLOAD_START_LENGTH)
#define SALT_LEN 24

#define TEXT_LEN ((size_t)33801) /* two whole chunks and a short one */
#define LABELS "app=test\nhost=h1\n"
#define RESERVE 64

/* Every bit is flipped; with sanitizers, where it takes several times as long,
 * three of each byte. */
#ifdef __SANITIZE_ADDRESS__
#define BIT_STEP 3
#else
#define BIT_STEP 1
#endif

struct fixture {
    struct support s;
    struct octets text, stream, other; /* other: same text, another key */
    size_t labels_at, key_envelope_at, padding_at, header_len;
    size_t chunk_at[3]; /* offsets in the stream */
};

static struct octets
make_stream(const struct support *s, struct octets text)
{
    struct support_params params;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, LABELS);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, RESERVE);
    return support_seal(s, support_kek, params.list, NULL, text.data, text.len);
}

static size_t
be32(const unsigned char *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static int
setup(void **state)
{
    static struct fixture f;
    size_t i;

    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    f.text = support_noise(TEXT_LEN, 3);
    f.stream = make_stream(&f.s, f.text);
    f.other = make_stream(&f.s, f.text);
    f.labels_at = PRELUDE_LEN;
    f.key_envelope_at = f.labels_at + be32(f.stream.data + 12);
    f.padding_at = f.key_envelope_at + be32(f.stream.data + 16);
    f.header_len = be32(f.stream.data + 20);
    assert_int_equal(f.key_envelope_at, PRELUDE_LEN + strlen(LABELS));
    assert_int_equal(f.header_len, f.padding_at + RESERVE);
    for (i = 0; i < COUNT_OF(f.chunk_at); i++)
        f.chunk_at[i] = f.header_len + START + i * SEALED;
    assert_int_equal(f.stream.len,
                     support_stream_length(f.header_len, TEXT_LEN));
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    support_drop(&f->text);
    support_drop(&f->stream);
    support_drop(&f->other);
    support_close(&f->s);
    return 0;
}

/* Decrypting what is damaged */

struct mode {
    bool verified;
    bool in_place;
    size_t cut;
};

static const struct mode modes[] = {
    { false, false, 0 },    { true, false, 0 },    { false, false, 4096 },
    { true, false, 4096 },  { false, false, 1 },   { true, false, 1 },
    { false, true, 0 },     { true, true, 0 },     { false, false, 16400 },
    { true, false, 16400 }, { true, true, 16400 }, { false, false, 20000 },
};

/*
 * Returns: the reason with which it ended, or ENVELOPE_OK.  What came out is
 * compared with the text here: nothing unverified in verified mode, at most
 * a chunk of it otherwise, and none of it from a call that met the damage.
 */
static int
open_damaged(const struct fixture *f, const struct mode *mode,
             struct octets stream, size_t *verified)
{
    struct support_how how = { .cut = mode->cut,
                               .in_place = mode->in_place,
                               .has_slack = mode->verified,
                               .slack = mode->verified ? CHUNK : 0 };
    struct support_params params;
    struct octets out = { 0 };
    EVP_CIPHER_CTX *ctx;
    int reason = ENVELOPE_OK;

    support_params_init(&params);
    if (mode->verified) {
        support_add_text(&params, ENVELOPE_PARAM_RELEASE,
                         ENVELOPE_RELEASE_VERIFIED);
        support_add_number(&params, ENVELOPE_PARAM_OUTPUT_SLACK, CHUNK);
    }
    ctx = support_init(&f->s, SUPPORT_OPEN, support_kek, params.list);
    if (!support_run(ctx, &how, stream.data, stream.len, &out))
        reason = take_reason();
    *verified = support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH);
    EVP_CIPHER_CTX_free(ctx);

    assert_in_range(*verified, 0, f->text.len);
    if (*verified > 0)
        assert_memory_equal(out.data, f->text.data, *verified);
    if (mode->verified || (mode->cut == 0 && reason == ENVELOPE_R_CHUNK))
        assert_int_equal(out.len, *verified);
    else
        assert_in_range(out.len, *verified, *verified + CHUNK);
    if (reason == ENVELOPE_OK) {
        assert_int_equal(out.len, f->text.len);
        assert_memory_equal(out.data, f->text.data, out.len);
    }
    support_drop(&out);
    return reason;
}

#define NO_LIMIT SIZE_MAX

/* Whole text of chunks before the damage is out; nothing after it. */
static void
expect_damage(const struct fixture *f, const struct mode *mode,
              struct octets stream, int reason, size_t verified)
{
    size_t got_verified;
    int got = open_damaged(f, mode, stream, &got_verified);

    if (got == reason && (verified == NO_LIMIT || got_verified == verified))
        return;
    fail_msg("reason %d with %u bytes verified, not %d with %u; verified=%d "
             "in_place=%d cut=%zu",
             got, (unsigned)got_verified, reason, (unsigned)verified,
             mode->verified, mode->in_place, mode->cut);
}

static void
expect_damage_in(const struct fixture *f, size_t mode_count,
                 struct octets stream, int reason, size_t verified)
{
    size_t i;

    for (i = 0; i < mode_count; i++)
        expect_damage(f, &modes[i], stream, reason, verified);
}

/* At all at once, 4,096 and 1, while the release modes take turns: to tell
 * damage from trailing data a reader of a bad chunk tries every length that a
 * last chunk could have, which takes its time. */
static void
expect_damage_at_cuts(const struct fixture *f, size_t turn,
                      struct octets stream, int reason, size_t verified)
{
    expect_damage(f, &modes[turn % 2], stream, reason, verified);
    expect_damage(f, &modes[2 + (turn + 1) % 2], stream, reason, verified);
    expect_damage(f, &modes[4 + turn % 2], stream, reason, verified);
}

static void
test_undamaged(void **state)
{
    const struct fixture *f = *state;

    expect_damage_in(f, COUNT_OF(modes), f->stream, ENVELOPE_OK, TEXT_LEN);
    expect_damage_in(f, COUNT_OF(modes), f->other, ENVELOPE_OK, TEXT_LEN);
}

/* Flips in the header */

/* Which reasons fit a place; 0 ends the list. */
struct place {
    const char *name;
    size_t from, to; /* offsets in the stream */
    int reasons[5];
};

static const struct place *
find_place(const struct place *places, size_t count, size_t at)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (at >= places[i].from && at < places[i].to)
            return &places[i];
    }
    return NULL;
}

static bool
fits(const struct place *place, int reason)
{
    size_t i;

    for (i = 0; place->reasons[i] != 0; i++) {
        if (place->reasons[i] == reason)
            return true;
    }
    return false;
}

static const unsigned char *
find_bytes(const unsigned char *in, size_t len, const unsigned char *what,
           size_t what_len)
{
    size_t i;

    for (i = 0; i + what_len <= len; i++) {
        if (memcmp(in + i, what, what_len) == 0)
            return in + i;
    }
    return NULL;
}

/* FORMAT 5.1: how a key-encryption key is named. */
static void
kek_id(const struct support *s, unsigned char id[20])
{
    EVP_KDF *kdf = EVP_KDF_fetch(s->libctx, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    struct support_params params;

    assert_non_null(ctx);
    support_params_init(&params);
    support_add_text(&params, "digest", "SHA256");
    support_add_octets(&params, "key", support_kek, sizeof(support_kek));
    support_add_octets(&params, "info", "envelope v1 kek id", 18);
    assert_true(EVP_KDF_derive(ctx, id, 20, params.list) > 0);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

/*
 * Every bit of the header.  The recipient's identifier is a hint and bound by
 * nothing (FORMAT 5.1, 7): altered, the stream still opens to the same text.
 */
static void
test_flips_in_header(void **state)
{
    const struct fixture *f = *state;
    const struct place places[] = {
        { "magic", 0, 8, { ENVELOPE_R_NOT_ENVELOPE } },
        { "version", 8, 9, { ENVELOPE_R_VERSION } },
        { "scheme", 9, 10, { ENVELOPE_R_SCHEME } },
        { "reserved", 10, 12, { ENVELOPE_R_HEADER_FIELD } },
        { "labels length",
          12,
          16,
          { ENVELOPE_R_HEADER_TOO_LARGE, ENVELOPE_R_HEADER_FIELD,
            ENVELOPE_R_LABELS, ENVELOPE_R_KEY_ENVELOPE } },
        { "key envelope length",
          16,
          20,
          { ENVELOPE_R_HEADER_TOO_LARGE, ENVELOPE_R_HEADER_FIELD,
            ENVELOPE_R_KEY_ENVELOPE } },
        { "header length",
          20,
          24,
          { ENVELOPE_R_HEADER_TOO_LARGE, ENVELOPE_R_HEADER_FIELD,
            ENVELOPE_R_HEADER_TRUNCATED, ENVELOPE_R_COMMITMENT } },
        { "signatures length",
          24,
          28,
          { ENVELOPE_R_HEADER_TOO_LARGE, ENVELOPE_R_HEADER_FIELD,
            ENVELOPE_R_SIGNATURES } },
        { "reserved", 28, 32, { ENVELOPE_R_HEADER_FIELD } },
        { "labels",
          f->labels_at,
          f->key_envelope_at,
          { ENVELOPE_R_LABELS, ENVELOPE_R_COMMITMENT } },
        { "key envelope",
          f->key_envelope_at,
          f->padding_at,
          { ENVELOPE_R_KEY_ENVELOPE, ENVELOPE_R_NO_MATCH,
            ENVELOPE_R_WRONG_KEY } },
        { "padding",
          f->padding_at,
          f->header_len,
          { ENVELOPE_R_HEADER_FIELD } },
    };
    struct octets stream = support_octets(f->stream.data, f->stream.len);
    const unsigned char *id_at;
    const struct place *place;
    unsigned char id[20];
    size_t verified;
    size_t i, m, bit, wrong = 0;
    int reason;

    kek_id(&f->s, id);
    id_at = find_bytes(stream.data, f->header_len, id, sizeof(id));
    assert_non_null(id_at);
    for (i = 0; i < f->header_len; i++) {
        place = find_place(places, COUNT_OF(places), i);
        assert_non_null(place);
        for (bit = 0; bit < 8; bit += BIT_STEP) {
            bool is_hint = stream.data + i >= id_at
                           && stream.data + i < id_at + sizeof(id);

            stream.data[i] ^= (unsigned char)(1U << bit);
            for (m = 0; m < 4; m++) {
                reason = open_damaged(f, &modes[m], stream, &verified);
                if (is_hint ? reason == ENVELOPE_OK
                            : reason != ENVELOPE_OK && fits(place, reason))
                    continue;
                if (m == 0)
                    print_error("%s: bit %zu of byte %zu (+%zu): reason %d\n",
                                place->name, bit, i, i - place->from, reason);
                wrong++;
            }
            stream.data[i] ^= (unsigned char)(1U << bit);
        }
    }
    support_drop(&stream);
    assert_int_equal(wrong, 0);
}

/* Byte by byte a reader must come to the same end. */
static void
test_flips_in_header_byte_by_byte(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = support_octets(f->stream.data, f->stream.len);
    size_t verified;
    size_t i, m;

    for (i = 0; i < f->header_len; i++) {
        int reason;

        stream.data[i] ^= 0x10;
        reason = open_damaged(f, &modes[0], stream, &verified);
        for (m = 4; m < 6 && reason != ENVELOPE_OK; m++)
            expect_damage(f, &modes[m], stream, reason, verified);
        stream.data[i] ^= 0x10;
    }
    support_drop(&stream);
}

/* Flips in the payload */

static void
flip_payload(const struct fixture *f, struct octets *stream, size_t at,
             size_t bit, size_t mode_from, size_t mode_to)
{
    int reason = ENVELOPE_R_COMMITMENT;
    size_t verified = 0;
    size_t i;

    if (at >= f->chunk_at[2]) {
        reason = ENVELOPE_R_LAST_CHUNK;
        verified = 2 * CHUNK;
    } else if (at >= f->chunk_at[0]) {
        reason = ENVELOPE_R_CHUNK;
        verified = at >= f->chunk_at[1] ? CHUNK : 0;
    }
    stream->data[at] ^= (unsigned char)(1U << bit);
    for (i = mode_from; i < mode_to; i++)
        expect_damage(f, &modes[i], *stream, reason, verified);
    stream->data[at] ^= (unsigned char)(1U << bit);
}

/* Here, too, the release modes take turns. */
static void
flip_range(const struct fixture *f, size_t from, size_t to, size_t step)
{
    struct octets stream = support_octets(f->stream.data, f->stream.len);
    size_t i;

    for (i = 0; i < 8 * (to - from); i += step)
        flip_payload(f, &stream, from + i / 8, i % 8, i / step % 2,
                     i / step % 2 + 1);
    support_drop(&stream);
}

static void
test_flips_in_salt_and_commitment(void **state)
{
    const struct fixture *f = *state;

    flip_range(f, f->header_len, f->chunk_at[0], 1);
}

static void
test_flips_in_tags(void **state)
{
    const struct fixture *f = *state;

    flip_range(f, f->chunk_at[2] - TAG_LEN, f->chunk_at[2], 3);
    flip_range(f, f->stream.len - TAG_LEN, f->stream.len, 1);
}

/* In all modes: the ends of the chunks, and a stride. */
static void
test_flips_in_text(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = support_octets(f->stream.data, f->stream.len);
    const size_t ends[] = {
        f->chunk_at[0],     f->chunk_at[1] - TAG_LEN - 1, f->chunk_at[1] - 1,
        f->chunk_at[1],     f->chunk_at[2] - TAG_LEN - 1, f->chunk_at[2] - 1,
        f->chunk_at[2],     f->stream.len - TAG_LEN - 1,  f->stream.len - 1,
        f->chunk_at[2] + 1,
    };
    size_t i;

    for (i = 0; i < COUNT_OF(ends); i++)
        flip_payload(f, &stream, ends[i], i % 8, i % 3 * 4, i % 3 * 4 + 2);
    for (i = f->chunk_at[0]; i < f->stream.len; i += 1511)
        flip_payload(f, &stream, i, i % 8, i % 6, i % 6 + 1);
    support_drop(&stream);
}

/* Cuts */

static int
reason_of_cut(const struct fixture *f, size_t len, size_t *verified)
{
    size_t payload, rest;

    *verified = 0;
    if (len < f->header_len)
        return ENVELOPE_R_HEADER_TRUNCATED;
    if (len < f->chunk_at[0])
        return ENVELOPE_R_TRUNCATED;
    payload = len - f->chunk_at[0];
    rest = payload % SEALED;
    *verified = payload / SEALED * CHUNK;
    return rest < TAG_LEN ? ENVELOPE_R_TRUNCATED : ENVELOPE_R_LAST_CHUNK;
}

static void
cut_at(const struct fixture *f, size_t len, size_t mode_count)
{
    struct octets cut = support_octets(f->stream.data, len);
    size_t verified;
    int reason = reason_of_cut(f, len, &verified);

    expect_damage_in(f, mode_count, cut, reason, verified);
    support_drop(&cut);
}

static void
test_cut_in_header(void **state)
{
    const struct fixture *f = *state;
    size_t len;

    for (len = 0; len <= f->chunk_at[0]; len++)
        cut_at(f, len, 6);
}

static void
test_cut_in_payload(void **state)
{
    static const long around[] = { -17, -16, -15, -1, 0, 1, 15, 16, 17 };
    const struct fixture *f = *state;
    const size_t edges[] = { f->chunk_at[0], f->chunk_at[1], f->chunk_at[2],
                             f->stream.len };
    size_t i, j, len;

    for (i = 0; i < COUNT_OF(edges); i++) {
        for (j = 0; j < COUNT_OF(around); j++) {
            len = (size_t)((long)edges[i] + around[j]);
            if (len < f->stream.len)
                cut_at(f, len, around[j] == 0 ? COUNT_OF(modes) : 4);
        }
    }
    for (len = f->chunk_at[0]; len < f->stream.len; len += 1009)
        cut_at(f, len, 1);
}

/* A wrong beginning is not a short one. */
static void
test_cut_of_something_else(void **state)
{
    static const struct {
        const char *input;
        const char *hint;
    } others[] = {
        { "x", "magic" },
        { "Salted__abcdefgh", "-pass" },
        { "iUVOVg0KGgoBAQAA", "-base64" },
        { "\x89"
          "ENV\n\x1a\n....",
          "line ends" },
        { "\tENV\r\n\x1a\n....", "eighth bits" },
        { "-----BEGIN PUBLIC KEY-----", "PEM" },
        { "age-encryption.org/v1", "age" },
    };
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx;
    size_t i, cut;

    for (i = 0; i < COUNT_OF(others); i++) {
        for (cut = 0; cut < 2; cut++) {
            struct support_how how = { .cut = cut };
            struct octets out = { 0 };

            ctx = support_init(&f->s, SUPPORT_OPEN, support_kek, NULL);
            assert_false(support_run(ctx, &how, others[i].input,
                                     strlen(others[i].input), &out));
            expect_reason(ENVELOPE_R_NOT_ENVELOPE, others[i].hint);
            assert_int_equal(out.len, 0);
            EVP_CIPHER_CTX_free(ctx);
        }
    }
}

/* Chunks in another order */

/* A stream made of the header and start of one and of these chunks; 3 and
 * above are those of the other stream. */
static struct octets
compose(const struct fixture *f, const size_t *chunks, size_t count)
{
    struct octets all = support_octets(f->stream.data, f->chunk_at[0]), more;
    size_t i;

    for (i = 0; i < count; i++) {
        const struct octets *from = chunks[i] < 3 ? &f->stream : &f->other;
        size_t at = f->chunk_at[chunks[i] % 3];
        struct octets chunk = { from->data + at,
                                chunks[i] % 3 < 2 ? SEALED : from->len - at };

        more = support_join(all, chunk);
        support_drop(&all);
        all = more;
    }
    return all;
}

static void
test_chunks_moved(void **state)
{
    static const struct {
        const char *what;
        size_t chunks[5], count;
        int reason;
        size_t verified;
    } cases[] = {
        { "none left", { 0 }, 0, ENVELOPE_R_TRUNCATED, 0 },
        { "first dropped", { 1, 2 }, 2, ENVELOPE_R_CHUNK, 0 },
        { "second dropped", { 0, 2 }, 2, ENVELOPE_R_LAST_CHUNK, CHUNK },
        { "last dropped", { 0, 1 }, 2, ENVELOPE_R_TRUNCATED, 2 * CHUNK },
        { "only the last", { 2 }, 1, ENVELOPE_R_LAST_CHUNK, 0 },
        { "first doubled", { 0, 0, 1, 2 }, 4, ENVELOPE_R_CHUNK, CHUNK },
        { "second doubled", { 0, 1, 1, 2 }, 4, ENVELOPE_R_CHUNK, 2 * CHUNK },
        { "last doubled",
          { 0, 1, 2, 2 },
          4,
          ENVELOPE_R_TRAILING_DATA,
          2 * CHUNK },
        { "swapped", { 1, 0, 2 }, 3, ENVELOPE_R_CHUNK, 0 },
        { "last to the front", { 2, 0, 1 }, 3, ENVELOPE_R_CHUNK, 0 },
        { "another's first", { 3, 1, 2 }, 3, ENVELOPE_R_CHUNK, 0 },
        { "another's second", { 0, 4, 2 }, 3, ENVELOPE_R_CHUNK, CHUNK },
        { "another's last", { 0, 1, 5 }, 3, ENVELOPE_R_LAST_CHUNK, 2 * CHUNK },
        { "all of another's", { 3, 4, 5 }, 3, ENVELOPE_R_CHUNK, 0 },
        { "another one after",
          { 0, 1, 2, 3 },
          4,
          ENVELOPE_R_TRAILING_DATA,
          2 * CHUNK },
    };
    const struct fixture *f = *state;
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct octets stream = compose(f, cases[i].chunks, cases[i].count);

        expect_damage_at_cuts(f, i, stream, cases[i].reason, cases[i].verified);
        support_drop(&stream);
    }
}

/* Data after the end */

static void
append_to(const struct fixture *f, struct octets stream, size_t verified,
          bool zeros)
{
    static const size_t lens[] = { 1, 15, 16, 17, 16383, 16400, 40000 };
    size_t i;

    for (i = 0; i < COUNT_OF(lens); i++) {
        struct octets after = support_noise(lens[i], 99), longer;

        if (zeros)
            memset(after.data, 0, after.len);
        longer = support_join(stream, after);
        expect_damage_at_cuts(f, i, longer, ENVELOPE_R_TRAILING_DATA, verified);
        support_drop(&after);
        support_drop(&longer);
    }
}

static void
test_data_behind_the_end(void **state)
{
    const struct fixture *f = *state;
    static const size_t lens[] = { 0, CHUNK - 1, CHUNK };
    struct octets twice = support_join(f->stream, f->stream);
    size_t i;

    append_to(f, f->stream, 2 * CHUNK, false);
    append_to(f, f->stream, 2 * CHUNK, true);
    expect_damage_in(f, COUNT_OF(modes), twice, ENVELOPE_R_TRAILING_DATA,
                     2 * CHUNK);
    support_drop(&twice);
    for (i = 0; i < COUNT_OF(lens); i++) {
        struct octets text = { f->text.data, lens[i] };
        struct octets stream = make_stream(&f->s, text);
        struct fixture shorter = *f;

        shorter.text = text;
        append_to(&shorter, stream, lens[i] / CHUNK * CHUNK, false);
        support_drop(&stream);
    }
}

/* Parts of two streams */

static void
test_header_of_another(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = support_octets(f->stream.data, f->stream.len);

    assert_int_equal(f->other.len, f->stream.len);
    memcpy(stream.data, f->other.data, f->header_len);
    expect_damage_in(f, COUNT_OF(modes), stream, ENVELOPE_R_COMMITMENT, 0);
    /* With its salt, or with its commitment alone, it does not fit either. */
    memcpy(stream.data, f->other.data, f->header_len + SALT_LEN);
    expect_damage_in(f, COUNT_OF(modes), stream, ENVELOPE_R_COMMITMENT, 0);
    memcpy(stream.data, f->stream.data, f->stream.len);
    memcpy(stream.data + f->header_len + SALT_LEN,
           f->other.data + f->header_len + SALT_LEN, START - SALT_LEN);
    expect_damage_in(f, COUNT_OF(modes), stream, ENVELOPE_R_COMMITMENT, 0);
    support_drop(&stream);
}

static void
test_another_label(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = support_octets(f->stream.data, f->stream.len);

    stream.data[f->key_envelope_at - 2] = '2'; /* host=h2 */
    expect_damage_in(f, COUNT_OF(modes), stream, ENVELOPE_R_COMMITMENT, 0);
    stream.data[f->key_envelope_at - 1] = 'x'; /* and no line end */
    expect_damage_in(f, COUNT_OF(modes), stream, ENVELOPE_R_LABELS, 0);
    support_drop(&stream);
}

/* The same failure again, and no output, whatever follows. */
static void
test_failure_stays(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = support_octets(f->stream.data, f->stream.len),
                  out = { 0 };
    EVP_CIPHER_CTX *ctx = support_init(&f->s, SUPPORT_OPEN, support_kek, NULL);
    const struct support_how how = { 0 };
    int i;

    stream.data[f->chunk_at[1]] ^= 1;
    /* The text of chunk 0 comes out; the next call says what followed it. */
    assert_true(support_update(ctx, &how, stream.data, stream.len, &out));
    assert_int_equal(out.len, CHUNK);
    assert_memory_equal(out.data, f->text.data, CHUNK);
    for (i = 0; i < 3; i++) {
        assert_false(support_update(ctx, &how, stream.data, 100, &out));
        expect_reason(ENVELOPE_R_CHUNK, "chunk 1 (text from byte 16384)");
        assert_false(support_update(ctx, &how, stream.data, 0, &out));
        expect_reason(ENVELOPE_R_CHUNK, "chunk 1");
        assert_false(support_final(ctx, &how, &out));
        expect_reason(ENVELOPE_R_CHUNK, "chunk 1");
    }
    assert_int_equal(out.len, CHUNK);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&stream);
}

/* What a call gave of the chunk that fails in it is taken back. */
static void
test_damage_in_pieces(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = support_octets(f->stream.data, f->stream.len),
                  out = { 0 };
    EVP_CIPHER_CTX *ctx = support_init(&f->s, SUPPORT_OPEN, support_kek, NULL);
    const struct support_how how = { 0 };
    const size_t ends[] = { f->chunk_at[0] + 5000, f->chunk_at[1] + 8000 };

    stream.data[f->chunk_at[2] - 1] ^= 1; /* the tag of chunk 1 */
    assert_true(support_update(ctx, &how, stream.data, ends[0], &out));
    assert_int_equal(out.len, 5000 - TAG_LEN);
    assert_true(support_update(ctx, &how, stream.data + ends[0],
                               ends[1] - ends[0], &out));
    assert_int_equal(out.len, CHUNK + 8000 - TAG_LEN);
    assert_false(support_update(ctx, &how, stream.data + ends[1],
                                stream.len - ends[1], &out));
    expect_reason(ENVELOPE_R_CHUNK, "chunk 1");
    assert_int_equal(out.len, CHUNK + 8000 - TAG_LEN);
    assert_int_equal(support_get(ctx, ENVELOPE_PARAM_VERIFIED_LENGTH), CHUNK);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&stream);
}

/*
 * In place, large updates are worked on in pieces; a chunk that lies across
 * two of them must not leave its unverified text behind.
 */
static void
test_damage_in_large_updates(void **state)
{
    static const struct mode large[] = { { false, false, 0 },
                                         { false, true, 0 },
                                         { true, false, 0 },
                                         { true, true, 0 } };
    const struct fixture *f = *state;
    struct fixture longer = *f;
    struct octets stream;
    static const size_t bads[] = { 0, 1, 15, 16, 31, 47, 59 };
    size_t i, m;

    longer.text = support_noise(60 * CHUNK + 100, 4);
    stream = make_stream(&f->s, longer.text);
    for (i = 0; i < COUNT_OF(bads); i++) {
        size_t at = f->chunk_at[0] + bads[i] * SEALED + SEALED - 1;

        stream.data[at] ^= 1;
        for (m = 0; m < COUNT_OF(large); m++)
            expect_damage(&longer, &large[m], stream, ENVELOPE_R_CHUNK,
                          bads[i] * CHUNK);
        stream.data[at] ^= 1;
    }
    support_drop(&stream);
    support_drop(&longer.text);
}

/* Reasons that a byte of a stream with one short chunk may have. */
static bool
is_payload_reason(size_t at, int reason)
{
    return reason
           == (at < START ? ENVELOPE_R_COMMITMENT : ENVELOPE_R_LAST_CHUNK);
}

/* Nothing of a small stream is free, but the hint at the key. */
static void
test_every_bit_of_a_small_stream(void **state)
{
    const struct fixture *f = *state;
    static const struct mode modes_here[] = { { false, false, 0 },
                                              { true, false, 0 } };
    struct fixture small = *f;
    unsigned char id[20];
    size_t header_len, i, m, bit;
    struct octets stream;
    size_t verified;
    ptrdiff_t id_at;
    int reason;

    small.text = support_noise(41, 9);
    stream = make_stream(&f->s, small.text);
    header_len = stream.len - support_stream_length(0, small.text.len);
    kek_id(&f->s, id);
    id_at = find_bytes(stream.data, header_len, id, sizeof(id)) - stream.data;
    for (i = 0; i < stream.len; i++) {
        if (i >= (size_t)id_at && i < (size_t)id_at + sizeof(id))
            continue;
        for (bit = 0; bit < 8; bit += BIT_STEP) {
            stream.data[i] ^= (unsigned char)(1U << bit);
            for (m = 0; m < COUNT_OF(modes_here); m++) {
                reason =
                    open_damaged(&small, &modes_here[m], stream, &verified);
                assert_int_equal(verified, 0);
                if (reason == ENVELOPE_OK
                    || (i >= header_len
                        && !is_payload_reason(i - header_len, reason)))
                    fail_msg("byte %zu, bit %zu: reason %d", i, bit, reason);
            }
            stream.data[i] ^= (unsigned char)(1U << bit);
        }
    }
    support_drop(&stream);
    support_drop(&small.text);
}

/* No beginning of it passes for the whole. */
static void
test_every_truncation_of_a_small_stream(void **state)
{
    const struct fixture *f = *state;
    static const struct mode mode = { true, false, 0 };
    struct fixture small = *f;
    struct octets stream, cut;
    size_t header_len, i;
    size_t verified;
    int reason;

    small.text = support_noise(41, 9);
    stream = make_stream(&f->s, small.text);
    header_len = stream.len - support_stream_length(0, small.text.len);
    for (i = 0; i < stream.len; i++) {
        cut = support_octets(stream.data, i);
        reason = open_damaged(&small, &mode, cut, &verified);
        if (reason
            != (i < header_len                     ? ENVELOPE_R_HEADER_TRUNCATED
                : i < header_len + START + TAG_LEN ? ENVELOPE_R_TRUNCATED
                                                   : ENVELOPE_R_LAST_CHUNK))
            fail_msg("%zu bytes: reason %d", i, reason);
        support_drop(&cut);
    }
    support_drop(&stream);
    support_drop(&small.text);
}

/* Decrypt with a record of the program in the queue, or with none: 0 if that
 * goes well, as it may where nothing but a name was damaged. */
static int
reason_of(const struct fixture *f, const OSSL_PARAM *params,
          struct octets stream, bool with_record)
{
    EVP_CIPHER_CTX *ctx = support_init(&f->s, SUPPORT_OPEN, NULL, params);
    unsigned char *out = support_malloc(stream.len);
    unsigned long newest = 0;
    int n;

    if (with_record)
        ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
    if (!EVP_DecryptUpdate(ctx, out, &n, stream.data, (int)stream.len)
        || !EVP_DecryptFinal_ex(ctx, out, &n)) {
        newest = ERR_peek_last_error();
        assert_string_equal(ERR_lib_error_string(newest),
                            ENVELOPE_PROVIDER_NAME);
    }
    ERR_clear_error();
    EVP_CIPHER_CTX_free(ctx);
    free(out);
    return ERR_GET_REASON(newest);
}

/* "Memory ran out" says a record that somebody left, not this failure. */
static void
test_records_of_the_program(void **state)
{
    static const char *const kinds[] = { "P-256", "X25519", "RSA" };
    const struct fixture *f = *state;
    size_t i, k, end;

    for (k = 0; k < COUNT_OF(kinds); k++) {
        EVP_PKEY *key = strcmp(kinds[k], "RSA") == 0
                            ? support_keygen(&f->s, "RSA", NULL, 2048)
                        : k == 0 ? support_keygen(&f->s, "EC", kinds[k], 0)
                                 : support_keygen(&f->s, kinds[k], NULL, 0);
        struct octets public = support_public(key, "DER"),
                      private = support_private(key, "DER"), stream;
        struct support_params params;

        support_params_init(&params);
        support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, public.data,
                           public.len);
        stream = support_seal(&f->s, NULL, params.list, NULL, "text", 4);
        support_params_init(&params);
        support_add_octets(&params, ENVELOPE_PARAM_IDENTITY, private.data,
                           private.len);
        end = be32(stream.data + 20);
        for (i = PRELUDE_LEN; i < end; i++) {
            stream.data[i] ^= 1;
            assert_int_equal(reason_of(f, params.list, stream, true),
                             reason_of(f, params.list, stream, false));
            stream.data[i] ^= 1;
        }
        support_drop(&stream);
        support_drop(&private);
        support_drop(&public);
        EVP_PKEY_free(key);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undamaged),
        cmocka_unit_test(test_records_of_the_program),
        cmocka_unit_test(test_flips_in_header),
        cmocka_unit_test(test_flips_in_header_byte_by_byte),
        cmocka_unit_test(test_flips_in_salt_and_commitment),
        cmocka_unit_test(test_flips_in_tags),
        cmocka_unit_test(test_flips_in_text),
        cmocka_unit_test(test_cut_in_header),
        cmocka_unit_test(test_cut_in_payload),
        cmocka_unit_test(test_cut_of_something_else),
        cmocka_unit_test(test_chunks_moved),
        cmocka_unit_test(test_data_behind_the_end),
        cmocka_unit_test(test_header_of_another),
        cmocka_unit_test(test_another_label),
        cmocka_unit_test(test_failure_stays),
        cmocka_unit_test(test_damage_in_pieces),
        cmocka_unit_test(test_damage_in_large_updates),
        cmocka_unit_test(test_every_bit_of_a_small_stream),
        cmocka_unit_test(test_every_truncation_of_a_small_stream),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
