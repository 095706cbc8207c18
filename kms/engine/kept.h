/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials that were asked for once and are kept for the life of the process: a
 * run over 1,000 files asks a metadata service, a helper or a token service once.
 * What costs nothing to find, such as an environment variable, is not kept.  A
 * service may keep what it has learned about its keys in the same way.
 */
#ifndef KMS_ENGINE_KEPT_H
#define KMS_ENGINE_KEPT_H

#include <pthread.h>
#include <stdbool.h>

#include "kms/engine/credentials.h"

/* So long before they expire, new ones are asked for. */
#define KMS_KEPT_MARGIN_S 300
#define KMS_KEPT_COUNT_MAX 64

/* struct kms_world's kept.  All zero but for the lock is an empty one. */
struct kms_kept {
    pthread_mutex_t lock;
    struct kms_kept_entry {
        struct kms_text source; /* empty: the entry is free */
        struct kms_credentials credentials;
    } entries[KMS_KEPT_COUNT_MAX];
    size_t next; /* to be used, where all are taken the oldest */
};

/*
 * kms_kept_find - copy what came from this source before: true, or false if there is
 * nothing, if it expires within KMS_KEPT_MARGIN_S, or if the seeker wants it anew;
 * where memory runs out, a text of credentials has failed
 * kms_kept_put - keep a copy, in place of what came from this source before; where
 * memory runs out, nothing is kept
 *
 *   source  all that decides who answers and with what, such as the URL and the role
 *
 * Memory:  at most KMS_KEPT_COUNT_MAX of them, then the oldest goes; wiped when the
 *          module is unloaded or the program ends.
 * Threads: safe.
 */
bool kms_kept_find(struct kms_credentials *credentials,
                   const struct kms_seeker *seeker, const char *source);
void kms_kept_put(const struct kms_seeker *seeker, const char *source,
                  const struct kms_credentials *credentials);

/*
 * kms_kept_deny - a service has refused these credentials, and a few more such requests
 * would lock them: note it for KMS_DENIED_S
 * kms_kept_is_denied - did it do so just now?
 * kms_credentials_same - are id, secret and token the same?
 *
 *   where  says which service it is, and at which endpoint
 */
#define KMS_DENIED_S 60
void kms_kept_deny(const struct kms_world *world, const char *where,
                   const struct kms_credentials *credentials);
bool kms_kept_is_denied(const struct kms_world *world, const char *where,
                        const struct kms_credentials *credentials);
bool kms_credentials_same(const struct kms_credentials *a,
                          const struct kms_credentials *b);

/* kms_kept_at_fork - from now on a child of fork() finds the lock free and all of it
 * whole, whatever other threads do just then; for one that lasts as long as the
 * process, once */
void kms_kept_at_fork(struct kms_kept *kept);

/* kms_kept_forget - all that a world has kept */
void kms_kept_forget(struct kms_kept *kept);

#endif
