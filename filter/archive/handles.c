/* SPDX-License-Identifier: Apache-2.0 */
/* The lock only protects the list.  Locking a plain mutex cannot fail. */
#include "filter/archive/handles.h"

#include <stddef.h>

void
envl_handles_add(struct envl_handles *handles, struct envl_handle *handle,
                 struct archive *a)
{
    handle->archive = a;
    (void)pthread_mutex_lock(&handles->lock);
    handle->next = handles->first;
    handles->first = handle;
    (void)pthread_mutex_unlock(&handles->lock);
}

void
envl_handles_remove(struct envl_handles *handles,
                    const struct envl_handle *handle)
{
    struct envl_handle **at = &handles->first;

    (void)pthread_mutex_lock(&handles->lock);
    while (*at != NULL && *at != handle)
        at = &(*at)->next;
    if (*at != NULL)
        *at = handle->next;
    (void)pthread_mutex_unlock(&handles->lock);
}

struct envl_handle *
envl_handles_find(struct envl_handles *handles, const struct archive *a)
{
    struct envl_handle *handle;

    (void)pthread_mutex_lock(&handles->lock);
    handle = handles->first;
    while (handle != NULL && handle->archive != a)
        handle = handle->next;
    (void)pthread_mutex_unlock(&handles->lock);
    return handle;
}
