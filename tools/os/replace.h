/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that appears under its name only when it is complete: it is written
 * under a temporary name in the same directory, and renamed.
 */
#ifndef ENVL_REPLACE_H
#define ENVL_REPLACE_H

#include <stdbool.h>
#include <sys/types.h>

/* To be read. */
struct envl_replace {
    int dir;         /* directory of both names, or -1 */
    int lock;        /* keeps the temporary file locked, or -1 */
    char *name;      /* the last part of the name that it is for */
    char *temporary; /* the name that it has in dir; NULL: none */
};

#define ENVL_REPLACE_NONE     \
    {                         \
        .dir = -1, .lock = -1 \
    }

/*
 * envl_replace_begin - create the temporary file (tools/os/temporary.h)
 *
 *   path  of the file to be; its last part is taken as it is, also where it is
 *         a symbolic link
 *   mode  permissions, less the umask
 *
 * Ownership: the descriptor is the caller's; envl_replace_end(), on failure
 *            as well.
 * Returns:   the descriptor, to write to; -1 with errno set, EISDIR where path
 *            ends with a slash.
 */
int envl_replace_begin(struct envl_replace *replace, const char *path,
                       mode_t mode);

/*
 * envl_replace_take_name - give the file its name; temporary is NULL then
 *
 *   force  something else may have it now; otherwise it must be free
 *
 * The caller has brought it to disk and closed it.  Where the system knows no
 * rename that replaces nothing, the file may have both names in the end:
 * temporary stays then, and envl_replace_end() tries to remove it once more.
 *
 * Returns: true; false with errno set, EEXIST if the name is not free.
 */
bool envl_replace_take_name(struct envl_replace *replace, bool force);

/*
 * envl_replace_remove - remove the temporary name now; false with errno set if
 * it stays
 * envl_replace_end - remove it if it can be, and the lock
 *
 * Both are fine for ENVL_REPLACE_NONE.
 */
bool envl_replace_remove(struct envl_replace *replace);
void envl_replace_end(struct envl_replace *replace);

#endif
