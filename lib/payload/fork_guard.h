/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a process from its children: by a page that the kernel clears in a
 * child, or, without such a page, by the process id.  Asking for the process id
 * in every update would cost as much as encrypting a kilobyte, and a page for
 * every stream as much as encrypting ten.
 */
#ifndef ENVL_FORK_GUARD_H
#define ENVL_FORK_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

/* The page, which all guards of a library context share. */
struct envl_fork_watch;

/*
 * envl_fork_watch_new - make a watch
 * envl_fork_watch_free - free it after all guards that use it; NULL is fine
 *
 * Returns: the watch, or NULL if memory ran out.
 */
struct envl_fork_watch *envl_fork_watch_new(void);
void envl_fork_watch_free(struct envl_fork_watch *watch);

struct envl_fork_guard {
    const struct envl_fork_watch *watch; /* borrowed; or NULL */
    unsigned process;                    /* this process's number in watch */
    pid_t owner;                         /* without watch: its id */
};

/*
 * envl_fork_guard_set - note that the calling process is the owner
 *
 *   watch  borrowed; NULL to use the process id
 *
 * Threads: several may share a watch.
 */
void envl_fork_guard_set(struct envl_fork_guard *guard,
                         struct envl_fork_watch *watch);

/* envl_fork_guard_holds - is the calling process the owner? */
bool envl_fork_guard_holds(const struct envl_fork_guard *guard);

#endif
