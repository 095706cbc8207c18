/* SPDX-License-Identifier: Apache-2.0 */
/* Times as services write them. */
#ifndef KMS_CORE_TIME_H
#define KMS_CORE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * kms_time_read - "2030-01-02T03:04:05Z", also with a fraction of a second, which
 * is dropped, and with "+01:00" for "Z" (RFC 3339); or a number of seconds since
 * the epoch
 *
 * Returns: seconds since the epoch; 0 for what is no time.
 */
int64_t kms_time_read(const char *text);

/*
 * kms_time_read_date - "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale, and no
 * other form (RFC 9110, 5.6.7: IMF-fixdate)
 *
 * Returns: seconds since the epoch; -1 for what is no date.
 */
int64_t kms_time_read_date(const char *text);

/* kms_time_write - "2030-01-02T03:04:05Z"; false, and an empty text, outside of the years
 * 1970 to 9999 */
#define KMS_TIME_SIZE 32
bool kms_time_write(char text[KMS_TIME_SIZE], int64_t seconds);

#endif
