/* SPDX-License-Identifier: Apache-2.0 */
/* A first-in, first-out queue in front of the caller's buffer. */
#include "lib/payload/sink.h"

#include <string.h>

#include <openssl/crypto.h>

static void
drain(struct envl_sink *sink)
{
    size_t n = sink->cap - sink->len;

    if (n > sink->queued)
        n = sink->queued;
    if (n == 0)
        return;
    memcpy(sink->out + sink->len, sink->queue + sink->start, n);
    sink->len += n;
    sink->queued -= n;
    sink->start = sink->queued > 0 ? sink->start + n : 0;
}

void
envl_sink_begin(struct envl_sink *sink, unsigned char *out, size_t cap)
{
    sink->out = out;
    sink->len = 0;
    sink->cap = cap;
    drain(sink);
}

void
envl_sink_extend(struct envl_sink *sink, size_t cap)
{
    sink->cap = cap;
    drain(sink);
}

size_t
envl_sink_room(const struct envl_sink *sink)
{
    return sink->queued == 0 ? sink->cap - sink->len : 0;
}

/* Make room for more bytes after the queued ones. */
static int
grow(struct envl_sink *sink, size_t more)
{
    size_t want = sink->queued + more, size = sink->size;
    unsigned char *p;

    if (sink->start + want <= size)
        return 1;
    if (want <= size) {
        memmove(sink->queue, sink->queue + sink->start, sink->queued);
        sink->start = 0;
        return 1;
    }
    size = size < want / 2 ? want : 2 * want;
    if ((p = OPENSSL_malloc(size)) == NULL)
        return 0;
    if (sink->queued > 0)
        memcpy(p, sink->queue + sink->start, sink->queued);
    OPENSSL_clear_free(sink->queue, sink->size);
    sink->queue = p;
    sink->start = 0;
    sink->size = size;
    return 1;
}

unsigned char *
envl_sink_grab(struct envl_sink *sink, size_t want, size_t *got)
{
    size_t room = envl_sink_room(sink);

    if (room > 0) {
        *got = want < room ? want : room;
        return sink->out + sink->len;
    }
    *got = want;
    if (!grow(sink, want))
        return NULL;
    return sink->queue + sink->start + sink->queued;
}

void
envl_sink_commit(struct envl_sink *sink, size_t n)
{
    if (envl_sink_room(sink) > 0)
        sink->len += n;
    else
        sink->queued += n;
}

int
envl_sink_put(struct envl_sink *sink, const void *data, size_t len)
{
    const unsigned char *p = data;
    unsigned char *to;
    size_t n;

    for (; len > 0; p += n, len -= n) {
        if ((to = envl_sink_grab(sink, len, &n)) == NULL)
            return 0;
        memcpy(to, p, n);
        envl_sink_commit(sink, n);
    }
    return 1;
}

void
envl_sink_rewind(struct envl_sink *sink, size_t len)
{
    if (sink->len > len)
        OPENSSL_cleanse(sink->out + len, sink->len - len);
    sink->len = len;
}

void
envl_sink_clear(struct envl_sink *sink)
{
    OPENSSL_clear_free(sink->queue, sink->size);
    *sink = (struct envl_sink){ 0 };
}
