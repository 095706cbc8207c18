/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: sockets that keep records apart do what a tape does,
 * on Linux.  A record that a read has no room for is lost, with ENOMEM; each
 * part of a readv() or writev() is a call of its own; how much there is to
 * read cannot be asked.
 *
 *   TAPE_BLOCK  length of the drive's fixed blocks: what is written in others
 *               is refused, with EINVAL
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/support/real.h"

static bool
is_tape(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0
           && type == SOCK_SEQPACKET;
}

static ssize_t
read_record(int fd, void *buf, size_t len)
{
    ssize_t n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);

    if (n < 0 || (size_t)n <= len)
        return REAL(read)(fd, buf, len);
    (void)recv(fd, NULL, 0, MSG_TRUNC); /* it is gone */
    errno = ENOMEM;
    return -1;
}

static ssize_t
write_record(int fd, const void *buf, size_t len)
{
    const char *block = getenv("TAPE_BLOCK");

    if (block == NULL || len % (size_t)atol(block) == 0)
        return REAL(write)(fd, buf, len);
    errno = EINVAL;
    return -1;
}

ssize_t
read(int fd, void *buf, size_t len)
{
    return is_tape(fd) ? read_record(fd, buf, len) : REAL(read)(fd, buf, len);
}

ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);

ssize_t
__read_chk(int fd, void *buf, size_t len, size_t size)
{
    (void)size;
    return read(fd, buf, len);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
    return is_tape(fd) ? write_record(fd, buf, len) : REAL(write)(fd, buf, len);
}

ssize_t
readv(int fd, const struct iovec *parts, int count)
{
    ssize_t n = 1, total = 0;
    int i;

    if (!is_tape(fd))
        return REAL(readv)(fd, parts, count);
    for (i = 0; i < count && n > 0; i++) {
        n = read_record(fd, parts[i].iov_base, parts[i].iov_len);
        total += n > 0 ? n : 0;
    }
    return n < 0 && total == 0 ? -1 : total;
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    ssize_t n = 1, total = 0;
    int i;

    if (!is_tape(fd))
        return REAL(writev)(fd, parts, count);
    for (i = 0; i < count && n > 0; i++) {
        n = write_record(fd, parts[i].iov_base, parts[i].iov_len);
        total += n > 0 ? n : 0;
    }
    return n < 0 && total == 0 ? -1 : total;
}

/* A tape is no socket: what is sent to it is written. */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!is_tape(fd))
        return REAL(sendmsg)(fd, message, flags);
    return writev(fd, message->msg_iov, (int)message->msg_iovlen);
}

int
ioctl(int fd, unsigned long request, ...)
{
    void *argument;
    va_list list;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (request != FIONREAD || !is_tape(fd))
        return REAL(ioctl)(fd, request, argument);
    errno = ENOTTY;
    return -1;
}
