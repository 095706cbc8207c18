/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State that is kept for archives of somebody else's: libarchive gives no way
 * from an archive to it.
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

/* A list of them: few archives are open at once. */
struct envl_handles {
    pthread_mutex_t lock;
    struct envl_handle *first;
};

#define ENVL_HANDLES_NONE               \
    {                                   \
        PTHREAD_MUTEX_INITIALIZER, NULL \
    }

/*
 * envl_handles_add, _remove - handle is the caller's, and removed before it is
 * freed
 * envl_handles_find - that of an archive; NULL if there is none
 *
 * Threads: safe.  Who has found a handle has it to himself, as an archive
 *          belongs to one thread at a time.
 */
void envl_handles_add(struct envl_handles *handles, struct envl_handle *handle,
                      struct archive *a);
void envl_handles_remove(struct envl_handles *handles,
                         const struct envl_handle *handle);
struct envl_handle *envl_handles_find(struct envl_handles *handles,
                                      const struct archive *a);

#endif
