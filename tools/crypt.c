/* SPDX-License-Identifier: Apache-2.0 */
/* envelope encrypt and envelope decrypt: a stream through the pump. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/codec.h"
#include "filter/fd.h"
#include "filter/pump.h"
#include "tools/commands.h"
#include "tools/input.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/shown.h"

static uint64_t
taken(void *pump)
{
    return envl_pump_taken(pump);
}

static enum envelope_reason
pump_all(struct envl_codec *codec, const struct envl_input_file *input, int out,
         enum envl_progress_mode mode, struct envl_err *err)
{
    struct envl_progress *progress;
    struct envl_pump *pump = NULL;
    enum envelope_reason rc;

    rc = envl_pump_start(&pump, codec, input->fd, out, err);
    if (rc != ENVELOPE_OK)
        return rc;
    progress = envl_progress_start(mode, input->size, taken, pump);
    rc = envl_pump_finish(pump, err);
    envl_progress_stop(progress, rc == ENVELOPE_OK);
    envl_pump_free(pump);
    return rc;
}

/* The codec first: what is wrong with keys leaves no file behind. */
static enum envelope_reason
run(const struct envl_arguments *arguments, enum envl_way way,
    const struct envl_input_file *input, struct envl_err *err)
{
    struct envl_output output = { 0 };
    struct envl_codec *codec = NULL;
    enum envelope_reason rc;

    rc = envl_codec_new(&codec, &arguments->options, way, err);
    if (rc == ENVELOPE_OK)
        rc = envl_output_open(&output, arguments->output, arguments->force,
                              way == ENVL_ENCRYPT, input->fd, 0666, err);
    if (rc == ENVELOPE_OK) {
        envl_fd_widen_pipe(input->fd);
        envl_fd_widen_pipe(output.fd);
        rc = pump_all(codec, input, output.fd, arguments->progress, err);
    }
    if (rc == ENVELOPE_OK && arguments->verbose)
        envl_show_lines(stderr, envl_codec_sources(codec));
    envl_codec_free(codec);
    if (rc == ENVELOPE_OK)
        rc = envl_output_commit(&output, err);
    envl_output_discard(&output);
    return rc;
}

enum envl_status
envl_command_crypt(struct envl_arguments *arguments)
{
    enum envl_way way =
        arguments->command == ENVL_CMD_ENCRYPT ? ENVL_ENCRYPT : ENVL_DECRYPT;
    const char *name = arguments->file_count > 0 ? arguments->files[0] : NULL;
    struct envl_input_file input;
    enum envelope_reason rc;
    struct envl_err err;

    if (arguments->options.reserve < 0)
        arguments->options.reserve = ENVL_RESERVE_DEFAULT;
    if (arguments->has_range)
        return envl_command_range(arguments);
    if (arguments->salvage)
        return envl_command_salvage(arguments);
    rc = envl_input_open(&input, name, &err);
    if (rc == ENVELOPE_OK && way == ENVL_DECRYPT && isatty(input.fd))
        rc = envl_fail(&err, ENVELOPE_R_PARAMETER,
                       "standard input is a terminal: name a file, or send "
                       "an envelope through a pipe");
    if (rc == ENVELOPE_OK)
        rc = run(arguments, way, &input, &err);
    envl_input_close(&input);
    if (rc == ENVELOPE_OK)
        return ENVL_EXIT_DONE;
    /* The name is that of the input. */
    if (rc == ENVELOPE_R_WRITE || rc == ENVELOPE_R_PARAMETER
        || (way == ENVL_ENCRYPT && rc != ENVELOPE_R_READ))
        name = NULL;
    return envl_report(name, &err, way);
}
