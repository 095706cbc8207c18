/* SPDX-License-Identifier: Apache-2.0 */
/* The names of many files, as find(1) and other programs list them. */
#ifndef ENVL_FILE_LIST_H
#define ENVL_FILE_LIST_H

#include "lib/base/err.h"

struct envl_file_list {
    char *text;   /* owned: all names, each ended by a NUL */
    char **names; /* owned: they point into text */
    int count;
};

/*
 * envl_file_list_read - read names from a file, or for "-" from standard input
 *
 *   end  the byte that ends each name, '\n' or '\0'; the last may lack it
 *
 * Ownership: *list is the caller's, envl_file_list_clear(); empty on failure.
 * Returns:   ENVELOPE_OK with at least one name; ENVELOPE_R_READ, also for a
 *            list without a name, and one in which a name is empty or, with
 *            '\n', has a NUL byte; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_file_list_read(struct envl_file_list *list,
                                         const char *name, char end,
                                         struct envl_err *err);
void envl_file_list_clear(struct envl_file_list *list);

#endif
