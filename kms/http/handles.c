/* SPDX-License-Identifier: Apache-2.0 */
/* A short list behind a lock.  What a handle is used for is not known here. */
#include "kms/http/handles.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct kms_handle kept[KMS_HANDLES_MAX];
/* It is only tried: in a process that was forked it may be locked for ever. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* libcurl would say goodbye on a connection that TLS is spoken on by the parent, and
 * wait for threads that are not in this process. */
static void
discard(struct kms_handle *handle)
{
    if (handle->curl != NULL && handle->maker == getpid())
        curl_easy_cleanup(handle->curl);
    else if (handle->curl != NULL && handle->socket != CURL_SOCKET_BAD)
        (void)close(handle->socket);
    kms_text_clear(&handle->way);
    *handle = (struct kms_handle){ .socket = CURL_SOCKET_BAD };
}

void
kms_handle_take(struct kms_handle *handle, struct kms_text *way, int64_t now)
{
    const pid_t us = getpid();
    size_t i;

    *handle = (struct kms_handle){ .socket = CURL_SOCKET_BAD };
    if (pthread_mutex_trylock(&lock) == 0) {
        for (i = 0; i < KMS_HANDLES_MAX; i++) {
            if (kept[i].maker != us || now - kept[i].born > KMS_HANDLE_AGE_MS)
                discard(&kept[i]);
            if (handle->curl != NULL || kept[i].curl == NULL
                || strcmp(kms_text_get(&kept[i].way), kms_text_get(way)) != 0)
                continue;
            *handle = kept[i];
            kept[i] = (struct kms_handle){ .socket = CURL_SOCKET_BAD };
        }
        (void)pthread_mutex_unlock(&lock);
    }
    if (handle->curl != NULL) {
        kms_text_clear(way);
        return;
    }
    handle->curl = curl_easy_init();
    handle->way = *way;
    handle->maker = us;
    handle->born = now;
    *way = (struct kms_text){ 0 };
}

void
kms_handle_put(struct kms_handle *handle, bool keep)
{
    struct kms_handle *place = kept;
    size_t i;

    if (keep && pthread_mutex_trylock(&lock) == 0) {
        /* Nothing of one request is there in the next. */
        curl_easy_reset(handle->curl);
        for (i = 1; i < KMS_HANDLES_MAX && place->curl != NULL; i++) {
            if (kept[i].curl == NULL || kept[i].born < place->born)
                place = &kept[i];
        }
        discard(place);
        *place = *handle;
        *handle = (struct kms_handle){ .socket = CURL_SOCKET_BAD };
        (void)pthread_mutex_unlock(&lock);
    }
    discard(handle);
}

void
kms_handles_forget(void)
{
    size_t i;

    if (pthread_mutex_trylock(&lock) != 0)
        return;
    for (i = 0; i < KMS_HANDLES_MAX; i++)
        discard(&kept[i]);
    (void)pthread_mutex_unlock(&lock);
}
