/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clocks, as struct kms_world has them; arg is not looked at. */
#ifndef KMS_CORE_CLOCK_H
#define KMS_CORE_CLOCK_H

#include <stdint.h>

/*
 * kms_clock_now - seconds since the epoch
 * kms_clock_ticks - milliseconds of a clock that only goes on
 * kms_clock_sleep - for that long, whatever signals come in between
 */
int64_t kms_clock_now(void *arg);
int64_t kms_clock_ticks(void *arg);
void kms_clock_sleep(void *arg, unsigned milliseconds);

#endif
