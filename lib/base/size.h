/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of bytes as people write them. */
#ifndef ENVL_SIZE_H
#define ENVL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * envl_size_read - read a number of bytes, also one like 512K, 10M, 3G or 2T
 * (powers of 1024)
 *
 *   *p  the text; moves to the first character after the number
 *
 * Returns: true; false if there is no number, or it is 2^63 or above.
 */
bool envl_size_read(uint64_t *size, const char **p);

#endif
