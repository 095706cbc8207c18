/* SPDX-License-Identifier: Apache-2.0 */
/* The system's part of the real world: environment, files, chance; and the
 * table of them all. */
#define _GNU_SOURCE /* secure_getenv */
#include "kms/http/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "kms/core/clock.h"
#include "kms/core/process.h"
#include "kms/http/transport.h"

/* The system's own source: for a pause, no provider needs to be asked.
 * Without it, the longest is a good one. */
static unsigned
below(void *arg, unsigned bound)
{
    unsigned value;

    (void)arg;
    if (bound == 0)
        return 0;
    if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
        return bound - 1;
    return value % bound;
}

static const char *
variable(void *arg, const char *name)
{
    const char *value = secure_getenv(name);

    (void)arg;
    return value != NULL && *value != '\0' ? value : NULL;
}

/* In a sticky directory, as /tmp is, others can put files beside it, but not in its
 * place; but for the owner of the directory. */
static bool
others_write(const struct stat *st)
{
    const bool open_to_all = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;

    return (st->st_uid != 0 && st->st_uid != geteuid())
           || (open_to_all
               && !(S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0));
}

static enum envelope_reason
fail_guard(const char *path, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "%.300s: others can write to it: it must be root's or the "
                     "user's own, and have no more than the mode 755",
                     path);
}

/* The file itself, wherever links lead, and each directory above it. */
static enum envelope_reason
guard(void *arg, const char *path, struct envl_err *err)
{
    char *real = realpath(path, NULL), *end;
    enum envelope_reason rc = ENVELOPE_OK;
    struct stat st;

    (void)arg;
    if (real == NULL)
        return errno == ENOMEM ? envl_fail_memory(err) : ENVELOPE_OK;
    end = real + strlen(real);
    while (rc == ENVELOPE_OK && end != NULL) {
        *end = '\0';
        if (stat(*real != '\0' ? real : "/", &st) != 0 || others_write(&st))
            rc = fail_guard(*real != '\0' ? real : "/", err);
        end = strrchr(real, '/');
    }
    free(real);
    return rc;
}

/* A pipe or FIFO is waited for, but not for ever. */
#define READ_MS 10000

static bool
has_come(int fd, int64_t deadline)
{
    struct pollfd input = { .fd = fd, .events = POLLIN };
    int64_t left;
    int n;

    do {
        left = deadline - kms_clock_ticks(NULL);
        n = poll(&input, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = ETIMEDOUT;
    return n > 0;
}

static enum envelope_reason
fail_to_read(const char *path, int error, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%.300s: %s", path,
                     strerror(error));
}

/* A directory can be opened; reading it fails. */
static enum envelope_reason
read_all(int fd, struct kms_text *content, const char *path, size_t max,
         int64_t deadline, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    char part[4096];
    ssize_t n = 1;

    while (rc == ENVELOPE_OK && n != 0) {
        n = read(fd, part, sizeof(part));
        if (n < 0 && errno == EAGAIN && has_come(fd, deadline))
            continue;
        if (n < 0 && errno != EINTR)
            rc = fail_to_read(path, errno, err);
        if (n < 0)
            continue;
        if ((size_t)n > max - content->len)
            rc = envl_fail(err, ENVELOPE_R_CREDENTIALS,
                           "%.300s: longer than %zu bytes", path, max);
        else
            kms_text_add_bytes(content, part, (size_t)n);
        if (content->failed)
            rc = envl_fail_memory(err);
    }
    OPENSSL_cleanse(part, sizeof(part));
    return rc;
}

static enum envelope_reason
read_file(void *arg, struct kms_text *content, const char *path, size_t max,
          struct envl_err *err)
{
    const int64_t deadline = kms_clock_ticks(arg) + READ_MS;
    enum envelope_reason rc;
    struct stat st;
    int fd;

    kms_text_clear(content);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return ENVELOPE_OK;
    if (fd < 0)
        return fail_to_read(path, errno, err);
    /* Without a writer a FIFO reads as empty. */
    if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && !has_come(fd, deadline))
        rc = fail_to_read(path, errno, err);
    else
        rc = read_all(fd, content, path, max, deadline, err);
    (void)close(fd); /* it was only read */
    if (rc != ENVELOPE_OK)
        kms_text_clear(content);
    return rc;
}

static const struct kms_world real = {
    .now = kms_clock_now,
    .ticks = kms_clock_ticks,
    .sleep = kms_clock_sleep,
    .random = below,
    .variable = variable,
    .guard = guard,
    .read = read_file,
    .send = kms_transport_send,
    .run = kms_process_run,
};

const struct kms_world *
kms_world_real(void)
{
    return &real;
}
