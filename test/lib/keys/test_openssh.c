/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSH's keys: they are the same keys as in PEM, and every cut and every
 * changed byte is refused or makes no difference.
 */
#include "lib/keys/openssh.h"

#include "lib/base/wire.h"
#include "lib/keys/openssh_key.h"
#include "test/fuzz/keys.h"
#include "test/lib/keys/openssh_keys.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define RSA_LEN_MAX 2048
#define SECRET_LEN 16

static const struct envl_libctx ctx = { .propq = "?provider=default" };

/* Reading */

enum { KEYS_MAX = 8 };

struct got {
    size_t count;
    EVP_PKEY *keys[KEYS_MAX];
    bool is_private[KEYS_MAX];
    struct envl_err err;
};

static enum envelope_reason
take(void *arg, const struct envl_key_item *item, struct envl_err *err)
{
    EVP_PKEY *key =
        item->private_key != NULL ? item->private_key : item->public_key;
    struct got *got = arg;

    (void)err;
    assert_non_null(key);
    assert_null(item->cert);
    assert_true((item->private_key != NULL) != (item->public_key != NULL));
    assert_true(got->count < KEYS_MAX);
    assert_true(EVP_PKEY_up_ref(key));
    got->is_private[got->count] = item->private_key != NULL;
    got->keys[got->count++] = key;
    return ENVELOPE_OK;
}

static void
clear(struct got *got)
{
    while (got->count > 0)
        EVP_PKEY_free(got->keys[--got->count]);
}

/* From a buffer of exactly this size, as an identity or recipient would. */
static enum envelope_reason
read_bytes(struct got *got, const void *text, size_t len)
{
    const struct envl_key_reader reader = { .ctx = &ctx,
                                            .take = take,
                                            .arg = got };
    unsigned char *copy = malloc(len > 0 ? len : 1);
    struct envl_octets octets = { .data = copy, .len = len };
    struct envl_octets_list list = { .items = &octets, .count = 1 };
    enum envelope_reason rc;

    *got = (struct got){ 0 };
    assert_non_null(copy);
    memcpy(copy, text, len);
    rc = envl_keys_read_octets(&reader, &list, "test", &got->err);
    free(copy);
    if (rc == ENVELOPE_OK)
        assert_int_equal(ERR_peek_error(), 0);
    else
        assert_int_equal(got->err.reason, rc);
    ERR_clear_error();
    return rc;
}

static enum envelope_reason
read_text(struct got *got, const char *text)
{
    return read_bytes(got, text, strlen(text));
}

/* The caller frees *der. */
static size_t
encode(unsigned char **der, EVP_PKEY *key, bool is_private)
{
    int len;

    *der = NULL;
    len = is_private ? i2d_PrivateKey(key, der) : i2d_PUBKEY(key, der);
    assert_true(len > 0);
    return (size_t)len;
}

static void
assert_same(const struct got *a, const struct got *b)
{
    unsigned char *der_a, *der_b;
    size_t i, len_a, len_b;

    assert_int_equal(a->count, b->count);
    for (i = 0; i < a->count; i++) {
        assert_int_equal(a->is_private[i], b->is_private[i]);
        len_a = encode(&der_a, a->keys[i], a->is_private[i]);
        len_b = encode(&der_b, b->keys[i], b->is_private[i]);
        assert_int_equal(len_a, len_b);
        assert_memory_equal(der_a, der_b, len_a);
        OPENSSL_free(der_a);
        OPENSSL_free(der_b);
    }
}

/* What is read */

static const struct {
    const char *private_text, *public_text, *pem; /* NULL: not in PEM */
} good[] = {
    { OPENSSH_RSA, OPENSSH_RSA_PUB, FUZZ_KEY_RSA },
    { OPENSSH_P256, OPENSSH_P256_PUB, FUZZ_KEY_P256 },
    { OPENSSH_P384, OPENSSH_P384_PUB, NULL },
    { OPENSSH_P521, OPENSSH_P521_PUB, NULL },
    { OPENSSH_ED25519, OPENSSH_ED25519_PUB, NULL },
};

static void
keys_are_those_of_pem(void **state)
{
    struct got from_pem, from_ssh;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        if (good[i].pem == NULL)
            continue;
        assert_int_equal(read_text(&from_pem, good[i].pem), ENVELOPE_OK);
        assert_int_equal(read_text(&from_ssh, good[i].private_text),
                         ENVELOPE_OK);
        assert_int_equal(from_ssh.count, 1);
        assert_true(from_ssh.is_private[0]);
        assert_same(&from_pem, &from_ssh);
        clear(&from_pem);
        clear(&from_ssh);
    }
}

static void
public_keys_are_halves_of_private_keys(void **state)
{
    struct got pair, half;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        assert_int_equal(read_text(&pair, good[i].private_text), ENVELOPE_OK);
        assert_int_equal(read_text(&half, good[i].public_text), ENVELOPE_OK);
        assert_int_equal(half.count, 1);
        assert_false(half.is_private[0]);
        assert_int_equal(EVP_PKEY_eq(pair.keys[0], half.keys[0]), 1);
        clear(&pair);
        clear(&half);
    }
}

static void
many_keys_come_in_order(void **state)
{
    static const char text[] = "# ssh-rsa AAAAB3 is a comment\r\n"
                               "\r\n" OPENSSH_P384_PUB "\n"
                               "  \t" OPENSSH_RSA_PUB OPENSSH_P256
                               "\n" OPENSSH_P521_PUB "   # none\n" OPENSSH_RSA;
    static const bool is_private[] = { false, false, true, false, true };
    static const char *const types[] = { "EC", "RSA", "EC", "EC", "RSA" };
    struct got got;
    size_t i;

    (void)state;
    assert_int_equal(read_text(&got, text), ENVELOPE_OK);
    assert_int_equal(got.count, COUNT(types));
    for (i = 0; i < COUNT(types); i++) {
        assert_true(EVP_PKEY_is_a(got.keys[i], types[i]));
        assert_int_equal(got.is_private[i], is_private[i]);
    }
    clear(&got);
}

static void
carriage_returns_make_no_difference(void **state)
{
    struct got plain, crlf;
    char text[2 * sizeof(OPENSSH_RSA)];
    const char *from;
    size_t len = 0;

    (void)state;
    for (from = OPENSSH_RSA; *from != '\0'; from++) {
        if (*from == '\n')
            text[len++] = '\r';
        text[len++] = *from;
    }
    assert_int_equal(read_text(&plain, OPENSSH_RSA), ENVELOPE_OK);
    assert_int_equal(read_bytes(&crlf, text, len), ENVELOPE_OK);
    assert_same(&plain, &crlf);
    clear(&plain);
    clear(&crlf);
}

/* What is refused, and how it says so */

static void
others_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum envelope_reason reason;
        const char *detail;
    } bad[] = {
        { OPENSSH_ED25519_ENCRYPTED, ENVELOPE_R_UNSUPPORTED_KEY,
          "test parameter 1, line 1: an OpenSSH private key under a" },
        { OPENSSH_P256_ENCRYPTED, ENVELOPE_R_UNSUPPORTED_KEY,
          "ssh-keygen -p -m PKCS8 -f COPY" },
        { OPENSSH_RSA_CERT, ENVELOPE_R_UNSUPPORTED_KEY, "certificate" },
        { "ssh-dss AAAAB3NzaC1kc3M=\n", ENVELOPE_R_UNSUPPORTED_KEY,
          "ssh-dss cannot be used" },
        { "sk-ssh-ed25519@openssh.com "
          "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t",
          ENVELOPE_R_UNSUPPORTED_KEY, "openssh.com cannot be used" },
        { "sk-ecdsa-sha2-nistp256@openssh.com "
          "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20=",
          ENVELOPE_R_UNSUPPORTED_KEY, "openssh.com cannot be used" },
        { "ssh-new AAAAB3NzaC1uZXc= me", ENVELOPE_R_UNSUPPORTED_KEY,
          "unknown type" },
        { "ssh-new AAAAB3NzaC1uZX\x1b= me", ENVELOPE_R_UNREADABLE_KEY,
          "well-formed" },
        { "restrict,command=\"a b\" " OPENSSH_RSA_PUB,
          ENVELOPE_R_UNREADABLE_KEY, "in front of" },
        { "host.example " OPENSSH_P256_PUB, ENVELOPE_R_UNREADABLE_KEY,
          "in front of" },
        { OPENSSH_RSA_PUB "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==\n",
          ENVELOPE_R_UNREADABLE_KEY, "line 2: not a well-formed" },
        { OPENSSH_P256_PUB "some text\n", ENVELOPE_R_UNREADABLE_KEY,
          "line 2: not an OpenSSH key" },
        { OPENSSH_P256_PUB FUZZ_KEY_P256, ENVELOPE_R_UNREADABLE_KEY,
          "line 2: a PEM block among OpenSSH keys" },
        { FUZZ_KEY_P256 OPENSSH_P256_PUB, ENVELOPE_R_UNREADABLE_KEY,
          "line 1: a PEM block among OpenSSH keys" },
        { FUZZ_KEY_P256 OPENSSH_RSA, ENVELOPE_R_UNREADABLE_KEY,
          "line 1: a PEM block among OpenSSH keys" },
        { FUZZ_KEY_P256 OPENSSH_ED25519_PUB, ENVELOPE_R_UNREADABLE_KEY,
          "line 1: a PEM block among OpenSSH keys" },
        { "ssh-rsa", ENVELOPE_R_UNREADABLE_KEY, "well-formed" },
        { "ssh-rsa AAAA", ENVELOPE_R_UNREADABLE_KEY, "well-formed" },
        { "ssh-rsa ====", ENVELOPE_R_UNREADABLE_KEY, "well-formed" },
        { "ssh-rsa AAAAB3NzaC1yc2F=", ENVELOPE_R_UNREADABLE_KEY,
          "well-formed" }, /* bits after the last byte */
        { "-----BEGIN OPENSSH PRIVATE KEY-----", ENVELOPE_R_UNREADABLE_KEY,
          "line 1: the PEM block that begins here has no end" },
        { "-----BEGIN OPENSSH PRIVATE KEY-----\n"
          "-----END OPENSSH PRIVATE KEY-----\n",
          ENVELOPE_R_UNREADABLE_KEY, "well-formed" },
        { "# only\n# comments\n", ENVELOPE_R_UNREADABLE_KEY,
          "holds no key or certificate" },
    };
    struct got got;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(read_text(&got, bad[i].text), bad[i].reason);
        if (strstr(got.err.detail, bad[i].detail) == NULL)
            fail_msg("%zu: %s", i, got.err.detail);
        clear(&got);
    }
}

static void
failure_of_take_comes_through(void **state)
{
    static const char text[] = OPENSSH_P256_PUB OPENSSH_RSA_CERT;
    struct got got;

    (void)state;
    /* What has been given before the bad line has been given. */
    assert_int_equal(read_text(&got, text), ENVELOPE_R_UNSUPPORTED_KEY);
    assert_int_equal(got.count, 1);
    clear(&got);
}

/* Blobs: the binary inside of a key */

struct blob {
    const char *type; /* of a public key; NULL: private */
    unsigned char *data;
    size_t len;
};

static void
open_text(struct blob *blob, const char *text)
{
    static const char head[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    bool is_private = strncmp(text, head, strlen(head)) == 0;
    const char *p = is_private ? text + strlen(head) : strchr(text, ' ') + 1;
    size_t size = strlen(p), len = 0, padding;
    char *base64 = malloc(size);

    assert_non_null(base64);
    blob->data = malloc(size);
    assert_non_null(blob->data);
    for (; *p != '\0' && *p != '-' && *p != ' '; p++) {
        if (*p != '\n')
            base64[len++] = *p;
    }
    padding = (size_t)(base64[len - 1] == '=') + (base64[len - 2] == '=');
    blob->len = 3 * len / 4 - padding;
    assert_int_equal(
        EVP_DecodeBlock(blob->data, (unsigned char *)base64, (int)len),
        blob->len + padding);
    blob->type = is_private                         ? NULL
                 : strncmp(text, "ssh-rsa", 7) == 0 ? "ssh-rsa"
                 : strstr(text, "p256") != NULL     ? "ecdsa-sha2-nistp256"
                 : strstr(text, "p384") != NULL     ? "ecdsa-sha2-nistp384"
                                                    : "ecdsa-sha2-nistp521";
    free(base64);
}

static enum envelope_reason
read_blob(struct got *got, const char *type, const unsigned char *data,
          size_t len)
{
    static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    static const char end[] = "\n-----END OPENSSH PRIVATE KEY-----\n";
    char *text = malloc(2 * len + sizeof(begin) + sizeof(end) + 64);
    enum envelope_reason rc;

    assert_non_null(text);
    if (type != NULL) {
        strcpy(text, type);
        strcat(text, " ");
    } else {
        strcpy(text, begin);
    }
    (void)EVP_EncodeBlock((unsigned char *)text + strlen(text), data, (int)len);
    if (type == NULL)
        strcat(text, end);
    rc = read_text(got, text);
    free(text);
    return rc;
}

/* A number inside a public key of RSA: does it say what the blob says? */
static void
assert_says(EVP_PKEY *key, const char *name, const unsigned char *p, size_t len)
{
    BIGNUM *want = BN_bin2bn(p, (int)len, NULL), *have = NULL;

    assert_non_null(want);
    assert_true(EVP_PKEY_get_bn_param(key, name, &have));
    assert_int_equal(BN_cmp(want, have), 0);
    BN_free(want);
    BN_free(have);
}

enum { E_AT = 4 + 7 + 4, E_LEN = 3, N_AT = E_AT + E_LEN + 4 };

/* Nothing guards the numbers of a public RSA key: another is another key. */
static void
assert_same_or_said(const struct got *got, const struct got *whole,
                    const struct blob *blob)
{
    if (blob->type == NULL || strcmp(blob->type, "ssh-rsa") != 0) {
        assert_same(got, whole);
        return;
    }
    assert_int_equal(got->count, 1);
    assert_says(got->keys[0], OSSL_PKEY_PARAM_RSA_E, blob->data + E_AT, E_LEN);
    assert_says(got->keys[0], OSSL_PKEY_PARAM_RSA_N, blob->data + N_AT,
                blob->len - N_AT);
}

/* Only the comment of a private key, before its padding, may be another. */
static bool
is_comment(const struct blob *blob, size_t at)
{
    size_t padding = blob->data[blob->len - 1], len = 0, end;

    if (blob->type != NULL)
        return false;
    end = blob->len - (padding < 8 ? padding : 0);
    while (blob->data[end - len - 1] != len)
        len++;
    return at < end && at >= end - len;
}

/* The blob in a buffer of exactly its size */
static void
parse_exactly(const struct blob *blob, size_t len)
{
    struct envl_octets exact = { .data = malloc(len > 0 ? len : 1),
                                 .len = len };
    struct envl_err err = { 0 };
    EVP_PKEY *key = NULL;

    assert_non_null(exact.data);
    memcpy(exact.data, blob->data, len);
    if (blob->type != NULL)
        (void)envl_openssh_key_public(&key, &ctx, &exact, "test", &err);
    else
        (void)envl_openssh_key_private(&key, &ctx, &exact, "test", &err);
    ERR_clear_error();
    EVP_PKEY_free(key);
    free(exact.data);
}

static void
flip_blob(struct blob *blob, size_t at, unsigned char bits,
          const struct got *whole)
{
    bool may_pass = is_comment(blob, at);
    struct got got;

    may_pass =
        may_pass || (blob->type != NULL && strcmp(blob->type, "ssh-rsa") == 0);
    blob->data[at] ^= bits;
    parse_exactly(blob, blob->len);
    if (read_blob(&got, blob->type, blob->data, blob->len) == ENVELOPE_OK) {
        if (!may_pass)
            fail_msg("byte %zu, bits %x", at, bits);
        assert_same_or_said(&got, whole, blob);
    } else {
        assert_int_equal(got.count, 0);
    }
    clear(&got);
    blob->data[at] ^= bits;
}

static void
damage_blob(const char *text)
{
    static const unsigned char flips[] = { 0x01, 0x80, 0xff };
    struct got whole, got;
    struct blob blob;
    size_t i, k;

    open_text(&blob, text);
    assert_int_equal(read_blob(&whole, blob.type, blob.data, blob.len),
                     ENVELOPE_OK);
    for (i = 0; i < blob.len; i++) {
        assert_int_not_equal(read_blob(&got, blob.type, blob.data, i),
                             ENVELOPE_OK);
        parse_exactly(&blob, i);
        for (k = 0; k < COUNT(flips); k++)
            flip_blob(&blob, i, flips[k], &whole);
    }
    clear(&whole);
    free(blob.data);
}

static void
damaged_private_blobs_are_refused(void **state)
{
    (void)state;
    damage_blob(OPENSSH_RSA);
    damage_blob(OPENSSH_P256);
    damage_blob(OPENSSH_P521);
    damage_blob(OPENSSH_ED25519);
}

static void
damaged_public_blobs_are_refused(void **state)
{
    (void)state;
    damage_blob(OPENSSH_RSA_PUB);
    damage_blob(OPENSSH_P256_PUB);
    damage_blob(OPENSSH_P521_PUB);
}

static void
damaged_blobs_of_refused_keys_do_no_harm(void **state)
{
    static const char *const texts[] = { OPENSSH_ED25519_ENCRYPTED,
                                         OPENSSH_P256_ENCRYPTED };
    struct blob blob;
    struct got got;
    size_t i, k;

    (void)state;
    for (k = 0; k < COUNT(texts); k++) {
        open_text(&blob, texts[k]);
        for (i = 0; i < blob.len; i++) {
            blob.data[i] ^= 0xff;
            assert_int_not_equal(
                read_blob(&got, blob.type, blob.data, blob.len), ENVELOPE_OK);
            assert_int_not_equal(read_blob(&got, blob.type, blob.data, i),
                                 ENVELOPE_OK);
            blob.data[i] ^= 0xff;
        }
        free(blob.data);
    }
}

static void
damage_text(const char *text)
{
    size_t len = strlen(text), i;
    struct got whole, got;
    char *copy = strdup(text);

    assert_non_null(copy);
    assert_int_equal(read_text(&whole, text), ENVELOPE_OK);
    for (i = 0; i < len; i++) {
        if (read_bytes(&got, text, i) == ENVELOPE_OK)
            assert_same(&got, &whole);
        clear(&got);
        copy[i] = (char)(copy[i] ^ 0x41);
        if (read_bytes(&got, copy, len) == ENVELOPE_OK)
            assert_same(&got, &whole);
        clear(&got);
        copy[i] = text[i];
    }
    clear(&whole);
    free(copy);
}

static void
damaged_texts_are_refused(void **state)
{
    (void)state;
    damage_text(OPENSSH_P256);
    damage_text(OPENSSH_P384_PUB);
}

/* Blobs that differ in one place, of another length than before */

static void
other_encodings_are_refused(void **state)
{
    static const struct {
        const char *text;
        size_t at, drop;
        const char *put;
        size_t put_len;
    } edits[] = {
        /* e with a zero in front, negative, zero, none, 1, even, too long */
        { OPENSSH_RSA_PUB, E_AT - 4, 7, "\0\0\0\4\0\1\0\1", 8 },
        { OPENSSH_RSA_PUB, E_AT - 4, 7, "\0\0\0\1\x81", 5 },
        { OPENSSH_RSA_PUB, E_AT - 4, 7, "\0\0\0\1\0", 5 },
        { OPENSSH_RSA_PUB, E_AT - 4, 7, "\0\0\0\0", 4 },
        { OPENSSH_RSA_PUB, E_AT - 4, 7, "\0\0\0\1\1", 5 },
        { OPENSSH_RSA_PUB, E_AT - 4, 7, "\0\0\0\3\1\0\0", 7 },
        { OPENSSH_RSA_PUB, E_AT - 4, 7,
          "\0\0\0\x21"
          "111111111111111111111111111111111",
          37 },
        /* something after the key */
        { OPENSSH_RSA_PUB, N_AT + 257, 0, "\0\0\0\0", 4 },
        { OPENSSH_P256_PUB, 4 + 19 + 4 + 8 + 4 + 65, 0, "\0", 1 },
        /* a point that is in both forms, in the short form, and infinity */
        { OPENSSH_P256_PUB, 4 + 19 + 4 + 8 + 4, 1, "\6", 1 },
        { OPENSSH_P256_PUB, 4 + 19 + 4 + 8 + 4, 1, "\7", 1 },
        { OPENSSH_P256_PUB, 4 + 19 + 4 + 8, 4 + 33, "\0\0\0\x21\2", 5 },
        { OPENSSH_P256_PUB, 4 + 19 + 4 + 8, 4 + 65, "\0\0\0\1\0", 5 },
        /* a curve by another name */
        { OPENSSH_P256_PUB, 4 + 19, 4 + 8, "\0\0\0\x0bnistp256192", 15 },
        /* no and two keys in a file */
        { OPENSSH_P256, 15 + 8 + 8 + 4, 4, "\0\0\0\0", 4 },
        { OPENSSH_P256, 15 + 8 + 8 + 4, 4, "\0\0\0\2", 4 },
        /* something after the private part */
        { OPENSSH_P256, 15 + 8 + 8 + 4 + 4 + 4 + 104 + 4 + 152, 0, "\0", 1 },
        /* options of no KDF, no cipher, no KDF */
        { OPENSSH_P256, 15 + 8 + 8, 4, "\0\0\0\1\0", 5 },
        { OPENSSH_P256, 15, 8, "\0\0\0\0", 4 },
        { OPENSSH_P256, 15 + 8, 8, "\0\0\0\0", 4 },
    };
    unsigned char data[2048];
    struct blob blob;
    struct got got;
    size_t i, rest;

    (void)state;
    for (i = 0; i < COUNT(edits); i++) {
        open_text(&blob, edits[i].text);
        assert_true(blob.len + edits[i].put_len <= sizeof(data));
        rest = edits[i].at + edits[i].drop;
        memcpy(data, blob.data, edits[i].at);
        memcpy(data + edits[i].at, edits[i].put, edits[i].put_len);
        memcpy(data + edits[i].at + edits[i].put_len, blob.data + rest,
               blob.len - rest);
        if (read_blob(&got, blob.type, data,
                      edits[i].at + edits[i].put_len + blob.len - rest)
            == ENVELOPE_OK)
            fail_msg("%zu is taken", i);
        assert_int_equal(got.count, 0);
        free(blob.data);
    }
}

/* Where libcrypto's decoder reads what it would not write */
static void
other_base64_is_refused(void **state)
{
    static const char *const edits[][2] = { { "AAAAB3N", "A=AAB3N" },
                                            { "AAAAB3N", "AAAAB3\v" },
                                            { "IAQ=", "IAR=" },
                                            { "IAQ=", "IAQ-" },
                                            { "IAQ=", "IAQ" } };
    char text[sizeof(OPENSSH_RSA_PUB)], *at;
    struct got got;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(edits); i++) {
        strcpy(text, i < 2 ? OPENSSH_RSA_PUB : OPENSSH_P256_PUB);
        at = strstr(text, edits[i][0]);
        assert_non_null(at);
        memmove(at + strlen(edits[i][1]), at + strlen(edits[i][0]),
                strlen(at + strlen(edits[i][0])) + 1);
        memcpy(at, edits[i][1], strlen(edits[i][1]));
        if (read_text(&got, text) != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%zu is taken", i);
        clear(&got);
    }
}

/* Private RSA keys whose numbers do not all belong together */

enum { N, E, D, IQMP, P, Q, NUMBERS };

static unsigned char *
put_string(unsigned char *p, const void *data, size_t len)
{
    envl_put_be32(p, (uint32_t)len);
    memcpy(p + 4, data, len);
    return p + 4 + len;
}

static unsigned char *
put_number(unsigned char *p, const BIGNUM *n)
{
    int len = BN_num_bits(n) / 8 + 1; /* with room for its sign */

    envl_put_be32(p, (uint32_t)len);
    assert_int_equal(BN_bn2binpad(n, p + 4, len), len);
    return p + 4 + len;
}

/* outer_e stands in the public part only; extra bytes of padding. */
static enum envelope_reason
read_numbers(BIGNUM *const n[NUMBERS], const BIGNUM *outer_e, size_t extra)
{
    static const char head[] = "openssh-key-v1\0\0\0\0\4none\0\0\0\4none"
                               "\0\0\0\0\0\0\0\1";
    unsigned char part[4096], data[4096], *p = part, *q, pad = 1;
    enum envelope_reason rc;
    struct got got;
    size_t i;

    p = put_string(p, "ssh-rsa", 7);
    p = put_number(p, outer_e);
    p = put_number(p, n[N]);
    memcpy(data, head, sizeof(head) - 1);
    q = put_string(data + sizeof(head) - 1, part, (size_t)(p - part));
    memcpy(part, "12341234", 8);
    p = put_string(part + 8, "ssh-rsa", 7);
    for (i = 0; i < NUMBERS; i++)
        p = put_number(p, n[i]);
    p = put_string(p, "comment", 7);
    while ((p - part) % 8 != 0)
        *p++ = pad++;
    while (extra-- > 0)
        *p++ = pad++;
    q = put_string(q, part, (size_t)(p - part));
    rc = read_blob(&got, NULL, data, (size_t)(q - data));
    clear(&got);
    return rc;
}

static void
numbers_must_belong_together(void **state)
{
    static const char *const names[NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,       OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,       OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2
    };
    BIGNUM *n[NUMBERS] = { NULL }, *other[6] = { NULL }, *kept;
    static const int at[] = { D, D, D, IQMP, N };
    BN_CTX *bn_ctx = BN_CTX_new();
    struct got got;
    size_t i;

    (void)state;
    assert_int_equal(read_text(&got, OPENSSH_RSA), ENVELOPE_OK);
    for (i = 0; i < NUMBERS; i++)
        assert_true(EVP_PKEY_get_bn_param(got.keys[0], names[i], &n[i]));
    /* d that is right for p only, for q only, and larger than n */
    assert_true(EVP_PKEY_get_bn_param(
        got.keys[0], OSSL_PKEY_PARAM_RSA_EXPONENT1, &other[0]));
    assert_true(EVP_PKEY_get_bn_param(
        got.keys[0], OSSL_PKEY_PARAM_RSA_EXPONENT2, &other[1]));
    other[2] = BN_dup(n[N]); /* plus d, minus p, minus q, plus 1 */
    assert_true(BN_add(other[2], other[2], n[D]));
    assert_true(BN_sub(other[2], other[2], n[P]));
    assert_true(BN_sub(other[2], other[2], n[Q]));
    assert_true(BN_add(other[2], other[2], BN_value_one()));
    /* larger than p; not their product; another e inside than outside */
    other[3] = BN_dup(n[IQMP]);
    assert_true(BN_add(other[3], other[3], n[P]));
    other[4] = BN_new();
    assert_true(BN_sqr(other[4], n[N], bn_ctx));
    other[5] = BN_dup(n[E]);
    clear(&got);

    assert_int_equal(read_numbers(n, n[E], 0), ENVELOPE_OK);
    assert_int_equal(read_numbers(n, n[E], 1), ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(read_numbers(n, n[E], 8), ENVELOPE_R_UNREADABLE_KEY);
    for (i = 0; i < COUNT(at); i++) {
        kept = n[at[i]];
        n[at[i]] = other[i];
        assert_int_equal(read_numbers(n, n[E], 0), ENVELOPE_R_UNREADABLE_KEY);
        n[at[i]] = kept;
    }
    assert_true(BN_set_word(other[5], 17));
    assert_int_equal(read_numbers(n, other[5], 0), ENVELOPE_R_UNREADABLE_KEY);
    /* 1 as a factor */
    assert_non_null(BN_copy(n[P], n[N]));
    assert_true(BN_one(n[Q]) && BN_one(n[IQMP]));
    assert_int_equal(read_numbers(n, n[E], 0), ENVELOPE_R_UNREADABLE_KEY);
    for (i = 0; i < NUMBERS; i++) {
        BN_clear_free(n[i]);
        BN_clear_free(other[i]);
    }
    BN_CTX_free(bn_ctx);
}

static void
type_in_front_must_be_that_of_the_key(void **state)
{
    struct blob blob;
    struct got got;

    (void)state;
    open_text(&blob, OPENSSH_P256_PUB);
    assert_int_equal(
        read_blob(&got, "ecdsa-sha2-nistp384", blob.data, blob.len),
        ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(read_blob(&got, "ssh-rsa", blob.data, blob.len),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(read_blob(&got, "ssh-", blob.data, blob.len),
                     ENVELOPE_R_UNREADABLE_KEY);
    free(blob.data);
}

static void
a_small_exponent_is_taken(void **state)
{
    struct blob blob;
    struct got got;

    (void)state;
    open_text(&blob, OPENSSH_RSA_PUB);
    memcpy(blob.data + E_AT - 4 + 2, "\0\0\0\1\3", 5);
    memcpy(blob.data + 2, "\0\0\0\7ssh-rsa", 11);
    assert_int_equal(read_blob(&got, blob.type, blob.data + 2, blob.len - 2),
                     ENVELOPE_OK);
    clear(&got);
    free(blob.data);
}

static void
texts_beyond_the_limit_are_refused(void **state)
{
    const size_t len = 100000;
    char *text = malloc(len + 1);
    struct got got;

    (void)state;
    assert_non_null(text);
    memset(text, 'A', len);
    text[len] = '\0';
    memcpy(text, "ssh-rsa ", 8);
    assert_int_equal(read_text(&got, text), ENVELOPE_R_UNREADABLE_KEY);
    memcpy(text, "-----BEGIN OPENSSH PRIVATE KEY-----\n", 36);
    memcpy(text + len - 35, "\n-----END OPENSSH PRIVATE KEY-----\n", 35);
    assert_int_equal(read_text(&got, text), ENVELOPE_R_UNREADABLE_KEY);
    free(text);
}

/* Memory */

static void
sweep(const char *text)
{
    enum envelope_reason rc;
    size_t n, failed = 0;
    struct got got;
    long live;

    assert_int_equal(read_text(&got, text), ENVELOPE_OK); /* warm */
    clear(&got);
    for (n = 1;; n++) {
        live = memory_live();
        memory_fail(n);
        rc = read_text(&got, text);
        memory_fail(0);
        clear(&got);
        if (!memory_failed())
            break;
        failed += rc != ENVELOPE_OK;
        /* libcrypto does not always say that it was memory. */
        assert_true(rc == ENVELOPE_OK || rc == ENVELOPE_R_MEMORY
                    || rc == ENVELOPE_R_UNREADABLE_KEY);
        if (memory_live() != live)
            fail_msg("allocation %zu: %ld blocks are left", n,
                     memory.live - live);
    }
    assert_int_equal(rc, ENVELOPE_OK);
    assert_true(failed > 10);
}

static void
memory_may_run_out(void **state)
{
    (void)state;
    sweep(OPENSSH_RSA);
    sweep(OPENSSH_RSA_PUB);
    sweep(OPENSSH_P256);
    sweep(OPENSSH_P256_PUB);
}

/* Both as the blob has it and as numbers of libcrypto have it */
static void
add_secret(const unsigned char *p)
{
    unsigned char reversed[SECRET_LEN];
    size_t i;

    for (i = 0; i < SECRET_LEN; i++)
        reversed[SECRET_LEN - 1 - i] = p[i];
    memory_watch(p, SECRET_LEN);
    memory_watch(reversed, SECRET_LEN);
}

/* Of the numbers in the order of a private key's blob, by their names */
static void
add_secret_number(EVP_PKEY *key, const char *name)
{
    unsigned char bytes[RSA_LEN_MAX];
    BIGNUM *n = NULL;

    assert_true(EVP_PKEY_get_bn_param(key, name, &n));
    assert_true(BN_num_bytes(n) <= RSA_LEN_MAX);
    (void)BN_bn2bin(n, bytes);
    BN_clear_free(n);
    add_secret(bytes + 4);
}

static void
assert_wiped(const char *text, const char *const names[], size_t count)
{
    struct got got;
    size_t i;

    assert_int_equal(read_text(&got, text), ENVELOPE_OK);
    for (i = 0; i < count; i++)
        add_secret_number(got.keys[0], names[i]);
    clear(&got);
    /* The last line but two of the text is in the secret part. */
    add_secret((const unsigned char *)text + strlen(text) - 36 - 2 * 71);
    memory.unwiped = 0;
    assert_int_equal(read_text(&got, text), ENVELOPE_OK);
    clear(&got);
    memory_forget();
    assert_int_equal(memory.unwiped, 0);
}

static void
secrets_are_wiped(void **state)
{
    static const char *const rsa[] = { OSSL_PKEY_PARAM_RSA_D,
                                       OSSL_PKEY_PARAM_RSA_FACTOR1,
                                       OSSL_PKEY_PARAM_RSA_EXPONENT1 };
    static const char *const ec[] = { OSSL_PKEY_PARAM_PRIV_KEY };

    (void)state;
    assert_wiped(OPENSSH_RSA, rsa, COUNT(rsa));
    assert_wiped(OPENSSH_P256, ec, COUNT(ec));
    assert_wiped(OPENSSH_P521, ec, COUNT(ec));
}

/* The private half is a seed. */
static void
a_seed_is_wiped(void **state)
{
    unsigned char seed[32];
    size_t len = sizeof(seed);
    struct got got;

    (void)state;
    assert_int_equal(read_text(&got, OPENSSH_ED25519), ENVELOPE_OK);
    assert_true(EVP_PKEY_get_raw_private_key(got.keys[0], seed, &len) > 0);
    memory_watch(seed, len);
    clear(&got);
    memory.unwiped = 0;
    assert_int_equal(read_text(&got, OPENSSH_ED25519), ENVELOPE_OK);
    clear(&got);
    memory_forget();
    assert_int_equal(memory.unwiped, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_pem),
        cmocka_unit_test(public_keys_are_halves_of_private_keys),
        cmocka_unit_test(many_keys_come_in_order),
        cmocka_unit_test(carriage_returns_make_no_difference),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(failure_of_take_comes_through),
        cmocka_unit_test(damaged_private_blobs_are_refused),
        cmocka_unit_test(damaged_public_blobs_are_refused),
        cmocka_unit_test(damaged_blobs_of_refused_keys_do_no_harm),
        cmocka_unit_test(damaged_texts_are_refused),
        cmocka_unit_test(other_encodings_are_refused),
        cmocka_unit_test(other_base64_is_refused),
        cmocka_unit_test(numbers_must_belong_together),
        cmocka_unit_test(type_in_front_must_be_that_of_the_key),
        cmocka_unit_test(a_small_exponent_is_taken),
        cmocka_unit_test(texts_beyond_the_limit_are_refused),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(secrets_are_wiped),
        cmocka_unit_test(a_seed_is_wiped),
    };

    memory_install("");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
