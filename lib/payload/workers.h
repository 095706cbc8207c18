/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few threads that share one loop, the caller among them.  What the loop
 * does is not known here.
 */
#ifndef ENVL_WORKERS_H
#define ENVL_WORKERS_H

#include <stddef.h>

#define ENVL_THREADS_MAX 64

/* Do items first to first + count - 1; worker is below the thread count. */
typedef void envl_work_fn(void *arg, unsigned worker, size_t first,
                          size_t count);

struct envl_workers;

/*
 * envl_workers_new - a pool of threads threads, the caller counted; none is
 * started before the first loop that is worth it
 *
 * Returns: the pool, the caller's, or NULL if memory ran out.
 */
struct envl_workers *envl_workers_new(unsigned threads);

/* envl_workers_free - stop and join all threads; NULL is fine */
void envl_workers_free(struct envl_workers *workers);

/*
 * envl_workers_run - call work for all items, batch of them at a time, and
 * return when the last is done
 *
 * Where threads cannot be started the caller does more of the work itself.
 * After a fork the child's first loop starts threads of its own.
 * Threads: one loop at a time in a pool.
 */
void envl_workers_run(struct envl_workers *workers, size_t items, size_t batch,
                      envl_work_fn *work, void *arg);

#endif
