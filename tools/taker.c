/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/taker.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "filter/carrier/reader.h"
#include "filter/stream/fd.h"

static size_t
zeros_at_end(const unsigned char *p, size_t len)
{
    size_t n = 0;

    while (n < len && p[len - 1 - n] == 0)
        n++;
    return n;
}

/* The bytes in the pipe, and those that did not come into it: are they zeros? */
static bool
has_left_zeros(const struct envl_program *program, size_t unwritten)
{
    int left = 0;

    return ioctl(program->fd, FIONREAD, &left) == 0 && left >= 0
           && (uint64_t)left + unwritten <= program->spare;
}

enum envelope_reason
envl_taker_write(struct envl_taker *taker, const unsigned char *p, size_t len,
                 struct envl_err *err)
{
    struct envl_program *program = taker->program;
    const struct envl_fd_out out = { .fd = program->fd, .again = -1 };
    struct iovec part = { (void *)(uintptr_t)p, len };
    const size_t zeros = zeros_at_end(p, len);
    enum envelope_reason rc;

    if (!taker->begun)
        taker->is_tar = envl_carrier_kind_of(p, len) == ENVL_TAR;
    taker->begun = true;
    if (taker->is_tar)
        program->spare = zeros < len ? zeros : program->spare + len;
    if (taker->gone && zeros < len) {
        errno = EPIPE;
        return envl_fail(err, ENVELOPE_R_WRITE, "%s", strerror(errno));
    }
    if (taker->gone)
        return ENVELOPE_OK;
    rc = envl_fd_out_write(&out, &part, 1, err);
    if (rc == ENVELOPE_R_WRITE && errno == EPIPE
        && has_left_zeros(program, part.iov_len)) {
        taker->gone = true;
        return ENVELOPE_OK;
    }
    return rc;
}
