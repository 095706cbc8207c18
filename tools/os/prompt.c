/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line from /dev/tty with echo off.  The handler of signals sets the
 * terminal right itself, since they may come to another thread than the one
 * that reads.
 */
#define _GNU_SOURCE /* pipe2() */
#include "tools/os/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

/* The terminal's own limit for a line is 4096; it is read to its end. */
#define REST_LEN 256
#define WHAT_LEN_MAX 300

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

/* The terminal while a line is typed, as the handler needs it. */
static struct {
    volatile sig_atomic_t quiet; /* echo is off */
    int disturbed[2]; /* a pipe: a byte for a signal that may not end us */
    int fd;
    struct termios loud_mode, quiet_mode;
    char text[ENVL_DETAIL_MAX]; /* what was asked */
    struct sigaction old[SIGNAL_COUNT];
} tty;

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void
set_mode(const struct termios *mode)
{
    while (tcsetattr(tty.fd, TCSAFLUSH, mode) != 0 && errno == EINTR)
        ;
}

/* Nothing can be done where that fails; the line is read all the same. */
static void
show(const char *text)
{
    size_t len = strlen(text);
    ssize_t n;

    while (len > 0) {
        n = write(tty.fd, text, len);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
}

static void on_signal(int number);

/* All of them are blocked in the handler: the stop is let through alone. */
static void
stop_and_come_back(void)
{
    struct sigaction again = { .sa_handler = on_signal };
    struct sigaction stop = { .sa_handler = SIG_DFL };
    sigset_t set, old;
    size_t i;

    (void)sigaction(SIGTSTP, &stop, NULL);
    (void)raise(SIGTSTP);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, &old);
    /* Here the program stops, and goes on. */
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&again.sa_mask, signals[i]);
    (void)sigaction(SIGTSTP, &again, NULL);
    if (tty.quiet) {
        set_mode(&tty.quiet_mode);
        show(tty.text);
    }
}

static void
on_signal(int number)
{
    int error = errno;
    ssize_t n;
    size_t i;

    if (tty.quiet) {
        set_mode(&tty.loud_mode);
        show("\n");
    }
    if (number == SIGTSTP) {
        stop_and_come_back();
    } else {
        n = write(tty.disturbed[1], "", 1);
        (void)n; /* a full pipe tells as much */
        for (i = 0; i < SIGNAL_COUNT; i++) {
            if (signals[i] == number)
                (void)sigaction(number, &tty.old[i], NULL);
        }
        (void)raise(number); /* it is blocked until this returns */
    }
    errno = error;
}

/* What is ignored stays so. */
static void
signals_catch(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    size_t i;

    for (i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&action.sa_mask, signals[i]);
    for (i = 0; i < SIGNAL_COUNT; i++) {
        (void)sigaction(signals[i], NULL, &tty.old[i]);
        if (tty.old[i].sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
    }
}

static void
signals_release(void)
{
    size_t i;

    for (i = 0; i < SIGNAL_COUNT; i++)
        (void)sigaction(signals[i], &tty.old[i], NULL);
}

/* Before the question is shown: what was typed ahead is not the answer. */
static bool
begin(void)
{
    if (tcgetattr(tty.fd, &tty.loud_mode) != 0
        || pipe2(tty.disturbed, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    tty.quiet_mode = tty.loud_mode;
    tty.quiet_mode.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    tty.quiet_mode.c_lflag |= ICANON | ISIG;
    tty.quiet_mode.c_iflag &= ~(tcflag_t)(IGNCR | INLCR);
    tty.quiet_mode.c_iflag |= ICRNL;
    signals_catch();
    tty.quiet = 1;
    set_mode(&tty.quiet_mode);
    return true;
}

/* After the answer; what is left of a line that was pasted goes, too. */
static void
end(void)
{
    sigset_t set, old;
    size_t i;

    sigemptyset(&set);
    for (i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&set, signals[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, &old);
    set_mode(&tty.loud_mode);
    tty.quiet = 0;
    signals_release();
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)close(tty.disturbed[0]);
    (void)close(tty.disturbed[1]);
}

/* False if a signal made the terminal loud again.  It may have come to another
 * thread, or before there was a read() to interrupt. */
static bool
wait_for_input(void)
{
    struct pollfd items[] = { { .fd = tty.fd, .events = POLLIN },
                              { .fd = tty.disturbed[0], .events = POLLIN } };
    int n;

    do {
        n = poll(items, 2, -1);
    } while (n < 0 && errno == EINTR);
    return items[1].revents == 0;
}

/*
 * A line without its end, of which no more than size bytes are kept.  Two
 * end-of-file characters after a line without an end end it, too.
 *
 * Returns: its length, whatever was kept; -1 if it cannot be read.
 */
static ssize_t
read_line(char *line, size_t size)
{
    char rest[REST_LEN];
    size_t len = 0;
    ssize_t n;
    bool ended = false;

    do {
        char *to = len < size ? line + len : rest;

        n = -1;
        if (!wait_for_input())
            break;
        n = read(tty.fd, to, len < size ? size - len : sizeof(rest));
        if (n > 0) {
            ended = to[n - 1] == '\n';
            len += (size_t)n - ended;
        }
    } while (!ended && (n > 0 || (n < 0 && errno == EINTR)));
    OPENSSL_cleanse(rest, sizeof(rest));
    return n < 0 ? -1 : (ssize_t)len;
}

/* line has room for ENVL_PASSPHRASE_LEN_MAX + 1 bytes, which are 0. */
static enum envelope_reason
ask(char *line, struct envl_err *err)
{
    const enum envelope_reason refused = ENVELOPE_R_PASSPHRASE_NEEDED;
    ssize_t len;

    if (!begin())
        return envl_fail(err, refused, "the terminal cannot be set up: %s",
                         strerror(errno));
    show(tty.text);
    len = read_line(line, ENVL_PASSPHRASE_LEN_MAX + 1);
    end();
    show("\n"); /* the one that was not echoed */
    if (len < 0)
        return envl_fail(err, refused, "nothing could be read at the terminal");
    if (len == 0)
        return envl_fail(err, refused, "none was typed");
    if (len > ENVL_PASSPHRASE_LEN_MAX)
        return envl_fail(err, refused, "what was typed is longer than %d bytes",
                         ENVL_PASSPHRASE_LEN_MAX);
    line[len] = '\0'; /* where its end was */
    if (strlen(line) != (size_t)len)
        return envl_fail(err, refused, "what was typed has a NUL byte in it");
    return ENVELOPE_OK;
}

/* It may name a file: envl_fail() keeps the terminal safe. */
static void
set_text(const char *what, const char *more)
{
    struct envl_err safe;

    (void)envl_fail(&safe, ENVELOPE_OK, "%.*s%s: ", WHAT_LEN_MAX, what, more);
    memcpy(tty.text, safe.detail, sizeof(tty.text));
}

static enum envelope_reason
ask_twice(char *line, const char *what, struct envl_err *err)
{
    char *again = OPENSSL_zalloc(ENVL_PASSPHRASE_LEN_MAX + 1);
    enum envelope_reason rc;

    if (again == NULL)
        return envl_fail_memory(err);
    rc = ask(line, err);
    if (rc == ENVELOPE_OK) {
        set_text(what, ", again");
        rc = ask(again, err);
    }
    if (rc == ENVELOPE_OK
        && CRYPTO_memcmp(line, again, ENVL_PASSPHRASE_LEN_MAX + 1) != 0)
        rc = envl_fail(err, ENVELOPE_R_PASSPHRASE_NEEDED,
                       "what was typed differs");
    OPENSSL_clear_free(again, ENVL_PASSPHRASE_LEN_MAX + 1);
    return rc;
}

enum envelope_reason
envl_prompt_passphrase(char **passphrase, const char *what, bool twice,
                       struct envl_err *err)
{
    char *line = OPENSSL_zalloc(ENVL_PASSPHRASE_LEN_MAX + 1);
    enum envelope_reason rc;

    *passphrase = NULL;
    if (line == NULL)
        return envl_fail_memory(err);
    (void)pthread_mutex_lock(&one_at_a_time);
    tty.fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty.fd < 0) {
        rc = envl_fail(err, ENVELOPE_R_PASSPHRASE_NEEDED,
                       "there is no terminal to ask at: %s", strerror(errno));
    } else {
        set_text(what, "");
        rc = twice ? ask_twice(line, what, err) : ask(line, err);
        (void)close(tty.fd);
    }
    (void)pthread_mutex_unlock(&one_at_a_time);
    if (rc == ENVELOPE_OK)
        *passphrase = line;
    else
        OPENSSL_clear_free(line, ENVL_PASSPHRASE_LEN_MAX + 1);
    return rc;
}

int
envl_prompt_callback(char *pass, size_t pass_size, size_t *pass_len,
                     const OSSL_PARAM params[], void *arg)
{
    const OSSL_PARAM *info = NULL;
    const char *name = arg;
    char what[WHAT_LEN_MAX + 1];
    char *passphrase;
    struct envl_err err;
    size_t len;
    int ok;

    if (params != NULL)
        info = OSSL_PARAM_locate_const(params, OSSL_PASSPHRASE_PARAM_INFO);
    if (info != NULL && !OSSL_PARAM_get_utf8_string_ptr(info, &name))
        name = arg;
    (void)snprintf(what, sizeof(what), "Passphrase%s%s",
                   name != NULL ? " for " : "", name != NULL ? name : "");
    if (envl_prompt_passphrase(&passphrase, what, false, &err) != ENVELOPE_OK)
        return 0;
    len = strlen(passphrase);
    ok = len <= pass_size;
    if (ok) {
        memcpy(pass, passphrase, len);
        *pass_len = len;
    }
    OPENSSL_clear_free(passphrase, len);
    return ok;
}
