/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the state that is kept for a program's archive: libarchive has no place
 * in an archive for a pointer to it.
 */
#ifndef ENVL_HANDLES_H
#define ENVL_HANDLES_H

#include <archive.h>
#include <pthread.h>

/* The first member of the state that is kept for an archive. */
struct envl_handle {
    struct envl_handle *next;
    struct archive *archive;
};

/* A list of handles; it is short, because few archives are open at once. */
struct envl_handles {
    pthread_mutex_t lock;
    struct envl_handle *first;
};

#define ENVL_HANDLES_NONE               \
    {                                   \
        PTHREAD_MUTEX_INITIALIZER, NULL \
    }

/*
 * envl_handles_add - add a handle for archive a; the handle stays the caller's
 * envl_handles_remove - remove a handle, before it is freed
 * envl_handles_find - the handle of archive a; NULL if there is none
 *
 * Threads: safe.  A handle, like its archive, belongs to one thread at a time.
 */
void envl_handles_add(struct envl_handles *handles, struct envl_handle *handle,
                      struct archive *a);
void envl_handles_remove(struct envl_handles *handles,
                         const struct envl_handle *handle);
struct envl_handle *envl_handles_find(struct envl_handles *handles,
                                      const struct archive *a);

#endif
