/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overwriting a part of a file so that it has the old bytes or the new ones,
 * whenever the program or the machine stops: what is to be written goes to a
 * file beside it first, FILE.envelope-rewrap, from which it can be done again.
 */
#ifndef ENVL_JOURNAL_H
#define ENVL_JOURNAL_H

#include <stdint.h>
#include <time.h>

#include <envelope/envelope.h>

#include "filter/stream/header_file.h"
#include "lib/base/err.h"

#define ENVL_JOURNAL_SUFFIX ".envelope-rewrap"

/* Bytes by which a journal names its file, such as the payload's start. */
#define ENVL_JOURNAL_ANCHOR_LEN ENVELOPE_PAYLOAD_START_LENGTH

struct envl_journal {
    char *name; /* owned */
    int file;   /* borrowed */

    /* Those that the file shall have afterwards, access and modification; NULL
     * for those that writing gives it. */
    const struct timespec *times;
};

/* What a journal was found to be. */
enum envl_journal_state {
    ENVL_JOURNAL_NONE,
    ENVL_JOURNAL_DROPPED, /* incomplete: the file had not been touched */
    ENVL_JOURNAL_REDONE   /* what was interrupted is done now */
};

/*
 * envl_journal_init - the journal of a file
 *
 *   path  of the file, no symbolic link
 *   file  the file, open for reading and writing, and locked against others
 *         that would do the same; to look for a journal only, open for reading
 *
 * Ownership: envl_journal_clear().
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_journal_init(struct envl_journal *journal,
                                       const char *path, int file,
                                       struct envl_err *err);
void envl_journal_clear(struct envl_journal *journal);

/* envl_journal_exists - is there something by that name? */
bool envl_journal_exists(const struct envl_journal *journal);

/* envl_journal_is_beside - the same for a file by its name; symbolic links are
 * followed.  False for "-" and NULL */
bool envl_journal_is_beside(const char *name);

/*
 * envl_journal_recover - finish what was interrupted, if anything was
 *
 * A journal is believed if it is complete, belongs to the user or to the owner
 * of the file, and names bytes that the file has.  Also, each byte of
 * the file in its place must be the old one or the new one: a journal that is older
 * than the header would else undo a later rewrap.  One that is incomplete is
 * dropped, because the file was not touched yet.  One that was damaged later is
 * kept.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ, _WRITE; _MEMORY.
 */
enum envelope_reason envl_journal_recover(const struct envl_journal *journal,
                                          enum envl_journal_state *state,
                                          struct envl_err *err);

/*
 * envl_journal_replace - write patch, and see it on the disk
 *
 *   anchor_at  where ENVL_JOURNAL_ANCHOR_LEN bytes of the file are that no other
 *              file has: a journal names its file by them.  The patch may cover
 *              some of them
 *
 * There must be no journal.  Signals wait.  Where the caller may not set times
 * nothing is changed.  On failure the file is as it was,
 * or the journal stays and detail says so.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WRITE; _MEMORY.
 */
enum envelope_reason envl_journal_replace(const struct envl_journal *journal,
                                          uint64_t anchor_at,
                                          const struct envl_patch *patch,
                                          struct envl_err *err);

#endif
