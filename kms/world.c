/* SPDX-License-Identifier: Apache-2.0 */
/* The system's part of the real world: environment, files, chance; and the
 * table of them all. */
#define _GNU_SOURCE /* secure_getenv */
#include "kms/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "kms/clock.h"
#include "kms/process.h"
#include "kms/transport.h"

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

static enum envelope_reason
fail_to_read(const char *path, int error, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CREDENTIALS, "%.300s: %s", path,
                     strerror(error));
}

/* A directory can be opened; reading it fails. */
static enum envelope_reason
read_all(int fd, struct kms_text *content, const char *path, size_t max,
         struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    char part[4096];
    ssize_t n = 1;

    while (rc == ENVELOPE_OK && n != 0) {
        n = read(fd, part, sizeof(part));
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
    enum envelope_reason rc;
    int fd;

    (void)arg;
    kms_text_clear(content);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return ENVELOPE_OK;
    if (fd < 0)
        return fail_to_read(path, errno, err);
    rc = read_all(fd, content, path, max, err);
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
    .read = read_file,
    .send = kms_transport_send,
    .run = kms_process_run,
};

const struct kms_world *
kms_world_real(void)
{
    return &real;
}
