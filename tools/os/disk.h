/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a file, and waiting for the disk. */
#ifndef ENVL_DISK_H
#define ENVL_DISK_H

#include <stdbool.h>

/*
 * envl_parent_open - the directory that a file is in
 *
 *   path  of the file, which need not be there
 *   name  set to its last part, within path; may be empty
 *
 * Returns: a descriptor, for the names in the directory; -1 with errno set.  If
 *          the directory cannot be read, it is for nothing else, and fsync() fails
 *          with EBADF.
 */
int envl_parent_open(const char *path, const char **name);

/*
 * envl_to_disk - wait until a file or a directory is on disk
 *
 * Returns: true, also of what cannot be told to; false with errno set.
 */
bool envl_to_disk(int fd);

/* envl_parent_to_disk - the same of the directory that a file is in: its name is
 * there, or gone, after a crash, too */
bool envl_parent_to_disk(const char *path);

#endif
