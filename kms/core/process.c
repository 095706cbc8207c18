/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child with two pipes.  Both are attended to at once, so that neither side
 * waits for the other for ever, and it is looked after until it is over.
 */
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np, pipe2 */
#include "kms/core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "kms/core/clock.h"
#include "kms/core/sigpipe.h"

/* An end of the program that its pipes do not show is noticed that late. */
#define SLICE_MS 10

struct run {
    const char *name;
    pid_t pid;    /* -1: there is none, or it has been waited for */
    int in, out;  /* our ends of its standard input and output, or -1 */
    int status;   /* as from waitpid(2), */
    bool is_lost; /* unless somebody else got it */
    const struct kms_text *input;
    size_t sent;
    struct kms_text *output;
    size_t output_max;
};

static enum envelope_reason
fail_to_run(const char *name, int error, struct envl_err *err)
{
    if (error == ENOMEM)
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE, "%.200s: cannot be run: %s",
                     name, strerror(error));
}

/* Descriptors */

static void
close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* a pipe: there is nothing to lose */
    *fd = -1;
}

/* Above the standard ones, which may be closed in this program: an end that
 * takes the place of one must not be in the place of the other. */
static bool
open_pipe(int ends[2])
{
    int low[2], i;

    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    for (i = 0; i < 2; i++)
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    for (i = 0; i < 2; i++)
        (void)close(low[i]);
    return ends[0] >= 0 && ends[1] >= 0;
}

static bool
make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Starting */

static int
set_actions(posix_spawn_file_actions_t *actions, int in, int out)
{
    int error;

    if ((error = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO))
            == 0
        && (error =
                posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO))
               == 0)
        error = posix_spawn_file_actions_addclosefrom_np(actions,
                                                         STDERR_FILENO + 1);
    return error;
}

static int
set_attributes(posix_spawnattr_t *attributes)
{
    const short flags =
        POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID;
    sigset_t none, all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    if ((error = posix_spawnattr_setsigmask(attributes, &none)) == 0
        && (error = posix_spawnattr_setsigdefault(attributes, &all)) == 0)
        error = posix_spawnattr_setflags(attributes, flags);
    return error;
}

/* 0 or an errno, that of exec(2), too. */
static int
spawn(pid_t *pid, char *const argv[], int in, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    if ((error = posix_spawn_file_actions_init(&actions)) != 0)
        return error;
    if ((error = posix_spawnattr_init(&attributes)) != 0)
        goto out;
    if ((error = set_actions(&actions, in, out)) == 0
        && (error = set_attributes(&attributes)) == 0)
        error = posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);

out:
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Does the system throw away how children end? */
static bool
no_status_is_kept(void)
{
    struct sigaction action;

    return sigaction(SIGCHLD, NULL, &action) == 0
           && (action.sa_handler == SIG_IGN
               || (action.sa_flags & SA_NOCLDWAIT) != 0);
}

static enum envelope_reason
start(struct run *run, char *const argv[], struct envl_err *err)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 };
    int error;

    if (strchr(argv[0], '/') == NULL)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%.200s: a program needs its path in front of it",
                         argv[0]);
    if (no_status_is_kept())
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%.200s: cannot be run: SIGCHLD is ignored here, so "
                         "that its status would be lost",
                         argv[0]);
    if (!open_pipe(in) || !open_pipe(out) || !make_nonblocking(in[1])
        || !make_nonblocking(out[0]))
        error = errno;
    else
        error = spawn(&run->pid, argv, in[0], out[1]);
    run->in = in[1];
    run->out = out[0];
    close_end(&in[0]);
    close_end(&out[1]);
    if (error == 0)
        return ENVELOPE_OK;
    run->pid = -1;
    return fail_to_run(run->name, error, err);
}

/* While it runs */

static bool
try_again(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What does not go in is no failure: the program need not read. */
static void
feed(struct run *run)
{
    size_t rest = run->input != NULL ? run->input->len - run->sent : 0;
    ssize_t n;

    if (run->in < 0)
        return;
    n = rest > 0 ? write(run->in, run->input->data + run->sent, rest) : 0;
    if (n > 0)
        run->sent += (size_t)n;
    if (rest == 0 || (n < 0 && !try_again(n)))
        close_end(&run->in);
}

/* All that is there. */
static enum envelope_reason
take(struct run *run, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    char part[4096];
    ssize_t n = 1;

    while (rc == ENVELOPE_OK && run->out >= 0 && n > 0) {
        n = read(run->out, part, sizeof(part));
        if (n <= 0 && !try_again(n))
            close_end(&run->out);
        if (n <= 0)
            break;
        if ((size_t)n > run->output_max - run->output->len)
            rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                           "%.200s: its output is longer than %zu bytes",
                           run->name, run->output_max);
        else
            kms_text_add_bytes(run->output, part, (size_t)n);
        if (run->output->failed)
            rc = envl_fail_memory(err);
    }
    OPENSSL_cleanse(part, sizeof(part));
    return rc;
}

static void
wait_for_pipes(const struct run *run, int64_t left)
{
    struct pollfd pipes[] = { { .fd = run->in, .events = POLLOUT },
                              { .fd = run->out, .events = POLLIN } };

    /* What it says does not matter: both are tried anyway. */
    (void)poll(pipes, 2, left < SLICE_MS ? (int)left : SLICE_MS);
}

/* Has it ended? */
static bool
has_ended(struct run *run)
{
    pid_t pid = waitpid(run->pid, &run->status, WNOHANG);

    if (pid == 0)
        return false;
    run->is_lost = pid < 0;
    run->pid = -1;
    return true;
}

static enum envelope_reason
attend(struct run *run, unsigned milliseconds, struct envl_err *err)
{
    int64_t left, deadline = kms_clock_ticks(NULL) + milliseconds;
    enum envelope_reason rc;
    bool ended;

    do {
        left = deadline - kms_clock_ticks(NULL);
        if (left <= 0)
            return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                             "%.200s: it took longer than %u ms, and was "
                             "stopped",
                             run->name, milliseconds);
        wait_for_pipes(run, left);
        /* In this order: what it wrote before its end is all there. */
        ended = has_ended(run);
        feed(run);
        rc = take(run, err);
    } while (rc == ENVELOPE_OK && !ended);
    return rc;
}

/* How it ended */

static enum envelope_reason
judge(const struct run *run, struct envl_err *err)
{
    if (run->is_lost)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%.200s: its status is lost: this program waits for "
                         "children that are not its own",
                         run->name);
    if (WIFSIGNALED(run->status))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%.200s: it was killed by signal %d", run->name,
                         WTERMSIG(run->status));
    if (WEXITSTATUS(run->status) != 0)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%.200s: it failed with status %d", run->name,
                         WEXITSTATUS(run->status));
    return ENVELOPE_OK;
}

static void
stop(struct run *run)
{
    int flags;

    close_end(&run->in);
    close_end(&run->out);
    if (run->pid < 0)
        return;
    (void)kill(-run->pid, SIGKILL);
    /* One that has other rights than we, such as sudo(8), goes on; its time is
     * over all the same, and who waits for it may wait for ever. */
    flags = kill(run->pid, SIGKILL) == 0 ? 0 : WNOHANG;
    while (waitpid(run->pid, NULL, flags) < 0 && errno == EINTR)
        ;
}

enum envelope_reason
kms_process_run(void *arg, struct kms_text *output, size_t max,
                char *const argv[], const struct kms_text *input,
                unsigned milliseconds, struct envl_err *err)
{
    struct run run = { .name = argv[0],
                       .pid = -1,
                       .in = -1,
                       .out = -1,
                       .input = input,
                       .output = output,
                       .output_max = max };
    struct kms_sigpipe sigpipe;
    enum envelope_reason rc;

    (void)arg;
    kms_text_clear(output);
    kms_sigpipe_hold(&sigpipe);
    rc = start(&run, argv, err);
    if (rc == ENVELOPE_OK)
        rc = attend(&run, milliseconds, err);
    stop(&run);
    kms_sigpipe_release(&sigpipe);
    if (rc == ENVELOPE_OK)
        rc = judge(&run, err);
    if (rc != ENVELOPE_OK)
        kms_text_clear(output);
    return rc;
}
