/* SPDX-License-Identifier: Apache-2.0 */
/* What is damaged in an envelope, told: holes, the end, the share that is
 * intact. */
#ifndef ENVL_DAMAGE_REPORT_H
#define ENVL_DAMAGE_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "filter/stream/scan.h"
#include "tools/measure.h"

/* What was found so far; all zero to begin with. */
struct envl_damage_report {
    FILE *to;
    const char *prefix, *name; /* that each line begins with */
    const char *fate;          /* what a hole is, such as "damaged" */
    uint64_t good_chunks, bad_chunks, good_len, bad_len;
    bool has_end;
    enum envl_ending ending; /* the caller may say it */
};

/* envl_damage_report_note - count it, and tell of it unless it is good */
void envl_damage_report_note(struct envl_damage_report *damage,
                             const struct envl_found *found);

/* envl_damage_report_sum_up - one line at the end: what share is intact, or how much if
 * the end is not there */
void envl_damage_report_sum_up(const struct envl_damage_report *damage);

/* envl_damage_report_hint_scattered - what to do about an archive that was packed
 * again */
void envl_damage_report_hint_scattered(void);

#endif
