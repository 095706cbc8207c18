/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is written under a temporary name, which the signals that end the
 * program remove, and takes its own name in one step when it is on disk.  Who
 * writes, and what, is not known here.
 */
#include "tools/os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/stream/fd.h"
#include "tools/os/disk.h"
#include "tools/os/ending.h"
#include "tools/os/temporary.h"

/* Signals */

/* What they remove; changed with them blocked. */
static struct {
    int dir;
    char name[ENVL_TEMPORARY_LEN_MAX + 1];
} guard;

static void
remove_guarded(int number)
{
    (void)number;
    (void)unlinkat(guard.dir, guard.name, 0);
}

static void
guard_arm(const struct envl_output *output)
{
    (void)snprintf(guard.name, sizeof(guard.name), "%s",
                   output->file.temporary);
    guard.dir = output->file.dir;
    envl_ending_add(remove_guarded);
}

static void
guard_disarm(void)
{
    envl_ending_remove(remove_guarded);
}

/* Files */

static enum envelope_reason
fail_write(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_WRITE, "%s", strerror(errno));
}

static enum envelope_reason
fail_exists(struct envl_err *err, const char *path)
{
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "%s exists; --force replaces it", path);
}

/* Writing to it would destroy what is still to be read.  That input and output
 * are one terminal or one /dev/null is quite usual. */
static bool
is_same(const struct stat *out, int input)
{
    struct stat in;

    if (input < 0 || fstat(input, &in) != 0)
        return false;
    if (S_ISBLK(in.st_mode) && S_ISBLK(out->st_mode))
        return in.st_rdev == out->st_rdev;
    return S_ISREG(in.st_mode) && in.st_dev == out->st_dev
           && in.st_ino == out->st_ino;
}

static enum envelope_reason
fail_same(struct envl_err *err, const char *path)
{
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "%s is the input and the output",
                     path != NULL ? path : "one file");
}

/* Beside the file that path leads to, through links; false with errno set. */
static bool
create_temporary(struct envl_output *output, mode_t mode)
{
    struct stat link;
    char *target = NULL;
    sigset_t old;
    int error;

    if (lstat(output->path, &link) == 0 && S_ISLNK(link.st_mode)
        && (target = realpath(output->path, NULL)) == NULL)
        return false;
    envl_ending_block(&old);
    output->fd = envl_replace_begin(
        &output->file, target != NULL ? target : output->path, mode);
    error = errno;
    if (output->fd >= 0)
        guard_arm(output);
    envl_ending_unblock(&old);
    free(target);
    errno = error;
    return output->fd >= 0;
}

/* Give a file owner and group of another one, as far as the system lets us.
 * Returns what is left of its permissions: a group that is not the other's has
 * what all others have. */
static mode_t
give(int fd, const struct stat *like, mode_t mode)
{
    if (fchown(fd, like->st_uid, like->st_gid) == 0
        || fchown(fd, (uid_t)-1, like->st_gid) == 0)
        return mode;
    return mode & (~(mode_t)S_IRWXG | ((mode & S_IRWXO) << 3));
}

/*
 * As if the old file had been written over, but never with more permissions
 * than mode has for a new one; who could read that may execute it.
 */
static void
keep_permissions(int fd, const struct stat *old, mode_t mode)
{
    const bool is_private = (mode & (S_IRWXG | S_IRWXO)) == 0;
    mode_t kept = old->st_mode & (mode | ((mode & 0444) >> 2));

    if (!is_private)
        kept = give(fd, old, kept);
    (void)fchmod(fd, kept); /* where there are none, all is as it was */
}

void
envl_output_give(const struct envl_output *output, const struct stat *like)
{
    struct stat now;

    if (output->is_new && fstat(output->fd, &now) == 0)
        (void)fchmod(output->fd, give(output->fd, like, now.st_mode & 0777));
}

static enum envelope_reason
open_beside(struct envl_output *output, const struct stat *old, mode_t mode,
            struct envl_err *err)
{
    if (!create_temporary(output, old != NULL ? mode & S_IRWXU : mode)) {
        if (errno == ENOMEM)
            return envl_fail_memory(err);
        return fail_write(err);
    }
    output->is_new = old == NULL;
    if (old != NULL)
        keep_permissions(output->fd, old, mode);
    return ENVELOPE_OK;
}

/* It keeps nothing, and gives nothing to anybody. */
static bool
is_null_device(const struct stat *st)
{
    struct stat null;

    return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0
           && S_ISCHR(null.st_mode) && st->st_rdev == null.st_rdev;
}

/* Somebody else may have put a FIFO where the file is to be. */
static enum envelope_reason
open_directly(struct envl_output *output, const struct stat *old,
              struct envl_err *err)
{
    struct stat now;

    if (!output->force && !is_null_device(old))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "%s is %s, and whoever reads from there would get it; "
                         "--force writes to it",
                         output->path,
                         S_ISFIFO(old->st_mode) ? "a FIFO" : "a device");
    do {
        output->fd = open(output->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    } while (output->fd < 0 && errno == EINTR);
    if (output->fd < 0 || fstat(output->fd, &now) != 0)
        return fail_write(err);
    if (S_ISREG(now.st_mode))
        return envl_fail(err, ENVELOPE_R_WRITE,
                         "it changed while it was opened");
    return ENVELOPE_OK;
}

static enum envelope_reason
open_new(struct envl_output *output, mode_t mode, struct envl_err *err)
{
    struct stat link;

    if (lstat(output->path, &link) == 0)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "%s is a symbolic link that leads to nothing",
                         output->path);
    return open_beside(output, NULL, mode, err);
}

static enum envelope_reason
open_path(struct envl_output *output, int input, mode_t mode,
          struct envl_err *err)
{
    const char *path = output->path;
    struct stat old;

    if (stat(path, &old) != 0) {
        if (errno != ENOENT)
            return fail_write(err);
        return open_new(output, mode, err);
    }
    if (is_same(&old, input))
        return fail_same(err, path);
    if (S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return fail_write(err);
    }
    if (!S_ISREG(old.st_mode))
        return open_directly(output, &old, err);
    if (!output->force)
        return fail_exists(err, path);
    return open_beside(output, &old, mode, err);
}

static enum envelope_reason
open_standard(struct envl_output *output, bool refuse_terminal, int input,
              struct envl_err *err)
{
    struct stat out;

    if (fstat(STDOUT_FILENO, &out) != 0)
        return fail_write(err);
    if (is_same(&out, input))
        return fail_same(err, NULL);
    if (refuse_terminal && isatty(STDOUT_FILENO))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "standard output is a terminal and would get binary "
                         "data; name a file with -o, or insist with -o -");
    output->fd = STDOUT_FILENO;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_output_open(struct envl_output *output, const char *path, bool force,
                 bool is_binary, int input, mode_t mode, struct envl_err *err)
{
    const bool is_standard = path == NULL || strcmp(path, "-") == 0;
    enum envelope_reason rc;

    *output = (struct envl_output){
        .fd = -1, .file = ENVL_REPLACE_NONE, .force = force, .open = true
    };
    output->path = is_standard ? NULL : path;
    if (is_standard)
        rc = open_standard(output, is_binary && path == NULL, input, err);
    else
        rc = open_path(output, input, mode, err);
    if (rc != ENVELOPE_OK)
        envl_output_discard(output);
    return rc;
}

enum envelope_reason
envl_output_open_program(struct envl_output *output, char **argv,
                         struct envl_err *err)
{
    enum envelope_reason rc;
    sigset_t closed;

    *output = (struct envl_output){ .fd = -1,
                                    .file = ENVL_REPLACE_NONE,
                                    .open = true };
    rc = envl_program_start(&output->program, argv, false, err);
    (void)sigemptyset(&closed);
    (void)sigaddset(&closed, SIGPIPE); /* it is an error, and explained */
    (void)pthread_sigmask(SIG_BLOCK, &closed, NULL);
    envl_fd_widen_pipe(output->program.fd);
    output->fd = output->program.fd;
    if (rc != ENVELOPE_OK)
        envl_output_discard(output);
    return rc;
}

enum envelope_reason
envl_output_explain(struct envl_output *output, struct envl_err *err)
{
    if (output->program.pid == 0 || err->reason != ENVELOPE_R_WRITE)
        return err->reason;
    return envl_program_wait(&output->program, false, err);
}

/* Network filesystems may tell only now what could not be written. */
static bool
close_output(struct envl_output *output)
{
    int rc = close(output->fd);

    output->fd = -1;
    return rc == 0 || errno == EINTR;
}

/* The temporary file has its name, or stays. */
static bool
take_name(struct envl_output *output)
{
    sigset_t old;
    bool done;

    envl_ending_block(&old);
    done = envl_replace_take_name(&output->file, output->force);
    if (output->file.temporary == NULL)
        guard_disarm();
    envl_ending_unblock(&old);
    return done;
}

static enum envelope_reason
commit_file(struct envl_output *output, struct envl_err *err)
{
    if ((!output->no_sync && !envl_to_disk(output->fd))
        || !close_output(output))
        return fail_write(err);
    if (output->file.temporary == NULL)
        return ENVELOPE_OK;
    if (!take_name(output))
        return !output->force && errno == EEXIST
                   ? fail_exists(err, output->path)
                   : fail_write(err);
    if (!output->no_sync && !envl_to_disk(output->file.dir))
        return envl_fail(err, ENVELOPE_R_WRITE,
                         "the file is there and complete, but a crash may undo "
                         "that: its directory cannot be brought to disk: %s",
                         strerror(errno));
    return ENVELOPE_OK;
}

enum envelope_reason
envl_output_commit(struct envl_output *output, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (output->program.pid != 0)
        rc = envl_program_wait(&output->program, true, err);
    else if (output->path != NULL)
        rc = commit_file(output, err);
    else if (!close_output(output))
        rc = fail_write(err);
    envl_output_discard(output);
    return rc;
}

void
envl_output_discard(struct envl_output *output)
{
    sigset_t old;

    if (!output->open)
        return;
    envl_program_stop(&output->program);
    if (output->fd >= 0 && output->path != NULL)
        (void)close(output->fd); /* nobody wants what is in it */
    envl_ending_block(&old);
    envl_replace_end(&output->file);
    guard_disarm();
    envl_ending_unblock(&old);
    *output = (struct envl_output){ .fd = -1, .file = ENVL_REPLACE_NONE };
}
