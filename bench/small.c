/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files: envelopes of 4 KiB for one RSA-2048 recipient, one after the
 * other in one process, against libcrypto wrapping as many keys and no more:
 *     small COUNT TURNS
 * Each sample is a line: turn, direction, way, seconds.  bench/README.md says
 * how to read it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <envelope/envelope.h>

#define TEXT_LEN 4096
#define SEALED_MAX (TEXT_LEN + 2 * ENVELOPE_BLOCK_SIZE)
#define RSA_BITS 2048
#define WRAPPED_LEN (RSA_BITS / 8)
#define COUNT_MAX 1000000

/* Keys as a program has them: PEM in memory. */
struct pem {
    char text[8192];
    size_t len;
};

struct sealed {
    unsigned char bytes[SEALED_MAX], wrapped[WRAPPED_LEN];
    size_t len;
};

/* All that the ways share. */
struct bench {
    OSSL_LIB_CTX *libctx;
    EVP_CIPHER *cipher;
    EVP_PKEY *key, *signer;
    struct pem public, private, signer_public, signer_private;
    unsigned char text[TEXT_LEN];
    struct sealed *sealed, *signed_ones; /* decrypting takes these */
    size_t count;
};

enum direction { DECRYPT = 0, ENCRYPT = 1 };

static void
check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Envelopes, through EVP */

/* A context with the key given to it, and no data yet; with the signer's, too,
 * if it is signed. */
static EVP_CIPHER_CTX *
new_context(struct bench *bench, enum direction direction, bool is_signed)
{
    struct pem *pem = direction == ENCRYPT ? &bench->public : &bench->private;
    struct pem *signer =
        direction == ENCRYPT ? &bench->signer_private : &bench->signer_public;
    const OSSL_PARAM params[3] = {
        OSSL_PARAM_construct_octet_string(direction == ENCRYPT
                                              ? ENVELOPE_PARAM_RECIPIENT
                                              : ENVELOPE_PARAM_IDENTITY,
                                          pem->text, pem->len),
        is_signed ? OSSL_PARAM_construct_octet_string(
            direction == ENCRYPT ? ENVELOPE_PARAM_SIGNER
                                 : ENVELOPE_PARAM_SIGNED_BY_KEY,
            signer->text, signer->len)
                  : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    check(ctx != NULL
              && EVP_CipherInit_ex2(ctx, bench->cipher, NULL, NULL,
                                    (int)direction, params),
          "init");
    return ctx;
}

/* One envelope, with a context that has its key; the output stays in out. */
static size_t
run_envelope(EVP_CIPHER_CTX *ctx, const unsigned char *in, size_t len,
             unsigned char out[SEALED_MAX])
{
    int n = 0, last = 0;

    check(EVP_CipherUpdate(ctx, out, &n, in, (int)len)
              && EVP_CipherFinal_ex(ctx, out + n, &last),
          "envelope");
    return (size_t)n + (size_t)last;
}

static void
one_envelope(struct bench *bench, EVP_CIPHER_CTX *ctx, enum direction direction,
             const struct sealed *sealed)
{
    unsigned char out[SEALED_MAX];
    size_t len = direction == ENCRYPT
                     ? run_envelope(ctx, bench->text, TEXT_LEN, out)
                     : run_envelope(ctx, sealed->bytes, sealed->len, out);

    check(len >= TEXT_LEN
              && (direction == ENCRYPT
                  || memcmp(out, bench->text, TEXT_LEN) == 0),
          "output");
}

/* The ways */

/* A context and the key, as PEM, for each envelope. */
static void
run_pem(struct bench *bench, enum direction direction)
{
    EVP_CIPHER_CTX *ctx;
    size_t i;

    for (i = 0; i < bench->count; i++) {
        ctx = new_context(bench, direction, false);
        one_envelope(bench, ctx, direction, &bench->sealed[i]);
        EVP_CIPHER_CTX_free(ctx);
    }
}

/* One context that is initialised again, and keeps its keys. */
static void
run_with(struct bench *bench, enum direction direction, bool is_signed)
{
    EVP_CIPHER_CTX *ctx = new_context(bench, direction, is_signed);
    const struct sealed *sealed =
        is_signed ? bench->signed_ones : bench->sealed;
    size_t i;

    for (i = 0; i < bench->count; i++) {
        check(EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, (int)direction, NULL),
              "init");
        one_envelope(bench, ctx, direction, &sealed[i]);
    }
    EVP_CIPHER_CTX_free(ctx);
}

static void
run_again(struct bench *bench, enum direction direction)
{
    run_with(bench, direction, false);
}

/* The same with an Ed25519 signature, which is made, or required. */
static void
run_signed(struct bench *bench, enum direction direction)
{
    run_with(bench, direction, true);
}

/* libcrypto's Ed25519 alone: a signature and its check, or the check. */
static void
run_signature(struct bench *bench, enum direction direction)
{
    unsigned char value[64], message[90] = { 0 };
    EVP_MD_CTX *ctx;
    size_t i, len = sizeof(value);

    for (i = 0; i < bench->count; i++) {
        if (direction == ENCRYPT || i == 0) {
            ctx = EVP_MD_CTX_new();
            check(EVP_DigestSignInit_ex(ctx, NULL, NULL, bench->libctx, NULL,
                                        bench->signer, NULL)
                          > 0
                      && EVP_DigestSign(ctx, value, &len, message,
                                        sizeof(message))
                             > 0,
                  "signing");
            EVP_MD_CTX_free(ctx);
        }
        ctx = EVP_MD_CTX_new();
        check(EVP_DigestVerifyInit_ex(ctx, NULL, NULL, bench->libctx, NULL,
                                      bench->signer, NULL)
                      > 0
                  && EVP_DigestVerify(ctx, value, len, message, sizeof(message))
                         > 0,
              "verifying");
        EVP_MD_CTX_free(ctx);
    }
}

/* Copies of a context that was given the key once. */
static void
run_copy(struct bench *bench, enum direction direction)
{
    EVP_CIPHER_CTX *first = new_context(bench, direction, false), *ctx;
    size_t i;

    for (i = 0; i < bench->count; i++) {
        ctx = EVP_CIPHER_CTX_new();
        check(ctx != NULL && EVP_CIPHER_CTX_copy(ctx, first), "copy");
        one_envelope(bench, ctx, direction, &bench->sealed[i]);
        EVP_CIPHER_CTX_free(ctx);
    }
    EVP_CIPHER_CTX_free(first);
}

/* RSA-OAEP as the envelopes have it, ready for many keys. */
static EVP_PKEY_CTX *
wrapping(struct bench *bench, enum direction direction)
{
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(bench->libctx, bench->key, NULL);

    check(ctx != NULL
              && (direction == ENCRYPT ? EVP_PKEY_encrypt_init(ctx)
                                       : EVP_PKEY_decrypt_init(ctx))
                     > 0
              && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0
              && EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA256", NULL) > 0,
          "RSA-OAEP");
    return ctx;
}

/* libcrypto alone, and only the keys: there is no data in it. */
static void
run_limit(struct bench *bench, enum direction direction)
{
    EVP_PKEY_CTX *ctx = wrapping(bench, direction);
    unsigned char key[ENVELOPE_KEY_LENGTH] = { 0 }, out[WRAPPED_LEN];
    size_t i, len;

    for (i = 0; i < bench->count; i++) {
        len = sizeof(out);
        if (direction == ENCRYPT)
            check(EVP_PKEY_encrypt(ctx, out, &len, key, sizeof(key)) > 0,
                  "wrapping");
        else
            check(EVP_PKEY_decrypt(ctx, out, &len, bench->sealed[i].wrapped,
                                   WRAPPED_LEN)
                      > 0,
                  "unwrapping");
    }
    EVP_PKEY_CTX_free(ctx);
}

/*
 * What else FORMAT asks of libcrypto for a new envelope: random bytes, the key
 * envelope's content, the payload key and the payload's one chunk, each as
 * cheaply as its interface allows.  Nothing can be faster than this and the
 * wrapping.
 */
#define RANDOM_LEN 100 /* keys, nonce and salt */
#define INFO_LEN 120   /* about that of the payload key */

struct operations {
    EVP_CIPHER_CTX *gcm;
    EVP_MAC_CTX *hmac;
    EVP_CIPHER *cipher;
};

static void
begin_operations(struct operations *ops, struct bench *bench)
{
    char digest[] = "SHA512";
    const OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(bench->libctx, "HMAC", NULL);

    ops->cipher = EVP_CIPHER_fetch(bench->libctx, "AES-256-GCM", NULL);
    ops->gcm = EVP_CIPHER_CTX_new();
    ops->hmac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    check(ops->cipher != NULL && ops->gcm != NULL && ops->hmac != NULL
              && EVP_MAC_CTX_set_params(ops->hmac, params),
          "operations");
}

static void
end_operations(struct operations *ops)
{
    EVP_CIPHER_free(ops->cipher);
    EVP_CIPHER_CTX_free(ops->gcm);
    EVP_MAC_CTX_free(ops->hmac);
}

static int
seal(struct operations *ops, const unsigned char *key, const unsigned char *in,
     size_t len, unsigned char out[SEALED_MAX])
{
    unsigned char tag[16];
    const OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag,
                                          sizeof(tag)),
        OSSL_PARAM_construct_end(),
    };
    OSSL_PARAM got[2] = { params[0], params[1] };
    int n = 0;

    return EVP_EncryptInit_ex2(ops->gcm, ops->cipher, key, key, NULL)
           && EVP_EncryptUpdate(ops->gcm, out, &n, in, (int)len)
           && EVP_EncryptFinal_ex(ops->gcm, out + n, &n)
           && EVP_CIPHER_CTX_get_params(ops->gcm, got);
}

/* One block, the first with the key. */
static int
expand(struct operations *ops, const unsigned char *key, unsigned char out[64])
{
    static const unsigned char info[INFO_LEN];
    size_t len;

    return EVP_MAC_init(ops->hmac, key, key != NULL ? ENVELOPE_KEY_LENGTH : 0,
                        NULL)
           && EVP_MAC_update(ops->hmac, info, sizeof(info))
           && EVP_MAC_final(ops->hmac, out, &len, 64);
}

static void
run_operations(struct bench *bench, enum direction direction)
{
    EVP_PKEY_CTX *wrap = wrapping(bench, direction);
    unsigned char random[RANDOM_LEN], out[SEALED_MAX];
    struct operations ops;
    size_t i, len;

    begin_operations(&ops, bench);
    for (i = 0; i < bench->count; i++) {
        len = WRAPPED_LEN;
        check(RAND_priv_bytes_ex(bench->libctx, random, sizeof(random), 0) > 0
                  && EVP_PKEY_encrypt(wrap, out, &len, random,
                                      ENVELOPE_KEY_LENGTH)
                         > 0
                  && seal(&ops, random, bench->text, ENVELOPE_KEY_LENGTH, out)
                  && expand(&ops, random, out) && expand(&ops, NULL, out)
                  && seal(&ops, random, bench->text, TEXT_LEN, out),
              "operations");
    }
    EVP_PKEY_CTX_free(wrap);
    end_operations(&ops);
}

static const struct way {
    const char *name;
    void (*run)(struct bench *, enum direction);
    bool only_encrypts;
} ways[] = {
    { "limit", run_limit, false },
    { "operations", run_operations, true },
    { "pem", run_pem, false },
    { "again", run_again, false },
    { "copy", run_copy, false },
    { "signed", run_signed, false },
    { "signature", run_signature, false },
};
#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

/* Set-up */

static void
take_text(struct pem *pem, BIO *bio)
{
    int n = BIO_read(bio, pem->text, sizeof(pem->text));

    check(n > 0 && BIO_free(bio), "PEM");
    pem->len = (size_t)n;
}

static void
to_pem(EVP_PKEY *key, struct pem *to_public, struct pem *to_private)
{
    BIO *public = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());

    check(key != NULL && PEM_write_bio_PUBKEY(public, key)
              && PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL,
                                          NULL),
          "key generation");
    take_text(to_public, public);
    take_text(to_private, private);
}

static void
make_keys(struct bench *bench)
{
    bench->key =
        EVP_PKEY_Q_keygen(bench->libctx, NULL, "RSA", (size_t)RSA_BITS);
    bench->signer = EVP_PKEY_Q_keygen(bench->libctx, NULL, "ED25519");
    to_pem(bench->key, &bench->public, &bench->private);
    to_pem(bench->signer, &bench->signer_public, &bench->signer_private);
}

/* What is to be decrypted. */
static struct sealed *
make_sealed(struct bench *bench, bool is_signed)
{
    static const unsigned char key[ENVELOPE_KEY_LENGTH];
    struct sealed *sealed = calloc(bench->count, sizeof(*sealed));
    EVP_CIPHER_CTX *ctx = new_context(bench, ENCRYPT, is_signed);
    EVP_PKEY_CTX *wrap = wrapping(bench, ENCRYPT);
    size_t i, len;

    check(sealed != NULL, "memory");
    for (i = 0; i < bench->count; i++) {
        check(EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, 1, NULL), "init");
        sealed[i].len =
            run_envelope(ctx, bench->text, TEXT_LEN, sealed[i].bytes);
        len = WRAPPED_LEN;
        check(EVP_PKEY_encrypt(wrap, sealed[i].wrapped, &len, key, sizeof(key))
                  > 0,
              "wrapping");
    }
    EVP_CIPHER_CTX_free(ctx);
    EVP_PKEY_CTX_free(wrap);
    return sealed;
}

/* A program's own context: ENVELOPE_MODULES is where the module lies. */
static void
load(struct bench *bench)
{
    const char *modules = getenv("ENVELOPE_MODULES");

    bench->libctx = OSSL_LIB_CTX_new();
    check(bench->libctx != NULL
              && (modules == NULL
                  || OSSL_PROVIDER_set_default_search_path(bench->libctx,
                                                           modules))
              && OSSL_PROVIDER_load(bench->libctx, "default") != NULL
              && OSSL_PROVIDER_load(bench->libctx, ENVELOPE_PROVIDER_NAME)
                     != NULL,
          "provider");
    bench->cipher = EVP_CIPHER_fetch(bench->libctx, ENVELOPE_CIPHER_NAME, NULL);
    check(bench->cipher != NULL, "cipher");
}

/* All ways once, each turn with another one first. */
static void
take_turn(struct bench *bench, enum direction direction, size_t turn)
{
    const struct way *way;
    double start;
    size_t i;

    for (i = 0; i < WAY_COUNT; i++) {
        way = &ways[(turn + i) % WAY_COUNT];
        if (way->only_encrypts && direction == DECRYPT)
            continue;
        start = seconds();
        way->run(bench, direction);
        printf("%zu %s %s %.6f\n", turn,
               direction == ENCRYPT ? "encrypt" : "decrypt", way->name,
               seconds() - start);
        (void)fflush(stdout);
    }
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    size_t turns = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, turn;

    bench.count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (bench.count < 1 || bench.count > COUNT_MAX || turns < 1)
        return fprintf(stderr, "usage: small COUNT TURNS\n"), 2;
    load(&bench);
    make_keys(&bench);
    bench.sealed = make_sealed(&bench, false);
    bench.signed_ones = make_sealed(&bench, true);
    for (turn = 0; turn < turns; turn++) {
        take_turn(&bench, ENCRYPT, turn);
        take_turn(&bench, DECRYPT, turn);
    }
    free(bench.sealed);
    free(bench.signed_ones);
    EVP_PKEY_free(bench.key);
    EVP_PKEY_free(bench.signer);
    EVP_CIPHER_free(bench.cipher);
    return 0;
}
