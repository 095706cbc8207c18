/* SPDX-License-Identifier: Apache-2.0 */
/* Four kinds of target, each with its own way to write a block and to report a
 * failure. */
#include "filter/archive/target.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/archive/common.h"
#include "filter/carrier/reader.h"
#include "filter/carrier/tar.h"
#include "filter/stream/fd.h"

/* The longest padded block: a reader's limit of zero bytes after an archive,
 * less those with which a tar itself ends. */
#define PADDED_SIZE_MAX (ENVL_TRAILING_LEN_MAX - ENVL_TAR_RECORD_LEN)

/* Blocks */

enum envelope_reason
envl_target_check_blocks(struct archive *a, enum envl_carrier carrier,
                         struct envl_err *err)
{
    const int size = archive_write_get_bytes_per_block(a);
    const int last = archive_write_get_bytes_in_last_block(a);

    if (size <= 0 || last < 0 || last == 1)
        return ENVELOPE_OK;
    if (carrier != ENVL_TAR)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "the last block is to be padded, and only the carrier "
                         "tar can be: take that one, or no block size (-b)");
    if (size > PADDED_SIZE_MAX)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "blocks of %d bytes, the last one padded: readers "
                         "take no more than %d",
                         size, PADDED_SIZE_MAX);
    return ENVELOPE_OK;
}

static bool
is_memory(const struct envl_target *target)
{
    return target->fd < 0 && target->write == NULL && target->file == NULL;
}

/* Does libarchive pad the last block by default? */
static bool
pads_by_itself(const struct envl_target *target)
{
    struct stat st;

    if (target->fd < 0)
        return !is_memory(target);
    if (target->fd == STDOUT_FILENO && !target->owns_fd)
        return true;
    return fstat(target->fd, &st) == 0
           && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)
               || S_ISFIFO(st.st_mode));
}

/* Streams of bytes and memory need not be written in blocks. */
static bool
wants_blocks(const struct envl_target *target)
{
    return target->fd >= 0 ? envl_fd_has_records(target->fd)
                           : !is_memory(target);
}

int
envl_target_take_blocks(struct archive *a, struct envl_target *target,
                        enum envl_carrier carrier)
{
    const int size = archive_write_get_bytes_per_block(a);
    const int last = archive_write_get_bytes_in_last_block(a);
    struct envl_blocks *blocks = &target->blocks;

    (void)archive_write_set_bytes_per_block(a, 0);
    (void)archive_write_set_bytes_in_last_block(a, 1);
    if (size <= 0)
        return 1;
    blocks->size = blocks->multiple = (size_t)size;
    if (last > 0)
        blocks->multiple = (size_t)last;
    else if (carrier != ENVL_TAR || size > PADDED_SIZE_MAX
             || (last < 0 && !pads_by_itself(target)))
        blocks->multiple = 1;
    return !wants_blocks(target) || envl_blocks_hold(blocks);
}

/* Writing */

static int
fail(struct archive *a, int error)
{
    struct envl_err err;

    (void)envl_fail(&err, ENVELOPE_R_WRITE, "%s", strerror(error));
    return envl_archive_fail(a, &err, error);
}

static int
put_fd(struct archive *a, const struct envl_target *target,
       const unsigned char *p, size_t len)
{
    struct envl_err err;

    errno = 0;
    return envl_fd_write_quietly(target->fd, p, len, &err) == ENVELOPE_OK
               ? ARCHIVE_OK
               : envl_archive_fail(a, &err, errno);
}

static int
put_memory(struct archive *a, struct envl_target *target,
           const unsigned char *p, size_t len)
{
    if (len > target->size - target->len) {
        archive_set_error(a, ENOMEM,
                          "envelope: cannot write: the buffer of %zu bytes is "
                          "too small",
                          target->size);
        return ARCHIVE_FATAL;
    }
    memcpy(target->memory + target->len, p, len);
    target->len += len;
    if (target->used != NULL)
        *target->used = target->len;
    return ARCHIVE_OK;
}

static int
put_client(struct archive *a, const struct envl_target *target,
           const unsigned char *p, size_t len)
{
    la_ssize_t n;

    for (; len > 0; p += n, len -= (size_t)n) {
        n = target->write(a, target->client_data, p, len);
        if (n <= 0 || (size_t)n > len) {
            if (archive_error_string(a) == NULL)
                archive_set_error(a, EIO,
                                  "envelope: cannot write: the program's "
                                  "callback failed");
            return ARCHIVE_FATAL;
        }
    }
    return ARCHIVE_OK;
}

static int
put_block(struct archive *a, struct envl_target *target, const unsigned char *p,
          size_t len)
{
    if (target->fd >= 0)
        return put_fd(a, target, p, len);
    if (target->write != NULL)
        return put_client(a, target, p, len);
    if (target->file == NULL)
        return put_memory(a, target, p, len);
    return fwrite(p, 1, len, target->file) == len ? ARCHIVE_OK : fail(a, errno);
}

int
envl_target_put(struct archive *a, struct envl_target *target,
                const unsigned char *p, size_t len)
{
    const unsigned char *block;
    int rc = ARCHIVE_OK;
    size_t n;

    while (rc == ARCHIVE_OK
           && (n = envl_blocks_next(&target->blocks, &p, &len, &block)) > 0)
        rc = put_block(a, target, block, n);
    return rc;
}

/* Ending */

int
envl_target_end(struct archive *a, struct envl_target *target)
{
    const unsigned char *block;
    int rc = ARCHIVE_OK;
    size_t n;

    while (rc == ARCHIVE_OK
           && (n = envl_blocks_end(&target->blocks, &block)) > 0)
        rc = put_block(a, target, block, n);
    if (rc == ARCHIVE_OK && target->file != NULL && fflush(target->file) != 0)
        rc = fail(a, errno);
    return rc;
}

int
envl_target_close(struct archive *a, struct envl_target *target)
{
    if (!target->owns_fd)
        return ARCHIVE_OK;
    target->owns_fd = false;
    return close(target->fd) == 0 ? ARCHIVE_OK : fail(a, errno);
}

void
envl_target_clear(struct envl_target *target)
{
    if (target->owns_fd)
        (void)close(target->fd); /* it was never written */
    target->owns_fd = false;
    envl_blocks_clear(&target->blocks);
}
