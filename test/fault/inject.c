/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: the n-th call of a family fails, or is short.
 * Which family, which call and how is in the environment:
 *
 *   FAULT_COUNTS  a file of FAMILIES + 1 numbers of 64 bits, all 0 at first:
 *                 the calls of each family, and the faults that were made
 *   FAULT_FAMILY  the name of the family whose calls fail; none if not set
 *   FAULT_AT      n, counted from 1
 *   FAULT_ON      the calls after the n-th fail, too
 *   FAULT_ERRNO   the number of the error
 *   FAULT_SHORT   reads and writes move one byte in place of failing
 *
 * The numbers are in a shared file, so that a program that ends by a signal
 * or starts another one leaves them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the order of the numbers in the file; run.py reads this list, too. */
#define FAMILY_LIST(X)          \
    X(READ, "read")             \
    X(WRITE, "write")           \
    X(FSYNC, "fsync")           \
    X(CLOSE, "close")           \
    X(RENAME, "rename")         \
    X(UNLINK, "unlink")         \
    X(OPEN, "open")             \
    X(STAT, "stat")             \
    X(LSEEK, "lseek")           \
    X(THREAD, "pthread_create") \
    X(RANDOM, "random")         \
    X(FCNTL, "fcntl")           \
    X(POLL, "poll")             \
    X(MISC, "misc")             \
    X(MALLOC, "malloc")

#define FAMILY_NUMBER(symbol, name) symbol,
#define FAMILY_NAME(symbol, name) name,
enum family { FAMILY_LIST(FAMILY_NUMBER) FAMILIES };
static const char *const families[] = { FAMILY_LIST(FAMILY_NAME) };

/* The numbers in the file; NULL while nothing is counted. */
static _Atomic uint64_t *counts;
static enum family chosen = FAMILIES;
static uint64_t at;
static int error = EIO;
static bool on, is_short;

static uint64_t
number(const char *name)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static void
tell(const char *text)
{
    (void)syscall(SYS_write, STDERR_FILENO, text, strlen(text));
}

/* A program that crashes says in which function, where that has a name, and in
 * whose code, innermost first. */
static void
tell_crash(int number)
{
    void *frames[12];
    int i, n = backtrace(frames, 12);
    const char *name;
    Dl_info info;

    tell("crashed in");
    for (i = 2; i < n; i++) { /* this one, and the signal's */
        if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL)
            continue;
        if (i == 2 && info.dli_sname != NULL) {
            tell(" ");
            tell(info.dli_sname);
            tell("()");
        }
        name = strrchr(info.dli_fname, '/');
        tell(" ");
        tell(name != NULL ? name + 1 : info.dli_fname);
    }
    tell("\n");
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void
watch_crashes(void)
{
    void *frame;

    (void)backtrace(&frame, 1); /* takes its memory now */
    (void)signal(SIGABRT, tell_crash);
    (void)signal(SIGBUS, tell_crash);
    (void)signal(SIGSEGV, tell_crash);
}

__attribute__((constructor)) static void
begin(void)
{
    const char *file = getenv("FAULT_COUNTS"), *name = getenv("FAULT_FAMILY");
    size_t i, size = (FAMILIES + 1) * sizeof(*counts);
    void *p;
    int fd;

    for (i = 0; name != NULL && i < FAMILIES; i++) {
        if (strcmp(families[i], name) == 0)
            chosen = (enum family)i;
    }
    at = number("FAULT_AT");
    on = number("FAULT_ON") != 0;
    is_short = number("FAULT_SHORT") != 0;
    error = (int)number("FAULT_ERRNO");
    if (file == NULL)
        return;
    fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (p == MAP_FAILED)
        abort();
    watch_crashes();
    counts = p;
}

/* Count a call.  Is it one to fail?  Then errno is set. */
static bool
fails(enum family family)
{
    uint64_t n;

    if (counts == NULL)
        return false;
    n = atomic_fetch_add(&counts[family], 1) + 1;
    if (family != chosen || at == 0 || n < at || (n > at && !on))
        return false;
    (void)atomic_fetch_add(&counts[FAMILIES], 1);
    errno = error;
    return true;
}

static void *
next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL)
        abort();
    return function;
}

#define REAL(name) ((__typeof__(&(name)))next(#name))

/* Reading and writing */

ssize_t
read(int fd, void *buf, size_t len)
{
    if (!fails(READ))
        return REAL(read)(fd, buf, len);
    return is_short ? REAL(read)(fd, buf, len > 0) : -1;
}

ssize_t
pread(int fd, void *buf, size_t len, off_t offset)
{
    if (!fails(READ))
        return REAL(pread)(fd, buf, len, offset);
    return is_short ? REAL(pread)(fd, buf, len > 0, offset) : -1;
}

ssize_t
readv(int fd, const struct iovec *iov, int count)
{
    if (!fails(READ))
        return REAL(readv)(fd, iov, count);
    return is_short ? REAL(read)(fd, iov->iov_base, iov->iov_len > 0) : -1;
}

/* Files and standard output.  Messages stay, to say what went wrong; what wakes
 * another thread does not fail. */
static bool
fails_to_write(int fd)
{
    struct stat st;

    return (fd == STDOUT_FILENO
            || (REAL(fstat)(fd, &st) == 0 && S_ISREG(st.st_mode)))
           && fails(WRITE);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
    if (!fails_to_write(fd))
        return REAL(write)(fd, buf, len);
    return is_short ? REAL(write)(fd, buf, len > 0) : -1;
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    if (!fails_to_write(fd))
        return REAL(pwrite)(fd, buf, len, offset);
    return is_short ? REAL(pwrite)(fd, buf, len > 0, offset) : -1;
}

ssize_t
writev(int fd, const struct iovec *iov, int count)
{
    if (!fails_to_write(fd))
        return REAL(writev)(fd, iov, count);
    return is_short ? REAL(write)(fd, iov->iov_base, iov->iov_len > 0) : -1;
}

/* What was printed, at the end of a program: never short. */
int
fflush(FILE *file)
{
    if (file == NULL || is_short || !fails_to_write(fileno(file)))
        return REAL(fflush)(file);
    return EOF;
}

ssize_t pread64(int fd, void *buf, size_t len, off_t offset)
    __attribute__((alias("pread")));
ssize_t pwrite64(int fd, const void *buf, size_t len, off_t offset)
    __attribute__((alias("pwrite")));

int
fsync(int fd)
{
    return fails(FSYNC) ? -1 : REAL(fsync)(fd);
}

int
fdatasync(int fd)
{
    return fails(FSYNC) ? -1 : REAL(fdatasync)(fd);
}

/* One that fails has closed it all the same, as Linux does. */
int
close(int fd)
{
    bool failed = fails(CLOSE);
    int result = REAL(close)(fd);

    if (!failed)
        return result;
    errno = error;
    return -1;
}

off_t
lseek(int fd, off_t offset, int whence)
{
    return fails(LSEEK) ? -1 : REAL(lseek)(fd, offset, whence);
}

off_t lseek64(int fd, off_t offset, int whence) __attribute__((alias("lseek")));

/* Names */

int
rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : REAL(rename)(from, to);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails(RENAME) ? -1 : REAL(renameat)(from_dir, from, to_dir, to);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
          unsigned flags)
{
    return fails(RENAME) ? -1
                         : REAL(renameat2)(from_dir, from, to_dir, to, flags);
}

int
link(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : REAL(link)(from, to);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return fails(RENAME) ? -1 : REAL(linkat)(from_dir, from, to_dir, to, flags);
}

int
unlink(const char *path)
{
    return fails(UNLINK) ? -1 : REAL(unlink)(path);
}

int
unlinkat(int dir, const char *path, int flags)
{
    return fails(UNLINK) ? -1 : REAL(unlinkat)(dir, path, flags);
}

/* Opening; the mode is there only with some flags, and is passed on */

int
open(const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
    return fails(OPEN) ? -1 : REAL(open)(path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
    return fails(OPEN) ? -1 : REAL(openat)(dir, path, flags, mode);
}

FILE *
fopen(const char *path, const char *mode)
{
    return fails(OPEN) ? NULL : REAL(fopen)(path, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *path, int flags, ...)
    __attribute__((alias("openat")));
FILE *fopen64(const char *path, const char *mode)
    __attribute__((alias("fopen")));

/* Asking */

int
stat(const char *path, struct stat *st)
{
    return fails(STAT) ? -1 : REAL(stat)(path, st);
}

int
lstat(const char *path, struct stat *st)
{
    return fails(STAT) ? -1 : REAL(lstat)(path, st);
}

int
fstat(int fd, struct stat *st)
{
    return fails(STAT) ? -1 : REAL(fstat)(fd, st);
}

int
fstatat(int dir, const char *path, struct stat *st, int flags)
{
    return fails(STAT) ? -1 : REAL(fstatat)(dir, path, st, flags);
}

int stat64(const char *path, struct stat64 *st) __attribute__((alias("stat")));
int lstat64(const char *path, struct stat64 *st)
    __attribute__((alias("lstat")));
int fstat64(int fd, struct stat64 *st) __attribute__((alias("fstat")));
int fstatat64(int dir, const char *path, struct stat64 *st, int flags)
    __attribute__((alias("fstatat")));

int
eventfd(unsigned value, int flags)
{
    return fails(OPEN) ? -1 : REAL(eventfd)(value, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails_to_write(fd) && !is_short ? -1
                                           : REAL(sendmsg)(fd, message, flags);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return fails(POLL) ? -1 : REAL(poll)(fds, count, timeout);
}

/* The argument is there only with some commands, and is passed on. */
int
fcntl(int fd, int command, ...)
{
    va_list list;
    void *arg;

    va_start(list, command);
    arg = va_arg(list, void *);
    va_end(list);
    return fails(FCNTL) ? -1 : REAL(fcntl)(fd, command, arg);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

/* The rest of what is asked of a file */

int
ftruncate(int fd, off_t len)
{
    return fails(MISC) ? -1 : REAL(ftruncate)(fd, len);
}

int ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));

int
fchmod(int fd, mode_t mode)
{
    return fails(MISC) ? -1 : REAL(fchmod)(fd, mode);
}

int
fchown(int fd, uid_t user, gid_t group)
{
    return fails(MISC) ? -1 : REAL(fchown)(fd, user, group);
}

int
flock(int fd, int operation)
{
    return fails(MISC) ? -1 : REAL(flock)(fd, operation);
}

int
madvise(void *p, size_t len, int advice)
{
    return fails(MISC) ? -1 : REAL(madvise)(p, len, advice);
}

int
pipe(int fds[2])
{
    return fails(MISC) ? -1 : REAL(pipe)(fds);
}

char *
realpath(const char *path, char *to)
{
    return fails(MISC) ? NULL : REAL(realpath)(path, to);
}

/* Threads, random numbers, memory */

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
               void *(*start)(void *), void *arg)
{
    return fails(THREAD) ? error
                         : REAL(pthread_create)(thread, attr, start, arg);
}

int
getentropy(void *buf, size_t len)
{
    return fails(RANDOM) ? -1 : REAL(getentropy)(buf, len);
}

ssize_t
getrandom(void *buf, size_t len, unsigned flags)
{
    return fails(RANDOM) ? -1 : REAL(getrandom)(buf, len, flags);
}

/* A crash is told by threads, too, that take no signals. */
int
pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t most;

    if (set == NULL || how == SIG_UNBLOCK)
        return REAL(pthread_sigmask)(how, set, old);
    most = *set;
    (void)sigdelset(&most, SIGABRT);
    (void)sigdelset(&most, SIGBUS);
    (void)sigdelset(&most, SIGSEGV);
    return REAL(pthread_sigmask)(how, &most, old);
}

/* dlsym() may need memory itself: glibc's own names need no search.  The
 * memory of AddressSanitizer is its own business. */
#ifndef WITHOUT_MALLOC
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

void *
malloc(size_t size)
{
    return fails(MALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return fails(MALLOC) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *p, size_t size)
{
    return fails(MALLOC) ? NULL : __libc_realloc(p, size);
}
#endif
