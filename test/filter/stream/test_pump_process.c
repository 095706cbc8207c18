/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pumps in a process: signals, being given up half-way, forks.  No thread is
 * left, and descriptors are as they were.
 */
#include "filter/stream/pump.h"

#include "test/filter/stream/pump.h"
#include "test/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Signals */

static atomic_uint ticks, strays;
static pthread_t main_thread;

/* Were it not for this limit, a hang would not end. */
static void
on_tick(int number)
{
    (void)number;
    if (!pthread_equal(pthread_self(), main_thread))
        (void)atomic_fetch_add(&strays, 1);
    if (atomic_fetch_add(&ticks, 1) > 200000)
        _exit(99);
}

static void
set_storm(long microseconds)
{
    struct itimerval timer = { .it_interval = { 0, microseconds },
                               .it_value = { 0, microseconds } };
    struct sigaction action = { .sa_handler = on_tick };

    main_thread = pthread_self();
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0); /* no SA_RESTART */
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* pump_setup()'s alarm again, also where the test failed */
static int
after_storm(void **state)
{
    set_storm(0);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(100);
    return pump_after(state);
}

static void
storm_of_signals(void **state)
{
    struct bytes text = text_of_len(MIB + 4321), sealed = seal(ENVL_RAW, text);
    struct job job = { .pipe_size = 4096, .in_step = 4000 };
    size_t i;

    (void)state;
    atomic_store(&ticks, 0);
    set_storm(300);
    for (i = 0; i < 8 || atomic_load(&ticks) < 20; i++) {
        job.direction = i % 2 == 0 ? ENVL_ENCRYPT : ENVL_DECRYPT;
        job.input = i % 2 == 0 ? text : sealed;
        job.in = i / 2 % 2 == 0 ? AS_PIPE : AS_CALLER;
        job.out = i / 4 % 2 == 0 ? AS_PIPE : AS_CALLER;
        job.nonblocking = i % 3 == 0;
        assert_passes(&job);
    }
    assert_int_equal(atomic_load(&strays), 0);
    drop(&sealed);
    drop(&text);
}

/* A signal to the process waits for a thread that does not block it. */
static void
threads_take_no_signal(void **state)
{
    static const int numbers[] = { SIGALRM, SIGHUP, SIGTERM, SIGUSR1, SIGPIPE };
    sigset_t all, old, after, pending;
    struct envl_codec *codec;
    struct envl_pump *pump;
    int in[2], out[2];
    size_t i;

    (void)state;
    sigemptyset(&all);
    for (i = 0; i < COUNT(numbers); i++)
        sigaddset(&all, numbers[i]);
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    pump = new_pump(&codec, ENVL_ENCRYPT, in[0], out[1]);
    /* Blocked only now: the threads have not inherited it. */
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &old), 0);
    for (i = 0; i < COUNT(numbers); i++) {
        assert_false(sigismember(&old, numbers[i]));
        assert_int_equal(kill(getpid(), numbers[i]), 0);
    }
    assert_int_equal(sigpending(&pending), 0);
    for (i = 0; i < COUNT(numbers); i++) {
        assert_true(sigismember(&pending, numbers[i]));
        (void)signal(numbers[i], SIG_IGN); /* and so it is dropped */
        (void)signal(numbers[i], SIG_DFL);
    }
    free_both(pump, codec);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, &after), 0);
    for (i = 0; i < COUNT(numbers); i++)
        assert_true(sigismember(&after, numbers[i]));
    for (i = 0; i < 2; i++) {
        close_fd(in[i]);
        close_fd(out[i]);
    }
}

static void
caller_keeps_its_signal_mask(void **state)
{
    sigset_t mine, old, after;
    struct envl_codec *codec;
    struct envl_pump *pump;
    int i;

    (void)state;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR2);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &mine, &old), 0);
    pump = new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    free_both(pump, codec);
    for (i = 1; i <= SIGSYS; i++)
        assert_int_equal(sigismember(&after, i), sigismember(&mine, i));
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, &after), 0);
    for (i = 1; i <= SIGSYS; i++)
        assert_int_equal(sigismember(&after, i), sigismember(&mine, i));
}

/* Giving up */

/* What is in a pipe now. */
static struct bytes
left_in(int fd)
{
    struct bytes got = { 0 };
    unsigned char buf[4096];
    ssize_t n;

    set_nonblocking(fd);
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        put(&got, buf, (size_t)n);
    return got;
}

static bool
is_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    assert_true(flags >= 0);
    return (flags & O_NONBLOCK) != 0;
}

static void
wait_until_full(int fd)
{
    struct pollfd item = { .fd = fd, .events = POLLOUT };
    int i;

    for (i = 0; i < 2000 && poll(&item, 1, 0) != 0; i++)
        nap();
    assert_int_equal(poll(&item, 1, 0), 0);
}

/* Free a pump that has got so much and of whose output nothing is taken. */
static void
give_up(enum end from, enum end to, struct bytes text, bool nonblocking,
        bool blocked)
{
    unsigned threads = thread_count(), fds;
    struct peer peer = { .bytes = text, .stays = true };
    int in = from == AS_PIPE ? peer_feed(&peer) : ENVL_PUMP_CALLER;
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    struct bytes got;
    int out[2];

    assert_int_equal(pipe(out), 0);
    fds = fd_count();
    if (nonblocking && in >= 0)
        set_nonblocking(in);
    if (nonblocking)
        set_nonblocking(out[1]);
    pump = new_pump(&codec, ENVL_ENCRYPT, in,
                    to == AS_PIPE ? out[1] : ENVL_PUMP_CALLER);
    if (from == AS_CALLER)
        assert_true(give(pump, text, 0, &outcome));
    if (blocked && to == AS_PIPE)
        wait_until_full(out[1]);
    envl_pump_free(pump);
    assert_int_equal(fd_count(), fds);
    assert_int_equal(is_nonblocking(out[1]), nonblocking);
    assert_int_equal(in >= 0 && is_nonblocking(in), in >= 0 && nonblocking);
    envl_codec_free(codec);
    close_fd(in);
    if (from == AS_PIPE)
        peer_join(&peer);
    assert_int_equal(thread_count(), threads);
    got = left_in(out[0]);
    assert_incomplete(got);
    drop(&got);
    close_fd(out[0]);
    close_fd(out[1]);
}

static void
giving_up(void **state)
{
    static const size_t lens[] = { 0, 1000, MIB, MIB + 5 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        struct bytes text = text_of_len(lens[i]);
        bool much = lens[i] >= MIB;

        give_up(AS_CALLER, AS_CALLER, text, false, false);
        give_up(AS_CALLER, AS_PIPE, text, i % 2 != 0, much);
        give_up(AS_PIPE, AS_CALLER, text, i % 2 == 0, false);
        give_up(AS_PIPE, AS_PIPE, text, false, much);
        give_up(AS_PIPE, AS_PIPE, text, true, much);
        drop(&text);
    }
}

/* Between any two steps of any thread. */
static void
giving_up_at_any_time(void **state)
{
    struct envl_codec *codec = new_codec(ENVL_ENCRYPT, ENVL_TAR);
    unsigned threads = thread_count(), i, n;
    struct envl_pump *pump;
    struct envl_err err;
    int in[2], out[2];

    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    for (i = 0; i < 60; i++) {
        assert_int_equal(envl_pump_start(&pump, codec, in[0], out[1], &err),
                         ENVELOPE_OK);
        for (n = 0; n < i % 12; n++)
            (void)sched_yield();
        envl_pump_free(pump);
    }
    assert_int_equal(thread_count(), threads);
    envl_codec_free(codec);
    for (i = 0; i < 2; i++) {
        close_fd(in[i]);
        close_fd(out[i]);
    }
}

/* Both ends, neither of which is ready, are waited for, not asked again and
 * again. */
static void
waiting_takes_no_time(void **state)
{
    struct bytes text = text_of_len(MIB + MIB / 2);
    struct peer from = { .bytes = text, .stays = true };
    int in = peer_feed(&from), out[2], i;
    struct envl_codec *codec;
    struct envl_pump *pump;
    clock_t before;

    (void)state;
    assert_int_equal(pipe(out), 0);
    set_nonblocking(in);
    set_nonblocking(out[1]);
    pump = new_pump(&codec, ENVL_ENCRYPT, in, out[1]);
    for (i = 0; i < 1000 && envl_pump_taken(pump) < text.len; i++)
        nap();
    wait_until_full(out[1]);
    before = clock();
    for (i = 0; i < 80; i++)
        nap();
    assert_true(clock() - before < CLOCKS_PER_SEC / 25);
    free_both(pump, codec);
    close_fd(in);
    peer_join(&from);
    close_fd(out[0]);
    close_fd(out[1]);
    drop(&text);
}

/* The codec may go before the pump, and what was pulled last stays. */
static void
stopping(void **state)
{
    struct bytes text = text_of_len(5 * MIB), sealed = seal(ENVL_RAW, text);
    unsigned threads = thread_count();
    const unsigned char *p = NULL;
    struct envl_codec *codec;
    struct envl_pump *pump;
    enum envelope_reason rc;
    struct envl_err err;
    size_t len;
    int in = file_of(sealed), i;

    (void)state;
    pump = new_pump(&codec, ENVL_DECRYPT, in, ENVL_PUMP_CALLER);
    assert_int_equal(envl_pump_pull(pump, &p, &len, &err), ENVELOPE_OK);
    assert_in_range(len, 1, text.len);
    for (i = 0; i < 2; i++) {
        envl_pump_stop(pump);
        assert_int_equal(thread_count(), threads);
        assert_memory_equal(p, text.p, len);
    }
    assert_int_equal(envl_pump_finish(pump, &err), ENVELOPE_R_NO_STREAM);
    envl_codec_free(codec);
    assert_memory_equal(p, text.p, len);
    /* What was done before may still be taken, and then there is no more. */
    while ((rc = envl_pump_pull(pump, &p, &len, &err)) == ENVELOPE_OK)
        assert_true(len > 0);
    assert_int_equal(rc, ENVELOPE_R_NO_STREAM);
    envl_pump_free(pump);
    close_fd(in);
    drop(&sealed);
    drop(&text);
}

static void
nothing_to_free(void **state)
{
    (void)state;
    envl_pump_stop(NULL);
    envl_pump_free(NULL);
    assert_false(envl_pump_is_foreign(NULL));
}

/* Forks */

/* Which check failed in the child, where cmocka cannot tell; 0: none. */
static int
check_foreign(struct envl_pump *pump)
{
    const unsigned char *p = NULL;
    struct envl_err err;
    size_t len = 1;

    (void)alarm(20); /* a child that waits for its parent's threads hangs */
    if (!envl_pump_is_foreign(pump))
        return 1;
    if (envl_pump_push(pump, "x", 1, &err) != ENVELOPE_R_IN_USE
        || strstr(err.detail, "fork") == NULL)
        return 2;
    if (envl_pump_pull(pump, &p, &len, &err) != ENVELOPE_R_IN_USE || len != 0
        || strstr(err.detail, "fork") == NULL)
        return 3;
    if (envl_pump_finish(pump, &err) != ENVELOPE_R_IN_USE
        || strstr(err.detail, "fork") == NULL)
        return 4;
    envl_pump_stop(pump);
    envl_pump_free(pump);
    if (!envl_pump_is_foreign(pump)) /* nor has it been freed */
        return 5;
    return 0;
}

static void
child_of_a_fork(void **state)
{
    struct bytes text = text_of_len(3 * MIB + 11), half = text, rest = text,
                 got;
    struct peer to = { 0 };
    int out = peer_drain(&to), status;
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, out);
    pid_t pid;

    (void)state;
    half.len = MIB + 5;
    rest.p += half.len;
    rest.len -= half.len;
    assert_true(give(pump, half, 0, &outcome));
    assert_false(envl_pump_is_foreign(pump));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check_foreign(pump));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    /* The parent's goes on. */
    assert_false(envl_pump_is_foreign(pump));
    assert_true(give(pump, rest, 0, &outcome));
    finish(pump, &outcome);
    assert_int_equal(outcome.reason, ENVELOPE_OK);
    free_both(pump, codec);
    close_fd(out);
    peer_join(&to);
    got = unseal(to.bytes);
    assert_bytes(got, text);
    drop(&got);
    drop(&to.bytes);
    drop(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(storm_of_signals, pump_before,
                                        after_storm),
        pump_test(threads_take_no_signal),
        pump_test(caller_keeps_its_signal_mask),
        pump_test(giving_up),
        pump_test(giving_up_at_any_time),
        pump_test(waiting_takes_no_time),
        pump_test(stopping),
        pump_test(nothing_to_free),
        pump_test(child_of_a_fork),
    };

    return cmocka_run_group_tests_name("pump_process", tests, pump_setup, NULL);
}
