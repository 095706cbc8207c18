/* SPDX-License-Identifier: Apache-2.0 */
/* The lock is kept when the descriptor that was written to is closed: until the
 * file has its name, it must not look as if a killed run had left it. */
#include "tools/os/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/os/disk.h"
#include "tools/os/free_name.h"
#include "tools/os/temporary.h"

int
envl_replace_begin(struct envl_replace *replace, const char *path, mode_t mode)
{
    const char *name;
    int fd;

    *replace = (struct envl_replace)ENVL_REPLACE_NONE;
    replace->dir = envl_parent_open(path, &name);
    if (replace->dir < 0)
        return -1;
    if (*name == '\0') {
        errno = EISDIR;
        return -1;
    }
    if ((replace->name = strdup(name)) == NULL)
        return -1;
    fd = envl_temporary_create(&replace->temporary, replace->dir, name, mode);
    if (fd >= 0)
        replace->lock = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return fd;
}

/* Once it is gone another run may have the same name. */
static void
forget_temporary(struct envl_replace *replace)
{
    free(replace->temporary);
    replace->temporary = NULL;
}

bool
envl_replace_take_name(struct envl_replace *replace, bool force)
{
    const char *from = replace->temporary, *to = replace->name;
    bool left = false;

    if (force ? renameat(replace->dir, from, replace->dir, to) != 0
              : !envl_free_name_take(replace->dir, from, to, &left))
        return false;
    if (!left)
        forget_temporary(replace);
    return true;
}

bool
envl_replace_remove(struct envl_replace *replace)
{
    if (replace->temporary == NULL)
        return true;
    if (unlinkat(replace->dir, replace->temporary, 0) != 0)
        return false;
    forget_temporary(replace);
    return true;
}

void
envl_replace_end(struct envl_replace *replace)
{
    (void)envl_replace_remove(replace);
    if (replace->lock >= 0)
        (void)close(replace->lock); /* what was written is on disk, or gone */
    if (replace->dir >= 0)
        (void)close(replace->dir); /* it was only read */
    free(replace->name);
    forget_temporary(replace);
    *replace = (struct envl_replace)ENVL_REPLACE_NONE;
}
