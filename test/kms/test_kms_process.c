/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running real programs: those that behave, and those that do not.  Whatever
 * they do, nothing of them is left: no process, no descriptor, no signal.
 */
#define _GNU_SOURCE /* pipe2 */
#include "kms/core/process.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms/core/clock.h"

#define MIB ((size_t)1 << 20)
#define LONG_MS 20000 /* never reached */
#define HANG_S 100

/* This very program, in one of the parts below. */
#define SELF "/proc/self/exe"

/* Parts: what a child says of itself */

static int
say_descriptors(void)
{
    int fd;

    for (fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            (void)printf("%d ", fd);
    }
    return 0;
}

static int
say_signals(void)
{
    struct sigaction action;
    sigset_t blocked;
    int number;

    (void)sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (number = 1; number < SIGRTMAX; number++) {
        if (sigismember(&blocked, number) == 1)
            (void)printf("%d is blocked ", number);
        if (sigaction(number, NULL, &action) == 0
            && action.sa_handler == SIG_IGN)
            (void)printf("%d is ignored ", number);
    }
    return 0;
}

static int
say_session(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

    (void)printf("%s, %s", getsid(0) == getpid() ? "own" : "shared",
                 fd >= 0 ? "terminal" : "no terminal");
    return 0;
}

static const struct {
    const char *name;
    int (*play)(void);
} parts[] = {
    { "descriptors", say_descriptors },
    { "session", say_session },
    { "signals", say_signals },
};

/* A run */

static struct {
    struct kms_text output, input;
    struct envl_err err;
    size_t max;
    unsigned milliseconds;
    int64_t took; /* milliseconds */
    size_t open_count;
} t;

static size_t
count_open(void)
{
    size_t count = 0;
    int fd;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int
setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.max = 2 * MIB;
    t.milliseconds = LONG_MS;
    t.open_count = count_open();
    (void)signal(SIGCHLD, SIG_DFL);
    (void)alarm(HANG_S);
    return 0;
}

static int
teardown(void **state)
{
    sigset_t pending;

    (void)state;
    kms_text_clear(&t.output);
    kms_text_clear(&t.input);
    assert_int_equal(count_open(), t.open_count);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    return 0;
}

static enum envelope_reason
run(char *const argv[])
{
    int64_t start = kms_clock_ticks(NULL);
    enum envelope_reason rc;

    rc = kms_process_run(NULL, &t.output, t.max, argv, &t.input, t.milliseconds,
                         &t.err);
    t.took = kms_clock_ticks(NULL) - start;
    if (rc != ENVELOPE_OK)
        assert_null(t.output.data);
    return rc;
}

#define RUN(...) run((char *[]){ __VA_ARGS__, NULL })
#define SHELL(script) \
    RUN((char[]){ "/bin/sh" }, (char[]){ "-c" }, (char[]){ script })
#define PART(name) RUN((char[]){ SELF }, (char[]){ name })
#define CAT() RUN((char[]){ "/bin/cat" })

static void
set_input(size_t len)
{
    unsigned char *bytes = malloc(len + 1);

    assert_non_null(bytes);
    fill(bytes, len, 1);
    kms_text_set(&t.input, "");
    kms_text_add_bytes(&t.input, bytes, len);
    assert_false(t.input.failed);
    free(bytes);
}

static void
assert_output(const char *text)
{
    assert_string_equal(kms_text_get(&t.output), text);
}

static void
assert_detail(const char *part)
{
    if (strstr(t.err.detail, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", t.err.detail, part);
}

/* Input and output */

static void
all_goes_through(void **state)
{
    static const size_t lens[] = { 0, 1, 4095, 4096, 65536, 65537, MIB };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        set_input(lens[i]);
        assert_int_equal(CAT(), ENVELOPE_OK);
        assert_int_equal(t.output.len, lens[i]);
        if (lens[i] > 0)
            assert_memory_equal(t.output.data, t.input.data, lens[i]);
    }
}

static void
there_may_be_no_input(void **state)
{
    char *argv[] = { (char[]){ "/bin/cat" }, NULL };

    (void)state;
    assert_int_equal(
        kms_process_run(NULL, &t.output, t.max, argv, NULL, LONG_MS, &t.err),
        ENVELOPE_OK);
    assert_output("");
}

static void
the_output_of_before_is_gone(void **state)
{
    (void)state;
    kms_text_set(&t.output, "before");
    assert_int_equal(SHELL("printf after"), ENVELOPE_OK);
    assert_output("after");
}

static void
output_is_limited(void **state)
{
    (void)state;
    set_input(70000);
    t.max = 70000;
    assert_int_equal(CAT(), ENVELOPE_OK);
    t.max--;
    assert_int_equal(CAT(), ENVELOPE_R_KEY_SERVICE);
    assert_detail("/bin/cat: its output is longer than 69999 bytes");
    t.max = 0;
    assert_int_equal(SHELL("echo"), ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(SHELL(":"), ENVELOPE_OK);
}

static void
endless_output_is_cut(void **state)
{
    (void)state;
    t.max = 50000;
    assert_int_equal(SHELL("while :; do echo y; done"), ENVELOPE_R_KEY_SERVICE);
    assert_detail("/bin/sh: its output is longer than");
}

static void
input_need_not_be_read(void **state)
{
    (void)state;
    set_input(MIB);
    assert_int_equal(SHELL("exec <&-; sleep 0.1; echo good"), ENVELOPE_OK);
    assert_output("good\n");
    assert_int_equal(SHELL("head -c 3 >/dev/null; echo good"), ENVELOPE_OK);
    assert_output("good\n");
    assert_int_equal(SHELL(":"), ENVELOPE_OK);
    assert_output("");
}

static void
output_may_be_closed_before_the_end(void **state)
{
    (void)state;
    set_input(MIB);
    assert_int_equal(SHELL("echo good; exec >&-; cat >/dev/null; exit 7"),
                     ENVELOPE_R_KEY_SERVICE);
    assert_detail("status 7");
    assert_int_equal(SHELL("echo good; exec >&-; sleep 0.1"), ENVELOPE_OK);
    assert_output("good\n");
}

/* Ends */

static void
a_failure_is_told_of(void **state)
{
    (void)state;
    assert_int_equal(SHELL("echo much; exit 3"), ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(t.err.detail, "/bin/sh: it failed with status 3");
    assert_int_equal(SHELL("exit 255"), ENVELOPE_R_KEY_SERVICE);
    assert_detail("status 255");
}

static void
a_signal_is_told_of(void **state)
{
    (void)state;
    assert_int_equal(SHELL("echo much; kill -9 $$"), ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(t.err.detail, "/bin/sh: it was killed by signal 9");
    assert_int_equal(SHELL("kill -PIPE $$"), ENVELOPE_R_KEY_SERVICE);
    assert_detail("signal 13");
}

static void
what_is_not_there_is_told_of(void **state)
{
    (void)state;
    assert_int_equal(RUN((char[]){ "/nowhere/program" }),
                     ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(t.err.detail, "/nowhere/program: cannot be run: No "
                                      "such file or directory");
    assert_int_equal(RUN((char[]){ "/dev" }), ENVELOPE_R_KEY_SERVICE);
    assert_detail("Permission denied");
    assert_int_equal(RUN((char[]){ "/dev/null" }), ENVELOPE_R_KEY_SERVICE);
    assert_detail("Permission denied");
}

static void
no_path_is_searched(void **state)
{
    (void)state;
    assert_int_equal(RUN((char[]){ "cat" }), ENVELOPE_R_KEY_SERVICE);
    assert_detail("cat: a program needs its path");
    assert_int_equal(RUN((char[]){ "" }), ENVELOPE_R_KEY_SERVICE);
}

static void
no_shell_is_asked(void **state)
{
    char path[] = "/tmp/kms-process-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    /* A text without "#!", which shells and execvp(3) run all the same. */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "echo bad\n", 9), 9);
    assert_int_equal(fchmod(fd, 0700), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(RUN(path), ENVELOPE_R_KEY_SERVICE);
    assert_detail("cannot be run");
    assert_int_equal(unlink(path), 0);
}

static void
arguments_stay_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(RUN((char[]){ "/bin/echo" }, (char[]){ "$HOME; a  b" },
                         (char[]){ "`c` *" }),
                     ENVELOPE_OK);
    assert_output("$HOME; a  b `c` *\n");
}

static void
arguments_are_not_told(void **state)
{
    (void)state;
    assert_int_equal(SHELL("exit 1 # secret"), ENVELOPE_R_KEY_SERVICE);
    assert_null(strstr(t.err.detail, "secret"));
}

/* Time */

/* A pipe in the place of standard error: it ends with its last holder. */
static int
hold_stderr(int ends[2])
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

    assert_true(kept >= 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[1]), 0);
    return kept;
}

static void
assert_stderr_ends(int ends[2], int kept)
{
    char byte;

    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_int_equal(close(kept), 0);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    assert_int_equal(close(ends[0]), 0);
}

static void
time_is_limited(void **state)
{
    int ends[2], kept = hold_stderr(ends);

    (void)state;
    t.milliseconds = 150;
    assert_int_equal(SHELL("trap '' TERM; sleep 1000 & echo much; sleep 1000"),
                     ENVELOPE_R_KEY_SERVICE);
    /* It is not only we who no longer wait. */
    assert_stderr_ends(ends, kept);
    assert_in_range(t.took, 150, 5000);
    assert_detail("/bin/sh: it took longer than 150 ms");
}

static void
time_is_limited_without_pipes(void **state)
{
    (void)state;
    t.milliseconds = 100;
    set_input(MIB);
    assert_int_equal(SHELL("exec <&- >&-; sleep 1000"), ENVELOPE_R_KEY_SERVICE);
    assert_in_range(t.took, 100, 5000);
    t.milliseconds = 0;
    assert_int_equal(SHELL("sleep 1000"), ENVELOPE_R_KEY_SERVICE);
    assert_in_range(t.took, 0, 5000);
}

static void
a_slow_drip_is_limited(void **state)
{
    (void)state;
    t.milliseconds = 200;
    assert_int_equal(SHELL("while :; do echo y; sleep 0.02; done"),
                     ENVELOPE_R_KEY_SERVICE);
    assert_in_range(t.took, 200, 5000);
    assert_detail("took longer");
}

static void
what_is_left_behind_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(SHELL("(sleep 2; echo late) 2>/dev/null & echo good"),
                     ENVELOPE_OK);
    assert_in_range(t.took, 0, 1500);
    assert_output("good\n");
    assert_int_equal(SHELL("sleep 2 2>/dev/null & exit 4"),
                     ENVELOPE_R_KEY_SERVICE);
    assert_in_range(t.took, 0, 1500);
    assert_detail("status 4");
}

/* What it gets from us */

static void
no_descriptor_is_inherited(void **state)
{
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, 500), 500);
    assert_int_equal(PART("descriptors"), ENVELOPE_OK);
    assert_output("0 1 2 ");
    assert_int_equal(close(500), 0);
    assert_int_equal(close(fd), 0);
}

static void
signals_are_as_by_default(void **state)
{
    sigset_t all, old;

    (void)state;
    sigfillset(&all);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &all, &old), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    assert_int_equal(PART("signals"), ENVELOPE_OK);
    assert_output("");
    default_signals();
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
}

static void
there_is_no_terminal(void **state)
{
    (void)state;
    assert_int_equal(PART("session"), ENVELOPE_OK);
    assert_output("own, no terminal");
}

static void
the_environment_is_ours(void **state)
{
    (void)state;
    assert_int_equal(setenv("KMS_TEST", "value", 1), 0);
    assert_int_equal(SHELL("echo $KMS_TEST"), ENVELOPE_OK);
    assert_output("value\n");
    assert_int_equal(unsetenv("KMS_TEST"), 0);
}

/* In a process of its own: what it closes stays closed. */
static void
standard_descriptors_may_be_closed(void **state)
{
    int closed, status;
    pid_t pid;

    (void)state;
    for (closed = 1; closed < 8; closed++) {
        set_input(100000);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            if ((closed & 1) != 0)
                (void)close(0);
            if ((closed & 2) != 0)
                (void)close(1);
            if ((closed & 4) != 0)
                (void)close(2);
            _exit(CAT() != ENVELOPE_OK || t.output.len != 100000
                  || memcmp(t.output.data, t.input.data, 100000) != 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* Signals of the program that we are in */

static void
a_pending_sigpipe_is_somebody_elses(void **state)
{
    sigset_t set, pending;
    int number;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    assert_int_equal(raise(SIGPIPE), 0);
    set_input(MIB);
    assert_int_equal(SHELL("exec <&-; sleep 0.05"), ENVELOPE_OK);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 1);
    assert_int_equal(sigwait(&set, &number), 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}

static void
an_ignored_sigpipe_is_fine(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    set_input(MIB);
    assert_int_equal(SHELL("exec <&-; sleep 0.05"), ENVELOPE_OK);
    assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
}

static void
nothing_is_run_where_no_status_is_kept(void **state)
{
    struct sigaction action = { .sa_handler = SIG_DFL,
                                .sa_flags = SA_NOCLDWAIT };
    char path[] = "/tmp/kms-process-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    (void)signal(SIGCHLD, SIG_IGN);
    assert_int_equal(RUN((char[]){ "/bin/rm" }, path), ENVELOPE_R_KEY_SERVICE);
    assert_detail("/bin/rm: cannot be run: SIGCHLD is ignored");
    assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
    assert_int_equal(RUN((char[]){ "/bin/rm" }, path), ENVELOPE_R_KEY_SERVICE);
    assert_detail("SIGCHLD");
    (void)signal(SIGCHLD, SIG_DFL);
    assert_int_equal(unlink(path), 0); /* it is still there */
}

static void
wait_for_all(int number)
{
    int error = errno;

    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = error;
}

static void
a_lost_status_is_no_success(void **state)
{
    (void)state;
    (void)signal(SIGCHLD, wait_for_all);
    /* The output ends later than the shell, which the handler has met by then. */
    assert_int_equal(SHELL("echo much; sleep 0.3 &"), ENVELOPE_R_KEY_SERVICE);
    assert_detail("/bin/sh: its status is lost");
    (void)signal(SIGCHLD, SIG_DFL);
}

static void
other_children_are_not_waited_for(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(5);
    assert_int_equal(SHELL("sleep 0.1"), ENVELOPE_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 5);
}

static void
do_nothing(int number)
{
    (void)number;
}

static void
signals_may_come_in_between(void **state)
{
    struct sigaction action = { .sa_handler = do_nothing }; /* no SA_RESTART */
    struct itimerval timer = { { 0, 500 }, { 0, 500 } };

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
    set_input(MIB);
    assert_int_equal(CAT(), ENVELOPE_OK);
    assert_int_equal(t.output.len, MIB);
    t.milliseconds = 100;
    assert_int_equal(SHELL("sleep 1000"), ENVELOPE_R_KEY_SERVICE);
    timer = (struct itimerval){ 0 };
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
    (void)signal(SIGALRM, SIG_DFL);
}

/* Others at the same time */

static void *
run_cat(void *arg)
{
    char *argv[] = { (char[]){ "/bin/cat" }, NULL };
    struct kms_text output = { 0 };
    struct envl_err err;
    bool good;

    good = kms_process_run(NULL, &output, t.max, argv, &t.input, LONG_MS, &err)
               == ENVELOPE_OK
           && output.len == t.input.len
           && memcmp(output.data, t.input.data, output.len) == 0;
    kms_text_clear(&output);
    return good ? arg : NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
    pthread_t threads[8];
    void *result;
    size_t i;

    (void)state;
    set_input(200000);
    for (i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_cat, &t), 0);
    for (i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &t);
    }
}

/* Resources */

static void
memory_may_run_out(void **state)
{
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    size_t n;

    (void)state;
    set_input(MIB);
    for (n = 1; rc != ENVELOPE_OK; n++) {
        memory_fail(n);
        rc = CAT();
        memory_fail(0);
        if (rc != ENVELOPE_OK)
            assert_int_equal(rc, ENVELOPE_R_MEMORY);
        kms_text_clear(&t.output);
    }
    assert_true(n > 4);
}

static void
descriptors_may_run_out(void **state)
{
    enum envelope_reason rc = ENVELOPE_R_KEY_SERVICE;
    struct rlimit limit, old;
    size_t more;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    for (more = 0; rc != ENVELOPE_OK; more++) {
        limit.rlim_cur = t.open_count + more;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        rc = SHELL(":");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        assert_int_equal(count_open(), t.open_count);
        if (rc != ENVELOPE_OK) {
            assert_int_equal(rc, ENVELOPE_R_KEY_SERVICE);
            assert_detail("Too many open files");
        }
    }
    assert_true(more > 4);
}

int
main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_goes_through),
        TEST(there_may_be_no_input),
        TEST(the_output_of_before_is_gone),
        TEST(output_is_limited),
        TEST(endless_output_is_cut),
        TEST(input_need_not_be_read),
        TEST(output_may_be_closed_before_the_end),
        TEST(a_failure_is_told_of),
        TEST(a_signal_is_told_of),
        TEST(what_is_not_there_is_told_of),
        TEST(no_path_is_searched),
        TEST(no_shell_is_asked),
        TEST(arguments_stay_what_they_are),
        TEST(arguments_are_not_told),
        TEST(time_is_limited),
        TEST(time_is_limited_without_pipes),
        TEST(a_slow_drip_is_limited),
        TEST(what_is_left_behind_is_not_waited_for),
        TEST(no_descriptor_is_inherited),
        TEST(signals_are_as_by_default),
        TEST(there_is_no_terminal),
        TEST(the_environment_is_ours),
        TEST(standard_descriptors_may_be_closed),
        TEST(a_pending_sigpipe_is_somebody_elses),
        TEST(an_ignored_sigpipe_is_fine),
        TEST(nothing_is_run_where_no_status_is_kept),
        TEST(a_lost_status_is_no_success),
        TEST(other_children_are_not_waited_for),
        TEST(signals_may_come_in_between),
        TEST(threads_do_not_disturb_each_other),
        TEST(memory_may_run_out),
        TEST(descriptors_may_run_out),
    };
    size_t i;

    for (i = 0; argc > 1 && i < COUNT(parts); i++) {
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].play();
    }
    default_signals();
    memory_install(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
