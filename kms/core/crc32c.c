/* SPDX-License-Identifier: Apache-2.0 */
/* Bit by bit: what a key service takes is 64 KiB at most, and mostly a key. */
#include "kms/core/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41, its lowest bit first */

uint32_t
kms_crc32c(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint32_t crc = UINT32_MAX;
    int bit;

    while (len-- > 0) {
        crc ^= *p++;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc % 2 != 0 ? POLYNOMIAL : 0);
    }
    return ~crc;
}
