/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of threads, including the caller's, that share the items of a loop.
 */
#ifndef ENVL_WORKERS_H
#define ENVL_WORKERS_H

#include <stddef.h>

#define ENVL_THREADS_MAX 64

/* Processes items first to first + count - 1; worker is the thread's number,
 * below the number of threads. */
typedef void envl_work_fn(void *arg, unsigned worker, size_t first,
                          size_t count);

struct envl_workers;

/*
 * envl_workers_new - make a pool
 *
 *   threads  their number, including the caller; they are started by the first
 *            loop that has work for them
 *
 * Ownership: the pool is the caller's, envl_workers_free().
 * Returns:   the pool; NULL if memory ran out.
 */
struct envl_workers *envl_workers_new(unsigned threads);

/* envl_workers_free - stop and join all threads; NULL is fine */
void envl_workers_free(struct envl_workers *workers);

/*
 * envl_workers_run - call work for all items, `batch` of them at a time, and
 * return when all are done
 *
 * If threads cannot be started, the caller's thread does their share.  After a
 * fork, the child's first loop starts threads of its own.
 *
 * Threads: one loop at a time in a pool.
 */
void envl_workers_run(struct envl_workers *workers, size_t items, size_t batch,
                      envl_work_fn *work, void *arg);

#endif
