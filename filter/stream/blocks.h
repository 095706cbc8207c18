/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts output into blocks of one length and pads the last block, as libarchive
 * does and as a tape needs.  The caller writes the blocks.
 */
#ifndef ENVL_BLOCKS_H
#define ENVL_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: output is neither cut nor padded. */
struct envl_blocks {
    size_t size;        /* bytes of a block */
    size_t multiple;    /* the last block is padded to a multiple of this, but
                         * to no more than size; 1: not padded */
    unsigned char *buf; /* the block that is being filled; NULL: output is not
                         * cut, and only the end is padded */
    size_t fill;        /* bytes since the last whole block */
    bool begun;         /* output has begun */
};

/*
 * envl_blocks_hold - allocate a buffer, so that all output but the end is whole
 * blocks
 * envl_blocks_clear - wipe and free the buffer
 *
 * Returns: 1; 0 if memory ran out.
 */
int envl_blocks_hold(struct envl_blocks *blocks);
void envl_blocks_clear(struct envl_blocks *blocks);

/*
 * envl_blocks_next - get the bytes to write next
 *
 *   p, len  the new output; both move past the bytes that are taken
 *   *block  the bytes to write in one call, valid until the next call here
 *
 * Returns: the number of bytes to write; 0 when all of len is taken.
 */
size_t envl_blocks_next(struct envl_blocks *blocks, const unsigned char **p,
                        size_t *len, const unsigned char **block);

/*
 * envl_blocks_end - end the output: get the bytes that are left, and the
 * padding
 *
 * Returns: as envl_blocks_next(); call it until it returns 0.
 */
size_t envl_blocks_end(struct envl_blocks *blocks, const unsigned char **block);

#endif
