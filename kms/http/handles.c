/* SPDX-License-Identifier: Apache-2.0 */
/* A short list behind a lock.  What a handle is used for is not known here. */
#include "kms/http/handles.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kms_handle kept[KMS_HANDLES_MAX];
/* It is only tried: in a process that was forked it may be locked for ever. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
forget(struct kms_handle *handle)
{
    kms_text_clear(&handle->way);
    *handle = (struct kms_handle){ 0 };
}

/* Is its socket still open, and is it the same? */
static bool
is_connected(const struct kms_handle *handle)
{
    struct stat st;

    return fstat(handle->socket, &st) == 0 && S_ISSOCK(st.st_mode)
           && st.st_ino == handle->inode;
}

/* Of one that was kept.  libcurl would say goodbye on a connection that TLS is spoken
 * on by the parent, wait for threads that are not in this process, and close by its
 * number what may be somebody else's. */
static void
discard(struct kms_handle *handle)
{
    if (handle->curl != NULL && is_connected(handle)) {
        if (handle->maker == getpid())
            curl_easy_cleanup(handle->curl);
        else
            (void)close(handle->socket);
    }
    forget(handle);
}

/* Can it be kept?  Its socket is noted then. */
static bool
note_socket(struct kms_handle *handle)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct stat st;

    if (curl_easy_getinfo(handle->curl, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK
        || fd == CURL_SOCKET_BAD || fstat(fd, &st) != 0)
        return false;
    handle->socket = fd;
    handle->inode = st.st_ino;
    return true;
}

void
kms_handle_take(struct kms_handle *handle, struct kms_text *way, int64_t now)
{
    const pid_t us = getpid();
    size_t i;

    *handle = (struct kms_handle){ 0 };
    if (pthread_mutex_trylock(&lock) == 0) {
        for (i = 0; i < KMS_HANDLES_MAX; i++) {
            if (kept[i].maker != us || now - kept[i].born > KMS_HANDLE_AGE_MS
                || !is_connected(&kept[i]))
                discard(&kept[i]);
            if (handle->curl != NULL || kept[i].curl == NULL
                || strcmp(kms_text_get(&kept[i].way), kms_text_get(way)) != 0)
                continue;
            *handle = kept[i];
            kept[i] = (struct kms_handle){ 0 };
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

    if (keep && note_socket(handle) && pthread_mutex_trylock(&lock) == 0) {
        /* Nothing of one request is there in the next. */
        curl_easy_reset(handle->curl);
        for (i = 1; i < KMS_HANDLES_MAX && place->curl != NULL; i++) {
            if (kept[i].curl == NULL || kept[i].born < place->born)
                place = &kept[i];
        }
        discard(place);
        *place = *handle;
        *handle = (struct kms_handle){ 0 };
        (void)pthread_mutex_unlock(&lock);
    }
    curl_easy_cleanup(handle->curl);
    forget(handle);
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
