/* SPDX-License-Identifier: Apache-2.0 */
/* A file whose header is written anew in place: found, locked, and with the
 * journal beside it. */
#ifndef ENVL_TARGET_FILE_H
#define ENVL_TARGET_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/err.h"
#include "tools/os/journal.h"

enum envl_target_use {
    ENVL_TARGET_WRITTEN, /* in place */
    ENVL_TARGET_READ     /* a new file is made of it */
};

/* Begin with name set, fd -1 and all else zero. */
struct envl_target_file {
    const char *name; /* as it was given */
    enum envl_target_use use;
    char *path; /* without symbolic links; free() */
    int fd;
    bool missing;             /* there is no such file */
    struct stat st;           /* as it was found */
    struct timespec times[2]; /* of st, as futimens() takes them */
    struct envl_journal journal;
};

/*
 * envl_target_file_open - open and lock it
 *
 *   preserve_mtime  the journal gives the file its times back
 *
 * Ownership: envl_target_file_close(), also on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_READ for what is no regular file, is locked
 *            by others, or cannot be read; _WRITE for what can only be read;
 *            _MEMORY.
 */
enum envelope_reason envl_target_file_open(struct envl_target_file *target,
                                           enum envl_target_use use,
                                           bool preserve_mtime,
                                           struct envl_err *err);
void envl_target_file_close(struct envl_target_file *target);

/*
 * envl_target_file_recover - finish what an earlier run left; what is only read
 * must have nothing left
 *
 * Returns: as envl_journal_recover().
 */
enum envelope_reason
envl_target_file_recover(struct envl_target_file *target,
                         enum envl_journal_state *recovered,
                         struct envl_err *err);

#endif
