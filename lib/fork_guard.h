/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a process from its children: a page that the kernel clears in a
 * child, or the process id where there is none.  Asking for the id in every
 * update would cost as much as encrypting a kilobyte.
 */
#ifndef ENVL_FORK_GUARD_H
#define ENVL_FORK_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

struct envl_fork_guard {
    unsigned char *page; /* or NULL; not 0 in the process that set it */
    pid_t owner;
};

/* envl_fork_guard_set - this process is the one from now on */
void envl_fork_guard_set(struct envl_fork_guard *guard);

/* envl_fork_guard_holds - is this the process that set it? */
bool envl_fork_guard_holds(const struct envl_fork_guard *guard);

/* envl_fork_guard_clear - free; guard may be all zero */
void envl_fork_guard_clear(struct envl_fork_guard *guard);

#endif
