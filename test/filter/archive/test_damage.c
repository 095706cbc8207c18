/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives that were altered or cut: reading fails with a text, and what came
 * out before was right.
 */
#include "test/filter/archive/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PRELUDE_LEN 32
#define TAG_LEN 16

/* How an archive ends that libarchive may seek in: where reading fails while it
 * looks for the format it drops the text, also that of its own sources. */
static void
assert_refused_somehow(struct support_outcome o, const char *what, size_t at)
{
    if (o.status == ARCHIVE_FATAL && !o.wrong)
        return;
    print_error("%s %zu: status %d, %s\n%s", what, at, o.status, o.text,
                o.list);
    fail();
}

static void
assert_all_refused(struct support_outcome o, const char *what, size_t at)
{
    assert_refused_somehow(o, what, at);
    if (strlen(o.text) <= strlen("(no text)"))
        fail_msg("%s %zu: no text", what, at);
}

/* Where the key envelope lies.  Parts of it are for others, and may change
 * (FORMAT 7). */
static void
find_key(struct octets sealed, size_t carrier, size_t *from, size_t *to)
{
    static const char name[] = "envelope/key.p7m";
    struct octets text;

    if (carrier == 0) {
        text = support_unseal(sealed, OPTIONS(AS_OPS));
        *from = PRELUDE_LEN;
        *to = sealed.len - ENVELOPE_PAYLOAD_START_LENGTH - text.len
              - TAG_LEN * (text.len / ENVELOPE_CHUNK_LENGTH + 1);
        support_drop(&text);
        return;
    }
    *from = support_find(sealed, name, strlen(name));
    assert_int_not_equal(*from, SIZE_MAX);
    if (carrier == 1) {
        *to = strtoul((const char *)sealed.data + *from + 124, NULL, 8);
        *from += 512;
    } else {
        *from += strlen(name);
        *to = sealed.data[*from] + 256U * sealed.data[*from + 1];
        *from += 20;
    }
    *to += *from;
}

static void
any_flipped_byte(void **state)
{
    struct octets sealed;
    size_t i, at, from, to;
    struct support_outcome o;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_one_short, TO_MEMORY,
                               IN(support_carriers[i]));
        find_key(sealed, i, &from, &to);
        assert_in_range(to - from, 250, 1000);
        for (at = 0; at < sealed.len; at += at < to ? 29 : 797) {
            sealed.data[at] ^= 0x10;
            o = support_read(OURS, FROM_MEMORY, OPTIONS(AS_OPS), sealed);
            if (at >= from && at < to && o.status == ARCHIVE_OK)
                assert_reads(o, &support_one_short);
            else
                assert_all_refused(o, support_carriers[i], at);
            sealed.data[at] ^= 0x10;
        }
        support_drop(&sealed);
    }
}

static void
cut_anywhere(void **state)
{
    struct octets sealed, part;
    size_t i, len, step, all;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_one_short, TO_MEMORY,
                               IN(support_carriers[i]));
        all = support_needed(sealed, support_carriers[i]);
        assert_true(all <= sealed.len);
        for (len = 1; len < all; len += step) {
            step = all - len < 20 ? 1 : all - len < 1536 ? 153 : 409;
            part = support_octets(sealed.data, len);
            assert_all_refused(
                support_read(OURS, FROM_MEMORY, OPTIONS(AS_OPS), part),
                support_carriers[i], len);
            support_drop(&part);
        }
        part = support_octets(sealed.data, all);
        assert_reads(support_read(OURS, FROM_MEMORY, OPTIONS(AS_OPS), part),
                     &support_one_short);
        support_drop(&part);
        support_drop(&sealed);
    }
}

/* Formats that seek see the end first, and go wrong in other places. */
static void
cut_where_formats_seek(void **state)
{
    static const enum support_source sources[] = { FROM_FD, FROM_FILE,
                                                   FROM_MEMORY, FROM_SEEKING,
                                                   FROM_PIPE };
    struct octets sealed, part;
    size_t i, j, len;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_some_zip, TO_MEMORY,
                               IN(support_carriers[i]));
        for (len = sealed.len - 21000; len > 60000; len -= 98765) {
            part = support_octets(sealed.data, len);
            for (j = 0; j < COUNT_OF(sources); j++)
                assert_refused_somehow(
                    support_read(OURS, sources[j], OPTIONS(AS_OPS), part),
                    support_carriers[i], len);
            support_drop(&part);
        }
        support_drop(&sealed);
    }
}

static void
flipped_where_formats_seek(void **state)
{
    static const enum support_source sources[] = { FROM_FD, FROM_MEMORY,
                                                   FROM_PIPE };
    struct octets sealed;
    size_t i, j, at;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_some_zip, TO_MEMORY,
                               IN(support_carriers[i]));
        for (at = 3000; at < sealed.len - 11000; at += 112345) {
            sealed.data[at] ^= 1;
            for (j = 0; j < COUNT_OF(sources); j++)
                assert_refused_somehow(
                    support_read(OURS, sources[j], OPTIONS(AS_OPS), sealed),
                    support_carriers[i], at);
            sealed.data[at] ^= 1;
        }
        support_drop(&sealed);
    }
}

/* A tar whose last chunks are zeros, which libarchive does not read. */
static struct octets
padded(const char *carrier)
{
    struct octets plain = support_write(&support_some_tar, TO_MEMORY, NULL);
    struct octets text = { calloc(1, plain.len + 200000), plain.len + 200000 };
    struct octets sealed;

    assert_non_null(text.data);
    memcpy(text.data, plain.data, plain.len);
    sealed = support_seal(text, IN(carrier));
    support_drop(&plain);
    support_drop(&text);
    return sealed;
}

static void
assert_end_is_refused(struct octets sealed, bool with_close)
{
    static const enum support_source sources[] = { FROM_NAME,    FROM_FD,
                                                   FROM_FILE,    FROM_MEMORY,
                                                   FROM_SEEKING, FROM_PIPE };
    size_t i;

    for (i = 0; i < COUNT_OF(sources); i++) {
        struct support_input in = { .bytes = sealed };
        struct support_outcome o = { 0 };
        struct archive *a = support_reader();

        support_note(
            &o, a,
            support_open_source(a, OURS, sources[i], OPTIONS(AS_OPS), &in));
        while (support_next(a, &o))
            ;
        assert_reads(o, &support_some_tar); /* so far */
        if (with_close) {
            support_note(&o, a, archive_read_close(a));
            assert_refused(o, EILSEQ, "envelope: ");
            (void)archive_read_free(a); /* it is closed */
        } else {
            assert_int_equal(archive_read_free(a), ARCHIVE_FATAL);
        }
        support_close_source(&in);
    }
}

static void
the_end_is_verified(void **state)
{
    struct octets sealed, part;
    size_t i, end;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = padded(support_carriers[i]);
        assert_reads(support_read(OURS, FROM_FD, OPTIONS(AS_OPS), sealed),
                     &support_some_tar);
        end = support_needed(sealed, support_carriers[i]);
        part = support_octets(sealed.data, end - 2000);
        assert_end_is_refused(part, true);
        assert_end_is_refused(part, false);
        support_drop(&part);
        sealed.data[end - 2000] ^= 4;
        assert_end_is_refused(sealed, true);
        assert_end_is_refused(sealed, false);
        support_drop(&sealed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_flipped_byte),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(cut_where_formats_seek),
        cmocka_unit_test(flipped_where_formats_seek),
        cmocka_unit_test(the_end_is_verified),
    };

    return cmocka_run_group_tests_name("damage", tests, support_setup,
                                       support_teardown);
}
