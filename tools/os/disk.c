/* SPDX-License-Identifier: Apache-2.0 */
/* Some filesystems cannot bring a directory to disk, and need not. */
#define _GNU_SOURCE /* O_PATH */
#include "tools/os/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
envl_parent_open(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char *parent;
    int dir, error;

    *name = slash != NULL ? slash + 1 : path;
    parent =
        slash != NULL ? strndup(path, (size_t)(*name - path)) : strdup(".");
    if (parent == NULL)
        return -1;
    dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
#ifdef O_PATH
    if (dir < 0 && errno == EACCES) /* a dropbox */
        dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
#endif
    error = errno;
    free(parent);
    errno = error;
    return dir;
}

bool
envl_to_disk(int fd)
{
    int rc;

    do {
        rc = fsync(fd);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP
           || errno == EBADF; /* O_PATH */
}

bool
envl_parent_to_disk(const char *path)
{
    const char *name;
    int dir = envl_parent_open(path, &name);
    bool done = dir >= 0 && envl_to_disk(dir);
    int error = errno;

    if (dir >= 0)
        (void)close(dir); /* it was only read */
    errno = error;
    return done;
}
