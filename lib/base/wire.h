/* SPDX-License-Identifier: Apache-2.0 */
/* Big-endian integers in byte strings. */
#ifndef ENVL_WIRE_H
#define ENVL_WIRE_H

#include <stdint.h>

static inline void
envl_put_be16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

static inline void
envl_put_be32(unsigned char *p, uint32_t v)
{
    envl_put_be16(p, (uint16_t)(v >> 16));
    envl_put_be16(p + 2, (uint16_t)v);
}

static inline uint32_t
envl_get_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8
           | p[3];
}

#endif
