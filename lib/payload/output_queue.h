/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where output goes: the caller's buffer of this call, in order; what does
 * not fit waits in a queue and leaves first in the next call.
 */
#ifndef ENVL_OUTPUT_QUEUE_H
#define ENVL_OUTPUT_QUEUE_H

#include <stddef.h>

struct envl_output_queue {
    unsigned char *out; /* the caller's, of this call */
    size_t len, cap;

    unsigned char *queue; /* owned; size bytes, queued of them from start on */
    size_t start, queued, size;
};

/* envl_output_queue_begin - start a call with cap bytes of room; the queue drains */
void envl_output_queue_begin(struct envl_output_queue *queue,
                             unsigned char *out, size_t cap);

/* envl_output_queue_extend - the same call has cap bytes of room now */
void envl_output_queue_extend(struct envl_output_queue *queue, size_t cap);

/* envl_output_queue_room - bytes that go straight to the caller's buffer now */
size_t envl_output_queue_room(const struct envl_output_queue *queue);

/*
 * envl_output_queue_reserve - room for the next want bytes of output or for the first
 * of them: *got says for how many, at least one
 *
 * Returns: where to write, valid until the next call for this queue, or NULL
 *          if memory ran out.
 */
unsigned char *envl_output_queue_reserve(struct envl_output_queue *queue,
                                         size_t want, size_t *got);

/* envl_output_queue_commit - n bytes have been written where envl_output_queue_reserve() said */
void envl_output_queue_commit(struct envl_output_queue *queue, size_t n);

/* envl_output_queue_put - copy len bytes to the output; 0 if memory ran out */
int envl_output_queue_put(struct envl_output_queue *queue, const void *data,
                          size_t len);

/* envl_output_queue_rewind - wipe what this call has written after its first len
 * bytes; nothing of it may be in the queue */
void envl_output_queue_rewind(struct envl_output_queue *queue, size_t len);

/* envl_output_queue_clear - wipe and free the queue */
void envl_output_queue_clear(struct envl_output_queue *queue);

#endif
