/* SPDX-License-Identifier: Apache-2.0 */
/* Four kinds of source, each of which reads in order and at a given offset. */
#include "filter/stream/source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/stream/fd.h"

#define BUF_LEN 262144

void
envl_source_init(struct envl_source *source, int fd, size_t record_len)
{
    if (record_len == 0)
        record_len = ENVL_RECORD_LEN_DEFAULT;
    *source = (struct envl_source){ .fd = fd, .record_len = record_len };
}

void
envl_source_find_records(struct envl_source *source)
{
    if (source->seekable || !envl_fd_has_records(source->fd))
        source->record_len = 0;
}

static enum envelope_reason
fail(struct envl_err *err, const char *text)
{
    return envl_fail(err, ENVELOPE_R_READ, "%s", text);
}

/* Reading on */

static enum envelope_reason
next_of_calls(const struct envl_source *source, const unsigned char **p,
              size_t *len, struct envl_err *err)
{
    return source->calls->next(source->calls_arg, p, len, err);
}

static enum envelope_reason
read_on(struct envl_source *source, unsigned char *to, size_t size, size_t *len,
        struct envl_err *err)
{
    if (source->record_len > 0)
        return envl_fd_read_record(source->fd, source->stop, to, size, len,
                                   err);
    if (source->fd >= 0)
        return envl_fd_read(source->fd, source->stop, to, size, len, err);
    *len = fread(to, 1, size, source->file);
    return *len == 0 && ferror(source->file) ? fail(err, strerror(errno))
                                             : ENVELOPE_OK;
}

static bool
is_memory(const struct envl_source *source)
{
    return source->calls == NULL && source->file == NULL && source->fd < 0;
}

static enum envelope_reason
next_block(struct envl_source *source, const unsigned char **p, size_t *len,
           struct envl_err *err)
{
    const size_t size = source->record_len > 0 ? source->record_len : BUF_LEN;

    *len = 0;
    if (source->calls != NULL)
        return next_of_calls(source, p, len, err);
    if (is_memory(source)) {
        *p = source->memory + source->at;
        *len = source->memory_len - (size_t)source->at;
        return ENVELOPE_OK;
    }
    if (source->buf == NULL
        && (source->buf = ENVL_QUIETLY(OPENSSL_malloc(size))) == NULL)
        return envl_fail_memory(err);
    *p = source->buf;
    return read_on(source, source->buf, size, len, err);
}

static bool
is_in_start(const struct envl_source *source)
{
    return source->replays && (size_t)source->at < source->start_len;
}

bool
envl_source_pending(const struct envl_source *source)
{
    return is_in_start(source) || source->rest_len > 0;
}

enum envelope_reason
envl_source_next(struct envl_source *source, const unsigned char **p,
                 size_t *len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (is_in_start(source)) {
        *p = source->start + source->at;
        *len = source->start_len - (size_t)source->at;
    } else if (source->rest_len > 0) {
        *p = source->rest;
        *len = source->rest_len;
        source->rest_len = 0;
    } else {
        rc = next_block(source, p, len, err);
        source->read_len += *len;
    }
    source->at += (int64_t)*len;
    return rc;
}

/* At a place */

static int64_t
seek_calls(const struct envl_source *source, int64_t offset, int whence)
{
    return source->calls->seek(source->calls_arg, offset, whence);
}

int64_t
envl_source_size(struct envl_source *source)
{
    return source->calls != NULL ? seek_calls(source, 0, SEEK_END)
                                 : source->size;
}

static enum envelope_reason
read_calls_at(struct envl_source *source, int64_t offset, unsigned char *to,
              size_t len, struct envl_err *err)
{
    const unsigned char *p = NULL;
    enum envelope_reason rc;
    size_t n;

    if (seek_calls(source, offset, SEEK_SET) != offset)
        return fail(err, "the program's callback cannot seek");
    for (; len > 0; to += n, len -= n) {
        rc = next_of_calls(source, &p, &n, err);
        if (rc != ENVELOPE_OK)
            return rc;
        if (n == 0)
            return fail(err, "the source ends before that");
        if (n > len)
            n = len;
        memcpy(to, p, n);
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
read_fd_at(const struct envl_source *source, int64_t offset, unsigned char *to,
           size_t len, struct envl_err *err)
{
    off_t at = (off_t)(source->base + offset);
    ssize_t n;

    for (; len > 0; to += n, len -= (size_t)n, at += n) {
        n = pread(source->fd, to, len, at);
        if (n < 0 && errno != EINTR)
            return fail(err, strerror(errno));
        if (n == 0)
            return fail(err, "the file ends before that");
        if (n < 0)
            n = 0;
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_source_read_at(struct envl_source *source, int64_t offset,
                    unsigned char *to, size_t len, struct envl_err *err)
{
    source->read_len += len;
    if (source->calls != NULL)
        return read_calls_at(source, offset, to, len, err);
    if (source->fd >= 0)
        return read_fd_at(source, offset, to, len, err);
    if (source->file != NULL) {
        if (fseeko(source->file, (off_t)(source->base + offset), SEEK_SET) == 0
            && fread(to, 1, len, source->file) == len)
            return ENVELOPE_OK;
        return fail(err, ferror(source->file) ? strerror(errno)
                                              : "the file ends before that");
    }
    if ((uint64_t)offset > source->memory_len
        || len > source->memory_len - (size_t)offset)
        return fail(err, "the source ends before that");
    if (len > 0)
        memcpy(to, source->memory + offset, len);
    return ENVELOPE_OK;
}

void
envl_source_restore(struct envl_source *source)
{
    int64_t at = is_in_start(source) ? (int64_t)source->start_len : source->at;

    if (source->calls != NULL) {
        /* A source that cannot seek has not moved. */
        if (seek_calls(source, at, SEEK_SET) == at)
            source->rest_len = 0;
    } else if (source->file != NULL) {
        (void)fseeko(source->file, (off_t)(source->base + source->at),
                     SEEK_SET);
    }
}

/* The first bytes */

/* Does the error of a failed seek mean that the source cannot seek?  Any other
 * error is a failure, because nothing is known about the source then. */
static bool
is_no_seeking(int error)
{
    return error == ESPIPE || error == EINVAL;
}

static enum envelope_reason
fail_seek(struct envl_err *err)
{
    return is_no_seeking(errno) ? ENVELOPE_OK : fail(err, strerror(errno));
}

/* Only files and disks are sure to give the same bytes again. */
static enum envelope_reason
find_kind(int fd, bool *rereads, struct envl_err *err)
{
    struct stat st;

    *rereads = false;
    if (fstat(fd, &st) != 0)
        return fail(err, strerror(errno));
    *rereads = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
    return ENVELOPE_OK;
}

/* Find out whether the descriptor can seek, before a thread reads from it. */
static enum envelope_reason
find_seekable_fd(struct envl_source *source, struct envl_err *err)
{
    enum envelope_reason rc;
    bool rereads;
    off_t end;

    source->base = lseek(source->fd, 0, SEEK_CUR);
    if (source->base < 0)
        return fail_seek(err);
    rc = find_kind(source->fd, &rereads, err);
    if (rc != ENVELOPE_OK || !rereads)
        return rc;
    end = lseek(source->fd, 0, SEEK_END);
    if (end < 0)
        return fail_seek(err);
    if (lseek(source->fd, (off_t)source->base, SEEK_SET) < 0)
        return fail(err, strerror(errno));
    source->size = end > source->base ? end - source->base : 0;
    source->seekable = true;
    return ENVELOPE_OK;
}

/* The same for a FILE; one in memory has no descriptor. */
static enum envelope_reason
find_seekable_file(struct envl_source *source, struct envl_err *err)
{
    int fd = fileno(source->file);
    enum envelope_reason rc = ENVELOPE_OK;
    bool rereads = true;
    off_t end;

    source->base = ftello(source->file);
    if (source->base < 0)
        return fail_seek(err);
    if (fd >= 0)
        rc = find_kind(fd, &rereads, err);
    if (rc != ENVELOPE_OK || !rereads)
        return rc;
    if (fseeko(source->file, 0, SEEK_END) != 0
        || (end = ftello(source->file)) < 0)
        return fail_seek(err);
    if (fseeko(source->file, (off_t)source->base, SEEK_SET) != 0)
        return fail(err, strerror(errno));
    source->size = end > source->base ? end - source->base : 0;
    source->seekable = true;
    return ENVELOPE_OK;
}

static enum envelope_reason
find_seekable(struct envl_source *source, struct envl_err *err)
{
    if (source->fd >= 0)
        return find_seekable_fd(source, err);
    if (source->file != NULL)
        return find_seekable_file(source, err);
    source->size = (int64_t)source->memory_len;
    source->seekable = source->calls == NULL || source->calls->seek != NULL;
    return ENVELOPE_OK;
}

/* Peek up to the end, and ignore the file's size, which some files lack. */
static enum envelope_reason
peek_fd(struct envl_source *source, struct envl_err *err)
{
    size_t room;
    ssize_t n;

    do {
        room = sizeof(source->start) - source->start_len;
        n = pread(source->fd, source->start + source->start_len, room,
                  (off_t)(source->base + (int64_t)source->start_len));
        if (n < 0 && errno != EINTR)
            return fail(err, strerror(errno));
        source->start_len += n > 0 ? (size_t)n : 0;
    } while (n != 0 && source->start_len < sizeof(source->start));
    return ENVELOPE_OK;
}

static enum envelope_reason
peek_file(struct envl_source *source, struct envl_err *err)
{
    source->start_len =
        fread(source->start, 1, sizeof(source->start), source->file);
    if ((source->start_len < sizeof(source->start) && ferror(source->file))
        || fseeko(source->file, (off_t)source->base, SEEK_SET) != 0)
        return fail(err, strerror(errno));
    return ENVELOPE_OK;
}

/* Peek into a source that will be read again from its beginning. */
static enum envelope_reason
peek_at(struct envl_source *source, struct envl_err *err)
{
    if (source->fd >= 0)
        return peek_fd(source, err);
    if (source->file != NULL)
        return peek_file(source, err);
    source->start_len = source->memory_len < sizeof(source->start)
                            ? source->memory_len
                            : sizeof(source->start);
    if (source->start_len > 0)
        memcpy(source->start, source->memory, source->start_len);
    return ENVELOPE_OK;
}

/* Peek into one block or record, which must not be cut; bytes that start has no
 * room for stay in the block. */
static enum envelope_reason
peek_block(struct envl_source *source, size_t room, size_t *len,
           struct envl_err *err)
{
    const unsigned char *p = NULL;
    enum envelope_reason rc = next_block(source, &p, len, err);

    if (*len > room) {
        source->rest = p + room;
        source->rest_len = *len - room;
        *len = room;
    }
    if (*len > 0)
        memcpy(source->start + source->start_len, p, *len);
    return rc;
}

/* Gather bytes until the kind can be recognised; they cannot be read again. */
static enum envelope_reason
peek_on(struct envl_source *source, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    enum envl_carrier kind;
    size_t room, len = 1;

    source->replays = true;
    while (
        rc == ENVELOPE_OK && len > 0
        && source->start_len < sizeof(source->start)
        && !envl_carrier_recognise(&kind, source->start, source->start_len)) {
        room = sizeof(source->start) - source->start_len;
        rc = source->calls != NULL || source->record_len > 0
                 ? peek_block(source, room, &len, err)
                 : read_on(source, source->start + source->start_len, room,
                           &len, err);
        source->start_len += len;
    }
    return rc;
}

enum envelope_reason
envl_source_peek(struct envl_source *source, struct envl_err *err)
{
    enum envelope_reason rc = find_seekable(source, err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (source->record_len > 0)
        envl_source_find_records(source);
    rc = source->seekable && source->calls == NULL ? peek_at(source, err)
                                                   : peek_on(source, err);
    source->read_len += source->start_len + source->rest_len;
    return rc;
}

void
envl_source_clear(struct envl_source *source)
{
    OPENSSL_free(source->buf);
    source->buf = NULL;
}
