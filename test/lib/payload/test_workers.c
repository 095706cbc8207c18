/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: each item once, no thread before it is needed or after it is not. */
#include "lib/payload/workers.h"

#include "test/support/process.h"
#include "test/support/support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ITEMS 10007

struct job {
    atomic_uint done[ITEMS];
    atomic_uint worker_max;
};

static void
work(void *arg, unsigned worker, size_t first, size_t count)
{
    struct job *job = arg;
    unsigned seen = atomic_load(&job->worker_max);
    size_t i;

    while (worker > seen
           && !atomic_compare_exchange_weak(&job->worker_max, &seen, worker))
        ;
    for (i = first; i < first + count; i++)
        atomic_fetch_add(&job->done[i], 1);
}

static void
run_once(struct envl_workers *workers, size_t batch, unsigned threads)
{
    struct job *job = calloc(1, sizeof(*job));
    size_t i;

    assert_non_null(job);
    envl_workers_run(workers, ITEMS, batch, work, job);
    for (i = 0; i < ITEMS; i++)
        assert_int_equal(atomic_load(&job->done[i]), 1);
    assert_true(atomic_load(&job->worker_max) < (threads > 0 ? threads : 1));
    free(job);
}

static void
every_item_once(void **state)
{
    static const unsigned threads[] = { 0, 1, 2, 3, 8, 64, 1000 };
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(threads); i++) {
        struct envl_workers *workers = envl_workers_new(threads[i]);

        assert_non_null(workers);
        for (n = 0; n < 20; n++)
            run_once(workers, 1 + n * n,
                     threads[i] < ENVL_THREADS_MAX ? threads[i]
                                                   : ENVL_THREADS_MAX);
        envl_workers_free(workers);
    }
}

static void
threads_come_and_go(void **state)
{
    unsigned before = thread_count(), threads;

    (void)state;
    if (before == 0)
        skip();
    for (threads = 1; threads <= 4; threads++) {
        struct envl_workers *workers = envl_workers_new(threads);

        assert_int_equal(thread_count(), before);
        /* One batch: not worth a thread */
        run_once(workers, ITEMS, threads);
        assert_int_equal(thread_count(), before);
        run_once(workers, 1, threads);
        assert_int_equal(thread_count(), before + threads - 1);
        envl_workers_free(workers);
        assert_int_equal(thread_count(), before);
    }
    envl_workers_free(NULL);
}

static void
a_child_process_has_its_own(void **state)
{
    struct envl_workers *workers = envl_workers_new(3);
    int status;
    pid_t pid;

    (void)state;
    run_once(workers, 1, 3);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20); /* a child that waits for its parent's threads hangs */
        run_once(workers, 1, 3);
        envl_workers_free(workers);
        _exit(0);
    }
    run_once(workers, 1, 3);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    envl_workers_free(workers);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once),
        cmocka_unit_test(threads_come_and_go),
        cmocka_unit_test(a_child_process_has_its_own),
    };

    return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
