/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pumps that fail: what came before is delivered, then the first failure is
 * told, at once and for ever; an output that is not whole does not look so.
 */
#include "filter/stream/pump.h"

#include "test/filter/stream/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a failure says of itself. */
static void
assert_failed(const struct outcome *outcome, enum envelope_reason reason,
              int error)
{
    assert_int_equal(outcome->reason, reason);
    if (error == 0)
        return;
    assert_int_equal(outcome->error, error);
    assert_string_equal(outcome->detail, strerror(error));
}

/* Ask for it in every way, and again. */
static void
assert_for_ever(struct envl_pump *pump, struct outcome *first, int in, int out)
{
    struct outcome again = { 0 };
    struct bytes one = { (unsigned char[]){ 'x' }, 1 };
    int i;

    for (i = 0; i < 3; i++) {
        errno = 0;
        if (out == ENVL_PUMP_CALLER) {
            take(pump, &again);
            assert_int_equal(again.got.len, 0);
            assert_same(&again, first);
        }
        errno = 0;
        if (in == ENVL_PUMP_CALLER) {
            assert_false(give(pump, one, 0, &again));
            assert_same(&again, first);
        }
        errno = 0;
        finish(pump, &again);
        assert_same(&again, first);
    }
    drop(&again.got);
}

/* Writing */

/* Push, as long as that goes, more than the buffers hold; then finish. */
static void
cannot_write(int out, int error)
{
    struct bytes text = text_of_len(MIB);
    struct outcome given = { 0 }, end = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, out);
    int i;

    for (i = 0; i < 9 && give(pump, text, 0, &given); i++)
        ;
    assert_true(i < 9);
    assert_failed(&given, ENVELOPE_R_WRITE, error);
    finish(pump, &end);
    assert_same(&end, &given);
    assert_for_ever(pump, &end, ENVL_PUMP_CALLER, out);
    free_both(pump, codec);
    drop(&text);
}

/* It is told without waiting for more input, of which there is none. */
static void
cannot_write_while_idle(enum envl_direction direction, size_t text_len, int out,
                        int error)
{
    struct bytes text = text_of_len(text_len), sealed = seal(ENVL_TAR, text);
    struct peer from = { .bytes = direction == ENVL_ENCRYPT ? text : sealed,
                         .stays = true };
    int in = peer_feed(&from);
    struct outcome end = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump = new_pump(&codec, direction, in, out);

    finish(pump, &end);
    assert_failed(&end, ENVELOPE_R_WRITE, error);
    assert_for_ever(pump, &end, in, out);
    free_both(pump, codec);
    close_fd(in);
    peer_join(&from);
    drop(&sealed);
    drop(&text);
}

/* A short input is read to its end before or while writing fails. */
static void
cannot_write_short_text(int out, int error)
{
    struct bytes text = text_of_len(1000);
    struct outcome end = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    int i, in;

    for (i = 0; i < 8; i++) {
        in = file_of(text);
        pump = new_pump(&codec, ENVL_ENCRYPT, in, out);
        finish(pump, &end);
        assert_failed(&end, ENVELOPE_R_WRITE, error);
        free_both(pump, codec);
        close_fd(in);
    }
    drop(&text);
}

static void
assert_no_signal(int number)
{
    sigset_t pending;

    assert_int_equal(sigpending(&pending), 0);
    assert_false(sigismember(&pending, number));
}

/* By default SIGPIPE would be the end of this program. */
static void
closed_pipe(void **state)
{
    int fds[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_DFL);
    assert_int_equal(pipe(fds), 0);
    close_fd(fds[0]);
    cannot_write(fds[1], EPIPE);
    cannot_write_while_idle(ENVL_ENCRYPT, 0, fds[1], EPIPE);
    cannot_write_while_idle(ENVL_DECRYPT, 2 * MIB, fds[1], EPIPE);
    set_nonblocking(fds[1]);
    cannot_write(fds[1], EPIPE);
    close_fd(fds[1]);
    assert_no_signal(SIGPIPE);
}

struct leaver {
    int fd;
    size_t len; /* bytes that it reads before it leaves */
};

static void *
leave(void *arg)
{
    const struct leaver *leaver = arg;
    unsigned char buf[4096];
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < leaver->len) {
        n = read(leaver->fd, buf, sizeof(buf));
        len += n > 0 ? (size_t)n : 0;
    }
    (void)close(leaver->fd); /* what is left is lost */
    return NULL;
}

/* While the writer waits for room, in write() or in poll(). */
static void
pipe_that_is_closed_later(void **state)
{
    struct leaver leaver = { .len = 300000 };
    pthread_t thread;
    int i, fds[2];

    (void)state;
    for (i = 0; i < 4; i++) {
        assert_int_equal(pipe(fds), 0);
        leaver.fd = fds[0];
        if (i % 2 != 0)
            set_nonblocking(fds[1]);
        start_quietly(&thread, leave, &leaver);
        if (i < 2)
            cannot_write(fds[1], EPIPE);
        else
            cannot_write_while_idle(ENVL_DECRYPT, 2 * MIB, fds[1], EPIPE);
        assert_int_equal(pthread_join(thread, NULL), 0);
        close_fd(fds[1]);
    }
    assert_no_signal(SIGPIPE);
}

static void
full_disk(void **state)
{
    int out = open("/dev/full", O_WRONLY);

    (void)state;
    if (out < 0)
        skip();
    cannot_write(out, ENOSPC);
    cannot_write_while_idle(ENVL_ENCRYPT, 0, out, ENOSPC);
    cannot_write_while_idle(ENVL_ENCRYPT, 2 * MIB, out, ENOSPC);
    cannot_write_while_idle(ENVL_DECRYPT, 2 * MIB, out, ENOSPC);
    cannot_write_short_text(out, ENOSPC);
    close_fd(out);
}

static void
descriptor_that_cannot_be_written(void **state)
{
    int out = open("/dev/null", O_RDONLY);

    (void)state;
    assert_true(out >= 0);
    cannot_write(out, EBADF);
    cannot_write_while_idle(ENVL_DECRYPT, CHUNK, out, EBADF);
    close_fd(out);
}

/* Reading */

/* Either way, to either kind of end. */
static void
cannot_read(int in, int error)
{
    size_t i;

    for (i = 0; i < 4; i++) {
        struct bytes none = { 0 };
        int out = i % 2 == 0 ? file_of(none) : ENVL_PUMP_CALLER;
        struct outcome end = { 0 };
        struct envl_codec *codec;
        struct envl_pump *pump =
            new_pump(&codec, i < 2 ? ENVL_ENCRYPT : ENVL_DECRYPT, in, out);

        if (out == ENVL_PUMP_CALLER)
            take(pump, &end);
        else
            finish(pump, &end);
        assert_failed(&end, ENVELOPE_R_READ, error);
        assert_for_ever(pump, &end, in, out);
        free_both(pump, codec);
        if (out != ENVL_PUMP_CALLER)
            end.got = file_bytes(out);
        assert_incomplete(end.got);
        close_fd(out);
        drop(&end.got);
    }
}

static void
directory(void **state)
{
    int in = open("/", O_RDONLY | O_DIRECTORY);

    (void)state;
    assert_true(in >= 0);
    cannot_read(in, EISDIR);
    close_fd(in);
}

static void
descriptor_that_cannot_be_read(void **state)
{
    int in = open("/dev/null", O_WRONLY);

    (void)state;
    assert_true(in >= 0);
    cannot_read(in, EBADF);
    close_fd(in);
}

/* A socket from which these bytes can be read; and, on Linux, ECONNRESET once
 * its peer is closed, for that has not read everything. */
static void
make_socket(int fds[2], struct bytes bytes)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[0], "unread", 6), 6);
    assert_int_equal(write(fds[1], bytes.p, bytes.len), bytes.len);
}

static int
broken_socket(struct bytes bytes)
{
    int fds[2];

    make_socket(fds, bytes);
    close_fd(fds[1]);
    return fds[0];
}

/* Chunks that were read before reading failed are text as good as any. */
static void
connection_that_breaks(void **state)
{
    struct bytes text = text_of_len(4 * CHUNK), sealed = seal(ENVL_RAW, text);
    struct bytes sent = { sealed.p, sealed.len - CHUNK };
    struct outcome taken = { 0 }, expected;
    struct envl_codec *codec;
    struct envl_pump *pump;
    int in = broken_socket(sent);

    (void)state;
    expected = direct(ENVL_DECRYPT, ENVL_RAW, sent);
    assert_int_equal(expected.got.len, 3 * CHUNK);
    pump = new_pump(&codec, ENVL_DECRYPT, in, ENVL_PUMP_CALLER);
    take(pump, &taken);
    assert_failed(&taken, ENVELOPE_R_READ, ECONNRESET);
    assert_for_ever(pump, &taken, in, ENVL_PUMP_CALLER);
    free_both(pump, codec);
    assert_bytes(taken.got, expected.got);
    close_fd(in);
    drop(&taken.got);
    drop(&expected.got);
    drop(&sealed);
    drop(&text);
}

/* It must not pass for the end of the text. */
static void
connection_that_breaks_is_no_end(void **state)
{
    struct bytes text = text_of_len(4 * CHUNK);
    int in = broken_socket(text);
    struct outcome taken = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, in, ENVL_PUMP_CALLER);

    (void)state;
    take(pump, &taken);
    assert_failed(&taken, ENVELOPE_R_READ, ECONNRESET);
    free_both(pump, codec);
    assert_incomplete(taken.got);
    close_fd(in);
    drop(&taken.got);
    drop(&text);
}

/* The codec */

/* Of all pairs of ends, those from this number on; of an input that does not
 * end, there are three. */
#define PAIRS (ENDS * ENDS)
struct pairs {
    unsigned first, count;
};
static const struct pairs all_pairs = { 0, PAIRS };

/* An input that is not good: the failure, and the text before it. */
static void
refuse(struct bytes sealed, enum envelope_reason reason, struct bytes text,
       struct pairs pairs, bool idle)
{
    struct job job = { .direction = ENVL_DECRYPT,
                       .input = sealed,
                       .idle = idle };
    struct outcome outcome;
    unsigned i, pair;

    for (i = 0; i < pairs.count; i++) {
        pair = (pairs.first + i) % PAIRS;
        job.in = idle ? AS_PIPE : (enum end)(pair % ENDS);
        job.out = (enum end)(idle ? pair % ENDS : pair / ENDS);
        job.nonblocking = pair % 2 != 0;
        outcome = run(&job);
        assert_int_equal(outcome.reason, reason);
        assert_bytes(outcome.got, text);
        drop(&outcome.got);
    }
}

/* With a bit of this chunk altered; to be sure that nothing was appended to a
 * whole stream instead takes a while each time. */
static void
refuse_damaged(size_t chunk, struct bytes sealed, struct bytes text,
               struct pairs pairs, bool idle)
{
    bool last = chunk == text.len / CHUNK;
    size_t len = text.len;

    flip(sealed, len, chunk);
    text.len = chunk * CHUNK;
    refuse(sealed, last ? ENVELOPE_R_LAST_CHUNK : ENVELOPE_R_CHUNK, text, pairs,
           idle);
    flip(sealed, len, chunk);
}

static void
text_before_damage(void **state)
{
    static const size_t chunks[] = { 0, 1, 62, 64, 69, 70 };
    struct bytes text = text_of_len(70 * CHUNK + 50);
    struct bytes sealed = seal(ENVL_RAW, text);
    unsigned i;

    (void)state;
    for (i = 0; i < COUNT(chunks); i++)
        refuse_damaged(chunks[i], sealed, text, (struct pairs){ 2 * i, 2 },
                       false);
    drop(&sealed);
    drop(&text);
}

/* Once damage is known, nothing is waited for. */
static void
damage_while_input_idles(void **state)
{
    static const size_t chunks[] = { 0, 1, 68 };
    struct bytes text = text_of_len(70 * CHUNK + 50);
    struct bytes sealed = seal(ENVL_RAW, text);
    unsigned i;

    (void)state;
    for (i = 0; i < COUNT(chunks); i++)
        refuse_damaged(chunks[i], sealed, text, (struct pairs){ i, 1 }, true);
    drop(&sealed);
    drop(&text);
}

static struct bytes
begin_of(struct bytes bytes, size_t len)
{
    return (struct bytes){ bytes.p, len };
}

static void
input_that_is_cut(void **state)
{
    struct bytes text = text_of_len(70 * CHUNK + 50);
    struct bytes sealed = seal(ENVL_RAW, text);
    const size_t head = sealed.len - chunks_len(text.len);
    const struct {
        size_t len;
        enum envelope_reason reason;
        size_t chunks;
    } cuts[] = {
        { 0, ENVELOPE_R_HEADER_TRUNCATED, 0 },
        { head - 100, ENVELOPE_R_HEADER_TRUNCATED, 0 },
        { head, ENVELOPE_R_TRUNCATED, 0 },
        { head + 66 * ENVELOPE_SEALED_CHUNK_LENGTH, ENVELOPE_R_TRUNCATED, 66 },
        { sealed.len - 1, ENVELOPE_R_LAST_CHUNK, 70 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cuts); i++)
        refuse(begin_of(sealed, cuts[i].len), cuts[i].reason,
               begin_of(text, cuts[i].chunks * CHUNK), all_pairs, false);
    drop(&sealed);
    drop(&text);
}

/* None of these needs to be read to the end, which does not come. */
static void
input_that_is_no_envelope(void **state)
{
    const struct pairs outs = { 0, ENDS };
    struct bytes text = text_of_len(3 * MIB), sealed = seal(ENVL_TAR, text);
    struct outcome expected;
    size_t at = sealed.len / 1024 * 512;

    (void)state;
    refuse(text, ENVELOPE_R_NOT_ENVELOPE, begin_of(text, 0), all_pairs, false);
    refuse(text, ENVELOPE_R_NOT_ENVELOPE, begin_of(text, 0), outs, true);
    /* A block that heads a member, somewhere in the middle. */
    while (memcmp(sealed.p + at, "envelope/payload.", 17) != 0)
        at += 512;
    sealed.p[at] ^= 1;
    expected = direct(ENVL_DECRYPT, ENVL_RAW, sealed);
    assert_in_range(expected.got.len, MIB, text.len - MIB);
    assert_begin(expected.got, text);
    refuse(sealed, ENVELOPE_R_CARRIER, expected.got, outs, true);
    drop(&expected.got);
    drop(&sealed);
    drop(&text);
}

static void
failure_of_the_codec_is_for_ever(void **state)
{
    struct bytes text = text_of_len(MIB), sealed = seal(ENVL_RAW, text);
    struct outcome given = { 0 }, end = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    int i;

    (void)state;
    flip(sealed, text.len, 0);
    pump = new_pump(&codec, ENVL_DECRYPT, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);
    for (i = 0; i < 9 && give(pump, sealed, 0, &given); i++)
        ;
    assert_true(i < 9);
    assert_failed(&given, ENVELOPE_R_CHUNK, 0);
    take(pump, &end);
    assert_int_equal(end.got.len, 0);
    assert_int_equal(end.reason, ENVELOPE_R_CHUNK);
    assert_non_null(strstr(end.detail, "chunk 0"));
    assert_for_ever(pump, &end, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);
    free_both(pump, codec);
    drop(&end.got);
    drop(&sealed);
    drop(&text);
}

/* Reading fails, too, but later. */
static void
first_failure_is_kept(void **state)
{
    struct bytes text = text_of_len(4 * CHUNK), sealed = seal(ENVL_RAW, text);
    struct outcome taken = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    int in[2], i;

    (void)state;
    flip(sealed, text.len, 0);
    make_socket(in, sealed);
    pump = new_pump(&codec, ENVL_DECRYPT, in[0], ENVL_PUMP_CALLER);
    take(pump, &taken);
    assert_int_equal(taken.reason, ENVELOPE_R_CHUNK);
    close_fd(in[1]);
    for (i = 0; i < 5; i++)
        nap();
    assert_for_ever(pump, &taken, in[0], ENVL_PUMP_CALLER);
    free_both(pump, codec);
    close_fd(in[0]);
    drop(&taken.got);
    drop(&sealed);
    drop(&text);
}

/* The text before the damage waits for whoever reads slowly. */
static void
slow_reader_gets_all_before_damage(void **state)
{
    struct bytes text = text_of_len(200 * CHUNK);
    struct bytes sealed = seal(ENVL_RAW, text);
    struct job job = { .direction = ENVL_DECRYPT,
                       .input = sealed,
                       .in = AS_PIPE,
                       .out = AS_PIPE,
                       .out_step = 60000,
                       .out_naps = 10,
                       .pipe_size = 65536 };
    struct outcome outcome;

    (void)state;
    flip(sealed, text.len, 180);
    outcome = run(&job);
    assert_int_equal(outcome.reason, ENVELOPE_R_CHUNK);
    assert_bytes(outcome.got, begin_of(text, 180 * CHUNK));
    drop(&outcome.got);
    drop(&sealed);
    drop(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        pump_test(closed_pipe),
        pump_test(pipe_that_is_closed_later),
        pump_test(full_disk),
        pump_test(descriptor_that_cannot_be_written),
        pump_test(directory),
        pump_test(descriptor_that_cannot_be_read),
        pump_test(connection_that_breaks),
        pump_test(connection_that_breaks_is_no_end),
        pump_test(text_before_damage),
        pump_test(damage_while_input_idles),
        pump_test(input_that_is_cut),
        pump_test(input_that_is_no_envelope),
        pump_test(failure_of_the_codec_is_for_ever),
        pump_test(first_failure_is_kept),
        pump_test(slow_reader_gets_all_before_damage),
        alone_test(closed_pipe),
        alone_test(pipe_that_is_closed_later),
        alone_test(full_disk),
        alone_test(descriptor_that_cannot_be_written),
        alone_test(directory),
        alone_test(descriptor_that_cannot_be_read),
        alone_test(connection_that_breaks),
        alone_test(connection_that_breaks_is_no_end),
        alone_test(text_before_damage),
        alone_test(damage_while_input_idles),
        alone_test(input_that_is_cut),
        alone_test(input_that_is_no_envelope),
        alone_test(failure_of_the_codec_is_for_ever),
        alone_test(first_failure_is_kept),
        alone_test(slow_reader_gets_all_before_damage),
    };

    return cmocka_run_group_tests_name("pump_fails", tests, pump_setup, NULL);
}
