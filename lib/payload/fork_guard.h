/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a process from its children: by a page that the kernel clears in a
 * child, or by the process id where there is none.  Asking for the id in every
 * update would cost as much as encrypting a kilobyte, and a page for every
 * stream as much as encrypting ten.
 */
#ifndef ENVL_FORK_GUARD_H
#define ENVL_FORK_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

/* The page, for all guards that are set with it. */
struct envl_fork_watch;

/*
 * envl_fork_watch_new, envl_fork_watch_free - free: when no guard needs it any
 * more; NULL is fine
 *
 * Returns: the watch, or NULL if memory ran out.
 */
struct envl_fork_watch *envl_fork_watch_new(void);
void envl_fork_watch_free(struct envl_fork_watch *watch);

struct envl_fork_guard {
    const struct envl_fork_watch *watch; /* borrowed; or NULL */
    unsigned process;                    /* by watch's count */
    pid_t owner;
};

/*
 * envl_fork_guard_set - this process is the one from now on
 *
 *   watch  NULL: the process id alone
 *
 * Threads: several may do it with one watch.
 */
void envl_fork_guard_set(struct envl_fork_guard *guard,
                         struct envl_fork_watch *watch);

/* envl_fork_guard_holds - is this the process that set it? */
bool envl_fork_guard_holds(const struct envl_fork_guard *guard);

#endif
