/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks of a tar (POSIX.1-2001, "ustar Interchange Format"; GNU tar). */
#ifndef ENVL_TAR_H
#define ENVL_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define ENVL_TAR_BLOCK_LEN 512
#define ENVL_TAR_NAME_MAX 256
#define ENVL_TAR_LINK_MAX 100

/* Archives are padded to a multiple of this, in bytes. */
#define ENVL_TAR_RECORD_LEN 10240

/* The number of zero blocks that end an archive. */
#define ENVL_TAR_END_BLOCKS 2

enum envl_tar_type {
    ENVL_TAR_FILE = '0',
    ENVL_TAR_OLD_FILE = '\0',
    ENVL_TAR_DIRECTORY = '5',
    ENVL_TAR_PAX = 'x',
    ENVL_TAR_PAX_GLOBAL = 'g'
};

/* Types that only other people's archives have. */
enum envl_tar_other_type {
    ENVL_TAR_HARD_LINK = '1',
    ENVL_TAR_SYMLINK = '2',
    ENVL_TAR_CHARACTER = '3',
    ENVL_TAR_BLOCK = '4',
    ENVL_TAR_FIFO = '6',
    ENVL_TAR_CONTIGUOUS = '7',
    ENVL_TAR_GNU_DIRECTORY = 'D', /* its names are its data */
    ENVL_TAR_GNU_LINK = 'K',      /* the next member's long link */
    ENVL_TAR_GNU_NAME = 'L',      /* the next member's long name */
    ENVL_TAR_GNU_SPARSE = 'S',
    ENVL_TAR_GNU_VOLUME = 'V',
    ENVL_TAR_SUN_PAX = 'X' /* as ENVL_TAR_PAX */
};

struct envl_tar_header {
    char name[ENVL_TAR_NAME_MAX + 1];
    char type;
    uint64_t size;
    /* by envl_tar_read() alone */
    char link[ENVL_TAR_LINK_MAX + 1];
    uint64_t real_size; /* of a sparse file of GNU tar's old kind */
    bool goes_on;       /* a block with more of its map follows */
};

/*
 * envl_tar_build - write the header block of a regular file
 *
 *   name   fewer than 100 bytes
 *   size   below 8 GiB
 *   mtime  seconds since the epoch
 */
void envl_tar_build(unsigned char *block, const char *name, uint64_t size,
                    uint64_t mtime);

/*
 * envl_tar_parse - read a header block that is not all zero
 *
 *   at  its offset in the archive, for the message
 *
 * Returns: ENVELOPE_OK, or ENVELOPE_R_CARRIER saying what is wrong.
 */
enum envelope_reason envl_tar_parse(struct envl_tar_header *header,
                                    const unsigned char *block, uint64_t at,
                                    struct envl_err *err);

/* envl_tar_mtime - get the time of a member from its header block; false if that
 * is none */
bool envl_tar_mtime(const unsigned char *block, uint64_t *mtime);
/*
 * envl_tar_read - read a header block of any kind of tar
 *
 * Beyond what envl_tar_parse() takes, these are taken: no magic, a sum of signed
 * bytes, a size in base 256, and a size of blanks, which is 0.
 *
 * Returns: true; false if the checksum or a number is wrong.
 */
bool envl_tar_read(struct envl_tar_header *header, const unsigned char *block);

/* envl_tar_map_goes_on - does yet another block follow this one, which has more
 * of the map of a sparse file? */
bool envl_tar_map_goes_on(const unsigned char *block);

/* envl_is_zero - are these bytes all zero, as blocks at the end and padding
 * are? */
bool envl_is_zero(const unsigned char *p, size_t len);

/* envl_tar_has_end - are the last two blocks of these bytes zeros? */
bool envl_tar_has_end(const unsigned char *tail, size_t len);

/*
 * Following the members of a tar from header to header, to know its end: the
 * last blocks of a tar that was cut within zeros of a file look like one.
 */
struct envl_tar_walk {
    uint64_t next;     /* offset of the next block to look at */
    uint64_t pax_left; /* bytes of a pax header that begin there */
    unsigned zeros;    /* zero blocks before it, in a row */
    bool lost;         /* a header says nothing that could be followed */
};

/* envl_tar_walk_on - look at the block at walk->next, unless walk is lost */
void envl_tar_walk_on(struct envl_tar_walk *walk, const unsigned char *block);

/* envl_tar_walk_at_end - does the archive end where it has this size? */
bool envl_tar_walk_at_end(const struct envl_tar_walk *walk, uint64_t size);

/* envl_tar_padding - zero bytes after a member of this size */
size_t envl_tar_padding(uint64_t size);

#endif
