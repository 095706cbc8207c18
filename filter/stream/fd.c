/* SPDX-License-Identifier: Apache-2.0 */
/* Every read() and write() of data stands here. */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "filter/stream/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE 1048576

static void
wait_for(int fd, short events)
{
    struct pollfd item = { .fd = fd, .events = events };

    (void)poll(&item, 1, -1); /* the next call tells what went wrong */
}

/* Are there more bytes?  An end or an error would not do: what was read has to
 * be returned first, and neither has to be there a second time. */
static int
has_more(int fd)
{
    int n = 0;

    return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* After a call that failed: is it worth trying again? */
static int
try_again(int fd, short events)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        wait_for(fd, events);
    else if (errno != EINTR)
        return 0;
    return 1;
}

/* Take n bytes off the front of some parts. */
static void
advance(struct iovec **parts, unsigned *count, size_t n)
{
    for (; *count > 0 && n >= (*parts)->iov_len; (*parts)++, (*count)--)
        n -= (*parts)->iov_len;
    if (n > 0) {
        (*parts)->iov_base = (unsigned char *)(*parts)->iov_base + n;
        (*parts)->iov_len -= n;
    }
}

/*
 * A pipe gives 64 KiB at once, and more if it is asked again: long runs are
 * what the cipher is fast with.
 */
enum envelope_reason
envl_fd_read_vec(int fd, struct iovec *parts, unsigned count, size_t *len,
                 struct envl_err *err)
{
    ssize_t n;

    *len = 0;
    do {
        n = readv(fd, parts, (int)count);
        if (n < 0 && try_again(fd, POLLIN))
            continue;
        if (n < 0)
            return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
        *len += (size_t)n;
        advance(&parts, &count, (size_t)n);
    } while (n != 0 && (n < 0 || (count > 0 && has_more(fd))));
    return ENVELOPE_OK;
}

enum envelope_reason
envl_fd_read(int fd, unsigned char *buf, size_t size, size_t *len,
             struct envl_err *err)
{
    struct iovec part = { buf, size };

    return envl_fd_read_vec(fd, &part, 1, len, err);
}

/* Of /dev/null, /dev/zero and their like, which take and give whatever is asked
 * for. */
static bool
is_memory_device(const struct stat *st)
{
#ifdef __linux__
    return major(st->st_rdev) == 1;
#else
    (void)st;
    return false;
#endif
}

/* What cannot be looked at may have: that does no harm to a stream.  Of the
 * character devices only a terminal must not wait for a whole block. */
bool
envl_fd_has_records(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);
    struct stat st;

    if (fstat(fd, &st) != 0)
        return true;
    if (S_ISSOCK(st.st_mode))
        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0
               || type != SOCK_STREAM;
    return S_ISCHR(st.st_mode) && !is_memory_device(&st) && !isatty(fd);
}

/* What does not fit is lost: ENOMEM is how a tape says so. */
enum envelope_reason
envl_fd_read_record(int fd, unsigned char *buf, size_t size, size_t *len,
                    struct envl_err *err)
{
    ssize_t n;

    do {
        n = read(fd, buf, size);
    } while (n < 0 && try_again(fd, POLLIN));
    *len = n > 0 ? (size_t)n : 0;
    if (n >= 0)
        return ENVELOPE_OK;
    if (errno != ENOMEM)
        return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    return envl_fail(err, ENVELOPE_R_READ,
                     "%s: a record is longer than the %zu bytes that are read "
                     "at once; read it with larger blocks",
                     strerror(errno), size);
}

enum envelope_reason
envl_fd_write_vec(int fd, struct iovec *parts, unsigned count,
                  struct envl_err *err)
{
    ssize_t n;

    advance(&parts, &count, 0);
    while (count > 0) {
        n = writev(fd, parts, (int)count);
        if (n < 0 && try_again(fd, POLLOUT))
            continue;
        if (n < 0)
            return envl_fail(err, ENVELOPE_R_WRITE, "%s", strerror(errno));
        advance(&parts, &count, (size_t)n);
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_fd_write(int fd, const unsigned char *buf, size_t len,
              struct envl_err *err)
{
    struct iovec part = { (void *)(uintptr_t)buf, len };

    return envl_fd_write_vec(fd, &part, 1, err);
}

enum envelope_reason
envl_fd_write_vec_quietly(int fd, struct iovec *parts, unsigned count,
                          struct envl_err *err)
{
    const struct timespec at_once = { 0, 0 };
    enum envelope_reason rc;
    sigset_t closed, old;
    int error;

    sigemptyset(&closed);
    sigaddset(&closed, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &closed, &old);
    rc = envl_fd_write_vec(fd, parts, count, err);
    error = errno;
    if (rc != ENVELOPE_OK && error == EPIPE && !sigismember(&old, SIGPIPE))
        (void)sigtimedwait(&closed, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return rc;
}

enum envelope_reason
envl_fd_write_quietly(int fd, const unsigned char *buf, size_t len,
                      struct envl_err *err)
{
    struct iovec part = { (void *)(uintptr_t)buf, len };

    return envl_fd_write_vec_quietly(fd, &part, 1, err);
}

void
envl_fd_widen_pipe(int fd)
{
#ifdef F_SETPIPE_SZ
    int size = fcntl(fd, F_GETPIPE_SZ);

    if (size > 0 && size < PIPE_SIZE)
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
#else
    (void)fd;
#endif
}
