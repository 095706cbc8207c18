/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kind of recipient and identity, in every form in which it may be
 * given, and what keeps a key out.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pkcs12.h>

#define TEXT "for your eyes only"
#define TEXT_LEN (sizeof(TEXT) - 1)
#define PASSPHRASE "correct horse"
#define HOUR 3600L

/* Room for every header of these tests after so short a text */
static const struct support_how roomy = { .has_slack = true, .slack = 2 << 20 };

static const struct kind {
    const char *name, *type, *curve;
    size_t bits;
    const char *described; /* as a recipient in a failure */
} kinds[] = {
    { "RSA-2048", "RSA", NULL, 2048, "RSA key" },
    { "RSA-3072", "RSA", NULL, 3072, "RSA key" },
    { "RSA-4096", "RSA", NULL, 4096, "RSA key" },
    { "P-256", "EC", "P-256", 0, "EC key" },
    { "P-384", "EC", "P-384", 0, "EC key" },
    { "P-521", "EC", "P-521", 0, "EC key" },
    { "X25519", "X25519", NULL, 0, "X25519" },
    { "X448", "X448", NULL, 0, "X448" },
    { "ML-KEM-768", "ML-KEM-768", NULL, 0, "ML-KEM-768" },
    { "MLKEM768-X25519", "MLKEM768-X25519", NULL, 0, "MLKEM768-X25519" },
};
enum { KIND_COUNT = COUNT_OF(kinds), RSA_2048 = 0, P_256 = 3, X25519 = 6 };

struct fixture {
    struct support s;
    EVP_PKEY *keys[KIND_COUNT]; /* NULL: it needs a newer libcrypto */
    EVP_PKEY *others[KIND_COUNT];
    char dir[64];
};

static int
setup(void **state)
{
    static struct fixture f;
    const char *tmp = getenv("TMPDIR");
    size_t i;

    support_open(&f.s, SUPPORT_WITH_DEFAULT);
    for (i = 0; i < KIND_COUNT; i++) {
        const bool is_ml_kem = strstr(kinds[i].type, "KEM") != NULL;

        if (is_ml_kem && OpenSSL_version_num() < 0x30500000L)
            continue;
        f.keys[i] =
            support_keygen(&f.s, kinds[i].type, kinds[i].curve, kinds[i].bits);
        /* Another RSA key of the same size takes long: one will do. */
        if (kinds[i].bits <= 2048)
            f.others[i] = support_keygen(&f.s, kinds[i].type, kinds[i].curve,
                                         kinds[i].bits);
        assert_non_null(f.keys[i]);
    }
    (void)snprintf(f.dir, sizeof(f.dir), "%.40s/envelope-XXXXXX",
                   tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f.dir));
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < KIND_COUNT; i++) {
        EVP_PKEY_free(f->keys[i]);
        EVP_PKEY_free(f->others[i]);
    }
    (void)rmdir(f->dir); /* it stays where a test failed */
    support_close(&f->s);
    return 0;
}

/* Streams to and from keys */

static void
add_given(struct support_params *params, const char *name, struct octets octets)
{
    support_add_octets(params, name, octets.data, octets.len);
}

static void
begin_seal(struct support_params *params)
{
    support_params_init(params);
    support_add_number(params, ENVELOPE_PARAM_OUTPUT_SLACK, roomy.slack);
    support_add_number(params, ENVELOPE_PARAM_WORK_FACTOR, 14);
}

static struct octets
seal(const struct fixture *f, const struct support_params *params)
{
    return support_seal(&f->s, NULL, params->list, &roomy, TEXT, TEXT_LEN);
}

static struct octets
seal_to(const struct fixture *f, struct octets recipient)
{
    struct support_params params;

    begin_seal(&params);
    add_given(&params, ENVELOPE_PARAM_RECIPIENT, recipient);
    return seal(f, &params);
}

static struct octets
seal_to_key(const struct fixture *f, EVP_PKEY *key)
{
    struct octets public = support_public(key, "DER");
    struct octets stream = seal_to(f, public);

    support_drop(&public);
    return stream;
}

static void
expect_sealing(const struct fixture *f, const struct support_params *params,
               int reason, const char *word)
{
    EVP_CIPHER_CTX *ctx = support_init(&f->s, SUPPORT_SEAL, NULL, params->list);
    struct octets out = { 0 };

    assert_false(support_update(ctx, &roomy, TEXT, TEXT_LEN, &out));
    expect_reason(reason, word);
    assert_int_equal(out.len, 0);
    EVP_CIPHER_CTX_free(ctx);
}

/* Is the recipient refused for this reason? */
static void
expect_refusal(const struct fixture *f, struct octets recipient, int reason,
               const char *word)
{
    struct support_params params;

    begin_seal(&params);
    add_given(&params, ENVELOPE_PARAM_RECIPIENT, recipient);
    expect_sealing(f, &params, reason, word);
}

static void
expect_text_with(const struct fixture *f, const struct support_params *params,
                 const unsigned char *key, struct octets stream)
{
    struct octets got;

    if (!support_opens(&f->s, key, params->list, NULL, stream, &got)) {
        ERR_print_errors_fp(stderr);
        fail_msg("it does not open");
    }
    assert_int_equal(got.len, TEXT_LEN);
    assert_memory_equal(got.data, TEXT, TEXT_LEN);
    support_drop(&got);
}

static void
expect_no_text(const struct fixture *f, const struct support_params *params,
               struct octets stream, int reason, const char *word)
{
    struct octets got;

    assert_false(support_opens(&f->s, NULL, params->list, NULL, stream, &got));
    expect_reason(reason, word);
    assert_int_equal(got.len, 0);
}

static void
one_identity(struct support_params *params, struct octets identity)
{
    support_params_init(params);
    add_given(params, ENVELOPE_PARAM_IDENTITY, identity);
}

static void
expect_key_opens(const struct fixture *f, EVP_PKEY *key, struct octets stream)
{
    struct octets private = support_private(key, "DER");
    struct support_params params;

    one_identity(&params, private);
    expect_text_with(f, &params, NULL, stream);
    support_drop(&private);
}

static void
expect_passphrase_opens(const struct fixture *f, const char *passphrase,
                        struct octets stream)
{
    struct support_params params;

    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, passphrase,
                       strlen(passphrase));
    expect_text_with(f, &params, NULL, stream);
}

/* Every kind alone */

static const char *const formats[] = { "PEM", "DER" };

static void
test_each_kind(void **state)
{
    const struct fixture *f = *state;
    size_t i, k;

    for (i = 0; i < KIND_COUNT; i++) {
        for (k = 0; k < COUNT_OF(formats) && f->keys[i] != NULL; k++) {
            struct octets public = support_public(f->keys[i], formats[k]);
            struct octets private = support_private(f->keys[i], formats[1 - k]);
            struct octets stream = seal_to(f, public);
            struct support_params params;

            one_identity(&params, private);
            expect_text_with(f, &params, NULL, stream);
            support_drop(&stream);
            support_drop(&private);
            support_drop(&public);
        }
    }
}

static void
test_wrong_identity(void **state)
{
    const struct fixture *f = *state;
    size_t i;

    for (i = 0; i < KIND_COUNT; i++) {
        struct octets stream, private;
        struct support_params params;

        if (f->others[i] == NULL)
            continue;
        stream = seal_to_key(f, f->keys[i]);
        private = support_private(f->others[i], "PEM");
        one_identity(&params, private);
        expect_no_text(f, &params, stream, ENVELOPE_R_NO_MATCH,
                       kinds[i].described);
        /* A key of another kind */
        support_drop(&private);
        private =
            support_private(f->others[i == X25519 ? P_256 : X25519], "PEM");
        one_identity(&params, private);
        expect_no_text(f, &params, stream, ENVELOPE_R_NO_MATCH, "1 recipient:");
        support_drop(&private);
        support_drop(&stream);
    }
}

static void
test_passphrase(void **state)
{
    const struct fixture *f = *state;
    static const char *const bad[] = { "correct horsf", "correct hors",
                                       "correct horse ", "x" };
    struct support_params params;
    struct octets stream, private;
    size_t i;

    begin_seal(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, PASSPHRASE,
                       strlen(PASSPHRASE));
    stream = seal(f, &params);
    expect_passphrase_opens(f, PASSPHRASE, stream);
    for (i = 0; i < COUNT_OF(bad); i++) {
        support_params_init(&params);
        support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, bad[i],
                           strlen(bad[i]));
        expect_no_text(f, &params, stream, ENVELOPE_R_WRONG_KEY, "passphrase");
    }
    private = support_private(f->keys[X25519], "PEM");
    one_identity(&params, private);
    expect_no_text(f, &params, stream, ENVELOPE_R_NO_MATCH, "passphrase");
    /* A key beside the wrong passphrase */
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, "x", 1);
    expect_no_text(f, &params, stream, ENVELOPE_R_NO_MATCH, "passphrase");
    support_drop(&private);
    support_drop(&stream);

    /* A passphrase does not open what has no such recipient. */
    stream = seal_to_key(f, f->keys[X25519]);
    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, "x", 1);
    expect_no_text(f, &params, stream, ENVELOPE_R_NO_MATCH, "X25519");
    support_drop(&stream);
}

/* Any bytes, and as many as are allowed */
static void
test_odd_passphrases(void **state)
{
    static const char *const bad[] = { "a\nb",
                                       "a\rb",
                                       "\n",
                                       "\xff\xfe"
                                       "a",
                                       "\xfe\xff"
                                       "a",
                                       "\xef\xbb\xbfpass" };
    const struct fixture *f = *state;
    struct octets longest = support_noise(1024, 5), stream;
    struct support_params params;
    size_t i;

    for (i = 0; i < longest.len; i++)
        longest.data[i] |= 0x80; /* no UTF-8, no byte that ends a line */
    begin_seal(&params);
    add_given(&params, ENVELOPE_PARAM_PASSPHRASE, longest);
    stream = seal(f, &params);
    support_params_init(&params);
    add_given(&params, ENVELOPE_PARAM_PASSPHRASE, longest);
    expect_text_with(f, &params, NULL, stream);
    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, "y", 1);
    expect_no_text(f, &params, stream, ENVELOPE_R_WRONG_KEY, "passphrase");

    /* What no file could hold, and nobody types, is refused both ways. */
    for (i = 0; i <= COUNT_OF(bad); i++) {
        const char *text = i < COUNT_OF(bad) ? bad[i] : "p\0a\0s\0s\0";
        size_t len = i < COUNT_OF(bad) ? strlen(text) : 8;

        support_params_init(&params);
        support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, text, len);
        expect_no_text(f, &params, stream, ENVELOPE_R_UNREADABLE_KEY,
                       "the passphrase");
        begin_seal(&params);
        support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, text, len);
        expect_sealing(f, &params, ENVELOPE_R_UNREADABLE_KEY, "the passphrase");
    }
    support_drop(&stream);
    support_drop(&longest);
}

/* All on one stream */

static void
test_all_kinds_together(void **state)
{
    const struct fixture *f = *state;
    struct octets publics[KIND_COUNT] = { { 0 } }, stream;
    struct support_params params;
    size_t i;

    begin_seal(&params);
    for (i = 0; i < KIND_COUNT; i++) {
        if (f->keys[i] == NULL)
            continue;
        publics[i] = support_public(f->keys[i], formats[i % 2]);
        add_given(&params, ENVELOPE_PARAM_RECIPIENT, publics[i]);
    }
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, PASSPHRASE,
                       strlen(PASSPHRASE));
    stream = seal(f, &params);
    for (i = 0; i < KIND_COUNT; i++) {
        if (f->keys[i] != NULL)
            expect_key_opens(f, f->keys[i], stream);
        support_drop(&publics[i]);
    }
    expect_passphrase_opens(f, PASSPHRASE, stream);

    /* An EVP key is no recipient of it. */
    {
        struct octets got;

        assert_false(
            support_opens(&f->s, support_kek, NULL, NULL, stream, &got));
        expect_reason(ENVELOPE_R_NO_MATCH, "RSA key");
    }
    support_drop(&stream);
}

/* Several identities, the right one last, in one buffer or one by one */
static void
test_many_identities(void **state)
{
    const struct fixture *f = *state;
    struct octets stream = seal_to_key(f, f->keys[P_256]), all = { 0 };
    struct octets privates[3];
    struct support_params params;
    EVP_PKEY *const keys[] = { f->keys[X25519], f->others[P_256],
                               f->keys[P_256] };
    size_t i;

    support_params_init(&params);
    for (i = 0; i < COUNT_OF(privates); i++) {
        struct octets more;

        privates[i] = support_private(keys[i], "PEM");
        add_given(&params, ENVELOPE_PARAM_IDENTITY, privates[i]);
        more = support_join(all, privates[i]);
        support_drop(&all);
        all = more;
    }
    expect_text_with(f, &params, NULL, stream);
    one_identity(&params, all);
    expect_text_with(f, &params, NULL, stream);
    for (i = 0; i < COUNT_OF(privates); i++)
        support_drop(&privates[i]);
    support_drop(&all);
    support_drop(&stream);
}

static void
test_many_recipients_in_one_buffer(void **state)
{
    const struct fixture *f = *state;
    struct octets a = support_public(f->keys[RSA_2048], "PEM"),
                  b = support_public(f->keys[X25519], "PEM"),
                  both = support_join(a, b), stream = seal_to(f, both);

    expect_key_opens(f, f->keys[RSA_2048], stream);
    expect_key_opens(f, f->keys[X25519], stream);
    support_drop(&stream);
    support_drop(&both);
    support_drop(&a);
    support_drop(&b);
}

/* A block that cannot be read must not be passed over: it may be somebody's
 * only way in. */
static void
test_damaged_block_among_good_ones(void **state)
{
    const struct fixture *f = *state;
    size_t k;

    for (k = 0; k < COUNT_OF(formats); k++) {
        struct octets a = support_public(f->keys[X25519], formats[k]),
                      b = support_public(f->keys[P_256], formats[k]), both;

        b.data[k == 0 ? 60 : 5] ^= 0x15;
        both = support_join(a, b);
        expect_refusal(f, both, ENVELOPE_R_UNREADABLE_KEY, "recipient");
        support_drop(&both);
        both = support_join(b, a);
        expect_refusal(f, both, ENVELOPE_R_UNREADABLE_KEY, "recipient");
        support_drop(&both);
        support_drop(&a);
        support_drop(&b);
    }
}

/* Certificates */

static void
test_certificates(void **state)
{
    static const size_t some[] = { RSA_2048, P_256, X25519 };
    const struct fixture *f = *state;
    size_t i, k, ski;

    for (i = 0; i < COUNT_OF(some); i++) {
        for (ski = 0; ski < 2; ski++) {
            for (k = 0; k < COUNT_OF(formats); k++) {
                EVP_PKEY *key = f->keys[some[i]];
                X509 *cert = support_cert(&f->s, key, (enum support_ski)ski,
                                          -HOUR, HOUR);
                struct octets bytes = support_cert_octets(cert, formats[k]);
                struct octets stream = seal_to(f, bytes), pair, private;
                struct support_params params;

                expect_key_opens(f, key, stream);
                /* The certificate beside the key, as it is often kept */
                private = support_private(key, "PEM");
                support_drop(&bytes);
                bytes = support_cert_octets(cert, "PEM");
                pair = support_join(bytes, private);
                one_identity(&params, pair);
                expect_text_with(f, &params, NULL, stream);
                /* It alone is no identity. */
                one_identity(&params, bytes);
                expect_no_text(f, &params, stream, ENVELOPE_R_UNREADABLE_KEY,
                               "no private key");
                support_drop(&pair);
                support_drop(&private);
                support_drop(&stream);
                support_drop(&bytes);
                X509_free(cert);
            }
        }
    }
}

static void
test_certificate_time(void **state)
{
    static const struct {
        long from, to;
        const char *word;
    } cases[] = {
        { -2 * HOUR, -HOUR, "expired" },
        { -2 * HOUR, -1, "expired" },
        { HOUR, 2 * HOUR, "not valid yet" },
    };
    const struct fixture *f = *state;
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        X509 *cert = support_cert(&f->s, f->keys[P_256], SUPPORT_SKI,
                                  cases[i].from, cases[i].to);
        struct octets bytes = support_cert_octets(cert, "PEM"), stream, pair,
                      private = support_private(f->keys[P_256], "PEM");
        struct support_params params;

        expect_refusal(f, bytes, ENVELOPE_R_CERTIFICATE_TIME, cases[i].word);
        begin_seal(&params);
        add_given(&params, ENVELOPE_PARAM_RECIPIENT, bytes);
        support_add_number(&params, ENVELOPE_PARAM_ALLOW_EXPIRED, 0);
        expect_sealing(f, &params, ENVELOPE_R_CERTIFICATE_TIME,
                       "allow-expired");
        begin_seal(&params);
        add_given(&params, ENVELOPE_PARAM_RECIPIENT, bytes);
        support_add_number(&params, ENVELOPE_PARAM_ALLOW_EXPIRED, 1);
        stream = seal(f, &params);
        /* What was encrypted stays readable. */
        pair = support_join(private, bytes);
        one_identity(&params, pair);
        expect_text_with(f, &params, NULL, stream);
        support_drop(&pair);
        support_drop(&private);
        support_drop(&stream);
        support_drop(&bytes);
        X509_free(cert);
    }
}

static void
test_post_quantum_is_required(void **state)
{
    const struct fixture *f = *state;
    size_t i;

    for (i = 0; i < KIND_COUNT; i++) {
        const bool is = strstr(kinds[i].type, "KEM") != NULL;
        struct support_params params;
        struct octets bytes, stream;

        if (f->keys[i] == NULL)
            continue;
        bytes = support_public(f->keys[i], "PEM");
        begin_seal(&params);
        add_given(&params, ENVELOPE_PARAM_RECIPIENT, bytes);
        support_add_number(&params, ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, 0);
        stream = seal(f, &params);
        support_drop(&stream);
        begin_seal(&params);
        add_given(&params, ENVELOPE_PARAM_RECIPIENT, bytes);
        support_add_number(&params, ENVELOPE_PARAM_REQUIRE_POST_QUANTUM, 1);
        if (is) {
            stream = seal(f, &params);
            support_drop(&stream);
        } else {
            expect_sealing(f, &params, ENVELOPE_R_NOT_POST_QUANTUM,
                           "quantum computer");
        }
        support_drop(&bytes);
    }
}

/* An end that nobody can read is not one that lies ahead. */
static void
test_certificate_with_bad_time(void **state)
{
    const struct fixture *f = *state;
    X509 *cert = support_cert(&f->s, f->keys[P_256], SUPPORT_SKI, -HOUR, HOUR);
    struct octets bytes = support_cert_octets(cert, "DER");
    size_t i, seen = 0;

    /* The second UTCTime (13 bytes) is notAfter. */
    for (i = 0; i + 15 < bytes.len; i++) {
        if (bytes.data[i] == 0x17 && bytes.data[i + 1] == 13
            && bytes.data[i + 14] == 'Z' && ++seen == 2)
            memcpy(bytes.data + i + 2, "991399", 6); /* month 13 */
    }
    assert_int_equal(seen, 2);
    expect_refusal(f, bytes, ENVELOPE_R_CERTIFICATE_TIME, "certificate");
    support_drop(&bytes);
    X509_free(cert);
}

/* Keys that are refused */

/* A public RSA key of another one's modulus, with one bit flipped if bit is not
 * negative, and of any exponent; bits without a check. */
static EVP_PKEY *
made_up_rsa(const struct fixture *f, EVP_PKEY *real, int bit, unsigned long e)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(f->s.libctx, "RSA", NULL);
    BIGNUM *modulus = NULL, *exponent = BN_new();
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params;

    assert_true(EVP_PKEY_get_bn_param(real, OSSL_PKEY_PARAM_RSA_N, &modulus));
    if (bit >= 0 && BN_is_bit_set(modulus, bit))
        assert_true(BN_clear_bit(modulus, bit));
    else if (bit >= 0)
        assert_true(BN_set_bit(modulus, bit));
    assert_true(BN_set_word(exponent, e));
    assert_true(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus));
    assert_true(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent));
    params = OSSL_PARAM_BLD_to_param(bld);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params),
                     1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(modulus);
    BN_free(exponent);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Is it taken, or else refused for the one reason that there is? */
static bool
is_taken(const struct fixture *f, struct octets recipient)
{
    struct octets out = { 0 };
    struct support_params params;
    EVP_CIPHER_CTX *ctx;
    bool taken;

    begin_seal(&params);
    add_given(&params, ENVELOPE_PARAM_RECIPIENT, recipient);
    ctx = support_init(&f->s, SUPPORT_SEAL, NULL, params.list);
    taken = support_update(ctx, &roomy, TEXT, TEXT_LEN, &out);
    if (!taken)
        expect_reason(ENVELOPE_R_BAD_KEY, "recipient parameter 1");
    support_drop(&out);
    EVP_CIPHER_CTX_free(ctx);
    return taken;
}

/* With an exponent of 1 anybody opens the envelope, with an even one nobody; a
 * modulus with a flipped bit nearly always has small factors, or is even. */
static void
test_bad_rsa(void **state)
{
    static const struct {
        int bit;
        unsigned long e;
    } bad[] = { { -1, 0 }, { -1, 1 }, { -1, 2 }, { -1, 65536 }, { 0, 65537 } };
    const struct fixture *f = *state;
    EVP_PKEY *real = support_keygen(&f->s, "RSA", NULL, 2048), *key;
    struct octets public;
    size_t i, flipped = 0;
    int bit;

    assert_non_null(real);
    for (i = 0; i < COUNT_OF(bad); i++) {
        key = made_up_rsa(f, real, bad[i].bit, bad[i].e);
        public = support_public(key, i % 2 == 0 ? "PEM" : "DER");
        expect_refusal(f, public, ENVELOPE_R_BAD_KEY, "recipient parameter 1");
        /* The second time, too. */
        expect_refusal(f, public, ENVELOPE_R_BAD_KEY, "libcrypto's check");
        support_drop(&public);
        EVP_PKEY_free(key);
    }
    for (bit = 100; bit < 130; bit++) {
        key = made_up_rsa(f, real, bit, 65537);
        public = support_public(key, "DER");
        flipped += is_taken(f, public) ? 0 : 1;
        support_drop(&public);
        EVP_PKEY_free(key);
    }
    assert_true(flipped >= 20);

    public = support_public(real, "DER");
    assert_true(is_taken(f, public));
    support_drop(&public);
    EVP_PKEY_free(real);
}

static void
test_weak_rsa(void **state)
{
    const struct fixture *f = *state;
    EVP_PKEY *key = support_keygen(&f->s, "RSA", NULL, 1024);
    struct octets public, bytes;
    X509 *cert;

    assert_non_null(key);
    public = support_public(key, "PEM");
    expect_refusal(f, public, ENVELOPE_R_WEAK_KEY, "1024 bits");
    cert = support_cert(&f->s, key, SUPPORT_SKI, -HOUR, HOUR);
    bytes = support_cert_octets(cert, "PEM");
    expect_refusal(f, bytes, ENVELOPE_R_WEAK_KEY, "1024 bits");
    X509_free(cert);
    support_drop(&bytes);
    support_drop(&public);
    EVP_PKEY_free(key);
}

static EVP_PKEY *
dsa_key(const struct fixture *f)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(f->s.libctx, "DSA", NULL);
    EVP_PKEY *domain = NULL, *key = NULL;
    unsigned bits = 1024;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_FFC_PBITS, &bits),
        OSSL_PARAM_construct_end(),
    };

    assert_true(EVP_PKEY_paramgen_init(ctx) > 0);
    assert_true(EVP_PKEY_CTX_set_params(ctx, params) > 0);
    assert_true(EVP_PKEY_paramgen(ctx, &domain) > 0);
    EVP_PKEY_CTX_free(ctx);
    ctx = EVP_PKEY_CTX_new_from_pkey(f->s.libctx, domain, NULL);
    assert_true(EVP_PKEY_keygen_init(ctx) > 0);
    assert_true(EVP_PKEY_keygen(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(domain);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *
rsa_pss_key(const struct fixture *f)
{
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_name(f->s.libctx, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    assert_true(EVP_PKEY_keygen_init(ctx) > 0);
    assert_true(EVP_PKEY_keygen(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

static void
test_unsupported_keys(void **state)
{
    const struct fixture *f = *state;
    const struct {
        EVP_PKEY *key;
        const char *word;
        bool signs; /* and does nothing else, as this program knows */
    } cases[] = {
        { support_keygen(&f->s, "ED25519", NULL, 0), "type ED25519", true },
        { support_keygen(&f->s, "ED448", NULL, 0), "type ED448", true },
        { support_keygen(&f->s, "EC", "secp256k1", 0), "secp256k1", false },
        { support_keygen(&f->s, "EC", "P-224", 0), "secp224r1", false },
        { support_keygen(&f->s, "EC", "brainpoolP256r1", 0), "brainpoolP256r1",
          false },
        { rsa_pss_key(f), "RSA-PSS", false },
        { dsa_key(f), "DSA", false },
    };
    struct octets good = support_public(f->keys[X25519], "PEM");
    struct octets stream = seal_to(f, good);
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct octets public, private, both;
        struct support_params params;

        assert_non_null(cases[i].key);
        public = support_public(cases[i].key, "PEM");
        expect_refusal(f, public, ENVELOPE_R_UNSUPPORTED_KEY, cases[i].word);
        both = support_join(good, public);
        expect_refusal(f, both, ENVELOPE_R_UNSUPPORTED_KEY, cases[i].word);
        support_drop(&both);
        /* As an identity it just fits nothing, unless it only signs. */
        private = support_private(cases[i].key, "PEM");
        one_identity(&params, private);
        expect_no_text(f, &params, stream,
                       cases[i].signs ? ENVELOPE_R_UNSUPPORTED_KEY
                                      : ENVELOPE_R_NO_MATCH,
                       cases[i].signs ? "only sign" : "X25519");
        support_drop(&private);
        support_drop(&public);
        EVP_PKEY_free(cases[i].key);
    }
    support_drop(&stream);
    support_drop(&good);
}

static void
test_private_key_as_recipient(void **state)
{
    const struct fixture *f = *state;
    size_t i, k;

    for (i = 0; i < KIND_COUNT; i++) {
        for (k = 0; k < COUNT_OF(formats) && f->keys[i] != NULL; k++) {
            struct octets private = support_private(f->keys[i], formats[k]);

            expect_refusal(f, private, ENVELOPE_R_PRIVATE_KEY, "-pubout");
            support_drop(&private);
            private = support_encrypted(f->keys[i], formats[k], PASSPHRASE);
            expect_refusal(f, private, ENVELOPE_R_PRIVATE_KEY, "-pubout");
            support_drop(&private);
        }
    }
}

/* The bytes of a literal without its zero */
#define BYTES(text)              \
    {                            \
        (text), sizeof(text) - 1 \
    }

static void
test_unreadable_keys(void **state)
{
    static const struct {
        const void *bytes;
        size_t len;
    } cases[] = {
        BYTES("x"),
        BYTES("\0"),
        BYTES("\n\n"),
        BYTES("\x30\x80"),
        BYTES("\x30\x03\x02\x01\x01"),
        BYTES("-----BEGIN PUBLIC KEY-----\n"),
        BYTES("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        BYTES("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
        BYTES("-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n"),
        BYTES("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB"),
        BYTES("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
    };
    const struct fixture *f = *state;
    struct octets stream = seal_to_key(f, f->keys[X25519]);
    struct octets whole = support_public(f->keys[RSA_2048], "DER");
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        struct octets bytes = support_octets(cases[i].bytes, cases[i].len);
        struct support_params params;

        expect_refusal(f, bytes, ENVELOPE_R_UNREADABLE_KEY,
                       "recipient parameter 1");
        one_identity(&params, bytes);
        expect_no_text(f, &params, stream, ENVELOPE_R_UNREADABLE_KEY,
                       "identity parameter 1");
        support_drop(&bytes);
    }
    for (i = 1; i < whole.len; i += 23) { /* cut short */
        struct octets bytes = support_octets(whole.data, i);

        expect_refusal(f, bytes, ENVELOPE_R_UNREADABLE_KEY,
                       "recipient parameter 1");
        support_drop(&bytes);
    }
    support_drop(&whole);
    support_drop(&stream);
}

/* Encrypted identities */

static int
give_passphrase(char *pass, size_t size, size_t *len, const OSSL_PARAM params[],
                void *arg)
{
    const char *word = arg;

    (void)params;
    if (word == NULL || strlen(word) > size)
        return 0;
    *len = strlen(word);
    memcpy(pass, word, *len);
    return 1;
}

static void
check_encrypted_identity(const struct fixture *f, struct octets identity,
                         struct octets stream)
{
    struct envelope_passphrase_callback callback = { give_passphrase, NULL };
    void *pointer = &callback;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(ENVELOPE_PARAM_IDENTITY,
                                          identity.data, identity.len),
        OSSL_PARAM_construct_octet_ptr(ENVELOPE_PARAM_PASSPHRASE_CALLBACK,
                                       &pointer, sizeof(callback)),
        OSSL_PARAM_construct_end(),
    };
    struct support_params given;
    struct octets got;

    one_identity(&given, identity);
    expect_no_text(f, &given, stream, ENVELOPE_R_PASSPHRASE_NEEDED,
                   "identity parameter 1");
    support_add_octets(&given, ENVELOPE_PARAM_PASSPHRASE, "wrong", 5);
    expect_no_text(f, &given, stream, ENVELOPE_R_WRONG_KEY,
                   "identity parameter 1");
    one_identity(&given, identity);
    support_add_octets(&given, ENVELOPE_PARAM_PASSPHRASE, PASSPHRASE,
                       strlen(PASSPHRASE));
    expect_text_with(f, &given, NULL, stream);

    callback.arg = (void *)(uintptr_t) "wrong";
    assert_false(support_opens(&f->s, NULL, params, NULL, stream, &got));
    expect_reason(ENVELOPE_R_WRONG_KEY, "identity parameter 1");
    callback.arg = (void *)(uintptr_t)PASSPHRASE;
    assert_true(support_opens(&f->s, NULL, params, NULL, stream, &got));
    assert_int_equal(got.len, TEXT_LEN);
    support_drop(&got);
}

static void
test_encrypted_identities(void **state)
{
    static const size_t some[] = { RSA_2048, P_256, X25519 };
    const struct fixture *f = *state;
    size_t i, k;

    for (i = 0; i < COUNT_OF(some); i++) {
        struct octets stream = seal_to_key(f, f->keys[some[i]]);

        for (k = 0; k < COUNT_OF(formats); k++) {
            struct octets identity =
                support_encrypted(f->keys[some[i]], formats[k], PASSPHRASE);

            check_encrypted_identity(f, identity, stream);
            support_drop(&identity);
        }
        support_drop(&stream);
    }
}

static struct octets
pkcs12(const struct fixture *f, EVP_PKEY *key, X509 *cert,
       const char *passphrase)
{
    PKCS12 *p12 = PKCS12_create_ex(passphrase, "name", key, cert, NULL, 0, 0, 0,
                                   0, 0, f->s.libctx, NULL);
    unsigned char *der = NULL;
    struct octets out;
    int len;

    assert_non_null(p12);
    len = i2d_PKCS12(p12, &der);
    assert_true(len > 0);
    out = support_octets(der, (size_t)len);
    OPENSSL_free(der);
    PKCS12_free(p12);
    ERR_clear_error();
    return out;
}

static void
test_pkcs12_identity(void **state)
{
    const struct fixture *f = *state;
    X509 *cert =
        support_cert(&f->s, f->keys[RSA_2048], SUPPORT_SKI, -2 * HOUR, -HOUR);
    struct octets bytes = support_cert_octets(cert, "DER"), identity, stream;
    struct support_params params;

    begin_seal(&params);
    add_given(&params, ENVELOPE_PARAM_RECIPIENT, bytes);
    support_add_number(&params, ENVELOPE_PARAM_ALLOW_EXPIRED, 1);
    stream = seal(f, &params);
    identity = pkcs12(f, f->keys[RSA_2048], cert, PASSPHRASE);
    check_encrypted_identity(f, identity, stream);
    support_drop(&identity);
    identity = pkcs12(f, f->keys[RSA_2048], cert, "");
    one_identity(&params, identity);
    expect_text_with(f, &params, NULL, stream);
    support_drop(&identity);
    support_drop(&stream);
    support_drop(&bytes);
    X509_free(cert);
}

/* How many */

/* A PEM text with this many copies of a public key */
static struct octets
copies(struct octets one, size_t count)
{
    struct octets all = { support_malloc(count * one.len), count * one.len };
    size_t i;

    for (i = 0; i < count; i++)
        memcpy(all.data + i * one.len, one.data, one.len);
    return all;
}

static void
test_number_of_recipients(void **state)
{
    const struct fixture *f = *state;
    struct octets one = support_public(f->keys[X25519], "PEM");
    struct octets most = copies(one, 1024), too_many = copies(one, 1025);
    struct octets stream = seal_to(f, most);
    struct support_params params;

    expect_key_opens(f, f->keys[X25519], stream);
    expect_refusal(f, too_many, ENVELOPE_R_TOO_MANY_RECIPIENTS, "1024");
    begin_seal(&params);
    add_given(&params, ENVELOPE_PARAM_RECIPIENT, most);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, "x", 1);
    expect_sealing(f, &params, ENVELOPE_R_TOO_MANY_RECIPIENTS, "1024");
    support_drop(&stream);
    support_drop(&too_many);
    support_drop(&most);
    support_drop(&one);
}

/* The own recipient as the last of many strangers' */
static void
test_last_of_many(void **state)
{
    const struct fixture *f = *state;
    struct octets other = support_public(f->others[X25519], "PEM"),
                  own = support_public(f->keys[X25519], "PEM"),
                  others = copies(other, 1023), all = support_join(others, own),
                  stream = seal_to(f, all), private;
    struct support_params params;

    expect_key_opens(f, f->keys[X25519], stream);
    private = support_private(f->keys[P_256], "PEM");
    one_identity(&params, private);
    expect_no_text(f, &params, stream, ENVELOPE_R_NO_MATCH,
                   "1024 recipients: X25519");
    support_drop(&private);
    support_drop(&stream);
    support_drop(&all);
    support_drop(&others);
    support_drop(&own);
    support_drop(&other);
}

/* Files */

/* A file in the test's directory */
static void
write_file(const struct fixture *f, const char *name, struct octets content,
           char path[128])
{
    FILE *file;

    (void)snprintf(path, 128, "%s/%s", f->dir, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}

static void
try_list(const struct fixture *f, const char *recipients,
         const char *identities)
{
    struct support_params params;
    struct octets stream;

    begin_seal(&params);
    support_add_text(&params, ENVELOPE_PARAM_RECIPIENTS, recipients);
    stream = seal(f, &params);
    expect_key_opens(f, f->keys[X25519], stream);
    expect_key_opens(f, f->keys[P_256], stream);
    support_params_init(&params);
    support_add_text(&params, ENVELOPE_PARAM_IDENTITIES, identities);
    expect_text_with(f, &params, NULL, stream);
    support_drop(&stream);
}

static void
test_lists_of_files(void **state)
{
    static const char *const forms[] = {
        "%s:%s",
        "%s\n%s",
        "%s\n%s\n",
        "::%s:\n:%s::",
        "file:%s\n%s",
        "%s:file:%s",
        "file:%s\nfile:%s",
        "file://%s\nfile://%s\n",
    };
    const struct fixture *f = *state;
    struct octets a = support_public(f->keys[X25519], "PEM"),
                  b = support_public(f->keys[P_256], "DER"),
                  c = support_private(f->others[X25519], "DER"),
                  d = support_private(f->keys[P_256], "PEM");
    char pa[128], pb[128], pc[128], pd[128], recipients[300], identities[300];
    size_t i;

    write_file(f, "a.pem", a, pa);
    write_file(f, "b b.der", b, pb);
    write_file(f, "c.der", c, pc);
    write_file(f, "d.pem", d, pd);
    for (i = 0; i < COUNT_OF(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(recipients, sizeof(recipients), forms[i], pa, pb);
        (void)snprintf(identities, sizeof(identities), forms[i], pc, pd);
#pragma GCC diagnostic pop
        try_list(f, recipients, identities);
    }

    /* The same through the environment */
    {
        struct support_params params;
        struct octets stream;

        assert_int_equal(setenv(ENVELOPE_ENV_RECIPIENTS, pa, 1), 0);
        begin_seal(&params);
        stream = seal(f, &params);
        expect_key_opens(f, f->keys[X25519], stream);
        support_drop(&stream);
        assert_int_equal(setenv(ENVELOPE_ENV_RECIPIENTS, pb, 1), 0);
        assert_int_equal(setenv(ENVELOPE_ENV_IDENTITIES, pd, 1), 0);
        stream = seal(f, &params);
        support_params_init(&params);
        expect_text_with(f, &params, NULL, stream);
        support_drop(&stream);
        assert_int_equal(unsetenv(ENVELOPE_ENV_RECIPIENTS), 0);
        assert_int_equal(unsetenv(ENVELOPE_ENV_IDENTITIES), 0);
    }
    assert_int_equal(unlink(pa) | unlink(pb) | unlink(pc) | unlink(pd), 0);
    support_drop(&a);
    support_drop(&b);
    support_drop(&c);
    support_drop(&d);
}

static void
expect_bad_list(const struct fixture *f, const char *list, int reason,
                const char *word)
{
    struct support_params params;

    begin_seal(&params);
    support_add_text(&params, ENVELOPE_PARAM_RECIPIENTS, list);
    expect_sealing(f, &params, reason, word);
}

static void
test_bad_lists(void **state)
{
    const struct fixture *f = *state;
    struct octets good = support_public(f->keys[X25519], "PEM"),
                  empty = support_octets("", 0),
                  large = support_noise(1048577, 1);
    char pg[128], pe[128], pl[128], list[400];

    write_file(f, "good", good, pg);
    write_file(f, "empty", empty, pe);
    write_file(f, "large", large, pl);
    expect_bad_list(f, "", ENVELOPE_R_NO_RECIPIENT, "recipients");
    expect_bad_list(f, ":\n:", ENVELOPE_R_NO_RECIPIENT, "recipients");
    expect_bad_list(f, f->dir, ENVELOPE_R_UNREADABLE_KEY, f->dir);
    expect_bad_list(f, "/nowhere/at/all", ENVELOPE_R_UNREADABLE_KEY,
                    "/nowhere/at/all: No such file");
    expect_bad_list(f, "file:/nowhere/at/all", ENVELOPE_R_UNREADABLE_KEY,
                    "/nowhere/at/all: No such file");
    expect_bad_list(f, "file://elsewhere/key", ENVELOPE_R_UNREADABLE_KEY,
                    "file://elsewhere/key");
    expect_bad_list(f, "nosuch://x", ENVELOPE_R_UNREADABLE_KEY, "nosuch://x");
    expect_bad_list(f, pe, ENVELOPE_R_UNREADABLE_KEY, pe);
    expect_bad_list(f, pl, ENVELOPE_R_UNREADABLE_KEY, "larger than 1048576");
    (void)snprintf(list, sizeof(list), "%s:%s", pg, pe);
    expect_bad_list(f, list, ENVELOPE_R_UNREADABLE_KEY, pe);
    (void)snprintf(list, sizeof(list), "%s\n%s", pe, pg);
    expect_bad_list(f, list, ENVELOPE_R_UNREADABLE_KEY, pe);
    assert_int_equal(unlink(pg) | unlink(pe) | unlink(pl), 0);
    support_drop(&good);
    support_drop(&empty);
    support_drop(&large);
}

/* A file by its URI is judged as it is by its path. */
static void
test_private_key_by_uri(void **state)
{
    const struct fixture *f = *state;
    struct octets private = support_private(f->keys[X25519], "PEM");
    char path[128], uri[140];

    write_file(f, "private.pem", private, path);
    (void)snprintf(uri, sizeof(uri), "file:%s", path);
    expect_bad_list(f, path, ENVELOPE_R_PRIVATE_KEY, path);
    expect_bad_list(f, uri, ENVELOPE_R_PRIVATE_KEY, path);
    assert_int_equal(unlink(path), 0);
    support_drop(&private);
}

static void
test_damaged_block_by_uri(void **state)
{
    const struct fixture *f = *state;
    struct octets a = support_public(f->keys[X25519], "PEM"),
                  b = support_public(f->keys[P_256], "PEM"), both;
    char path[128], uri[140];

    b.data[60] ^= 0x15;
    both = support_join(a, b);
    write_file(f, "damaged.pem", both, path);
    (void)snprintf(uri, sizeof(uri), "file:%s", path);
    expect_bad_list(f, path, ENVELOPE_R_UNREADABLE_KEY, path);
    expect_bad_list(f, uri, ENVELOPE_R_UNREADABLE_KEY, path);
    assert_int_equal(unlink(path), 0);
    support_drop(&both);
    support_drop(&b);
    support_drop(&a);
}

static void
test_passphrase_file(void **state)
{
    static const struct {
        const char *content;
        int reason;
    } cases[] = {
        { PASSPHRASE, ENVELOPE_OK },
        { PASSPHRASE "\n", ENVELOPE_OK },
        { PASSPHRASE "\r\n", ENVELOPE_OK },
        { PASSPHRASE "\nmore\n", ENVELOPE_OK },
        { PASSPHRASE "\r", ENVELOPE_R_UNREADABLE_KEY },
        { "\xef\xbb\xbf" PASSPHRASE "\n", ENVELOPE_R_UNREADABLE_KEY },
        { PASSPHRASE " \n", ENVELOPE_R_WRONG_KEY },
        { " " PASSPHRASE "\n", ENVELOPE_R_WRONG_KEY },
    };
    const struct fixture *f = *state;
    struct support_params params;
    struct octets stream, content;
    char path[128];
    size_t i;

    begin_seal(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, PASSPHRASE,
                       strlen(PASSPHRASE));
    stream = seal(f, &params);
    for (i = 0; i < COUNT_OF(cases); i++) {
        content = support_octets(cases[i].content, strlen(cases[i].content));
        write_file(f, "passphrase", content, path);
        support_drop(&content);
        support_params_init(&params);
        support_add_text(&params, ENVELOPE_PARAM_PASSPHRASE_FILE, path);
        if (cases[i].reason == ENVELOPE_OK)
            expect_text_with(f, &params, NULL, stream);
        else
            expect_no_text(f, &params, stream, cases[i].reason, "passphrase");
    }
    content = support_octets("\n" PASSPHRASE, 1 + strlen(PASSPHRASE));
    write_file(f, "passphrase", content, path);
    support_drop(&content);
    expect_no_text(f, &params, stream, ENVELOPE_R_UNREADABLE_KEY, path);
    content = support_noise(1025, 1);
    memset(content.data, 'x', content.len);
    write_file(f, "passphrase", content, path);
    support_drop(&content);
    expect_no_text(f, &params, stream, ENVELOPE_R_UNREADABLE_KEY, "1024");
    assert_int_equal(unlink(path), 0);
    expect_no_text(f, &params, stream, ENVELOPE_R_UNREADABLE_KEY, path);
    begin_seal(&params);
    support_add_text(&params, ENVELOPE_PARAM_PASSPHRASE_FILE, path);
    expect_sealing(f, &params, ENVELOPE_R_UNREADABLE_KEY, path);
    support_drop(&stream);
    /* It makes a recipient, too. */
    content = support_octets(PASSPHRASE "\n", strlen(PASSPHRASE) + 1);
    write_file(f, "passphrase", content, path);
    support_drop(&content);
    stream = seal(f, &params);
    support_params_init(&params);
    support_add_octets(&params, ENVELOPE_PARAM_PASSPHRASE, PASSPHRASE,
                       strlen(PASSPHRASE));
    expect_text_with(f, &params, NULL, stream);
    support_drop(&stream);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_rsa),
        cmocka_unit_test(test_weak_rsa),
        cmocka_unit_test(test_unsupported_keys),
        cmocka_unit_test(test_private_key_as_recipient),
        cmocka_unit_test(test_unreadable_keys),
        cmocka_unit_test(test_damaged_block_among_good_ones),
        cmocka_unit_test(test_wrong_identity),
        cmocka_unit_test(test_certificate_time),
        cmocka_unit_test(test_post_quantum_is_required),
        cmocka_unit_test(test_certificate_with_bad_time),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_private_key_by_uri),
        cmocka_unit_test(test_damaged_block_by_uri),
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_odd_passphrases),
        cmocka_unit_test(test_all_kinds_together),
        cmocka_unit_test(test_many_identities),
        cmocka_unit_test(test_many_recipients_in_one_buffer),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_encrypted_identities),
        cmocka_unit_test(test_pkcs12_identity),
        cmocka_unit_test(test_number_of_recipients),
        cmocka_unit_test(test_last_of_many),
        cmocka_unit_test(test_lists_of_files),
        cmocka_unit_test(test_passphrase_file),
    };

    /* What the shell has set would get in the way. */
    if (unsetenv(ENVELOPE_ENV_RECIPIENTS) != 0
        || unsetenv(ENVELOPE_ENV_IDENTITIES) != 0
        || unsetenv(ENVELOPE_ENV_PASSPHRASE_FILE) != 0)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
