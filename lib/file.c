/* SPDX-License-Identifier: Apache-2.0 */
/* Reads without stdio, whose buffers would keep what is secret. */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* Fill buf; the number of bytes before the end of the file, or -1. */
static ssize_t
read_all(int fd, unsigned char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size) {
        n = read(fd, buf + len, size - len);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -1;
        len += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)len;
}

enum envelope_reason
envl_file_read(struct envl_octets *content, const char *name, size_t max,
               struct envl_err *err)
{
    unsigned char *buf = OPENSSL_malloc(max + 1);
    enum envelope_reason rc = ENVELOPE_OK;
    ssize_t len = -1;
    int fd;

    if (buf == NULL)
        return envl_fail_memory(err);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        len = read_all(fd, buf, max + 1);
    if (len < 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name,
                       strerror(errno));
    else if ((size_t)len > max)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: larger than %zu bytes", name, max);
    else if (!envl_octets_set(content, buf, (size_t)len))
        rc = envl_fail_memory(err);
    if (fd >= 0)
        (void)close(fd); /* it was only read */
    OPENSSL_clear_free(buf, max + 1);
    return rc;
}
