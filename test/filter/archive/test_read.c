/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: an envelope from any source reads as what was put into it, all
 * else reads as if libarchive had opened it, and no byte comes out that is
 * not the writer's.
 */
#define _GNU_SOURCE /* memmem */
#include "test/filter/archive/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

static const size_t some_sizes[] = { 100000, 0, 250000, 5 };

static const struct support_plan some_gzip = {
    ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_GZIP, some_sizes,
    COUNT_OF(some_sizes)
};

/* Envelopes */

static void
every_source(void **state)
{
    struct octets sealed;
    unsigned source;
    size_t i;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_some_tar, TO_MEMORY,
                               IN(support_carriers[i]));
        for (source = 0; source < SUPPORT_SOURCES; source++)
            assert_reads(support_read(OURS, source, OPTIONS(AS_OPS), sealed),
                         &support_some_tar);
        support_drop(&sealed);
    }
}

static void
an_empty_archive(void **state)
{
    struct octets sealed;
    size_t i;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed =
            support_write(&support_none, TO_MEMORY, IN(support_carriers[i]));
        assert_reads(support_read(OURS, FROM_FD, OPTIONS(AS_OPS), sealed),
                     &support_none);
        assert_reads(support_read(OURS, FROM_MEMORY, OPTIONS(AS_OPS), sealed),
                     &support_none);
        support_drop(&sealed);
    }
}

/* No text at all: it ends before a byte of it was read. */
static void
an_empty_text(void **state)
{
    struct octets nothing = support_octets("", 0), sealed;
    struct support_outcome o;
    size_t i;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_seal(nothing, IN(support_carriers[i]));
        o = support_read(OURS, FROM_SEEKING, OPTIONS(AS_OPS), sealed);
        assert_reads(o, &support_none);
        o = support_read(OURS, FROM_FD, OPTIONS(AS_OPS), sealed);
        assert_reads(o, &support_none);
        sealed.data[sealed.len - 1] ^= 1; /* xbstream: the last path */
        o = support_read(OURS, FROM_FD, OPTIONS(AS_OPS), sealed);
        assert_int_equal(o.status, ARCHIVE_FATAL);
        support_drop(&sealed);
    }
    support_drop(&nothing);
}

/* Blocks of any size, also of less than recognising takes. */
static void
any_block_size(void **state)
{
    static const size_t blocks[] = { 1, 100, 511, 513, 8192, 10000000 };
    struct octets sealed =
        support_write(&support_one_short, TO_MEMORY, IN("tar"));
    struct octets plain = support_write(&support_one_short, TO_MEMORY, NULL);
    struct octets *both[] = { &sealed, &plain };
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT_OF(blocks); i++) {
        for (j = 0; j < 2; j++) {
            struct support_input in = { .bytes = *both[j], .block = blocks[i] };
            struct support_outcome o = { 0 };
            struct archive *a = support_reader();

            support_note(
                &o, a,
                support_open_source(a, OURS, FROM_SKIPPING,
                                    OPTIONS(AS_OPS, { "require", "0" }), &in));
            while (support_next(a, &o))
                ;
            support_note(&o, a, archive_read_free(a));
            assert_reads(o, &support_one_short);
            assert_int_equal(in.opens, 1);
            assert_int_equal(in.closes, 1);
        }
    }
    support_drop(&sealed);
    support_drop(&plain);
}

/* A descriptor or FILE is read from where it stands. */
static void
from_where_it_stands(void **state)
{
    struct octets sealed, file;
    const size_t junk = 12345;
    struct support_outcome o;
    struct archive *a;
    unsigned i, j;
    int status;
    FILE *f;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_some_zip, TO_MEMORY,
                               IN(support_carriers[i]));
        file = (struct octets){ malloc(junk + sealed.len), junk + sealed.len };
        assert_non_null(file.data);
        memset(file.data, 'x', junk);
        memcpy(file.data + junk, sealed.data, sealed.len);
        support_save(support_path("junk"), file);
        for (j = 0; j < 2; j++) {
            f = fopen(support_path("junk"), "r");
            assert_non_null(f);
            assert_int_equal(fseek(f, (long)junk, SEEK_SET), 0);
            if (j == 0)
                assert_int_equal(lseek(fileno(f), (off_t)junk, SEEK_SET), junk);
            a = support_reader();
            o = (struct support_outcome){ 0 };
            status =
                j == 0 ? envelope_archive_read_open_fd(a, OPTIONS(AS_OPS),
                                                       fileno(f), 10240)
                       : envelope_archive_read_open_FILE(a, OPTIONS(AS_OPS), f);
            support_note(&o, a, status);
            while (status == ARCHIVE_OK && support_next(a, &o))
                ;
            support_note(&o, a, archive_read_free(a));
            assert_reads(o, &support_some_zip);
            assert_int_equal(fclose(f), 0);
        }
        support_drop(&file);
        support_drop(&sealed);
    }
}

static void
recognition(void **state)
{
    struct octets sealed;
    const char *name;
    size_t i, len, first;

    (void)state;
    assert_null(envelope_archive_recognise("", 0));
    for (i = 0; i < CARRIERS; i++) {
        sealed = support_write(&support_one_short, TO_MEMORY,
                               IN(support_carriers[i]));
        first = 0;
        for (len = 0; len <= ENVELOPE_ARCHIVE_RECOGNISE_LENGTH; len++) {
            struct octets start = support_octets(sealed.data, len);

            name = envelope_archive_recognise(start.data, len);
            if (name != NULL)
                assert_string_equal(name, support_carriers[i]);
            if (name != NULL && first == 0)
                first = len;
            assert_true(first == 0 || name != NULL);
            support_drop(&start);
        }
        assert_in_range(first, 1, 512);
        support_drop(&sealed);
    }
}

/* Anything else */

static void
assert_same(struct support_outcome ours, struct support_outcome stock)
{
    assert_string_equal(ours.list, stock.list);
    assert_string_equal(ours.text, stock.text);
    assert_int_equal(ours.status, stock.status);
    assert_int_equal(ours.error, stock.error);
}

/* That a pipe cannot be sought in, libarchive's own opening says in other
 * words than libarchive does of callbacks. */
static void
same_as_stock(struct octets bytes)
{
    struct support_outcome ours, stock;
    unsigned source;

    for (source = 0; source < SUPPORT_SOURCES; source++) {
        ours = support_read(OURS, source, OPTIONS(AS_OPS, { "require", "0" }),
                            bytes);
        stock = support_read(STOCK, source, NULL, bytes);
        /* A FILE on a pipe fails in libarchive 3.8.10 where a pipe does not. */
        if (source == FROM_PIPE_FILE && stock.status == ARCHIVE_FATAL)
            stock = support_read(STOCK, FROM_PIPE, NULL, bytes);
        if (strstr(stock.text, "not seekable(PIPE)") != NULL) {
            assert_non_null(strstr(ours.text, "seek"));
            memcpy(ours.text, stock.text, sizeof(ours.text));
            ours.error = stock.error;
        }
        assert_same(ours, stock);
    }
}

static void
what_is_no_envelope(void **state)
{
    static const struct support_plan *const plans[] = {
        &support_some_tar, &support_some_zip,  &support_some_7zip,
        &some_gzip,        &support_one_short, &support_none
    };
    static const char text[] = "this is no archive of any kind";
    struct octets bytes;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(plans); i++) {
        bytes = support_write(plans[i], TO_MEMORY, NULL);
        same_as_stock(bytes);
        bytes.len = bytes.len * 2 / 3; /* cut */
        same_as_stock(bytes);
        support_drop(&bytes);
    }
    for (i = 0; i <= sizeof(text); i += 6) {
        bytes = support_octets(text, i);
        same_as_stock(bytes);
        support_drop(&bytes);
    }
}

static void
no_envelope_needs_no_identity(void **state)
{
    struct octets plain = support_write(&support_some_tar, TO_MEMORY, NULL);

    (void)state;
    assert_reads(support_read(OURS, FROM_NAME, NULL, plain), &support_some_tar);
    assert_reads(support_read(OURS, FROM_PIPE, NULL, plain), &support_some_tar);
    support_drop(&plain);
}

static struct support_outcome
read_name(enum support_opener opener, const char *name)
{
    struct support_outcome o = { 0 };
    struct archive *a = support_reader();
    int status =
        opener == OURS
            ? envelope_archive_read_open_filename(a, OPTIONS(AS_OPS), name, 512)
            : archive_read_open_filename(a, name, 512);

    support_note(&o, a, status);
    while (status == ARCHIVE_OK && support_next(a, &o))
        ;
    (void)archive_read_free(a); /* most of these fail */
    return o;
}

static void
names_that_cannot_be_read(void **state)
{
    static const char *const names[] = { "missing", "ops.key/below" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(names); i++)
        assert_same(read_name(OURS, support_path(names[i])),
                    read_name(STOCK, support_path(names[i])));
    assert_int_equal(read_name(OURS, support_path("missing")).error, ENOENT);
    assert_refused(read_name(OURS, support_path("")), EISDIR, "Is a directory");
}

static void
standard_input(void **state)
{
    static const char *const names[] = { NULL, "" };
    struct octets sealed =
        support_write(&support_some_tar, TO_MEMORY, IN("tar"));
    int kept = dup(STDIN_FILENO), fd;
    size_t i;

    (void)state;
    support_save(support_path("stdin"), sealed);
    for (i = 0; i < COUNT_OF(names); i++) {
        fd = open(support_path("stdin"), O_RDONLY);
        assert_true(fd >= 0);
        assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(close(fd), 0);
        assert_reads(read_name(OURS, names[i]), &support_some_tar);
        assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0); /* still open */
    }
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(kept), 0);
    support_drop(&sealed);
}

/* A program that reads anything has a seek callback, which a pipe fails. */
static void
callbacks_whose_seek_fails(void **state)
{
    struct octets bytes[] = {
        support_write(&support_some_tar, TO_MEMORY, NULL),
        support_write(&support_some_zip, TO_MEMORY, NULL),
        support_write(&support_some_tar, TO_MEMORY, IN("tar")),
        support_write(&support_some_zip, TO_MEMORY, IN("tar")),
        support_write(&support_some_zip, TO_MEMORY, IN("raw")),
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(bytes); i++) {
        struct support_input in = { .bytes = bytes[i],
                                    .block = 65536,
                                    .seek_fails = true };
        struct support_outcome o = { 0 };
        struct archive *a = archive_read_new();

        /* None of these reads far ahead before zip seeks. */
        assert_int_equal(archive_read_support_format_tar(a), ARCHIVE_OK);
        assert_int_equal(archive_read_support_format_zip(a), ARCHIVE_OK);
        support_note(&o, a,
                     support_open_source(a, OURS, FROM_SEEKING,
                                         OPTIONS(AS_OPS, { "require", "0" }),
                                         &in));
        while (support_next(a, &o))
            ;
        support_note(&o, a, archive_read_free(a));
        assert_reads(o, &support_some_tar);
        support_drop(&bytes[i]);
    }
}

/* Identities */

static void
identities(void **state)
{
    struct octets sealed =
        support_write(&support_some_tar, TO_MEMORY, IN("tar"));
    const struct envelope_option several[] = {
        { "identity", support_path("other.key") },
        { "identity", support_path("ops.key") },
        { NULL, NULL },
    };
    char list[500];

    (void)state;
    assert_reads(support_read(OURS, FROM_FD, several, sealed),
                 &support_some_tar);
    (void)snprintf(list, sizeof(list), "%s:%s", support_path("other.key"),
                   support_path("ops.key"));
    assert_reads(support_read(OURS, FROM_MEMORY,
                              OPTIONS({ "identities", list }), sealed),
                 &support_some_tar);
    assert_int_equal(
        setenv(ENVELOPE_ENV_IDENTITIES, support_path("ops.key"), 1), 0);
    assert_reads(support_read(OURS, FROM_FD, NULL, sealed), &support_some_tar);
    assert_int_equal(unsetenv(ENVELOPE_ENV_IDENTITIES), 0);
    support_drop(&sealed);
}

static void
identities_that_do_not_open_it(void **state)
{
    struct octets sealed =
        support_write(&support_some_tar, TO_MEMORY, IN("tar"));
    const struct envelope_option bad[][2] = {
        { { "identities", support_path("other.key") }, { NULL, NULL } },
        { { "identities", support_path("missing") }, { NULL, NULL } },
        { { "identities", support_path("ops.pem") }, { NULL, NULL } },
        { { "passphrase", "tell me" }, { NULL, NULL } },
        { { "passphrase-file", support_path("missing") }, { NULL, NULL } },
        { { "nonesuch", "1" }, { NULL, NULL } },
        { { "threads", "65" }, { NULL, NULL } },
        { { "identities", NULL }, { NULL, NULL } },
        { { NULL, NULL }, { NULL, NULL } },
    };
    unsigned source;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(bad); i++) {
        for (source = 0; source < SUPPORT_SOURCES; source++)
            assert_refused(support_read(OURS, source, bad[i], sealed), EINVAL,
                           "envelope: ");
    }
    support_drop(&sealed);
}

/* Also after more archives than libcrypto has numbers for libraries. */
static void
errors_after_many_archives(void **state)
{
    struct octets sealed =
        support_write(&support_one_short, TO_MEMORY, IN("raw"));
    unsigned i;

    (void)state;
    for (i = 0; i < 300; i++)
        assert_refused(
            support_read(OURS, FROM_MEMORY,
                         OPTIONS({ "identities", support_path("other.key") }),
                         sealed),
            EINVAL, "no identity opens this envelope");
    support_drop(&sealed);
}

/* Callbacks */

static void
callbacks_that_fail(void **state)
{
    struct octets sealed =
        support_write(&support_some_tar, TO_MEMORY, IN("tar"));
    struct support_input cases[] = {
        { .open_status = ARCHIVE_FATAL, .fail_text = "no such tape" },
        { .fail_at = 100000, .fail_text = "the tape is torn" },
        { .close_status = ARCHIVE_FATAL, .fail_text = "no way to rewind" },
        { .fail_at = 1, .block = 100, .fail_text = "the tape is torn" },
    };
    enum support_source source;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(cases); i++) {
        for (source = FROM_CALLBACKS; source <= FROM_SEEKING; source++) {
            struct support_input in = cases[i];
            struct support_outcome o = { 0 };
            struct archive *a = support_reader();
            int status;

            in.bytes = sealed;
            status = support_open_source(a, OURS, source, OPTIONS(AS_OPS), &in);
            support_note(&o, a, status);
            while (status == ARCHIVE_OK && support_next(a, &o))
                ;
            support_note(&o, a, archive_read_close(a));
            (void)archive_read_free(a); /* it is closed */
            assert_int_equal(o.status, ARCHIVE_FATAL);
            assert_true(support_says(&o, in.fail_text));
            assert_false(o.wrong);
            assert_int_equal(in.opens, 1);
            assert_int_equal(in.closes, 1); /* as libarchive does */
        }
    }
    support_drop(&sealed);
}

/* What has come is not held back until there is more of it. */
static void
text_before_a_callback_fails(void **state)
{
    struct octets sealed =
        support_write(&support_some_tar, TO_MEMORY, IN("raw"));
    struct support_input in = { .bytes = sealed,
                                .block = 10240,
                                .fail_at = sealed.len - 20000,
                                .fail_text = "the tape is torn" };
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    unsigned char text[4096];
    size_t len = 0;
    la_ssize_t n;

    (void)state;
    assert_int_equal(archive_read_support_format_raw(a), ARCHIVE_OK);
    assert_int_equal(
        support_open_source(a, OURS, FROM_CALLBACKS, OPTIONS(AS_OPS), &in),
        ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
    assert_true(in.at <= 40960);
    while ((n = archive_read_data(a, text, sizeof(text))) > 0)
        len += (size_t)n;
    assert_int_equal(n, ARCHIVE_FATAL);
    assert_non_null(strstr(archive_error_string(a), "the tape is torn"));
    assert_true(len + 60000 > sealed.len);
    (void)archive_read_free(a);
    support_close_source(&in);
    support_drop(&sealed);
}

static void
opened_twice(void **state)
{
    struct octets sealed =
        support_write(&support_some_tar, TO_MEMORY, IN("tar"));
    enum support_source source;

    (void)state;
    for (source = 0; source < SUPPORT_SOURCES; source++) {
        struct support_input in = { .bytes = sealed };
        struct archive *a = support_reader();

        assert_int_equal(
            support_open_source(a, OURS, source, OPTIONS(AS_OPS), &in),
            ARCHIVE_OK);
        assert_int_equal(envelope_archive_read_open_memory(
                             a, OPTIONS(AS_OPS), sealed.data, sealed.len),
                         ARCHIVE_FATAL);
        (void)archive_read_free(a); /* it was misused */
        support_close_source(&in);
    }
    support_drop(&sealed);
}

/* Side by side */

static void *
write_and_read(void *arg)
{
    unsigned number = *(const unsigned *)arg, i;
    size_t good = 0;

    for (i = 0; i < 6; i++) {
        struct octets sealed =
            support_write(&support_some_tar, (number + i) % SUPPORT_TARGETS,
                          IN(support_carriers[i % CARRIERS]));
        struct support_outcome o = support_read(
            OURS, (number + i) % SUPPORT_SOURCES, OPTIONS(AS_OPS), sealed);

        good += o.status == ARCHIVE_OK && !o.wrong
                && o.members == support_some_tar.count;
        support_drop(&sealed);
    }
    OPENSSL_thread_stop();
    return good == i ? arg : NULL;
}

static void
many_at_once(void **state)
{
    pthread_t threads[5];
    unsigned numbers[5], i;
    void *result;

    (void)state;
    for (i = 0; i < COUNT_OF(threads); i++) {
        numbers[i] = i;
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_and_read, &numbers[i]), 0);
    }
    for (i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &numbers[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_source),
        cmocka_unit_test(an_empty_archive),
        cmocka_unit_test(an_empty_text),
        cmocka_unit_test(any_block_size),
        cmocka_unit_test(from_where_it_stands),
        cmocka_unit_test(recognition),
        cmocka_unit_test(what_is_no_envelope),
        cmocka_unit_test(no_envelope_needs_no_identity),
        cmocka_unit_test(names_that_cannot_be_read),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(callbacks_whose_seek_fails),
        cmocka_unit_test(identities),
        cmocka_unit_test(identities_that_do_not_open_it),
        cmocka_unit_test(errors_after_many_archives),
        cmocka_unit_test(callbacks_that_fail),
        cmocka_unit_test(text_before_a_callback_fails),
        cmocka_unit_test(opened_twice),
        cmocka_unit_test(many_at_once),
    };

    return cmocka_run_group_tests_name("read", tests, support_setup,
                                       support_teardown);
}
