/* SPDX-License-Identifier: Apache-2.0 */
/* One process at a time changes a file, and none that was just replaced. */
#define _GNU_SOURCE /* flock() */
#include "tools/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/input_file.h"

#define OPEN_FLAGS (O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* Another rewrap, or a backup, may have put a new file in its place since it
 * was opened. */
static bool
is_still_there(const struct envl_target_file *target)
{
    struct stat now;

    return stat(target->path, &now) == 0 && now.st_dev == target->st.st_dev
           && now.st_ino == target->st.st_ino;
}

static enum envelope_reason
lock(struct envl_target_file *target, struct envl_err *err)
{
    const int kind = target->use == ENVL_TARGET_WRITTEN ? LOCK_EX : LOCK_SH;

    if (fstat(target->fd, &target->st) != 0)
        return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    if (!S_ISREG(target->st.st_mode))
        return envl_fail(err, ENVELOPE_R_READ, "it is not a regular file");
    if (flock(target->fd, kind | LOCK_NB) != 0)
        return envl_fail(err, ENVELOPE_R_READ, "%s",
                         errno == EWOULDBLOCK
                             ? "another process has locked it, such as a "
                               "rewrap that is at work"
                             : strerror(errno));
    if (!is_still_there(target))
        return envl_fail(err, ENVELOPE_R_READ,
                         "another file took its place just now");
    target->times[0] = target->st.st_atim;
    target->times[1] = target->st.st_mtim;
    return ENVELOPE_OK;
}

/* To read it or to write it: which of them fails shows when it is only read. */
static bool
can_be_read(const struct envl_target_file *target)
{
    int fd =
        target->path != NULL ? open(target->path, O_RDONLY | OPEN_FLAGS) : -1;

    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static enum envelope_reason
fail_open(struct envl_target_file *target, int error, struct envl_err *err)
{
    const bool is_forbidden =
        error == EACCES || error == EPERM || error == EROFS || error == ETXTBSY;

    target->missing = envl_input_is_missing(target->name);
    return envl_fail(err,
                     is_forbidden && can_be_read(target) ? ENVELOPE_R_WRITE
                                                         : ENVELOPE_R_READ,
                     "%s", strerror(error));
}

enum envelope_reason
envl_target_file_open(struct envl_target_file *target, enum envl_target_use use,
                      bool preserve_mtime, struct envl_err *err)
{
    const int access = use == ENVL_TARGET_WRITTEN ? O_RDWR : O_RDONLY;
    enum envelope_reason rc;

    target->use = use;
    if (strcmp(target->name, "-") == 0)
        return envl_fail(err, ENVELOPE_R_READ,
                         "the header of standard input cannot be changed: name "
                         "a file");
    target->path = realpath(target->name, NULL);
    if (target->path != NULL)
        target->fd = open(target->path, access | OPEN_FLAGS);
    if (target->fd < 0)
        return fail_open(target, errno, err);
    rc = lock(target, err);
    if (rc == ENVELOPE_OK)
        rc = envl_journal_init(&target->journal, target->path, target->fd, err);
    if (rc == ENVELOPE_OK && preserve_mtime)
        target->journal.times = target->times;
    return rc;
}

void
envl_target_file_close(struct envl_target_file *target)
{
    envl_journal_clear(&target->journal);
    if (target->fd >= 0)
        (void)close(target->fd); /* what was written has been synced */
    free(target->path);
}

enum envelope_reason
envl_target_file_recover(struct envl_target_file *target,
                         enum envl_journal_state *recovered,
                         struct envl_err *err)
{
    if (target->use == ENVL_TARGET_WRITTEN)
        return envl_journal_recover(&target->journal, recovered, err);
    if (envl_journal_exists(&target->journal))
        return envl_fail(err, ENVELOPE_R_READ,
                         "a rewrap of it was interrupted: envelope rewrap "
                         "--recover ends that");
    return ENVELOPE_OK;
}
