/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking at a terminal: a leader that owns a pseudo-terminal starts a worker
 * in its foreground, which asks; the test types.
 */
#define _GNU_SOURCE /* ptsname_r() */
#include "tools/os/prompt.h"

#include "test/support/support.h"
#include "test/tools/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#define PATIENCE_S 60
#define SAY_LEN 4096

/* One conversation */
struct talk {
    int master, slave;
    int result;         /* what leader and worker tell */
    char seen[SAY_LEN]; /* on the terminal */
    char said[SAY_LEN]; /* through result */
    pid_t leader;
};

typedef void worker_fn(int out);

/* The worker's side */

static void
say(int out, const char *text)
{
    assert_int_equal(write(out, text, strlen(text)), strlen(text));
}

static void
ask(int out, const char *what, bool twice)
{
    char *passphrase, text[SAY_LEN];
    struct envl_err err = { ENVELOPE_OK, "" };
    enum envelope_reason rc =
        envl_prompt_passphrase(&passphrase, what, twice, &err);

    if (rc == ENVELOPE_OK)
        (void)snprintf(text, sizeof(text), "[%s]", passphrase);
    else
        (void)snprintf(text, sizeof(text), "<%s%s>",
                       rc == ENVELOPE_R_PASSPHRASE_NEEDED ? "" : "?",
                       err.detail);
    if ((rc == ENVELOPE_OK) != (passphrase != NULL))
        say(out, "?");
    say(out, text);
    OPENSSL_clear_free(passphrase, passphrase ? strlen(passphrase) : 0);
}

static void
ask_once(int out)
{
    ask(out, "Passphrase", false);
}

static void
ask_twice(int out)
{
    ask(out, "Passphrase", true);
}

/* Once a line waits to be read. */
static void
ask_late(int out)
{
    struct pollfd item = { .fd = STDIN_FILENO, .events = POLLIN };

    (void)poll(&item, 1, -1);
    ask_once(out);
}

static void
ask_for_a_strange_name(int out)
{
    ask(out, "Passphrase for \033[2J\302\233\r.key", false);
}

static void *
ask_in_thread(void *arg)
{
    ask_once(*(int *)arg);
    return NULL;
}

/* The signals come to the first thread. */
static void
ask_elsewhere(int out)
{
    pthread_t thread;
    sigset_t all, old;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    (void)pthread_create(&thread, NULL, ask_in_thread, &out);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_join(thread, NULL);
}

static void
ignore_and_ask(int out)
{
    (void)signal(SIGINT, SIG_IGN);
    ask_once(out);
}

static void
handle(int number)
{
    (void)number;
}

static void
handle_and_ask(int out)
{
    (void)signal(SIGINT, handle);
    ask_once(out);
}

static void
call_back(int out, const OSSL_PARAM *params, void *arg, size_t size)
{
    char pass[64], text[80];
    size_t len = 0;

    if (envl_prompt_callback(pass, size, &len, params, arg) == 1)
        (void)snprintf(text, sizeof(text), "[%.*s]", (int)len, pass);
    else
        (void)snprintf(text, sizeof(text), "<refused>");
    say(out, text);
}

static void
call_back_each_way(int out)
{
    char info[] = "store", arg[] = "ops.key";
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
                                OSSL_PASSPHRASE_PARAM_INFO, info, 0),
                            OSSL_PARAM_construct_end() };

    call_back(out, params, arg, 6);
    call_back(out, params + 1, arg, 6);
    call_back(out, NULL, NULL, 6);
    call_back(out, NULL, NULL, 5);
}

/* The leader's side */

static void
tell_echo(int out)
{
    struct termios mode;

    (void)tcgetattr(STDIN_FILENO, &mode);
    say(out, (mode.c_lflag & ECHO) != 0 ? "echo" : "quiet");
}

/* It waits for its worker, and wakes it up when it has stopped. */
static void
lead(int slave, int out, worker_fn *worker)
{
    const struct rlimit no_core = { 0, 0 };
    char text[32];
    int status;
    pid_t pid;

    (void)setsid();
    if (ioctl(slave, TIOCSCTTY, 0) != 0 || dup2(slave, STDIN_FILENO) < 0)
        _exit(1);
    (void)close(slave);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGTTOU, SIG_IGN); /* to be able to take the terminal back */
    (void)signal(SIGHUP, SIG_IGN);
    pid = fork();
    if (pid == 0) {
        (void)setpgid(0, 0);
        (void)tcsetpgrp(STDIN_FILENO, getpid());
        (void)signal(SIGTTOU, SIG_DFL);
        (void)signal(SIGHUP, SIG_DFL);
        (void)alarm(PATIENCE_S);
        (void)snprintf(text, sizeof(text), "{%d}", (int)getpid());
        say(out, text);
        worker(out);
        _exit(0);
    }
    while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
        say(out, "stopped ");
        tell_echo(out);
        (void)kill(pid, SIGCONT);
    }
    (void)snprintf(
        text, sizeof(text), " %s %d ", WIFSIGNALED(status) ? "signal" : "exit",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    say(out, text);
    tell_echo(out);
    _exit(0);
}

/* The test's side */

static void
start(struct talk *talk, worker_fn *worker)
{
    int ends[2];

    memset(talk, 0, sizeof(*talk));
    open_terminal(&talk->master, &talk->slave);
    assert_int_equal(pipe(ends), 0);
    talk->result = ends[0];
    talk->leader = fork();
    assert_true(talk->leader >= 0);
    if (talk->leader == 0) {
        (void)close(talk->master);
        lead(talk->slave, ends[1], worker);
    }
    (void)close(ends[1]);
}

/* Read on until text is in what came. */
static void
expect(int fd, char *all, const char *text)
{
    struct pollfd item = { .fd = fd, .events = POLLIN };
    size_t len = strlen(all);
    ssize_t n;

    while (strstr(all, text) == NULL) {
        assert_int_equal(poll(&item, 1, PATIENCE_S * 1000), 1);
        n = read(fd, all + len, SAY_LEN - 1 - len);
        if (n <= 0)
            print_error("no %s in %s\n", text, all);
        assert_true(n > 0);
        len += (size_t)n;
        all[len] = '\0';
    }
}

static bool
has_echo(const struct talk *talk)
{
    struct termios mode;

    assert_int_equal(tcgetattr(talk->slave, &mode), 0);
    return (mode.c_lflag & ECHO) != 0;
}

/* Wait for a question; from then on nothing is shown. */
static void
expect_question(struct talk *talk, const char *question)
{
    expect(talk->master, talk->seen, question);
    assert_false(has_echo(talk));
    talk->seen[0] = '\0';
}

static void
type(const struct talk *talk, const char *text, size_t len)
{
    assert_int_equal(write(talk->master, text, len), len);
}

static void
answer(struct talk *talk, const char *question, const char *text)
{
    expect_question(talk, question);
    type(talk, text, strlen(text));
}

static pid_t
worker_of(struct talk *talk)
{
    expect(talk->result, talk->said, "}");
    return (pid_t)strtol(talk->said + 1, NULL, 10);
}

/* How it ended, and what was said before; the terminal is as it was. */
static void
finish(struct talk *talk, const char *said, const char *ended)
{
    int left = -1, status;

    expect(talk->result, talk->said, ended);
    expect(talk->result, talk->said, " echo");
    if (strstr(talk->said, said) == NULL)
        print_error("no %s in %s\n", said, talk->said);
    assert_non_null(strstr(talk->said, said));
    assert_null(strchr(talk->said, '?'));
    assert_true(has_echo(talk));
    assert_int_equal(ioctl(talk->slave, FIONREAD, &left), 0);
    assert_int_equal(left, 0); /* for the shell */
    assert_int_equal(waitpid(talk->leader, &status, 0), talk->leader);
    assert_int_equal(status, 0);
    (void)close(talk->master);
    (void)close(talk->slave);
    (void)close(talk->result);
}

static void
it_asks_without_echo(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "correct horse\n");
    expect(talk.result, talk.said, "]");
    expect(talk.master, talk.seen, "\n");
    assert_string_equal(talk.seen, "\r\n"); /* and nothing else */
    finish(&talk, "[correct horse]", "exit 0");
}

static void
what_was_typed_before_is_no_answer(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_late);
    type(&talk, "ls\n", 3);
    answer(&talk, "Passphrase: ", "horse\n");
    finish(&talk, "[horse]", "exit 0");
}

static void
it_asks_twice(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_twice);
    answer(&talk, "Passphrase: ", "horse\n");
    answer(&talk, "Passphrase, again: ", "horse\n");
    finish(&talk, "[horse]", "exit 0");

    start(&talk, ask_twice);
    answer(&talk, "Passphrase: ", "horse\n");
    answer(&talk, "Passphrase, again: ", "hors\n");
    finish(&talk, "<what was typed differs>", "exit 0");

    start(&talk, ask_twice);
    answer(&talk, "Passphrase: ", "\n"); /* once is enough */
    finish(&talk, "<none was typed>", "exit 0");
}

static void
lines_can_be_edited_and_ended(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "hoss\177rse\r");
    finish(&talk, "[hosrse]", "exit 0");
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "horse\004\004");
    finish(&talk, "[horse]", "exit 0");
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "\004");
    finish(&talk, "<none was typed>", "exit 0");
    start(&talk, ask_once);
    expect_question(&talk, "Passphrase: ");
    type(&talk, "a\0b\n", 4);
    finish(&talk, "<what was typed has a NUL byte in it>", "exit 0");
}

static void
long_ones_are_refused_not_cut(void **state)
{
    char line[4000];
    struct talk talk;

    (void)state;
    memset(line, 'x', sizeof(line));
    line[ENVL_PASSPHRASE_LEN_MAX] = '\n';
    start(&talk, ask_once);
    expect_question(&talk, "Passphrase: ");
    type(&talk, line, ENVL_PASSPHRASE_LEN_MAX + 1);
    line[ENVL_PASSPHRASE_LEN_MAX] = '\0';
    finish(&talk, line, "exit 0");

    line[ENVL_PASSPHRASE_LEN_MAX] = 'x';
    line[ENVL_PASSPHRASE_LEN_MAX + 1] = '\n';
    start(&talk, ask_once);
    expect_question(&talk, "Passphrase: ");
    type(&talk, line, ENVL_PASSPHRASE_LEN_MAX + 2);
    finish(&talk, "longer than 1024 bytes", "exit 0");

    line[ENVL_PASSPHRASE_LEN_MAX + 1] = 'x';
    line[sizeof(line) - 1] = '\n';
    start(&talk, ask_once);
    expect_question(&talk, "Passphrase: ");
    type(&talk, line, sizeof(line));
    finish(&talk, "longer than 1024 bytes", "exit 0");
}

static void
names_do_not_harm_the_terminal(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_for_a_strange_name);
    answer(&talk, "Passphrase for ?[2J???.key: ", "horse\n");
    finish(&talk, "[horse]", "exit 0");
}

static void
keys_that_end_it_restore_echo(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "hor\003");
    finish(&talk, "", " signal 2 ");
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "hor\034");
    finish(&talk, "", " signal 3 ");
    start(&talk, ask_twice);
    answer(&talk, "Passphrase: ", "horse\n");
    answer(&talk, "Passphrase, again: ", "hor\003");
    finish(&talk, "", " signal 2 ");
    start(&talk, ask_elsewhere);
    answer(&talk, "Passphrase: ", "hor\003");
    finish(&talk, "", " signal 2 ");
}

static void
signals_restore_echo(void **state)
{
    static const int signals[] = { SIGHUP, SIGTERM };
    char ended[32];
    struct talk talk;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(signals); i++) {
        start(&talk, ask_once);
        expect_question(&talk, "Passphrase: ");
        assert_int_equal(kill(worker_of(&talk), signals[i]), 0);
        (void)snprintf(ended, sizeof(ended), " signal %d ", signals[i]);
        finish(&talk, "", ended);
    }
}

static void
stopped_it_comes_back(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ask_once);
    answer(&talk, "Passphrase: ", "hor\032");
    expect(talk.result, talk.said, "stopped echo");
    answer(&talk, "Passphrase: ", "\032");
    expect(talk.result, talk.said, "stopped echostopped echo");
    answer(&talk, "Passphrase: ", "horse\n");
    finish(&talk, "[horse]", "exit 0");
}

static void
other_dispositions_are_honoured(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, ignore_and_ask);
    answer(&talk, "Passphrase: ", "hor\003se\n");
    finish(&talk, "]", "exit 0");
    start(&talk, handle_and_ask);
    answer(&talk, "Passphrase: ", "hor\003");
    finish(&talk, "<nothing could be read at the terminal>", "exit 0");
}

static void
the_callback_asks_too(void **state)
{
    struct talk talk;

    (void)state;
    start(&talk, call_back_each_way);
    answer(&talk, "Passphrase for store: ", "horse\n");
    answer(&talk, "Passphrase for ops.key: ", "horses\n");
    answer(&talk, "Passphrase: ", "\n");
    answer(&talk, "Passphrase: ", "horses\n");
    finish(&talk, "[horse][horses]<refused><refused>", "exit 0");
}

static void
without_a_terminal_it_fails(void **state)
{
    char *passphrase;
    struct envl_err err;
    int status;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setsid();
        _exit(envl_prompt_passphrase(&passphrase, "x", false, &err)
                      == ENVELOPE_R_PASSPHRASE_NEEDED
                  ? passphrase != NULL
                  : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_asks_without_echo),
        cmocka_unit_test(what_was_typed_before_is_no_answer),
        cmocka_unit_test(it_asks_twice),
        cmocka_unit_test(lines_can_be_edited_and_ended),
        cmocka_unit_test(long_ones_are_refused_not_cut),
        cmocka_unit_test(names_do_not_harm_the_terminal),
        cmocka_unit_test(keys_that_end_it_restore_echo),
        cmocka_unit_test(signals_restore_echo),
        cmocka_unit_test(stopped_it_comes_back),
        cmocka_unit_test(other_dispositions_are_honoured),
        cmocka_unit_test(the_callback_asks_too),
        cmocka_unit_test(without_a_terminal_it_fails),
    };

    default_signals();
    return cmocka_run_group_tests_name("prompt", tests, NULL, NULL);
}
