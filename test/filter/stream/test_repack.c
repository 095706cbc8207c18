/* SPDX-License-Identifier: Apache-2.0 */
/* An envelope is written once more: any of the writes can fail, the others not. */
#include "filter/stream/repack.h"

#include "test/filter/stream/pump.h"

#include "filter/stream/descriptors.h"

/* The writes of a copy (ld's --wrap) */

enum envelope_reason __real_envl_outlet_put(struct envl_outlet *out,
                                            const unsigned char *p, size_t len,
                                            struct envl_err *err);
enum envelope_reason __wrap_envl_outlet_put(struct envl_outlet *out,
                                            const unsigned char *p, size_t len,
                                            struct envl_err *err);

static unsigned writes, fail_at; /* from 1 on; 0: none fails */

enum envelope_reason
__wrap_envl_outlet_put(struct envl_outlet *out, const unsigned char *p,
                       size_t len, struct envl_err *err)
{
    if (++writes == fail_at)
        return envl_fail(err, ENVELOPE_R_WRITE, "write %u", fail_at);
    return __real_envl_outlet_put(out, p, len, err);
}

/* Copies the envelope with its own header. */
static enum envelope_reason
copy(struct bytes sealed, enum envl_carrier carrier, struct bytes *got,
     struct envl_err *err)
{
    struct envl_options options;
    enum envelope_reason rc;
    struct envl_header_file head;
    int in = file_of(sealed), out = file_of((struct bytes){ 0 });

    envl_options_init(&options, carrier);
    options.piece_len = ENVL_PIECE_LEN_MIN;
    assert_int_equal(envl_header_file_read(&head, in, err), ENVELOPE_OK);
    writes = 0;
    rc = envl_copy(in, &head, out, &head.header, &options, err);
    *got = file_bytes(out);
    envl_header_file_clear(&head);
    envl_options_clear(&options);
    close_fd(in);
    close_fd(out);
    return rc;
}

/* The first failure is the last write, and is what the caller gets. */
static void
check_each_write(struct bytes sealed, enum envl_carrier carrier, unsigned count)
{
    struct envl_err err;
    struct bytes got;

    for (fail_at = 1; fail_at <= count; fail_at++) {
        assert_int_equal(copy(sealed, carrier, &got, &err), ENVELOPE_R_WRITE);
        assert_int_equal(writes, fail_at);
        drop(&got);
    }
    fail_at = 0;
}

static void
each_write_can_fail(void **state)
{
    static const enum envl_carrier carriers[] = { ENVL_RAW, ENVL_TAR,
                                                  ENVL_XBSTREAM };
    struct bytes text = text_of_len(3 * ENVL_PIECE_LEN_MIN), sealed, got, back;
    struct envl_err err;
    unsigned i;

    (void)state;
    sealed = seal(ENVL_RAW, text);
    for (i = 0; i < COUNT(carriers); i++) {
        assert_int_equal(copy(sealed, carriers[i], &got, &err), ENVELOPE_OK);
        back = unseal(got);
        assert_bytes(back, text);
        assert_true(writes > 3); /* both parts of the header, pieces, an end */
        drop(&back);
        drop(&got);
        check_each_write(sealed, carriers[i], writes);
    }
    drop(&sealed);
    drop(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        pump_test(each_write_can_fail),
    };

    return cmocka_run_group_tests_name("repack", tests, pump_setup, NULL);
}
