/* SPDX-License-Identifier: Apache-2.0 */
/* envelope decrypt --range and --part: some bytes of the text, from a file that can seek;
 * only the chunks that hold them, and the last one, are read. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>

#include "filter/stream/reader.h"
#include "tools/commands.h"
#include "tools/input_file.h"
#include "tools/measure.h"
#include "tools/os/output.h"
#include "tools/part.h"
#include "tools/sparse.h"

/* Bytes of plaintext, from begin to before end. */
struct extent {
    uint64_t begin, end;
};

/* What lies beyond the end is not there; that the range begins there is a
 * mistake. */
static enum envelope_reason
find_extent(struct extent *extent, const struct envl_arguments *arguments,
            uint64_t size, struct envl_err *err)
{
    uint64_t offset = arguments->range_offset, len = arguments->range_len;
    struct envl_part part;

    if (arguments->part > 0) {
        part = envl_part_of(arguments->part, arguments->part_count, size);
        offset = part.first * ENVELOPE_CHUNK_LENGTH;
        len = part.count * ENVELOPE_CHUNK_LENGTH;
    }
    if (offset > size)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "the range begins at byte %" PRIu64
                         ", and there are %" PRIu64,
                         offset, size);
    extent->begin = offset;
    extent->end = len < size - offset ? offset + len : size;
    return ENVELOPE_OK;
}

struct copied {
    _Atomic uint64_t len; /* for the progress */
};

static uint64_t
passed(void *copied)
{
    return atomic_load(&((struct copied *)copied)->len);
}

static enum envelope_reason
copy(struct envl_reader *reader, const struct extent *extent,
     struct envl_sparse *to, struct copied *copied, struct envl_err *err)
{
    uint64_t at = extent->begin, end = extent->end;
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p = NULL;
    size_t n = 0;

    for (; rc == ENVELOPE_OK && at < end; at += n) {
        rc = envl_reader_read(reader, at, &p, &n, err);
        if (n > end - at)
            n = (size_t)(end - at);
        if (rc == ENVELOPE_OK)
            rc = envl_sparse_write(to, p, n, err);
        atomic_fetch_add(&copied->len, n);
    }
    return rc;
}

static enum envelope_reason
copy_and_tell(const struct envl_arguments *arguments,
              struct envl_reader *reader, const struct extent *extent,
              struct envl_sparse *to, struct envl_err *err)
{
    struct copied copied = { 0 };
    struct envl_progress *progress = envl_progress_start(
        arguments->progress, (int64_t)(extent->end - extent->begin), passed,
        &copied);
    enum envelope_reason rc = copy(reader, extent, to, &copied, err);

    envl_progress_stop(progress, rc == ENVELOPE_OK);
    return rc;
}

static enum envelope_reason
run(const struct envl_arguments *arguments, int input, struct envl_err *err)
{
    struct envl_reader *reader = NULL;
    struct envl_output output = { 0 };
    struct envl_sparse to;
    struct extent extent = { 0 };
    uint64_t size = 0;
    enum envelope_reason rc;

    rc = envl_reader_new(&reader, input, &arguments->options,
                         ENVL_FRAMES_STRICT, err);
    if (rc == ENVELOPE_OK)
        rc = envl_reader_measure(reader, &size, err);
    if (rc == ENVELOPE_OK)
        rc = find_extent(&extent, arguments, size, err);
    if (rc == ENVELOPE_OK)
        rc = envl_open_output(&output, arguments, input, err);
    if (rc == ENVELOPE_OK)
        rc = envl_sparse_begin(&to, &output, arguments->sparse, err);
    if (rc == ENVELOPE_OK)
        rc = copy_and_tell(arguments, reader, &extent, &to, err);
    if (rc == ENVELOPE_OK)
        rc = envl_sparse_end(&to, err);
    if (rc != ENVELOPE_OK && output.open)
        rc = envl_output_explain(&output, err);
    envl_reader_free(reader);
    if (rc == ENVELOPE_OK)
        rc = envl_output_commit(&output, err);
    envl_output_discard(&output);
    return rc;
}

enum envl_status
envl_command_range(struct envl_arguments *arguments)
{
    const char *name = arguments->file_count > 0 ? arguments->files[0] : NULL;
    struct envl_input_file input;
    enum envl_status status;
    enum envelope_reason rc;
    const char *hint = NULL;
    struct envl_err err;

    rc = envl_input_open(&input, name, ENVL_INPUT_ANY, &err);
    if (rc == ENVELOPE_OK)
        rc = run(arguments, input.fd, &err);
    if (rc != ENVELOPE_OK)
        hint = envl_measure_hint(input.fd, &err);
    envl_input_close(&input);
    if (rc == ENVELOPE_OK)
        return ENVL_EXIT_DONE;
    status = envl_report_copy_with(name, arguments->output, &err, ENVL_DECRYPT,
                                   hint);
    return input.missing ? ENVL_EXIT_MISSING : status;
}
