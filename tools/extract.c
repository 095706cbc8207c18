/* SPDX-License-Identifier: Apache-2.0 */
/* envelope extract: an archive of the same kind with the members that match,
 * byte for byte as they stand there. */
#include <stdio.h>
#include <string.h>

#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/fd.h"
#include "tools/commands.h"
#include "tools/inside_file.h"
#include "tools/os/output.h"
#include "tools/os/term_safe.h"

struct extraction {
    struct envl_inside_file file;
    struct envl_output output;
    uint64_t written; /* bytes */
};

static enum envelope_reason
put(struct extraction *ex, const unsigned char *p, size_t len,
    struct envl_err *err)
{
    ex->written += len;
    return envl_fd_write(ex->output.fd, p, len, err);
}

/* Copy an entry.  A chunk whose CRC is wrong was so when it was encrypted. */
static enum envelope_reason
copy(struct extraction *ex, const struct envl_entry *entry,
     struct envl_err *err)
{
    const uint64_t end = entry->at + entry->len;
    enum envelope_reason rc = ENVELOPE_OK;
    uint64_t at = entry->at, limit;
    const unsigned char *p = NULL;
    uint32_t crc = 0;
    size_t n = 0;

    envl_reader_limit(ex->file.reader, end);
    for (; rc == ENVELOPE_OK && at < end; at += n) {
        limit = entry->has_crc && at < entry->crc_at ? entry->crc_at : end;
        rc = envl_reader_read(ex->file.reader, at, &p, &n, err);
        if (rc != ENVELOPE_OK)
            break;
        if (n > limit - at)
            n = (size_t)(limit - at);
        if (entry->has_crc && at >= entry->crc_at)
            crc = envl_xb_crc(crc, p, n);
        rc = put(ex, p, n, err);
    }
    envl_reader_limit(ex->file.reader, UINT64_MAX);
    if (rc == ENVELOPE_OK && entry->has_crc && crc != entry->crc)
        rc = envl_fail(err, ENVELOPE_R_ARCHIVE,
                       "%s: one of its chunks has a wrong CRC", entry->path);
    return rc;
}

/* tar makes a hard link to a file that it has unpacked before. */
static void
look_at_link(const struct extraction *ex, const struct envl_entry *entry)
{
    if (entry->kind != ENVL_ENTRY_HARD_LINK
        || envl_patterns_would_match(&ex->file.patterns, entry->link))
        return;
    (void)fputs("envelope: ", stderr);
    envl_show(stderr, ex->file.name);
    (void)fputs(": ", stderr);
    envl_show(stderr, entry->path);
    (void)fputs(": a hard link to ", stderr);
    envl_show(stderr, entry->link);
    (void)fputs(", which no pattern matches\n", stderr);
}

/* mbstream renames a file that it has unpacked before: without the old name
 * there would be nothing under the new one. */
static enum envelope_reason
select_rename(struct envl_patterns *patterns, const struct envl_entry *entry,
              bool *selected, struct envl_err *err)
{
    const bool wants_new = envl_patterns_match(patterns, entry->link);

    *selected = envl_patterns_match(patterns, entry->path);
    if (*selected || !wants_new)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_PARAMETER,
                     "%s is in the archive as %s, which is renamed later: name "
                     "that, too",
                     entry->link, entry->path);
}

static enum envelope_reason
take(struct extraction *ex, const struct envl_entry *entry,
     struct envl_err *err)
{
    struct envl_patterns *patterns = &ex->file.patterns;
    enum envelope_reason rc = ENVELOPE_OK;
    bool selected = false;

    if (entry->kind == ENVL_ENTRY_GLOBAL)
        return copy(ex, entry, err);
    if (entry->kind == ENVL_ENTRY_RENAME)
        rc = select_rename(patterns, entry, &selected, err);
    else
        selected = envl_patterns_match(patterns, entry->path);
    if (rc != ENVELOPE_OK || !selected)
        return rc;
    ex->file.members += entry->kind < ENVL_ENTRY_REMOVE;
    look_at_link(ex, entry);
    return copy(ex, entry, err);
}

/* Zero blocks, to the end of a record as tar has it. */
static enum envelope_reason
end_tar(struct extraction *ex, struct envl_err *err)
{
    static const unsigned char zeros[ENVL_TAR_BLOCK_LEN];
    enum envelope_reason rc = ENVELOPE_OK;
    int blocks = 0;

    while (rc == ENVELOPE_OK
           && (blocks < ENVL_TAR_END_BLOCKS
               || ex->written % ENVL_TAR_RECORD_LEN != 0)) {
        rc = put(ex, zeros, sizeof(zeros), err);
        blocks++;
    }
    return rc;
}

static enum envelope_reason
extract(struct extraction *ex, struct envl_err *err)
{
    const struct envl_entry *entry = NULL;
    enum envelope_reason rc;

    while ((rc = envl_inside_file_next(&ex->file, &entry, err)) == ENVELOPE_OK
           && entry->kind != ENVL_ENTRY_END) {
        rc = take(ex, entry, err);
        if (rc != ENVELOPE_OK)
            return rc;
    }
    if (rc == ENVELOPE_OK && envl_inside_kind(ex->file.inside) == ENVL_TAR)
        rc = end_tar(ex, err);
    return rc;
}

/* A file does not appear where a pattern has matched nothing: it is not what
 * was asked for. */
static enum envl_status
finish(struct extraction *ex, const struct envl_arguments *arguments,
       struct envl_err *err)
{
    const bool is_file = ex->output.file.temporary != NULL;
    enum envl_status status = envl_inside_file_finish(
        &ex->file, arguments,
        is_file ? "nothing was written; envelope list shows the members"
                : "members that match another pattern were written; envelope "
                  "list shows all");

    if (status != ENVL_EXIT_DONE && is_file)
        return status;
    return envl_output_commit(&ex->output, err) == ENVELOPE_OK
               ? status
               : envl_report_copy(ex->file.name, arguments->output, err,
                                  ENVL_DECRYPT);
}

enum envl_status
envl_command_extract(struct envl_arguments *arguments)
{
    struct extraction ex = { .output = { 0 } };
    enum envl_status status;
    enum envelope_reason rc;
    struct envl_err err;

    rc = envl_inside_file_open(&ex.file, arguments, &err);
    if (rc == ENVELOPE_OK)
        rc = envl_open_output(&ex.output, arguments, ex.file.input.fd, &err);
    if (rc == ENVELOPE_OK)
        rc = extract(&ex, &err);
    envl_inside_file_stop_progress(&ex.file, rc == ENVELOPE_OK);
    status = rc == ENVELOPE_OK
                 ? finish(&ex, arguments, &err)
                 : envl_report_copy(ex.file.name, arguments->output, &err,
                                    ENVL_DECRYPT);
    envl_output_discard(&ex.output);
    envl_inside_file_close(&ex.file);
    return ex.file.input.missing ? ENVL_EXIT_MISSING : status;
}
