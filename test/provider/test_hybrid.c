/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hybrid key through EVP: published vectors, wrong ciphertexts, and keys
 * that are encoded and decoded.  libcrypto has ML-KEM from 3.5 on.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define NAME "MLKEM768-X25519"
#define PUBLIC_LEN 1216
#define PRIVATE_LEN 96
#define CIPHERTEXT_LEN 1120
#define X25519_AT 1088 /* in the ciphertext */
#define SECRET_LEN 32
#define VECTORS 4

static bool
is_there(void)
{
    return OpenSSL_version_num() >= 0x30500000UL;
}

/* Vectors */

struct vector {
    struct octets private, public, ciphertext, secret;
};

/* The next line of this name, from hexadecimal. */
static struct octets
next_value(FILE *file, const char *name)
{
    char line[2 * (PUBLIC_LEN + 64)];
    size_t len = strlen(name);
    struct octets out = { NULL, 0 };
    long n = 0;

    while (fgets(line, sizeof(line), file) != NULL && *line == '#')
        ;
    assert_int_equal(strncmp(line, name, len), 0);
    line[strcspn(line, "\n")] = '\0';
    out.data = OPENSSL_hexstr2buf(line + len, &n);
    assert_non_null(out.data);
    out.len = (size_t)n;
    return out;
}

static void
read_vectors(struct vector vectors[VECTORS])
{
    const char *srcdir = getenv("srcdir");
    char path[512];
    FILE *file;
    size_t i;

    (void)snprintf(path, sizeof(path), "%s/test/provider/hybrid.txt",
                   srcdir != NULL ? srcdir : ".");
    file = fopen(path, "r");
    assert_non_null(file);
    for (i = 0; i < VECTORS; i++) {
        vectors[i].private = next_value(file, "private: ");
        vectors[i].public = next_value(file, "public: ");
        vectors[i].ciphertext = next_value(file, "ciphertext: ");
        vectors[i].secret = next_value(file, "secret: ");
    }
    assert_int_equal(fclose(file), 0);
}

static void
drop_vectors(struct vector vectors[VECTORS])
{
    size_t i;

    for (i = 0; i < VECTORS; i++) {
        OPENSSL_free(vectors[i].private.data);
        OPENSSL_free(vectors[i].public.data);
        OPENSSL_free(vectors[i].ciphertext.data);
        OPENSSL_free(vectors[i].secret.data);
    }
}

/* Keys */

static EVP_PKEY *
decode(const struct support *s, const unsigned char *der, size_t len,
       const char *structure)
{
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
        &key, "DER", structure, NULL, 0, s->libctx, NULL);

    assert_non_null(decoder);
    if (!OSSL_DECODER_from_data(decoder, &der, &len))
        key = NULL;
    OSSL_DECODER_CTX_free(decoder);
    ERR_clear_error();
    return key;
}

static struct octets
encode(EVP_PKEY *key, int selection, const char *structure)
{
    OSSL_ENCODER_CTX *encoder =
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, "DER", structure, NULL);
    struct octets out = { NULL, 0 };

    assert_non_null(encoder);
    assert_true(OSSL_ENCODER_to_data(encoder, &out.data, &out.len));
    OSSL_ENCODER_CTX_free(encoder);
    return out;
}

/* Decapsulate: 1 with the secret, or 0. */
static int
decapsulate(const struct support *s, EVP_PKEY *key,
            const unsigned char *ciphertext, size_t len,
            unsigned char secret[SECRET_LEN])
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(s->libctx, key, NULL);
    size_t secret_len = SECRET_LEN;
    int ok;

    assert_non_null(pctx);
    ok =
        EVP_PKEY_decapsulate_init(pctx, NULL) > 0
        && EVP_PKEY_decapsulate(pctx, secret, &secret_len, ciphertext, len) > 0;
    assert_true(!ok || secret_len == SECRET_LEN);
    EVP_PKEY_CTX_free(pctx);
    ERR_clear_error();
    return ok;
}

/* Tests */

static void
without_ml_kem_there_is_none(void **state)
{
    const struct support *s = *state;
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(s->libctx, NAME, NULL);

    assert_int_equal(pctx != NULL, is_there());
    EVP_PKEY_CTX_free(pctx);
    ERR_clear_error();
}

static void
published_vectors(void **state)
{
    const struct support *s = *state;
    struct vector vectors[VECTORS];
    unsigned char secret[SECRET_LEN], public[PUBLIC_LEN];
    size_t i, len;

    read_vectors(vectors);
    for (i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        EVP_PKEY *key =
            decode(s, v->private.data, v->private.len, "PrivateKeyInfo");

        assert_non_null(key);
        assert_true(EVP_PKEY_is_a(key, NAME));
        assert_true(EVP_PKEY_get_octet_string_param(
            key, OSSL_PKEY_PARAM_PUB_KEY, public, sizeof(public), &len));
        assert_int_equal(len, v->public.len);
        assert_memory_equal(public, v->public.data, len);
        assert_int_equal(
            decapsulate(s, key, v->ciphertext.data, v->ciphertext.len, secret),
            1);
        assert_memory_equal(secret, v->secret.data, SECRET_LEN);
        EVP_PKEY_free(key);
    }
    drop_vectors(vectors);
}

static void
both_sides_agree(void **state)
{
    const struct support *s = *state;
    unsigned char ciphertext[CIPHERTEXT_LEN], ours[SECRET_LEN];
    unsigned char theirs[SECRET_LEN];
    size_t len = sizeof(ciphertext), secret_len = sizeof(ours);
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *key, *public;
    struct octets spki;

    key = support_keygen(s, NAME, NULL, 0);
    assert_non_null(key);
    spki = encode(key, EVP_PKEY_PUBLIC_KEY, "SubjectPublicKeyInfo");
    public = decode(s, spki.data, spki.len, "SubjectPublicKeyInfo");
    assert_non_null(public);
    assert_int_equal(EVP_PKEY_eq(key, public), 1);
    pctx = EVP_PKEY_CTX_new_from_pkey(s->libctx, public, NULL);
    assert_true(EVP_PKEY_public_check(pctx) > 0);
    assert_true(EVP_PKEY_encapsulate_init(pctx, NULL) > 0);
    assert_true(EVP_PKEY_encapsulate(pctx, NULL, &len, NULL, &secret_len) > 0);
    assert_int_equal(len, CIPHERTEXT_LEN);
    assert_int_equal(secret_len, SECRET_LEN);
    len--; /* too little room */
    assert_true(EVP_PKEY_encapsulate(pctx, ciphertext, &len, ours, &secret_len)
                <= 0);
    len = sizeof(ciphertext);
    assert_true(EVP_PKEY_encapsulate(pctx, ciphertext, &len, ours, &secret_len)
                > 0);
    assert_int_equal(decapsulate(s, key, ciphertext, len, theirs), 1);
    assert_memory_equal(ours, theirs, SECRET_LEN);
    /* A public key opens nothing. */
    assert_int_equal(decapsulate(s, public, ciphertext, len, theirs), 0);
    OPENSSL_free(spki.data);
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(public);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void
wrong_ciphertexts(void **state)
{
    const struct support *s = *state;
    struct vector vectors[VECTORS];
    unsigned char secret[SECRET_LEN], *bad;
    EVP_PKEY *key;
    size_t i;

    read_vectors(vectors);
    key = decode(s, vectors[0].private.data, vectors[0].private.len,
                 "PrivateKeyInfo");
    bad = vectors[0].ciphertext.data;
    for (i = 0; i < CIPHERTEXT_LEN; i += 37) {
        bad[i] ^= 4;
        if (decapsulate(s, key, bad, CIPHERTEXT_LEN, secret))
            assert_memory_not_equal(secret, vectors[0].secret.data, SECRET_LEN);
        bad[i] ^= 4;
    }
    for (i = 0; i < CIPHERTEXT_LEN; i += 160)
        assert_int_equal(decapsulate(s, key, bad, i, secret), 0);
    /* A point of small order: the shared secret would be all zero. */
    memset(bad + X25519_AT, 0, CIPHERTEXT_LEN - X25519_AT);
    assert_int_equal(decapsulate(s, key, bad, CIPHERTEXT_LEN, secret), 0);
    EVP_PKEY_free(key);
    drop_vectors(vectors);
}

/* Every byte of a PrivateKeyInfo before the key itself, and every length. */
static void
malformed_keys(void **state)
{
    const struct support *s = *state;
    struct vector vectors[VECTORS];
    struct octets spki;
    EVP_PKEY *key;
    size_t i, head;

    read_vectors(vectors);
    head = vectors[0].private.len - PRIVATE_LEN;
    for (i = 0; i < head; i++) {
        vectors[0].private.data[i] ^= 1;
        assert_null(decode(s, vectors[0].private.data, vectors[0].private.len,
                           "PrivateKeyInfo"));
        vectors[0].private.data[i] ^= 1;
    }
    for (i = 0; i < vectors[0].private.len; i++)
        assert_null(decode(s, vectors[0].private.data, i, "PrivateKeyInfo"));
    key = decode(s, vectors[0].private.data, vectors[0].private.len,
                 "PrivateKeyInfo");
    spki = encode(key, EVP_PKEY_PUBLIC_KEY, "SubjectPublicKeyInfo");
    for (i = 0; i < spki.len; i += 61)
        assert_null(decode(s, spki.data, i, "SubjectPublicKeyInfo"));
    OPENSSL_free(spki.data);
    EVP_PKEY_free(key);
    drop_vectors(vectors);
}

static int
give_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)size;
    (void)writing;
    (void)arg;
    memcpy(buf, "secret", 6);
    return 6;
}

/* In the draft's bytes, and encrypted wherever that is asked for. */
static void
keys_are_encoded(void **state)
{
    const struct support *s = *state;
    struct vector vectors[VECTORS];
    EVP_PKEY *key, *again;
    struct octets der;
    BIO *pem;
    char *text;
    long len;

    read_vectors(vectors);
    key = decode(s, vectors[0].private.data, vectors[0].private.len,
                 "PrivateKeyInfo");
    der = encode(key, EVP_PKEY_KEYPAIR, "PrivateKeyInfo");
    assert_int_equal(der.len, vectors[0].private.len);
    assert_memory_equal(der.data, vectors[0].private.data, der.len);

    pem = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_PrivateKey_ex(pem, key, EVP_aes_256_cbc(), NULL,
                                            0, give_passphrase, NULL, s->libctx,
                                            NULL));
    len = BIO_get_mem_data(pem, &text);
    assert_true(len > 0 && strncmp(text, "-----BEGIN ENCRYPTED", 20) == 0);
    again = PEM_read_bio_PrivateKey_ex(pem, NULL, give_passphrase, NULL,
                                       s->libctx, NULL);
    assert_non_null(again);
    assert_int_equal(EVP_PKEY_eq(key, again), 1);
    OPENSSL_free(der.data);
    BIO_free(pem);
    EVP_PKEY_free(again);
    EVP_PKEY_free(key);
    drop_vectors(vectors);
    ERR_clear_error();
}

/* As libcrypto's own keys: of a key pair what there is, and a private key with no
 * other public key than its own. */
static void
raw_keys_in_and_out(void **state)
{
    const struct support *s = *state;
    unsigned char ciphertext[CIPHERTEXT_LEN], ours[SECRET_LEN];
    unsigned char theirs[SECRET_LEN] = { 0 };
    size_t len = sizeof(ciphertext), secret_len = sizeof(ours), i;
    EVP_PKEY *keys[2], *made, *public;
    OSSL_PARAM *data[2], *none, mixed[3];
    EVP_PKEY_CTX *pctx;

    for (i = 0; i < 2; i++) {
        keys[i] = support_keygen(s, NAME, NULL, 0);
        assert_non_null(keys[i]);
        assert_true(EVP_PKEY_todata(keys[i], EVP_PKEY_KEYPAIR, &data[i]));
    }
    mixed[0] = *OSSL_PARAM_locate(data[0], OSSL_PKEY_PARAM_PRIV_KEY);
    mixed[2] = OSSL_PARAM_construct_end();
    for (i = 0; i < 2; i++) {
        mixed[1] = *OSSL_PARAM_locate(data[i], OSSL_PKEY_PARAM_PUB_KEY);
        pctx = EVP_PKEY_CTX_new_from_name(s->libctx, NAME, NULL);
        assert_true(EVP_PKEY_fromdata_init(pctx) > 0);
        made = NULL;
        assert_int_equal(EVP_PKEY_fromdata(pctx, &made, EVP_PKEY_KEYPAIR, mixed)
                             > 0,
                         i == 0);
        EVP_PKEY_free(made);
        EVP_PKEY_CTX_free(pctx);
    }

    pctx = EVP_PKEY_CTX_new_from_name(s->libctx, NAME, NULL);
    public = NULL;
    assert_true(EVP_PKEY_fromdata_init(pctx) > 0);
    assert_true(EVP_PKEY_fromdata(pctx, &public, EVP_PKEY_PUBLIC_KEY, data[0])
                > 0);
    EVP_PKEY_CTX_free(pctx);
    assert_true(EVP_PKEY_todata(public, EVP_PKEY_KEYPAIR, &none));
    assert_non_null(OSSL_PARAM_locate(none, OSSL_PKEY_PARAM_PUB_KEY));
    assert_null(OSSL_PARAM_locate(none, OSSL_PKEY_PARAM_PRIV_KEY));
    OSSL_PARAM_free(none);

    /* Where the lengths are not asked for, room is the caller's word. */
    pctx = EVP_PKEY_CTX_new_from_pkey(s->libctx, public, NULL);
    assert_true(EVP_PKEY_encapsulate_init(pctx, NULL) > 0);
    assert_true(EVP_PKEY_encapsulate(pctx, ciphertext, &len, ours, &secret_len)
                > 0);
    EVP_PKEY_CTX_free(pctx);
    pctx = EVP_PKEY_CTX_new_from_pkey(s->libctx, keys[0], NULL);
    assert_true(EVP_PKEY_decapsulate_init(pctx, NULL) > 0);
    assert_true(EVP_PKEY_decapsulate(pctx, theirs, NULL, ciphertext, len) > 0);
    assert_memory_equal(ours, theirs, SECRET_LEN);
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(public);
    for (i = 0; i < 2; i++) {
        OSSL_PARAM_free(data[i]);
        EVP_PKEY_free(keys[i]);
    }
    ERR_clear_error();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_ml_kem_there_is_none),
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(wrong_ciphertexts),
        cmocka_unit_test(malformed_keys),
        cmocka_unit_test(keys_are_encoded),
        cmocka_unit_test(raw_keys_in_and_out),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test(without_ml_kem_there_is_none),
    };

    if (!is_there())
        return cmocka_run_group_tests_name(
            "hybrid", without, support_group_setup, support_group_teardown);
    return cmocka_run_group_tests_name("hybrid", tests, support_group_setup,
                                       support_group_teardown);
}
