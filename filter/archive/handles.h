/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which archives are written through us.  libarchive gives no way from an
 * archive to its client's data, and drops what the client reports at close.
 */
#ifndef ENVL_HANDLES_H
#define ENVL_HANDLES_H

#include <archive.h>

/* A member of the state that is kept for an archive. */
struct envl_handle {
    struct envl_handle *next;
    const struct archive *archive;
};

/* envl_handles_add, _remove - handle is the caller's, and removed before it is
 * freed
 * envl_handles_find - NULL if there is none
 *
 * Threads: safe. */
void envl_handles_add(struct envl_handle *handle, const struct archive *a);
void envl_handles_remove(const struct envl_handle *handle);
struct envl_handle *envl_handles_find(const struct archive *a);

#endif
