/* SPDX-License-Identifier: Apache-2.0 */
/* fork() and exec, since posix_spawn() cannot give a program its own limits. */
#define _GNU_SOURCE /* pipe2() */
#include "tools/os/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/os/ending.h"

#define STATUS_NO_EXEC 127
#define PAUSE_MS 20
#define STOP_PAUSES (ENVL_PROGRAM_STOP_SECONDS * 1000 / PAUSE_MS)

static struct rlimit core_limit, lock_limit;
static bool has_limits;

/* The program that gets our signals, or 0; changed with them blocked, in the
 * thread that takes them. */
static volatile sig_atomic_t signalled, signalled_takes;

void
envl_program_keep_limits(void)
{
    has_limits = getrlimit(RLIMIT_CORE, &core_limit) == 0
                 && getrlimit(RLIMIT_MEMLOCK, &lock_limit) == 0;
}

static void
give_limits_back(void)
{
    if (has_limits) {
        (void)setrlimit(RLIMIT_CORE, &core_limit);
        (void)setrlimit(RLIMIT_MEMLOCK, &lock_limit);
    }
}

/* In the handler.  Where this program ends, the input of that one ends, too: one
 * that takes data must be gone before. */
static void
end_taker(pid_t pid)
{
    int left = STOP_PAUSES;

    (void)kill(pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0 && left-- > 0)
        (void)poll(NULL, 0, PAUSE_MS);
    if (left < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
}

static void
pass_on(int number)
{
    const bool is_asked = number == SIGHUP || number == SIGINT
                          || number == SIGQUIT || number == SIGTERM;

    if (signalled == 0)
        return;
    if (signalled_takes)
        end_taker((pid_t)signalled);
    else
        (void)kill((pid_t)signalled, is_asked ? number : SIGTERM);
}

/* Starting */

/* In the child.  Handlers are gone after exec; a signal that came meanwhile ends it
 * here. */
static void
become(char **argv, int end, int standard, int tell, const sigset_t *mask)
{
    int error;

    give_limits_back();
    if (dup2(end, standard) == standard) {
        envl_ending_unblock(mask);
        (void)execvp(argv[0], argv);
    }
    error = errno;
    (void)!write(tell, &error, sizeof(error));
    _exit(STATUS_NO_EXEC);
}

static void
close_both(const int pipe[2])
{
    (void)close(pipe[0]); /* nothing is in it that anybody wants */
    (void)close(pipe[1]);
}

static void
forget(struct envl_program *program)
{
    signalled = 0;
    envl_ending_remove(pass_on);
    program->pid = 0;
}

/* With the signals blocked.  The second pipe is closed by exec, or says why there
 * was none. */
static int
start(struct envl_program *program, char **argv, const int data[2],
      const int said[2], const sigset_t *mask)
{
    const int theirs = program->gives ? data[1] : data[0];
    int error = 0;
    ssize_t n;

    program->pid = fork();
    if (program->pid < 0)
        return errno;
    if (program->pid == 0)
        become(argv, theirs, program->gives ? STDOUT_FILENO : STDIN_FILENO,
               said[1], mask);
    signalled = (sig_atomic_t)program->pid;
    signalled_takes = !program->gives;
    envl_ending_add(pass_on);
    (void)close(said[1]);
    do {
        n = read(said[0], &error, sizeof(error));
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(error))
        return 0;
    (void)waitpid(program->pid, NULL, 0);
    forget(program);
    return error;
}

enum envelope_reason
envl_program_start(struct envl_program *program, char **argv, bool gives,
                   struct envl_err *err)
{
    int data[2], said[2], error;
    sigset_t mask;

    *program =
        (struct envl_program){ .fd = -1, .name = argv[0], .gives = gives };
    if (pipe2(data, O_CLOEXEC) != 0)
        return envl_fail(err, ENVELOPE_R_PROGRAM, "%s cannot be run: %s",
                         argv[0], strerror(errno));
    if (pipe2(said, O_CLOEXEC) != 0) {
        error = errno;
    } else {
        envl_ending_block(&mask);
        error = start(program, argv, data, said, &mask);
        envl_ending_unblock(&mask);
        (void)close(said[0]); /* it was only read */
        if (program->pid < 0)
            (void)close(said[1]);
    }
    if (error != 0) {
        close_both(data);
        program->pid = 0;
        return envl_fail(err, ENVELOPE_R_PROGRAM, "%s cannot be run: %s",
                         argv[0], strerror(error));
    }
    program->fd = data[gives ? 0 : 1];
    (void)close(data[gives ? 1 : 0]);
    return ENVELOPE_OK;
}

/* Ending */

static void
close_pipe(struct envl_program *program)
{
    if (program->fd >= 0)
        (void)close(program->fd); /* a pipe keeps no failure back */
    program->fd = -1;
}

static enum envelope_reason
judge(const struct envl_program *program, bool by_signal, int status,
      struct envl_err *err)
{
    if (!by_signal && status == 0)
        return ENVELOPE_OK;
    if (!by_signal)
        return envl_fail(err, ENVELOPE_R_PROGRAM, "%s ended with status %d",
                         program->name, status);
    return envl_fail(err, ENVELOPE_R_PROGRAM, "%s was ended by signal %d (%s)",
                     program->name, status, strsignal(status));
}

/* It stays as a zombie: its process id is not another one's, and the thread that
 * takes the signals forgets it. */
enum envelope_reason
envl_program_confirm(const struct envl_program *program,
                     const struct envl_stop *stop, struct envl_err *err)
{
    struct pollfd stopped = { .fd = stop != NULL ? stop->fds[0] : -1,
                              .events = POLLIN };
    siginfo_t info = { 0 };
    int pause = 1;

    for (;;) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)program->pid, &info,
                   WEXITED | WNOHANG | WNOWAIT)
                != 0
            && errno != EINTR)
            return envl_fail(err, ENVELOPE_R_PROGRAM,
                             "%s cannot be waited for: %s", program->name,
                             strerror(errno));
        if (info.si_pid != 0)
            return judge(program, info.si_code != CLD_EXITED, info.si_status,
                         err);
        if (poll(&stopped, 1, pause) > 0)
            return envl_fail(err, ENVELOPE_R_PROGRAM, "%s was not waited for",
                             program->name);
        pause = pause < PAUSE_MS / 2 ? 2 * pause : PAUSE_MS;
    }
}

/* Is it gone?  Then its status is known, or 127. */
static bool
reap(struct envl_program *program, int *status)
{
    sigset_t mask;
    pid_t got;

    envl_ending_block(&mask);
    do {
        got = waitpid(program->pid, status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got != 0)
        forget(program);
    if (got < 0)
        *status = STATUS_NO_EXEC << 8;
    envl_ending_unblock(&mask);
    return got != 0;
}

/* Is everything read that has to be?  Where the system cannot tell it is taken for
 * read. */
static bool
is_drained(const struct envl_program *program)
{
    struct pollfd end = { .fd = program->fd };
    bool closed = false;
    int left;

    while (ioctl(program->fd, FIONREAD, &left) == 0 && left > 0
           && (uint64_t)left > program->spare) {
        if (closed)
            return false;
        /* It may have read the rest just before. */
        closed =
            poll(&end, 1, PAUSE_MS / 4) > 0 && (end.revents & POLLERR) != 0;
    }
    return true;
}

enum envelope_reason
envl_program_wait(struct envl_program *program, bool given_all,
                  struct envl_err *err)
{
    const bool has_read_all =
        given_all && (program->fd < 0 || is_drained(program));
    enum envelope_reason rc;
    int status = 0, pause = 1;

    close_pipe(program);
    while (!reap(program, &status)) {
        (void)poll(NULL, 0, pause);
        pause = pause < PAUSE_MS / 2 ? 2 * pause : PAUSE_MS;
    }
    rc = judge(program, WIFSIGNALED(status),
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
               err);
    if (rc == ENVELOPE_OK && !has_read_all)
        rc = envl_fail(err, ENVELOPE_R_PROGRAM,
                       "%s ended before it had read everything", program->name);
    return rc;
}

void
envl_program_stop(struct envl_program *program)
{
    int left = STOP_PAUSES, status;

    if (program->name == NULL)
        return;
    if (program->gives)
        close_pipe(program);
    if (program->pid != 0) {
        (void)kill(program->pid, SIGTERM);
        while (!reap(program, &status)) {
            if (left-- == 0)
                (void)kill(program->pid, SIGKILL);
            (void)poll(NULL, 0, PAUSE_MS);
        }
    }
    close_pipe(program);
}
