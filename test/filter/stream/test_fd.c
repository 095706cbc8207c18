/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing to descriptors that nobody reads, until somebody says stop; and to
 * those that somebody does read.
 */
#define _GNU_SOURCE /* posix_openpt() and its like */
#include "test/filter/stream/peer.h"
#include "test/support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "filter/stream/fd.h"

/* The kinds of descriptor; STEPS: a pipe that cannot be opened again. */
enum kind { PIPE, STEPS, SOCKET, TERMINAL, KIND_COUNT };

/* Each end once: [0] is read, [1] written. */
static void
open_ends(enum kind kind, int fds[2])
{
    struct termios raw;

    if (kind == SOCKET) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    } else if (kind == TERMINAL) {
        fds[0] = posix_openpt(O_RDWR | O_NOCTTY);
        assert_true(fds[0] >= 0 && grantpt(fds[0]) == 0
                    && unlockpt(fds[0]) == 0);
        fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY);
        assert_true(fds[1] >= 0 && tcgetattr(fds[1], &raw) == 0);
        cfmakeraw(&raw);
        assert_int_equal(tcsetattr(fds[1], TCSANOW, &raw), 0);
    } else {
        assert_int_equal(pipe(fds), 0);
    }
}

static void
begin(struct envl_fd_out *out, enum kind kind, int fd,
      const struct envl_stop *stop)
{
    envl_fd_out_init(out, fd, stop);
    assert_int_equal(out->is_socket, kind == SOCKET);
    if (kind != SOCKET)
        assert_true(out->again >= 0 && out->most == 0);
    if (kind == STEPS) {
        close_fd(out->again);
        out->again = -1;
        out->most = PIPE_BUF;
    }
}

struct writer {
    struct envl_fd_out out;
    struct bytes text;
    enum envelope_reason rc;
    struct envl_err err;
    int error;
};

static void *
write_all(void *arg)
{
    struct writer *w = arg;
    struct iovec parts[2] = { { w->text.p, w->text.len / 3 },
                              { w->text.p + w->text.len / 3,
                                w->text.len - w->text.len / 3 } };

    w->rc = envl_fd_out_write_quietly(&w->out, parts, 2, &w->err);
    w->error = errno;
    return NULL;
}

static size_t
read_what_is_there(int fd, unsigned char *to, size_t size)
{
    size_t len = 0;
    ssize_t n;

    set_nonblocking(fd);
    while (len < size && (n = read(fd, to + len, size - len)) > 0)
        len += (size_t)n;
    return len;
}

/* It is stopped while it waits, or before it begins. */
static void
stop_one(enum kind kind, bool before)
{
    struct writer w = { .text = text_of_len(4 * MIB) };
    unsigned char *got = malloc(w.text.len);
    struct envl_stop stop;
    pthread_t thread;
    size_t len;
    int fds[2], flags;

    assert_non_null(got);
    open_ends(kind, fds);
    flags = fcntl(fds[1], F_GETFL);
    assert_true(envl_stop_init(&stop));
    begin(&w.out, kind, fds[1], &stop);
    if (before)
        envl_stop_now(&stop);
    start_quietly(&thread, write_all, &w);
    nap();
    if (!before)
        envl_stop_now(&stop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(w.rc, ENVELOPE_R_NO_STREAM);
    assert_int_equal(w.error, ECANCELED);
    assert_int_equal(fcntl(fds[1], F_GETFL), flags);
    len = read_what_is_there(fds[0], got, w.text.len);
    assert_in_range(len, 0, w.text.len - 1);
    assert_memory_equal(got, w.text.p, len);
    envl_fd_out_clear(&w.out);
    envl_stop_clear(&stop);
    close_fd(fds[0]);
    close_fd(fds[1]);
    free(got);
    drop(&w.text);
}

static void
writing_is_stopped(void **state)
{
    unsigned fds = fd_count();
    int kind;

    (void)state;
    for (kind = 0; kind < KIND_COUNT; kind++) {
        stop_one((enum kind)kind, false);
        stop_one((enum kind)kind, true);
    }
    assert_int_equal(fd_count(), fds);
}

/* All of it arrives, in its order, though it never fits. */
static void
writing_comes_through(void **state)
{
    struct bytes text = text_of_len(MIB + 7);
    unsigned char *got = malloc(text.len);
    struct envl_stop stop;
    pthread_t thread;
    size_t len;
    ssize_t n;
    int kind, fds[2];

    (void)state;
    assert_non_null(got);
    for (kind = 0; kind < KIND_COUNT; kind++) {
        struct writer w = { .text = text };

        open_ends((enum kind)kind, fds);
        assert_true(envl_stop_init(&stop));
        begin(&w.out, (enum kind)kind, fds[1], &stop);
        start_quietly(&thread, write_all, &w);
        for (len = 0; len < text.len; len += (size_t)n) {
            n = read(fds[0], got + len, text.len - len);
            assert_true(n > 0);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(w.rc, ENVELOPE_OK);
        assert_memory_equal(got, text.p, text.len);
        envl_fd_out_clear(&w.out);
        /* Nobody else has it open: its reader sees the end. */
        close_fd(fds[1]);
        assert_true(read(fds[0], got, 1) <= 0);
        envl_stop_clear(&stop);
        close_fd(fds[0]);
    }
    free(got);
    drop(&text);
}

static void *
read_one(void *arg)
{
    struct writer *w = arg;
    unsigned char byte;
    size_t len;

    w->rc = envl_fd_read(w->out.fd, w->out.stop, &byte, 1, &len, &w->err);
    return NULL;
}

static void
reading_is_stopped(void **state)
{
    struct envl_stop stop;
    pthread_t thread;
    int kind, fds[2];

    (void)state;
    for (kind = 0; kind < KIND_COUNT; kind++) {
        struct writer w = { .out = { .stop = &stop } };

        open_ends((enum kind)kind, fds);
        w.out.fd = fds[0];
        assert_true(envl_stop_init(&stop));
        start_quietly(&thread, read_one, &w);
        nap();
        envl_stop_now(&stop);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(w.rc, ENVELOPE_R_NO_STREAM);
        envl_stop_clear(&stop);
        close_fd(fds[0]);
        close_fd(fds[1]);
    }
}

/* One after the other, whatever went wrong before; none after a stop. */
static void
records_are_read(void **state)
{
    unsigned char buf[8];
    struct envl_stop stop;
    struct envl_err err;
    int fds[2], i;
    size_t len;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    assert_true(envl_stop_init(&stop));
    for (i = 1; i <= 3; i++)
        assert_int_equal(write(fds[1], "record", (size_t)i), i);
    for (i = 1; i <= 2; i++) {
        errno = EINTR;
        assert_int_equal(
            envl_fd_read_record(fds[0], &stop, buf, sizeof(buf), &len, &err),
            ENVELOPE_OK);
        assert_int_equal(len, i);
    }
    envl_stop_now(&stop);
    assert_int_equal(
        envl_fd_read_record(fds[0], &stop, buf, sizeof(buf), &len, &err),
        ENVELOPE_R_NO_STREAM);
    assert_int_equal(len, 0);
    envl_stop_clear(&stop);
    close_fd(fds[0]);
    close_fd(fds[1]);
}

/* What is ready is not waited for, with and without a stop. */
static void
what_is_ready(void **state)
{
    struct envl_stop stop;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_true(envl_stop_init(&stop));
    assert_true(envl_stop_wait(&stop, fds[1], POLLOUT));
    assert_true(envl_stop_wait(NULL, fds[1], POLLOUT));
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_true(envl_stop_wait(&stop, fds[0], POLLIN));
    envl_stop_now(&stop);
    envl_stop_now(&stop);
    assert_false(envl_stop_wait(&stop, fds[0], POLLIN));
    assert_int_equal(errno, ECANCELED);
    assert_true(envl_stop_wait(NULL, fds[0], POLLIN));
    close_fd(fds[1]);
    assert_true(envl_stop_wait(NULL, fds[0], POLLIN)); /* the end */
    envl_stop_clear(&stop);
    close_fd(fds[0]);
}

/* A descriptor that is read only gives none that can be written to. */
static void
no_more_than_it_was_given(void **state)
{
    int fds[2], again;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(envl_open_again(fds[0]), -1);
    assert_int_equal(envl_open_again(-1), -1);
    again = envl_open_again(fds[1]);
    assert_true(again >= 0);
    assert_true((fcntl(again, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(again, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(fds[1], F_GETFL) & O_NONBLOCK) == 0);
    close_fd(again);
    close_fd(fds[0]);
    close_fd(fds[1]);
}

/* Files and disks end by themselves; all else may take for ever. */
static void
what_may_block(void **state)
{
    struct bytes text = text_of_len(5);
    int fds[2], file = file_of(text);

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_false(envl_fd_blocks(file));
    assert_true(envl_fd_blocks(fds[0]));
    assert_true(envl_fd_blocks(fds[1]));
    close_fd(file);
    close_fd(fds[0]);
    close_fd(fds[1]);
    drop(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_is_stopped),
        cmocka_unit_test(writing_comes_through),
        cmocka_unit_test(reading_is_stopped),
        cmocka_unit_test(records_are_read),
        cmocka_unit_test(what_is_ready),
        cmocka_unit_test(no_more_than_it_was_given),
        cmocka_unit_test(what_may_block),
    };

    (void)alarm(120); /* none may hang for ever */
    return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
