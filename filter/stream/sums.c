/* SPDX-License-Identifier: Apache-2.0 */
/* The sums begin with different bytes, so none can be made from another. */
#include "filter/stream/sums.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

struct worker {
    struct envl_sums *sums;
    EVP_MD_CTX *md;
    uint64_t len;
    struct iovec part; /* what is to be added */
    bool busy;         /* part is not yet added; under the lock */
    bool failed;
    bool has_thread;
    pthread_t thread;
};

struct envl_sums {
    struct worker workers[ENVL_SUM_COUNT];
    unsigned count;
    struct envl_sum_value header;
    pthread_mutex_t lock; /* for ended, and the workers' busy */
    pthread_cond_t changed;
    bool started; /* the threads, as far as they could be */
    bool ended;
};

/* Sums */

static void
add(struct worker *worker, const void *p, size_t len)
{
    if (len > 0 && EVP_DigestUpdate(worker->md, p, len) != 1)
        worker->failed = true;
    worker->len += len;
}

static void *
run(void *arg)
{
    struct worker *worker = arg;
    struct envl_sums *sums = worker->sums;

    pthread_mutex_lock(&sums->lock);
    while (worker->busy || !sums->ended) {
        if (!worker->busy) {
            pthread_cond_wait(&sums->changed, &sums->lock);
            continue;
        }
        pthread_mutex_unlock(&sums->lock);
        add(worker, worker->part.iov_base, worker->part.iov_len);
        pthread_mutex_lock(&sums->lock);
        worker->busy = false;
        pthread_cond_broadcast(&sums->changed);
    }
    pthread_mutex_unlock(&sums->lock);
    return NULL;
}

/* Not before there is something to do: until then the process may fork. */
static void
start_threads(struct envl_sums *sums)
{
    sigset_t all, old;
    unsigned i;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (i = 0; i < sums->count; i++) {
        struct worker *worker = &sums->workers[i];

        worker->sums = sums;
        worker->has_thread =
            pthread_create(&worker->thread, NULL, run, worker) == 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
envl_sums_add(struct envl_sums *sums, struct iovec payload, struct iovec file)
{
    unsigned i;

    if (!sums->started)
        start_threads(sums);
    sums->started = true;
    pthread_mutex_lock(&sums->lock);
    for (i = 0; i < sums->count; i++) {
        struct worker *worker = &sums->workers[i];

        worker->part = i == ENVL_SUM_FILE ? file : payload;
        worker->busy = worker->has_thread && worker->part.iov_len > 0;
    }
    pthread_cond_broadcast(&sums->changed);
    pthread_mutex_unlock(&sums->lock);
    for (i = 0; i < sums->count; i++) {
        struct worker *worker = &sums->workers[i];

        if (!worker->has_thread)
            add(worker, worker->part.iov_base, worker->part.iov_len);
    }
}

void
envl_sums_wait(struct envl_sums *sums)
{
    unsigned i;

    pthread_mutex_lock(&sums->lock);
    for (i = 0; i < sums->count; i++) {
        while (sums->workers[i].busy)
            pthread_cond_wait(&sums->changed, &sums->lock);
    }
    pthread_mutex_unlock(&sums->lock);
}

/* Beginning and end */

static void
stop_threads(struct envl_sums *sums)
{
    unsigned i;

    pthread_mutex_lock(&sums->lock);
    sums->ended = true;
    pthread_cond_broadcast(&sums->changed);
    pthread_mutex_unlock(&sums->lock);
    for (i = 0; i < sums->count; i++) {
        if (sums->workers[i].has_thread)
            (void)pthread_join(sums->workers[i].thread, NULL);
        sums->workers[i].has_thread = false;
    }
}

static bool
begin(struct envl_sums *sums, const EVP_MD *sha256,
      const struct envl_header *header)
{
    const size_t len = header->prelude.header_len;
    struct worker *kept = &sums->workers[ENVL_SUM_KEPT];
    unsigned i;

    sums->header.len = len;
    if (sha256 == NULL
        || EVP_Digest(header->bytes, len, sums->header.value, NULL, sha256,
                      NULL)
               != 1)
        return false;
    for (i = 0; i < sums->count; i++) {
        struct worker *worker = &sums->workers[i];

        worker->md = EVP_MD_CTX_new();
        if (worker->md == NULL
            || EVP_DigestInit_ex2(worker->md, sha256, NULL) != 1)
            return false;
    }
    add(kept, header->bytes, ENVL_PRELUDE_CONTEXT_LEN);
    add(kept, envl_header_labels(header), header->prelude.labels_len);
    return true;
}

enum envelope_reason
envl_sums_new(struct envl_sums **out, unsigned count,
              const struct envl_header *header, struct envl_err *err)
{
    struct envl_sums *sums = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*sums)));
    EVP_MD *sha256;
    bool begun;

    *out = NULL;
    if (sums == NULL)
        return envl_fail_memory(err);
    sums->count = count;
    (void)pthread_mutex_init(&sums->lock, NULL);
    (void)pthread_cond_init(&sums->changed, NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    begun = begin(sums, sha256, header);
    EVP_MD_free(sha256);
    if (!begun) {
        (void)envl_fail_crypto(err, "begin a SHA-256 sum");
        envl_sums_free(sums);
        return err->reason;
    }
    *out = sums;
    return ENVELOPE_OK;
}

void
envl_sums_free(struct envl_sums *sums)
{
    unsigned i;

    if (sums == NULL)
        return;
    stop_threads(sums);
    for (i = 0; i < sums->count; i++)
        EVP_MD_CTX_free(sums->workers[i].md);
    (void)pthread_cond_destroy(&sums->changed);
    (void)pthread_mutex_destroy(&sums->lock);
    OPENSSL_free(sums);
}

enum envelope_reason
envl_sums_end(struct envl_sums *sums, struct envl_sum_values *values,
              struct envl_err *err)
{
    unsigned i;

    stop_threads(sums);
    *values = (struct envl_sum_values){ .header = sums->header };
    for (i = 0; i < sums->count; i++) {
        struct worker *worker = &sums->workers[i];
        struct envl_sum_value *sum = &values->of[i];

        if (worker->failed
            || EVP_DigestFinal_ex(worker->md, sum->value, NULL) != 1)
            return envl_fail_crypto(err, "make a SHA-256 sum");
        sum->len = worker->len;
    }
    return ENVELOPE_OK;
}
