/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a pool wait on a condition variable between loops. */
#include "lib/payload/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* State that the threads share; a child process abandons it (see adopt()). */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* a loop has begun, or stop is set */
    pthread_cond_t idle; /* busy has become 0 */
    unsigned long loop;  /* counts loops, so that none is joined twice */
    unsigned busy;       /* helpers that have not finished this loop */
    bool stop;
    unsigned helpers;
    pthread_t threads[ENVL_THREADS_MAX];

    envl_work_fn *work;
    void *arg;
    size_t items, batch;
    atomic_size_t next;
};

struct envl_workers {
    unsigned threads;
    pid_t owner; /* the process in which pool's threads live */
    struct pool *pool;
};

struct helper_arg {
    struct pool *pool;
    unsigned worker;
};

static void
take_batches(struct pool *pool, unsigned worker)
{
    size_t first, count;

    for (;;) {
        first = atomic_fetch_add(&pool->next, pool->batch);
        if (first >= pool->items)
            return;
        count = pool->items - first;
        pool->work(pool->arg, worker, first,
                   count < pool->batch ? count : pool->batch);
    }
}

static void *
helper(void *varg)
{
    struct helper_arg *arg = varg;
    struct pool *pool = arg->pool;
    unsigned worker = arg->worker;
    unsigned long seen = 0;

    OPENSSL_free(arg);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->stop && pool->loop == seen)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->loop;
        pthread_mutex_unlock(&pool->lock);
        take_batches(pool, worker);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->idle);
    }
    pthread_mutex_unlock(&pool->lock);
    /* Thread-local state of libcrypto must not outlive an unloaded module. */
    OPENSSL_thread_stop();
    return NULL;
}

static bool
start_helper(struct pool *pool)
{
    struct helper_arg *arg = OPENSSL_malloc(sizeof(*arg));

    if (arg == NULL)
        return false;
    *arg = (struct helper_arg){ .pool = pool, .worker = pool->helpers + 1 };
    if (pthread_create(&pool->threads[pool->helpers], NULL, helper, arg) != 0) {
        OPENSSL_free(arg);
        return false;
    }
    pool->helpers++;
    return true;
}

/* Helpers block all signals, which are for the program's own threads. */
static struct pool *
start_pool(unsigned helpers)
{
    struct pool *pool = OPENSSL_zalloc(sizeof(*pool));
    sigset_t all, old;

    if (pool == NULL)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->idle, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (pool->helpers < helpers && start_helper(pool))
        ;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pool;
}

static void
stop_pool(struct pool *pool)
{
    unsigned i;

    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->helpers; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    OPENSSL_free(pool);
}

/*
 * In a child of fork() the helpers do not exist, and one of them may have held
 * the lock, for ever: abandon the pool without touching its lock.
 */
static void
adopt(struct envl_workers *workers)
{
    if (workers->pool != NULL && workers->owner != getpid()) {
        OPENSSL_free(workers->pool);
        workers->pool = NULL;
    }
}

struct envl_workers *
envl_workers_new(unsigned threads)
{
    struct envl_workers *workers = OPENSSL_zalloc(sizeof(*workers));

    if (workers != NULL)
        workers->threads =
            threads < ENVL_THREADS_MAX ? threads : ENVL_THREADS_MAX;
    return workers;
}

void
envl_workers_free(struct envl_workers *workers)
{
    if (workers == NULL)
        return;
    adopt(workers);
    if (workers->pool != NULL)
        stop_pool(workers->pool);
    OPENSSL_free(workers);
}

void
envl_workers_run(struct envl_workers *workers, size_t items, size_t batch,
                 envl_work_fn *work, void *arg)
{
    struct pool *pool;

    if (workers->threads < 2 || items <= batch) {
        work(arg, 0, 0, items);
        return;
    }
    adopt(workers);
    if (workers->pool == NULL) {
        workers->pool = start_pool(workers->threads - 1);
        workers->owner = getpid();
    }
    if ((pool = workers->pool) == NULL) {
        work(arg, 0, 0, items);
        return;
    }

    pthread_mutex_lock(&pool->lock);
    pool->work = work;
    pool->arg = arg;
    pool->items = items;
    pool->batch = batch;
    atomic_store(&pool->next, 0);
    pool->busy = pool->helpers;
    pool->loop++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);

    take_batches(pool, 0);

    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
