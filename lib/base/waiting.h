/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for descriptors that can be ended from another thread.  Here stands
 * what only some systems have, with another way beside it.
 */
#ifndef ENVL_WAITING_H
#define ENVL_WAITING_H

#include <stdbool.h>

/* An eventfd, twice; or the two ends of a pipe. */
struct envl_stop {
    int fds[2];
};

/*
 * envl_stop_init - nobody is to stop yet
 * envl_stop_now - whoever waits stops, and whoever comes to wait
 * envl_stop_clear - close it
 *
 * Ownership: a true envl_stop_init() is ended by envl_stop_clear().
 * Returns:   true; false with errno set if there is no descriptor to be had.
 * Threads:   envl_stop_now() and envl_stop_wait() from any.
 */
bool envl_stop_init(struct envl_stop *stop);
void envl_stop_now(const struct envl_stop *stop);
void envl_stop_clear(struct envl_stop *stop);

/*
 * envl_stop_wait - wait until a call on fd would not block, or would fail
 *
 *   stop    NULL: nothing else ends it
 *   events  POLLIN or POLLOUT
 *
 * Returns: true; false with errno set: ECANCELED if it is time to stop.
 */
bool envl_stop_wait(const struct envl_stop *stop, int fd, short events);

/*
 * envl_open_again - the same pipe or terminal, to be written to without
 * blocking; those who share fd are not affected
 *
 * Ownership: the descriptor is the caller's.  As long as it is open the pipe has
 *            a writer.
 * Returns:   it; -1 where that cannot be done.
 */
int envl_open_again(int fd);

#endif
