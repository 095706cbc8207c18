/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way out in blocks of one length, and the padding of the last
 * one: what libarchive does with all that it writes, and what a tape needs.
 * Nothing is written here.
 */
#ifndef ENVL_BLOCKS_H
#define ENVL_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: bytes leave as they come, and nothing is padded. */
struct envl_blocks {
    size_t size;        /* bytes of a block */
    size_t multiple;    /* that the last block is padded to, but to no more than
                         * a block; 1: not padded */
    unsigned char *buf; /* the block that is being filled; NULL: bytes leave as
                         * they come, and only the end is padded */
    size_t fill;        /* bytes since the last whole block */
    bool begun;         /* some bytes have left */
};

/*
 * envl_blocks_hold - from here on only whole blocks leave, but for the end
 *
 * Ownership: envl_blocks_clear() frees what it takes.
 * Returns:   1; 0 if memory ran out.
 */
int envl_blocks_hold(struct envl_blocks *blocks);
void envl_blocks_clear(struct envl_blocks *blocks);

/*
 * envl_blocks_next - what is to be written next
 *
 *   p, len  bytes that have come; used up as far as they are taken
 *   *block  what to write, in one call; it stays until the next one
 *
 * Returns: how many bytes to write; 0 once all of len is used up.
 */
size_t envl_blocks_next(struct envl_blocks *blocks, const unsigned char **p,
                        size_t *len, const unsigned char **block);

/*
 * envl_blocks_end - no more bytes come: what is left, with its padding
 *
 * Returns: as envl_blocks_next(); to be called until that is 0.
 */
size_t envl_blocks_end(struct envl_blocks *blocks, const unsigned char **block);

#endif
