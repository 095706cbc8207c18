/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throughput of ENVELOPE against plain AES-256-GCM, in one message and in one
 * for each chunk, all through EVP, with the same buffers, taking turns.
 * bench/README.md says how to read it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#define KEY_LEN 32
#define NONCE_LEN 12
#define TAG_LEN 16
#define SLACK (1 << 20)
#define UPDATE_MAX ((size_t)8 << 20)

/* Plaintext bytes of one stream, and how often each is made; the first turn
 * is for warming up. */
#define STREAM_LEN ((size_t)32 << 20)
#define TURNS_DEFAULT 25
#define TURNS_MAX 99

#define CHUNK_COUNT (STREAM_LEN / ENVELOPE_CHUNK_LENGTH)

/* Where output goes that is not kept, again and again. */
static unsigned char scratch[UPDATE_MAX + SLACK];
static unsigned char *plain, *sealed;

/* How a stream is cut, and what is to be measured of it. */
struct job {
    size_t update;
    unsigned threads;
    int encrypting;
};

static void
fail(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void
check(int ok, const char *what)
{
    if (!ok)
        fail(what);
}

static double
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/*
 * Run len bytes of in through ctx in updates and return the seconds that the
 * updates and the final call took.  The output goes to the same small buffer
 * again and again unless it is to be kept.
 */
static double
run(EVP_CIPHER_CTX *ctx, const unsigned char *in, size_t len, size_t update,
    unsigned char *out, size_t *kept)
{
    double start = seconds();
    size_t done, n;
    int got = 0;

    for (done = 0; done < len; done += n) {
        n = len - done < update ? len - done : update;
        check(EVP_CipherUpdate(ctx, kept != NULL ? out + *kept : scratch, &got,
                               in + done, (int)n),
              "update");
        if (kept != NULL)
            *kept += (size_t)got;
    }
    check(EVP_CipherFinal_ex(ctx, kept != NULL ? out + *kept : scratch, &got),
          "final call");
    if (kept != NULL)
        *kept += (size_t)got;
    return seconds() - start;
}

static EVP_CIPHER_CTX *
new_context(const EVP_CIPHER *cipher, int encrypting, const OSSL_PARAM *params)
{
    static const unsigned char key[KEY_LEN] = "0123456789abcdef0123456789abcde";
    static const unsigned char nonce[NONCE_LEN] = "0123456789a";
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    check(ctx != NULL
              && EVP_CipherInit_ex2(ctx, cipher, key,
                                    EVP_CIPHER_get_iv_length(cipher) > 0 ? nonce
                                                                         : NULL,
                                    encrypting, params),
          "init");
    return ctx;
}

/* One stream of ENVELOPE, the header included: seconds. */
static double
time_envelope(const EVP_CIPHER *cipher, const struct job *job)
{
    unsigned threads = job->threads;
    size_t slack = SLACK, sealed_len = 0;
    OSSL_PARAM params[3] = {
        OSSL_PARAM_construct_uint(ENVELOPE_PARAM_THREADS, &threads),
        OSSL_PARAM_construct_size_t(ENVELOPE_PARAM_OUTPUT_SLACK, &slack),
        OSSL_PARAM_construct_end(),
    };
    EVP_CIPHER_CTX *ctx;
    double took;

    if (job->update <= (size_t)1 << 20)
        params[1] = OSSL_PARAM_construct_end();
    if (!job->encrypting) {
        ctx = new_context(cipher, 1, params);
        (void)run(ctx, plain, STREAM_LEN, job->update, sealed, &sealed_len);
        EVP_CIPHER_CTX_free(ctx);
    }
    ctx = new_context(cipher, job->encrypting, params);
    took = job->encrypting
               ? run(ctx, plain, STREAM_LEN, job->update, NULL, NULL)
               : run(ctx, sealed, sealed_len, job->update, NULL, NULL);
    EVP_CIPHER_CTX_free(ctx);
    return took;
}

/* The tag of the message that has ended, or of the one that begins. */
static void
tag_params(OSSL_PARAM params[2], unsigned char *tag)
{
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                                  tag, TAG_LEN);
    params[1] = OSSL_PARAM_construct_end();
}

/* One stream of AES-256-GCM in one message: seconds. */
static double
time_gcm(const EVP_CIPHER *cipher, const struct job *job)
{
    unsigned char tag[TAG_LEN];
    OSSL_PARAM params[2];
    EVP_CIPHER_CTX *ctx;
    size_t len = 0;
    double took;

    tag_params(params, tag);
    if (!job->encrypting) {
        ctx = new_context(cipher, 1, NULL);
        (void)run(ctx, plain, STREAM_LEN, job->update, sealed, &len);
        check(EVP_CIPHER_CTX_get_params(ctx, params), "tag");
        EVP_CIPHER_CTX_free(ctx);
    }
    ctx = new_context(cipher, job->encrypting, NULL);
    if (!job->encrypting)
        check(EVP_CIPHER_CTX_set_params(ctx, params), "tag");
    took = run(ctx, job->encrypting ? plain : sealed, STREAM_LEN, job->update,
               NULL, NULL);
    EVP_CIPHER_CTX_free(ctx);
    return took;
}

/*
 * A message for each chunk, its tag after it, as ENVELOPE lays them out: the
 * least that such a format costs.  The output of span chunks lies side by
 * side.  Returns the seconds that it took.
 */
static double
run_chunks(EVP_CIPHER_CTX *ctx, int encrypting, size_t update,
           const unsigned char *in, unsigned char *out, size_t span)
{
    size_t piece =
        update < ENVELOPE_CHUNK_LENGTH ? update : ENVELOPE_CHUNK_LENGTH;
    size_t tag_in = encrypting ? 0 : TAG_LEN, i, n;
    unsigned char nonce[NONCE_LEN] = { 0 }, tag[TAG_LEN];
    double start = seconds();
    OSSL_PARAM params[2];
    unsigned char *to;
    int got;

    tag_params(params, tag);
    for (i = 0; i < CHUNK_COUNT; i++) {
        to = out + i % span * (ENVELOPE_SEALED_CHUNK_LENGTH - tag_in);
        memcpy(nonce, &i, sizeof(i));
        if (!encrypting)
            memcpy(tag, in + ENVELOPE_CHUNK_LENGTH, TAG_LEN);
        check(EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, encrypting,
                                 encrypting ? NULL : params),
              "nonce");
        for (n = 0; n < ENVELOPE_CHUNK_LENGTH; n += piece)
            check(EVP_CipherUpdate(ctx, to + n, &got, in + n, (int)piece),
                  "update");
        check(EVP_CipherFinal_ex(ctx, to + n, &got), "final call");
        if (encrypting) {
            check(EVP_CIPHER_CTX_get_params(ctx, params), "tag");
            memcpy(to + n, tag, TAG_LEN);
        }
        in += ENVELOPE_CHUNK_LENGTH + tag_in;
    }
    return seconds() - start;
}

static double
time_chunks(const EVP_CIPHER *cipher, const struct job *job)
{
    size_t span = job->update / ENVELOPE_CHUNK_LENGTH;
    EVP_CIPHER_CTX *ctx = new_context(cipher, 1, NULL);
    double took;

    if (!job->encrypting)
        (void)run_chunks(ctx, 1, job->update, plain, sealed, CHUNK_COUNT);
    took = run_chunks(ctx, job->encrypting, job->update,
                      job->encrypting ? plain : sealed, scratch,
                      span > 0 ? span : 1);
    EVP_CIPHER_CTX_free(ctx);
    return took;
}

static int
compare(const void *va, const void *vb)
{
    const double *a = va, *b = vb;

    return (*a > *b) - (*a < *b);
}

static double
median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return count % 2 != 0 ? values[count / 2]
                          : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/*
 * Take turns, and begin with another one each time: what slows the machine
 * down for a while slows all.  Ratios are medians of the turns' ratios.
 */
static void
measure(const EVP_CIPHER *envelope, const EVP_CIPHER *gcm,
        const struct job *job, size_t turns)
{
    enum { OURS, GCM, CHUNKS, COUNT };
    double took[COUNT][TURNS_MAX], ratio[COUNT][TURNS_MAX];
    const double mib = (double)STREAM_LEN / (1 << 20);
    size_t i, k;

    for (i = 0; i <= turns; i++) {
        size_t at = i > 0 ? i - 1 : 0;

        for (k = i; k < i + COUNT; k++) {
            if (k % COUNT == OURS)
                took[OURS][at] = time_envelope(envelope, job);
            else if (k % COUNT == GCM)
                took[GCM][at] = time_gcm(gcm, job);
            else
                took[CHUNKS][at] = time_chunks(gcm, job);
        }
        for (k = 0; k < COUNT; k++)
            ratio[k][at] = took[k][at] / took[OURS][at];
    }
    printf("%10zu  %7u  %-9s  %8.0f  %11.0f  %8.0f  %9.3f  %9.3f\n",
           job->update, job->threads, job->encrypting ? "encrypt" : "decrypt",
           mib / median(took[OURS], turns), mib / median(took[GCM], turns),
           mib / median(took[CHUNKS], turns), median(ratio[GCM], turns),
           median(ratio[CHUNKS], turns));
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
main(int argc, char **argv)
{
    static const size_t updates[] = { 4096, 16384, 65536, (size_t)1 << 20,
                                      UPDATE_MAX };
    size_t turns = argc > 1 ? strtoul(argv[1], NULL, 10) : TURNS_DEFAULT, i;
    OSSL_PROVIDER *provider, *base;
    OSSL_LIB_CTX *libctx = load(&provider, &base);
    EVP_CIPHER *envelope, *gcm;
    struct job job;

    if (turns < 1 || turns > TURNS_MAX) {
        fprintf(stderr, "usage: throughput [turns, 1 to %d]\n", TURNS_MAX);
        return 2;
    }
    envelope = EVP_CIPHER_fetch(libctx, ENVELOPE_CIPHER_NAME, NULL);
    gcm = EVP_CIPHER_fetch(libctx, "AES-256-GCM", NULL);
    plain = malloc(STREAM_LEN);
    sealed = malloc(STREAM_LEN + STREAM_LEN / 512 + SLACK);
    check(envelope != NULL && gcm != NULL && plain != NULL && sealed != NULL,
          "set-up");
    for (i = 0; i < STREAM_LEN; i++)
        plain[i] = (unsigned char)(i * 2654435761U >> 24);

    printf("%s, streams of %zu MiB, %zu turns\n\n",
           OpenSSL_version(OPENSSL_VERSION), STREAM_LEN >> 20, turns);
    printf("%10s  %7s  %-9s  %8s  %11s  %8s  %9s  %9s\n", "update", "threads",
           "direction", "ENVELOPE", "AES-256-GCM", "chunked", "ratio to",
           "ratio to");
    printf("%10s  %7s  %-9s  %8s  %11s  %8s  %9s  %9s\n", "bytes", "", "",
           "MiB/s", "MiB/s", "MiB/s", "GCM", "chunked");
    for (job.threads = 1; job.threads <= 2; job.threads++) {
        for (i = 0; i < sizeof(updates) / sizeof(updates[0]); i++) {
            job.update = updates[i];
            for (job.encrypting = 1; job.encrypting >= 0; job.encrypting--)
                measure(envelope, gcm, &job, turns);
        }
    }

    free(plain);
    free(sealed);
    EVP_CIPHER_free(envelope);
    EVP_CIPHER_free(gcm);
    (void)OSSL_PROVIDER_unload(provider);
    (void)OSSL_PROVIDER_unload(base);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}
