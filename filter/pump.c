/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queues, one lock.  A thread that is done, or has failed, ends the queue
 * behind it; a failure ends the one before it, too.  read() and write() may
 * wait for ever and are the only places where a thread can be cancelled.
 */
#include "filter/pump.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/fd.h"

#define IN_COUNT 4
#define IN_SIZE 1048576
#define OUT_COUNT 3

struct buffer {
    unsigned char *p;
    size_t begin, len;
};

/* Filled at the tail, emptied at the head; what is in use still counts. */
struct queue {
    struct buffer buffers[IN_COUNT];
    size_t size;     /* bytes of each buffer */
    size_t used;     /* of these, at most, to be wiped */
    uint64_t passed; /* bytes, in all */
    unsigned slots, head, count;
    bool ended;   /* nothing will be added */
    bool dropped; /* nothing will be taken */
};

enum { READER, CODER, WRITER, THREADS };

struct envl_pump {
    struct envl_codec *codec;
    int in_fd, out_fd;
    pid_t pid;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    struct queue in, out;
    struct envl_err err; /* the first failure */
    int err_errno;
    bool failed;

    pthread_t threads[THREADS];
    bool started[THREADS];
    struct buffer *pushing; /* being filled by envl_pump_push() */
    bool pulling;           /* the head of out is with the caller */
};

/* Queues */

static int
queue_init(struct queue *queue, unsigned slots, size_t size)
{
    unsigned i;

    queue->slots = slots;
    queue->size = size;
    for (i = 0; i < slots; i++) {
        queue->buffers[i].p = OPENSSL_malloc(size);
        if (queue->buffers[i].p == NULL)
            return 0;
    }
    return 1;
}

static void
queue_clear(struct queue *queue)
{
    const struct buffer *buffer;
    size_t filled;
    unsigned i;

    /* One that was being filled has not been added. */
    for (i = 0; i < queue->slots; i++) {
        buffer = &queue->buffers[i];
        filled = buffer->begin + buffer->len;
        OPENSSL_clear_free(buffer->p,
                           filled > queue->used ? filled : queue->used);
    }
}

/* A buffer to fill; NULL if nobody will take it. */
static struct buffer *
queue_room(struct envl_pump *pump, struct queue *queue)
{
    struct buffer *buffer = NULL;

    pthread_mutex_lock(&pump->lock);
    while (queue->count == queue->slots && !queue->dropped)
        pthread_cond_wait(&pump->changed, &pump->lock);
    if (!queue->dropped)
        buffer = &queue->buffers[(queue->head + queue->count) % queue->slots];
    pthread_mutex_unlock(&pump->lock);
    return buffer;
}

/* The buffer that queue_room() returned is filled. */
static void
queue_add(struct envl_pump *pump, struct queue *queue, struct buffer *buffer)
{
    pthread_mutex_lock(&pump->lock);
    queue->passed += buffer->len;
    queue->count++;
    if (queue->used < buffer->begin + buffer->len)
        queue->used = buffer->begin + buffer->len;
    pthread_cond_broadcast(&pump->changed);
    pthread_mutex_unlock(&pump->lock);
}

/* The oldest buffer; NULL at the end. */
static struct buffer *
queue_head(struct envl_pump *pump, struct queue *queue)
{
    struct buffer *buffer = NULL;

    pthread_mutex_lock(&pump->lock);
    while (queue->count == 0 && !queue->ended)
        pthread_cond_wait(&pump->changed, &pump->lock);
    if (queue->count > 0 && !queue->dropped)
        buffer = &queue->buffers[queue->head];
    pthread_mutex_unlock(&pump->lock);
    return buffer;
}

static void
queue_remove(struct envl_pump *pump, struct queue *queue)
{
    pthread_mutex_lock(&pump->lock);
    queue->head = (queue->head + 1) % queue->slots;
    queue->count--;
    pthread_cond_broadcast(&pump->changed);
    pthread_mutex_unlock(&pump->lock);
}

static void
queue_end(struct envl_pump *pump, struct queue *queue)
{
    pthread_mutex_lock(&pump->lock);
    queue->ended = true;
    pthread_cond_broadcast(&pump->changed);
    pthread_mutex_unlock(&pump->lock);
}

/* Nothing that is in the queue, or comes, is wanted. */
static void
queue_drop(struct envl_pump *pump, struct queue *queue)
{
    pthread_mutex_lock(&pump->lock);
    queue->dropped = queue->ended = true;
    pthread_cond_broadcast(&pump->changed);
    pthread_mutex_unlock(&pump->lock);
}

/* Failure */

/* Remember the first failure, in a thread that reports it with errno. */
static void
note_failure(struct envl_pump *pump, const struct envl_err *err)
{
    int error =
        err->reason == ENVELOPE_R_READ || err->reason == ENVELOPE_R_WRITE
            ? errno
            : 0;

    pthread_mutex_lock(&pump->lock);
    if (!pump->failed) {
        pump->failed = true;
        pump->err = *err;
        pump->err_errno = error;
    }
    pthread_mutex_unlock(&pump->lock);
}

static enum envelope_reason
report(struct envl_pump *pump, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    pthread_mutex_lock(&pump->lock);
    if (pump->failed) {
        *err = pump->err;
        errno = pump->err_errno;
        rc = err->reason;
    }
    pthread_mutex_unlock(&pump->lock);
    return rc;
}

bool
envl_pump_is_foreign(const struct envl_pump *pump)
{
    return pump != NULL && pump->pid != getpid();
}

static enum envelope_reason
check_process(const struct envl_pump *pump, struct envl_err *err)
{
    if (!envl_pump_is_foreign(pump))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_IN_USE,
                     "the process was forked: only the parent can go on");
}

/* Threads */

/* With cancellation on for this one call. */
static enum envelope_reason
read_some(int fd, struct buffer *buffer, size_t size, struct envl_err *err)
{
    enum envelope_reason rc;
    size_t len;
    int state;

    /* A read that is cancelled does not tell how much is to be wiped. */
    buffer->len = size;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    rc = envl_fd_read(fd, buffer->p, size, &len, err);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    buffer->len = len;
    return rc;
}

static enum envelope_reason
write_all(int fd, const struct buffer *buffer, struct envl_err *err)
{
    enum envelope_reason rc;
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    rc = envl_fd_write(fd, buffer->p + buffer->begin, buffer->len, err);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return rc;
}

static void
run_reader(struct envl_pump *pump)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct buffer *buffer;
    struct envl_err err;
    bool going = true;

    while (going && (buffer = queue_room(pump, &pump->in)) != NULL) {
        rc = read_some(pump->in_fd, buffer, pump->in.size, &err);
        going = rc == ENVELOPE_OK && buffer->len > 0;
        if (buffer->len > 0) /* also what came before a failure */
            queue_add(pump, &pump->in, buffer);
    }
    if (rc != ENVELOPE_OK)
        note_failure(pump, &err);
    queue_end(pump, &pump->in);
}

/* Has a part failed, or is nothing more wanted? */
static bool
is_over(struct envl_pump *pump)
{
    bool over;

    pthread_mutex_lock(&pump->lock);
    over = pump->failed || pump->in.dropped;
    pthread_mutex_unlock(&pump->lock);
    return over;
}

/* Give the codec the next input; false if a part before it has failed. */
static bool
feed(struct envl_pump *pump, bool *holding)
{
    struct buffer *buffer;

    if (*holding)
        queue_remove(pump, &pump->in);
    buffer = queue_head(pump, &pump->in);
    *holding = buffer != NULL;
    if (buffer != NULL)
        envl_codec_give(pump->codec, buffer->p + buffer->begin, buffer->len);
    else if (is_over(pump))
        return false;
    else
        envl_codec_finish(pump->codec);
    return true;
}

static void
run_coder(struct envl_pump *pump)
{
    struct buffer *out = queue_room(pump, &pump->out);
    bool going = out != NULL, holding = false;

    while (going) {
        switch (envl_codec_step(pump->codec, out->p, &out->begin, &out->len)) {
        case ENVL_STEP_INPUT:
            going = feed(pump, &holding);
            break;
        case ENVL_STEP_OUTPUT:
            queue_add(pump, &pump->out, out);
            out = queue_room(pump, &pump->out);
            going = out != NULL;
            break;
        case ENVL_STEP_FAIL:
            note_failure(pump, envl_codec_err(pump->codec));
            going = false;
            break;
        default:
            going = false;
            break;
        }
    }
    queue_drop(pump, &pump->in);
    queue_end(pump, &pump->out);
}

static void
run_writer(struct envl_pump *pump)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct buffer *buffer;
    struct envl_err err;

    while (rc == ENVELOPE_OK
           && (buffer = queue_head(pump, &pump->out)) != NULL) {
        rc = write_all(pump->out_fd, buffer, &err);
        if (rc == ENVELOPE_OK)
            queue_remove(pump, &pump->out);
    }
    if (rc == ENVELOPE_OK)
        return;
    note_failure(pump, &err);
    queue_drop(pump, &pump->out);
    queue_drop(pump, &pump->in);
}

static void (*const bodies[THREADS])(struct envl_pump *) = {
    [READER] = run_reader,
    [CODER] = run_coder,
    [WRITER] = run_writer,
};

struct start {
    struct envl_pump *pump;
    int which;
};

static void *
run(void *arg)
{
    struct start start = *(struct start *)arg;
    int state;

    OPENSSL_free(arg);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    bodies[start.which](start.pump);
    return NULL;
}

static int
start_thread(struct envl_pump *pump, int which)
{
    struct start *start = OPENSSL_malloc(sizeof(*start));
    sigset_t all, old;

    if (start == NULL)
        return 0;
    *start = (struct start){ pump, which };
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pump->started[which] =
        pthread_create(&pump->threads[which], NULL, run, start) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!pump->started[which])
        OPENSSL_free(start);
    return pump->started[which];
}

static void
join(struct envl_pump *pump, int which)
{
    if (pump->started[which])
        (void)pthread_join(pump->threads[which], NULL);
    pump->started[which] = false;
}

/* End a thread that may be waiting for a descriptor. */
static void
cancel(struct envl_pump *pump, int which)
{
    if (pump->started[which])
        (void)pthread_cancel(pump->threads[which]);
    join(pump, which);
}

/* The pump */

enum envelope_reason
envl_pump_start(struct envl_pump **out, struct envl_codec *codec, int in_fd,
                int out_fd, struct envl_err *err)
{
    struct envl_pump *pump = OPENSSL_zalloc(sizeof(*pump));

    *out = NULL;
    if (pump == NULL)
        return envl_fail_memory(err);
    pump->codec = codec;
    pump->in_fd = in_fd;
    pump->out_fd = out_fd;
    pump->pid = getpid();
    (void)pthread_mutex_init(&pump->lock, NULL);
    (void)pthread_cond_init(&pump->changed, NULL);
    if (!queue_init(&pump->in, IN_COUNT, IN_SIZE)
        || !queue_init(&pump->out, OUT_COUNT, envl_codec_out_size(codec))
        || !start_thread(pump, CODER)
        || (in_fd >= 0 && !start_thread(pump, READER))
        || (out_fd >= 0 && !start_thread(pump, WRITER))) {
        envl_pump_free(pump);
        return envl_fail_memory(err);
    }
    *out = pump;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_pump_push(struct envl_pump *pump, const void *data, size_t len,
               struct envl_err *err)
{
    const unsigned char *p = data;
    struct buffer *to;
    size_t n;

    if (check_process(pump, err) != ENVELOPE_OK)
        return err->reason;
    for (; len > 0; p += n, len -= n) {
        if ((to = pump->pushing) == NULL) {
            if ((to = queue_room(pump, &pump->in)) == NULL)
                return report(pump, err) != ENVELOPE_OK
                           ? err->reason
                           : envl_fail(err, ENVELOPE_R_NO_STREAM,
                                       "the stream has ended");
            to->begin = to->len = 0;
        }
        n = pump->in.size - to->len;
        if (n > len)
            n = len;
        memcpy(to->p + to->len, p, n);
        to->len += n;
        pump->pushing = to;
        if (to->len == pump->in.size) {
            queue_add(pump, &pump->in, to);
            pump->pushing = NULL;
        }
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_pump_pull(struct envl_pump *pump, const unsigned char **data, size_t *len,
               struct envl_err *err)
{
    struct buffer *head;

    *len = 0;
    if (check_process(pump, err) != ENVELOPE_OK)
        return err->reason;
    if (pump->pulling)
        queue_remove(pump, &pump->out);
    head = queue_head(pump, &pump->out);
    pump->pulling = head != NULL;
    if (head == NULL)
        return report(pump, err);
    *data = head->p + head->begin;
    *len = head->len;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_pump_finish(struct envl_pump *pump, struct envl_err *err)
{
    if (check_process(pump, err) != ENVELOPE_OK)
        return err->reason;
    if (pump->pushing != NULL)
        queue_add(pump, &pump->in, pump->pushing);
    pump->pushing = NULL;
    if (pump->in_fd < 0)
        queue_end(pump, &pump->in);
    join(pump, CODER);
    join(pump, WRITER);
    cancel(pump, READER); /* it has nobody to read for */
    return report(pump, err);
}

uint64_t
envl_pump_taken(struct envl_pump *pump)
{
    uint64_t taken;

    if (envl_pump_is_foreign(pump))
        return 0;
    pthread_mutex_lock(&pump->lock);
    taken = pump->in.passed;
    pthread_mutex_unlock(&pump->lock);
    return taken;
}

void
envl_pump_stop(struct envl_pump *pump)
{
    /* After a fork the lock may be held for ever: leave all as it is. */
    if (pump == NULL || envl_pump_is_foreign(pump))
        return;
    queue_drop(pump, &pump->in);
    queue_drop(pump, &pump->out);
    cancel(pump, READER);
    cancel(pump, WRITER);
    join(pump, CODER);
}

void
envl_pump_free(struct envl_pump *pump)
{
    if (pump == NULL || envl_pump_is_foreign(pump))
        return;
    envl_pump_stop(pump);
    queue_clear(&pump->in);
    queue_clear(&pump->out);
    (void)pthread_cond_destroy(&pump->changed);
    (void)pthread_mutex_destroy(&pump->lock);
    OPENSSL_free(pump);
}
