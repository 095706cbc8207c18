/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: one call on a file fails, and the next one does not.
 *
 *   FAIL_FILE   the file, by a name that open() is given, too
 *   FAIL_CALL   open, fstat, lseek or read, which is every way to read
 *   FAIL_AT     n: the n-th of these calls, counted from 1
 *   FAIL_ERROR  the error number
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/support/real.h"

static bool
is_call(const char *name)
{
    const char *wanted = getenv("FAIL_CALL");

    return wanted != NULL && strcmp(wanted, name) == 0;
}

static bool
count(void)
{
    static int calls;

    if (++calls != atoi(getenv("FAIL_AT")))
        return false;
    errno = atoi(getenv("FAIL_ERROR"));
    return true;
}

static bool
fails(const char *name, int fd)
{
    struct stat one, other;

    return is_call(name) && REAL(fstat)(fd, &one) == 0
           && stat(getenv("FAIL_FILE"), &other) == 0
           && one.st_ino == other.st_ino && one.st_dev == other.st_dev
           && count();
}

int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list list;

    va_start(list, flags);
    if ((flags & O_CREAT) != 0)
        mode = va_arg(list, mode_t);
    va_end(list);
    if (is_call("open") && strcmp(path, getenv("FAIL_FILE")) == 0 && count())
        return -1;
    return REAL(open)(path, flags, mode);
}

int
fstat(int fd, struct stat *status)
{
    return fails("fstat", fd) ? -1 : REAL(fstat)(fd, status);
}

off_t
lseek(int fd, off_t at, int whence)
{
    return fails("lseek", fd) ? -1 : REAL(lseek)(fd, at, whence);
}

ssize_t
read(int fd, void *buf, size_t len)
{
    return fails("read", fd) ? -1 : REAL(read)(fd, buf, len);
}

ssize_t
readv(int fd, const struct iovec *parts, int n)
{
    return fails("read", fd) ? -1 : REAL(readv)(fd, parts, n);
}

ssize_t
pread(int fd, void *buf, size_t len, off_t at)
{
    return fails("read", fd) ? -1 : REAL(pread)(fd, buf, len, at);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
off_t lseek64(int fd, off_t at, int whence) __attribute__((alias("lseek")));
ssize_t pread64(int fd, void *buf, size_t len, off_t at)
    __attribute__((alias("pread")));
