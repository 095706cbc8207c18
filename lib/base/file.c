/* SPDX-License-Identifier: Apache-2.0 */
/* Reads without stdio, whose buffers would keep secrets. */
#include "lib/base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* configure asks for 64-bit types where they are not the default. */
static_assert(sizeof(off_t) >= 8, "files may have more than 2 GiB");
static_assert(sizeof(time_t) >= 8, "certificates may end after 2038");

/* Files in use */

static int
add_in_use(struct envl_octets *in_use, const struct stat *st)
{
    const struct envl_file_id id = { (uint64_t)st->st_dev,
                                     (uint64_t)st->st_ino };
    unsigned char *data =
        ENVL_QUIETLY(OPENSSL_realloc(in_use->data, in_use->len + sizeof(id)));

    if (data == NULL)
        return 0;
    memcpy(data + in_use->len, &id, sizeof(id));
    in_use->data = data;
    in_use->len += sizeof(id);
    return 1;
}

int
envl_file_add_in_use(struct envl_octets *in_use, int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || add_in_use(in_use, &st);
}

int
envl_file_add_name_in_use(struct envl_octets *in_use, const char *name)
{
    struct stat st;

    return stat(name, &st) != 0 || add_in_use(in_use, &st);
}

enum envelope_reason
envl_file_check_in_use(const struct envl_octets *in_use, int fd,
                       const char *name, struct envl_err *err)
{
    struct envl_file_id id;
    struct stat st;
    size_t at;

    if (fstat(fd, &st) != 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name,
                         strerror(errno));
    for (at = 0; in_use != NULL && at < in_use->len; at += sizeof(id)) {
        memcpy(&id, in_use->data + at, sizeof(id));
        if (id.device == (uint64_t)st.st_dev && id.inode == (uint64_t)st.st_ino)
            return envl_fail(err, ENVELOPE_R_PARAMETER,
                             "%s is in use: the data, the output or names of "
                             "files; a key or a passphrase must come from "
                             "another file",
                             name);
    }
    return ENVELOPE_OK;
}

/* Reading */

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

/* The same, up to and including a LF.  It reads one byte at a time, because the
 * bytes after the LF belong to another reader. */
static ssize_t
read_line(int fd, unsigned char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size && (len == 0 || buf[len - 1] != '\n')) {
        n = read_all(fd, buf + len, 1);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len++;
    }
    return (ssize_t)len;
}

typedef ssize_t read_fn(int fd, unsigned char *buf, size_t size);

static enum envelope_reason
read_fd(struct envl_octets *content, read_fn *read_some, int fd,
        const char *name, size_t max, const struct envl_octets *in_use,
        struct envl_err *err)
{
    enum envelope_reason rc = envl_file_check_in_use(in_use, fd, name, err);
    unsigned char *buf;
    ssize_t len;

    if (rc != ENVELOPE_OK)
        return rc;
    if ((buf = OPENSSL_malloc(max + 1)) == NULL)
        return envl_fail_memory(err);
    len = read_some(fd, buf, max + 1);
    if (len < 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name,
                       strerror(errno));
    else if ((size_t)len > max)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: larger than %zu bytes", name, max);
    else if (!envl_octets_set(content, buf, (size_t)len))
        rc = envl_fail_memory(err);
    OPENSSL_clear_free(buf, len < 0 ? max + 1 : (size_t)len);
    return rc;
}

enum envelope_reason
envl_file_read(struct envl_octets *content, const char *name, size_t max,
               const struct envl_octets *in_use, struct envl_err *err)
{
    enum envelope_reason rc;
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name,
                         strerror(errno));
    rc = read_fd(content, read_all, fd, name, max, in_use, err);
    (void)close(fd); /* it was only read */
    return rc;
}

enum envelope_reason
envl_file_read_line(struct envl_octets *content, int fd, size_t max,
                    const struct envl_octets *in_use, struct envl_err *err)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "descriptor %d", fd);
    return read_fd(content, read_line, fd, name, max, in_use, err);
}
