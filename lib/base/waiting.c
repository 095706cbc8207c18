/* SPDX-License-Identifier: Apache-2.0 */
/* poll(2) on the descriptor and on the stop signal. */
#define _GNU_SOURCE /* eventfd(), pipe2() */
#include "lib/base/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif
#include <unistd.h>

/* After so many interrupted calls in a row something is wrong. */
#define TRIES_MAX 1000

bool
envl_stop_init(struct envl_stop *stop)
{
#ifdef __linux__
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    *stop = (struct envl_stop){ { fd, fd } };
    return fd >= 0;
#else
    return pipe2(stop->fds, O_CLOEXEC | O_NONBLOCK) == 0;
#endif
}

/* Nobody reads the byte, so the signal stays given. */
void
envl_stop_now(const struct envl_stop *stop)
{
    const uint64_t one = 1;
    ssize_t n = write(stop->fds[1], &one, sizeof(one));

    (void)n; /* a full pipe already gives the signal */
}

void
envl_stop_clear(struct envl_stop *stop)
{
    (void)close(stop->fds[0]);
    if (stop->fds[1] != stop->fds[0])
        (void)close(stop->fds[1]);
}

bool
envl_stop_wait(const struct envl_stop *stop, int fd, short events)
{
    struct pollfd items[2] = {
        { .fd = fd, .events = events },
        { .fd = stop != NULL ? stop->fds[0] : -1, .events = POLLIN },
    };
    unsigned tries = 0;

    while (poll(items, 2, -1) < 0) {
        if (errno != EINTR || ++tries == TRIES_MAX)
            return false;
    }
    if (items[1].revents == 0)
        return true;
    errno = ECANCELED;
    return false;
}

int
envl_open_again(int fd)
{
#ifdef __linux__
    int flags = fcntl(fd, F_GETFL);
    char path[32];

    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return -1; /* the new one would be writable although fd is not */
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
#else
    (void)fd;
    return -1;
#endif
}
