/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of bytes as people write them. */
#ifndef ENVL_SIZE_H
#define ENVL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * envl_size_read - a number of bytes, also as 512K, 10M, 3G, 2T, of 1024 each
 *
 *   *p  moves to what follows it
 *
 * Returns: true; false if there is none, or it is 2^63 or above.
 */
bool envl_size_read(uint64_t *size, const char **p);

#endif
