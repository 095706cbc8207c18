/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pumps that go well: every byte once and in order, whatever the ends, the
 * lengths and the pace.
 */
#define _GNU_SOURCE /* ptsname_r() */
#include "filter/stream/pump.h"

#include "test/filter/stream/pump.h"
#include "test/tools/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/stream/decoder.h"

/* Ends, lengths, paces */

static void
any_two_ends(void **state)
{
    static const enum envl_carrier carriers[] = { ENVL_RAW, ENVL_TAR,
                                                  ENVL_XBSTREAM };
    struct bytes text = text_of_len(20 * CHUNK + 77), sealed;
    size_t i;

    (void)state;
    for (i = 0; i < ENDS * ENDS; i++) {
        struct job job = { .direction = ENVL_ENCRYPT,
                           .carrier = carriers[i % COUNT(carriers)],
                           .input = text,
                           .in = i % ENDS,
                           .out = (enum end)(i / ENDS) };

        assert_passes(&job);
        job.carrier = carriers[(i + i / ENDS) % COUNT(carriers)];
        sealed = seal(job.carrier, text);
        job.direction = ENVL_DECRYPT;
        job.input = sealed;
        assert_passes(&job);
        drop(&sealed);
    }
    drop(&text);
}

/* No input at all, one byte, and what just fills a buffer of input. */
static void
lengths_of_text(void **state)
{
    static const size_t lens[] = { 0,           1,       CHUNK,
                                   MIB - 1,     MIB,     MIB + 1,
                                   2 * MIB + 1, 4 * MIB, 4 * MIB + 1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        struct bytes text = text_of_len(lens[i]);
        struct job job = { .direction = ENVL_ENCRYPT,
                           .input = text,
                           .in = i % 2 == 0 ? AS_FILE : AS_CALLER,
                           .out = i % 3 == 0 ? AS_CALLER : AS_PIPE };

        assert_passes(&job);
        job.in = i % 2 == 0 ? AS_CALLER : AS_FILE;
        assert_passes(&job);
        drop(&text);
    }
}

/* The last chunk ends where its piece does, or some bytes before or after:
 * these are a piece of their own. */
static void
ends_of_pieces(void **state)
{
    static const enum envl_carrier carriers[] = { ENVL_TAR, ENVL_XBSTREAM };
    const size_t tags = chunks_len(3 * CHUNK) - 3 * CHUNK;
    const size_t exact =
        ENVL_PIECE_LEN_MIN - ENVELOPE_PAYLOAD_START_LENGTH - tags;
    size_t i, len;

    (void)state;
    for (i = 0; i < 2 * COUNT(carriers); i++) {
        for (len = exact - 2; len <= 4 * CHUNK;
             len += len < exact + 2 ? 1 : 9) {
            struct bytes text = text_of_len(len);
            struct job job = { .direction = ENVL_ENCRYPT,
                               .carrier = carriers[i / 2],
                               .input = text,
                               .in = i % 2 == 0 ? AS_FILE : AS_CALLER,
                               .out = AS_CALLER };

            assert_passes(&job);
            drop(&text);
        }
    }
}

/* A sealed stream that just fills a buffer of input, or one and a bit. */
static void
lengths_of_sealed_streams(void **state)
{
    static const size_t lens[] = { MIB - 1, MIB, MIB + 1, 2 * MIB };
    struct bytes text = text_of_len(0), sealed = seal(ENVL_RAW, text);
    size_t head = sealed.len - chunks_len(0), i;

    (void)state;
    drop(&sealed);
    drop(&text);
    for (i = 0; i < COUNT(lens); i++) {
        struct job job = { .direction = ENVL_DECRYPT,
                           .in = i % 2 == 0 ? AS_CALLER : AS_FILE,
                           .out = i % 2 == 0 ? AS_PIPE : AS_CALLER };
        size_t tags = (lens[i] - head) / ENVELOPE_SEALED_CHUNK_LENGTH + 1;

        text = text_of_len(lens[i] - head - tags * chunks_len(0));
        sealed = seal(ENVL_RAW, text);
        assert_int_equal(sealed.len, lens[i]);
        job.input = sealed;
        assert_passes(&job);
        drop(&sealed);
        drop(&text);
    }
}

static void
pushes_of_any_length(void **state)
{
    static const size_t steps[] = { 1,   7,       4096,    MIB - 1,
                                    MIB, MIB + 1, 3 * MIB, 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(steps); i++) {
        struct bytes text =
            text_of_len(steps[i] < 10 && steps[i] > 0 ? 50000 : 2 * MIB + 4097);
        struct job job = { .direction = ENVL_ENCRYPT,
                           .input = text,
                           .in = AS_CALLER,
                           .out = i % 2 == 0 ? AS_PIPE : AS_CALLER,
                           .in_step = steps[i] };

        assert_passes(&job);
        drop(&text);
    }
}

/* Short reads and writes, and pipes that are always full or empty. */
static void
pipes_of_any_pace(void **state)
{
    static const struct {
        size_t len, in_step, out_step, pipe_size;
        unsigned in_naps, out_naps;
    } paces[] = {
        { 3000, 1, 1, 4096, 0, 0 },
        { 200000, 511, 65536, 4096, 0, 0 },
        { 200000, 65536, 511, 4096, 0, 0 },
        { 300000, 4097, 4095, 0, 8, 0 },
        { 300000, 30000, 30000, 4096, 0, 5 },
        { 3 * MIB, 0, 0, 65536, 0, 3 },
        { 2 * MIB, 100000, 0, 65536, 3, 3 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < 2 * COUNT(paces); i++) {
        struct bytes text = text_of_len(paces[i / 2].len);
        struct job job = { .direction = ENVL_ENCRYPT,
                           .input = text,
                           .in = AS_PIPE,
                           .out = AS_PIPE,
                           .in_step = paces[i / 2].in_step,
                           .out_step = paces[i / 2].out_step,
                           .in_naps = paces[i / 2].in_naps,
                           .out_naps = paces[i / 2].out_naps,
                           .pipe_size = paces[i / 2].pipe_size,
                           .nonblocking = i % 2 != 0 };

        assert_passes(&job);
        job.direction = ENVL_DECRYPT;
        job.input = seal(i % 4 == 0 ? ENVL_TAR : ENVL_RAW, text);
        assert_passes(&job);
        drop(&job.input);
        drop(&text);
    }
}

/* Nothing is held back until the input ends. */
static void
text_comes_while_input_goes_on(void **state)
{
    struct bytes text = text_of_len(10 * CHUNK);
    struct bytes sealed = seal(ENVL_RAW, text);
    struct peer from = { .bytes = { sealed.p, sealed.len - 100 },
                         .stays = true };
    struct bytes got = { 0 };
    int in = peer_feed(&from);
    const unsigned char *p;
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_DECRYPT, in, ENVL_PUMP_CALLER);
    struct envl_err err;
    size_t len;

    (void)state;
    while (got.len < 9 * CHUNK) {
        assert_int_equal(envl_pump_pull(pump, &p, &len, &err), ENVELOPE_OK);
        assert_true(len > 0);
        put(&got, p, len);
    }
    assert_int_equal(got.len, 9 * CHUNK);
    assert_begin(got, text);
    free_both(pump, codec);
    close_fd(in);
    peer_join(&from);
    drop(&got);
    drop(&sealed);
    drop(&text);
}

/* While all the other buffers are filled. */
static void
what_is_pulled_stays(void **state)
{
    struct bytes text = text_of_len(5 * MIB), sealed = seal(ENVL_RAW, text),
                 rest = text;
    int in = file_of(sealed), i;
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_DECRYPT, in, ENVL_PUMP_CALLER);
    struct envl_err err;
    const unsigned char *p = NULL;
    size_t len;

    (void)state;
    do {
        assert_int_equal(envl_pump_pull(pump, &p, &len, &err), ENVELOPE_OK);
        for (i = 0; i < 4; i++)
            nap();
        assert_true(len <= rest.len);
        assert_true(len == 0 || memcmp(p, rest.p, len) == 0);
        rest.p += len;
        rest.len -= len;
    } while (len > 0);
    assert_int_equal(rest.len, 0);
    free_both(pump, codec);
    close_fd(in);
    drop(&sealed);
    drop(&text);
}

/* The header needs no input: it is there before the first byte. */
static void
header_comes_before_input(void **state)
{
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);
    const unsigned char *p = NULL;
    struct envl_err err;
    size_t len;

    (void)state;
    assert_int_equal(envl_pump_pull(pump, &p, &len, &err), ENVELOPE_OK);
    assert_true(len > 8);
    assert_memory_equal(p,
                        "\x89"
                        "ENV",
                        4);
    free_both(pump, codec);
}

/* All of it, or a part, before the first step. */
static void
source_that_was_looked_at(void **state)
{
    struct bytes text = text_of_len(5 * CHUNK), sealed = seal(ENVL_TAR, text);
    const size_t given[] = { 1, 600, 40000, sealed.len };
    struct envl_source source;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(given); i++) {
        struct envl_codec *codec = new_codec(ENVL_DECRYPT, ENVL_RAW);
        struct bytes rest = { sealed.p + given[i], sealed.len - given[i] };
        struct outcome outcome = { 0 };
        struct envl_pump *pump;
        struct envl_err err;
        int in = file_of(rest);

        source = (struct envl_source){ .fd = in };
        source.replays = true;
        source.start_len =
            given[i] < sizeof(source.start) ? given[i] : sizeof(source.start);
        memcpy(source.start, sealed.p, source.start_len);
        source.rest = sealed.p + source.start_len;
        source.rest_len = given[i] - source.start_len;
        assert_int_equal(envl_pump_start_with(&pump, codec, &source,
                                              ENVL_PUMP_CALLER, NULL, &err),
                         ENVELOPE_OK);
        take(pump, &outcome);
        assert_int_equal(outcome.reason, ENVELOPE_OK);
        assert_bytes(outcome.got, text);
        free_both(pump, codec);
        close_fd(in);
        drop(&outcome.got);
        envl_source_clear(&source);
    }
    drop(&sealed);
    drop(&text);
}

/* Records, as a tape has them */

/* Of a record that the pump makes. */
#define RECORD_LEN 10240

struct records {
    struct bytes bytes;
    size_t len, odd; /* of a record; how many had another length */
    int fd;
    pthread_t thread;
};

static void *
send_records(void *arg)
{
    struct records *records = arg;
    size_t at, n;

    for (at = 0; at < records->bytes.len; at += n) {
        n = records->bytes.len - at < records->len ? records->bytes.len - at
                                                   : records->len;
        if (send(records->fd, records->bytes.p + at, n, MSG_NOSIGNAL) < 0)
            break;
    }
    (void)shutdown(records->fd, SHUT_WR);
    return NULL;
}

static void *
receive_records(void *arg)
{
    struct records *records = arg;
    static unsigned char buf[MIB];
    ssize_t n;

    while ((n = recv(records->fd, buf, sizeof(buf), 0)) > 0) {
        records->odd += (size_t)n != records->len;
        put(&records->bytes, buf, (size_t)n);
    }
    return NULL;
}

/* However their lengths and those of a slot go together, none is cut. */
static void
records_are_read_whole(void **state)
{
    static const size_t lens[] = { 512, 10240, 65536, 100000, 200000 };
    struct bytes text = text_of_len(3 * MIB + 1);
    struct bytes sealed = seal(ENVL_TAR, text);
    struct outcome outcome;
    size_t i;
    int direction, fds[2];

    (void)state;
    for (i = 0; i < 2 * COUNT(lens); i++) {
        struct records records = { .len = lens[i / 2] };
        struct envl_codec *codec;
        struct envl_pump *pump;

        direction = i % 2 == 0 ? ENVL_DECRYPT : ENVL_ENCRYPT;
        records.bytes = direction == ENVL_DECRYPT ? sealed : text;
        outcome = (struct outcome){ 0 };
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        records.fd = fds[0];
        pump = new_pump(&codec, (enum envl_direction)direction, fds[1],
                        ENVL_PUMP_CALLER);
        start_quietly(&records.thread, send_records, &records);
        take(pump, &outcome);
        assert_int_equal(pthread_join(records.thread, NULL), 0);
        assert_int_equal(outcome.reason, ENVELOPE_OK);
        assert_int_equal(envl_pump_taken(pump), records.bytes.len);
        if (direction == ENVL_ENCRYPT) {
            struct bytes opened = unseal(outcome.got);

            assert_bytes(opened, text);
            drop(&opened);
        } else {
            assert_bytes(outcome.got, text);
        }
        drop(&outcome.got);
        free_both(pump, codec);
        close_fd(fds[0]);
        close_fd(fds[1]);
    }
    drop(&sealed);
    drop(&text);
}

/* All of one length but the last, which is not padded. */
static void
records_are_written(void **state)
{
    struct bytes text = text_of_len(3 * MIB + 1), sealed = seal(ENVL_RAW, text);
    int i, fds[2];

    (void)state;
    for (i = 0; i < 2; i++) {
        struct records records = { .len = RECORD_LEN };
        struct outcome outcome = { 0 };
        struct envl_codec *codec;
        struct envl_pump *pump;
        struct bytes got;
        int in = file_of(i == 0 ? text : sealed);

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        records.fd = fds[0];
        start_quietly(&records.thread, receive_records, &records);
        pump =
            new_pump(&codec, i == 0 ? ENVL_ENCRYPT : ENVL_DECRYPT, in, fds[1]);
        finish(pump, &outcome);
        free_both(pump, codec);
        close_fd(fds[1]);
        assert_int_equal(pthread_join(records.thread, NULL), 0);
        close_fd(fds[0]);
        close_fd(in);
        assert_int_equal(outcome.reason, ENVELOPE_OK);
        assert_int_equal(records.odd, 1);
        got = i == 0 ? unseal(records.bytes) : records.bytes;
        assert_bytes(got, text);
        if (i == 0)
            drop(&got);
        drop(&records.bytes);
    }
    drop(&sealed);
    drop(&text);
}

/* What was verified before a failure is written before it. */
static void
records_before_a_failure(void **state)
{
    struct bytes text = text_of_len(3 * CHUNK), sealed = seal(ENVL_RAW, text);
    struct records records = { .len = RECORD_LEN };
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    int in, fds[2];

    (void)state;
    flip(sealed, text.len, 1);
    in = file_of(sealed);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    records.fd = fds[0];
    start_quietly(&records.thread, receive_records, &records);
    pump = new_pump(&codec, ENVL_DECRYPT, in, fds[1]);
    finish(pump, &outcome);
    free_both(pump, codec);
    close_fd(fds[1]);
    assert_int_equal(pthread_join(records.thread, NULL), 0);
    close_fd(fds[0]);
    close_fd(in);
    assert_int_equal(outcome.reason, ENVELOPE_R_CHUNK);
    assert_int_equal(records.bytes.len, CHUNK);
    assert_begin(records.bytes, text);
    drop(&records.bytes);
    drop(&sealed);
    drop(&text);
}

static void
one_pump_feeds_another(void **state)
{
    struct bytes text = text_of_len(4 * MIB + 99);
    struct outcome sealed = { 0 }, opened = { 0 };
    struct peer to = { 0 };
    int in = file_of(text), out = peer_drain(&to), fds[2];
    struct envl_codec *encoder, *decoder;
    struct envl_pump *first, *second;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    first = new_pump(&encoder, ENVL_ENCRYPT, in, fds[1]);
    second = new_pump(&decoder, ENVL_DECRYPT, fds[0], out);
    finish(first, &sealed);
    close_fd(fds[1]);
    finish(second, &opened);
    assert_int_equal(sealed.reason, ENVELOPE_OK);
    assert_int_equal(opened.reason, ENVELOPE_OK);
    free_both(first, encoder);
    free_both(second, decoder);
    close_fd(fds[0]);
    close_fd(in);
    close_fd(out);
    peer_join(&to);
    assert_bytes(to.bytes, text);
    drop(&to.bytes);
    drop(&text);
}

/* A caller that pulls nothing stops the reading, too. */
static void
memory_stays_the_same(void **state)
{
    const off_t least = (SLOTS - 1) * (off_t)MIB; /* one has the header */
    struct bytes none = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    int in = file_of(none), i;

    (void)state;
    assert_int_equal(ftruncate(in, 64 * (off_t)MIB), 0);
    pump = new_pump(&codec, ENVL_ENCRYPT, in, ENVL_PUMP_CALLER);
    for (i = 0; i < 2000 && lseek(in, 0, SEEK_CUR) < least; i++)
        nap();
    for (i = 0; i < 20; i++)
        nap();
    assert_int_equal(lseek(in, 0, SEEK_CUR), least);
    assert_int_equal(envl_pump_taken(pump), least);
    free_both(pump, codec);
    assert_int_equal(lseek(in, 0, SEEK_CUR), least);
    close_fd(in);
}

static void
end_is_told_again(void **state)
{
    struct bytes text = text_of_len(100);
    struct envl_codec *codec;
    struct envl_pump *pump =
        new_pump(&codec, ENVL_ENCRYPT, ENVL_PUMP_CALLER, ENVL_PUMP_CALLER);
    struct outcome outcome = { 0 };
    struct bytes got;
    struct envl_err err;
    int i;

    (void)state;
    assert_int_equal(envl_pump_push(pump, NULL, 0, &err), ENVELOPE_OK);
    assert_true(give(pump, text, 33, &outcome));
    finish(pump, &outcome); /* the output waits in the buffers */
    assert_int_equal(outcome.reason, ENVELOPE_OK);
    take(pump, &outcome);
    got = outcome.got;
    for (i = 0; i < 3; i++) {
        take(pump, &outcome);
        assert_int_equal(outcome.reason, ENVELOPE_OK);
        assert_int_equal(outcome.got.len, got.len);
        finish(pump, &outcome);
        assert_int_equal(outcome.reason, ENVELOPE_OK);
        assert_int_equal(envl_pump_push(pump, "x", 1, &err),
                         ENVELOPE_R_NO_STREAM);
    }
    free_both(pump, codec);
    got = unseal(outcome.got);
    assert_bytes(got, text);
    drop(&got);
    drop(&outcome.got);
    drop(&text);
}

/* Terminals */

#define TYPED "typed text\n"
#define END_OF_TEXT "\4"

struct terminal {
    int fd;
    atomic_bool heard;
    bool late;
};

/* Whoever has not heard the first end hears one more, so as not to hang. */
static void *
end_again(void *arg)
{
    struct terminal *terminal = arg;

    if (nap_until(&terminal->heard))
        return NULL;
    terminal->late = true;
    if (write(terminal->fd, END_OF_TEXT, 1) != 1)
        abort();
    return NULL;
}

/* Unlike that of a pipe, it can be read only once. */
static void
end_that_is_typed_once(void **state)
{
    struct terminal terminal = { 0 };
    const size_t len = strlen(TYPED);
    struct bytes got;
    struct outcome outcome = { 0 };
    struct envl_codec *codec;
    struct envl_pump *pump;
    pthread_t thread;
    int in;

    (void)state;
    open_terminal(&terminal.fd, &in);
    assert_int_equal(write(terminal.fd, TYPED END_OF_TEXT, len + 1), len + 1);
    start_quietly(&thread, end_again, &terminal);
    pump = new_pump(&codec, ENVL_ENCRYPT, in, ENVL_PUMP_CALLER);
    take(pump, &outcome);
    atomic_store(&terminal.heard, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free_both(pump, codec);
    assert_int_equal(outcome.reason, ENVELOPE_OK);
    got = unseal(outcome.got);
    assert_int_equal(got.len, len);
    assert_memory_equal(got.p, TYPED, len);
    close_fd(in);
    close_fd(terminal.fd);
    drop(&got);
    drop(&outcome.got);
    assert_false(terminal.late);
}

/* From the first text on, whatever comes of it at once. */
static void
place_of_the_payload(void **state)
{
    static const size_t lens[] = { 1, CHUNK, CHUNK + 1, 3 * CHUNK + 3 };
    struct bytes text, sealed, left;
    struct envl_codec *codec;
    struct envl_slot slot;
    struct envl_map map;
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        text = text_of_len(lens[i]);
        left = sealed = seal(ENVL_RAW, text);
        codec = new_codec(ENVL_DECRYPT, ENVL_RAW);
        assert_true(envl_slot_init(&slot, envl_codec_slot_size(codec)));
        do {
            assert_false(envl_decoder_map(envl_codec_decoder(codec), &map));
            envl_codec_begin(codec, &slot);
            n = envl_codec_copy(codec, &slot, left.p, left.len);
            left.p += n;
            left.len -= n;
            envl_codec_close(codec, &slot, left.len == 0);
        } while (slot.batch_count == 0 && slot.rest.iov_len == 0);
        assert_true(envl_decoder_map(envl_codec_decoder(codec), &map));
        assert_int_equal(map.first_at, sealed.len - chunks_len(lens[i])
                                           - ENVELOPE_PAYLOAD_START_LENGTH);
        envl_slot_clear(&slot);
        envl_codec_free(codec);
        drop(&sealed);
        drop(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        pump_test(any_two_ends),
        pump_test(lengths_of_text),
        pump_test(ends_of_pieces),
        pump_test(lengths_of_sealed_streams),
        pump_test(pushes_of_any_length),
        pump_test(pipes_of_any_pace),
        pump_test(text_comes_while_input_goes_on),
        pump_test(what_is_pulled_stays),
        pump_test(header_comes_before_input),
        pump_test(source_that_was_looked_at),
        pump_test(records_are_read_whole),
        pump_test(records_are_written),
        pump_test(records_before_a_failure),
        pump_test(one_pump_feeds_another),
        pump_test(memory_stays_the_same),
        pump_test(end_is_told_again),
        pump_test(end_that_is_typed_once),
        alone_test(any_two_ends),
        alone_test(lengths_of_text),
        alone_test(ends_of_pieces),
        alone_test(lengths_of_sealed_streams),
        alone_test(pushes_of_any_length),
        alone_test(pipes_of_any_pace),
        alone_test(text_comes_while_input_goes_on),
        alone_test(what_is_pulled_stays),
        alone_test(header_comes_before_input),
        alone_test(source_that_was_looked_at),
        alone_test(records_are_read_whole),
        alone_test(records_are_written),
        alone_test(records_before_a_failure),
        alone_test(end_is_told_again),
        alone_test(end_that_is_typed_once),
        pump_test(place_of_the_payload),
    };

    return cmocka_run_group_tests_name("pump", tests, pump_setup, NULL);
}
