/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of tar and xbstream archives (FORMAT 10). */
#include "test/fuzz/mend.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "filter/carrier/xbstream.h"

/* The sum of each block that has the magic, with blanks for the sum. */
static void
mend_tar(unsigned char *data, size_t size)
{
    enum { BLOCK = 512, SUM = 148, SUM_LEN = 8, MAGIC = 257 };
    unsigned sum;
    size_t i;

    for (; size >= BLOCK; data += BLOCK, size -= BLOCK) {
        if (memcmp(data + MAGIC, "ustar", 5) != 0)
            continue;
        memset(data + SUM, ' ', SUM_LEN);
        sum = 0;
        for (i = 0; i < BLOCK; i++)
            sum += data[i];
        (void)snprintf((char *)data + SUM, SUM_LEN, "%06o", sum);
    }
}

uint64_t
get_le(const unsigned char *p, size_t len)
{
    uint64_t n = 0;

    while (len > 0)
        n = n << 8 | p[--len];
    return n;
}

/* The CRC of each chunk, as far as they follow one another. */
static void
mend_xbstream(unsigned char *data, size_t size)
{
    enum { TYPE = 9, PATH_LEN = 10, PATH = 14, CRC = 16, DATA = 20 };
    uint64_t head, len;
    uint32_t crc;
    size_t i;

    while (size >= PATH) {
        head = PATH + get_le(data + PATH_LEN, 4);
        len = 0;
        if (data[TYPE] == 'P' && head + DATA <= size) {
            len = get_le(data + head, 8);
            head += DATA;
        }
        if (head > size || len > size - head)
            return;
        if (data[TYPE] == 'P') {
            crc = envl_xb_crc(0, data + head, (size_t)len);
            for (i = 0; i < 4; i++)
                data[head - DATA + CRC + i] = (unsigned char)(crc >> 8 * i);
        }
        data += head + len;
        size -= (size_t)(head + len);
    }
}

void
mend_carrier(unsigned char *data, size_t size)
{
    mend_tar(data, size);
    mend_xbstream(data, size);
}
