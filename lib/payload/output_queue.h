/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes output in order: it goes to the caller's buffer of this call.  Bytes
 * that do not fit wait in a queue, and come first in the next call.
 */
#ifndef ENVL_OUTPUT_QUEUE_H
#define ENVL_OUTPUT_QUEUE_H

#include <stddef.h>

struct envl_output_queue {
    unsigned char *out; /* the caller's buffer, of this call */
    size_t len, cap;

    unsigned char *queue; /* owned; size bytes, of which those from start on,
                           * `queued` of them, wait */
    size_t start, queued, size;
};

/* envl_output_queue_begin - start a call with cap bytes of room; queued bytes
 * are copied to it */
void envl_output_queue_begin(struct envl_output_queue *queue,
                             unsigned char *out, size_t cap);

/* envl_output_queue_extend - raise the room of this call to cap bytes */
void envl_output_queue_extend(struct envl_output_queue *queue, size_t cap);

/* envl_output_queue_room - bytes that go straight to the caller's buffer now */
size_t envl_output_queue_room(const struct envl_output_queue *queue);

/*
 * envl_output_queue_reserve - get room for the next want bytes of output, or
 * for the first *got of them, at least one
 *
 * Returns: the place to write to, valid until the next call for this queue;
 *          NULL if memory ran out.
 */
unsigned char *envl_output_queue_reserve(struct envl_output_queue *queue,
                                         size_t want, size_t *got);

/* envl_output_queue_commit - n bytes were written to the reserved room */
void envl_output_queue_commit(struct envl_output_queue *queue, size_t n);

/* envl_output_queue_put - copy len bytes to the output; 0 if memory ran out */
int envl_output_queue_put(struct envl_output_queue *queue, const void *data,
                          size_t len);

/* envl_output_queue_rewind - wipe the output of this call after its first len
 * bytes; none of it may be in the queue */
void envl_output_queue_rewind(struct envl_output_queue *queue, size_t len);

/* envl_output_queue_clear - wipe and free the queue */
void envl_output_queue_clear(struct envl_output_queue *queue);

#endif
