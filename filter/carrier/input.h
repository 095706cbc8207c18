/* SPDX-License-Identifier: Apache-2.0 */
/* Input that a reader has got and not yet used. */
#ifndef ENVL_INPUT_H
#define ENVL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct envl_input {
    const unsigned char *p;
    size_t len;
    bool ended; /* no input follows these bytes */
};

/* envl_input_take - use n of the bytes */
static inline void
envl_input_take(struct envl_input *in, size_t n)
{
    if (n > 0) /* without bytes, p may be NULL */
        in->p += n;
    in->len -= n;
}

#endif
