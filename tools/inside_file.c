/* SPDX-License-Identifier: Apache-2.0 */
/* What both commands do before and after the members. */
#include "tools/inside_file.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/os/term_safe.h"

static enum envelope_reason
read_at(void *reader, uint64_t offset, const unsigned char **p, size_t *len,
        struct envl_err *err)
{
    return envl_reader_read(reader, offset, p, len, err);
}

static uint64_t
passed(void *file)
{
    return atomic_load(&((struct envl_inside_file *)file)->at);
}

enum envelope_reason
envl_inside_file_open(struct envl_inside_file *file,
                      const struct envl_arguments *arguments,
                      struct envl_err *err)
{
    const char *name = arguments->file_count > 0 ? arguments->files[0] : NULL;
    struct envl_inside_source source = { .read = read_at };
    enum envelope_reason rc;

    *file = (struct envl_inside_file){ .name = name };
    if (name == NULL || (name[0] == '-' && name[1] == '\0'))
        file->name = "standard input";
    rc = envl_input_open(&file->input, name, ENVL_INPUT_ANY, err);
    if (rc == ENVELOPE_OK)
        rc = envl_patterns_begin(&file->patterns, arguments->patterns,
                                 arguments->pattern_count, err);
    if (rc == ENVELOPE_OK)
        rc = envl_reader_new(&file->reader, file->input.fd, &arguments->options,
                             ENVL_FRAMES_STRICT, err);
    if (rc == ENVELOPE_OK)
        rc = envl_reader_measure(file->reader, &file->size, err);
    if (rc != ENVELOPE_OK)
        return rc;
    source.arg = file->reader;
    source.size = file->size;
    rc = envl_inside_new(&file->inside, &source, err);
    if (rc == ENVELOPE_OK)
        file->progress = envl_progress_start(arguments->progress,
                                             (int64_t)file->size, passed, file);
    return rc;
}

void
envl_inside_file_stop_progress(struct envl_inside_file *file, bool done)
{
    envl_progress_stop(file->progress, done);
    file->progress = NULL;
}

void
envl_inside_file_close(struct envl_inside_file *file)
{
    envl_inside_free(file->inside);
    envl_reader_free(file->reader);
    envl_patterns_clear(&file->patterns);
    envl_input_close(&file->input);
}

enum envelope_reason
envl_inside_file_next(struct envl_inside_file *file,
                      const struct envl_entry **entry, struct envl_err *err)
{
    enum envelope_reason rc = envl_inside_next(file->inside, entry, err);

    if (rc == ENVELOPE_OK) {
        const bool ended = (*entry)->kind == ENVL_ENTRY_END;

        atomic_store(&file->at,
                     ended ? file->size : (*entry)->at + (*entry)->len);
    }
    return rc;
}

enum envl_status
envl_inside_file_finish(const struct envl_inside_file *file,
                        const struct envl_arguments *arguments,
                        const char *hint)
{
    const char *pattern;
    bool any = false;
    int i = 0;

    if (arguments->verbose) {
        (void)fputs("envelope: ", stderr);
        envl_show(stderr, file->name);
        (void)fprintf(stderr,
                      ": %" PRIu64 " members, %" PRIu64 " of %" PRId64
                      " bytes read\n",
                      file->members, envl_reader_read_len(file->reader),
                      file->input.size);
    }
    while ((pattern = envl_patterns_unused(&file->patterns, &i)) != NULL) {
        any = true;
        (void)fputs("envelope: ", stderr);
        envl_show(stderr, file->name);
        (void)fputs(": no member matches ", stderr);
        envl_show(stderr, pattern);
        (void)fputc('\n', stderr);
    }
    if (any)
        envl_hint(hint);
    return any ? ENVL_EXIT_FAILED : ENVL_EXIT_DONE;
}
