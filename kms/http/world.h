/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world outside: time, environment, network, programs.  Everything else
 * in kms/ is a function of its arguments, and tests bring a world of their
 * own.
 */
#ifndef KMS_HTTP_WORLD_H
#define KMS_HTTP_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "kms/core/text.h"
#include "kms/http/http.h"
#include "lib/base/err.h"

struct kms_kept; /* engine/kept.h */

struct kms_world {
    void *arg; /* handed to all of these */
    struct kms_kept
        *kept; /* credentials, for the next call; NULL: none are kept */

    /* Seconds since the epoch; milliseconds of a clock that only goes on. */
    int64_t (*now)(void *arg);
    int64_t (*ticks)(void *arg);
    void (*sleep)(void *arg, unsigned milliseconds);
    /* A number below bound, for jitter. */
    unsigned (*random)(void *arg, unsigned bound);

    /* An environment variable; NULL if it is not set, or empty, or not to be
     * trusted (secure_getenv(3)). */
    const char *(*variable)(void *arg, const char *name);

    /*
     * Can nobody write to this file, or put another one in its place, but the
     * user and root?  Its directories are looked at up to the root.  One that is
     * not there is told by whoever needs it.
     * Returns ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY naming what others can write
     * to; _MEMORY.
     */
    enum envelope_reason (*guard)(void *arg, const char *path,
                                  struct envl_err *err);

    /*
     * A file of at most max bytes, such as a profile or a token.  Where there
     * is none, content->data is NULL.
     * Returns ENVELOPE_OK; ENVELOPE_R_CREDENTIALS naming the file and why;
     * _MEMORY.
     */
    enum envelope_reason (*read)(void *arg, struct kms_text *content,
                                 const char *path, size_t max,
                                 struct envl_err *err);

    /*
     * Send a request and wait for the whole reply, for so many milliseconds
     * at most.  Any reply at all is ENVELOPE_OK, a redirection too.
     * Returns ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE naming the host and why,
     * where a new attempt may help; ENVELOPE_R_KEY_SERVICE_REFUSED where it
     * will not: a certificate that is not good, a reply above
     * KMS_REPLY_LEN_MAX; _MEMORY.
     */
    enum envelope_reason (*send)(void *arg, struct kms_reply *reply,
                                 const struct kms_request *request,
                                 unsigned milliseconds, struct envl_err *err);

    /*
     * Run a program: argv[0] is its path.  It gets input on its standard
     * input, its output is returned, max bytes at most, and its standard
     * error is ours.  It is killed when its time is over.
     * Returns ENVELOPE_OK if it ended with status 0; ENVELOPE_R_KEY_SERVICE
     * naming it and what happened; _MEMORY.
     */
    enum envelope_reason (*run)(void *arg, struct kms_text *output, size_t max,
                                char *const argv[],
                                const struct kms_text *input,
                                unsigned milliseconds, struct envl_err *err);
};

/* kms_world_variable - an environment variable, as above; NULL where name is */
static inline const char *
kms_world_variable(const struct kms_world *world, const char *name)
{
    return name != NULL ? world->variable(world->arg, name) : NULL;
}

/* kms_world_real - libcurl, the system's clock, processes; nothing is kept in it */
const struct kms_world *kms_world_real(void);

#endif
