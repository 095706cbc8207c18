/* SPDX-License-Identifier: Apache-2.0 */
/* The first name is always the same, so that a run finds what is left without
 * a look at the whole directory, which may have a million files. */
#define _GNU_SOURCE /* asprintf() */
#include "tools/os/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/os/term_safe.h"

#define RANDOM_LEN 6
#define ATTEMPTS 100

/* How much of a name goes into the temporary one: whole characters. */
static int
part_len(const char *name)
{
    size_t len = strlen(name);

    if (len > ENVL_TEMPORARY_PART_MAX) {
        len = ENVL_TEMPORARY_PART_MAX;
        while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80)
            len--;
    }
    return (int)len;
}

/* The first name, or one that nobody has; NULL with errno set. */
static char *
make_name(const char *of, bool first)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char random[RANDOM_LEN];
    char text[RANDOM_LEN + 1] = "", *name;
    size_t i;

    if (!first && getentropy(random, sizeof(random)) != 0)
        return NULL;
    for (i = 0; i < RANDOM_LEN && !first; i++)
        text[i] = digits[random[i] % 32];
    return asprintf(&name, ".%.*s.envelope%s%s", part_len(of), of,
                    first ? "" : "-", text)
                   >= 0
               ? name
               : NULL;
}

/* Was it left by an earlier run, and is it gone now?  Only where the lock can be
 * had, or somebody has it, is that known. */
static bool
remove_left(int dir, const char *name)
{
    int fd = openat(dir, name,
                    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st, now;
    bool removed;

    if (fd < 0)
        return errno == ENOENT; /* it is gone just now */
    removed = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1
              && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0
              && fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0
              && now.st_dev == st.st_dev && now.st_ino == st.st_ino
              && unlinkat(dir, name, 0) == 0;
    (void)close(fd);
    if (removed) {
        (void)fputs("envelope: ", stderr);
        envl_show(stderr, name);
        (void)fputs(": removed, an earlier run has left it\n", stderr);
    }
    return removed;
}

/* Between the two steps another run may have taken it for one that was left. */
static int
create_locked(int dir, const char *name, mode_t mode)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir, name, flags, mode);
    struct stat st;
    bool taken;

    if (fd < 0)
        return -1;
    taken = (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            || (fstat(fd, &st) == 0 && st.st_nlink == 0);
    if (!taken)
        return fd;
    (void)close(fd);
    errno = EEXIST;
    return -1;
}

int
envl_temporary_create(char **name, int dir, const char *of, mode_t mode)
{
    bool first = true;
    int i, fd = -1, error = EEXIST;

    *name = NULL;
    for (i = 0; i < ATTEMPTS && error == EEXIST; i++) {
        free(*name);
        if ((*name = make_name(of, first)) != NULL)
            fd = create_locked(dir, *name, mode);
        error = fd >= 0 ? 0 : errno;
        if (error == EEXIST && first)
            first = remove_left(dir, *name);
    }
    if (fd < 0) {
        free(*name);
        *name = NULL;
    }
    errno = error;
    return fd;
}
