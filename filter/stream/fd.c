/* SPDX-License-Identifier: Apache-2.0 */
/* All calls of read() and write() for data. */
#define _GNU_SOURCE /* F_SETPIPE_SZ, sync_file_range */
#include "filter/stream/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* Are there more bytes?  An end or an error does not count: the bytes so far
 * must be returned first, and a second read may not report it again. */
static int
has_more(int fd)
{
    int n = 0;

    return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* Should a call that has failed be repeated?  Waits if it would block. */
static bool
try_again(int fd, const struct envl_stop *stop, short events)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return envl_stop_wait(stop, fd, events);
    return errno == EINTR;
}

/* Wait, so that a call that may block for ever does not. */
static bool
is_ready(int fd, const struct envl_stop *stop, short events)
{
    return stop == NULL || envl_stop_wait(stop, fd, events);
}

static enum envelope_reason
fail(struct envl_err *err, enum envelope_reason reason)
{
    if (errno == ECANCELED)
        return envl_fail(err, ENVELOPE_R_NO_STREAM, "it was stopped");
    return envl_fail(err, reason, "%s", strerror(errno));
}

bool
envl_fd_blocks(int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
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
 * A pipe returns 64 KiB at once, so read again while there is more: the cipher
 * is faster with long batches.
 */
enum envelope_reason
envl_fd_read_vec(int fd, const struct envl_stop *stop, struct iovec *parts,
                 unsigned count, size_t *len, struct envl_err *err)
{
    ssize_t n;

    *len = 0;
    if (!is_ready(fd, stop, POLLIN))
        return fail(err, ENVELOPE_R_READ);
    do {
        n = readv(fd, parts, (int)count);
        if (n < 0 && try_again(fd, stop, POLLIN))
            continue;
        if (n < 0)
            return fail(err, ENVELOPE_R_READ);
        *len += (size_t)n;
        advance(&parts, &count, (size_t)n);
    } while (n != 0 && (n < 0 || (count > 0 && has_more(fd))));
    return ENVELOPE_OK;
}

enum envelope_reason
envl_fd_read(int fd, const struct envl_stop *stop, unsigned char *buf,
             size_t size, size_t *len, struct envl_err *err)
{
    struct iovec part = { buf, size };

    return envl_fd_read_vec(fd, stop, &part, 1, len, err);
}

/* Is it /dev/null, /dev/zero or similar, which read and write any length? */
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

/* A descriptor whose kind is not known counts as having records, which does no
 * harm to a stream.  So does a character device other than a terminal and those
 * that is_memory_device() knows. */
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

/* A tape reports a record that is longer than the buffer as ENOMEM. */
enum envelope_reason
envl_fd_read_record(int fd, const struct envl_stop *stop, unsigned char *buf,
                    size_t size, size_t *len, struct envl_err *err)
{
    ssize_t n = -1;

    *len = 0;
    if (!is_ready(fd, stop, POLLIN))
        return fail(err, ENVELOPE_R_READ);
    do {
        n = read(fd, buf, size);
    } while (n < 0 && try_again(fd, stop, POLLIN));
    *len = n > 0 ? (size_t)n : 0;
    if (n >= 0)
        return ENVELOPE_OK;
    if (errno != ENOMEM)
        return fail(err, ENVELOPE_R_READ);
    return envl_fail(err, ENVELOPE_R_READ,
                     "%s: a record is longer than the %zu bytes that are read "
                     "at once; read it with larger blocks",
                     strerror(errno), size);
}

/* Writing */

/*
 * A blocking write to a pipe waits until all bytes have room.  If the pipe can
 * be opened again in non-blocking mode, only envl_stop_wait() waits.  Else at
 * most PIPE_BUF bytes are written at once: they have room when there is any
 * room.
 */
void
envl_fd_out_init_now(struct envl_fd_out *out, int fd)
{
    struct stat st;

    *out = (struct envl_fd_out){ .fd = fd, .again = -1 };
    if (fstat(fd, &st) != 0)
        return;
    out->is_socket = S_ISSOCK(st.st_mode);
    if (S_ISFIFO(st.st_mode) || isatty(fd)) {
        out->again = envl_open_again(fd);
        out->most = out->again < 0 ? PIPE_BUF : 0;
    }
}

void
envl_fd_out_init(struct envl_fd_out *out, int fd, const struct envl_stop *stop)
{
    *out = (struct envl_fd_out){ .fd = fd, .again = -1 };
    if (stop == NULL || !envl_fd_blocks(fd))
        return;
    envl_fd_out_init_now(out, fd);
    out->stop = stop;
}

void
envl_fd_out_clear(struct envl_fd_out *out)
{
    if (out->again >= 0)
        (void)close(out->again); /* fd reports errors of closing */
    out->again = -1;
    out->stop = NULL;
}

static ssize_t
write_some(const struct envl_fd_out *out, struct iovec *parts, unsigned count)
{
    const struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
    size_t len = parts->iov_len;

    if (out->is_socket)
        return sendmsg(out->fd, &message, MSG_DONTWAIT);
    if (out->again >= 0)
        return writev(out->again, parts, (int)count);
    if (out->most > 0)
        return write(out->fd, parts->iov_base,
                     len < out->most ? len : out->most);
    return writev(out->fd, parts, (int)count);
}

ssize_t
envl_fd_out_try(const struct envl_fd_out *out, const void *buf, size_t len)
{
    struct iovec part = { (void *)(uintptr_t)buf, len };

    return write_some(out, &part, 1);
}

/* May a write block?  Non-blocking descriptors return EAGAIN instead. */
static bool
may_block(const struct envl_fd_out *out)
{
    return out->stop != NULL && !out->is_socket && out->again < 0;
}

enum envelope_reason
envl_fd_out_write(const struct envl_fd_out *out, struct iovec *parts,
                  unsigned count, struct envl_err *err)
{
    ssize_t n;

    advance(&parts, &count, 0);
    while (count > 0) {
        if (may_block(out) && !is_ready(out->fd, out->stop, POLLOUT))
            return fail(err, ENVELOPE_R_WRITE);
        n = write_some(out, parts, count);
        if (n < 0 && try_again(out->fd, out->stop, POLLOUT))
            continue;
        if (n < 0)
            return fail(err, ENVELOPE_R_WRITE);
        advance(&parts, &count, (size_t)n);
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_fd_out_write_quietly(const struct envl_fd_out *out, struct iovec *parts,
                          unsigned count, struct envl_err *err)
{
    const struct timespec at_once = { 0, 0 };
    enum envelope_reason rc;
    sigset_t closed, old;
    int error;

    sigemptyset(&closed);
    sigaddset(&closed, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &closed, &old);
    rc = envl_fd_out_write(out, parts, count, err);
    error = errno;
    if (rc != ENVELOPE_OK && error == EPIPE && !sigismember(&old, SIGPIPE))
        (void)sigtimedwait(&closed, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return rc;
}

enum envelope_reason
envl_fd_out_put(const struct envl_fd_out *out, const unsigned char *buf,
                size_t len, struct envl_err *err)
{
    struct iovec part = { (void *)(uintptr_t)buf, len };

    return envl_fd_out_write(out, &part, 1, err);
}

enum envelope_reason
envl_fd_write(int fd, const unsigned char *buf, size_t len,
              struct envl_err *err)
{
    const struct envl_fd_out out = { .fd = fd, .again = -1 };

    return envl_fd_out_put(&out, buf, len, err);
}

enum envelope_reason
envl_fd_write_quietly(int fd, const unsigned char *buf, size_t len,
                      struct envl_err *err)
{
    const struct envl_fd_out out = { .fd = fd, .again = -1 };
    struct iovec part = { (void *)(uintptr_t)buf, len };

    return envl_fd_out_write_quietly(&out, &part, 1, err);
}

void
envl_fd_begin_to_disk(int fd)
{
#ifdef SYNC_FILE_RANGE_WRITE
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* to its end */
#else
    (void)fd;
#endif
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
