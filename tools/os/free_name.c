/* SPDX-License-Identifier: Apache-2.0 */
/* Which filesystem can do what shows only when it is asked: NFS has no rename
 * that replaces nothing, FUSE often no links. */
#define _GNU_SOURCE /* renameat2() */
#include "tools/os/free_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Take the name with an empty file first, which is ours to replace. */
static bool
take_by_placeholder(int dir, const char *from, const char *to)
{
    int error,
        fd = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    (void)close(fd);
    if (renameat(dir, from, dir, to) == 0)
        return true;
    error = errno;
    (void)unlinkat(dir, to, 0);
    errno = error;
    return false;
}

bool
envl_free_name_take(int dir, const char *from, const char *to, bool *left)
{
    *left = false;
#ifdef RENAME_NOREPLACE
    if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EEXIST)
        return false;
#endif
    if (linkat(dir, from, dir, to, 0) == 0) {
        *left = unlinkat(dir, from, 0) != 0;
        return true;
    }
    return errno != EEXIST && take_by_placeholder(dir, from, to);
}
