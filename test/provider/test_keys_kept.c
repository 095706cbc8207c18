/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys given in memory are read once for a context and its copies, and nobody
 * notices but by the time it takes: what is set anew counts at once, what is
 * read from elsewhere is read again, and validity is judged for each stream.
 */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include "test/support/memory.h"

#define TEXT "text of a stream"
#define TEXT_LEN (sizeof(TEXT) - 1)

static const struct support_how at_once = { 0 };

/* What the tests share: keys, as programs have them */

enum { RSA_2048, P_256, X25519, OTHER, KEY_COUNT };

struct fixture {
    struct support s;
    EVP_PKEY *keys[KEY_COUNT];
    struct octets public[KEY_COUNT], private[KEY_COUNT];
};

static int
setup(void **state)
{
    static struct fixture f;
    size_t i;

    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    f.keys[RSA_2048] = support_keygen(&f.s, "RSA", NULL, 2048);
    f.keys[P_256] = support_keygen(&f.s, "EC", "P-256", 0);
    f.keys[X25519] = support_keygen(&f.s, "X25519", NULL, 0);
    f.keys[OTHER] = support_keygen(&f.s, "EC", "P-256", 0);
    for (i = 0; i < KEY_COUNT; i++) {
        f.public[i] = support_public(f.keys[i], "PEM");
        f.private[i] = support_private(f.keys[i], "PEM");
    }
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < KEY_COUNT; i++) {
        support_drop(&f->public[i]);
        support_drop(&f->private[i]);
        EVP_PKEY_free(f->keys[i]);
    }
    support_close(&f->s);
    return 0;
}

static EVP_CIPHER_CTX *
context(const struct fixture *f, enum support_direction direction,
        struct octets key)
{
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params,
                       direction == SUPPORT_SEAL ? ENVELOPE_PARAM_RECIPIENT
                                                 : ENVELOPE_PARAM_IDENTITY,
                       key.data, key.len);
    return support_init(&f->s, direction, NULL, params.list);
}

static EVP_CIPHER_CTX *
copy_of(const EVP_CIPHER_CTX *ctx)
{
    EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();

    assert_non_null(copy);
    assert_true(EVP_CIPHER_CTX_copy(copy, ctx));
    return copy;
}

static void
again(EVP_CIPHER_CTX *ctx, enum support_direction direction)
{
    assert_true(
        EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, (int)direction, NULL));
    assert_no_errors();
}

static void
set_octets(EVP_CIPHER_CTX *ctx, const char *name, struct octets value)
{
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, name, value.data, value.len);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
}

static void
set_number(EVP_CIPHER_CTX *ctx, const char *name, uint64_t value)
{
    struct support_params params;

    support_params_init(&params);
    support_add_number(&params, name, value);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
}

static struct octets
seal(EVP_CIPHER_CTX *ctx)
{
    struct octets out = { 0 };

    assert_true(support_run(ctx, &at_once, TEXT, TEXT_LEN, &out));
    return out;
}

/* A stream that is read with ctx must be the text. */
static void
expect_text(EVP_CIPHER_CTX *ctx, struct octets stream)
{
    struct octets got = { 0 };

    assert_true(support_run(ctx, &at_once, stream.data, stream.len, &got));
    assert_int_equal(got.len, TEXT_LEN);
    assert_memory_equal(got.data, TEXT, TEXT_LEN);
    support_drop(&got);
}

static void
expect_failure(EVP_CIPHER_CTX *ctx, struct octets in, int reason,
               const char *word)
{
    struct octets got = { 0 };

    assert_false(support_run(ctx, &at_once, in.data, in.len, &got));
    expect_reason(reason, word);
    support_drop(&got);
}

/* Does this key open it? */
static void
expect_opens(const struct fixture *f, size_t key, struct octets stream)
{
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_OPEN, f->private[key]);

    expect_text(ctx, stream);
    EVP_CIPHER_CTX_free(ctx);
}

static void
expect_no_match(const struct fixture *f, size_t key, struct octets stream)
{
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_OPEN, f->private[key]);

    expect_failure(ctx, stream, ENVELOPE_R_NO_MATCH, "");
    EVP_CIPHER_CTX_free(ctx);
}

/* Reading keys takes thousands of allocations */

static size_t
cost_of_sealing(EVP_CIPHER_CTX *ctx, struct octets *stream)
{
    memory_fail(SIZE_MAX);
    *stream = seal(ctx);
    return memory.count;
}

static size_t
cost_of_opening(EVP_CIPHER_CTX *ctx, struct octets stream)
{
    memory_fail(SIZE_MAX);
    expect_text(ctx, stream);
    return memory.count;
}

static void
expect_kept(size_t first, size_t second)
{
    if (2 * second > first)
        fail_msg("%zu allocations, and %zu the next time", first, second);
}

static void
test_one_context(void **state)
{
    const struct fixture *f = *state;
    size_t i, first, second, costs[KEY_COUNT];

    for (i = 0; i < KEY_COUNT; i++) {
        EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[i]),
                       *open = context(f, SUPPORT_OPEN, f->private[i]);
        struct octets one, two;

        first = cost_of_sealing(ctx, &one);
        again(ctx, SUPPORT_SEAL);
        costs[i] = second = cost_of_sealing(ctx, &two);
        expect_kept(first, second);
        first = cost_of_opening(open, one);
        again(open, SUPPORT_OPEN);
        second = cost_of_opening(open, two);
        expect_kept(first, second);
        assert_memory_not_equal(one.data + one.len - TAG_LEN,
                                two.data + two.len - TAG_LEN, TAG_LEN);
        EVP_CIPHER_CTX_free(open);
        EVP_CIPHER_CTX_free(ctx);
        support_drop(&one);
        support_drop(&two);
    }
    /* For an RSA key the message is not even built again. */
    if (3 * costs[RSA_2048] > costs[P_256])
        fail_msg("%zu allocations for RSA, and %zu for EC", costs[RSA_2048],
                 costs[P_256]);
}

/* The first copy reads the key for its siblings, and for the original. */
static void
test_copies(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[RSA_2048]),
                   *open = context(f, SUPPORT_OPEN, f->private[RSA_2048]),
                   *one = copy_of(ctx), *two = copy_of(ctx), *copy;
    struct octets a, b, c;
    size_t first = cost_of_sealing(one, &a);

    EVP_CIPHER_CTX_free(one);
    expect_kept(first, cost_of_sealing(ctx, &b));
    EVP_CIPHER_CTX_free(ctx);
    expect_kept(first, cost_of_sealing(two, &c));
    EVP_CIPHER_CTX_free(two);
    copy = copy_of(open);
    first = cost_of_opening(copy, a);
    EVP_CIPHER_CTX_free(copy);
    copy = copy_of(open);
    EVP_CIPHER_CTX_free(open);
    expect_kept(first, cost_of_opening(copy, b));
    again(copy, SUPPORT_OPEN);
    expect_kept(first, cost_of_opening(copy, c));
    EVP_CIPHER_CTX_free(copy);
    support_drop(&a);
    support_drop(&b);
    support_drop(&c);
}

/* One context for both directions */
static void
test_both_directions(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    size_t first[2] = { 0 }, cost;
    struct octets stream;
    int i;

    set_octets(ctx, ENVELOPE_PARAM_IDENTITY, f->private[P_256]);
    for (i = 0; i < 3; i++) {
        again(ctx, SUPPORT_SEAL);
        cost = cost_of_sealing(ctx, &stream);
        if (i == 0)
            first[0] = cost;
        else
            expect_kept(first[0], cost);
        again(ctx, SUPPORT_OPEN);
        cost = cost_of_opening(ctx, stream);
        if (i == 0)
            first[1] = cost;
        else
            expect_kept(first[1], cost);
        support_drop(&stream);
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* The messages of one RSA key: CMS has written the first, and the others must
 * be what it would have written. */

enum { MESSAGES = 4 };

/* Where two of them differ: so far from the end, so many bytes (FORMAT 5). */
struct place {
    size_t at, len;
};

static struct octets
message_of(struct octets stream)
{
    const unsigned char *p = stream.data;
    size_t labels_len = (size_t)p[14] << 8 | p[15],
           len = (size_t)p[18] << 8 | p[19];

    assert_true(PRELUDE_LEN + labels_len + len <= stream.len);
    return support_octets(p + PRELUDE_LEN + labels_len, len);
}

/* Without this project: it must be 32 bytes, which are no other message's. */
static void
open_with_cms(const struct fixture *f, EVP_PKEY *key, struct octets message,
              unsigned char dek[33])
{
    CMS_ContentInfo *cms = CMS_ContentInfo_new_ex(f->s.libctx, NULL);
    const unsigned char *p = message.data;
    BIO *out = BIO_new(BIO_s_mem());

    assert_non_null(d2i_CMS_ContentInfo(&cms, &p, (long)message.len));
    assert_ptr_equal(p, message.data + message.len);
    assert_true(CMS_decrypt(cms, key, NULL, NULL, out, 0));
    assert_int_equal(BIO_read(out, dek, 33), 32);
    CMS_ContentInfo_free(cms);
    BIO_free(out);
}

static void
expect_alike(struct octets a, struct octets b, size_t wrapped_len)
{
    const struct place places[] = {
        { 16, 16 }, { 50, 32 }, { 67, 12 }, { 97 + wrapped_len, wrapped_len }
    };
    size_t i;

    assert_int_equal(a.len, b.len);
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        assert_memory_not_equal(a.data + a.len - places[i].at,
                                b.data + b.len - places[i].at, places[i].len);
        memset(a.data + a.len - places[i].at, 0, places[i].len);
        memset(b.data + b.len - places[i].at, 0, places[i].len);
    }
    assert_memory_equal(a.data, b.data, a.len);
}

static void
expect_messages(const struct fixture *f, EVP_PKEY *key, struct octets recipient,
                const char *labels)
{
    struct octets messages[MESSAGES], private = support_private(key, "PEM");
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, recipient), *open;
    unsigned char deks[MESSAGES][33];
    struct support_params params;
    size_t i;

    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_LABELS, labels);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    for (i = 0; i < MESSAGES; i++) {
        struct octets stream = seal(ctx);

        again(ctx, SUPPORT_SEAL);
        open = context(f, SUPPORT_OPEN, private);
        expect_text(open, stream);
        EVP_CIPHER_CTX_free(open);
        messages[i] = message_of(stream);
        support_drop(&stream);
        open_with_cms(f, key, messages[i], deks[i]);
        if (i > 0)
            assert_memory_not_equal(deks[i], deks[i - 1], 32);
    }
    EVP_CIPHER_CTX_free(ctx);
    for (i = 1; i < MESSAGES; i++) {
        struct octets first = support_octets(messages[0].data, messages[0].len);

        expect_alike(first, messages[i], (size_t)EVP_PKEY_get_size(key));
        support_drop(&first);
        support_drop(&messages[i]);
    }
    support_drop(&messages[0]);
    support_drop(&private);
}

static void
test_messages(void **state)
{
    static const size_t bits[] = { 2048, 2056, 3072 };
    const struct fixture *f = *state;
    size_t i;

    for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        EVP_PKEY *key = support_keygen(&f->s, "RSA", NULL, bits[i]);
        X509 *cert = support_cert(&f->s, key, SUPPORT_SKI, -60, 3600);
        struct octets public = support_public(key, "PEM"),
                      bytes = support_cert_octets(cert, "PEM");

        expect_messages(f, key, public, "");
        expect_messages(f, key, bytes, "name=value\n");
        support_drop(&bytes);
        support_drop(&public);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
}

/* One key in memory and something else beside it are two recipients. */
static void
test_beside(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[RSA_2048]), *open;
    EVP_CIPHER_CTX *copy = copy_of(ctx);
    struct octets secret = support_octets("secret", 6), stream = seal(copy);

    EVP_CIPHER_CTX_free(copy);
    support_drop(&stream);
    set_number(ctx, ENVELOPE_PARAM_WORK_FACTOR, 14);
    set_octets(ctx, ENVELOPE_PARAM_PASSPHRASE, secret);
    stream = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    expect_opens(f, RSA_2048, stream);
    open = context(f, SUPPORT_OPEN, f->private[OTHER]);
    set_octets(open, ENVELOPE_PARAM_PASSPHRASE, secret);
    expect_text(open, stream);
    EVP_CIPHER_CTX_free(open);
    support_drop(&stream);
    support_drop(&secret);
}

/* What is set counts */

static void
test_another_recipient(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    EVP_CIPHER_CTX *copy = copy_of(ctx);
    struct octets stream = seal(copy);

    expect_no_match(f, OTHER, stream);
    support_drop(&stream);
    EVP_CIPHER_CTX_free(copy);
    copy = copy_of(ctx);
    set_octets(copy, ENVELOPE_PARAM_RECIPIENT, f->public[OTHER]);
    stream = seal(copy);
    expect_opens(f, P_256, stream);
    expect_opens(f, OTHER, stream);
    support_drop(&stream);
    /* The original has not heard of it. */
    stream = seal(ctx);
    expect_opens(f, P_256, stream);
    expect_no_match(f, OTHER, stream);
    support_drop(&stream);
    EVP_CIPHER_CTX_free(ctx);

    assert_true(EVP_CIPHER_CTX_reset(copy));
    EVP_CIPHER_CTX_free(copy);
    ctx = context(f, SUPPORT_SEAL, f->public[OTHER]);
    stream = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    expect_opens(f, OTHER, stream);
    expect_no_match(f, P_256, stream);
    support_drop(&stream);
}

/* One context for a customer after the other */

enum way { BY_INIT, BY_SET, WAY_COUNT };

/* Begin the next stream of ctx for these keys of memory, one or two. */
static void
next_customer(EVP_CIPHER_CTX *ctx, enum way way, struct octets one,
              struct octets two)
{
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, one.data, one.len);
    if (two.data != NULL && way == BY_INIT)
        support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, two.data,
                           two.len);
    assert_true(EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, 1,
                                   way == BY_INIT ? params.list : NULL));
    if (way == BY_SET)
        assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    if (two.data != NULL && way == BY_SET)
        set_octets(ctx, ENVELOPE_PARAM_RECIPIENT, two);
}

static void
test_customers(void **state)
{
    const struct fixture *f = *state;
    struct octets none = { 0 }, stream;
    enum way way;

    for (way = BY_INIT; way < WAY_COUNT; way++) {
        EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);

        stream = seal(ctx);
        expect_opens(f, P_256, stream);
        support_drop(&stream);

        next_customer(ctx, way, f->public[OTHER], f -> public[RSA_2048]);
        stream = seal(ctx);
        expect_opens(f, OTHER, stream);
        expect_opens(f, RSA_2048, stream);
        expect_no_match(f, P_256, stream);
        support_drop(&stream);

        next_customer(ctx, way, f->public[X25519], none);
        stream = seal(ctx);
        expect_opens(f, X25519, stream);
        expect_no_match(f, OTHER, stream);
        expect_no_match(f, RSA_2048, stream);
        support_drop(&stream);

        /* As documented: nothing is named, so all stays. */
        again(ctx, SUPPORT_SEAL);
        stream = seal(ctx);
        expect_opens(f, X25519, stream);
        expect_no_match(f, OTHER, stream);
        support_drop(&stream);
        EVP_CIPHER_CTX_free(ctx);
    }
}

/* What names nobody replaces nobody, and a stream that was begun and left, or
 * a copy, is no way around it. */
static void
test_customers_without_a_stream(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]), *copy;
    struct octets stream = { 0 };

    assert_true(support_update(ctx, &at_once, "x", 1, &stream));
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    set_number(ctx, ENVELOPE_PARAM_RESERVE, 10);
    copy = copy_of(ctx);
    set_octets(copy, ENVELOPE_PARAM_RECIPIENT, f->public[OTHER]);
    stream = seal(copy);
    expect_opens(f, OTHER, stream);
    expect_no_match(f, P_256, stream);
    support_drop(&stream);
    stream = seal(ctx);
    expect_opens(f, P_256, stream);
    support_drop(&stream);
    EVP_CIPHER_CTX_free(copy);

    /* No data has gone through it: an init that names somebody replaces, too.
     */
    copy = context(f, SUPPORT_SEAL, f->public[P_256]);
    next_customer(copy, BY_INIT, f->public[OTHER], stream);
    stream = seal(copy);
    expect_no_match(f, P_256, stream);
    support_drop(&stream);
    EVP_CIPHER_CTX_free(copy);
    EVP_CIPHER_CTX_free(ctx);
}

static void
set_callback(EVP_CIPHER_CTX *ctx)
{
    static const struct envelope_passphrase_callback none = { NULL, NULL };
    void *callback = (void *)(uintptr_t)&none;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_ptr(ENVELOPE_PARAM_PASSPHRASE_CALLBACK,
                                       &callback, sizeof(none)),
        OSSL_PARAM_construct_end(),
    };

    assert_true(EVP_CIPHER_CTX_set_params(ctx, params));
}

/* Each of the parameters that name somebody makes those before it go. */
static void
test_every_name_replaces(void **state)
{
    static const char *const texts[] = { ENVELOPE_PARAM_RECIPIENTS,
                                         ENVELOPE_PARAM_IDENTITIES,
                                         ENVELOPE_PARAM_PASSPHRASE_FILE };
    static const char *const octets[] = { ENVELOPE_PARAM_RECIPIENT,
                                          ENVELOPE_PARAM_IDENTITY,
                                          ENVELOPE_PARAM_PASSPHRASE };
    const size_t count = COUNT_OF(texts) + COUNT_OF(octets) + 1;
    const struct fixture *f = *state;
    size_t i;

    for (i = 0; i < count; i++) {
        EVP_CIPHER_CTX *open, *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
        struct octets stream = seal(ctx), got = { 0 };
        struct support_params params;

        open = context(f, SUPPORT_OPEN, f->private[P_256]);
        expect_text(open, stream);
        again(open, SUPPORT_OPEN);
        support_params_init(&params);
        if (i < COUNT_OF(texts))
            support_add_text(&params, texts[i], "/nowhere");
        else if (i < COUNT_OF(texts) + COUNT_OF(octets))
            support_add_octets(&params, octets[i - COUNT_OF(texts)],
                               f->public[OTHER].data, f->public[OTHER].len);
        if (i < count - 1)
            assert_true(EVP_CIPHER_CTX_set_params(open, params.list));
        else
            set_callback(open);
        assert_false(
            support_run(open, &at_once, stream.data, stream.len, &got));
        ERR_clear_error();
        support_drop(&got);
        support_drop(&stream);
        EVP_CIPHER_CTX_free(open);
        EVP_CIPHER_CTX_free(ctx);
    }
}

/* A call that is refused changes nothing: neither does it leave half of what
 * it names, nor does it take away what was there. */
static void
test_refused_names(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    struct octets stream = seal(ctx);
    struct support_params params;

    support_drop(&stream);
    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_RECIPIENT, f->public[OTHER].data,
                       f->public[OTHER].len);
    support_add_number(&params, ENVELOPE_PARAM_RESERVE, UINT64_MAX);
    assert_false(EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, 1, params.list));
    expect_reason(ENVELOPE_R_PARAMETER, ENVELOPE_PARAM_RESERVE);
    again(ctx, SUPPORT_SEAL);
    assert_false(EVP_CIPHER_CTX_set_params(ctx, params.list));
    expect_reason(ENVELOPE_R_PARAMETER, ENVELOPE_PARAM_RESERVE);
    stream = seal(ctx);
    expect_opens(f, P_256, stream);
    expect_no_match(f, OTHER, stream);
    support_drop(&stream);
    EVP_CIPHER_CTX_free(ctx);
}

static void
test_another_identity(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    struct octets stream = seal(ctx);

    EVP_CIPHER_CTX_free(ctx);
    ctx = context(f, SUPPORT_OPEN, f->private[OTHER]);
    expect_failure(ctx, stream, ENVELOPE_R_NO_MATCH, "");
    again(ctx, SUPPORT_OPEN);
    expect_failure(ctx, stream, ENVELOPE_R_NO_MATCH, "");
    again(ctx, SUPPORT_OPEN);
    set_octets(ctx, ENVELOPE_PARAM_IDENTITY, f->private[P_256]);
    expect_text(ctx, stream);
    again(ctx, SUPPORT_OPEN);
    expect_text(ctx, stream);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
}

/* A bad one beside the good ones is refused each time, not once. */
static void
test_failures_are_not_kept(void **state)
{
    static const char damaged[] = "-----BEGIN PUBLIC KEY-----\nAAAA\n"
                                  "-----END PUBLIC KEY-----\n";
    const struct fixture *f = *state;
    struct octets bad = support_octets(damaged, sizeof(damaged) - 1), out,
                  text = support_octets(TEXT, TEXT_LEN);
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]), *copy;
    int i;

    copy = copy_of(ctx);
    out = seal(copy);
    support_drop(&out);
    EVP_CIPHER_CTX_free(copy);
    copy = copy_of(ctx);
    set_octets(copy, ENVELOPE_PARAM_RECIPIENT, bad);
    set_octets(copy, ENVELOPE_PARAM_RECIPIENT, f->public[OTHER]);
    for (i = 0; i < 3; i++) {
        expect_failure(copy, text, ENVELOPE_R_UNREADABLE_KEY, "parameter 2");
        again(copy, SUPPORT_SEAL);
    }
    EVP_CIPHER_CTX_free(copy);
    out = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&out);
    support_drop(&text);
    support_drop(&bad);
}

static void
test_passphrase(void **state)
{
    const struct fixture *f = *state;
    struct octets encrypted =
                      support_encrypted(f->keys[P_256], "PEM", "secret"),
                  secret = support_octets("secret", 6),
                  wrong = support_octets("wrong", 5), stream;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    size_t first;

    stream = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    ctx = context(f, SUPPORT_OPEN, encrypted);
    expect_failure(ctx, stream, ENVELOPE_R_PASSPHRASE_NEEDED, "parameter 1");
    again(ctx, SUPPORT_OPEN);
    set_octets(ctx, ENVELOPE_PARAM_IDENTITY, encrypted);
    set_octets(ctx, ENVELOPE_PARAM_PASSPHRASE, secret);
    first = cost_of_opening(ctx, stream);
    again(ctx, SUPPORT_OPEN);
    expect_kept(first, cost_of_opening(ctx, stream));
    again(ctx, SUPPORT_OPEN);
    set_octets(ctx, ENVELOPE_PARAM_IDENTITY, encrypted);
    set_octets(ctx, ENVELOPE_PARAM_PASSPHRASE, wrong);
    expect_failure(ctx, stream, ENVELOPE_R_WRONG_KEY, "passphrase");
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
    support_drop(&encrypted);
    support_drop(&secret);
    support_drop(&wrong);
}

/* What lies elsewhere is asked again */

static int
tell(char *pass, size_t size, size_t *len, const OSSL_PARAM params[], void *arg)
{
    (void)params;
    ++*(int *)arg;
    if (size < 6)
        return 0;
    memcpy(pass, "secret", 6);
    *len = 6;
    return 1;
}

static void
test_callback(void **state)
{
    const struct fixture *f = *state;
    struct octets encrypted =
                      support_encrypted(f->keys[P_256], "PEM", "secret"),
                  stream;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    int asked = 0, i;
    const struct envelope_passphrase_callback callback = { tell, &asked };
    void *p = (void *)(uintptr_t)&callback;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_ptr(ENVELOPE_PARAM_PASSPHRASE_CALLBACK, &p,
                                       sizeof(callback)),
        OSSL_PARAM_construct_end(),
    };

    stream = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    ctx = context(f, SUPPORT_OPEN, encrypted);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params));
    for (i = 1; i <= 3; i++) {
        expect_text(ctx, stream);
        assert_int_equal(asked, i);
        again(ctx, SUPPORT_OPEN);
    }
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&stream);
    support_drop(&encrypted);
}

static void
write_file(const char *path, struct octets content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}

static void
test_passphrase_file(void **state)
{
    const struct fixture *f = *state;
    struct octets encrypted =
                      support_encrypted(f->keys[P_256], "PEM", "secret"),
                  secret = support_octets("secret\n", 7),
                  wrong = support_octets("wrong\n", 6), stream;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[P_256]);
    char path[] = "/tmp/envelope-kept-XXXXXX";
    struct support_params params;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    stream = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_PASSPHRASE_FILE, path);
    ctx = context(f, SUPPORT_OPEN, encrypted);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    write_file(path, secret);
    expect_text(ctx, stream);
    again(ctx, SUPPORT_OPEN);
    write_file(path, wrong);
    expect_failure(ctx, stream, ENVELOPE_R_WRONG_KEY, "passphrase");
    again(ctx, SUPPORT_OPEN);
    write_file(path, secret);
    expect_text(ctx, stream);
    EVP_CIPHER_CTX_free(ctx);
    assert_int_equal(unlink(path), 0);
    support_drop(&stream);
    support_drop(&encrypted);
    support_drop(&secret);
    support_drop(&wrong);
}

/* A file is what it is now, also beside a key in memory. */
static void
test_files(void **state)
{
    const struct fixture *f = *state;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[RSA_2048]);
    char path[] = "/tmp/envelope-kept-XXXXXX";
    struct support_params params;
    struct octets stream;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_RECIPIENTS, path);
    assert_true(EVP_CIPHER_CTX_set_params(ctx, params.list));
    write_file(path, f->public[P_256]);
    stream = seal(ctx);
    expect_opens(f, RSA_2048, stream);
    expect_opens(f, P_256, stream);
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    write_file(path, f->public[OTHER]);
    stream = seal(ctx);
    EVP_CIPHER_CTX_free(ctx);
    expect_opens(f, RSA_2048, stream);
    expect_opens(f, OTHER, stream);
    expect_no_match(f, P_256, stream);
    support_drop(&stream);
    assert_int_equal(unlink(path), 0);
}

/* Validity */

static void
expect_expiry(const struct fixture *f, size_t key, enum support_ski ski)
{
    X509 *cert = support_cert(&f->s, f->keys[key], ski, -60, 2);
    struct octets bytes = support_cert_octets(cert, "PEM"), stream,
                  text = support_octets(TEXT, TEXT_LEN);
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, bytes);

    X509_free(cert);
    stream = seal(ctx);
    support_drop(&stream);
    sleep(3);
    again(ctx, SUPPORT_SEAL);
    expect_failure(ctx, text, ENVELOPE_R_CERTIFICATE_TIME, "parameter 1");
    again(ctx, SUPPORT_SEAL);
    expect_failure(ctx, text, ENVELOPE_R_CERTIFICATE_TIME, "expired");
    again(ctx, SUPPORT_SEAL);
    set_number(ctx, ENVELOPE_PARAM_ALLOW_EXPIRED, 1);
    stream = seal(ctx);
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    set_number(ctx, ENVELOPE_PARAM_ALLOW_EXPIRED, 0);
    expect_failure(ctx, text, ENVELOPE_R_CERTIFICATE_TIME, "expired");
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&bytes);
    support_drop(&text);
}

static void
test_certificate_expires(void **state)
{
    const struct fixture *f = *state;

    expect_expiry(f, P_256, SUPPORT_SKI);
    expect_expiry(f, RSA_2048, SUPPORT_NO_SKI);
    expect_expiry(f, X25519, SUPPORT_NO_SKI);
}

/* What was taken although it had expired is not valid for that. */
static void
test_allowed_at_first(void **state)
{
    const struct fixture *f = *state;
    X509 *cert = support_cert(&f->s, f->keys[P_256], SUPPORT_SKI, -60, -30);
    struct octets bytes = support_cert_octets(cert, "DER"), stream,
                  text = support_octets(TEXT, TEXT_LEN);
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, bytes);

    X509_free(cert);
    set_number(ctx, ENVELOPE_PARAM_ALLOW_EXPIRED, 1);
    stream = seal(ctx);
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    set_number(ctx, ENVELOPE_PARAM_ALLOW_EXPIRED, 0);
    expect_failure(ctx, text, ENVELOPE_R_CERTIFICATE_TIME, "expired");
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&bytes);
    support_drop(&text);
}

/* Who is left out of one stream is not left out of the next one for that. */
static void
test_left_out_at_first(void **state)
{
    const struct fixture *f = *state;
    X509 *cert = support_cert(&f->s, f->keys[P_256], SUPPORT_SKI, -60, -30);
    struct octets first = support_public(f->keys[X25519], "PEM"),
                  second = support_cert_octets(cert, "PEM"),
                  bytes = support_join(first, second), stream,
                  text = support_octets(TEXT, TEXT_LEN);
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, bytes);
    size_t without;

    X509_free(cert);
    set_number(ctx, ENVELOPE_PARAM_SKIP_EXPIRED, 1);
    stream = seal(ctx);
    without = stream.len;
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    stream = seal(ctx);
    assert_int_equal(stream.len, without);
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    set_number(ctx, ENVELOPE_PARAM_SKIP_EXPIRED, 0);
    set_number(ctx, ENVELOPE_PARAM_ALLOW_EXPIRED, 1);
    stream = seal(ctx);
    assert_true(stream.len > without);
    support_drop(&stream);
    again(ctx, SUPPORT_SEAL);
    set_number(ctx, ENVELOPE_PARAM_ALLOW_EXPIRED, 0);
    expect_failure(ctx, text, ENVELOPE_R_CERTIFICATE_TIME, "expired");
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&first);
    support_drop(&second);
    support_drop(&bytes);
    support_drop(&text);
}

/* One ends as the other begins: of one recipient each time, another one. */
static void
test_left_out_in_turn(void **state)
{
    const struct fixture *f = *state;
    X509 *now = support_cert(&f->s, f->keys[RSA_2048], SUPPORT_SKI, -60, 2);
    X509 *next = support_cert(&f->s, f->keys[P_256], SUPPORT_SKI, 3, 3600);
    struct octets first = support_cert_octets(now, "PEM"),
                  second = support_cert_octets(next, "PEM"),
                  bytes = support_join(first, second), stream;
    EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, bytes);

    X509_free(now);
    X509_free(next);
    set_number(ctx, ENVELOPE_PARAM_SKIP_EXPIRED, 1);
    stream = seal(ctx);
    expect_opens(f, RSA_2048, stream);
    support_drop(&stream);
    sleep(4);
    again(ctx, SUPPORT_SEAL);
    stream = seal(ctx);
    expect_opens(f, P_256, stream);
    expect_no_match(f, RSA_2048, stream);
    support_drop(&stream);
    EVP_CIPHER_CTX_free(ctx);
    support_drop(&first);
    support_drop(&second);
    support_drop(&bytes);
}

/* Threads */

enum { THREADS = 8, STREAMS = 15 };

struct thread {
    pthread_t thread;
    EVP_CIPHER_CTX *seal, *open; /* copies that nobody has used */
    bool good;
};

/* cmocka is for one thread: nothing of it in here. */
static bool
round_trip(EVP_CIPHER_CTX *seal_ctx, EVP_CIPHER_CTX *open_ctx)
{
    unsigned char stream[TEXT_LEN + 2 * ENVELOPE_BLOCK_SIZE];
    unsigned char got[sizeof(stream) + ENVELOPE_BLOCK_SIZE];
    int n = 0, last = 0, len = 0;

    return EVP_CipherUpdate(seal_ctx, stream, &n, (const unsigned char *)TEXT,
                            (int)TEXT_LEN)
           && EVP_CipherFinal_ex(seal_ctx, stream + n, &last)
           && EVP_CipherUpdate(open_ctx, got, &len, stream, n + last)
           && EVP_CipherFinal_ex(open_ctx, got + len, &last)
           && len + last == (int)TEXT_LEN && memcmp(got, TEXT, TEXT_LEN) == 0
           && EVP_CipherInit_ex2(seal_ctx, NULL, NULL, NULL, 1, NULL)
           && EVP_CipherInit_ex2(open_ctx, NULL, NULL, NULL, 0, NULL);
}

static void *
run_streams(void *arg)
{
    struct thread *t = arg;
    int i;

    t->good = true;
    for (i = 0; i < STREAMS && t->good; i++)
        t->good = round_trip(t->seal, t->open);
    EVP_CIPHER_CTX_free(t->seal);
    EVP_CIPHER_CTX_free(t->open);
    OPENSSL_thread_stop();
    return NULL;
}

static void
test_threads(void **state)
{
    const struct fixture *f = *state;
    struct thread threads[THREADS];
    size_t key, i;

    for (key = 0; key < KEY_COUNT; key++) {
        EVP_CIPHER_CTX *ctx = context(f, SUPPORT_SEAL, f->public[key]),
                       *open = context(f, SUPPORT_OPEN, f->private[key]);

        for (i = 0; i < THREADS; i++)
            threads[i] =
                (struct thread){ .seal = copy_of(ctx), .open = copy_of(open) };
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_CTX_free(open);
        for (i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i].thread, NULL,
                                            run_streams, &threads[i]),
                             0);
        for (i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
            assert_true(threads[i].good);
        }
    }
}

/* Memory */

/* Two streams each way with the same contexts, which keep their keys. */
static bool
attempt(const struct fixture *f, struct octets recipient,
        struct octets identity)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(ENVELOPE_PARAM_RECIPIENT,
                                          recipient.data, recipient.len),
        OSSL_PARAM_construct_octet_string(ENVELOPE_PARAM_IDENTITY,
                                          identity.data, identity.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_CIPHER_CTX *to = EVP_CIPHER_CTX_new(), *from = EVP_CIPHER_CTX_new();
    bool good;

    good = to != NULL && from != NULL
           && EVP_CipherInit_ex2(to, f->s.cipher, NULL, NULL, 1, params)
           && EVP_CipherInit_ex2(from, f->s.cipher, NULL, NULL, 0, params)
           && round_trip(to, from) && round_trip(to, from);
    EVP_CIPHER_CTX_free(to);
    EVP_CIPHER_CTX_free(from);
    return good;
}

static bool
is_of_keys(const char *file)
{
    return file != NULL
           && (strstr(file, "lib/base/octets.c") != NULL
               || strstr(file, "lib/keys/keyring.c") != NULL
               || strstr(file, "lib/keys/recipient.c") != NULL
               || strstr(file, "lib/keys/identity.c") != NULL
               || strstr(file, "lib/keys/key_settings.c") != NULL);
}

static void
expect_no_leaks(const struct fixture *f, size_t key)
{
    X509 *cert = support_cert(&f->s, f->keys[key], SUPPORT_SKI, -60, 3600);
    struct octets bytes = support_cert_octets(cert, "PEM"),
                  pair = support_join(f->private[key], bytes);
    size_t n = 0, failures = 0;
    long live;
    bool good;

    X509_free(cert);
    assert_true(attempt(f, bytes, pair));
    assert_true(attempt(f, bytes, pair));
    live = memory_live();
    memory.may_fail = is_of_keys;
    do {
        memory_fail(++n);
        good = attempt(f, bytes, pair);
        memory_fail(0);
        failures += !good;
        assert_true(!good || ERR_peek_error() == 0);
        assert_int_equal(memory_live(), live);
    } while (memory_failed());
    memory.may_fail = NULL;
    /* What cannot be kept is no failure; all the rest is one. */
    assert_true(good);
    assert_true(failures > 20 && failures < n - 1);
    support_drop(&pair);
    support_drop(&bytes);
}

static void
test_allocations(void **state)
{
    const struct fixture *f = *state;

    expect_no_leaks(f, P_256);
    expect_no_leaks(f, RSA_2048);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_context),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_both_directions),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_another_recipient),
        cmocka_unit_test(test_customers),
        cmocka_unit_test(test_customers_without_a_stream),
        cmocka_unit_test(test_every_name_replaces),
        cmocka_unit_test(test_refused_names),
        cmocka_unit_test(test_another_identity),
        cmocka_unit_test(test_failures_are_not_kept),
        cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_passphrase_file),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_certificate_expires),
        cmocka_unit_test(test_allowed_at_first),
        cmocka_unit_test(test_left_out_at_first),
        cmocka_unit_test(test_left_out_in_turn),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_allocations),
    };

    /* What the shell has set would get in the way. */
    if (unsetenv(ENVELOPE_ENV_RECIPIENTS) != 0
        || unsetenv(ENVELOPE_ENV_IDENTITIES) != 0
        || unsetenv(ENVELOPE_ENV_PASSPHRASE_FILE) != 0)
        return 1;
    memory_install(NULL);
    return cmocka_run_group_tests(tests, setup, teardown);
}
