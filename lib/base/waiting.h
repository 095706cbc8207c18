/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a descriptor, which another thread can end.  System calls that
 * only some systems have are kept here, each with a replacement for the others.
 */
#ifndef ENVL_WAITING_H
#define ENVL_WAITING_H

#include <stdbool.h>

/* Twice the same eventfd; or the two ends of a pipe. */
struct envl_stop {
    int fds[2];
};

/*
 * envl_stop_init - open the descriptors of a stop signal that is not given yet
 * envl_stop_now - give the signal: all present and later waits end
 * envl_stop_clear - close the descriptors
 *
 * Ownership: after a successful envl_stop_init(), the caller calls
 *            envl_stop_clear().
 * Returns:   true; false with errno set if no descriptor is available.
 * Threads:   any may call envl_stop_now() and envl_stop_wait().
 */
bool envl_stop_init(struct envl_stop *stop);
void envl_stop_now(const struct envl_stop *stop);
void envl_stop_clear(struct envl_stop *stop);

/*
 * envl_stop_wait - wait until a call on fd would not block, or would fail
 *
 *   stop    the signal that ends the wait; NULL for none
 *   events  POLLIN or POLLOUT
 *
 * Returns: true; false with errno set, to ECANCELED if the signal was given.
 */
bool envl_stop_wait(const struct envl_stop *stop, int fd, short events);

/*
 * envl_open_again - open the same pipe or terminal again for non-blocking
 * writes, without changing fd, which other processes may share
 *
 * Ownership: the descriptor is the caller's.  While it is open, the pipe has a
 *            writer.
 * Returns:   the descriptor; -1 where the system cannot do that.
 */
int envl_open_again(int fd);

#endif
