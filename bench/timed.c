/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and says what it took:
 *     timed RESULT COMMAND [ARGUMENT...]
 * writes a line to the file RESULT: begin and end on the monotonic clock, user
 * and system seconds, peak memory in KiB, exit status.  A small program of its
 * own because a process counts the memory of the one that started it, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_STARTED 127
#define SIGNALLED 128

static void
fail(const char *what)
{
    perror(what);
    exit(NOT_STARTED);
}

static double
now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double
seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static pid_t
start(char **argv)
{
    pid_t child = fork();

    if (child < 0)
        fail("fork");
    if (child == 0) {
        (void)execvp(argv[0], argv);
        perror(argv[0]);
        _exit(NOT_STARTED);
    }
    /* The ends of pipes are the child's alone: others wait for them to close. */
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    return child;
}

int
main(int argc, char **argv)
{
    struct rusage used;
    double begin, end;
    FILE *result;
    pid_t child;
    int status;

    if (argc < 3)
        return fprintf(stderr, "usage: timed RESULT COMMAND...\n"), 2;
    result = fopen(argv[1], "we");
    if (result == NULL)
        fail(argv[1]);
    begin = now();
    child = start(argv + 2);
    memset(&used, 0, sizeof(used));
    if (wait4(child, &status, 0, &used) != child)
        fail("wait4");
    end = now();
    status =
        WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
    fprintf(result, "%.6f %.6f %.6f %.6f %ld %d\n", begin, end,
            seconds(used.ru_utime), seconds(used.ru_stime), used.ru_maxrss,
            status);
    if (fclose(result) != 0)
        fail(argv[1]);
    return status;
}
