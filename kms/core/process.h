/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program from within one that is not ours. */
#ifndef KMS_CORE_PROCESS_H
#define KMS_CORE_PROCESS_H

#include <stddef.h>

#include "kms/core/text.h"
#include "lib/base/err.h"

/*
 * kms_process_run - struct kms_world's run
 *
 *   argv   argv[0] has a slash: nothing is looked up in PATH, and no shell is
 *          asked.  What it says is never shown but for argv[0].
 *   input  NULL is the same as an empty text.  The program need not read it.
 *
 * The program has our environment (an empty one where we run with raised
 * rights), standard error and working directory; no other descriptor, all signals as by default, and a session of its own, so
 * that it has no terminal to ask at or to be stopped by.  When its time is
 * over, or its output too long, all of its session's first process group is
 * killed; a program that has taken other rights cannot be, and is left to
 * itself.
 *
 * It is over when the program itself is: a process that it leaves behind and
 * that holds its output open is neither waited for nor killed.
 *
 * A caller that ignores SIGCHLD, or has SA_NOCLDWAIT set, would never learn
 * the status, and one failure would look like success: nothing is run then.
 * The same is said, afterwards, where another thread has waited for our child.
 *
 * Returns: ENVELOPE_OK with the output if its status is 0; _KEY_SERVICE;
 *          _MEMORY.  output is empty on failure.
 * Threads: safe, and neither signal handlers nor descriptors of others are
 *          touched.
 */
enum envelope_reason kms_process_run(void *arg, struct kms_text *output,
                                     size_t max, char *const argv[],
                                     const struct kms_text *input,
                                     unsigned milliseconds,
                                     struct envl_err *err);

#endif
