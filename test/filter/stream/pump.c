/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs, and transfers from one end to the other. */
#define _GNU_SOURCE /* pthread_getattr_default_np */
#include "test/filter/stream/pump.h"
#include "test/support/process.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* Seconds after which something must be waiting for ever. */
#define HANGS 120

/* Codecs */

static const unsigned char kek[ENVELOPE_KEY_LENGTH + 1] =
    "a key-encryption key of 32 bytes";

static void *
do_nothing(void *arg)
{
    return arg;
}

int
pump_setup(void **state)
{
    pthread_t thread;

    (void)state;
    (void)alarm(HANGS);
    assert_int_equal(setenv("OPENSSL_CONF", "/dev/null", 1), 0);
    assert_int_equal(unsetenv(ENVELOPE_ENV_RECIPIENTS), 0);
    assert_int_equal(unsetenv(ENVELOPE_ENV_IDENTITIES), 0);
    assert_int_equal(unsetenv(ENVELOPE_ENV_PASSPHRASE_FILE), 0);
    /* With the first thread a sanitizer may start one of its own. */
    start_quietly(&thread, do_nothing, NULL);
    return pthread_join(thread, NULL);
}

static unsigned threads_before, fds_before;

#ifdef __GLIBC__
static pthread_attr_t usual; /* of threads, where the default is changed */
static bool is_alone;
#endif

int
pump_before(void **state)
{
    (void)state;
    threads_before = thread_count();
    fds_before = fd_count();
    return 0;
}

/* With a stack that nobody can have, no thread can be started. */
int
pump_before_alone(void **state)
{
#ifdef __GLIBC__
    pthread_attr_t huge;

    assert_int_equal(pthread_getattr_default_np(&usual), 0);
    assert_int_equal(pthread_getattr_default_np(&huge), 0);
    /* More than there is room for. */
    assert_int_equal(pthread_attr_setstacksize(&huge, sizeof(size_t) > 4
                                                          ? SIZE_MAX / 262144
                                                          : SIZE_MAX / 4 * 3),
                     0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    (void)pthread_attr_destroy(&huge);
    is_alone = true;
#endif
    return pump_before(state);
}

int
pump_after(void **state)
{
    (void)state;
#ifdef __GLIBC__
    if (is_alone) {
        assert_int_equal(pthread_setattr_default_np(&usual), 0);
        (void)pthread_attr_destroy(&usual);
        is_alone = false;
    }
#endif
    assert_int_equal(thread_count(), threads_before);
    assert_int_equal(fd_count(), fds_before);
    return 0;
}

struct envl_codec *
new_codec(enum envl_direction direction, enum envl_carrier carrier)
{
    struct envl_options options;
    struct envl_codec *codec;
    struct envl_err err;

    envl_options_init(&options, carrier);
    options.piece_len = ENVL_PIECE_LEN_MIN;
    options.kek = OPENSSL_memdup(kek, ENVELOPE_KEY_LENGTH);
    assert_non_null(options.kek);
    if (envl_codec_new(&codec, &options, direction, &err) != ENVELOPE_OK) {
        print_error("%s\n", err.detail);
        fail();
    }
    envl_options_clear(&options);
    return codec;
}

struct envl_pump *
new_pump(struct envl_codec **codec, enum envl_direction direction, int in,
         int out)
{
    struct envl_pump *pump;
    struct envl_err err;

    *codec = new_codec(direction, ENVL_RAW);
    assert_int_equal(envl_pump_start(&pump, *codec, in, out, &err),
                     ENVELOPE_OK);
    return pump;
}

void
free_both(struct envl_pump *pump, struct envl_codec *codec)
{
    envl_pump_free(pump);
    envl_codec_free(codec);
}

static void
note(struct outcome *outcome, enum envelope_reason rc,
     const struct envl_err *err)
{
    outcome->error = errno;
    outcome->reason = rc;
    outcome->detail[0] = '\0';
    if (rc != ENVELOPE_OK)
        memcpy(outcome->detail, err->detail, sizeof(outcome->detail));
}

struct outcome
direct(enum envl_direction direction, enum envl_carrier carrier,
       struct bytes input)
{
    struct envl_codec *codec = new_codec(direction, carrier);
    struct outcome outcome = { 0 };
    struct envl_slot slot;
    unsigned i;
    size_t n;

    assert_true(envl_slot_init(&slot, envl_codec_slot_size(codec)));
    do {
        envl_codec_begin(codec, &slot);
        n = envl_codec_copy(codec, &slot, input.p, input.len);
        input.p += n;
        input.len -= n;
        envl_codec_close(codec, &slot, !envl_codec_is_full(codec, &slot));
        envl_codec_work(codec, &slot, 1);
        for (i = 0; i < slot.span_count; i++)
            put(&outcome.got, slot.spans[i].iov_base, slot.spans[i].iov_len);
    } while (!slot.last);
    note(&outcome, slot.err.reason, &slot.err);
    envl_slot_clear(&slot);
    envl_codec_free(codec);
    return outcome;
}

struct bytes
seal(enum envl_carrier carrier, struct bytes text)
{
    struct outcome outcome = direct(ENVL_ENCRYPT, carrier, text);

    assert_int_equal(outcome.reason, ENVELOPE_OK);
    return outcome.got;
}

struct bytes
unseal(struct bytes sealed)
{
    struct outcome outcome = direct(ENVL_DECRYPT, ENVL_RAW, sealed);

    assert_int_equal(outcome.reason, ENVELOPE_OK);
    return outcome.got;
}

size_t
chunks_len(size_t text_len)
{
    const size_t tag = ENVELOPE_SEALED_CHUNK_LENGTH - CHUNK;

    return text_len + (text_len / CHUNK + 1) * tag;
}

void
flip(struct bytes sealed, size_t text_len, size_t chunk)
{
    size_t payload = chunks_len(text_len);

    assert_true(chunk <= text_len / CHUNK);
    sealed.p[sealed.len - payload + chunk * ENVELOPE_SEALED_CHUNK_LENGTH] ^= 1;
}

/* Transfers */

void
take(struct envl_pump *pump, struct outcome *outcome)
{
    const unsigned char *p = NULL;
    enum envelope_reason rc;
    struct envl_err err;
    size_t len = 1;

    do {
        rc = envl_pump_pull(pump, &p, &len, &err);
        note(outcome, rc, &err);
        if (rc == ENVELOPE_OK)
            put(&outcome->got, p, len);
    } while (rc == ENVELOPE_OK && len > 0);
}

/* From memory of its own, which is overwritten once it has been taken. */
bool
give(struct envl_pump *pump, struct bytes bytes, size_t step,
     struct outcome *outcome)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_err err;
    unsigned char *part;
    size_t at, n;

    if (step == 0)
        step = bytes.len;
    assert_non_null(part = malloc(step + 1));
    for (at = 0; rc == ENVELOPE_OK && at < bytes.len; at += n) {
        n = bytes.len - at < step ? bytes.len - at : step;
        memcpy(part, bytes.p + at, n);
        rc = envl_pump_push(pump, part, n, &err);
        memset(part, 'x', n);
    }
    note(outcome, rc, &err);
    free(part);
    return rc == ENVELOPE_OK;
}

void
finish(struct envl_pump *pump, struct outcome *outcome)
{
    struct envl_err err;

    note(outcome, envl_pump_finish(pump, &err), &err);
}

struct taker {
    struct envl_pump *pump;
    struct outcome outcome;
    pthread_t thread;
};

static void *
run_taker(void *arg)
{
    struct taker *taker = arg;

    take(taker->pump, &taker->outcome);
    return NULL;
}

void
assert_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->reason, b->reason);
    assert_string_equal(a->detail, b->detail);
    if (a->reason == ENVELOPE_R_READ || a->reason == ENVELOPE_R_WRITE)
        assert_int_equal(a->error, b->error);
}

/* Where the caller is at both ends, giving and taking must go on together. */
static struct outcome
transfer(struct envl_pump *pump, const struct job *job)
{
    struct taker taker = { .pump = pump };
    struct outcome given = { 0 }, end = { 0 };
    bool both = job->in == AS_CALLER && job->out == AS_CALLER;

    if (both)
        start_quietly(&taker.thread, run_taker, &taker);
    else if (job->out == AS_CALLER)
        take(pump, &taker.outcome);
    if (job->in == AS_CALLER)
        (void)give(pump, job->input, job->in_step, &given);
    finish(pump, &end);
    if (both)
        assert_int_equal(pthread_join(taker.thread, NULL), 0);
    if (given.reason != ENVELOPE_OK)
        assert_same(&given, &end);
    if (end.reason == ENVELOPE_OK)
        assert_int_equal(envl_pump_taken(pump), job->input.len);
    if (job->out != AS_CALLER)
        return end;
    assert_same(&taker.outcome, &end);
    return taker.outcome;
}

struct outcome
run(const struct job *job)
{
    unsigned threads = thread_count(), fds = fd_count();
    struct peer from = { .bytes = job->input,
                         .step = job->in_step,
                         .naps = job->in_naps,
                         .pipe_size = job->pipe_size,
                         .stays = job->idle },
                to = { .step = job->out_step,
                       .naps = job->out_naps,
                       .pipe_size = job->pipe_size };
    struct envl_codec *codec = new_codec(job->direction, job->carrier);
    int in = ENVL_PUMP_CALLER, out = ENVL_PUMP_CALLER;
    struct envl_pump *pump;
    struct outcome outcome;
    struct envl_err err;

    if (job->in != AS_CALLER)
        in = job->in == AS_PIPE ? peer_feed(&from) : file_of(job->input);
    if (job->out != AS_CALLER)
        out = job->out == AS_PIPE ? peer_drain(&to) : file_of(to.bytes);
    if (job->nonblocking && job->in == AS_PIPE)
        set_nonblocking(in);
    if (job->nonblocking && job->out == AS_PIPE)
        set_nonblocking(out);
    assert_int_equal(envl_pump_start(&pump, codec, in, out, &err), ENVELOPE_OK);
    outcome = transfer(pump, job);
    free_both(pump, codec);
    if (job->out == AS_FILE)
        outcome.got = file_bytes(out);
    close_fd(in);
    close_fd(out);
    if (job->in == AS_PIPE)
        peer_join(&from);
    if (job->out == AS_PIPE) {
        peer_join(&to);
        outcome.got = to.bytes;
    }
    assert_int_equal(thread_count(), threads);
    assert_int_equal(fd_count(), fds);
    return outcome;
}

void
assert_incomplete(struct bytes got)
{
    struct outcome outcome = direct(ENVL_DECRYPT, ENVL_RAW, got);

    assert_int_not_equal(outcome.reason, ENVELOPE_OK);
    drop(&outcome.got);
}

void
assert_passes_at(const struct job *job, const char *file, int line)
{
    struct outcome outcome = run(job);
    struct bytes expected;

    if (outcome.reason != ENVELOPE_OK) {
        print_error("%d: %s\n", (int)outcome.reason, outcome.detail);
        _fail(file, line);
    }
    if (job->direction == ENVL_ENCRYPT) {
        expected = unseal(outcome.got);
        assert_bytes(expected, job->input);
    } else {
        expected = unseal(job->input);
        assert_bytes(outcome.got, expected);
    }
    drop(&expected);
    drop(&outcome.got);
}
