/* SPDX-License-Identifier: Apache-2.0 */
/* Two clocks: one that people set right, and one that only goes on. */
#include "kms/core/clock.h"

#include <errno.h>
#include <time.h>

int64_t
kms_clock_now(void *arg)
{
    struct timespec now = { 0 };

    (void)arg;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* every system has it */
    return now.tv_sec;
}

int64_t
kms_clock_ticks(void *arg)
{
    struct timespec now = { 0 };

    (void)arg;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
kms_clock_sleep(void *arg, unsigned milliseconds)
{
    struct timespec rest = { .tv_sec = milliseconds / 1000,
                             .tv_nsec = (long)(milliseconds % 1000) * 1000000 };

    (void)arg;
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
}
