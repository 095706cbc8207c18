/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an archive is read from: a descriptor, a FILE, memory or somebody's
 * calls; its first bytes can be looked at before anything is decided.
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

/* Longest record of a descriptor where nobody says how long they are. */
#define ENVL_RECORD_LEN_DEFAULT 1048576

/*
 * Blocks that somebody else reads, such as a program's callbacks.
 *
 * next - the next block, where it lies; *len is 0 at the end
 * seek - as lseek(), the new place or a negative number; NULL: it cannot
 */
struct envl_source_calls {
    enum envelope_reason (*next)(const void *arg, const unsigned char **p,
                                 size_t *len, struct envl_err *err);
    int64_t (*seek)(const void *arg, int64_t offset, int whence);
};

/* One of fd, file, memory and calls is set. */
struct envl_source {
    int fd;                       /* -1: none */
    const struct envl_stop *stop; /* borrowed: ends a wait for it; or NULL */
    size_t record_len; /* of a descriptor that is read in records: the longest;
                        * 0: it is a stream of bytes */
    FILE *file;
    const unsigned char *memory;
    size_t memory_len;
    const struct envl_source_calls *calls;
    const void *calls_arg;

    bool seekable;
    bool replays; /* start was read, and is not read again */
    int64_t base; /* where a descriptor or FILE stood at first */
    int64_t size; /* of one that can seek, from base on; not of calls */
    int64_t at;   /* where the next envl_source_next() reads, from there */

    unsigned char start[ENVL_RECOGNISE_LEN]; /* what was looked at */
    size_t start_len;
    const unsigned char *rest; /* of the block that start ended in */
    size_t rest_len;
    unsigned char *buf; /* of envl_source_next() */
};

/*
 * envl_source_init - a descriptor, which stays the caller's
 * envl_source_find_records - does it have records?  envl_source_peek() does
 * that, too
 *
 *   record_len  bytes that one read asks for, where it has records; 0: the
 *               default
 */
void envl_source_init(struct envl_source *source, int fd, size_t record_len);
void envl_source_find_records(struct envl_source *source);

/*
 * envl_source_peek - read the first bytes into start, and find out whether
 * the source can seek
 *
 * Where it can, it stands at its beginning again; a descriptor was not moved
 * at all.
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ with errno set if any call fails, and
 *          then it is not known what the source is.
 */
enum envelope_reason envl_source_peek(struct envl_source *source,
                                      struct envl_err *err);

/* envl_source_pending - were bytes read to look at them that
 * envl_source_next() has yet to give, because they do not come again? */
bool envl_source_pending(const struct envl_source *source);

/*
 * envl_source_next - the next block, where it lies; first what was looked at,
 * if that cannot be read again
 *
 *   *len  0 at the end
 */
enum envelope_reason envl_source_next(struct envl_source *source,
                                      const unsigned char **p, size_t *len,
                                      struct envl_err *err);

/* envl_source_size - bytes from the beginning to the end of one that can
 * seek; -1 if that fails */
int64_t envl_source_size(struct envl_source *source);

/* envl_source_read_at - len bytes from this offset on; ENVELOPE_R_READ if there
 * are fewer */
enum envelope_reason envl_source_read_at(struct envl_source *source,
                                         int64_t offset, unsigned char *to,
                                         size_t len, struct envl_err *err);

/* envl_source_restore - stand where envl_source_next() is to go on, after
 * envl_source_read_at() */
void envl_source_restore(struct envl_source *source);

/* envl_source_clear - free what is the source's own */
void envl_source_clear(struct envl_source *source);

#endif
