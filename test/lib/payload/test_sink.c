/* SPDX-License-Identifier: Apache-2.0 */
/* The sink: bytes leave in order whatever the room, and never beyond it. */
#include "lib/payload/sink.h"

#include "test/support/support.h"

#define LEN 5000

/* Put all of it in pieces of put bytes, with room for take in each call. */
static void
push_through(size_t put, size_t take)
{
    static unsigned char in[LEN], out[LEN];
    struct envl_sink sink = { 0 };
    unsigned char room[300];
    size_t given = 0, got = 0, n;

    fill(in, sizeof(in), (uint32_t)(put * 301 + take));
    while (got < LEN) {
        memset(room, 0xa5, sizeof(room));
        envl_sink_begin(&sink, room, take);
        n = LEN - given < put ? LEN - given : put;
        assert_true(envl_sink_put(&sink, in + given, n));
        given += n;
        assert_true(sink.len <= take);
        assert_int_equal(sink.queued, given - got - sink.len);
        assert_int_equal(room[take], 0xa5);
        memcpy(out + got, room, sink.len);
        got += sink.len;
    }
    assert_memory_equal(in, out, LEN);
    envl_sink_clear(&sink);
    assert_null(sink.queue);
}

static void
order_is_kept(void **state)
{
    static const size_t sizes[] = { 1, 2, 31, 32, 33, 255 };
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(sizes); i++) {
        for (j = 0; j < COUNT(sizes); j++)
            push_through(sizes[i], sizes[j]);
    }
}

static void
more_room_lets_the_queue_out(void **state)
{
    struct envl_sink sink = { 0 };
    unsigned char out[8];

    (void)state;
    envl_sink_begin(&sink, out, 2);
    assert_true(envl_sink_put(&sink, "abcdefgh", 8));
    assert_int_equal(sink.len, 2);
    assert_int_equal(envl_sink_room(&sink), 0);
    envl_sink_extend(&sink, 5);
    assert_int_equal(sink.len, 5);
    assert_int_equal(envl_sink_room(&sink), 0);
    envl_sink_extend(&sink, 8);
    assert_memory_equal(out, "abcdefgh", 8);
    assert_int_equal(sink.queued, 0);
    envl_sink_clear(&sink);
}

static void
rewinding_wipes(void **state)
{
    struct envl_sink sink = { 0 };
    unsigned char out[4];

    (void)state;
    envl_sink_begin(&sink, out, 4);
    assert_true(envl_sink_put(&sink, "abcd", 4));
    envl_sink_rewind(&sink, 1);
    assert_int_equal(sink.len, 1);
    assert_memory_equal(out, "a\0\0\0", 4);
    envl_sink_clear(&sink);
}

static void
grabbing_never_exceeds_the_room(void **state)
{
    struct envl_sink sink = { 0 };
    unsigned char out[10], *p;
    size_t got;

    (void)state;
    envl_sink_begin(&sink, out, sizeof(out));
    p = envl_sink_grab(&sink, 100, &got);
    assert_ptr_equal(p, out);
    assert_int_equal(got, 10);
    envl_sink_commit(&sink, 10);
    p = envl_sink_grab(&sink, 100, &got);
    assert_non_null(p);
    assert_ptr_not_equal(p, out);
    assert_int_equal(got, 100);
    envl_sink_clear(&sink);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(more_room_lets_the_queue_out),
        cmocka_unit_test(rewinding_wipes),
        cmocka_unit_test(grabbing_never_exceeds_the_room),
    };

    return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
