/* SPDX-License-Identifier: Apache-2.0 */
/* fork() and exec, since posix_spawn() cannot give a program its own limits. */
#define _GNU_SOURCE /* pipe2() */
#include "tools/os/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/os/ending.h"

#define STATUS_NO_EXEC 127
#define POLL_MS 20

static struct rlimit core_limit, lock_limit;
static bool has_limits;

/* The program that gets our signals, or 0. */
static volatile sig_atomic_t signalled;

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

static void
pass_on(int number)
{
    const bool is_asked = number == SIGHUP || number == SIGINT
                          || number == SIGQUIT || number == SIGTERM;

    if (signalled != 0)
        (void)kill((pid_t)signalled, is_asked ? number : SIGTERM);
}

static void
set_signalled(pid_t pid)
{
    sigset_t old;

    envl_ending_block(&old);
    signalled = (sig_atomic_t)pid;
    if (pid != 0)
        envl_ending_add(pass_on);
    else
        envl_ending_remove(pass_on);
    envl_ending_unblock(&old);
}

/* Starting */

/* In the child.  Handlers are gone after exec, and what is blocked is what the
 * thread that started us has blocked: nothing. */
static void
become(char **argv, int end, int standard, int tell)
{
    int error;

    give_limits_back();
    if (dup2(end, standard) == standard)
        (void)execvp(argv[0], argv);
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

/* The second pipe is closed by exec, or says why there was none. */
static int
start(struct envl_program *program, char **argv, const int data[2],
      const int said[2])
{
    const int theirs = program->gives ? data[1] : data[0];
    int error = 0;
    ssize_t n;

    program->pid = fork();
    if (program->pid < 0)
        return errno;
    if (program->pid == 0)
        become(argv, theirs, program->gives ? STDOUT_FILENO : STDIN_FILENO,
               said[1]);
    (void)close(said[1]);
    do {
        n = read(said[0], &error, sizeof(error));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(error) ? error : 0;
}

enum envelope_reason
envl_program_start(struct envl_program *program, char **argv, bool gives,
                   struct envl_err *err)
{
    int data[2], said[2], error;

    *program =
        (struct envl_program){ .fd = -1, .name = argv[0], .gives = gives };
    if (pipe2(data, O_CLOEXEC) != 0)
        return envl_fail(err, ENVELOPE_R_PROGRAM, "%s cannot be run: %s",
                         argv[0], strerror(errno));
    if (pipe2(said, O_CLOEXEC) != 0) {
        error = errno;
    } else {
        error = start(program, argv, data, said);
        (void)close(said[0]); /* it was only read */
        if (program->pid < 0)
            (void)close(said[1]);
    }
    if (error != 0) {
        close_both(data);
        if (program->pid > 0)
            (void)waitpid(program->pid, NULL, 0);
        program->pid = 0;
        return envl_fail(err, ENVELOPE_R_PROGRAM, "%s cannot be run: %s",
                         argv[0], strerror(error));
    }
    program->fd = data[gives ? 0 : 1];
    (void)close(data[gives ? 1 : 0]);
    set_signalled(program->pid);
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

/* Nobody is signalled any more: its process id may be another one's. */
static void
forget(struct envl_program *program)
{
    set_signalled(0);
    program->pid = 0;
}

static enum envelope_reason
judge(const struct envl_program *program, int status, struct envl_err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ENVELOPE_OK;
    if (WIFEXITED(status))
        return envl_fail(err, ENVELOPE_R_PROGRAM, "%s ended with status %d",
                         program->name, WEXITSTATUS(status));
    return envl_fail(err, ENVELOPE_R_PROGRAM, "%s was ended by signal %d (%s)",
                     program->name, WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
}

enum envelope_reason
envl_program_wait(struct envl_program *program, struct envl_err *err)
{
    int status = 0;
    pid_t got;

    if (!program->gives)
        close_pipe(program);
    if (program->pid == 0)
        return ENVELOPE_OK;
    do {
        got = waitpid(program->pid, &status, 0);
    } while (got < 0 && errno == EINTR);
    forget(program);
    return got >= 0 ? judge(program, status, err)
                    : envl_fail(err, ENVELOPE_R_PROGRAM,
                                "%s cannot be waited for: %s", program->name,
                                strerror(errno));
}

/* Has it ended within the time? */
static bool
ends_within(const struct envl_program *program, int seconds)
{
    const struct timespec pause = { 0, POLL_MS * 1000000L };
    int left = seconds * 1000 / POLL_MS;
    pid_t got;

    while ((got = waitpid(program->pid, NULL, WNOHANG)) == 0 && left-- > 0)
        (void)nanosleep(&pause, NULL);
    return got != 0;
}

void
envl_program_stop(struct envl_program *program)
{
    if (program->name == NULL)
        return;
    if (program->gives)
        close_pipe(program);
    if (program->pid != 0) {
        (void)kill(program->pid, SIGTERM);
        if (!ends_within(program, ENVL_PROGRAM_STOP_SECONDS)) {
            (void)kill(program->pid, SIGKILL);
            (void)waitpid(program->pid, NULL, 0);
        }
        forget(program);
    }
    close_pipe(program);
}
