/* SPDX-License-Identifier: Apache-2.0 */
/* envelope decrypt --salvage: what verifies of a damaged file, and zeros or
 * nothing for the rest. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filter/stream/scan.h"
#include "tools/commands.h"
#include "tools/damage_report.h"
#include "tools/input_file.h"
#include "tools/measure.h"
#include "tools/os/output.h"
#include "tools/sparse.h"

struct salvage {
    struct envl_reader *reader;
    struct envl_scan *scan;
    struct envl_output output;
    struct envl_sparse to;
    struct envl_damage_report damage;
    _Atomic uint64_t at; /* for the progress */
};

static uint64_t
passed(void *arg)
{
    return atomic_load(&((struct salvage *)arg)->at);
}

static enum envelope_reason
write_zeros(struct envl_sparse *to, uint64_t len, struct envl_err *err)
{
    static const unsigned char zeros[65536];
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n;

    for (; len > 0 && rc == ENVELOPE_OK; len -= n) {
        n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
        rc = envl_sparse_write(to, zeros, n, err);
    }
    return rc;
}

static enum envelope_reason
write_found(struct salvage *s, const struct envl_arguments *arguments,
            const struct envl_found *found, struct envl_err *err)
{
    if (found->kind == ENVL_FOUND_TEXT)
        return envl_sparse_write(&s->to, found->text, (size_t)found->len, err);
    if (found->kind == ENVL_FOUND_HOLE && !arguments->salvage_skip)
        return write_zeros(&s->to, found->len, err);
    return ENVELOPE_OK;
}

static enum envelope_reason
write_all(struct salvage *s, const struct envl_arguments *arguments,
          struct envl_err *err)
{
    struct envl_found found = { .kind = ENVL_FOUND_TEXT };
    enum envelope_reason rc = ENVELOPE_OK;

    while (rc == ENVELOPE_OK && found.kind <= ENVL_FOUND_HOLE) {
        rc = envl_scan_next(s->scan, &found, err);
        if (rc != ENVELOPE_OK)
            break;
        envl_damage_report_note(&s->damage, &found);
        rc = write_found(s, arguments, &found, err);
        atomic_store(&s->at, found.offset + found.len);
    }
    return rc;
}

/* If nothing verifies, nothing is written: zeros are of no use. */
static bool
has_result(const struct salvage *s)
{
    return s->damage.good_chunks > 0 || s->damage.has_end;
}

static enum envelope_reason
run(struct salvage *s, const struct envl_arguments *arguments,
    const struct envl_input_file *input, struct envl_err *err)
{
    off_t begin = lseek(input->fd, 0, SEEK_CUR);
    struct envl_progress *progress;
    enum envelope_reason rc;

    if (begin >= 0)
        s->damage.ending = envl_measure_ending(input->fd);
    if (begin >= 0 && lseek(input->fd, begin, SEEK_SET) < 0)
        return envl_fail(err, ENVELOPE_R_READ, "%s", strerror(errno));
    rc = envl_reader_new(&s->reader, input->fd, &arguments->options,
                         ENVL_FRAMES_LENIENT, err);
    if (rc == ENVELOPE_OK)
        rc = envl_scan_new(&s->scan, s->reader, 0, err);
    if (rc == ENVELOPE_OK)
        rc = envl_open_output(&s->output, arguments, input->fd, err);
    if (rc == ENVELOPE_OK)
        rc = envl_sparse_begin(&s->to, &s->output, arguments->sparse, err);
    if (rc != ENVELOPE_OK)
        return rc;
    progress = envl_progress_start(arguments->progress, input->size, passed, s);
    rc = write_all(s, arguments, err);
    envl_progress_stop(progress, rc == ENVELOPE_OK);
    if (rc == ENVELOPE_OK)
        rc = envl_sparse_end(&s->to, err);
    if (rc == ENVELOPE_OK && has_result(s))
        rc = envl_output_commit(&s->output, err);
    else if (rc != ENVELOPE_OK)
        rc = envl_output_explain(&s->output, err);
    return rc;
}

static enum envl_status
sum_up(const struct salvage *s)
{
    if (s->damage.bad_chunks == 0 && s->damage.has_end)
        return ENVL_EXIT_DONE;
    envl_damage_report_sum_up(&s->damage);
    if (envl_scan_is_scattered(s->scan))
        envl_damage_report_hint_scattered();
    return has_result(s) ? ENVL_EXIT_SALVAGED : ENVL_EXIT_DAMAGED;
}

enum envl_status
envl_command_salvage(struct envl_arguments *arguments)
{
    const char *name = arguments->file_count > 0 ? arguments->files[0] : NULL;
    enum envl_status status;
    struct envl_input_file input;
    enum envelope_reason rc;
    struct salvage s = { 0 };
    struct envl_err err;

    s.damage.to = stderr;
    s.damage.prefix = "envelope: ";
    s.damage.name = name != NULL ? name : "standard input";
    s.damage.fate =
        arguments->salvage_skip ? "damaged, left out" : "damaged, now zeros";
    rc = envl_input_open(&input, name, ENVL_INPUT_ANY, &err);
    if (rc == ENVELOPE_OK)
        rc = run(&s, arguments, &input, &err);
    if (rc == ENVELOPE_OK)
        status = sum_up(&s);
    else if (envl_status_of(rc, ENVL_DECRYPT) == ENVL_EXIT_DAMAGED)
        status = envl_report_with(s.damage.name, &err, ENVL_DECRYPT, NULL);
    else
        status = envl_report_copy(name, arguments->output, &err, ENVL_DECRYPT);
    if (input.missing)
        status = ENVL_EXIT_MISSING;
    envl_output_discard(&s.output);
    envl_scan_free(s.scan);
    envl_reader_free(s.reader);
    envl_input_close(&input);
    return status;
}
