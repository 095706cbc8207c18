/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of slots with one lock.  Each thread takes the next step: to empty a
 * slot, to work on a slot, or to fill a slot.  A thread works on a slot that it
 * has filled itself, while the data is in its core's cache.  Slots are filled
 * and emptied one at a time and in order.  If a slot fails, all slots before it
 * are emptied, and none after it.
 *
 * If no thread can be started, the caller takes these steps whenever it would
 * wait for a thread.
 */
#include "filter/stream/pump.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/stream/descriptors.h"
#include "filter/stream/ring.h"

/* Slots in addition to one a thread: for a caller that pushes or pulls, or to
 * be filled while another slot waits to be emptied. */
#define SLOTS_BESIDE 1

/* The worker's number that the caller uses if there is no thread. */
#define FIRST_WORKER 1

struct envl_pump {
    struct envl_codec *codec;
    struct envl_inlet in; /* only for the filling thread, except `taken` */
    struct envl_outlet out;
    pid_t pid;

    pthread_mutex_t lock;   /* for the members below */
    pthread_cond_t changed; /* threads wait for it */
    pthread_cond_t caller;  /* callers that push, pull or finish wait for it */
    struct envl_ring ring;
    bool filling, emptying; /* a thread fills, empties a slot now */
    bool closed;            /* no more slots will be filled */
    bool over;              /* the last slot is done, or the output failed */
    bool stopped;
    bool stepping; /* the caller takes a step, in place of a thread */
    bool failed;
    struct envl_err err; /* the first failure */
    int err_errno;

    pthread_t *threads;
    unsigned threads_wanted, threads_started;
    struct envl_stop stop; /* ends their waits for descriptors */
    bool can_stop;         /* stop is initialised */
    bool alone;            /* no thread could be started */
    atomic_uint workers;   /* worker numbers that were given out */

    /* Only for the filling thread */
    struct envl_slot *pushing; /* the slot that envl_pump_push() fills */

    /* Only for envl_pump_pull() */
    bool pulling;    /* the caller has a slot's output */
    unsigned pulled; /* spans of that slot that the caller got */
};

/* Failure */

static void
note_failure(struct envl_pump *pump, const struct envl_err *err, int error)
{
    if (pump->failed)
        return;
    pump->failed = true;
    pump->err = *err;
    pump->err_errno = error;
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
    } else if (!pump->over) {
        rc = envl_fail(err, ENVELOPE_R_NO_STREAM, "the pump was stopped");
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

/* The ring: called with the lock */

/* Will no more slots be filled or worked on? */
static bool
is_at_end(const struct envl_pump *pump)
{
    return pump->over || pump->stopped;
}

static bool
can_fill(const struct envl_pump *pump)
{
    return !pump->closed && !pump->filling && envl_ring_can_fill(&pump->ring);
}

/* Is there nothing left to wait for? */
static bool
is_finished(const struct envl_pump *pump)
{
    return pump->over
           && (pump->out.fd < 0 || !envl_ring_can_empty(&pump->ring));
}

static void
wake(struct envl_pump *pump)
{
    pthread_cond_broadcast(&pump->changed);
    if (pump->in.source == NULL || pump->out.fd < 0 || is_finished(pump))
        pthread_cond_broadcast(&pump->caller);
}

/* Take the next slot to fill. */
static struct envl_slot *
begin_filling(struct envl_pump *pump)
{
    pump->filling = true;
    return envl_ring_fill(&pump->ring);
}

static uint64_t
end_filling(struct envl_pump *pump, const struct envl_slot *slot)
{
    pump->closed = pump->closed || slot->last;
    pump->filling = false;
    wake(pump);
    return envl_ring_filled(&pump->ring);
}

/* Note a slot as done.  The first failed slot is known when all slots before it
 * are done. */
static void
note_done(struct envl_pump *pump, uint64_t number)
{
    const struct envl_slot *slot;

    envl_ring_finish(&pump->ring, number);
    while (!pump->over && (slot = envl_ring_next_done(&pump->ring)) != NULL) {
        if (!slot->last)
            continue;
        pump->closed = pump->over = true;
        if (slot->err.reason != ENVELOPE_OK)
            note_failure(pump, &slot->err, slot->error);
    }
    wake(pump);
}

static void
note_emptied(struct envl_pump *pump)
{
    envl_ring_emptied(&pump->ring);
    pump->emptying = false;
    wake(pump);
}

/* Threads: called with the lock held, and unlocked during the step */

static void
work_on(struct envl_pump *pump, uint64_t number, unsigned worker)
{
    struct envl_slot *slot = envl_ring_slot(&pump->ring, number);

    envl_ring_take(&pump->ring, number);
    pthread_mutex_unlock(&pump->lock);
    envl_codec_work(pump->codec, slot, worker);
    if (pump->out.fd < 0)
        envl_slot_join(slot);
    pthread_mutex_lock(&pump->lock);
    note_done(pump, number);
}

static void
fill_next(struct envl_pump *pump, unsigned worker)
{
    struct envl_slot *slot = begin_filling(pump);

    pthread_mutex_unlock(&pump->lock);
    envl_inlet_fill(&pump->in, pump->codec, slot);
    pthread_mutex_lock(&pump->lock);
    work_on(pump, end_filling(pump, slot), worker);
}

static void
empty_next(struct envl_pump *pump)
{
    struct envl_slot *slot = envl_ring_slot(&pump->ring, pump->ring.emptied);
    struct envl_err err;
    int error;

    pump->emptying = true;
    pthread_mutex_unlock(&pump->lock);
    if (envl_outlet_write(&pump->out, slot, &err) == ENVELOPE_OK) {
        pthread_mutex_lock(&pump->lock);
        note_emptied(pump);
        return;
    }
    error = errno;
    pthread_mutex_lock(&pump->lock);
    note_failure(pump, &err, error);
    pump->closed = pump->over = true;
    pump->ring.emptied = pump->ring.done; /* the output failed: drop the rest */
    wake(pump);
}

/* Take any step that is possible now; false if none is. */
static bool
take_step(struct envl_pump *pump, unsigned worker)
{
    uint64_t number;

    if (pump->out.fd >= 0 && !pump->emptying
        && envl_ring_can_empty(&pump->ring))
        empty_next(pump);
    else if (!pump->over && envl_ring_find_work(&pump->ring, &number))
        work_on(pump, number, worker);
    else if (pump->in.source != NULL && can_fill(pump))
        fill_next(pump, worker);
    else
        return false;
    return true;
}

/* Let the caller take a step if there are no threads. */
static bool
take_step_alone(struct envl_pump *pump)
{
    bool done = false;

    if (pump->alone && !pump->stepping) {
        pump->stepping = true;
        done = take_step(pump, FIRST_WORKER);
        pump->stepping = false;
    }
    return done;
}

/* Let the caller wait until the threads have made progress. */
static void
caller_waits(struct envl_pump *pump)
{
    if (!take_step_alone(pump))
        pthread_cond_wait(&pump->caller, &pump->lock);
}

static void *
run(void *arg)
{
    struct envl_pump *pump = arg;
    unsigned worker = FIRST_WORKER + atomic_fetch_add(&pump->workers, 1);

    pthread_mutex_lock(&pump->lock);
    while (!pump->stopped && !is_finished(pump)) {
        if (!take_step(pump, worker))
            pthread_cond_wait(&pump->changed, &pump->lock);
    }
    pthread_mutex_unlock(&pump->lock);
    return NULL;
}

/* Close the stop signal, after all threads have ended. */
static void
end_stopping(struct envl_pump *pump)
{
    if (!pump->can_stop)
        return;
    envl_inlet_end(&pump->in);
    envl_outlet_end_writing(&pump->out);
    envl_codec_set_stop(pump->codec, NULL);
    envl_stop_clear(&pump->stop);
    pump->can_stop = false;
}

/* Start as many threads as the system allows; none without a stop signal. */
static bool
start_threads(struct envl_pump *pump)
{
    sigset_t all, old;
    unsigned i;

    pump->threads =
        ENVL_QUIETLY(OPENSSL_zalloc(pump->threads_wanted * sizeof(pthread_t)));
    if (pump->threads == NULL)
        return false;
    pump->can_stop = envl_stop_init(&pump->stop);
    envl_inlet_begin(&pump->in, pump->can_stop ? &pump->stop : NULL);
    envl_outlet_begin(&pump->out, pump->can_stop ? &pump->stop : NULL);
    envl_codec_set_stop(pump->codec, pump->can_stop ? &pump->stop : NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (i = 0; pump->can_stop && i < pump->threads_wanted
                && pthread_create(&pump->threads[i], NULL, run, pump) == 0;
         i++)
        pump->threads_started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pump->threads_started == 0) {
        pump->alone = true;
        end_stopping(pump);
    }
    return true;
}

/* Stop and join the threads; one may be waiting for a descriptor. */
static void
join(struct envl_pump *pump)
{
    unsigned i;

    pthread_mutex_lock(&pump->lock);
    pump->stopped = true;
    pthread_cond_broadcast(&pump->changed);
    pthread_mutex_unlock(&pump->lock);
    if (pump->can_stop)
        envl_stop_now(&pump->stop);
    for (i = 0; i < pump->threads_started; i++)
        (void)pthread_join(pump->threads[i], NULL);
    pump->threads_started = 0;
    end_stopping(pump);
}

/* The pump */

/* Wait for a slot to push into; NULL if no more input is wanted, and then the
 * failure is noted. */
static struct envl_slot *
begin_pushing(struct envl_pump *pump)
{
    bool can;

    pthread_mutex_lock(&pump->lock);
    while (!(can = can_fill(pump)) && !is_at_end(pump))
        caller_waits(pump);
    if (can)
        pump->pushing = begin_filling(pump);
    pthread_mutex_unlock(&pump->lock);
    if (!can)
        return NULL;
    envl_codec_begin(pump->codec, pump->pushing);
    return pump->pushing;
}

static void
end_pushing(struct envl_pump *pump)
{
    struct envl_slot *slot = pump->pushing;

    pump->pushing = NULL;
    envl_codec_close(pump->codec, slot, pump->in.ended);
    pthread_mutex_lock(&pump->lock);
    (void)end_filling(pump, slot);
    while (take_step_alone(pump)) /* output must not wait for more input */
        ;
    pthread_mutex_unlock(&pump->lock);
}

/* Fill slots that need no input, which have the header. */
static void
push_what_is_ready(struct envl_pump *pump)
{
    if (begin_pushing(pump) != NULL
        && envl_codec_is_ready(pump->codec, pump->pushing))
        end_pushing(pump);
}

static struct envl_pump *
new_pump(struct envl_codec *codec)
{
    struct envl_pump *pump = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*pump)));

    if (pump == NULL)
        return NULL;
    pump->codec = codec;
    pump->pid = getpid();
    pump->threads_wanted = envl_codec_threads(codec);
    (void)pthread_mutex_init(&pump->lock, NULL);
    (void)pthread_cond_init(&pump->changed, NULL);
    (void)pthread_cond_init(&pump->caller, NULL);
    return pump;
}

static enum envelope_reason
start(struct envl_pump **out, struct envl_pump *pump, bool ready,
      struct envl_err *err)
{
    if (ready && pump->out.fd >= 0)
        pump->out.sums = envl_codec_sums(pump->codec);
    if (!ready
        || !envl_ring_init(&pump->ring, pump->threads_wanted + SLOTS_BESIDE,
                           envl_codec_slot_size(pump->codec))
        || !start_threads(pump)) {
        envl_pump_free(pump);
        return envl_fail_memory(err);
    }
    if (pump->in.source == NULL)
        push_what_is_ready(pump);
    *out = pump;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_pump_start(struct envl_pump **out, struct envl_codec *codec, int in_fd,
                int out_fd, struct envl_err *err)
{
    struct envl_pump *pump = new_pump(codec);
    bool ready = pump != NULL && envl_outlet_init(&pump->out, out_fd);

    *out = NULL;
    if (ready && in_fd >= 0)
        envl_inlet_init(&pump->in, in_fd);
    return start(out, pump, ready, err);
}

enum envelope_reason
envl_pump_start_with(struct envl_pump **out, struct envl_codec *codec,
                     struct envl_source *source, int out_fd,
                     struct envl_blocks *blocks, struct envl_err *err)
{
    struct envl_pump *pump = new_pump(codec);

    *out = NULL;
    if (pump != NULL) {
        pump->in.source = source;
        pump->out.fd = out_fd;
        pump->out.blocks = blocks;
    }
    return start(out, pump, pump != NULL, err);
}

void
envl_pump_begin_to_disk(struct envl_pump *pump)
{
    atomic_store(&pump->out.to_disk, true);
}

enum envelope_reason
envl_pump_push(struct envl_pump *pump, const void *data, size_t len,
               struct envl_err *err)
{
    const unsigned char *p = data;
    size_t n;

    if (check_process(pump, err) != ENVELOPE_OK)
        return err->reason;
    for (; len > 0; p += n, len -= n) {
        if (pump->pushing == NULL && begin_pushing(pump) == NULL)
            return report(pump, err) != ENVELOPE_OK
                       ? err->reason
                       : envl_fail(err, ENVELOPE_R_NO_STREAM,
                                   "the stream has ended");
        n = envl_codec_copy(pump->codec, pump->pushing, p, len);
        pump->in.taken += n;
        if (envl_codec_is_full(pump->codec, pump->pushing))
            end_pushing(pump);
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_pump_pull(struct envl_pump *pump, const unsigned char **data, size_t *len,
               struct envl_err *err)
{
    const struct iovec *span;
    struct envl_slot *slot;

    *len = 0;
    if (check_process(pump, err) != ENVELOPE_OK)
        return err->reason;
    for (;;) {
        pthread_mutex_lock(&pump->lock);
        if (pump->pulling
            && pump->pulled
                   == envl_ring_slot(&pump->ring, pump->ring.emptied)
                          ->span_count) {
            pump->pulling = false;
            note_emptied(pump);
        }
        while (!envl_ring_can_empty(&pump->ring) && !is_at_end(pump))
            caller_waits(pump);
        slot = envl_ring_can_empty(&pump->ring)
                   ? envl_ring_slot(&pump->ring, pump->ring.emptied)
                   : NULL;
        pthread_mutex_unlock(&pump->lock);
        if (slot == NULL)
            return report(pump, err);
        if (!pump->pulling)
            pump->pulled = 0;
        pump->pulling = true;
        if (pump->pulled < slot->span_count) {
            span = &slot->spans[pump->pulled++];
            *data = span->iov_base;
            *len = span->iov_len;
            return ENVELOPE_OK;
        }
    }
}

enum envelope_reason
envl_pump_finish(struct envl_pump *pump, struct envl_err *err)
{
    if (check_process(pump, err) != ENVELOPE_OK)
        return err->reason;
    if (pump->in.source == NULL) {
        pump->in.ended = true;
        while (pump->pushing != NULL || begin_pushing(pump) != NULL)
            end_pushing(pump);
    }
    pthread_mutex_lock(&pump->lock);
    while (!is_finished(pump) && !pump->stopped)
        caller_waits(pump);
    pthread_mutex_unlock(&pump->lock);
    join(pump);
    return report(pump, err);
}

uint64_t
envl_pump_taken(struct envl_pump *pump)
{
    return envl_pump_is_foreign(pump) ? 0 : pump->in.taken;
}

void
envl_pump_stop(struct envl_pump *pump)
{
    /* After a fork the lock may be held for ever: do not touch the pump. */
    if (pump != NULL && !envl_pump_is_foreign(pump))
        join(pump);
}

void
envl_pump_free(struct envl_pump *pump)
{
    if (pump == NULL || envl_pump_is_foreign(pump))
        return;
    envl_pump_stop(pump);
    envl_ring_clear(&pump->ring);
    envl_inlet_clear(&pump->in);
    envl_outlet_clear(&pump->out);
    OPENSSL_free(pump->threads);
    (void)pthread_cond_destroy(&pump->changed);
    (void)pthread_cond_destroy(&pump->caller);
    (void)pthread_mutex_destroy(&pump->lock);
    OPENSSL_free(pump);
}
