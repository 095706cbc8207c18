/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people; chunks and bytes are counted from 0, both ends named. */
#include "tools/damage_report.h"

#include <inttypes.h>

#include "tools/os/term_safe.h"
#include "tools/status.h"

static void
begin_line(const struct envl_damage_report *damage)
{
    (void)fputs(damage->prefix, damage->to);
    envl_show(damage->to, damage->name);
    (void)fputs(": ", damage->to);
}

static void
tell_hole(const struct envl_damage_report *damage,
          const struct envl_found *hole)
{
    begin_line(damage);
    if (hole->count == 1)
        (void)fprintf(damage->to, "chunk %" PRIu64, hole->chunk);
    else
        (void)fprintf(damage->to, "chunks %" PRIu64 " to %" PRIu64, hole->chunk,
                      hole->chunk + hole->count - 1);
    if (hole->len > 0)
        (void)fprintf(damage->to,
                      " %s: bytes %" PRIu64 " to %" PRIu64 " (%" PRIu64 ")\n",
                      damage->fate, hole->offset, hole->offset + hole->len - 1,
                      hole->len);
    else
        (void)fprintf(damage->to, " damaged: it has no bytes, and marks the "
                                  "end\n");
}

static void
tell_end(const struct envl_damage_report *damage, const struct envl_found *end)
{
    if (end->kind == ENVL_FOUND_NO_END && damage->ending == ENVL_ENDING_WHOLE) {
        begin_line(damage);
        (void)fprintf(damage->to, "the last chunk is damaged; the archive "
                                  "around it is not cut short\n");
    } else if (end->kind == ENVL_FOUND_NO_END) {
        begin_line(damage);
        (void)fprintf(damage->to,
                      "the end is missing or damaged: how much there was "
                      "after byte %" PRIu64 " is not known\n",
                      end->offset);
    } else if (end->len > 0) {
        begin_line(damage);
        (void)fprintf(damage->to,
                      "the end is intact; %" PRIu64
                      " bytes of something else follow it\n",
                      end->len);
    } else if (damage->ending == ENVL_ENDING_BAD) {
        begin_line(damage);
        (void)fprintf(damage->to,
                      "the end is intact; the archive around it is damaged or "
                      "cut short, or something else follows it\n");
    }
}

void
envl_damage_report_note(struct envl_damage_report *damage,
                        const struct envl_found *found)
{
    switch (found->kind) {
    case ENVL_FOUND_TEXT:
        damage->good_chunks += found->count;
        damage->good_len += found->len;
        break;
    case ENVL_FOUND_HOLE:
        damage->bad_chunks += found->count;
        damage->bad_len += found->len;
        tell_hole(damage, found);
        break;
    default:
        damage->has_end = found->kind == ENVL_FOUND_END;
        tell_end(damage, found);
        break;
    }
}

/* Rounded down: what is not whole is never 100 %.  Without its end nobody knows
 * what all would be. */
void
envl_damage_report_sum_up(const struct envl_damage_report *damage)
{
    uint64_t all = damage->good_chunks + damage->bad_chunks;
    uint64_t share = all > 0 ? damage->good_chunks * 10000 / all : 0;

    begin_line(damage);
    if (!damage->has_end && damage->ending != ENVL_ENDING_WHOLE) {
        (void)fprintf(damage->to,
                      "%" PRIu64 " chunks intact, %" PRIu64
                      " bytes, of at least %" PRIu64
                      " chunks: how many are missing is not known\n",
                      damage->good_chunks, damage->good_len, all);
        return;
    }
    (void)fprintf(damage->to,
                  "%" PRIu64 ".%02" PRIu64 " %% intact: %" PRIu64 " of %" PRIu64
                  " chunks, %" PRIu64 " bytes\n",
                  share / 100, share % 100, damage->good_chunks, all,
                  damage->good_len);
}

void
envl_damage_report_hint_scattered(void)
{
    envl_hint("the archive seems to have been packed again: join its members "
              "(tar -xOf, or mbstream -x and cat) and try the result");
}
