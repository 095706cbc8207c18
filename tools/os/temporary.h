/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary files beside the file that is to be: ".NAME.envelope", and
 * ".NAME.envelope-XXXXXX" where that one is in use.  Whoever writes one has it
 * locked.  One that a killed run has left is not locked, and the next run for the
 * same name removes it.
 */
#ifndef ENVL_TEMPORARY_H
#define ENVL_TEMPORARY_H

#include <stdbool.h>
#include <sys/types.h>

/* Of a long name only the beginning: some filesystems have room for less than
 * 255 bytes. */
#define ENVL_TEMPORARY_PART_MAX 100
#define ENVL_TEMPORARY_LEN_MAX \
    (sizeof(".") - 1 + ENVL_TEMPORARY_PART_MAX + sizeof(".envelope-XXXXXX") - 1)

/*
 * envl_temporary_create - a new and empty file
 *
 *   name  set to its name; free()
 *   dir   directory of both files
 *   of    name of the file that it is for
 *   mode  permissions, less the umask
 *
 * What is removed is told on standard error.  That is a regular file of ours
 * with one name, of exactly the first form, that nobody has locked (flock(2)).
 *
 * Returns: its descriptor, to write to, which has the lock: any duplicate of it
 *          keeps the lock.  -1 with errno set, and *name NULL.
 */
int envl_temporary_create(char **name, int dir, const char *of, mode_t mode);

#endif
