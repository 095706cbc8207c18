/* SPDX-License-Identifier: Apache-2.0 */
/* How far it is, on standard error: for people on one line that is written
 * again and again, for programs as lines of JSON, on SIGUSR1 one line. */
#ifndef ENVL_PROGRESS_H
#define ENVL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum envl_progress_mode {
    ENVL_PROGRESS_AUTO, /* for people if standard error is a terminal, and only
                         * if it takes longer than a moment */
    ENVL_PROGRESS_NONE,
    ENVL_PROGRESS_TEXT, /* where it is no terminal, a line every ten seconds */
    ENVL_PROGRESS_JSON
};

struct envl_progress;

/*
 * envl_progress_catch - from here on SIGUSR1 (and SIGINFO where there is one)
 * never ends the program; where it is ignored, it stays so
 *
 * To be called first of all: who starts the program may send it at any time.
 */
void envl_progress_catch(void);

/* Bytes read so far; called from another thread. */
typedef uint64_t envl_progress_fn(void *arg);

/* envl_progress_share - another program writes to the terminal, too: a line is whole,
 * and its own */
void envl_progress_share(void);

/*
 * envl_progress_start - begin to tell
 *
 *   total  bytes that there will be, or -1 if that is not known
 *
 * A signal of envl_progress_catch() prints a line in every mode, also in
 * ENVL_PROGRESS_NONE.  In the background nothing is written to the terminal unasked.
 * A line of JSON, each second, is
 *
 *   {"bytes":N,"total":N,"seconds":N.NNN,"rate":N,"done":false}
 *
 * with null for a total that is not known, and bytes a second as the rate.
 *
 * Returns: NULL if that cannot be done, as when standard error is closed,
 *          which is no reason to stop.
 * Threads: one at a time.  read is called until envl_progress_stop() returns.
 */
struct envl_progress *envl_progress_start(enum envl_progress_mode mode,
                                          int64_t total, envl_progress_fn *read,
                                          void *arg);

/*
 * envl_progress_stop - the last line, if done; otherwise the line is cleared
 *
 * A standard error that nobody reads can take two seconds here.  To be
 * called before anything else is written there; NULL is fine.
 */
void envl_progress_stop(struct envl_progress *progress, bool done);

/* envl_progress_hush - say nothing while the terminal is used otherwise: for a
 * question; from any thread */
void envl_progress_hush(bool hushed);

#endif
