/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: every target in every carrier, options by name, and each failure
 * told by an archive function, the last one at close.
 */
#include "test/archive/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As much as no pump has buffers for. */
static const size_t long_sizes[] = { 24 * MIB };
static const struct support_plan one_long = { ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
                                              ARCHIVE_FILTER_NONE, long_sizes,
                                              1 };

static struct support_outcome
read_back(struct octets sealed)
{
    return support_read(OURS, FROM_MEMORY, OPTIONS(AS_OPS), sealed);
}

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
            assert_reads(read_back(sealed), &support_some_tar);
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
            o = read_back(sealed);
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
        assert_reads(read_back(sealed), &support_some_tar);
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
        assert_reads(read_back(sealed), &support_one_short);
        support_drop(&sealed);
    }
    assert_int_equal(unlink(path), 0);
}

/* Both ends are met by a program that stores the archive's bytes itself. */
static void
a_pipe_that_does_not_block(void **state)
{
    struct archive *a = support_writer(&one_long);
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
            || support_add_all(a, &one_long) != ARCHIVE_OK)
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
    assert_reads(o, &one_long);
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
        assert_reads(read_back(sealed), &support_one_short);
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
    assert_reads(read_back(sealed), &support_one_short);
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
    assert_reads(read_back(sealed), &support_one_short);
    support_drop(&sealed);
    sealed = support_write(&support_one_short, TO_MEMORY,
                           OPTIONS({ "recipient", support_path("other.pem") },
                                   { "recipient", support_path("ops.pem") },
                                   { "threads", "4" }));
    assert_reads(read_back(sealed), &support_one_short);
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
    assert_reads(read_back(other), &support_one_short);
    support_drop(&other);
    support_drop(&sealed);
    assert_int_equal(unlink(phrase), 0);
}

static void
options_of_carriers(void **state)
{
    struct octets sealed;

    (void)state;
    sealed = support_write(&support_some_tar, TO_MEMORY, OPTIONS(TO_OPS));
    assert_false(has(sealed, "envelope/payload.00000001")); /* 8 MiB fit */
    support_drop(&sealed);
    sealed = support_write(&support_some_tar, TO_MEMORY,
                           OPTIONS(TO_OPS, { "piece-size", "131072" }));
    assert_true(has(sealed, "envelope/payload.00000002"));
    assert_false(has(sealed, "envelope/payload.00000003"));
    support_drop(&sealed);
    sealed = support_write(
        &support_one_short, TO_MEMORY,
        OPTIONS(TO_OPS, { "carrier", "xbstream" }, { "xbcloud", "1" }));
    assert_true(has(sealed, "xtrabackup_tablespaces.envelope"));
    assert_true(has(sealed, "xtrabackup_info.envelope"));
    assert_reads(read_back(sealed), &support_one_short);
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
    assert_reads(read_back(sealed), &support_one_short);
    support_drop(&sealed);
}

/* Nothing of any target is touched. */
static void
assert_not_opened(const struct envelope_option *options, const char *word)
{
    static char text[] = "what was there";
    struct octets before = { (unsigned char *)text, sizeof(text) }, after;
    struct support_output out = { 0 };
    struct support_outcome o = { 0 };
    const char *path = support_path("target");
    unsigned char memory[10] = { 0 };
    struct archive *a;
    struct stat st;
    unsigned i;
    size_t used = 99;

    for (i = 0; i < 4; i++) {
        a = support_writer(&support_one_short);
        o = (struct support_outcome){ 0 };
        if (i == 1)
            support_save(path, before);
        if (i < 2)
            support_note(
                &o, a, envelope_archive_write_open_filename(a, options, path));
        else if (i == 2)
            support_note(&o, a,
                         support_open_target(a, TO_CALLBACKS, options, &out));
        else
            support_note(&o, a,
                         envelope_archive_write_open_memory(
                             a, options, memory, sizeof(memory), &used));
        assert_refused(o, EINVAL, "envelope: ");
        if (strstr(o.text, word) == NULL)
            print_error("\"%s\" is not in: %s\n", word, o.text);
        assert_non_null(strstr(o.text, word));
        if (i == 0)
            assert_int_equal(stat(path, &st), -1);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    }
    after = support_load(path);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    assert_int_equal(unlink(path), 0);
    support_drop(&after);
    assert_int_equal(out.opens, 0);
    assert_int_equal(out.writes, 0);
    assert_int_equal(memory[0], 0);
}

static void
options_that_are_not_good(void **state)
{
    static const struct {
        struct envelope_option option;
        const char *word; /* NULL: the option's name */
    } bad[] = {
        { { "nonesuch", "1" }, NULL },
        { { "Recipients", "x" }, NULL },
        { { "recipients", NULL }, NULL },
        { { "labels", "" }, NULL },
        { { "carrier", "zip" }, NULL },
        { { "carrier", NULL }, NULL },
        { { "piece-size", "65535" }, NULL },
        { { "piece-size", "65537" }, NULL },
        { { "piece-size", "67109376" }, NULL },
        { { "piece-size", "8M" }, NULL },
        { { "piece-size", "-65536" }, NULL },
        { { "piece-size", "18446744073709617152" }, NULL },
        { { "xbcloud", "2" }, NULL },
        { { "xbcloud", "yes" }, NULL },
        { { "threads", "65" }, NULL },
        { { "threads", " 1" }, NULL },
        { { "threads", "" }, NULL },
        { { "reserve", "2097153" }, NULL },
        { { "work-factor", "13" }, NULL },
        { { "work-factor", "21" }, NULL },
        { { "allow-expired", "2" }, NULL },
        { { "labels", "no equals sign" }, "label" },
        { { "passphrase-file", "/nonexistent/file" }, "/nonexistent/file" },
    };
    struct envelope_option options[3] = { TO_OPS };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(bad); i++) {
        options[1] = bad[i].option;
        assert_not_opened(options, bad[i].word != NULL ? bad[i].word
                                                       : bad[i].option.name);
    }
}

static void
recipients_that_are_not_good(void **state)
{
    const char *const bad[] = { support_path("missing"),
                                support_path("ops.key"), "/dev/null" };
    size_t i;

    (void)state;
    assert_not_opened(NULL, "no recipient configured");
    assert_not_opened(OPTIONS({ "threads", "1" }), "no recipient configured");
    for (i = 0; i < COUNT_OF(bad); i++)
        assert_not_opened(OPTIONS(TO_OPS, { "recipients", bad[i] }), bad[i]);
}

static void
names_that_cannot_be_written(void **state)
{
    struct support_outcome o = { 0 };
    struct archive *a = support_writer(&support_one_short);

    (void)state;
    support_note(&o, a,
                 envelope_archive_write_open_filename(
                     a, OPTIONS(TO_OPS), support_path("missing/x")));
    assert_refused(o, ENOENT, "missing/x");
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
}

/* Failures on the way and at the end */

/*
 * Write the plan until something fails: that must be told by an archive
 * function, and by close and free even if it had been told before.
 */
static void
assert_fails(struct archive *a, const struct support_plan *plan, int opened,
             int error, const char *word)
{
    struct support_outcome o = { 0 };

    support_note(&o, a, opened);
    if (opened == ARCHIVE_OK)
        support_note(&o, a, support_add_all(a, plan));
    support_note(&o, a, envelope_archive_write_close(a));
    assert_refused(o, error, word);
    if (opened == ARCHIVE_OK) {
        assert_int_equal(envelope_archive_write_close(a), ARCHIVE_FATAL);
        assert_non_null(strstr(archive_error_string(a), word));
        assert_int_equal(archive_errno(a), error);
    }
    assert_int_equal(envelope_archive_write_free(a),
                     opened == ARCHIVE_OK ? ARCHIVE_FATAL : ARCHIVE_OK);
}

static const struct support_plan *const both[] = { &support_one_short,
                                                   &one_long };

static void
a_full_disk(void **state)
{
    struct archive *a;
    int fd, status;
    size_t i, how;
    FILE *file;

    (void)state;
    for (i = 0; i < COUNT_OF(both); i++) {
        for (how = 0; how < 3; how++) {
            fd = open("/dev/full", O_WRONLY);
            assert_true(fd >= 0);
            assert_non_null(file = fdopen(fd, "w"));
            a = support_writer(both[i]);
            if (how == 0)
                status = envelope_archive_write_open_filename(
                    a, OPTIONS(TO_OPS), "/dev/full");
            else if (how == 1)
                status = envelope_archive_write_open_fd(a, OPTIONS(TO_OPS), fd);
            else
                status =
                    envelope_archive_write_open_FILE(a, OPTIONS(TO_OPS), file);
            assert_fails(a, both[i], status, ENOSPC, strerror(ENOSPC));
            (void)fclose(file); /* what it holds cannot be written */
        }
    }
}

static void
memory_that_is_too_small(void **state)
{
    static const size_t sizes[] = { 10, 700, 20000, 30719 };
    struct support_output out;
    struct octets sealed;
    struct archive *a;
    int status;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(sizes); i++) {
        out = (struct support_output){ .size = sizes[i] };
        a = support_writer(&support_one_short);
        status = support_open_target(a, TO_MEMORY, OPTIONS(TO_OPS), &out);
        assert_fails(a, &support_one_short, status, ENOMEM, "too small");
        assert_true(out.used <= sizes[i]);
        sealed = support_collect(TO_MEMORY, &out);
        support_drop(&sealed);
    }
    /* Just enough. */
    sealed = support_write(&support_one_short, TO_MEMORY, OPTIONS(TO_OPS));
    out = (struct support_output){ .size = sealed.len };
    support_drop(&sealed);
    a = support_writer(&support_one_short);
    assert_int_equal(support_open_target(a, TO_MEMORY, OPTIONS(TO_OPS), &out),
                     ARCHIVE_OK);
    assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
    assert_int_equal(out.used, out.size);
    sealed = support_collect(TO_MEMORY, &out);
    assert_reads(read_back(sealed), &support_one_short);
    support_drop(&sealed);
}

static void
callbacks_that_fail(void **state)
{
    struct support_output cases[] = {
        { .open_status = ARCHIVE_FATAL, .fail_text = "no such tape" },
        { .fail_at = 1, .fail_with = -1, .fail_text = "the tape is torn" },
        { .fail_at = 2, .fail_with = -1, .fail_text = "the tape is torn" },
        { .fail_at = 9,
          .take = 3000,
          .fail_with = 0,
          .fail_text = "the tape is torn" },
        { .fail_at = 2, .fail_with = -30 },
        { .fail_at = 2, .fail_with = 0 },
        { .close_status = ARCHIVE_FATAL, .fail_text = "no way to rewind" },
        { .close_status = ARCHIVE_WARN },
    };
    struct support_output out;
    struct octets sealed;
    struct archive *a;
    const char *word;
    size_t i;
    int status;

    (void)state;
    for (i = 0; i < COUNT_OF(cases); i++) {
        out = cases[i];
        word = out.fail_text != NULL ? out.fail_text : "";
        a = support_writer(&support_some_tar);
        status = support_open_target(a, TO_CALLBACKS, IN("tar"), &out);
        if (out.open_status != ARCHIVE_OK || out.fail_at == 1)
            assert_int_equal(status, ARCHIVE_FATAL);
        if (out.close_status == ARCHIVE_WARN) {
            assert_int_equal(status, ARCHIVE_OK);
            assert_int_not_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        } else {
            assert_fails(a, &support_some_tar, status,
                         out.fail_text != NULL ? EPERM : EIO, word);
        }
        assert_int_equal(out.opens, 1);
        assert_int_equal(out.closes, out.open_status == ARCHIVE_OK);
        assert_int_equal(out.frees, 1);
        sealed = support_collect(TO_CALLBACKS, &out);
        support_drop(&sealed);
    }
}

/* Also for the first byte, which is written at open: no signal kills. */
static void
a_closed_pipe(void **state)
{
    int fds[2], status;
    struct archive *a;
    size_t i;
    pid_t pid;

    (void)state;
    for (i = 0; i < COUNT_OF(both); i++) {
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            alarm(30);
            (void)signal(SIGPIPE, SIG_DFL);
            if (pipe(fds) != 0 || close(fds[0]) != 0)
                _exit(2);
            a = support_writer(both[i]);
            status = envelope_archive_write_open_fd(a, OPTIONS(TO_OPS), fds[1]);
            if (status == ARCHIVE_OK)
                status = support_add_all(a, both[i]);
            if (status == ARCHIVE_OK)
                status = envelope_archive_write_close(a);
            _exit(status == ARCHIVE_FATAL && archive_errno(a) == EPIPE ? 0 : 3);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* What is not complete */

static void
given_up(void **state)
{
    struct support_output out;
    struct octets sealed;
    struct archive *a;
    unsigned target;
    size_t i, count, number;

    (void)state;
    for (i = 0; i < CARRIERS; i++) {
        for (target = 0; target < SUPPORT_TARGETS; target++) {
            for (count = 0; count < 3; count++) {
                out = (struct support_output){ 0 };
                a = support_writer(&support_some_tar);
                assert_int_equal(support_open_target(
                                     a, target, IN(support_carriers[i]), &out),
                                 ARCHIVE_OK);
                for (number = 0; number < count; number++)
                    assert_int_equal(
                        support_add(a, number, support_some_tar.sizes[number]),
                        ARCHIVE_OK);
                (void)archive_write_fail(a);
                assert_int_equal(envelope_archive_write_free(a), ARCHIVE_FATAL);
                sealed = support_collect(target, &out);
                assert_int_equal(read_back(sealed).status, ARCHIVE_FATAL);
                assert_false(read_back(sealed).wrong);
                support_drop(&sealed);
            }
        }
    }
}

/* The same with libarchive's own function, in a process of its own because
 * libarchive then loses a few bytes, and where the program just ends. */
static void
left_behind(void **state)
{
    static const enum support_target targets[] = { TO_NAME, TO_FD, TO_FILE };
    const char *path = support_path("left");
    struct octets sealed;
    size_t i, count;
    int status;
    pid_t pid;

    (void)state;
    for (i = 0; i < COUNT_OF(targets) * 4; i++) {
        count = i % 2;
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct archive *a = support_writer(&support_some_tar);
            struct support_output out = { 0 };

            alarm(20);
            (void)snprintf(out.path, sizeof(out.path), "%s", path);
            status = support_open_target(a, targets[i / 4], IN("tar"), &out);
            if (count > 0)
                status = support_add(a, 0, support_some_tar.sizes[0]);
            if (i % 4 < 2) {
                (void)archive_write_fail(a);
                (void)archive_write_free(a); /* it has failed */
            }
            _exit(status == ARCHIVE_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        sealed = support_load(path);
        if (sealed.len > 0) /* with a FILE nothing may have got there */
            assert_int_equal(read_back(sealed).status, ARCHIVE_FATAL);
        support_drop(&sealed);
    }
    assert_int_equal(unlink(path), 0);
}

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
            assert_reads(read_back(sealed), &support_some_tar);
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

/* What the program has said of blocks counts for what is encrypted. */
static void
blocks_are_as_the_program_says(void **state)
{
    static const struct {
        int per_block, last, multiple;
    } cases[] = { { -1, -1, 512 },
                  { 20480, 0, 20480 },
                  { 20480, 20480, 20480 },
                  { 20480, 5120, 5120 },
                  { 512, 1, 512 } };
    struct octets sealed, text;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(cases); i++) {
        struct support_output out = { 0 };
        struct archive *a = support_writer(&support_one_short);

        if (cases[i].per_block >= 0)
            (void)archive_write_set_bytes_per_block(a, cases[i].per_block);
        if (cases[i].last >= 0)
            (void)archive_write_set_bytes_in_last_block(a, cases[i].last);
        assert_int_equal(support_open_target(a, TO_MEMORY, IN("raw"), &out),
                         ARCHIVE_OK);
        assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
        assert_int_equal(envelope_archive_write_free(a), ARCHIVE_OK);
        sealed = support_collect(TO_MEMORY, &out);
        text = support_unseal(sealed, OPTIONS(AS_OPS));
        assert_int_equal(text.len % (size_t)cases[i].multiple, 0);
        if (cases[i].multiple == 512) /* no padding */
            assert_in_range(text.len, 20000, 20000 + 5 * 512);
        support_drop(&text);
        support_drop(&sealed);
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
    archive_entry_copy_stat(entry, &st);
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
        assert_reads(read_back(sealed), &support_some_tar);
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
        cmocka_unit_test(options_that_are_not_good),
        cmocka_unit_test(recipients_that_are_not_good),
        cmocka_unit_test(names_that_cannot_be_written),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(memory_that_is_too_small),
        cmocka_unit_test(callbacks_that_fail),
        cmocka_unit_test(a_closed_pipe),
        cmocka_unit_test(given_up),
        cmocka_unit_test(left_behind),
        cmocka_unit_test(free_closes_too),
        cmocka_unit_test(archives_that_are_not_ours),
        cmocka_unit_test(opened_twice),
        cmocka_unit_test(blocks_are_as_the_program_says),
        cmocka_unit_test(not_into_itself),
        cmocka_unit_test(forked_children_fail),
    };

    return cmocka_run_group_tests_name("write", tests, support_setup,
                                       support_teardown);
}
