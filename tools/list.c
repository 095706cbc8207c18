/* SPDX-License-Identifier: Apache-2.0 */
/* envelope list: the members of the archive in an envelope. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/inside_file.h"
#include "tools/json.h"
#include "tools/os/term_safe.h"

/* Members; of others there is nothing to say. */
static const char *const kinds[] = {
    [ENVL_ENTRY_FILE] = "file",       [ENVL_ENTRY_DIRECTORY] = "directory",
    [ENVL_ENTRY_SYMLINK] = "symlink", [ENVL_ENTRY_HARD_LINK] = "hardlink",
    [ENVL_ENTRY_OTHER] = "other",     [ENVL_ENTRY_REMOVE] = "remove",
    [ENVL_ENTRY_RENAME] = "rename",   [ENVL_ENTRY_CHUNK] = NULL,
    [ENVL_ENTRY_GLOBAL] = NULL,       [ENVL_ENTRY_END] = NULL,
};

static void
say(const struct envl_entry *entry)
{
    envl_show(stdout, entry->path);
    if (entry->kind == ENVL_ENTRY_RENAME) {
        (void)fputs(" is renamed to ", stdout);
        envl_show(stdout, entry->link);
    } else if (entry->kind == ENVL_ENTRY_REMOVE) {
        (void)fputs(" is removed", stdout);
    }
    (void)putchar('\n');
}

static void
number(struct envl_json *json, const char *name, uint64_t value)
{
    envl_json_name(json, name, strlen(name));
    envl_json_number(json, value);
}

/* Where an xbstream's file is would be as many places as it has chunks. */
static void
say_json(const struct envl_entry *entry, enum envl_carrier kind)
{
    struct envl_json json = { .to = stdout };

    envl_json_begin(&json, '{');
    envl_json_path(&json, "path", entry->path);
    envl_json_member(&json, "type", kinds[entry->kind]);
    number(&json, "size", entry->size);
    if (entry->link[0] != '\0')
        envl_json_path(&json, "link", entry->link);
    if (kind == ENVL_TAR) {
        number(&json, "offset", entry->at);
        number(&json, "length", entry->len);
    }
    envl_json_end(&json, '}');
    (void)putchar('\n');
}

static void
sum_up(const struct envl_inside_file *file)
{
    struct envl_json json = { .to = stdout };

    envl_json_begin(&json, '{');
    number(&json, "members", file->members);
    number(&json, "bytes_read", envl_reader_read_len(file->reader));
    number(&json, "bytes", (uint64_t)file->input.size);
    envl_json_end(&json, '}');
    (void)putchar('\n');
}

static bool
is_wanted(struct envl_inside_file *file, const struct envl_entry *entry)
{
    return kinds[entry->kind] != NULL
           && envl_patterns_match(&file->patterns, entry->path);
}

static enum envelope_reason
list(struct envl_inside_file *file, bool json, struct envl_err *err)
{
    const struct envl_entry *entry = NULL;
    enum envelope_reason rc;

    while ((rc = envl_inside_file_next(file, &entry, err)) == ENVELOPE_OK
           && entry->kind != ENVL_ENTRY_END) {
        if (!is_wanted(file, entry))
            continue;
        file->members++;
        if (json)
            say_json(entry, envl_inside_kind(file->inside));
        else
            say(entry);
        if (ferror(stdout))
            return envl_fail(err, ENVELOPE_R_WRITE, "%s", strerror(errno));
    }
    if (rc == ENVELOPE_OK && json)
        sum_up(file);
    return rc;
}

enum envl_status
envl_command_list(struct envl_arguments *arguments)
{
    struct envl_inside_file file;
    enum envl_status status;
    enum envelope_reason rc;
    struct envl_err err;

    /* Names go to the same terminal. */
    if (arguments->progress == ENVL_PROGRESS_AUTO && isatty(STDOUT_FILENO))
        arguments->progress = ENVL_PROGRESS_NONE;
    rc = envl_inside_file_open(&file, arguments, &err);
    if (rc == ENVELOPE_OK)
        rc = list(&file, arguments->json, &err);
    envl_inside_file_stop_progress(&file, rc == ENVELOPE_OK);
    status = rc == ENVELOPE_OK
                 ? envl_inside_file_finish(
                     &file, arguments,
                     "without a pattern, envelope list shows all members")
                 : envl_report_copy(file.name, NULL, &err, ENVL_DECRYPT);
    envl_inside_file_close(&file);
    return file.input.missing ? ENVL_EXIT_MISSING : status;
}
