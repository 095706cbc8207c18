/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what is read, and how much of it there is. */
#include "tools/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum envelope_reason
fail(struct envl_err *err, int error)
{
    return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(error));
}

bool
envl_input_is_missing(const char *name)
{
    const char *slash = strrchr(name, '/');
    struct stat st;
    bool missing;
    char *dir;

    if (*name == '\0' || lstat(name, &st) == 0 || errno != ENOENT)
        return false;
    if (slash == NULL)
        return true;
    if ((dir = strndup(name, (size_t)(slash - name) + 1)) == NULL)
        return false;
    missing = stat(dir, &st) == 0;
    free(dir);
    return missing;
}

/* Is it a FIFO with a name of its own?  That of a shell's <(COMMAND) has none. */
static bool
is_named_fifo(const char *name, const struct stat *reader)
{
    char *path = S_ISFIFO(reader->st_mode) ? realpath(name, NULL) : NULL;
    struct stat st;
    bool named = path != NULL && lstat(path, &st) == 0 && S_ISFIFO(st.st_mode);

    free(path);
    return named;
}

static enum envelope_reason
open_named(struct envl_input_file *input, const char *name,
           enum envl_input_kind kind, struct envl_err *err)
{
    const int wait = kind == ENVL_INPUT_STORED ? O_NONBLOCK : 0;
    struct stat st;

    input->fd = open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC | wait);
    if (input->fd < 0) {
        (void)fail(err, errno);
        input->missing = envl_input_is_missing(name);
        return err->reason;
    }
    if (wait == 0)
        return ENVELOPE_OK;
    if (fstat(input->fd, &st) != 0)
        return fail(err, errno);
    if (is_named_fifo(name, &st))
        return envl_fail(err, ENVELOPE_R_READ,
                         "it is a FIFO, and no file; standard input may be "
                         "one");
    return fcntl(input->fd, F_SETFL, 0) == 0 ? ENVELOPE_OK : fail(err, errno);
}

enum envelope_reason
envl_input_open(struct envl_input_file *input, const char *name,
                enum envl_input_kind kind, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct stat st;
    off_t at;

    *input = (struct envl_input_file){ STDIN_FILENO, -1, false };
    if (name != NULL && strcmp(name, "-") != 0)
        rc = open_named(input, name, kind, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (fstat(input->fd, &st) != 0)
        return fail(err, errno);
    if (S_ISDIR(st.st_mode))
        return fail(err, EISDIR);
    if (S_ISREG(st.st_mode) && (at = lseek(input->fd, 0, SEEK_CUR)) >= 0)
        input->size = st.st_size > at ? st.st_size - at : 0;
    return ENVELOPE_OK;
}

void
envl_input_close(struct envl_input_file *input)
{
    if (input->fd > STDERR_FILENO)
        (void)close(input->fd);
    input->fd = -1;
}
