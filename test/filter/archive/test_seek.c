/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading out of order: formats that seek, members that are skipped, archives
 * that were packed again and may allow neither; and large ones besides.
 */
#include "test/filter/archive/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t large_sizes[] = { 28 * MIB, 28 * MIB, 28 * MIB };

static const struct support_plan large = { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
                                           ARCHIVE_FILTER_NONE, large_sizes,
                                           COUNT_OF(large_sizes) };

static struct octets large_envelope; /* made once */

static int
setup(void **state)
{
    support_setup(state);
    large_envelope = support_write(&large, TO_CALLBACKS, OPTIONS(TO_OPS));
    return 0;
}

static int
teardown(void **state)
{
    support_drop(&large_envelope);
    return support_teardown(state);
}

/* Seeking and skipping */

static void
seeking_formats(void **state)
{
    static const struct support_plan *const plans[] = { &support_some_zip,
                                                        &support_some_7zip };
    struct octets sealed;
    unsigned source;
    size_t i, j;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        for (j = 0; j < COUNT_OF(plans); j++) {
            sealed =
                support_write(plans[j], TO_MEMORY, IN(support_carriers[i]));
            for (source = 0; source <= FROM_MEMORY; source++)
                assert_reads(
                    support_read(OURS, source, OPTIONS(AS_OPS), sealed),
                    plans[j]);
            assert_reads(
                support_read(OURS, FROM_SEEKING, OPTIONS(AS_OPS), sealed),
                plans[j]);
            if (plans[j] == &support_some_zip)
                assert_reads(
                    support_read(OURS, FROM_PIPE, OPTIONS(AS_OPS), sealed),
                    plans[j]);
            else
                assert_int_equal(
                    support_read(OURS, FROM_PIPE, OPTIONS(AS_OPS), sealed)
                        .status,
                    ARCHIVE_FATAL);
            support_drop(&sealed);
        }
    }
}

/* As many zeros after the end as readers take: the last piece is found. */
static void
end_behind_padding(void **state)
{
    struct archive *a = support_writer(&support_some_7zip);
    struct support_output out = { 0 };
    struct octets sealed;

    (void)state;
    (void)archive_write_set_bytes_per_block(a, 16766976);
    assert_int_equal(support_open_target(a, TO_CALLBACKS, IN("tar"), &out),
                     ARCHIVE_OK);
    assert_int_equal(support_add_all(a, &support_some_7zip), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    sealed = support_collect(TO_CALLBACKS, &out);
    assert_int_equal(sealed.len, 16766976);
    assert_reads(support_read(OURS, FROM_NAME, OPTIONS(AS_OPS), sealed),
                 &support_some_7zip);
    support_drop(&sealed);
}

/* Headers alone are asked for. */
static void
skipping_does_not_decrypt(void **state)
{
    static const enum support_source sources[] = { FROM_NAME, FROM_FD,
                                                   FROM_FILE, FROM_MEMORY,
                                                   FROM_SEEKING };
    struct archive_entry *entry;
    size_t i, number;
    char name[40];

    (void)state;
    for (i = 0; i < COUNT_OF(sources); i++) {
        struct support_input in = { .bytes = large_envelope };
        struct archive *a = support_reader();

        assert_int_equal(
            support_open_source(a, OURS, sources[i], OPTIONS(AS_OPS), &in),
            ARCHIVE_OK);
        for (number = 0; number < large.count; number++) {
            assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
            (void)snprintf(name, sizeof(name), "member-%zu", number);
            assert_string_equal(archive_entry_pathname(entry), name);
            assert_int_equal(archive_entry_size(entry), large_sizes[number]);
        }
        assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_EOF);
        assert_int_equal(archive_read_close(a), ARCHIVE_OK);
        assert_int_equal(archive_read_free(a), ARCHIVE_OK);
        support_close_source(&in);
        assert_true(in.bytes_read < large_envelope.len / 4);
    }
}

static void
data_behind_what_was_skipped(void **state)
{
    static const enum support_source sources[] = { FROM_FD, FROM_SEEKING,
                                                   FROM_PIPE };
    struct archive_entry *entry;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(sources); i++) {
        struct support_input in = { .bytes = large_envelope };
        struct support_outcome o = { 0 };
        struct archive *a = support_reader();

        support_note(
            &o, a,
            support_open_source(a, OURS, sources[i], OPTIONS(AS_OPS), &in));
        support_note(&o, a, archive_read_next_header(a, &entry));
        assert_true(support_next(a, &o)); /* the second one */
        support_note(&o, a, archive_read_next_header(a, &entry));
        assert_false(support_next(a, &o));
        support_note(&o, a, archive_read_free(a));
        support_close_source(&in);
        assert_int_equal(o.status, ARCHIVE_OK);
        assert_int_equal(o.members, 1);
        assert_false(o.wrong);
    }
}

/* Packed again */

struct repacking {
    size_t piece_len;
    bool key_last, with_pax, with_directories;
};

static void
put_member(struct archive *to, const char *name, struct octets data, bool pax)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, data.data != NULL ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(entry, 0755);
    archive_entry_set_size(entry, (la_int64_t)data.len);
    archive_entry_set_mtime(entry, 1700000000, pax ? 123456789 : 0);
    assert_int_equal(archive_write_header(to, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(to, data.data, data.len), data.len);
    archive_entry_free(entry);
}

/* What any tar program lists there, joined by kind. */
static void
take_apart(struct octets carrier, struct octets *header, struct octets *key,
           struct octets *payload)
{
    struct archive *a = support_reader();
    struct archive_entry *entry;
    const char *name;
    struct octets *to;
    size_t len;

    *header = *key = *payload = (struct octets){ 0 };
    assert_int_equal(archive_read_open_memory(a, carrier.data, carrier.len),
                     ARCHIVE_OK);
    while (archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        name = archive_entry_pathname(entry);
        to = strcmp(name, "envelope/header") == 0    ? header
             : strcmp(name, "envelope/key.p7m") == 0 ? key
                                                     : payload;
        len = (size_t)archive_entry_size(entry);
        to->data = realloc(to->data, to->len + len);
        assert_non_null(to->data);
        assert_int_equal(archive_read_data(a, to->data + to->len, len), len);
        to->len += len;
    }
    assert_int_equal(archive_read_free(a), ARCHIVE_OK);
}

static struct octets
repack(struct octets carrier, const struct repacking *how)
{
    const struct support_plan pax = { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
                                      ARCHIVE_FILTER_NONE, NULL, 0 };
    struct archive *to = support_writer(&pax);
    struct octets header, key, payload, piece, packed;
    size_t at, used = 0, number = 0;
    char name[60];

    take_apart(carrier, &header, &key, &payload);
    packed.data = malloc(2 * carrier.len + 100000);
    assert_non_null(packed.data);
    if (how->with_pax)
        assert_int_equal(archive_write_set_format_pax(to), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(to, packed.data,
                                               2 * carrier.len + 100000, &used),
                     ARCHIVE_OK);
    if (how->with_directories) {
        put_member(to, "./", (struct octets){ 0 }, false);
        put_member(to, "./envelope/", (struct octets){ 0 }, false);
    }
    put_member(to, "./envelope/header", header, false);
    if (!how->key_last)
        put_member(to, "envelope/key.p7m", key, false);
    for (at = 0; at < payload.len; at += piece.len) {
        piece = (struct octets){ payload.data + at, payload.len - at };
        if (piece.len > how->piece_len)
            piece.len = how->piece_len;
        (void)snprintf(name, sizeof(name), "envelope/payload.%08zu", number++);
        put_member(to, name, piece, how->with_pax && number > 1);
    }
    if (how->key_last)
        put_member(to, "envelope/key.p7m", key, false);
    assert_int_equal(archive_write_free(to), ARCHIVE_OK);
    packed.len = used;
    support_drop(&header);
    support_drop(&key);
    support_drop(&payload);
    return packed;
}

static const struct repacking repackings[] = {
    { 65536, false, false, false }, { 100001, false, false, false },
    { 4000, false, false, true },   { 65536, true, false, true },
    { 65536, false, true, false },  { 10000000, true, true, true },
};

static void
packed_again(void **state)
{
    static const enum support_source sources[] = { FROM_FD, FROM_FILE,
                                                   FROM_SEEKING, FROM_PIPE };
    static const struct support_plan *const plans[] = { &support_some_tar,
                                                        &support_some_zip };
    struct octets sealed, packed;
    struct support_outcome o;
    size_t i, j, k;

    (void)state;
    for (i = 0; i < COUNT_OF(repackings); i++) {
        for (k = 0; k < COUNT_OF(plans); k++) {
            sealed = support_write(plans[k], TO_MEMORY, IN("tar"));
            packed = repack(sealed, &repackings[i]);
            for (j = 0; j < COUNT_OF(sources); j++)
                assert_reads(
                    support_read(OURS, sources[j], OPTIONS(AS_OPS), packed),
                    plans[k]);
            support_drop(&sealed);
            support_drop(&packed);
        }
        /* It must be sought in: it can, or there is a clear word. */
        sealed = support_write(&support_some_7zip, TO_MEMORY, IN("tar"));
        packed = repack(sealed, &repackings[i]);
        for (j = 0; j < 3; j++) {
            o = support_read(OURS, sources[j], OPTIONS(AS_OPS), packed);
            if (o.status == ARCHIVE_OK)
                assert_reads(o, &support_some_7zip);
            else
                assert_true(o.status == ARCHIVE_FATAL && !o.wrong
                            && support_says(&o, "packed again"));
        }
        support_drop(&sealed);
        support_drop(&packed);
    }
}

/* Looking for the last piece must not disturb those who read on, threads or
 * the program's own block, large or small. */
static void
packed_again_and_large(void **state)
{
    static const struct repacking how = { 100001, false, true, false };
    struct octets packed = repack(large_envelope, &how);
    unsigned i;

    (void)state;
    for (i = 0; i < 20; i++) {
        struct support_input in = { .bytes = packed,
                                    .block = i % 4 == 1 ? 10240 : 3 * MIB };
        enum support_source source = i % 2 == 0 ? FROM_FD : FROM_SEEKING;
        struct support_outcome o = { 0 };
        struct archive *a = support_reader();
        struct archive_entry *entry;

        support_note(
            &o, a, support_open_source(a, OURS, source, OPTIONS(AS_OPS), &in));
        support_note(&o, a, archive_read_next_header(a, &entry));
        support_note(&o, a, archive_read_next_header(a, &entry));
        support_note(&o, a, archive_read_next_header(a, &entry));
        support_note(&o, a, archive_read_free(a));
        support_close_source(&in);
        if (o.status != ARCHIVE_OK)
            print_error("time %u: %s\n", i, o.text);
        assert_int_equal(o.status, ARCHIVE_OK);
    }
    support_drop(&packed);
}

/* Ends */

/* Alter its last chunk, or put it right again. */
static void
spoil_end_of_large(void)
{
    large_envelope.data[support_needed(large_envelope, "tar") - 2000] ^= 1;
}

/* To skip it looks at the end first, which is damaged. */
static void
skipping_ends_where_the_end_is_bad(void **state)
{
    static const enum support_source sources[] = { FROM_FD, FROM_MEMORY,
                                                   FROM_SEEKING };
    struct archive_entry *entry;
    size_t i;

    (void)state;
    spoil_end_of_large();
    for (i = 0; i < COUNT_OF(sources); i++) {
        struct support_input in = { .bytes = large_envelope };
        struct support_outcome o = { 0 };
        struct archive *a = support_reader();
        int status =
            support_open_source(a, OURS, sources[i], OPTIONS(AS_OPS), &in);

        alarm(20); /* a client that fails to skip makes libarchive loop */
        while (status == ARCHIVE_OK)
            support_note(&o, a, status = archive_read_next_header(a, &entry));
        support_note(&o, a, archive_read_close(a));
        alarm(0);
        (void)archive_read_free(a); /* it is closed */
        support_close_source(&in);
        assert_int_equal(o.status, ARCHIVE_FATAL);
        assert_true(strlen(o.text) > 9);
    }
    spoil_end_of_large();
}

static void
stopping_early_is_fine(void **state)
{
    static const enum support_source sources[] = { FROM_CALLBACKS, FROM_PIPE,
                                                   FROM_FD };
    struct archive_entry *entry;
    size_t i;

    (void)state;
    spoil_end_of_large();
    for (i = 0; i < COUNT_OF(sources); i++) {
        struct support_input in = { .bytes = large_envelope };
        struct archive *a = support_reader();

        assert_int_equal(
            support_open_source(a, OURS, sources[i], OPTIONS(AS_OPS), &in),
            ARCHIVE_OK);
        assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
        assert_int_equal(archive_read_close(a), ARCHIVE_OK);
        assert_int_equal(archive_read_free(a), ARCHIVE_OK);
        support_close_source(&in);
        assert_true(in.bytes_read < 70 * MIB);
    }
    spoil_end_of_large();
}

/* Side by side */

static void
threads_change_nothing(void **state)
{
    struct support_outcome o;

    (void)state;
    o = support_read(OURS, FROM_FD, OPTIONS(AS_OPS, { "threads", "4" }),
                     large_envelope);
    assert_reads(o, &large);
}

/* A child of a fork fails; its parent does not notice. */
static void
forked_children_fail(void **state)
{
    struct archive_entry *entry;
    unsigned what;

    (void)state;
    for (what = 0; what < 3; what++) {
        struct support_input in = { .bytes = large_envelope };
        struct support_outcome o = { 0 };
        struct archive *a = support_reader();
        char byte;
        int status = 0;
        pid_t pid;

        assert_int_equal(
            support_open_source(a, OURS, FROM_FD, OPTIONS(AS_OPS), &in),
            ARCHIVE_OK);
        assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            alarm(20);
            if (what == 0) /* skip */
                status = archive_read_next_header(a, &entry);
            while (what == 1 && status >= 0)
                status = (int)archive_read_data(a, &byte, 1);
            _exit(archive_read_free(a) == ARCHIVE_FATAL
                          || status == ARCHIVE_FATAL
                      ? 0
                      : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        while (support_next(a, &o))
            ;
        support_note(&o, a, archive_read_free(a));
        support_close_source(&in);
        assert_int_equal(o.status, ARCHIVE_OK);
        assert_int_equal(o.members, large.count - 1);
        assert_false(o.wrong);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeking_formats),
        cmocka_unit_test(end_behind_padding),
        cmocka_unit_test(skipping_does_not_decrypt),
        cmocka_unit_test(data_behind_what_was_skipped),
        cmocka_unit_test(packed_again),
        cmocka_unit_test(packed_again_and_large),
        cmocka_unit_test(skipping_ends_where_the_end_is_bad),
        cmocka_unit_test(stopping_early_is_fine),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(forked_children_fail),
    };

    return cmocka_run_group_tests_name("seek", tests, setup, teardown);
}
