/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the checksums of a carrier right: hardly an input with a wrong one gets
 * far. */
#ifndef ENVL_FUZZ_MEND_H
#define ENVL_FUZZ_MEND_H

#include <stddef.h>
#include <stdint.h>

/* mend_carrier - in place, as far as it is a tar or an xbstream archive */
void mend_carrier(unsigned char *data, size_t size);

/* get_le - a little-endian number, as an xbstream has them */
uint64_t get_le(const unsigned char *p, size_t len);

#endif
