/* SPDX-License-Identifier: Apache-2.0 */
/* envelope verify: everything is read and checked, nothing written; or the
 * header alone; or all that is damaged is listed. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include <envelope/envelope.h>

#include "filter/stream/codec.h"
#include "filter/stream/fd.h"
#include "filter/stream/header_file.h"
#include "filter/stream/pump.h"
#include "filter/stream/scan.h"
#include "tools/commands.h"
#include "tools/damage_report.h"
#include "tools/input_file.h"
#include "tools/measure.h"
#include "tools/os/term_safe.h"
#include "tools/part.h"
#include "tools/parts.h"

static uint64_t
taken(void *pump)
{
    return envl_pump_taken(pump);
}

/* In order */

/* A reason that names no chunk is given a place in the text. */
static enum envelope_reason
add_place(struct envl_err *err, uint64_t verified)
{
    struct envl_err bare = *err;

    switch (err->reason) {
    case ENVELOPE_R_CARRIER:
    case ENVELOPE_R_CARRIER_MEMBER:
    case ENVELOPE_R_CARRIER_TRUNCATED:
    case ENVELOPE_R_READ:
        return envl_fail(
            err, bare.reason,
            "%.300s; the text is good up to byte %" PRIu64 ", chunk %" PRIu64,
            bare.detail, verified, verified / ENVELOPE_CHUNK_LENGTH);
    default:
        return err->reason;
    }
}

/*
 * The last chunk does not verify: was the stream cut there, or the chunk
 * damaged?  An archive that has its own end was not cut; a raw stream has none.
 */
static enum envelope_reason
tell_cut(const struct envl_input_file *input, struct envl_err *err)
{
    const struct envl_err bare = *err;

    if (input->size >= 0 && envl_measure_ending(input->fd) == ENVL_ENDING_WHOLE)
        (void)envl_fail(err, bare.reason,
                        "%.300s; the archive around it is not cut short",
                        bare.detail);
    return err->reason;
}

/* Pull all of the text and throw it away; *verified bytes were good. */
static enum envelope_reason
pull_all(struct envl_pump *pump, uint64_t *verified, struct envl_err *err)
{
    const unsigned char *p;
    enum envelope_reason rc;
    size_t len;

    do {
        rc = envl_pump_pull(pump, &p, &len, err);
        if (rc == ENVELOPE_OK)
            *verified += len;
    } while (rc == ENVELOPE_OK && len > 0);
    return rc == ENVELOPE_OK ? rc : add_place(err, *verified);
}

static enum envelope_reason
read_all(const struct envl_arguments *arguments,
         const struct envl_input_file *input, uint64_t *verified,
         struct envl_err *err)
{
    struct envl_progress *progress;
    struct envl_codec *codec = NULL;
    struct envl_pump *pump = NULL;
    enum envelope_reason rc;

    rc = envl_codec_new(&codec, &arguments->options, ENVL_DECRYPT, err);
    if (rc == ENVELOPE_OK) {
        envl_fd_widen_pipe(input->fd);
        rc = envl_pump_start(&pump, codec, input->fd, ENVL_PUMP_CALLER, err);
    }
    if (rc == ENVELOPE_OK) {
        progress =
            envl_progress_start(arguments->progress, input->size, taken, pump);
        rc = pull_all(pump, verified, err);
        envl_progress_stop(progress, rc == ENVELOPE_OK);
    }
    envl_pump_free(pump);
    envl_codec_free(codec);
    return rc == ENVELOPE_R_LAST_CHUNK ? tell_cut(input, err) : rc;
}

/* All that is damaged */

static bool
is_damage(enum envelope_reason reason)
{
    return envl_status_of(reason, ENVL_DECRYPT) == ENVL_EXIT_DAMAGED
           || reason == ENVELOPE_R_READ;
}

static enum envelope_reason
list_from(struct envl_scan *scan, const char *name, uint64_t first,
          enum envl_ending ending, struct envl_err *err)
{
    struct envl_damage_report damage = { .to = stdout,
                                         .prefix = "",
                                         .name = name,
                                         .fate = "damaged",
                                         .good_chunks = first,
                                         .good_len =
                                             first * ENVELOPE_CHUNK_LENGTH,
                                         .ending = ending };
    struct envl_found found = { .kind = ENVL_FOUND_TEXT };
    enum envelope_reason rc = ENVELOPE_OK;

    while (rc == ENVELOPE_OK && found.kind <= ENVL_FOUND_HOLE) {
        rc = envl_scan_next(scan, &found, err);
        if (rc == ENVELOPE_OK)
            envl_damage_report_note(&damage, &found);
    }
    if (rc != ENVELOPE_OK)
        return rc;
    envl_damage_report_sum_up(&damage);
    if (envl_scan_is_scattered(scan))
        envl_damage_report_hint_scattered();
    return ENVELOPE_OK;
}

/* What reading in order has verified is not read again. */
static enum envelope_reason
list(const struct envl_arguments *arguments, int fd, const char *name,
     uint64_t verified, struct envl_err *err)
{
    uint64_t first = verified / ENVELOPE_CHUNK_LENGTH;
    struct envl_reader *reader = NULL;
    struct envl_scan *scan = NULL;
    off_t begin = lseek(fd, 0, SEEK_CUR);
    enum envl_ending ending = envl_measure_ending(fd);
    enum envelope_reason rc;

    (void)lseek(fd, begin, SEEK_SET);
    rc = envl_reader_new(&reader, fd, &arguments->options, ENVL_FRAMES_LENIENT,
                         err);
    if (rc == ENVELOPE_OK)
        rc = envl_scan_new(&scan, reader, first, err);
    if (rc == ENVELOPE_OK)
        rc = list_from(scan, name, first, ending, err);
    envl_scan_free(scan);
    envl_reader_free(reader);
    return rc;
}

/* Files */

static enum envl_status
verify_header(const struct envl_arguments *arguments,
              const struct envl_input_file *input, const char *name,
              struct envl_err *err)
{
    struct envl_reader *reader = NULL;
    enum envelope_reason rc;

    rc = envl_reader_new(&reader, input->fd, &arguments->options,
                         ENVL_FRAMES_STRICT, err);
    envl_reader_free(reader);
    if (rc != ENVELOPE_OK)
        return envl_report(name, err, ENVL_DECRYPT);
    if (!arguments->quiet) {
        envl_show(stdout, name);
        (void)printf(": the key opens it\n");
    }
    return ENVL_EXIT_DONE;
}

static enum envl_status
verify_text(const struct envl_arguments *arguments,
            const struct envl_input_file *input, const char *name,
            struct envl_err *err)
{
    off_t begin = lseek(input->fd, 0, SEEK_CUR);
    enum envl_status status;
    enum envelope_reason rc, list_rc;
    uint64_t verified = 0;
    const char *hint;

    rc = read_all(arguments, input, &verified, err);
    if (rc == ENVELOPE_OK) {
        if (!arguments->quiet) {
            envl_show(stdout, name);
            (void)printf(": verified, %" PRIu64 " bytes\n", verified);
        }
        return ENVL_EXIT_DONE;
    }
    if (!arguments->keep_going || !is_damage(rc)) {
        hint = envl_measure_hint(input->fd, err);
        return hint != NULL ? envl_report_with(name, err, ENVL_DECRYPT, hint)
                            : envl_report(name, err, ENVL_DECRYPT);
    }
    if (begin < 0 || lseek(input->fd, begin, SEEK_SET) < 0)
        return envl_report_with(name, err, ENVL_DECRYPT,
                                "--keep-going lists no more of what cannot "
                                "seek: put it into a file");
    status = envl_report_with(name, err, ENVL_DECRYPT, NULL);
    list_rc = list(arguments, input->fd, name, verified, err);
    if (list_rc != ENVELOPE_OK && list_rc != rc) /* not the same once more */
        (void)envl_report(name, err, ENVL_DECRYPT);
    return status;
}

static enum envl_status
verify(const struct envl_arguments *arguments, const char *file,
       struct envl_err *err)
{
    const char *name = file != NULL ? file : "standard input";
    enum envl_status status;
    struct envl_input_file input;

    err->reason = ENVELOPE_OK;
    if (envl_input_open(&input, file, ENVL_INPUT_STORED, err) != ENVELOPE_OK) {
        status = envl_report(name, err, ENVL_DECRYPT);
        if (input.missing)
            status = ENVL_EXIT_MISSING;
    } else if (arguments->part > 0) {
        status = envl_part_verify(arguments, &input, name, err);
    } else if (arguments->header_only) {
        status = verify_header(arguments, &input, name, err);
    } else {
        status = verify_text(arguments, &input, name, err);
    }
    envl_input_close(&input);
    return status;
}

enum envl_status
envl_command_verify(struct envl_arguments *arguments)
{
    enum envl_status status, worst = ENVL_EXIT_DONE;
    struct envl_err err;
    int i;

    if (arguments->parts)
        return envl_command_parts(arguments);
    if (arguments->no_key)
        return envl_command_no_key(arguments);
    if (arguments->file_count == 0)
        return verify(arguments, NULL, &err);
    for (i = 0; i < arguments->file_count; i++) {
        status = verify(arguments, arguments->files[i], &err);
        worst = envl_status_worse(worst, status);
        /* The next file would ask for the same key, and a token locks itself
         * after a few wrong PINs. */
        if (err.reason == ENVELOPE_R_UNREADABLE_KEY) {
            if (i + 1 < arguments->file_count)
                envl_hint("no file after it was looked at: the key is the "
                          "same");
            break;
        }
    }
    return worst;
}
