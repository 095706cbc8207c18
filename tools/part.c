/* SPDX-License-Identifier: Apache-2.0 */
/* envelope verify --part: chunks are read and verified, nothing is written. */
#include "tools/part.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "filter/stream/reader.h"
#include "tools/json.h"
#include "tools/os/term_safe.h"

struct envl_part
envl_part_of(uint64_t number, uint64_t count, uint64_t size)
{
    const uint64_t chunks = size / ENVELOPE_CHUNK_LENGTH + 1;
    const uint64_t first = (number - 1) * chunks / count;

    return (struct envl_part){ first, number * chunks / count - first, chunks };
}

static uint64_t
passed(void *done)
{
    return atomic_load((_Atomic uint64_t *)done);
}

/* The last chunk was verified when the envelope was measured. */
static enum envelope_reason
read_part(struct envl_reader *reader, const struct envl_part *part,
          uint64_t size, _Atomic uint64_t *done, struct envl_err *err)
{
    uint64_t at = part->first * ENVELOPE_CHUNK_LENGTH;
    uint64_t end = (part->first + part->count) * ENVELOPE_CHUNK_LENGTH;
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *p;
    size_t n;

    if (end > size)
        end = size;
    for (; rc == ENVELOPE_OK && at < end; at += n) {
        rc = envl_reader_read(reader, at, &p, &n, err);
        atomic_fetch_add(done, n);
    }
    return rc;
}

static void
say(const struct envl_arguments *arguments, const char *name,
    const struct envl_part *part, const unsigned char *id)
{
    struct envl_json json = { .to = stdout };

    if (arguments->json) {
        envl_json_begin(&json, '{');
        envl_json_name(&json, "id", 2);
        envl_json_hex(&json, id, ENVELOPE_PAYLOAD_START_LENGTH);
        envl_json_name(&json, "chunks", 6);
        envl_json_number(&json, part->chunks);
        envl_json_name(&json, "first", 5);
        envl_json_number(&json, part->first);
        envl_json_name(&json, "count", 5);
        envl_json_number(&json, part->count);
        envl_json_name(&json, "part", 4);
        envl_json_number(&json, arguments->part);
        envl_json_name(&json, "parts", 5);
        envl_json_number(&json, arguments->part_count);
        envl_json_path(&json, "file", name);
        envl_json_end(&json, '}');
        (void)putchar('\n');
        return;
    }
    envl_show(stdout, name);
    (void)printf(": part %" PRIu64 " of %" PRIu64 " verified, chunks %" PRIu64
                 " to before %" PRIu64 " of %" PRIu64 "\n",
                 arguments->part, arguments->part_count, part->first,
                 part->first + part->count, part->chunks);
}

enum envl_status
envl_part_verify(const struct envl_arguments *arguments,
                 const struct envl_input_file *input, const char *name,
                 struct envl_err *err)
{
    struct envl_reader *reader = NULL;
    struct envl_progress *progress;
    struct envl_part part = { 0 };
    _Atomic uint64_t done = 0;
    enum envelope_reason rc;
    uint64_t size = 0;

    rc = envl_reader_new(&reader, input->fd, &arguments->options,
                         ENVL_FRAMES_STRICT, err);
    if (rc == ENVELOPE_OK)
        rc = envl_reader_measure(reader, &size, err);
    if (rc == ENVELOPE_OK) {
        part = envl_part_of(arguments->part, arguments->part_count, size);
        progress = envl_progress_start(
            arguments->progress, (int64_t)(part.count * ENVELOPE_CHUNK_LENGTH),
            passed, &done);
        rc = read_part(reader, &part, size, &done, err);
        envl_progress_stop(progress, rc == ENVELOPE_OK);
    }
    if (rc == ENVELOPE_OK && (arguments->json || !arguments->quiet))
        say(arguments, name, &part, envl_reader_id(reader));
    envl_reader_free(reader);
    return rc == ENVELOPE_OK ? ENVL_EXIT_DONE
                             : envl_report(name, err, ENVL_DECRYPT);
}
