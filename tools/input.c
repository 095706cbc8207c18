/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what is read, and how much of it there is. */
#include "tools/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum envelope_reason
fail(struct envl_err *err, int error)
{
    return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(error));
}

enum envelope_reason
envl_input_open(struct envl_input_file *input, const char *name,
                struct envl_err *err)
{
    struct stat st;
    off_t at;

    *input = (struct envl_input_file){ STDIN_FILENO, -1 };
    if (name != NULL && strcmp(name, "-") != 0)
        input->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 || fstat(input->fd, &st) != 0)
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
