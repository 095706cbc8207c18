/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another program at the other end of a pipe: one that makes the data, or one
 * that takes it.  A pipe does not say how it ended; its exit status does.
 */
#ifndef ENVL_PROGRAM_H
#define ENVL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/waiting.h"

/* To be read: fd, name.  All zero is one that was not started. */
struct envl_program {
    const char *name; /* borrowed; NULL: none was started */
    bool gives;       /* it makes the data */
    pid_t pid;        /* 0: it has been waited for */
    int fd;           /* our end of the pipe, or -1 */
    uint64_t spare;   /* bytes at the end that it need not take; to be set */
};

/* envl_program_keep_limits - the limits on core dumps and locked memory are
 * those of programs, whatever this one sets afterwards; call it first of all */
void envl_program_keep_limits(void);

/*
 * envl_program_start - run a program, found by PATH
 *
 *   argv   its name and arguments, and NULL; no shell reads them
 *   gives  fd reads what it writes to standard output; else fd writes what it
 *          reads from standard input
 *
 * The other standard files are ours.  A signal that ends this program goes to that
 * one first, as SIGTERM if it is about a limit or a pipe.  One that takes data is
 * ended as by envl_program_stop() then, since its input ends as we do.
 *
 * Ownership: envl_program_wait() or envl_program_stop() ends it; argv stays the
 *            caller's, and must stay.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PROGRAM naming it and why.
 */
enum envelope_reason envl_program_start(struct envl_program *program,
                                        char **argv, bool gives,
                                        struct envl_err *err);

/*
 * envl_program_confirm - wait until a program that makes data has ended, and leave
 * it to envl_program_stop()
 *
 *   stop  ends the wait; or NULL
 *
 * Returns: ENVELOPE_OK with status 0; else ENVELOPE_R_PROGRAM naming it and its
 *          status or signal.
 * Threads: any; all other functions are for the one that takes the signals.
 */
enum envelope_reason envl_program_confirm(const struct envl_program *program,
                                          const struct envl_stop *stop,
                                          struct envl_err *err);

/*
 * envl_program_wait - wait until a program that takes data has read it, close the
 * pipe, and wait until it has ended
 *
 *   given_all  all data was written to the pipe
 *
 * Returns: ENVELOPE_OK with status 0; else ENVELOPE_R_PROGRAM naming it and its
 *          status or signal, or that it has not read everything.
 */
enum envelope_reason envl_program_wait(struct envl_program *program,
                                       bool given_all, struct envl_err *err);

/*
 * envl_program_stop - the data is of no use: SIGTERM, and SIGKILL after
 * ENVL_PROGRAM_STOP_SECONDS
 *
 * One that takes data is gone before its pipe is closed, so that it does not take
 * a part for the whole.  One that makes data has its pipe closed first.  Fine for
 * one that was not started or has ended.
 */
#define ENVL_PROGRAM_STOP_SECONDS 10
void envl_program_stop(struct envl_program *program);

#endif
