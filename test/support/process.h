/* SPDX-License-Identifier: Apache-2.0 */
/* What this process has open and running, as Linux's /proc tells it. */
#ifndef ENVL_TEST_PROCESS_H
#define ENVL_TEST_PROCESS_H

/*
 * thread_count - threads that run.  A thread that was joined is not counted,
 *                though /proc lists it for a moment longer.
 * fd_count     - open descriptors, the one that reads the list included
 *
 * Both are 0 where the system does not tell.
 */
unsigned thread_count(void);
unsigned fd_count(void);

#endif
