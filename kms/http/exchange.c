/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to ask again, and when to give up.  What a request says and what a
 * reply means is the operation's.
 */
#include "kms/http/exchange.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_ALONE_MS 1000 /* kms_get() */
#define SUFFIX_LEN_MAX 32     /* ", after 4 attempts" */
#define WAIT_DIGITS_MAX 6

struct exchange {
    const struct kms_world *world;
    const struct kms_operation *operation;
    int64_t deadline; /* in ticks */
    int64_t offset;   /* seconds that the service's clock is ahead of ours */
    int64_t date;     /* of the reply that came last, or -1 */
    int64_t wait_ms;  /* that it asks for, or 0 */
    bool clock_set, refreshed;
    unsigned attempts, attempts_max;
    unsigned attempt_ms;
};

static int64_t
left(const struct exchange *x)
{
    return x->deadline - x->world->ticks(x->world->arg);
}

enum kms_outcome
kms_outcome_of_status(int status)
{
    if (status == 429)
        return KMS_RETRY_SLOWLY;
    if (status == 408 || (status >= 500 && status != 501 && status != 505))
        return KMS_RETRY;
    return KMS_FAILED;
}

/* The seconds of Retry-After; 0 for a date, or none. */
static int64_t
wait_of(const struct kms_reply *reply)
{
    const char *text = kms_text_get(&reply->headers[KMS_REPLY_RETRY_AFTER]);
    const size_t len = strspn(text, "0123456789");

    if (len == 0 || text[len] != '\0')
        return 0;
    return len > WAIT_DIGITS_MAX ? INT32_MAX : 1000 * strtoll(text, NULL, 10);
}

static enum envelope_reason
build(const struct exchange *x, struct kms_request *request,
      struct envl_err *err)
{
    int64_t now = x->world->now(x->world->arg) + x->offset;
    enum envelope_reason rc;

    rc = x->operation->build(x->operation->arg, request, now, err);
    return rc == ENVELOPE_OK ? kms_request_check(request, err) : rc;
}

/* What a reply means that may be read. */
static enum kms_outcome
understand(struct exchange *x, const struct kms_request *request,
           const struct kms_reply *reply, struct envl_err *err)
{
    const char *host = kms_text_get(&request->endpoint->host);
    enum kms_outcome outcome;

    if (reply->status >= 300 && reply->status <= 399) {
        (void)envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                        "%.200s: it answers with a redirection (status %d), "
                        "and these are not followed",
                        host, reply->status);
        return KMS_FAILED;
    }
    x->date = kms_reply_date(reply);
    x->wait_ms = wait_of(reply);
    err->reason = ENVELOPE_OK;
    outcome = x->operation->parse(x->operation->arg, reply, err);
    /* A failure that nobody explained is one all the same. */
    if (outcome != KMS_DONE && err->reason == ENVELOPE_OK)
        (void)envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                        "%.200s: its reply (status %d) is not understood", host,
                        reply->status);
    return outcome;
}

static enum envelope_reason
send(const struct exchange *x, struct kms_reply *reply,
     const struct kms_request *request, unsigned milliseconds,
     struct envl_err *err)
{
    if (x->operation->send != NULL)
        return x->operation->send(x->operation->arg, reply, request,
                                  milliseconds, err);
    return x->world->send(x->world->arg, reply, request, milliseconds, err);
}

static enum kms_outcome
attempt(struct exchange *x, struct envl_err *err)
{
    struct kms_request request = { 0 };
    struct kms_reply reply = { 0 };
    enum kms_outcome outcome = KMS_FAILED;
    enum envelope_reason rc;
    int64_t time;

    if (build(x, &request, err) != ENVELOPE_OK)
        goto out;
    time = left(x);
    if (time <= 0) {
        (void)envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                        "%.200s: no time is left to ask it",
                        kms_text_get(&request.endpoint->host));
        goto out;
    }
    if (time > x->attempt_ms)
        time = x->attempt_ms;
    x->attempts++;
    x->wait_ms = 0;
    rc = send(x, &reply, &request, (unsigned)time, err);
    if (rc == ENVELOPE_OK)
        outcome = understand(x, &request, &reply, err);
    else if (rc == ENVELOPE_R_KEY_SERVICE)
        outcome = KMS_RETRY;
    else if (rc == ENVELOPE_R_KEY_SERVICE_REFUSED) /* not by the service */
        err->reason = ENVELOPE_R_KEY_SERVICE;

out:
    kms_reply_clear(&reply);
    kms_request_clear(&request);
    return outcome;
}

static_assert(KMS_SLOW_PAUSE_MS << (KMS_ATTEMPTS_MAX - 2) <= KMS_PAUSE_MAX_MS,
              "the last pause is the longest");

/* Full jitter: anything below a bound that grows, so that those who failed
 * together do not come back together. */
static bool
pause_before(const struct exchange *x, unsigned bound)
{
    int64_t pause;

    bound <<= x->attempts - 1;
    pause = x->wait_ms + x->world->random(x->world->arg, bound);
    if (pause >= left(x))
        return false;
    x->world->sleep(x->world->arg, (unsigned)pause);
    return true;
}

static bool
set_clock(struct exchange *x)
{
    int64_t offset = x->date - x->world->now(x->world->arg);

    if (x->clock_set || x->date < 0 || llabs(offset) < KMS_SKEW_S)
        return false;
    x->offset = offset;
    x->clock_set = true;
    return true;
}

/* Its failure takes the place of the service's, which it explains. */
static bool
refresh(struct exchange *x, bool needs_others, struct envl_err *err)
{
    const struct kms_operation *operation = x->operation;
    struct envl_err why = { 0 };
    enum envelope_reason rc;

    if (x->refreshed || operation->refresh == NULL)
        return false;
    x->refreshed = true;
    rc = operation->refresh(operation->arg, &why);
    if (rc != ENVELOPE_OK && rc != ENVELOPE_R_NO_MATCH)
        *err = why;
    return (rc == ENVELOPE_OK || (rc == ENVELOPE_R_NO_MATCH && !needs_others))
           && left(x) > 0;
}

static bool
may_go_on(struct exchange *x, enum kms_outcome outcome, struct envl_err *err)
{
    if (x->attempts == x->attempts_max || left(x) <= 0)
        return false;
    switch (outcome) {
    case KMS_RETRY:
        return pause_before(x, KMS_PAUSE_MS);
    case KMS_RETRY_SLOWLY:
        return pause_before(x, KMS_SLOW_PAUSE_MS);
    case KMS_SKEWED:
        return set_clock(x);
    case KMS_EXPIRED:
        return refresh(x, false, err);
    case KMS_DENIED:
        return set_clock(x) || refresh(x, true, err);
    default:
        return false;
    }
}

enum envelope_reason
kms_exchange_timeout(const struct kms_world *world, unsigned *milliseconds,
                     struct envl_err *err)
{
    const char *text = kms_world_variable(world, "ENVELOPE_KMS_TIMEOUT");
    unsigned long seconds = 0;
    char *end;

    *milliseconds = KMS_TOTAL_MS;
    if (text == NULL)
        return ENVELOPE_OK;
    if (*text >= '0' && *text <= '9')
        seconds = strtoul(text, &end, 10);
    if (seconds == 0 || seconds > KMS_TIMEOUT_MAX_S || *end != '\0')
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "ENVELOPE_KMS_TIMEOUT=%.16s: it has to be a number of "
                         "seconds from 1 to %d",
                         text, KMS_TIMEOUT_MAX_S);
    *milliseconds = (unsigned)seconds * 1000;
    return ENVELOPE_OK;
}

enum envelope_reason
kms_exchange(const struct kms_world *world,
             const struct kms_operation *operation, struct envl_err *err)
{
    struct exchange x = {
        .world = world,
        .operation = operation,
        .attempts_max =
            operation->attempts != 0 ? operation->attempts : KMS_ATTEMPTS_MAX,
        .attempt_ms = KMS_ATTEMPT_MS,
    };
    struct envl_err last;
    enum kms_outcome outcome;
    unsigned total_ms;

    if (operation->milliseconds != 0) {
        x.attempt_ms = operation->milliseconds;
        total_ms = x.attempts_max * (x.attempt_ms + KMS_PAUSE_MAX_MS);
    } else if (kms_exchange_timeout(world, &total_ms, err) != ENVELOPE_OK) {
        return err->reason;
    }
    x.deadline = world->ticks(world->arg) + total_ms;
    do
        outcome = attempt(&x, err);
    while (may_go_on(&x, outcome, err));
    if (outcome == KMS_DONE)
        return ENVELOPE_OK;
    if (x.attempts > 1) {
        last = *err;
        (void)envl_fail(err, last.reason, "%.*s, after %u attempts",
                        ENVL_DETAIL_MAX - SUFFIX_LEN_MAX, last.detail,
                        x.attempts);
    }
    return err->reason;
}

enum envelope_reason
kms_get(const struct kms_world *world, struct kms_reply *reply,
        const struct kms_request *request, struct envl_err *err)
{
    enum envelope_reason rc = kms_request_check(request, err);

    if (rc != ENVELOPE_OK)
        return rc;
    return world->send(world->arg, reply, request, REQUEST_ALONE_MS, err);
}
