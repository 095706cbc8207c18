/* SPDX-License-Identifier: Apache-2.0 */
/* envelope encrypt and envelope decrypt: a stream through the pump. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/stream/codec.h"
#include "filter/stream/fd.h"
#include "filter/stream/pump.h"
#include "tools/commands.h"
#include "tools/file_digest.h"
#include "tools/input_file.h"
#include "tools/measure.h"
#include "tools/os/output.h"
#include "tools/os/progress.h"
#include "tools/os/term_safe.h"
#include "tools/receipt_file.h"
#include "tools/sparse.h"
#include "tools/taker.h"

static uint64_t
taken(void *pump)
{
    return envl_pump_taken(pump);
}

static enum envelope_reason
pump_all(struct envl_codec *codec, const struct envl_input_file *input,
         const struct envl_output *output, enum envl_progress_mode mode,
         bool *had_enough, struct envl_err *err)
{
    struct envl_progress *progress;
    struct envl_pump *pump = NULL;
    enum envelope_reason rc;

    rc = envl_pump_start(&pump, codec, input->fd, output->fd, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (output->file.temporary != NULL && !output->no_sync)
        envl_pump_begin_to_disk(pump);
    progress = envl_progress_start(mode, input->size, taken, pump);
    rc = envl_pump_finish(pump, err);
    *had_enough = rc == ENVELOPE_R_WRITE && errno == EPIPE;
    envl_progress_stop(progress, rc == ENVELOPE_OK);
    envl_pump_free(pump);
    return rc;
}

enum envelope_reason
envl_open_output(struct envl_output *output,
                 const struct envl_arguments *arguments, int input,
                 struct envl_err *err)
{
    const bool is_text = arguments->command == ENVL_CMD_DECRYPT;
    enum envelope_reason rc;

    if (arguments->program != NULL && is_text)
        rc = envl_output_open_program(output, arguments->program, err);
    else
        rc = envl_output_open(output, arguments->output, arguments->force,
                              !is_text, input, 0666, err);
    if (rc == ENVELOPE_OK)
        output->no_sync = arguments->no_fsync;
    return rc;
}

/* Zeros become holes, which is for one thread to see.  A program is started when
 * there is something for it: not where no key opens the envelope. */
static enum envelope_reason
pull_all(struct envl_codec *codec, const struct envl_input_file *input,
         const struct envl_arguments *arguments, struct envl_output *output,
         struct envl_err *err)
{
    struct envl_progress *progress;
    struct envl_pump *pump = NULL;
    struct envl_taker taker = { .program = &output->program };
    struct envl_sparse sparse;
    const unsigned char *p;
    enum envelope_reason rc;
    bool begun = false;
    size_t len = 1;

    rc = envl_pump_start(&pump, codec, input->fd, ENVL_PUMP_CALLER, err);
    if (rc != ENVELOPE_OK)
        return rc;
    progress =
        envl_progress_start(arguments->progress, input->size, taken, pump);
    while (rc == ENVELOPE_OK && len > 0) {
        rc = envl_pump_pull(pump, &p, &len, err);
        if (rc == ENVELOPE_OK && !output->open)
            rc = envl_open_output(output, arguments, input->fd, err);
        if (rc == ENVELOPE_OK && !begun)
            rc = envl_sparse_begin(&sparse, output, arguments->sparse, err);
        begun = true;
        if (rc == ENVELOPE_OK && len > 0)
            rc = output->program.pid != 0
                     ? envl_taker_write(&taker, p, len, err)
                     : envl_sparse_write(&sparse, p, len, err);
    }
    envl_progress_stop(progress, rc == ENVELOPE_OK);
    envl_pump_free(pump);
    return rc == ENVELOPE_OK ? envl_sparse_end(&sparse, err) : rc;
}

/* What is asked when the data ends. */
struct origin {
    struct envl_program *producer; /* NULL: it is no program of ours */
    bool is_pipe;
};

/* A program that died before it wrote anything leaves an empty pipe. */
static enum envelope_reason
confirm_end(void *arg, uint64_t size, const struct envl_stop *stop,
            struct envl_err *err)
{
    const struct origin *origin = arg;

    if (origin->producer != NULL)
        return envl_program_confirm(origin->producer, stop, err);
    if (size == 0 && origin->is_pipe)
        return envl_fail(err, ENVELOPE_R_INCOMPLETE,
                         "nothing came through the pipe: see whether what "
                         "writes to it has failed; --any-end encrypts nothing "
                         "all the same");
    return ENVELOPE_OK;
}

static bool
is_pipe(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0
           && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* The program that makes the data, or a file.  It is started last: what is wrong
 * with keys or the output is known before there is any data. */
static enum envelope_reason
start_producer(struct envl_program *producer,
               const struct envl_arguments *arguments,
               struct envl_input_file *input, struct envl_err *err)
{
    enum envelope_reason rc;

    if (arguments->program == NULL || arguments->command != ENVL_CMD_ENCRYPT)
        return ENVELOPE_OK;
    rc = envl_program_start(producer, arguments->program, true, err);
    input->fd = producer->fd;
    return rc;
}

/* The output has its name, or is closed; then the receipt. */
static enum envelope_reason
publish(struct envl_output *output, struct envl_receipt_file *receipt,
        const struct envl_codec *codec, struct envl_err *err)
{
    enum envelope_reason rc;

    envl_receipt_note_output(receipt, output->fd);
    rc = envl_output_commit(output, err);
    if (rc == ENVELOPE_OK)
        envl_receipt_finish(receipt, codec);
    return rc;
}

/* The codec first: what is wrong with keys leaves no file behind. */
static enum envelope_reason
run(struct envl_arguments *arguments, enum envl_direction direction,
    struct envl_input_file *input, struct envl_receipt_file *receipt,
    struct envl_err *err)
{
    struct envl_program producer = { 0 };
    struct envl_output output = { 0 };
    struct envl_codec *codec = NULL;
    struct envl_file_digest digest = { .key = arguments->label_sha256 };
    struct origin origin;
    enum envelope_reason rc;
    const bool for_program =
        direction == ENVL_DECRYPT && arguments->program != NULL;
    bool had_enough = false; /* whoever reads the output */

    origin.producer = arguments->program != NULL ? &producer : NULL;
    origin.is_pipe = is_pipe(input->fd) && arguments->options.any_end <= 0;
    arguments->options.confirm_end = confirm_end;
    arguments->options.confirm_arg = &origin;
    arguments->options.wants_sums = receipt->path != NULL;
    rc = envl_file_digest_add(&digest, input->fd, &arguments->options, err);
    if (rc == ENVELOPE_OK)
        rc = envl_codec_new(&codec, &arguments->options, direction, err);
    if (rc == ENVELOPE_OK && !for_program)
        rc = envl_open_output(&output, arguments, input->fd, err);
    if (rc == ENVELOPE_OK)
        rc = start_producer(&producer, arguments, input, err);
    if (rc == ENVELOPE_OK) {
        envl_fd_widen_pipe(input->fd);
        if (output.open)
            envl_fd_widen_pipe(output.fd);
        rc = arguments->sparse || for_program
                 ? pull_all(codec, input, arguments, &output, err)
                 : pump_all(codec, input, &output, arguments->progress,
                            &had_enough, err);
        if (rc != ENVELOPE_OK)
            rc = envl_output_explain(&output, err);
    }
    envl_program_stop(&producer); /* it has ended, or nobody reads it */
    if (rc == ENVELOPE_OK)
        rc = envl_file_digest_check(&digest, input->fd, err);
    if (rc == ENVELOPE_OK)
        rc = publish(&output, receipt, codec, err);
    if (rc == ENVELOPE_OK) {
        envl_show_notes(envl_codec_notes(codec), arguments->verbose);
        envl_show_hint(envl_codec_notes(codec));
    }
    envl_codec_free(codec);
    envl_output_discard(&output);
    /* The pump's threads have the signal blocked.  An archiver that has found
     * its file closes the pipe, and takes an end by SIGPIPE for what it is, but
     * not an error.  If it is ignored it becomes one. */
    if (had_enough && rc == ENVELOPE_R_WRITE)
        (void)raise(SIGPIPE);
    return rc;
}

enum envl_status
envl_command_crypt(struct envl_arguments *arguments)
{
    enum envl_direction direction =
        arguments->command == ENVL_CMD_ENCRYPT ? ENVL_ENCRYPT : ENVL_DECRYPT;
    const char *name = arguments->file_count > 0 ? arguments->files[0] : NULL;
    struct envl_receipt_file receipt = { 0 };
    struct envl_input_file input;
    enum envl_status status;
    enum envelope_reason rc;
    const char *hint = NULL;
    struct envl_err err;

    if (arguments->program != NULL)
        envl_progress_share();
    if (arguments->options.reserve < 0)
        arguments->options.reserve = ENVL_RESERVE_DEFAULT;
    if (arguments->has_range || arguments->part > 0)
        return envl_command_range(arguments);
    if (arguments->salvage)
        return envl_command_salvage(arguments);
    if (arguments->program != NULL && direction == ENVL_ENCRYPT) {
        input = (struct envl_input_file){ .fd = -1, .size = -1 };
        name = arguments->program[0];
        rc = ENVELOPE_OK;
    } else {
        rc = envl_input_open(&input, name, ENVL_INPUT_ANY, &err);
    }
    if (rc == ENVELOPE_OK && direction == ENVL_DECRYPT && isatty(input.fd))
        rc = envl_fail(&err, ENVELOPE_R_PARAMETER,
                       "standard input is a terminal: name a file, or send "
                       "an envelope through a pipe");
    if (rc == ENVELOPE_OK)
        envl_receipt_begin(&receipt, arguments, input.fd);
    if (rc == ENVELOPE_OK && receipt.status == ENVL_EXIT_DONE)
        rc = run(arguments, direction, &input, &receipt, &err);
    if (rc != ENVELOPE_OK && direction == ENVL_DECRYPT)
        hint = envl_measure_hint(input.fd, &err);
    if (arguments->program == NULL || direction == ENVL_DECRYPT)
        envl_input_close(&input);
    if (rc == ENVELOPE_OK)
        return receipt.status;
    status =
        envl_report_copy_with(name, arguments->output, &err, direction, hint);
    return input.missing ? ENVL_EXIT_MISSING : status;
}
