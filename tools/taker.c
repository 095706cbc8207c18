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

/* Where members cannot be followed, as of sparse files, zeros are taken for the end up
 * to this: the longest records of tapes. */
#define SPARE_MAX ((uint64_t)1048576)

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many of the bytes so far need not be taken, if there are no more? */
static uint64_t
spare(const struct envl_taker *taker)
{
    if (!taker->is_tar)
        return 0;
    if (taker->walk.lost)
        return least(taker->zeros, SPARE_MAX);
    return taker->walk.zeros == ENVL_TAR_END_BLOCKS
               ? least(taker->zeros, taker->size - taker->archive_len)
               : 0;
}

/* All bytes of a piece but those of the last one are whole blocks. */
static void
follow(struct envl_taker *taker, const unsigned char *p, size_t len)
{
    struct envl_tar_walk *walk = &taker->walk;
    const uint64_t begin = taker->size;
    const size_t zeros = zeros_at_end(p, len);

    if (begin == 0)
        taker->is_tar = envl_carrier_kind_of(p, len) == ENVL_TAR;
    taker->size += len;
    taker->zeros = zeros < len ? zeros : taker->zeros + len;
    while (taker->is_tar && !walk->lost
           && walk->next + ENVL_TAR_BLOCK_LEN <= taker->size) {
        if (walk->zeros == 0)
            taker->archive_len = walk->next;
        if (walk->next < begin)
            walk->lost = true;
        else
            envl_tar_walk_on(walk, p + (walk->next - begin));
    }
    taker->program->spare = spare(taker);
}

/* The bytes in the pipe, and those that did not come into it: need it take them? */
static bool
has_enough(struct envl_taker *taker, size_t unwritten)
{
    int left = 0;

    if (ioctl(taker->program->fd, FIONREAD, &left) != 0 || left < 0)
        return false;
    taker->left = (uint64_t)left + unwritten;
    return taker->left <= taker->program->spare;
}

static enum envelope_reason
fail_closed(struct envl_err *err)
{
    errno = EPIPE;
    return envl_fail(err, ENVELOPE_R_WRITE, "%s", strerror(errno));
}

enum envelope_reason
envl_taker_write(struct envl_taker *taker, const unsigned char *p, size_t len,
                 struct envl_err *err)
{
    const struct envl_fd_out out = { .fd = taker->program->fd, .again = -1 };
    struct iovec part = { (void *)(uintptr_t)p, len };
    enum envelope_reason rc;

    follow(taker, p, len);
    if (taker->gone) {
        taker->left += len;
        return taker->left <= taker->program->spare ? ENVELOPE_OK
                                                    : fail_closed(err);
    }
    rc = envl_fd_out_write(&out, &part, 1, err);
    if (rc == ENVELOPE_R_WRITE && errno == EPIPE
        && has_enough(taker, part.iov_len)) {
        taker->gone = true;
        return ENVELOPE_OK;
    }
    return rc;
}
