/* SPDX-License-Identifier: Apache-2.0 */
/* The mask belongs to the thread, and so does a SIGPIPE that a write causes;
 * the handler belongs to the whole program and is not touched. */
#include "kms/core/sigpipe.h"

#include <time.h>

static void
only_sigpipe(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

static bool
is_pending(void)
{
    sigset_t pending;

    sigemptyset(&pending);
    (void)sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

void
kms_sigpipe_hold(struct kms_sigpipe *state)
{
    sigset_t set;

    only_sigpipe(&set);
    state->pending = is_pending();
    (void)pthread_sigmask(SIG_BLOCK, &set, &state->old);
}

void
kms_sigpipe_release(const struct kms_sigpipe *state)
{
    const struct timespec at_once = { 0, 0 };
    sigset_t set;

    only_sigpipe(&set);
    if (!state->pending && is_pending())
        (void)sigtimedwait(&set, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, &state->old, NULL);
}
