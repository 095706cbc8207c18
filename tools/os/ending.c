/* SPDX-License-Identifier: Apache-2.0 */
/* One handler for all; then the signal does what it would have done. */
#include "tools/os/ending.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

static const int numbers[] = { SIGHUP,  SIGINT,  SIGPIPE, SIGQUIT,
                               SIGTERM, SIGXCPU, SIGXFSZ };
#define NUMBER_COUNT (sizeof(numbers) / sizeof(numbers[0]))

#define ACT_COUNT_MAX 2

/* Changed with the signals blocked. */
static struct {
    pid_t pid;
    envl_ending_fn *acts[ACT_COUNT_MAX];
    size_t count;
    struct sigaction old[NUMBER_COUNT];
} ending;

static void
act_and_end(int number)
{
    int error = errno;
    size_t i;

    for (i = 0; i < ending.count && getpid() == ending.pid; i++)
        ending.acts[i](number);
    for (i = 0; i < NUMBER_COUNT; i++) {
        if (numbers[i] == number)
            (void)sigaction(number, &ending.old[i], NULL);
    }
    (void)raise(number); /* it is blocked until this returns */
    errno = error;
}

static void
fill(sigset_t *set)
{
    size_t i;

    sigemptyset(set);
    for (i = 0; i < NUMBER_COUNT; i++)
        sigaddset(set, numbers[i]);
}

void
envl_ending_block(sigset_t *old)
{
    sigset_t set;

    fill(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, old);
}

void
envl_ending_unblock(const sigset_t *old)
{
    (void)pthread_sigmask(SIG_SETMASK, old, NULL);
}

void
envl_ending_add(envl_ending_fn *act)
{
    struct sigaction action = { .sa_handler = act_and_end };
    size_t i;

    assert(ending.count < ACT_COUNT_MAX);
    ending.acts[ending.count++] = act;
    if (ending.count > 1)
        return;
    ending.pid = getpid();
    fill(&action.sa_mask);
    for (i = 0; i < NUMBER_COUNT; i++) {
        (void)sigaction(numbers[i], NULL, &ending.old[i]);
        if (ending.old[i].sa_handler != SIG_IGN)
            (void)sigaction(numbers[i], &action, NULL);
    }
}

void
envl_ending_remove(envl_ending_fn *act)
{
    size_t i, at = 0;

    while (at < ending.count && ending.acts[at] != act)
        at++;
    if (at == ending.count)
        return;
    ending.acts[at] = ending.acts[--ending.count];
    if (ending.count > 0)
        return;
    for (i = 0; i < NUMBER_COUNT; i++)
        (void)sigaction(numbers[i], &ending.old[i], NULL);
}
