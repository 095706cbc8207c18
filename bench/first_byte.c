/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream costs before its data: from the init call to the first bytes
 * out, for each kind of recipient.  bench/README.md says how to read it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#define FIRST_LEN 4096
#define MANY 10

/* More than any header here, and an update's slack. */
#define BUFFER_LEN 65536

/* Measure until so much time has gone by, within these bounds. */
#define ENOUGH_SECONDS 0.4
#define TURNS_MIN 5
#define TURNS_MAX 999

/* Keys as a program has them: PEM in memory. */
struct pem {
    char text[8192];
    size_t len;
};

struct kind {
    const char *name;
    const char *algorithm; /* NULL: no key pair */
    const char *curve;
    size_t bits;
};

/* A kind's material for this run. */
struct parties {
    const struct kind *kind;
    struct pem public[MANY], private[MANY];
    size_t count;
};

enum { KEK = 0, PASSPHRASE = 1 };
static const struct kind kinds[] = {
    [KEK] = { "KEK", NULL, NULL, 0 },
    [PASSPHRASE] = { "passphrase", NULL, NULL, 0 },
    { "X25519", "X25519", NULL, 0 },
    { "X448", "X448", NULL, 0 },
    { "P-256", "EC", "P-256", 0 },
    { "RSA-2048", "RSA", NULL, 2048 },
    { "RSA-4096", "RSA", NULL, 4096 },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

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
microseconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

/* Set-up */

static EVP_PKEY *
generate(OSSL_LIB_CTX *libctx, const struct kind *kind)
{
    if (kind->bits > 0)
        return EVP_PKEY_Q_keygen(libctx, NULL, kind->algorithm, kind->bits);
    if (kind->curve != NULL)
        return EVP_PKEY_Q_keygen(libctx, NULL, kind->algorithm, kind->curve);
    return EVP_PKEY_Q_keygen(libctx, NULL, kind->algorithm);
}

static void
take_text(struct pem *pem, BIO *bio)
{
    int n = BIO_read(bio, pem->text, sizeof(pem->text));

    check(n > 0 && BIO_free(bio), "PEM");
    pem->len = (size_t)n;
}

static void
make_parties(struct parties *parties, OSSL_LIB_CTX *libctx,
             const struct kind *kind, size_t count)
{
    EVP_PKEY *key;
    size_t i;
    BIO *bio;

    parties->kind = kind;
    parties->count = count;
    for (i = 0; i < count && kind->algorithm != NULL; i++) {
        check((key = generate(libctx, kind)) != NULL, "key generation");
        bio = BIO_new(BIO_s_mem());
        check(PEM_write_bio_PUBKEY(bio, key), "PEM");
        take_text(&parties->public[i], bio);
        bio = BIO_new(BIO_s_mem());
        check(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL),
              "PEM");
        take_text(&parties->private[i], bio);
        EVP_PKEY_free(key);
    }
}

/* Measuring */

/* The parameters of one init call.  The holder of the last key decrypts. */
static const unsigned char *
fill_params(OSSL_PARAM params[MANY + 1], struct parties *parties,
            int encrypting)
{
    static unsigned char kek[ENVELOPE_KEY_LENGTH + 1] =
        "0123456789abcdef0123456789abcdef";
    static char passphrase[] = "correct horse battery staple";
    size_t i, n = 0, count = parties->count;

    if (parties->kind == &kinds[PASSPHRASE])
        params[n++] = OSSL_PARAM_construct_octet_string(
            ENVELOPE_PARAM_PASSPHRASE, passphrase, sizeof(passphrase) - 1);
    else if (parties->kind->algorithm != NULL && !encrypting)
        params[n++] = OSSL_PARAM_construct_octet_string(
            ENVELOPE_PARAM_IDENTITY, parties->private[count - 1].text,
            parties->private[count - 1].len);
    else if (parties->kind->algorithm != NULL)
        for (i = 0; i < count; i++)
            params[n++] = OSSL_PARAM_construct_octet_string(
                ENVELOPE_PARAM_RECIPIENT, parties->public[i].text,
                parties->public[i].len);
    params[n] = OSSL_PARAM_construct_end();
    return parties->kind == &kinds[KEK] ? kek : NULL;
}

/* init and one update: microseconds. */
static double
time_start(const EVP_CIPHER *cipher, struct parties *parties, int encrypting,
           const unsigned char *in, size_t len, unsigned char *out,
           EVP_CIPHER_CTX **keep)
{
    OSSL_PARAM params[MANY + 1];
    const unsigned char *key = fill_params(params, parties, encrypting);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    double start = microseconds(), took;
    int n = 0;

    check(ctx != NULL
              && EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypting, params)
              && EVP_CipherUpdate(ctx, out, &n, in, (int)len) && n > 0,
          encrypting ? "encryption" : "decryption");
    took = microseconds() - start;
    if (keep != NULL)
        *keep = ctx;
    else
        EVP_CIPHER_CTX_free(ctx);
    return took;
}

/* A stream to decrypt: the header, and some data after it. */
static size_t
make_stream(const EVP_CIPHER *cipher, struct parties *parties,
            unsigned char *stream, size_t *header_len)
{
    unsigned char text[FIRST_LEN] = { 0 };
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_size_t(ENVELOPE_PARAM_HEADER_LENGTH, header_len),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0, want;
    EVP_CIPHER_CTX *ctx;
    int n = 0;

    *header_len = 0;
    (void)time_start(cipher, parties, 1, text, sizeof(text), stream, &ctx);
    check(EVP_CIPHER_CTX_get_params(ctx, params), "header-length");
    want = *header_len + ENVELOPE_PAYLOAD_START_LENGTH + FIRST_LEN;
    len = sizeof(text) + ENVELOPE_UPDATE_SLACK;
    while (len < want) { /* the header waits in the queue */
        check(EVP_EncryptUpdate(ctx, stream + len, &n, text, sizeof(text)),
              "encryption");
        len += (size_t)n;
    }
    EVP_CIPHER_CTX_free(ctx);
    return want;
}

static int
compare(const void *va, const void *vb)
{
    const double *a = va, *b = vb;

    return (*a > *b) - (*a < *b);
}

static double
median_start(const EVP_CIPHER *cipher, struct parties *parties, int encrypting,
             const unsigned char *in, size_t len)
{
    static unsigned char out[BUFFER_LEN];
    double took[TURNS_MAX], end = microseconds() + ENOUGH_SECONDS * 1e6;
    size_t i;

    for (i = 0; i < TURNS_MAX && (i < TURNS_MIN || microseconds() < end); i++)
        took[i] = time_start(cipher, parties, encrypting, in, len, out, NULL);
    qsort(took, i, sizeof(took[0]), compare);
    return took[i / 2];
}

static void
measure(const EVP_CIPHER *cipher, struct parties *parties)
{
    static unsigned char stream[BUFFER_LEN];
    static const unsigned char text[FIRST_LEN];
    size_t header_len, len;
    double encrypt, decrypt;

    len = make_stream(cipher, parties, stream, &header_len);
    encrypt = median_start(cipher, parties, 1, text, sizeof(text));
    decrypt = median_start(cipher, parties, 0, stream, len);
    printf("%-11s  %10zu  %8zu  %10.0f  %10.0f\n", parties->kind->name,
           parties->count, header_len, encrypt, decrypt);
    (void)fflush(stdout);
}

/* A program's own context: ENVELOPE_MODULES is where the module lies. */
static OSSL_LIB_CTX *
load(OSSL_PROVIDER **envelope, OSSL_PROVIDER **base)
{
    const char *modules = getenv("ENVELOPE_MODULES");
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

    check(libctx != NULL, "library context");
    if (modules != NULL)
        check(OSSL_PROVIDER_set_default_search_path(libctx, modules),
              "search path");
    *base = OSSL_PROVIDER_load(libctx, "default");
    *envelope = OSSL_PROVIDER_load(libctx, ENVELOPE_PROVIDER_NAME);
    check(*base != NULL && *envelope != NULL, "provider");
    return libctx;
}

int
main(void)
{
    static struct parties parties;
    OSSL_PROVIDER *provider, *base;
    OSSL_LIB_CTX *libctx = load(&provider, &base);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(libctx, ENVELOPE_CIPHER_NAME, NULL);
    size_t i;

    check(cipher != NULL, "fetch");
    printf("%s, init and the first update of %d bytes of data\n\n",
           OpenSSL_version(OPENSSL_VERSION), FIRST_LEN);
    printf("%-11s  %10s  %8s  %10s  %10s\n", "kind", "recipients", "header",
           "encrypt", "decrypt");
    printf("%-11s  %10s  %8s  %10s  %10s\n", "", "", "bytes", "us", "us");
    for (i = 0; i < KIND_COUNT; i++) {
        make_parties(&parties, libctx, &kinds[i], 1);
        measure(cipher, &parties);
        if (kinds[i].algorithm == NULL)
            continue; /* there is one at most */
        make_parties(&parties, libctx, &kinds[i], MANY);
        measure(cipher, &parties);
    }

    EVP_CIPHER_free(cipher);
    (void)OSSL_PROVIDER_unload(provider);
    (void)OSSL_PROVIDER_unload(base);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}
