/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where output goes: the caller's buffer of this call, in order; what does
 * not fit waits in a queue and leaves first in the next call.
 */
#ifndef ENVL_SINK_H
#define ENVL_SINK_H

#include <stddef.h>

struct envl_sink {
    unsigned char *out; /* the caller's, of this call */
    size_t len, cap;

    unsigned char *queue; /* owned; size bytes, queued of them from start on */
    size_t start, queued, size;
};

/* envl_sink_begin - start a call with cap bytes of room; the queue drains */
void envl_sink_begin(struct envl_sink *sink, unsigned char *out, size_t cap);

/* envl_sink_extend - the same call has cap bytes of room now */
void envl_sink_extend(struct envl_sink *sink, size_t cap);

/* envl_sink_room - bytes that go straight to the caller's buffer now */
size_t envl_sink_room(const struct envl_sink *sink);

/*
 * envl_sink_grab - room for the next want bytes of output or for the first
 * of them: *got says for how many, at least one
 *
 * Returns: where to write, valid until the next call for this sink, or NULL
 *          if memory ran out.
 */
unsigned char *envl_sink_grab(struct envl_sink *sink, size_t want, size_t *got);

/* envl_sink_commit - n bytes have been written where grab said */
void envl_sink_commit(struct envl_sink *sink, size_t n);

/* envl_sink_put - copy len bytes to the output; 0 if memory ran out */
int envl_sink_put(struct envl_sink *sink, const void *data, size_t len);

/* envl_sink_rewind - wipe what this call has written after its first len
 * bytes; nothing of it may be in the queue */
void envl_sink_rewind(struct envl_sink *sink, size_t len);

/* envl_sink_clear - wipe and free the queue */
void envl_sink_clear(struct envl_sink *sink);

#endif
