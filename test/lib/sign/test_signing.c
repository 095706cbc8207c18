/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing and checking with keys of each kind: what was signed is right, and
 * nothing else is, whatever was changed.
 */
#include "lib/sign/signing.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/sign/algorithm.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define FLIP_STEP 7 /* not each byte of a long signature: that takes time */

static const struct envl_libctx ctx = { .propq = "?provider=default" };

static unsigned char text[200];
static const struct envl_octets message = { text, sizeof(text) };

/* Keys */

enum kind {
    ED25519,
    OTHER_ED25519,
    ED448,
    P256,
    P384,
    P521,
    RSA_2048,
    KIND_COUNT
};

static const char *const algorithms[KIND_COUNT] = {
    [ED25519] = "Ed25519",
    [OTHER_ED25519] = "Ed25519",
    [ED448] = "Ed448",
    [P256] = "ECDSA with SHA-256",
    [P384] = "ECDSA with SHA-384",
    [P521] = "ECDSA with SHA-512",
    [RSA_2048] = "RSASSA-PSS with SHA-256",
};

static struct pair {
    EVP_PKEY *key;
    struct envl_octets private_pem, public_pem;
} pairs[KIND_COUNT];

static void
to_pem(struct envl_octets *to, EVP_PKEY *key, bool is_private)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;

    assert_non_null(bio);
    assert_true(is_private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0,
                                                      NULL, NULL)
                           : PEM_write_bio_PUBKEY(bio, key));
    len = BIO_get_mem_data(bio, &data);
    assert_true(envl_octets_set(to, data, (size_t)len));
    BIO_free(bio);
}

static int
make_pairs(void **state)
{
    size_t i;

    (void)state;
    fill(text, sizeof(text), 1);
    pairs[ED25519].key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    pairs[OTHER_ED25519].key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    pairs[ED448].key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    pairs[P256].key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    pairs[P384].key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    pairs[P521].key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
    pairs[RSA_2048].key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    for (i = 0; i < KIND_COUNT; i++) {
        to_pem(&pairs[i].private_pem, pairs[i].key, true);
        to_pem(&pairs[i].public_pem, pairs[i].key, false);
    }
    return 0;
}

static int
free_pairs(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < KIND_COUNT; i++) {
        EVP_PKEY_free(pairs[i].key);
        envl_octets_clear(&pairs[i].private_pem);
        envl_octets_clear(&pairs[i].public_pem);
    }
    return 0;
}

/* Settings that borrow the keys */
static struct envl_key_settings
settings_of(struct envl_octets items[KIND_COUNT], bool is_signer,
            const enum kind *kinds, size_t count)
{
    struct envl_key_settings settings = { .signed_by = NULL };
    struct envl_octets_list *list =
        is_signer ? &settings.signer : &settings.signed_by_key;
    size_t i;

    for (i = 0; i < count; i++)
        items[i] = is_signer ? pairs[kinds[i]].private_pem
                             : pairs[kinds[i]].public_pem;
    *list = (struct envl_octets_list){ items, count };
    return settings;
}

static struct envl_signature_keys *
load(bool is_signer, const enum kind *kinds, size_t count)
{
    struct envl_octets items[KIND_COUNT];
    const struct envl_key_settings settings =
        settings_of(items, is_signer, kinds, count);
    struct envl_signature_keys *keys;
    struct envl_err err;

    assert_int_equal((is_signer ? envl_signers_load : envl_signed_by_load)(
                         &keys, &ctx, &settings, NULL, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_signature_keys_count(keys), count);
    return keys;
}

/* Signatures of message, with these keys */
static unsigned char *
sign(struct envl_signatures *made, const enum kind *kinds, size_t count)
{
    struct envl_signature_keys *signers = load(true, kinds, count);
    unsigned char *der;
    struct envl_err err;
    size_t len;

    assert_int_equal(
        envl_signing_make(&der, &len, signers, &ctx, &message, &err),
        ENVELOPE_OK);
    assert_int_equal(envl_signatures_read(made, der, len, &err), ENVELOPE_OK);
    assert_int_equal(made->count, count);
    envl_signature_keys_free(signers);
    return der;
}

static enum envelope_reason
check(enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX],
      const struct envl_signatures *made, const enum kind *kinds, size_t count,
      const struct envl_octets *of)
{
    struct envl_signature_keys *trusted = load(false, kinds, count);
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_signing_check(states, made, trusted, &ctx, of, &err);
    envl_signature_keys_free(trusted);
    assert_int_equal(ERR_peek_error(), 0);
    return rc;
}

/* Tests */

static void
each_kind_signs(void **state)
{
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_signatures made;
    unsigned char *der;
    enum kind kind, other;

    (void)state;
    for (kind = 0; kind < KIND_COUNT; kind++) {
        der = sign(&made, &kind, 1);
        other = (kind + 1) % KIND_COUNT;
        assert_string_equal(envl_sign_algorithm_name(&made.items[0].algorithm),
                            algorithms[kind]);
        assert_int_equal(check(states, &made, &kind, 1, &message), ENVELOPE_OK);
        assert_int_equal(states[0], ENVL_SIGNATURE_GOOD);
        assert_int_equal(check(states, &made, &other, 1, &message),
                         ENVELOPE_R_OTHER_SIGNER);
        assert_int_equal(states[0], ENVL_SIGNATURE_UNKNOWN);
        OPENSSL_free(der);
    }
}

static void
each_byte_counts(void **state)
{
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_signatures made;
    unsigned char *der, *value;
    enum kind kind;
    size_t i;

    (void)state;
    for (kind = 0; kind < KIND_COUNT; kind++) {
        der = sign(&made, &kind, 1);
        value = (unsigned char *)(uintptr_t)made.items[0].value.p;
        for (i = 0; i < made.items[0].value.len; i += FLIP_STEP) {
            value[i] ^= 1;
            assert_int_equal(check(states, &made, &kind, 1, &message),
                             ENVELOPE_R_BAD_SIGNATURE);
            assert_int_equal(states[0], ENVL_SIGNATURE_WRONG);
            value[i] ^= 1;
        }
        for (i = 0; i < sizeof(text); i += FLIP_STEP * FLIP_STEP) {
            text[i] ^= 0x80;
            assert_int_equal(check(states, &made, &kind, 1, &message),
                             ENVELOPE_R_BAD_SIGNATURE);
            text[i] ^= 0x80;
        }
        made.items[0].value.len--;
        assert_int_equal(check(states, &made, &kind, 1, &message),
                         ENVELOPE_R_BAD_SIGNATURE);
        OPENSSL_free(der);
    }
}

static void
one_of_many_is_enough(void **state)
{
    static const enum kind all[] = { ED25519, ED448,    P256,         P384,
                                     P521,    RSA_2048, OTHER_ED25519 };
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_signatures made;
    unsigned char *der = sign(&made, all, COUNT(all));
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(all); i++) {
        assert_int_equal(check(states, &made, &all[i], 1, &message),
                         ENVELOPE_OK);
        assert_int_equal(states[i], ENVL_SIGNATURE_GOOD);
        assert_int_equal(states[(i + 1) % COUNT(all)], ENVL_SIGNATURE_UNKNOWN);
    }
    ((unsigned char *)(uintptr_t)made.items[2].value.p)[9] ^= 1;
    assert_int_equal(check(states, &made, all, COUNT(all), &message),
                     ENVELOPE_OK);
    assert_int_equal(states[1], ENVL_SIGNATURE_GOOD);
    assert_int_equal(states[2], ENVL_SIGNATURE_WRONG);
    made.count = 0;
    assert_int_equal(check(states, &made, all, 1, &message),
                     ENVELOPE_R_UNSIGNED);
    OPENSSL_free(der);
}

/* A TPM has a salt as long as there is room for. */
static void
both_salts_are_read(void **state)
{
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_sign_algorithm algorithm;
    const enum kind kind = RSA_2048;
    struct envl_octets value = { NULL, 0 };
    struct envl_signatures made;
    unsigned char *der = sign(&made, &kind, 1);

    (void)state;
    assert_true(envl_sign_algorithm(&algorithm, pairs[RSA_2048].key, 1));
    assert_int_equal(algorithm.salt_len, 222);
    assert_true(envl_sign(&value, &ctx, pairs[RSA_2048].key, ctx.propq,
                          &algorithm, &message));
    made.items[0].algorithm =
        (struct envl_der){ algorithm.id, algorithm.id_len };
    made.items[0].value = (struct envl_der){ value.data, value.len };
    assert_int_equal(check(states, &made, &kind, 1, &message), ENVELOPE_OK);
    /* The length that the parameters say is the one that counts. */
    assert_true(envl_sign_algorithm(&algorithm, pairs[RSA_2048].key, 0));
    made.items[0].algorithm.len = algorithm.id_len;
    assert_int_equal(check(states, &made, &kind, 1, &message),
                     ENVELOPE_R_BAD_SIGNATURE);
    algorithm.id[algorithm.id_len - 1]--;
    assert_int_equal(check(states, &made, &kind, 1, &message),
                     ENVELOPE_R_OTHER_SIGNER);
    assert_false(envl_sign_algorithm(&algorithm, pairs[RSA_2048].key, 2));
    assert_false(envl_sign_algorithm(&algorithm, pairs[P256].key, 1));
    envl_octets_clear(&value);
    OPENSSL_free(der);
}

static void
a_keyring_keeps_keys_in_memory(void **state)
{
    const enum kind kinds[] = { ED25519, P256 };
    struct envl_octets items[KIND_COUNT];
    struct envl_key_settings settings = settings_of(items, true, kinds, 2);
    struct envl_keyring *keyring = envl_keyring_new();
    struct envl_signature_keys *first, *second;
    char nowhere[] = "nowhere";
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_signers_load(&first, &ctx, &settings, keyring, &err),
                     ENVELOPE_OK);
    assert_int_equal(envl_signers_load(&second, &ctx, &settings, keyring, &err),
                     ENVELOPE_OK);
    assert_ptr_equal(first, second);
    envl_signature_keys_free(first);
    /* What a list names may change. */
    settings.signers = nowhere;
    assert_int_equal(envl_signers_load(&first, &ctx, &settings, keyring, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_null(first);
    envl_keyring_free(keyring);
    envl_signature_keys_free(second);
}

static void
nobody_named_is_nobody(void **state)
{
    const struct envl_key_settings settings = { .signed_by = NULL };
    char nothing[] = "";
    struct envl_key_settings empty = { .signed_by = nothing };
    struct envl_signature_keys *keys;
    struct envl_err err;

    (void)state;
    assert_int_equal(envl_signers_load(&keys, &ctx, &settings, NULL, &err),
                     ENVELOPE_OK);
    assert_null(keys);
    assert_int_equal(envl_signed_by_load(&keys, &ctx, &settings, NULL, &err),
                     ENVELOPE_OK);
    assert_null(keys);
    /* An empty list is not "nobody": somebody meant to trust somebody. */
    assert_int_equal(envl_signed_by_load(&keys, &ctx, &empty, NULL, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
}

struct run {
    struct envl_signature_keys *signers, *trusted;
    unsigned char *der;
    struct envl_err err;
};

static enum envelope_reason
load_both(struct run *run, enum kind kind)
{
    struct envl_octets items[KIND_COUNT], others[KIND_COUNT];
    const struct envl_key_settings to = settings_of(items, true, &kind, 1),
                                   from = settings_of(others, false, &kind, 1);
    enum envelope_reason rc =
        envl_signers_load(&run->signers, &ctx, &to, NULL, &run->err);

    return rc != ENVELOPE_OK ? rc
                             : envl_signed_by_load(&run->trusted, &ctx, &from,
                                                   NULL, &run->err);
}

static enum envelope_reason
sign_and_check(struct run *run)
{
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
    struct envl_signatures made;
    enum envelope_reason rc;
    size_t len;

    rc = envl_signing_make(&run->der, &len, run->signers, &ctx, &message,
                           &run->err);
    if (rc == ENVELOPE_OK)
        rc = envl_signatures_read(&made, run->der, len, &run->err);
    if (rc == ENVELOPE_OK)
        rc = envl_signing_check(states, &made, run->trusted, &ctx, &message,
                                &run->err);
    return rc;
}

/* With the n-th allocation failing; is that all?  While keys are loaded only
 * our own fail: libcrypto 3.0 crashes in its store. */
static bool
sweep(enum kind kind, bool loads, size_t n)
{
    struct run run = { .signers = NULL };
    enum envelope_reason rc = ENVELOPE_OK;
    bool failed;

    memory.may_fail = loads ? memory_is_ours : NULL;
    if (!loads)
        assert_int_equal(load_both(&run, kind), ENVELOPE_OK);
    memory_fail(n);
    if (loads)
        rc = load_both(&run, kind);
    if (rc == ENVELOPE_OK)
        rc = sign_and_check(&run);
    failed = memory_failed();
    memory_fail(0);
    memory.may_fail = NULL;
    /* Who runs out of memory never says that a signature is wrong. */
    if (rc != ENVELOPE_OK
        && (!failed || rc == ENVELOPE_R_BAD_SIGNATURE
            || rc == ENVELOPE_R_OTHER_SIGNER))
        fail_msg("allocation %zu: reason %d: %s", n, (int)rc, run.err.detail);
    OPENSSL_free(run.der);
    envl_signature_keys_free(run.signers);
    envl_signature_keys_free(run.trusted);
    ERR_clear_error();
    return !failed;
}

static void
memory_may_run_out(void **state)
{
    static const enum kind kinds[] = { ED25519, P256, RSA_2048 };
    size_t i, n;
    int loads;
    long live;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++) {
        for (loads = 0; loads < 2; loads++) {
            (void)sweep(kinds[i], loads, SIZE_MAX);
            live = memory_live();
            for (n = 1; !sweep(kinds[i], loads, n); n++)
                ;
            assert_true(n > 10);
            assert_int_equal(memory_live(), live);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_signs),
        cmocka_unit_test(each_byte_counts),
        cmocka_unit_test(one_of_many_is_enough),
        cmocka_unit_test(both_salts_are_read),
        cmocka_unit_test(a_keyring_keeps_keys_in_memory),
        cmocka_unit_test(nobody_named_is_nobody),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(NULL);
    memory.leaves_record = true;
    return cmocka_run_group_tests(tests, make_pairs, free_pairs);
}
