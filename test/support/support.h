/* SPDX-License-Identifier: Apache-2.0 */
/* What unit tests share: cmocka, and pseudo-random text. */
#ifndef ENVL_TEST_SUPPORT_H
#define ENVL_TEST_SUPPORT_H

#include <signal.h>
#include <string.h>

#include "test/support/cmocka.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A job in the background of a shell has some signals ignored, and so would
 * what is tested. */
static inline void
default_signals(void)
{
    static const int numbers[] = { SIGHUP,  SIGINT,  SIGQUIT,
                                   SIGPIPE, SIGTERM, SIGTSTP };
    size_t i;

    for (i = 0; i < COUNT(numbers); i++)
        (void)signal(numbers[i], SIG_DFL);
}

/* The same bytes for the same seed, on any machine. */
static inline void
fill(unsigned char *p, size_t len, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;

    while (len-- > 0) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        *p++ = (unsigned char)x;
    }
}

#endif
