/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the archive that was encrypted: its members one by one, and where each
 * stands.  Data is passed over, not read.  What is around the encrypted stream
 * is another matter: filter/carrier knows our own archives, here are those of
 * other people, by anybody who had a public key.
 */
#ifndef ENVL_INSIDE_H
#define ENVL_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/carrier/kind.h"
#include "lib/base/err.h"

/* Bytes of the longest name of a member. */
#define ENVL_INSIDE_NAME_MAX 65535

/* The most files of an xbstream that are open at once. */
#define ENVL_INSIDE_OPEN_MAX 16384

/* Where the bytes of the archive come from. */
struct envl_inside_source {
    /* Get *len > 0 bytes at *p, valid until the next call; offset < size. */
    enum envelope_reason (*read)(void *arg, uint64_t offset,
                                 const unsigned char **p, size_t *len,
                                 struct envl_err *err);
    void *arg;
    uint64_t size;
};

enum envl_entry_kind {
    /* Members */
    ENVL_ENTRY_FILE, /* in an xbstream: the chunk that ends it */
    ENVL_ENTRY_DIRECTORY,
    ENVL_ENTRY_SYMLINK,
    ENVL_ENTRY_HARD_LINK,
    ENVL_ENTRY_OTHER, /* a device, a FIFO, ... */
    /* Only in an xbstream */
    ENVL_ENTRY_REMOVE, /* of a file that came before */
    ENVL_ENTRY_RENAME, /* of path to link */
    ENVL_ENTRY_CHUNK,  /* a part of a file that has not ended */
    /* Only in a tar */
    ENVL_ENTRY_GLOBAL, /* a pax header for all members that follow */
    /* The end of the archive */
    ENVL_ENTRY_END
};

/* Strings are the reader's, and valid until the next call. */
struct envl_entry {
    enum envl_entry_kind kind;
    const char *path; /* as it stands there */
    const char *link; /* where a link leads; else "" */
    uint64_t size;    /* bytes of the file, once it is unpacked */
    uint64_t at, len; /* its place in the archive, with all headers of its own
                       * and what fills the last block */
    bool has_crc;     /* of the bytes from crc_at to the end of its place */
    uint64_t crc_at;
    uint32_t crc;
};

struct envl_inside;

/*
 * envl_inside_new - recognise the archive, and see that it has its end
 *
 *   source  copied; its end was verified, so that what is cut is known here
 *
 * Ownership: *inside is the caller's, envl_inside_free(); NULL on failure.
 * Memory:    about 140 KiB, and 600 bytes for each file that is open at once.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_NOT_ARCHIVE; ENVELOPE_R_ARCHIVE if its end
 *            is missing; what source.read returns; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_inside_new(struct envl_inside **inside,
                                     const struct envl_inside_source *source,
                                     struct envl_err *err);
void envl_inside_free(struct envl_inside *inside);

/* envl_inside_kind - ENVL_TAR or ENVL_XBSTREAM */
enum envl_carrier envl_inside_kind(const struct envl_inside *inside);

/*
 * envl_inside_next - get the next entry; at the end ENVL_ENTRY_END, each time
 *
 * What programs would read differently is refused: a link, a device or a
 * directory with data, a global pax header that renames members.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_ARCHIVE saying what is wrong, for all calls
 *          that follow, too; as above.
 */
enum envelope_reason envl_inside_next(struct envl_inside *inside,
                                      const struct envl_entry **entry,
                                      struct envl_err *err);

#endif
