/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing that fails: an archive function says so with the system's number
 * and a text, close and free say it again, and readers refuse what is there.
 */
#include "test/filter/archive/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before the target is opened */

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
        { { "piece-size", "8MB" }, NULL },
        { { "piece-size", "8m" }, NULL },
        { { "piece-size", "8M " }, NULL },
        { { "piece-size", "M" }, NULL },
        { { "piece-size", "63K" }, NULL },
        { { "piece-size", "65M" }, NULL },
        { { "piece-size", "17592186044416M" }, NULL },
        { { "piece-size", "-65536" }, NULL },
        { { "piece-size", "18446744073709617152" }, NULL },
        { { "xbcloud", "2" }, NULL },
        { { "xbcloud", "yes" }, NULL },
        { { "threads", "65" }, NULL },
        { { "threads", " 1" }, NULL },
        { { "threads", "0K" }, NULL },
        { { "threads", "" }, NULL },
        { { "reserve", "2097153" }, NULL },
        { { "reserve", "3M" }, NULL },
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
    assert_not_opened(OPTIONS(TO_OPS, { "require-post-quantum", "1" }),
                      "not post-quantum");
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
                                                   &support_one_long };

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
    assert_reads(support_read_back(sealed), &support_one_short);
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
        if (out.open_status != ARCHIVE_OK)
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
                assert_string_equal(
                    envelope_archive_recognise(
                        sealed.data, sealed.len < 8192 ? sealed.len : 8192),
                    support_carriers[i]); /* it is not empty */
                assert_int_equal(support_read_back(sealed).status,
                                 ARCHIVE_FATAL);
                assert_false(support_read_back(sealed).wrong);
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
            assert_int_equal(support_read_back(sealed).status, ARCHIVE_FATAL);
        support_drop(&sealed);
    }
    assert_int_equal(unlink(path), 0);
}

/* To a tape, within the first record: what there is of it, and no padding. */
static void
given_up_on_a_tape(void **state)
{
    struct archive *a = support_writer(&support_one_short);
    unsigned char record[65536];
    int fds[2];
    ssize_t n;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    (void)archive_write_set_bytes_per_block(a, sizeof(record));
    (void)archive_write_set_bytes_in_last_block(a, sizeof(record));
    assert_int_equal(envelope_archive_write_open_fd(a, IN("tar"), fds[1]),
                     ARCHIVE_OK);
    assert_int_equal(support_add_all(a, &support_one_short), ARCHIVE_OK);
    (void)archive_write_fail(a);
    assert_int_equal(envelope_archive_write_free(a), ARCHIVE_FATAL);
    assert_int_equal(close(fds[1]), 0);
    n = recv(fds[0], record, sizeof(record), 0);
    assert_in_range(n, 1024, sizeof(record) - 1);
    assert_non_null(envelope_archive_recognise(record, 1024));
    assert_int_equal(recv(fds[0], record, sizeof(record), 0), 0);
    assert_int_equal(close(fds[0]), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_are_not_good),
        cmocka_unit_test(recipients_that_are_not_good),
        cmocka_unit_test(names_that_cannot_be_written),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(memory_that_is_too_small),
        cmocka_unit_test(callbacks_that_fail),
        cmocka_unit_test(a_closed_pipe),
        cmocka_unit_test(given_up),
        cmocka_unit_test(given_up_on_a_tape),
        cmocka_unit_test(left_behind),
    };

    return cmocka_run_group_tests_name("write fails", tests, support_setup,
                                       support_teardown);
}
