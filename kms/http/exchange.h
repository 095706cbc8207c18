/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a service until it has answered, or until it is no use: attempts,
 * pauses between them, and a time by which all has to be over.
 */
#ifndef KMS_HTTP_EXCHANGE_H
#define KMS_HTTP_EXCHANGE_H

#include <stdint.h>

#include "kms/http/http.h"
#include "kms/http/world.h"
#include "lib/base/err.h"

#define KMS_ATTEMPTS_MAX 4
#define KMS_ATTEMPT_MS 10000
#define KMS_TOTAL_MS 30000 /* unless ENVELOPE_KMS_TIMEOUT says it, in s */
#define KMS_TIMEOUT_MAX_S 600
#define KMS_PAUSE_MS 100      /* doubled with each attempt, full jitter */
#define KMS_SLOW_PAUSE_MS 500 /* where the service asks for less */
#define KMS_PAUSE_MAX_MS 10000
#define KMS_SKEW_S 60 /* a clock that differs by less is right */

/* What a reply means. */
enum kms_outcome {
    KMS_DONE,
    KMS_FAILED,       /* for good; err is set */
    KMS_RETRY,        /* the service had a failure of its own; err is set */
    KMS_RETRY_SLOWLY, /* it is asked too often; err is set */
    KMS_SKEWED,       /* the clock is wrong, if the reply's Date says so; err
                       * is set for the case that it does not */
    KMS_EXPIRED,      /* other credentials may help; err is set */
    KMS_DENIED        /* KMS_SKEWED; where the clock is right, other credentials
                       * may help, and the same again do harm; err is set */
};

/* kms_outcome_of_status - what the status of a failure says of any service, and of what
 * stands in front of it: KMS_FAILED, _RETRY or _RETRY_SLOWLY */
enum kms_outcome kms_outcome_of_status(int status);

struct kms_operation {
    void *arg; /* handed to all of these */
    /* Make the request, signed as of now: seconds since the epoch, with the
     * service's clock taken into account. */
    enum envelope_reason (*build)(void *arg, struct kms_request *request,
                                  int64_t now, struct envl_err *err);
    /* Understand the reply: a pure function of it. */
    enum kms_outcome (*parse)(void *arg, const struct kms_reply *reply,
                              struct envl_err *err);
    /* Get credentials anew; NULL if that is not possible.  ENVELOPE_R_NO_MATCH if
     * they are the same again. */
    enum envelope_reason (*refresh)(void *arg, struct envl_err *err);
    /* As in struct kms_world, which sends where this is NULL. */
    enum envelope_reason (*send)(void *arg, struct kms_reply *reply,
                                 const struct kms_request *request,
                                 unsigned milliseconds, struct envl_err *err);
    unsigned attempts; /* at most; 0: KMS_ATTEMPTS_MAX */
    unsigned
        milliseconds; /* for each of them, and no other limit; 0: KMS_ATTEMPT_MS,
                            * and for all of them KMS_TOTAL_MS */
};

/*
 * kms_exchange - a failure to connect counts as KMS_RETRY, a reply with a
 * status from 300 to 399 is refused unread.  The clock is set right once, the
 * credentials are refreshed once.  Before another attempt it waits as long as the
 * reply's Retry-After says (RFC 9110, 10.2.3; in seconds), and at least a pause of its
 * own; where there is not so much time, it ends.  What happened last is told, with how
 * many attempts were made, if there was more than one.
 *
 * Returns: ENVELOPE_OK; what build and refresh return, and parse has set;
 *          ENVELOPE_R_KEY_SERVICE where send fails; ENVELOPE_R_UNREADABLE_KEY
 *          for a timeout that is none.
 */
enum envelope_reason kms_exchange(const struct kms_world *world,
                                  const struct kms_operation *operation,
                                  struct envl_err *err);

/* kms_exchange_timeout - milliseconds that all attempts together may take: KMS_TOTAL_MS,
 * or what ENVELOPE_KMS_TIMEOUT says; returns as kms_exchange() does for it */
enum envelope_reason kms_exchange_timeout(const struct kms_world *world,
                                          unsigned *milliseconds,
                                          struct envl_err *err);

/*
 * kms_get - one attempt at a request of a metadata service, 1 second long;
 * whatever its status, the reply is returned
 */
enum envelope_reason kms_get(const struct kms_world *world,
                             struct kms_reply *reply,
                             const struct kms_request *request,
                             struct envl_err *err);

#endif
