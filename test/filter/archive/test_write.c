/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: every target in every carrier, options by name, and what libarchive
 * and the program agree on besides.  test_write_fails.c has the failures.
 */
#include "test/filter/archive/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Archives */

static void
every_target_and_carrier(void **state)
{
    struct octets sealed;
    unsigned target;
    size_t i;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        for (target = 0; target < SUPPORT_TARGETS; target++) {
            sealed = support_write(&support_some_tar, target,
                                   IN(support_carriers[i]));
            assert_string_equal(envelope_archive_recognise(sealed.data, 8192),
                                support_carriers[i]);
            assert_reads(support_read_back(sealed), &support_some_tar);
            support_drop(&sealed);
        }
    }
}

static void
tar_is_the_default(void **state)
{
    struct octets sealed =
        support_write(&support_one_short, TO_MEMORY, OPTIONS(TO_OPS));

    (void)state;
    assert_string_equal(envelope_archive_recognise(sealed.data, sealed.len),
                        "tar");
    support_drop(&sealed);
}

static void
formats_and_filters(void **state)
{
    static const int formats[] = { ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE,
                                   ARCHIVE_FORMAT_CPIO_POSIX,
                                   ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_7ZIP };
    static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
                                   ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ };
    struct support_plan plan = support_some_tar;
    struct support_outcome o;
    struct octets sealed;
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT_OF(formats); i++) {
        for (j = 0; j < COUNT_OF(filters); j++) {
            if (i >= 2 && j > 0) /* they compress by themselves */
                continue;
            plan.format = formats[i];
            plan.filter = filters[j];
            sealed = support_write(&plan, TO_FD, IN("tar"));
            o = support_read_back(sealed);
            assert_reads(o, &plan);
            if (filters[j] == ARCHIVE_FILTER_ZSTD)
                assert_non_null(strstr(o.list, "zstd"));
            support_drop(&sealed);
        }
    }
}

/* A descriptor or FILE is written from where it stands, and stays open. */
static void
from_where_it_stands(void **state)
{
    const char *path = support_path("stands");
    struct octets file, sealed;
    struct archive *a;
    unsigned i;
    FILE *f;

    (void)state;
    for (i = 0; i < 2; i++) {
        f = fopen(path, "w");
        a = support_writer(&support_some_tar);
        assert_non_null(f);
        assert_int_equal(fputs("before", f), 1);
        assert_int_equal(fflush(f), 0);
        assert_int_equal(
            i == 0 ? envelope_archive_write_open_fd(a, IN("tar"), fileno(f))
                   : envelope_archive_write_open_FILE(a, IN("tar"), f),
            ARCHIVE_OK);
        assert_int_equal(support_add_all(a, &support_some_tar), ARCHIVE_OK);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        file = support_load(path); /* flushed */
        assert_int_equal(fclose(f), 0);
        assert_memory_equal(file.data, "before", 6);
        sealed = support_octets(file.data + 6, file.len - 6);
        assert_reads(support_read_back(sealed), &support_some_tar);
        support_drop(&sealed);
        support_drop(&file);
    }
    assert_int_equal(unlink(path), 0);
}

static void
standard_output(void **state)
{
    static const char *const names[] = { NULL, "" };
    const char *path = support_path("stdout");
    struct archive *a;
    struct octets sealed;
    int kept, fd, status;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(names); i++) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        a = support_writer(&support_one_short);
        assert_true(fd >= 0);
        (void)fflush(stdout); /* TAP goes there */
        kept = dup(STDOUT_FILENO);
        assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
        status = envelope_archive_write_open_filename(a, IN("raw"), names[i]);
        if (status == ARCHIVE_OK)
            status = support_add_all(a, &support_one_short);
        if (status == ARCHIVE_OK)
            status = envelope_archive_write_free(a);
        assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
        assert_int_equal(close(kept), 0);
        assert_int_equal(close(fd), 0);
        assert_int_equal(status, ARCHIVE_OK);
        sealed = support_load(path);
        assert_reads(support_read_back(sealed), &support_one_short);
        support_drop(&sealed);
    }
    assert_int_equal(unlink(path), 0);
}

/* Both ends are met by a program that stores the archive's bytes itself. */
static void
a_pipe_that_does_not_block(void **state)
{
    struct archive *a = support_writer(&support_one_long);
    struct support_input in = { 0 };
    struct support_outcome o = { 0 };
    struct archive *reader = support_reader();
    int fds[2], status;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(30);
        (void)close(fds[0]);
        if (envelope_archive_write_open_fd(a, IN("tar"), fds[1]) != ARCHIVE_OK
            || support_add_all(a, &support_one_long) != ARCHIVE_OK)
            _exit(1);
        _exit(envelope_archive_write_free(a) != ARCHIVE_OK);
    }
    assert_int_equal(close(fds[1]), 0);
    in.fd = fds[0];
    support_note(
        &o, reader,
        envelope_archive_read_open_fd(reader, OPTIONS(AS_OPS), fds[0], 10240));
    while (support_next(reader, &o))
        ;
    support_note(&o, reader, archive_read_free(reader));
    assert_reads(o, &support_one_long);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    support_close_source(&in);
    (void)archive_write_free(a); /* it was not opened here */
}

/* Callbacks */

static void
callbacks_are_called_in_turn(void **state)
{
    static const size_t takes[] = { 0, 1000, 7 };
    struct support_output out;
    struct octets sealed;
    struct archive *a;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(takes); i++) {
        out = (struct support_output){ .take = takes[i] };
        a = support_writer(&support_one_short);
        assert_int_equal(support_open_target(a, TO_CALLBACKS, IN("tar"), &out),
                         ARCHIVE_OK);
        assert_int_equal(out.opens, 1);
        assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
        assert_int_equal(out.closes, 0);
        assert_int_equal(envelope_archive_write_close(a), ARCHIVE_OK);
        assert_int_equal(out.closes, 1);
        assert_int_equal(out.frees, 0);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        assert_int_equal(out.opens, 1);
        assert_int_equal(out.closes, 1);
        assert_int_equal(out.frees, 1);
        assert_true(pthread_equal(out.thread, pthread_self()));
        sealed = support_collect(TO_CALLBACKS, &out);
        assert_reads(support_read_back(sealed), &support_one_short);
        support_drop(&sealed);
    }
}

static void
callbacks_may_be_missing(void **state)
{
    struct support_output out = { .fd = -1 };
    struct archive *a = support_writer(&support_one_short);
    struct octets sealed;

    (void)state;
    assert_int_equal(envelope_archive_write_open(a, IN("tar"), &out, NULL,
                                                 support_on_write, NULL, NULL),
                     ARCHIVE_OK);
    assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    sealed = support_collect(TO_CALLBACKS, &out);
    assert_reads(support_read_back(sealed), &support_one_short);
    support_drop(&sealed);
}

/* Options */

static bool
has(struct octets in, const char *text)
{
    return support_find(in, text, strlen(text)) != SIZE_MAX;
}

static void
options_by_name(void **state)
{
    const char *phrase = support_path("phrase");
    struct octets sealed, other, lines = support_octets("open\nnot", 8);
    char list[500];

    (void)state;
    sealed = support_write(
        &support_one_short, TO_MEMORY,
        OPTIONS(TO_OPS, { "labels", "b=2\na=1" }, { "label", "c=3" }));
    assert_true(has(sealed, "a=1\nb=2\nc=3\n"));
    support_drop(&sealed);

    (void)snprintf(list, sizeof(list), "%s:%s", support_path("other.pem"),
                   support_path("ops.pem"));
    sealed = support_write(&support_one_short, TO_MEMORY,
                           OPTIONS({ "recipients", list }));
    assert_reads(support_read_back(sealed), &support_one_short);
    support_drop(&sealed);
    sealed = support_write(&support_one_short, TO_MEMORY,
                           OPTIONS({ "recipient", support_path("other.pem") },
                                   { "recipient", support_path("ops.pem") },
                                   { "threads", "4" }));
    assert_reads(support_read_back(sealed), &support_one_short);
    support_drop(&sealed);

    support_save(phrase, lines);
    support_drop(&lines);
    sealed = support_write(
        &support_one_short, TO_MEMORY,
        OPTIONS({ "passphrase", "open" }, { "work-factor", "14" }));
    assert_reads(support_read(OURS, FROM_FD,
                              OPTIONS({ "passphrase-file", phrase }), sealed),
                 &support_one_short);
    assert_refused(
        support_read(OURS, FROM_FD, OPTIONS({ "passphrase", "shut" }), sealed),
        EINVAL, "envelope: ");
    support_drop(&sealed);

    sealed = support_write(&support_one_short, TO_MEMORY,
                           OPTIONS(TO_OPS, { "carrier", "raw" }));
    other =
        support_write(&support_one_short, TO_MEMORY,
                      OPTIONS(TO_OPS, { "carrier", "raw" },
                              { "reserve", "5000" }, { "allow-expired", "1" }));
    assert_int_equal(other.len, sealed.len + 5000);
    assert_reads(support_read_back(other), &support_one_short);
    support_drop(&other);
    support_drop(&sealed);
    assert_int_equal(unlink(phrase), 0);
}

static void
options_of_carriers(void **state)
{
    static const char *const sizes[] = { "131072", "128K" };
    struct octets sealed;
    size_t i;

    (void)state;
    sealed = support_write(&support_some_tar, TO_MEMORY, OPTIONS(TO_OPS));
    assert_false(has(sealed, "envelope/payload.00000001")); /* 8 MiB fit */
    support_drop(&sealed);
    for (i = 0; i < COUNT_OF(sizes); i++) {
        sealed = support_write(&support_some_tar, TO_MEMORY,
                               OPTIONS(TO_OPS, { "piece-size", sizes[i] }));
        assert_true(has(sealed, "envelope/payload.00000002"));
        assert_false(has(sealed, "envelope/payload.00000003"));
        support_drop(&sealed);
    }
    sealed = support_write(
        &support_one_short, TO_MEMORY,
        OPTIONS(TO_OPS, { "carrier", "xbstream" }, { "xbcloud", "1" }));
    assert_true(has(sealed, "xtrabackup_tablespaces.envelope"));
    assert_true(has(sealed, "xtrabackup_info.envelope"));
    assert_reads(support_read_back(sealed), &support_one_short);
    support_drop(&sealed);
    sealed = support_write(
        &support_one_short, TO_MEMORY,
        OPTIONS(TO_OPS, { "carrier", "xbstream" }, { "xbcloud", "0" }));
    assert_false(has(sealed, "xtrabackup_"));
    support_drop(&sealed);
}

static void
recipients_of_the_environment(void **state)
{
    struct octets sealed;

    (void)state;
    assert_int_equal(
        setenv(ENVELOPE_ENV_RECIPIENTS, support_path("ops.pem"), 1), 0);
    sealed = support_write(&support_one_short, TO_MEMORY,
                           OPTIONS({ "carrier", "tar" }));
    assert_int_equal(unsetenv(ENVELOPE_ENV_RECIPIENTS), 0);
    assert_reads(support_read_back(sealed), &support_one_short);
    support_drop(&sealed);
}

/* Ends */

static void
free_closes_too(void **state)
{
    struct support_output out;
    struct octets sealed;
    struct archive *a;
    unsigned target, how;

    (void)state;
    for (target = 0; target < SUPPORT_TARGETS; target++) {
        for (how = 0; how < 3; how++) {
            out = (struct support_output){ 0 };
            a = support_writer(&support_some_tar);
            assert_int_equal(support_open_target(a, target, IN("tar"), &out),
                             ARCHIVE_OK);
            assert_int_equal(support_add_all(a, &support_some_tar), ARCHIVE_OK);
            if (how == 1)
                assert_int_equal(archive_write_close(a), ARCHIVE_OK);
            assert_int_equal(how == 0 ? archive_write_free(a)
                                      : envelope_archive_write_free(a),
                             ARCHIVE_OK);
            sealed = support_collect(target, &out);
            assert_reads(support_read_back(sealed), &support_some_tar);
            support_drop(&sealed);
        }
    }
}

static void
archives_that_are_not_ours(void **state)
{
    struct archive *a = support_writer(&support_one_short);
    unsigned char memory[40000];
    size_t used = 0;

    (void)state;
    assert_int_equal(envelope_archive_write_free(NULL), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_close(a), ARCHIVE_OK);
    assert_int_equal(
        archive_write_open_memory(a, memory, sizeof(memory), &used),
        ARCHIVE_OK);
    assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_close(a), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    assert_true(used > 20000);
    a = support_writer(&support_one_short);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
}

static void
opened_twice(void **state)
{
    struct support_output first, second;
    struct octets sealed;
    struct archive *a;
    unsigned i, j;

    (void)state;
    for (i = 0; i < SUPPORT_TARGETS; i++) {
        for (j = 0; j < SUPPORT_TARGETS; j++) {
            first = second = (struct support_output){ 0 };
            a = support_writer(&support_some_tar);
            assert_int_equal(support_open_target(a, i, IN("tar"), &first),
                             ARCHIVE_OK);
            assert_int_equal(support_open_target(a, j, IN("tar"), &second),
                             ARCHIVE_FATAL);
            (void)envelope_archive_write_free(a); /* it was misused */
            assert_int_equal(first.closes, first.opens);
            sealed = support_collect(i, &first);
            support_drop(&sealed);
            sealed = support_collect(j, &second);
            support_drop(&sealed);
        }
    }
}

/* What libarchive and the program agree on */

/* What the program has said of blocks counts for what is written, and nothing
 * of it for what is encrypted. */
static void
assert_plain_is_not_padded(struct octets sealed)
{
    struct octets text = support_unseal(sealed, OPTIONS(AS_OPS));

    assert_in_range(text.len, 20000, 20000 + 5 * 512);
    support_drop(&text);
}

/* The rules are libarchive's: a tar has a multiple of 10240 bytes by itself. */
static void
last_blocks_are_padded(void **state)
{
    static const struct {
        enum support_target target;
        int per_block, last;
        size_t multiple;
    } cases[] = {
        { TO_MEMORY, 65536, -1, 10240 },    { TO_NAME, 65536, -1, 10240 },
        { TO_FD, 65536, -1, 10240 },        { TO_FILE, 65536, -1, 65536 },
        { TO_CALLBACKS, 65536, -1, 65536 }, { TO_CALLBACKS, 65536, 1, 10240 },
        { TO_CALLBACKS, 0, -1, 10240 },     { TO_CALLBACKS, -1, -1, 10240 },
        { TO_MEMORY, 65536, 0, 65536 },     { TO_NAME, 65536, 0, 65536 },
        { TO_NAME, 65536, 65536, 65536 },   { TO_FD, 65536, 4096, 4096 },
        { TO_FD, 65536, 1000000, 65536 },   { TO_FILE, 16000000, 0, 16000000 },
    };
    struct octets sealed;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(cases); i++) {
        struct support_output out = { 0 };
        struct archive *a = support_writer(&support_one_short);

        if (cases[i].per_block >= 0)
            (void)archive_write_set_bytes_per_block(a, cases[i].per_block);
        if (cases[i].last >= 0)
            (void)archive_write_set_bytes_in_last_block(a, cases[i].last);
        assert_int_equal(
            support_open_target(a, cases[i].target, IN("tar"), &out),
            ARCHIVE_OK);
        assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        sealed = support_collect(cases[i].target, &out);
        assert_int_equal(sealed.len % cases[i].multiple, 0);
        assert_true(sealed.len < 40960 + cases[i].multiple);
        assert_plain_is_not_padded(sealed);
        assert_reads(support_read_back(sealed), &support_one_short);
        support_drop(&sealed);
    }
}

struct blocks {
    struct support_output out;
    size_t len;         /* of a block */
    unsigned odd, last; /* blocks of another length; was it the last one? */
};

static la_ssize_t
on_block(struct archive *a, void *data, const void *p, size_t len)
{
    struct blocks *blocks = data;

    blocks->last = len != blocks->len;
    blocks->odd += blocks->last;
    return support_on_write(a, &blocks->out, p, len);
}

static void
callbacks_get_blocks(void **state)
{
    static const struct {
        const char *carrier;
        int per_block, last;
        size_t len;
        unsigned odd;
    } cases[] = {
        { "tar", -1, -1, 10240, 0 },     { "tar", 65536, -1, 65536, 0 },
        { "tar", 65536, 1, 65536, 1 },   { "tar", 512, 512, 512, 0 },
        { "tar", 1000, -1, 1000, 0 },    { "raw", 65536, -1, 65536, 1 },
        { "xbstream", -1, 1, 10240, 1 },
    };
    struct octets sealed;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(cases); i++) {
        struct blocks blocks = { .out = { .fd = -1 }, .len = cases[i].len };
        struct archive *a = support_writer(&support_some_tar);

        if (cases[i].per_block >= 0)
            (void)archive_write_set_bytes_per_block(a, cases[i].per_block);
        if (cases[i].last >= 0)
            (void)archive_write_set_bytes_in_last_block(a, cases[i].last);
        assert_int_equal(envelope_archive_write_open(a, IN(cases[i].carrier),
                                                     &blocks, NULL, on_block,
                                                     NULL, NULL),
                         ARCHIVE_OK);
        assert_int_equal(support_add_all(a, &support_some_tar), ARCHIVE_OK);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        assert_int_equal(blocks.odd, cases[i].odd);
        assert_int_equal(blocks.last, cases[i].odd); /* it was the last one */
        sealed = support_collect(TO_CALLBACKS, &blocks.out);
        assert_reads(support_read_back(sealed), &support_some_tar);
        support_drop(&sealed);
    }
}

/* A block of no length: the key at once, all else as it comes. */
static void
no_blocks(void **state)
{
    struct support_output out = { .fd = -1 };
    struct archive *a = support_writer(&support_one_short);
    struct octets sealed;

    (void)state;
    (void)archive_write_set_bytes_per_block(a, 0);
    assert_int_equal(envelope_archive_write_open(a, IN("tar"), &out, NULL,
                                                 support_on_write, NULL, NULL),
                     ARCHIVE_OK);
    assert_int_equal(out.writes, 1);
    assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    sealed = support_collect(TO_CALLBACKS, &out);
    assert_reads(support_read_back(sealed), &support_one_short);
    support_drop(&sealed);
}

/* Nothing may follow the end of the other carriers, and no reader takes more
 * zeros than 16 MiB after a tar. */
static void
padding_that_cannot_be(void **state)
{
    static const struct {
        const char *carrier;
        int per_block, last;
        const char *word;
    } cases[] = {
        { "raw", 65536, 0, "carrier tar" },
        { "xbstream", 65536, 65536, "carrier tar" },
        { "auto", 10240, 512, "carrier tar" },
        { "tar", 16777216, 0, "blocks of 16777216 bytes" },
    };
    const char *path = support_path("padded");
    struct archive *a;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(cases); i++) {
        a = support_writer(&support_one_short);
        (void)archive_write_set_bytes_per_block(a, cases[i].per_block);
        (void)archive_write_set_bytes_in_last_block(a, cases[i].last);
        assert_int_equal(
            envelope_archive_write_open_filename(a, IN(cases[i].carrier), path),
            ARCHIVE_FATAL);
        assert_int_equal(archive_errno(a), EINVAL);
        assert_non_null(strstr(archive_error_string(a), cases[i].word));
        assert_int_equal(access(path, F_OK), -1);
        (void)envelope_archive_write_free(a); /* it was not opened */
    }
}

/* An archive of a tree does not take itself in. */
static void
not_into_itself(void **state)
{
    const char *path = support_path("self");
    struct archive *a = support_writer(&support_one_short);
    struct archive_entry *entry = archive_entry_new();
    struct stat st;

    (void)state;
    assert_int_equal(
        envelope_archive_write_open_filename(a, OPTIONS(TO_OPS), path),
        ARCHIVE_OK);
    assert_int_equal(stat(path, &st), 0);
    /* No struct stat: with 32 bits libarchive's may be another one. */
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_dev(entry, st.st_dev);
    archive_entry_set_ino(entry, (la_int64_t)st.st_ino);
    archive_entry_set_pathname(entry, "self");
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_FAILED);
    archive_entry_free(entry);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    assert_int_equal(unlink(path), 0);
}

/* The child of a fork can neither go on nor do harm. */
static void
forked_children_fail(void **state)
{
    static const enum support_target targets[] = { TO_NAME, TO_FD };
    struct octets sealed;
    size_t i;
    int status;
    pid_t pid;

    (void)state;
    for (i = 0; i < COUNT_OF(targets); i++) {
        struct support_output out = { 0 };
        struct archive *a = support_writer(&support_some_tar);

        assert_int_equal(support_open_target(a, targets[i], IN("tar"), &out),
                         ARCHIVE_OK);
        assert_int_equal(support_add(a, 0, support_some_tar.sizes[0]),
                         ARCHIVE_OK);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            alarm(20);
            status = support_add(a, 1, 10000000);
            _exit(envelope_archive_write_free(a) == ARCHIVE_FATAL
                          && status != ARCHIVE_OK
                      ? 0
                      : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(support_add(a, 1, support_some_tar.sizes[1]),
                         ARCHIVE_OK);
        assert_int_equal(support_add(a, 2, support_some_tar.sizes[2]),
                         ARCHIVE_OK);
        assert_int_equal(support_add(a, 3, support_some_tar.sizes[3]),
                         ARCHIVE_OK);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        sealed = support_collect(targets[i], &out);
        assert_reads(support_read_back(sealed), &support_some_tar);
        support_drop(&sealed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_target_and_carrier),
        cmocka_unit_test(tar_is_the_default),
        cmocka_unit_test(formats_and_filters),
        cmocka_unit_test(from_where_it_stands),
        cmocka_unit_test(standard_output),
        cmocka_unit_test(a_pipe_that_does_not_block),
        cmocka_unit_test(callbacks_are_called_in_turn),
        cmocka_unit_test(callbacks_may_be_missing),
        cmocka_unit_test(options_by_name),
        cmocka_unit_test(options_of_carriers),
        cmocka_unit_test(recipients_of_the_environment),
        cmocka_unit_test(free_closes_too),
        cmocka_unit_test(archives_that_are_not_ours),
        cmocka_unit_test(opened_twice),
        cmocka_unit_test(last_blocks_are_padded),
        cmocka_unit_test(callbacks_get_blocks),
        cmocka_unit_test(no_blocks),
        cmocka_unit_test(padding_that_cannot_be),
        cmocka_unit_test(not_into_itself),
        cmocka_unit_test(forked_children_fail),
    };

    return cmocka_run_group_tests_name("write", tests, support_setup,
                                       support_teardown);
}
