/* SPDX-License-Identifier: Apache-2.0 */
/* The queue: bytes leave in order whatever the room, and never beyond it. */
#include "lib/payload/output_queue.h"

#include "test/support/support.h"

#define LEN 5000

/* Put all of it in pieces of put bytes, with room for take in each call. */
static void
push_through(size_t put, size_t take)
{
    static unsigned char in[LEN], out[LEN];
    struct envl_output_queue queue = { 0 };
    unsigned char room[300];
    size_t given = 0, got = 0, n;

    fill(in, sizeof(in), (uint32_t)(put * 301 + take));
    while (got < LEN) {
        memset(room, 0xa5, sizeof(room));
        envl_output_queue_begin(&queue, room, take);
        n = LEN - given < put ? LEN - given : put;
        assert_true(envl_output_queue_put(&queue, in + given, n));
        given += n;
        assert_true(queue.len <= take);
        assert_int_equal(queue.queued, given - got - queue.len);
        assert_int_equal(room[take], 0xa5);
        memcpy(out + got, room, queue.len);
        got += queue.len;
    }
    assert_memory_equal(in, out, LEN);
    envl_output_queue_clear(&queue);
    assert_null(queue.queue);
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
    struct envl_output_queue queue = { 0 };
    unsigned char out[8];

    (void)state;
    envl_output_queue_begin(&queue, out, 2);
    assert_true(envl_output_queue_put(&queue, "abcdefgh", 8));
    assert_int_equal(queue.len, 2);
    assert_int_equal(envl_output_queue_room(&queue), 0);
    envl_output_queue_extend(&queue, 5);
    assert_int_equal(queue.len, 5);
    assert_int_equal(envl_output_queue_room(&queue), 0);
    envl_output_queue_extend(&queue, 8);
    assert_memory_equal(out, "abcdefgh", 8);
    assert_int_equal(queue.queued, 0);
    envl_output_queue_clear(&queue);
}

static void
rewinding_wipes(void **state)
{
    struct envl_output_queue queue = { 0 };
    unsigned char out[4];

    (void)state;
    envl_output_queue_begin(&queue, out, 4);
    assert_true(envl_output_queue_put(&queue, "abcd", 4));
    envl_output_queue_rewind(&queue, 1);
    assert_int_equal(queue.len, 1);
    assert_memory_equal(out, "a\0\0\0", 4);
    envl_output_queue_clear(&queue);
}

static void
grabbing_never_exceeds_the_room(void **state)
{
    struct envl_output_queue queue = { 0 };
    unsigned char out[10], *p;
    size_t got;

    (void)state;
    envl_output_queue_begin(&queue, out, sizeof(out));
    p = envl_output_queue_reserve(&queue, 100, &got);
    assert_ptr_equal(p, out);
    assert_int_equal(got, 10);
    envl_output_queue_commit(&queue, 10);
    p = envl_output_queue_reserve(&queue, 100, &got);
    assert_non_null(p);
    assert_ptr_not_equal(p, out);
    assert_int_equal(got, 100);
    envl_output_queue_clear(&queue);
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

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
