/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to preload: the program is killed at its n-th call that changes a
 * file, and the machine may stop with it.
 *
 *   DIE_AT     n, counted from 1
 *   DIE_HOW    before, after, or in the middle of the call: "first" has
 *              written the first half of what changes, "second" the other one
 *   DIE_LOSE   bits for the changes that were not synced, the oldest one in
 *              bit 0: what a bit is set for has not reached the disk
 *   DIE_ZEROS  what a file lost of its end is zeros
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/support/real.h"

#define PENDING_MAX 64

enum how { BEFORE, AFTER, FIRST, SECOND };

static const char *const hows[] = { "before", "after", "first", "second" };

/* A change that is not known to be on the disk. */
static struct change {
    enum { CREATED, REMOVED, WRITTEN } kind;
    char path[PATH_MAX]; /* of a file in a directory */
    char kept[PATH_MAX]; /* REMOVED: a link to it */
    int fd;              /* WRITTEN: for reading and writing */
    off_t at, end;       /* end: of the file, before */
    size_t len;
    char *old;
} pending[PENDING_MAX];
static int count;

static unsigned
number(const char *name)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static enum how
how(void)
{
    const char *text = getenv("DIE_HOW");
    int i;

    for (i = 0; text != NULL && i < 4; i++) {
        if (strcmp(hows[i], text) == 0)
            return (enum how)i;
    }
    return BEFORE;
}

/* Undoing */

static void
undo(const struct change *c)
{
    if (c->kind == CREATED)
        (void)REAL(unlink)(c->path);
    else if (c->kind == REMOVED)
        (void)REAL(rename)(c->kept, c->path);
    else if (REAL(pwrite)(c->fd, c->old, c->len, c->at) < 0
             || ftruncate(c->fd, c->end) != 0
             || (number("DIE_ZEROS") > 0 && c->at + (off_t)c->len > c->end
                 && ftruncate(c->fd, c->at + (off_t)c->len) != 0))
        err(99, "undo");
}

static void
die(void)
{
    unsigned lose = number("DIE_LOSE");
    int i;

    for (i = count - 1; i >= 0; i--) {
        if ((lose >> i & 1) != 0)
            undo(&pending[i]);
        else if (pending[i].kind == REMOVED)
            (void)REAL(unlink)(pending[i].kept);
    }
    (void)kill(getpid(), SIGKILL);
}

/* Does this call end it?  One that has no middle does so before. */
static unsigned calls;

static bool
now(enum how when)
{
    return calls == number("DIE_AT") && how() == when;
}

static void
begin(bool has_middle)
{
    calls++;
    if (now(BEFORE) || (!has_middle && (now(FIRST) || now(SECOND))))
        die();
}

/* Noting */

static struct change *
note(int kind)
{
    struct change *c = &pending[count++];

    if (count == PENDING_MAX)
        errx(99, "too many changes");
    memset(c, 0, sizeof(*c));
    c->kind = (__typeof__(c->kind))kind;
    return c;
}

static void
note_write(int fd, off_t at, size_t len)
{
    char name[64];
    struct change *c;
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    c = note(WRITTEN);
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    if ((c->fd = open(name, O_RDWR)) < 0 || (c->old = calloc(1, len)) == NULL
        || pread(c->fd, c->old, len, at) < 0)
        err(99, "%s", name);
    c->at = at;
    c->len = len;
    c->end = st.st_size;
}

static bool
same(const struct stat *st, const struct change *c)
{
    char path[PATH_MAX];
    struct stat other;
    char *slash;

    if (c->kind == WRITTEN)
        return fstat(c->fd, &other) == 0 && other.st_ino == st->st_ino;
    (void)snprintf(path, sizeof(path), "%s", c->path);
    if ((slash = strrchr(path, '/')) == NULL)
        (void)snprintf(path, sizeof(path), ".");
    else
        *slash = '\0';
    return stat(path, &other) == 0 && other.st_ino == st->st_ino;
}

/* It is on the disk. */
static void
forget(struct change *c)
{
    if (c->kind == REMOVED) {
        (void)REAL(unlink)(c->kept);
    } else if (c->kind == WRITTEN) {
        (void)close(c->fd);
        free(c->old);
    }
}

static void
note_sync(int fd)
{
    struct stat st;
    int i, left = 0;

    if (fstat(fd, &st) != 0)
        err(99, "fstat");
    for (i = 0; i < count; i++) {
        if (!same(&st, &pending[i]))
            pending[left++] = pending[i];
        else
            forget(&pending[i]);
    }
    count = left;
}

/* The calls */

/* Between the first and the last byte that change. */
static size_t
middle(const struct change *c, const char *buf)
{
    size_t from = 0, to = c->len;

    while (from < to && buf[from] == c->old[from])
        from++;
    while (to > from && buf[to - 1] == c->old[to - 1])
        to--;
    return (from + to) / 2;
}

static ssize_t
write_half(int fd, const void *buf, size_t len, off_t at)
{
    size_t half = middle(&pending[count - 1], buf);

    if (how() == FIRST)
        (void)REAL(pwrite)(fd, buf, half, at);
    else
        (void)REAL(pwrite)(fd, (const char *)buf + half, len - half,
                           at + (off_t)half);
    die();
    return -1;
}

ssize_t
write(int fd, const void *buf, size_t len)
{
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n;

    begin(at >= 0);
    if (at >= 0)
        note_write(fd, at, len);
    if (at >= 0 && (now(FIRST) || now(SECOND)))
        return write_half(fd, buf, len, at);
    n = REAL(write)(fd, buf, len);
    if (now(AFTER))
        die();
    return n;
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t at)
{
    ssize_t n;

    begin(true);
    note_write(fd, at, len);
    if (now(FIRST) || now(SECOND))
        return write_half(fd, buf, len, at);
    n = REAL(pwrite)(fd, buf, len, at);
    if (now(AFTER))
        die();
    return n;
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off_t at)
    __attribute__((alias("pwrite")));

int
fsync(int fd)
{
    int r;

    begin(false);
    r = REAL(fsync)(fd);
    note_sync(fd);
    if (now(AFTER))
        die();
    return r;
}

int
unlink(const char *path)
{
    struct change *c;
    int r;

    begin(false);
    c = note(REMOVED);
    (void)snprintf(c->path, sizeof(c->path), "%s", path);
    (void)snprintf(c->kept, sizeof(c->kept), "%.4000s.kept", path);
    (void)link(c->path, c->kept);
    r = REAL(unlink)(path);
    if (now(AFTER))
        die();
    return r;
}

int
rename(const char *from, const char *to)
{
    int r;

    begin(false);
    r = REAL(rename)(from, to);
    if (now(AFTER))
        die();
    return r;
}

int
fchmod(int fd, mode_t mode)
{
    int r;

    begin(false);
    r = REAL(fchmod)(fd, mode);
    if (now(AFTER))
        die();
    return r;
}

int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list list;
    int fd;

    va_start(list, flags);
    if ((flags & O_CREAT) != 0)
        mode = va_arg(list, mode_t);
    va_end(list);
    if ((flags & O_CREAT) == 0)
        return REAL(open)(path, flags, mode);
    begin(false);
    fd = REAL(open)(path, flags, mode);
    if (fd >= 0 && strncmp(path, "/dev/", 5) != 0)
        (void)snprintf(note(CREATED)->path, PATH_MAX, "%s", path);
    if (now(AFTER))
        die();
    return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
