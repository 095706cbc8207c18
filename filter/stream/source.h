/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source of an archive: a descriptor, a FILE, memory or callbacks.  Its
 * first bytes can be looked at before it is read.
 */
#ifndef ENVL_SOURCE_H
#define ENVL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "filter/carrier/reader.h"
#include "lib/base/err.h"
#include "lib/base/waiting.h"

/* The longest record of a descriptor, in bytes, if nothing else is set. */
#define ENVL_RECORD_LEN_DEFAULT 1048576

/*
 * Callbacks of a program that reads the blocks itself.
 *
 * next - get the next block, borrowed; *len is 0 at the end
 * seek - as lseek(2): the new offset, or a negative number; NULL: the source
 *        cannot seek
 */
struct envl_source_calls {
    enum envelope_reason (*next)(const void *arg, const unsigned char **p,
                                 size_t *len, struct envl_err *err);
    int64_t (*seek)(const void *arg, int64_t offset, int whence);
};

/* One of fd, file, memory and calls is set. */
struct envl_source {
    int fd;                       /* -1: none */
    const struct envl_stop *stop; /* borrowed: ends a wait for fd; or NULL */
    size_t record_len; /* of fd: the longest record; 0 for a stream of
                        * bytes */
    FILE *file;
    const unsigned char *memory;
    size_t memory_len;
    const struct envl_source_calls *calls;
    const void *calls_arg;

    bool seekable;
    bool replays;      /* start cannot be read again: it comes first */
    int64_t base;      /* the first offset of fd or FILE */
    int64_t size;      /* bytes from base on, if it can seek; not for calls */
    int64_t at;        /* the offset from base of the next envl_source_next() */
    uint64_t read_len; /* bytes that were read so far, some perhaps twice */

    unsigned char start[ENVL_RECOGNISE_LEN]; /* the first bytes */
    size_t start_len;
    const unsigned char *rest; /* of the block in which start ended */
    size_t rest_len;
    unsigned char *buf; /* the buffer of envl_source_next(), owned */
};

/*
 * envl_source_init - set up a source that reads fd, which is borrowed
 * envl_source_find_records - find out whether fd has records;
 * envl_source_peek() does that, too
 *
 *   record_len  bytes that one read asks for if fd has records; 0 for the
 *               default
 */
void envl_source_init(struct envl_source *source, int fd, size_t record_len);
void envl_source_find_records(struct envl_source *source);

/*
 * envl_source_peek - read the first bytes into start, and find out whether
 * the source can seek
 *
 * A source that can seek is at its beginning after that; a descriptor does not
 * move at all.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ with errno set if any call fails: then
 *          nothing is known about the source.
 */
enum envelope_reason envl_source_peek(struct envl_source *source,
                                      struct envl_err *err);

/* envl_source_pending - has envl_source_next() yet to return bytes that
 * envl_source_peek() has read and that cannot be read again? */
bool envl_source_pending(const struct envl_source *source);

/*
 * envl_source_next - get the next block, valid until the next call; first the
 * bytes of envl_source_peek(), if they cannot be read again
 *
 *   *len  receives the number of bytes; 0 at the end
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ with errno set.
 */
enum envelope_reason envl_source_next(struct envl_source *source,
                                      const unsigned char **p, size_t *len,
                                      struct envl_err *err);

/* envl_source_size - bytes of a source that can seek, from its beginning to its
 * end; -1 on failure */
int64_t envl_source_size(struct envl_source *source);

/* envl_source_read_at - read len bytes from this offset on; ENVELOPE_R_READ if
 * there are fewer */
enum envelope_reason envl_source_read_at(struct envl_source *source,
                                         int64_t offset, unsigned char *to,
                                         size_t len, struct envl_err *err);

/* envl_source_restore - go back to the place of envl_source_next(), after
 * envl_source_read_at() */
void envl_source_restore(struct envl_source *source);

/* envl_source_clear - free what is the source's own */
void envl_source_clear(struct envl_source *source);

#endif
