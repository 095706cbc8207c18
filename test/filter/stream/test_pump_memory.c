/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pumps and memory: any allocation of a start can fail, there are as many
 * buffers as the header says, and no text is left in what is given back.
 */
#define _GNU_SOURCE /* memmem, pthread_setattr_default_np */
#include "filter/stream/pump.h"

#include "test/filter/stream/pump.h"
#include "test/support/memory.h"
#include "test/support/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* What any stretch of the text holds. */
#define MARK "none of this may stay in memory."
#define MARK_LEN (sizeof(MARK) - 1)

#define START_BLOCKS (5 + SLOTS) /* the pump and its four lists, buffers */

static bool
is_pumps(const char *file)
{
    const char *name = file != NULL ? strrchr(file, '/') : NULL;

    return name != NULL
           && (strcmp(name, "/pump.c") == 0 || strcmp(name, "/ring.c") == 0
               || strcmp(name, "/slot.c") == 0);
}

/* Starts that fail */

static void
assert_no_pump(struct envl_pump *pump, enum envelope_reason rc,
               const struct envl_err *err)
{
    assert_int_equal(rc, ENVELOPE_R_MEMORY);
    assert_int_equal(err->reason, ENVELOPE_R_MEMORY);
    assert_null(pump);
    assert_int_equal(memory.ours, 0);
}

/* Also those for the threads, some of which then run already. */
static void
starting_without_memory(void **state)
{
    struct envl_pump *pump = NULL;
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    unsigned n, threads = thread_count();
    struct envl_codec *codec;
    struct envl_err err;
    int in[2], out[2];

    (void)state;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    for (n = 1; rc != ENVELOPE_OK; n++) {
        codec = new_codec(ENVL_ENCRYPT, ENVL_RAW);
        pump = (struct envl_pump *)&err;
        memory_fail(n);
        rc = envl_pump_start(&pump, codec, in[0], out[1], &err);
        memory_fail(0);
        if (rc != ENVELOPE_OK) {
            assert_no_pump(pump, rc, &err);
            assert_int_equal(thread_count(), threads);
        }
        free_both(pump, codec);
    }
    assert_int_equal(n - 2, START_BLOCKS); /* that failed before */
    for (n = 0; n < 2; n++) {
        close_fd(in[n]);
        close_fd(out[n]);
    }
}

/* Whose threads are not there, and may have held the lock. */
static void
child_of_a_fork_frees_nothing(void **state)
{
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);
    long live;
    int status;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        live = memory.ours;
        (void)alarm(20); /* lest it waits for the parent's threads */
        envl_pump_stop(pump);
        envl_pump_free(pump);
        _exit(live == START_BLOCKS && memory.ours == live ? 0 : 1);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free_both(pump, codec);
}

/* Buffers */

static void
so_many_buffers(void **state)
{
    struct bytes text = text_of_len(12 * MIB);
    int in = file_of(text), null = open("/dev/null", O_WRONLY);
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    size_t size;

    (void)state;
    pump = new_pump(&codec, ENVL_ENCRYPT, in, null);
    size = envl_codec_slot_size(codec);
    assert_in_range(memory.ours_len, SLOTS * size, SLOTS * size + size - 1);
    finish(pump, &outcome);
    assert_int_equal(outcome.reason, ENVELOPE_OK);
    assert_int_equal(memory.ours, START_BLOCKS);
    envl_pump_free(pump);
    assert_int_equal(memory.ours, 0);
    envl_codec_free(codec);
    close_fd(in);
    close_fd(null);
    drop(&text);
}

/* Wiping */

static struct bytes
marked_text(size_t len)
{
    struct bytes text = { malloc(len), len };
    size_t i;

    assert_non_null(text.p);
    for (i = 0; i < len; i++)
        text.p[i] = (unsigned char)MARK[i % MARK_LEN];
    return text;
}

static void
assert_wiped(void)
{
    assert_int_equal(memory.ours, 0);
    assert_int_equal(atomic_load(&memory.unwiped), 0);
}

/* Of text that goes in, and of text that comes out. */
static void
text_that_was_pumped(void **state)
{
    struct bytes text = marked_text(6 * MIB), sealed = seal(ENVL_RAW, text);
    struct job job = { .out = AS_FILE };
    struct outcome outcome;
    unsigned i;

    (void)state;
    atomic_store(&memory.unwiped, 0);
    for (i = 0; i < 4; i++) {
        job.direction = i % 2 == 0 ? ENVL_ENCRYPT : ENVL_DECRYPT;
        job.input = i % 2 == 0 ? text : sealed;
        job.in = i / 2 == 0 ? AS_CALLER : AS_PIPE;
        outcome = run(&job);
        assert_int_equal(outcome.reason, ENVELOPE_OK);
        drop(&outcome.got);
        assert_wiped();
    }
    drop(&sealed);
    drop(&text);
}

/* Nobody pulls any more: it stays where it is, or is just being read. */
static void
text_that_is_under_way(void **state)
{
    struct bytes text = marked_text(3 * MIB), sealed = seal(ENVL_RAW, text);
    const unsigned char *p = NULL;
    struct envl_codec *codec;
    struct envl_pump *pump;
    struct envl_err err;
    size_t len;
    int in, i;

    (void)state;
    atomic_store(&memory.unwiped, 0);
    for (i = 0; i < 12; i++) {
        in = file_of(i % 4 != 0 ? text : sealed);
        pump = new_pump(&codec, i % 4 != 0 ? ENVL_ENCRYPT : ENVL_DECRYPT, in,
                        ENVL_PUMP_CALLER);
        assert_int_equal(envl_pump_pull(pump, &p, &len, &err), ENVELOPE_OK);
        if (i % 4 == 0)
            assert_non_null(memmem(p, len, MARK, MARK_LEN));
        free_both(pump, codec);
        close_fd(in);
        assert_wiped();
    }
    drop(&sealed);
    drop(&text);
}

/* Given up before there was a whole buffer of it. */
static void
text_that_was_pushed(void **state)
{
    struct bytes text = marked_text(100000);
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);

    (void)state;
    atomic_store(&memory.unwiped, 0);
    assert_true(give(pump, text, 0, &outcome));
    free_both(pump, codec);
    assert_wiped();
    drop(&text);
}

/* Read, and then reading failed. */
static void
text_before_a_failed_read(void **state)
{
    struct bytes text = marked_text(50000);
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    int fds[2];

    (void)state;
    atomic_store(&memory.unwiped, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[0], "unread", 6), 6);
    assert_int_equal(write(fds[1], text.p, text.len), text.len);
    close_fd(fds[1]); /* with something unread: the connection is broken */
    pump = new_pump(&codec, ENVL_ENCRYPT, fds[0], ENVL_PUMP_CALLER);
    take(pump, &outcome);
    assert_int_equal(outcome.reason, ENVELOPE_R_READ);
    free_both(pump, codec);
    assert_wiped();
    close_fd(fds[0]);
    drop(&outcome.got);
    drop(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        pump_test(starting_without_memory),
        alone_test(starting_without_memory),
        pump_test(child_of_a_fork_frees_nothing),
        pump_test(so_many_buffers),
        pump_test(text_that_was_pumped),
        pump_test(text_that_is_under_way),
        pump_test(text_that_was_pushed),
        pump_test(text_before_a_failed_read),
    };

    memory_install(MARK);
    memory.is_ours = is_pumps;
    return cmocka_run_group_tests_name("pump_memory", tests, pump_setup, NULL);
}
