/* SPDX-License-Identifier: Apache-2.0 */
/* Input that a machine has been given and has not yet used up. */
#ifndef ENVL_INPUT_H
#define ENVL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct envl_input {
    const unsigned char *p;
    size_t len;
    bool ended; /* nothing comes after these bytes */
};

/* envl_input_take - use up n of the bytes */
static inline void
envl_input_take(struct envl_input *in, size_t n)
{
    if (n > 0) /* where there is nothing, p may be NULL */
        in->p += n;
    in->len -= n;
}

#endif
