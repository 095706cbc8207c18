/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where output goes: standard output, a file that appears under its name only
 * when it is complete, or another program.
 */
#ifndef ENVL_OUTPUT_H
#define ENVL_OUTPUT_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "tools/os/program.h"
#include "tools/os/replace.h"

/* All zero is an output that was not opened. */
struct envl_output {
    int fd;                   /* to be written to */
    const char *path;         /* borrowed; NULL is standard output */
    struct envl_replace file; /* symbolic links followed */
    struct envl_program program;
    bool force;   /* replace a file of that name */
    bool no_sync; /* do not wait for the disk; the caller may set it */
    bool is_new;  /* it is a file, and replaces none */
    bool open;
};

/*
 * envl_output_open - open a temporary file beside path, or standard output
 *
 *   path   name of the file to be; NULL or "-" is standard output.  With NULL,
 *          when nobody asked for it, a terminal is refused if is_binary
 *   input  descriptor that must not be the same file or disk, or -1
 *   mode   permissions of a new file, such as 0666 (less the umask)
 *
 * A device or FIFO at path is written to directly, if force is given or it is
 * the null device.  With force a file is replaced by a new one, also where a
 * symbolic link leads to it.  The new one keeps owner, group and permissions as far as the system and mode allow: one
 * that mode grants to nobody else belongs to the caller, whoever had the old
 * one.  A symbolic link that leads to nothing is refused.
 *
 * SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGXCPU and SIGXFSZ, unless they
 * are ignored, remove the temporary file and then do what they would have done.
 *
 * Ownership: envl_output_commit() or envl_output_discard() ends it; path must
 *            stay.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_WRITE with the system's text, for the
 *            caller to name the file; ENVELOPE_R_PARAMETER for a terminal, the
 *            same file, a link to nothing, or something that exists where force
 *            was not given;
 *            ENVELOPE_R_MEMORY.
 * Threads:   one output can be open at a time; other threads have the signals
 *            blocked.
 */
enum envelope_reason envl_output_open(struct envl_output *output,
                                      const char *path, bool force,
                                      bool is_binary, int input, mode_t mode,
                                      struct envl_err *err);

/*
 * envl_output_open_program - the same for a program that takes the data
 *
 *   argv  its name and arguments, and NULL; they must stay
 *
 * A program that reads no more is an error, and SIGPIPE is blocked from here on.
 * envl_output_commit() closes its standard input and waits for it to end;
 * envl_output_discard() ends it before it sees the end of its input.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PROGRAM naming it and why.
 */
enum envelope_reason envl_output_open_program(struct envl_output *output,
                                              char **argv,
                                              struct envl_err *err);

/*
 * envl_output_explain - err is why the output failed: if it could not be written
 * because the program that takes it has gone, say how that one ended
 *
 * Returns: err->reason, which becomes ENVELOPE_R_PROGRAM then.
 */
enum envelope_reason envl_output_explain(struct envl_output *output,
                                         struct envl_err *err);

/*
 * envl_output_give - give it owner and group of another file, as far as the
 * system lets us; a group that is not the other file's has no more permissions
 * than all others have
 *
 * It does nothing to one that replaces a file, a device or standard output.
 */
void envl_output_give(const struct envl_output *output,
                      const struct stat *like);

/*
 * envl_output_commit - all is written: bring it to disk and give it its name
 *
 * Standard output is closed.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PROGRAM if the program that takes the data did
 *          not end with status 0;
 *          ENVELOPE_R_PARAMETER if a file of that name appeared
 *          meanwhile and force was not given; ENVELOPE_R_WRITE: there is no
 *          file of ours, and an old one is as it was.  Only where the directory
 *          cannot be brought to disk the complete file stays.
 */
enum envelope_reason envl_output_commit(struct envl_output *output,
                                        struct envl_err *err);

/* envl_output_discard - nothing stays; fine after commit and when all zero */
void envl_output_discard(struct envl_output *output);

#endif
