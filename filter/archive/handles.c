/* SPDX-License-Identifier: Apache-2.0 */
/* A list, because few archives are written at once. */
#include "filter/archive/handles.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct envl_handle *handles;

void
envl_handles_add(struct envl_handle *handle, const struct archive *a)
{
    handle->archive = a;
    pthread_mutex_lock(&lock);
    handle->next = handles;
    handles = handle;
    pthread_mutex_unlock(&lock);
}

void
envl_handles_remove(const struct envl_handle *handle)
{
    struct envl_handle **p;

    pthread_mutex_lock(&lock);
    for (p = &handles; *p != NULL && *p != handle; p = &(*p)->next)
        ;
    if (*p != NULL)
        *p = handle->next;
    pthread_mutex_unlock(&lock);
}

struct envl_handle *
envl_handles_find(const struct archive *a)
{
    struct envl_handle *handle;

    pthread_mutex_lock(&lock);
    for (handle = handles; handle != NULL && handle->archive != a;
         handle = handle->next)
        ;
    pthread_mutex_unlock(&lock);
    return handle;
}
