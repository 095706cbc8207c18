/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress: what comes out on standard error, and that nothing there holds up
 * or ends the program.  A child works; the test reads, and says when to stop.
 */
#define _GNU_SOURCE /* ptsname_r() */
#include "tools/os/progress.h"

#include "test/support/support.h"
#include "test/tools/terminal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PATIENCE_S 60
#define SEEN_LEN 4096

/* What the child is to do. */
struct work {
    enum envl_progress_mode mode;
    int64_t total;
    uint64_t bytes;
    bool done;
    bool piped; /* it reads from a pipe */
};

struct child {
    pid_t pid;
    int err;  /* its standard error */
    int stop; /* closed, it stops */
    int news; /* a byte when it has started, and the end when it is gone */
    char seen[SEEN_LEN];
};

static uint64_t
give(void *arg)
{
    return *(uint64_t *)arg;
}

/* The child: status 0 if it got to its end. */
static void
work(const struct work *todo, int news, int stop)
{
    uint64_t bytes = todo->bytes;
    struct envl_progress *progress;
    char byte;

    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)alarm(PATIENCE_S);
    (void)dup2(todo->piped ? stop : nothing, STDIN_FILENO);
    (void)dup2(nothing, STDOUT_FILENO);
    envl_progress_catch();
    progress = envl_progress_start(todo->mode, todo->total, give, &bytes);
    if (progress == NULL || write(news, "", 1) != 1)
        _exit(1);
    while (read(stop, &byte, 1) != 0)
        ;
    envl_progress_stop(progress, todo->done);
    (void)raise(SIGUSR1); /* not even now */
    _exit(0);
}

static void
start_on(struct child *child, const struct work *todo, int err_ours,
         int err_theirs)
{
    int news[2], stop[2];
    char byte;

    assert_int_equal(pipe(news) | pipe(stop), 0);
    memset(child, 0, sizeof(*child));
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        (void)dup2(err_theirs, STDERR_FILENO);
        (void)close(err_theirs);
        if (err_ours >= 0)
            (void)close(err_ours);
        (void)close(news[0]);
        (void)close(stop[1]);
        work(todo, news[1], stop[0]);
    }
    child->err = err_ours;
    child->news = news[0];
    child->stop = stop[1];
    (void)close(err_theirs);
    (void)close(news[1]);
    (void)close(stop[0]);
    assert_int_equal(read(child->news, &byte, 1), 1);
}

static void
start(struct child *child, const struct work *todo)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    start_on(child, todo, ends[0], ends[1]);
}

static void
start_on_terminal(struct child *child, const struct work *todo,
                  unsigned short columns)
{
    struct winsize size = { .ws_row = 24, .ws_col = columns };
    int master, slave;

    open_terminal(&master, &slave);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    start_on(child, todo, master, slave);
}

/* Read what comes; false at the end. */
static bool
read_more(struct child *child)
{
    struct pollfd item = { .fd = child->err, .events = POLLIN };
    size_t len = strlen(child->seen);
    ssize_t n;

    assert_int_equal(poll(&item, 1, PATIENCE_S * 1000), 1);
    assert_true(len < SEEN_LEN - 1);
    n = read(child->err, child->seen + len, SEEN_LEN - 1 - len);
    if (n <= 0) /* EIO from a terminal that was closed */
        return false;
    child->seen[len + (size_t)n] = '\0';
    return true;
}

static unsigned
count(const char *text, char c)
{
    unsigned n = 0;

    for (; *text != '\0'; text++)
        n += *text == c;
    return n;
}

static void
expect(struct child *child, char c, unsigned times)
{
    while (count(child->seen, c) < times)
        assert_true(read_more(child));
}

static void
finish(struct child *child)
{
    int status;

    (void)close(child->stop);
    while (child->err >= 0 && read_more(child))
        ;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_int_equal(status, 0);
    (void)close(child->news);
    if (child->err >= 0)
        (void)close(child->err);
}

/* One line of JSON */
struct line {
    uint64_t bytes, seconds, rate;
    int64_t total; /* -1 is null */
    unsigned ms;
    char done[8];
};

/* Returns what follows it. */
static const char *
parse(const char *text, struct line *line)
{
    int used = 0;

    memset(line, 0, sizeof(*line));
    line->total = -1;
    (void)sscanf(text,
                 "{\"bytes\":%" SCNu64 ",\"total\":%" SCNd64
                 ",\"seconds\":%" SCNu64 ".%3u,\"rate\":%" SCNu64
                 ",\"done\":%5[a-z]}%n",
                 &line->bytes, &line->total, &line->seconds, &line->ms,
                 &line->rate, line->done, &used);
    if (used == 0)
        (void)sscanf(text,
                     "{\"bytes\":%" SCNu64
                     ",\"total\":null,\"seconds\":%" SCNu64
                     ".%3u,\"rate\":%" SCNu64 ",\"done\":%5[a-z]}%n",
                     &line->bytes, &line->seconds, &line->ms, &line->rate,
                     line->done, &used);
    if (used == 0)
        print_error("no line: %s\n", text);
    assert_true(used > 0);
    assert_int_equal(text[used], '\n');
    return text + used + 1;
}

static void
parse_last(const char *text, struct line *line)
{
    do {
        text = parse(text, line);
    } while (*text != '\0');
}

static void
json_is_a_line_a_second(void **state)
{
    const struct work todo = { ENVL_PROGRESS_JSON, 4000, 2000, true, false };
    struct child child;
    struct line line;
    const char *text;

    (void)state;
    start(&child, &todo);
    expect(&child, '\n', 2);
    finish(&child);
    text = parse(child.seen, &line);
    assert_int_equal(line.bytes, 2000);
    assert_int_equal(line.total, 4000);
    assert_true(line.seconds >= 1);
    assert_true(line.rate > 0 && line.rate <= 2000);
    assert_string_equal(line.done, "false");
    text = parse(text, &line);
    assert_true(line.seconds >= 2);
    assert_string_equal(line.done, "false");
    while (*text != '\0') {
        assert_string_equal(line.done, "false");
        text = parse(text, &line);
    }
    assert_string_equal(line.done, "true");
    assert_int_equal(line.bytes, 2000);
}

static void
json_without_a_total_or_an_end(void **state)
{
    struct work todo = { ENVL_PROGRESS_JSON, -1, UINT64_MAX, true, false };
    struct child child;
    struct line line;

    (void)state;
    start(&child, &todo);
    finish(&child);
    parse_last(child.seen, &line);
    assert_int_equal(line.total, -1);
    assert_true(line.bytes == UINT64_MAX);
    assert_string_equal(line.done, "true");

    todo.done = false;
    start(&child, &todo);
    finish(&child);
    assert_null(strstr(child.seen, "true"));

    todo.total = 0;
    todo.bytes = 0;
    start(&child, &todo);
    assert_int_equal(kill(child.pid, SIGUSR1), 0);
    expect(&child, '\n', 1);
    parse(child.seen, &line);
    assert_int_equal(line.total, 0);
    assert_int_equal(line.rate, 0);
    assert_string_equal(line.done, "false");
    finish(&child);
}

static void
sigusr1_prints_a_line(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "envelope: 0 bytes in " },
        { 1023, "envelope: 1023 bytes in " },
        { 1024, "envelope: 1.0 KiB in " },
        { 1536, "envelope: 1.5 KiB in " },
        { 1048575, "envelope: 1023.9 KiB in " },
        { 1048576, "envelope: 1.0 MiB in " },
        { UINT64_MAX, "envelope: 15.9 EiB in " },
    };
    struct work todo = { ENVL_PROGRESS_NONE, -1, 0, true, false };
    struct child child;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        todo.bytes = cases[i].bytes;
        todo.mode = i % 2 == 0 ? ENVL_PROGRESS_NONE : ENVL_PROGRESS_AUTO;
        start(&child, &todo);
        assert_int_equal(kill(child.pid, SIGUSR1), 0);
        expect(&child, '\n', 1);
        assert_int_equal(kill(child.pid, SIGUSR1), 0);
        expect(&child, '\n', 2);
        finish(&child);
        assert_memory_equal(child.seen, cases[i].text, strlen(cases[i].text));
        assert_int_equal(count(child.seen, '\n'), 2);
    }
}

static void
text_in_a_log_ends_with_a_line(void **state)
{
    struct work todo = { ENVL_PROGRESS_TEXT, 4096, 4096, true, false };
    struct child child;

    (void)state;
    start(&child, &todo);
    finish(&child);
    assert_memory_equal(child.seen, "envelope: 4.0 KiB in 0:0", 24);
    assert_int_equal(count(child.seen, '\n'), 1);
    todo.done = false;
    start(&child, &todo);
    finish(&child);
    assert_string_equal(child.seen, "");
}

static void
a_terminal_has_one_line(void **state)
{
    static const char half[] = "\r1.0 KiB of 2.0 KiB, 50 %, ";
    const struct work todo = { ENVL_PROGRESS_AUTO, 2048, 1024, true, false };
    struct child child;

    (void)state;
    start_on_terminal(&child, &todo, 80);
    expect(&child, '\r', 2); /* as often as it is written again */
    assert_memory_equal(child.seen, half, strlen(half));
    assert_non_null(strstr(child.seen, " left"));
    assert_int_equal(count(child.seen, '\n'), 0);
    assert_int_equal(kill(child.pid, SIGUSR1), 0);
    expect(&child, '\n', 1);
    finish(&child);
    assert_non_null(strstr(child.seen, "1.0 KiB in 0:"));
    assert_int_equal(child.seen[strlen(child.seen) - 1], '\n');
}

static void
a_failure_clears_the_line(void **state)
{
    const struct work todo = { ENVL_PROGRESS_TEXT, 1024, 1024, false, false };
    struct child child;
    size_t i;

    (void)state;
    start_on_terminal(&child, &todo, 25);
    expect(&child, '\r', 1);
    finish(&child);
    /* All is read, which is not the end; and what fits in a line. */
    assert_memory_equal(child.seen, "\r1.0 KiB of 1.0 KiB, fini", 25);
    assert_null(strstr(child.seen, "100"));
    assert_int_equal(count(child.seen, '\n'), 0);
    /* The last thing is 24 blanks between two returns. */
    i = strlen(child.seen) - 26;
    assert_int_equal(child.seen[i], '\r');
    assert_int_equal(strspn(child.seen + i + 1, " "), 24);
    assert_string_equal(child.seen + i + 25, "\r");
}

/* Whoever feeds the pipe may write to the same terminal: nothing is written
 * over, and a line is whole. */
static void
beside_a_pipe_a_line_is_whole(void **state)
{
    const struct work todo = { ENVL_PROGRESS_TEXT, 2048, 1024, true, true };
    struct pollfd item = { .events = POLLIN };
    struct child child;

    (void)state;
    start_on_terminal(&child, &todo, 80);
    item.fd = child.err;
    assert_int_equal(poll(&item, 1, 1500), 0);
    assert_int_equal(kill(child.pid, SIGUSR1), 0);
    expect(&child, '\n', 1);
    finish(&child);
    assert_memory_equal(child.seen, "envelope: 1.0 KiB of 2.0 KiB, 50 %, ", 36);
    assert_non_null(strstr(child.seen, "\nenvelope: 1.0 KiB in 0:"));
    assert_int_equal(count(child.seen, '\n'), 2);
}

/* Five seconds without a byte. */
static void
nothing_moves(void **state)
{
    const struct work todo = { ENVL_PROGRESS_TEXT, 2048, 1024, true, false };
    struct child child;

    (void)state;
    start_on_terminal(&child, &todo, 80);
    while (strstr(child.seen, "50 %, waiting") == NULL)
        assert_true(read_more(&child));
    assert_null(strstr(child.seen, " 0 bytes/s"));
    assert_null(strstr(child.seen, "?"));
    finish(&child);
}

static void
what_is_quick_says_nothing(void **state)
{
    const struct work todo = { ENVL_PROGRESS_AUTO, -1, 1024, true, false };
    struct child child;
    bool quick;

    (void)state;
    start_on_terminal(&child, &todo, 80);
    finish(&child);
    /* Unless the machine is slow. */
    quick = strchr(child.seen, '\r') == NULL;
    assert_true(quick || strstr(child.seen, "\r1.0 KiB in ") == child.seen);
    assert_int_equal(count(child.seen, '\n'), quick ? 0 : 1);
}

/* Nobody reads: there is no room, or no reader. */

static void
nobody_reads(void **state)
{
    const struct work todo = { ENVL_PROGRESS_JSON, -1, 1024, true, false };
    static char junk[4096];
    struct child child;
    int ends[2], flags;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    flags = fcntl(ends[1], F_GETFL);
    assert_int_equal(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK), 0);
    while (write(ends[1], junk, sizeof(junk)) > 0)
        ;
    assert_int_equal(fcntl(ends[1], F_SETFL, flags), 0);
    start_on(&child, &todo, -1, ends[1]); /* ends[0] stays open */
    assert_int_equal(kill(child.pid, SIGUSR1), 0);
    finish(&child);
    (void)close(ends[0]);

    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    start_on(&child, &todo, -1, ends[1]);
    assert_int_equal(kill(child.pid, SIGUSR1), 0);
    finish(&child);
}

/* A terminal that is held takes part of a line, and then nothing. */
static void
a_terminal_is_held(void **state)
{
    const struct work todo = { ENVL_PROGRESS_TEXT, -1, 1024, true, false };
    static char junk[4096];
    struct child child;
    int master, slave, flags;
    struct termios mode;

    (void)state;
    open_terminal(&master, &slave);
    assert_int_equal(tcgetattr(slave, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
    flags = fcntl(slave, F_GETFL);
    assert_int_equal(fcntl(slave, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(slave, junk, sizeof(junk)) > 0)
        ;
    assert_int_equal(fcntl(slave, F_SETFL, flags), 0);
    assert_int_equal(tcflow(slave, TCOOFF), 0);
    start_on(&child, &todo, -1, slave);
    assert_int_equal(kill(child.pid, SIGUSR1), 0);
    finish(&child);
    (void)close(master);
}

/* Runs in a child: status 0 is well. */
static int
work_without_standard_error(void)
{
    uint64_t bytes = 1;
    struct envl_progress *progress;
    int fd;

    (void)close(STDERR_FILENO);
    envl_progress_catch();
    progress = envl_progress_start(ENVL_PROGRESS_JSON, -1, give, &bytes);
    if (progress != NULL)
        return 1;
    (void)raise(SIGUSR1);
    envl_progress_stop(progress, true);
    fd = open("/dev/null", O_RDONLY);
    return fd == STDERR_FILENO ? 0 : 2;
}

static int
work_with_sigusr1_ignored(void)
{
    uint64_t bytes = 1;
    struct envl_progress *progress;
    struct sigaction action;

    (void)signal(SIGUSR1, SIG_IGN);
    envl_progress_catch();
    progress = envl_progress_start(ENVL_PROGRESS_NONE, -1, give, &bytes);
    (void)sigaction(SIGUSR1, NULL, &action);
    envl_progress_stop(progress, true);
    return action.sa_handler == SIG_IGN ? 0 : 1;
}

static void
oddly_started(void **state)
{
    int (*const cases[])(void) = { work_without_standard_error,
                                   work_with_sigusr1_ignored };
    size_t i;
    int status;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            (void)alarm(PATIENCE_S);
            _exit(cases[i]());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_a_line_a_second),
        cmocka_unit_test(json_without_a_total_or_an_end),
        cmocka_unit_test(sigusr1_prints_a_line),
        cmocka_unit_test(text_in_a_log_ends_with_a_line),
        cmocka_unit_test(a_terminal_has_one_line),
        cmocka_unit_test(a_failure_clears_the_line),
        cmocka_unit_test(beside_a_pipe_a_line_is_whole),
        cmocka_unit_test(nothing_moves),
        cmocka_unit_test(what_is_quick_says_nothing),
        cmocka_unit_test(nobody_reads),
        cmocka_unit_test(a_terminal_is_held),
        cmocka_unit_test(oddly_started),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
