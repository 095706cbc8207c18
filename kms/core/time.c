/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as services write them, by strptime().  Not by curl_getdate(): where a time_t
 * has 32 bits in libcurl, it may have 64 here.
 */
#define _GNU_SOURCE /* strptime, timegm, tm_gmtoff */
#include "kms/core/time.h"

#include <locale.h>
#include <string.h>
#include <time.h>

#include "kms/core/span.h"

#define TIME_MAX INT64_C(253402300799) /* after it, years have five digits */
#define SECONDS_LEN_MAX 12 /* far above the year 9999, far below an int64_t */

static int64_t
read_number(const char *text)
{
    int64_t value = 0;

    if (strlen(text) > SECONDS_LEN_MAX)
        return 0;
    for (; *text != '\0'; text++)
        value = value * 10 + (*text - '0');
    return value;
}

int64_t
kms_time_read(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00", zone[] = "+00:00";
    struct tm tm = { 0 };
    const char *end;
    int64_t seconds;

    if (text[strspn(text, KMS_DIGITS)] == '\0')
        return read_number(text);
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end == NULL || (size_t)(end - text) != strlen(form))
        return 0;
    if (*end == '.')
        end += 1 + strspn(end + 1, KMS_DIGITS);
    text = end;
    end = strptime(text, "%z", &tm);
    if (end == NULL || *end != '\0'
        || (strcmp(text, "Z") != 0 && strlen(text) != strlen(zone)))
        return 0;
    seconds = -tm.tm_gmtoff;
    seconds += timegm(&tm);
    return seconds > 0 ? seconds : 0;
}

/* strptime() reads more than this form: what it has read is written again. */
int64_t
kms_time_read_date(const char *text)
{
    static const char form[] = "%a, %d %b %Y %H:%M:%S GMT";
    locale_t plain = newlocale(LC_TIME_MASK, "C", (locale_t)0), before;
    struct tm tm = { 0 };
    char again[64] = "";
    time_t seconds = -1;

    if (plain == (locale_t)0)
        return -1;
    before = uselocale(plain);
    if (strptime(text, form, &tm) != NULL)
        seconds = timegm(&tm);
    if (seconds >= 0 && strftime(again, sizeof(again), form, &tm) == 0)
        again[0] = '\0';
    (void)uselocale(before);
    freelocale(plain);
    return again[0] != '\0' && strcmp(text, again) == 0 ? seconds : -1;
}

bool
kms_time_write(char text[KMS_TIME_SIZE], int64_t seconds)
{
    const time_t time = (time_t)seconds;
    struct tm tm;

    text[0] = '\0';
    if (seconds < 0 || seconds > TIME_MAX || gmtime_r(&time, &tm) == NULL)
        return false;
    return strftime(text, KMS_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
}
