/* SPDX-License-Identifier: Apache-2.0 */
/* Giving a file the name that it is for, where nothing may be replaced. */
#ifndef ENVL_FREE_NAME_H
#define ENVL_FREE_NAME_H

#include <stdbool.h>

/*
 * envl_free_name_take - rename a file to a name that must be free
 *
 *   dir   directory of both names, or AT_FDCWD
 *   left  set to whether the file has its old name, too: it could not be
 *         removed
 *
 * Returns: true; false with errno set, EEXIST if there is something of that
 *          name, and the file has its old name alone.
 */
bool envl_free_name_take(int dir, const char *from, const char *to, bool *left);

#endif
