/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to what somebody else may have closed, in a program that is not
 * ours: SIGPIPE must not end it, and what it does with signals is its own. */
#ifndef KMS_CORE_SIGPIPE_H
#define KMS_CORE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct kms_sigpipe {
    sigset_t old;
    bool pending; /* before us: it is somebody else's */
};

/*
 * kms_sigpipe_hold - keep it away from this thread
 * kms_sigpipe_release - drop what came in between, and have it all as it was
 */
void kms_sigpipe_hold(struct kms_sigpipe *state);
void kms_sigpipe_release(const struct kms_sigpipe *state);

#endif
