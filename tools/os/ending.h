/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that end the program, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGXCPU
 * and SIGXFSZ, and what is done before they do.
 */
#ifndef ENVL_ENDING_H
#define ENVL_ENDING_H

#include <signal.h>

/* Called in a signal handler: only async-signal-safe functions. */
typedef void envl_ending_fn(int number);

/*
 * envl_ending_block - hold these signals back
 * envl_ending_unblock - let them through again
 *
 * Threads: of the calling one; all others have them blocked.
 */
void envl_ending_block(sigset_t *old);
void envl_ending_unblock(const sigset_t *old);

/*
 * envl_ending_add - call this, too, before the program ends
 * envl_ending_remove - not any more; fine if it was not added
 *
 * The signals must be blocked.  A signal that is ignored, as under nohup, stays
 * so.  In the child of a fork nothing is called.
 */
void envl_ending_add(envl_ending_fn *act);
void envl_ending_remove(envl_ending_fn *act);

#endif
