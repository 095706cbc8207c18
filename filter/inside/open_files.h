/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an xbstream that have begun and not ended, and how long each is
 * so far. */
#ifndef ENVL_OPEN_FILES_H
#define ENVL_OPEN_FILES_H

#include <stddef.h>
#include <stdint.h>

/* All zero is none. */
struct envl_open_files {
    void *tree;
    size_t count;
};

struct envl_open_file {
    const char *path;
    uint64_t size;
    char text[]; /* of path */
};

/*
 * envl_open_files_find - the file of this path, or NULL
 * envl_open_files_add - the same for a file that is not there: it is now, of no
 * bytes; NULL if memory ran out
 * envl_open_files_remove - forget it
 * envl_open_files_any - one of them, or NULL
 *
 * Ownership: the files' own, envl_open_files_clear().
 */
struct envl_open_file *envl_open_files_find(const struct envl_open_files *files,
                                            const char *path);
struct envl_open_file *envl_open_files_add(struct envl_open_files *files,
                                           const char *path);
void envl_open_files_remove(struct envl_open_files *files,
                            struct envl_open_file *file);
struct envl_open_file *envl_open_files_any(const struct envl_open_files *files);
void envl_open_files_clear(struct envl_open_files *files);

#endif
