/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that do not fit the caller's buffer wait in a first-in, first-out
 * queue. */
#include "lib/payload/output_queue.h"

#include <string.h>

#include <openssl/crypto.h>

static void
drain(struct envl_output_queue *queue)
{
    size_t n = queue->cap - queue->len;

    if (n > queue->queued)
        n = queue->queued;
    if (n == 0)
        return;
    memcpy(queue->out + queue->len, queue->queue + queue->start, n);
    queue->len += n;
    queue->queued -= n;
    queue->start = queue->queued > 0 ? queue->start + n : 0;
}

void
envl_output_queue_begin(struct envl_output_queue *queue, unsigned char *out,
                        size_t cap)
{
    queue->out = out;
    queue->len = 0;
    queue->cap = cap;
    drain(queue);
}

void
envl_output_queue_extend(struct envl_output_queue *queue, size_t cap)
{
    queue->cap = cap;
    drain(queue);
}

size_t
envl_output_queue_room(const struct envl_output_queue *queue)
{
    return queue->queued == 0 ? queue->cap - queue->len : 0;
}

/* Make room for more bytes after the queued ones. */
static int
grow(struct envl_output_queue *queue, size_t more)
{
    size_t want = queue->queued + more, size = queue->size;
    unsigned char *p;

    if (queue->start + want <= size)
        return 1;
    if (want <= size) {
        memmove(queue->queue, queue->queue + queue->start, queue->queued);
        queue->start = 0;
        return 1;
    }
    size = size < want / 2 ? want : 2 * want;
    if ((p = OPENSSL_malloc(size)) == NULL)
        return 0;
    if (queue->queued > 0)
        memcpy(p, queue->queue + queue->start, queue->queued);
    OPENSSL_clear_free(queue->queue, queue->size);
    queue->queue = p;
    queue->start = 0;
    queue->size = size;
    return 1;
}

unsigned char *
envl_output_queue_reserve(struct envl_output_queue *queue, size_t want,
                          size_t *got)
{
    size_t room = envl_output_queue_room(queue);

    if (room > 0) {
        *got = want < room ? want : room;
        return queue->out + queue->len;
    }
    *got = want;
    if (!grow(queue, want))
        return NULL;
    return queue->queue + queue->start + queue->queued;
}

void
envl_output_queue_commit(struct envl_output_queue *queue, size_t n)
{
    if (envl_output_queue_room(queue) > 0)
        queue->len += n;
    else
        queue->queued += n;
}

int
envl_output_queue_put(struct envl_output_queue *queue, const void *data,
                      size_t len)
{
    const unsigned char *p = data;
    unsigned char *to;
    size_t n;

    for (; len > 0; p += n, len -= n) {
        if ((to = envl_output_queue_reserve(queue, len, &n)) == NULL)
            return 0;
        memcpy(to, p, n);
        envl_output_queue_commit(queue, n);
    }
    return 1;
}

void
envl_output_queue_rewind(struct envl_output_queue *queue, size_t len)
{
    if (queue->len > len)
        OPENSSL_cleanse(queue->out + len, queue->len - len);
    queue->len = len;
}

void
envl_output_queue_clear(struct envl_output_queue *queue)
{
    OPENSSL_clear_free(queue->queue, queue->size);
    *queue = (struct envl_output_queue){ 0 };
}
