/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a service: which replies are followed by another attempt, when, for
 * how long; and what is left to say when it is given up.
 */
#include "kms/http/exchange.h"

#include "test/support/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "test/kms/world.h"
#include "test/support/memory.h"

/* A service, and an operation that it answers */

/* What the status of a reply stands for here. */
enum {
    DONE = 200,
    UNEXPLAINED = 299,
    FAILED = 400,
    EXPIRED = 401,
    DENIED = 402,
    SKEWED = 403,
    SLOWLY = 429,
    BROKEN = 500,
    NO_CONNECTION = 0,
};

static const struct {
    int status;
    enum kms_outcome outcome;
    enum envelope_reason reason;
} meanings[] = {
    { DONE, KMS_DONE, ENVELOPE_OK },
    { UNEXPLAINED, KMS_FAILED, ENVELOPE_OK },
    { FAILED, KMS_FAILED, ENVELOPE_R_KEY_SERVICE_REFUSED },
    { EXPIRED, KMS_EXPIRED, ENVELOPE_R_CREDENTIALS },
    { DENIED, KMS_DENIED, ENVELOPE_R_KEY_SERVICE_REFUSED },
    { SKEWED, KMS_SKEWED, ENVELOPE_R_KEY_SERVICE_REFUSED },
    { SLOWLY, KMS_RETRY_SLOWLY, ENVELOPE_R_KEY_SERVICE },
    { BROKEN, KMS_RETRY, ENVELOPE_R_KEY_SERVICE },
};

#define NOW INT64_C(1440938160) /* the fake world's */
#define ROUNDS_MAX 8

static struct {
    struct fake_world fake;
    struct kms_endpoint endpoint;
    struct kms_operation operation;
    struct envl_err err;
    struct fake_reply replies[ROUNDS_MAX];
    int64_t built_at[ROUNDS_MAX]; /* as it was told */
    size_t build_count, parse_count, refresh_count;
    unsigned bounds[ROUNDS_MAX]; /* that jitter was asked for */
    size_t bound_count;

    /* Milliseconds that each takes; send also gives up when it has to. */
    int64_t send_ms[ROUNDS_MAX], build_ms, refresh_ms;
    size_t bad_build; /* the first that fails; 0: none */
    const char *header;
    enum envelope_reason send_fails, refresh_fails;
    const char *detail; /* of what parse says */
    bool no_jitter;
} t;

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    assert_ptr_equal(arg, &t);
    assert_true(t.build_count < ROUNDS_MAX);
    t.built_at[t.build_count++] = now;
    t.fake.ticks += t.build_ms;
    kms_request_init(request, "POST", &t.endpoint, "/do");
    kms_request_add(request, "X-Name", "%s", t.header);
    kms_text_set(&request->body, "body");
    if (t.bad_build == t.build_count)
        return envl_fail(err, ENVELOPE_R_CRYPTO, "cannot sign");
    return ENVELOPE_OK;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    size_t i;

    assert_ptr_equal(arg, &t);
    t.parse_count++;
    for (i = 0; meanings[i].status != reply->status; i++)
        assert_true(i + 1 < COUNT(meanings));
    if (meanings[i].reason != ENVELOPE_OK)
        (void)envl_fail(err, meanings[i].reason, "test: %s%d",
                        t.detail != NULL ? t.detail : "", reply->status);
    return meanings[i].outcome;
}

static enum envelope_reason
refresh(void *arg, struct envl_err *err)
{
    assert_ptr_equal(arg, &t);
    t.refresh_count++;
    t.fake.ticks += t.refresh_ms;
    if (t.refresh_fails != ENVELOPE_OK)
        return envl_fail(err, t.refresh_fails, "no profile");
    return ENVELOPE_OK;
}

/* The fake world's, but that time goes by. */
static enum envelope_reason (*send_at_once)(void *arg, struct kms_reply *reply,
                                            const struct kms_request *request,
                                            unsigned milliseconds,
                                            struct envl_err *err);

static enum envelope_reason
send_slowly(void *arg, struct kms_reply *reply,
            const struct kms_request *request, unsigned milliseconds,
            struct envl_err *err)
{
    int64_t time = t.send_ms[t.fake.request_count];
    enum envelope_reason rc;

    assert_in_range(milliseconds, 1, KMS_ATTEMPT_MS);
    rc = send_at_once(arg, reply, request, milliseconds, err);
    t.fake.ticks += time < milliseconds ? time : milliseconds;
    if (t.send_fails != ENVELOPE_OK)
        return envl_fail(err, t.send_fails, "a bad certificate");
    return rc;
}

static unsigned
jitter(void *arg, unsigned bound)
{
    (void)arg;
    assert_true(t.bound_count < ROUNDS_MAX);
    t.bounds[t.bound_count++] = bound;
    return t.no_jitter ? 0 : bound - 1;
}

static int
setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    fake_world_init(&t.fake);
    send_at_once = t.fake.world.send;
    t.fake.world.send = send_slowly;
    t.fake.world.random = jitter;
    t.fake.replies = t.replies;
    t.header = "value";
    t.operation = (struct kms_operation){
        .arg = &t, .build = build, .parse = parse, .refresh = refresh
    };
    kms_text_set(&t.endpoint.host, "kms.example:8443");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    fake_world_clear(&t.fake);
    kms_endpoint_clear(&t.endpoint);
    assert_int_equal(memory_live(), 0);
    return 0;
}

static void
start_again(void **state)
{
    (void)teardown(state);
    (void)setup(state);
}

/* The statuses of the service's replies; -1 ends them. */
static enum envelope_reason
exchange(const int *statuses)
{
    for (; *statuses >= 0; statuses++)
        t.replies[t.fake.reply_count++].status = *statuses;
    return kms_exchange(&t.fake.world, &t.operation, &t.err);
}

#define EXCHANGE(...) exchange((const int[]){ __VA_ARGS__, -1 })

/* So many requests, as many builds, and not one that is open. */
static void
assert_asked(size_t count)
{
    assert_int_equal(t.fake.request_count, count);
    assert_int_equal(t.build_count, count);
}

static void
assert_pauses(const unsigned *pauses, size_t count)
{
    size_t i;

    assert_int_equal(t.fake.pause_count, count);
    for (i = 0; i < count; i++)
        assert_int_equal(t.fake.pauses[i], pauses[i]);
}

#define ASSERT_PAUSES(...)                                  \
    assert_pauses((const unsigned[]){ __VA_ARGS__ },        \
                  sizeof((const unsigned[]){ __VA_ARGS__ }) \
                      / sizeof(unsigned))

/* Attempts */

static void
a_good_reply_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(DONE), ENVELOPE_OK);
    assert_asked(1);
    assert_pauses(NULL, 0);
    assert_string_equal(t.fake.requests[0].url, "https://kms.example:8443/do");
    assert_string_equal(t.fake.requests[0].body, "body");
    assert_int_equal(t.fake.requests[0].milliseconds, KMS_ATTEMPT_MS);
    assert_int_equal(t.built_at[0], NOW);
}

static void
a_failure_for_good_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(FAILED), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_asked(1);
    assert_pauses(NULL, 0);
    assert_string_equal(t.err.detail, "test: 400");
}

static void
a_failure_that_nobody_explains_is_one(void **state)
{
    (void)state;
    /* Whatever a caller's err said before. */
    memset(&t.err, 'x', sizeof(t.err));
    assert_int_equal(EXCHANGE(UNEXPLAINED), ENVELOPE_R_KEY_SERVICE);
    assert_asked(1);
    assert_string_equal(t.err.detail, "kms.example:8443: its reply (status "
                                      "299) is not understood");
}

static void
failures_of_the_service_are_waited_for(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(BROKEN, NO_CONNECTION, BROKEN, DONE),
                     ENVELOPE_OK);
    assert_asked(4);
    ASSERT_PAUSES(99, 199, 399);
}

static void
a_busy_service_is_waited_for_longer(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(SLOWLY, SLOWLY, SLOWLY, DONE), ENVELOPE_OK);
    assert_asked(4);
    ASSERT_PAUSES(499, 999, 1999);
}

static void
pauses_are_drawn_below_a_bound(void **state)
{
    static const unsigned bounds[] = { 100, 1000, 400 };

    (void)state;
    t.no_jitter = true;
    assert_int_equal(EXCHANGE(BROKEN, SLOWLY, BROKEN, DONE), ENVELOPE_OK);
    ASSERT_PAUSES(0, 0, 0);
    assert_int_equal(t.bound_count, COUNT(bounds));
    assert_memory_equal(t.bounds, bounds, sizeof(bounds));
}

static void
attempts_are_counted(void **state)
{
    (void)state;
    /* A fifth request fails the test: the service has no more replies. */
    assert_int_equal(EXCHANGE(BROKEN, BROKEN, BROKEN, SLOWLY),
                     ENVELOPE_R_KEY_SERVICE);
    assert_asked(KMS_ATTEMPTS_MAX);
    assert_int_equal(t.fake.pause_count, KMS_ATTEMPTS_MAX - 1);
    assert_string_equal(t.err.detail, "test: 429, after 4 attempts");
}

static void
no_connection_is_told_of(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(0, 0, 0, 0), ENVELOPE_R_KEY_SERVICE);
    assert_asked(KMS_ATTEMPTS_MAX);
    assert_int_equal(t.parse_count, 0);
    assert_string_equal(t.err.detail, "fake: no connection, after 4 attempts");
}

static void
the_last_failure_is_told_of(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(BROKEN, FAILED), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_asked(2);
    assert_string_equal(t.err.detail, "test: 400, after 2 attempts");
}

static void
a_long_detail_leaves_room_for_the_attempts(void **state)
{
    char detail[ENVL_DETAIL_MAX + 100];
    const char *end = ", after 2 attempts";

    (void)state;
    memset(detail, 'x', sizeof(detail));
    detail[sizeof(detail) - 1] = '\0';
    t.detail = detail;
    assert_int_equal(EXCHANGE(BROKEN, FAILED), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_true(strlen(t.err.detail) > ENVL_DETAIL_MAX - 40);
    assert_string_equal(t.err.detail + strlen(t.err.detail) - strlen(end), end);
}

static void
a_refused_connection_is_the_end(void **state)
{
    (void)state;
    t.send_fails = ENVELOPE_R_KEY_SERVICE_REFUSED;
    assert_int_equal(EXCHANGE(DONE), ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(t.err.reason, ENVELOPE_R_KEY_SERVICE);
    assert_asked(1);
    assert_int_equal(t.parse_count, 0);
    assert_string_equal(t.err.detail, "a bad certificate");
}

static void
what_cannot_be_built_is_not_sent(void **state)
{
    (void)state;
    t.bad_build = 1;
    assert_int_equal(EXCHANGE(DONE), ENVELOPE_R_CRYPTO);
    assert_int_equal(t.fake.request_count, 0);
    assert_string_equal(t.err.detail, "cannot sign");
}

static void
what_cannot_be_built_again_is_told_of(void **state)
{
    (void)state;
    t.bad_build = 3;
    assert_int_equal(EXCHANGE(BROKEN, BROKEN, DONE), ENVELOPE_R_CRYPTO);
    assert_int_equal(t.fake.request_count, 2);
    assert_string_equal(t.err.detail, "cannot sign, after 2 attempts");
}

static void
a_bad_header_is_not_sent(void **state)
{
    (void)state;
    t.header = "a\r\nHost: evil.example";
    assert_int_not_equal(EXCHANGE(DONE), ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, 0);
}

static void
redirections_are_refused_unread(void **state)
{
    static const int statuses[] = { 300, 301, 302, 303, 304, 307, 308, 399 };
    size_t i;

    for (i = 0; i < COUNT(statuses); i++) {
        start_again(state);
        t.replies[0].headers = "Location: https://evil.example/\r\n";
        t.replies[0].body = "evil.example";
        assert_int_equal(EXCHANGE(statuses[i], DONE), ENVELOPE_R_KEY_SERVICE);
        assert_asked(1);
        assert_int_equal(t.parse_count, 0);
        assert_non_null(strstr(t.err.detail, "kms.example:8443"));
        assert_non_null(strstr(t.err.detail, "redirection"));
        assert_null(strstr(t.err.detail, "evil"));
    }
}

/* The clock */

#define DATE(text) "Date: " text "\r\n"

static void
a_wrong_clock_is_set_right(void **state)
{
    /* The fake world's clock says Sun, 30 Aug 2015 12:36:00. */
    static const struct {
        const char *headers;
        int64_t offset; /* 0: it is not set */
    } cases[] = {
        { DATE("Sun, 30 Aug 2015 12:36:00 GMT"), 0 },
        { DATE("Sun, 30 Aug 2015 12:36:59 GMT"), 0 },
        { DATE("Sun, 30 Aug 2015 12:35:01 GMT"), 0 },
        { DATE("Sun, 30 Aug 2015 12:37:00 GMT"), 60 },
        { DATE("Sun, 30 Aug 2015 12:35:00 GMT"), -60 },
        { DATE("Mon, 31 Aug 2015 13:36:00 GMT"), 90000 },
        { DATE("Sat, 30 Aug 2014 12:36:00 GMT"), -365 * 86400 },
        { DATE("yesterday"), 0 },
        { NULL, 0 },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        start_again(state);
        t.replies[0].headers = cases[i].headers;
        if (cases[i].offset != 0) {
            assert_int_equal(EXCHANGE(SKEWED, DONE), ENVELOPE_OK);
            assert_asked(2);
            assert_int_equal(t.built_at[1] - t.built_at[0], cases[i].offset);
        } else {
            assert_int_equal(EXCHANGE(SKEWED, DONE),
                             ENVELOPE_R_KEY_SERVICE_REFUSED);
            assert_asked(1);
            assert_string_equal(t.err.detail, "test: 403");
        }
        assert_pauses(NULL, 0);
    }
}

static void
the_clock_is_set_once(void **state)
{
    (void)state;
    t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    t.replies[1].headers = DATE("Sun, 30 Aug 2015 14:36:00 GMT");
    assert_int_equal(EXCHANGE(SKEWED, SKEWED, DONE),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_asked(2);
    assert_string_equal(t.err.detail, "test: 403, after 2 attempts");
}

static void
the_clock_stays_right(void **state)
{
    (void)state;
    t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    /* That of a reply that does not complain is not looked at. */
    t.replies[1].headers = DATE("Sun, 30 Aug 2015 20:00:00 GMT");
    t.send_ms[1] = 5000;
    assert_int_equal(EXCHANGE(SKEWED, BROKEN, DONE), ENVELOPE_OK);
    assert_int_equal(t.built_at[1], NOW + 3600);
    assert_int_equal(t.built_at[2], NOW + 3605);
}

/* Credentials */

static void
credentials_are_refreshed_once(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(EXPIRED, DONE), ENVELOPE_OK);
    assert_asked(2);
    assert_int_equal(t.refresh_count, 1);
    assert_pauses(NULL, 0);
}

static void
credentials_are_not_refreshed_again(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(EXPIRED, EXPIRED, DONE), ENVELOPE_R_CREDENTIALS);
    assert_asked(2);
    assert_int_equal(t.refresh_count, 1);
    assert_string_equal(t.err.detail, "test: 401, after 2 attempts");
}

static void
some_credentials_cannot_be_refreshed(void **state)
{
    (void)state;
    t.operation.refresh = NULL;
    assert_int_equal(EXCHANGE(EXPIRED, DONE), ENVELOPE_R_CREDENTIALS);
    assert_asked(1);
    assert_string_equal(t.err.detail, "test: 401");
}

static void
a_refresh_that_fails_is_told_of(void **state)
{
    (void)state;
    t.refresh_fails = ENVELOPE_R_MEMORY;
    assert_int_equal(EXCHANGE(EXPIRED, DONE), ENVELOPE_R_MEMORY);
    assert_asked(1);
    assert_string_equal(t.err.detail, "no profile");
}

/* Found anew, they are the same: some services do not mind. */
static void
the_same_credentials_may_be_tried(void **state)
{
    (void)state;
    t.refresh_fails = ENVELOPE_R_NO_MATCH;
    assert_int_equal(EXCHANGE(EXPIRED, DONE), ENVELOPE_OK);
    assert_asked(2);
    start_again(state);
    t.refresh_fails = ENVELOPE_R_NO_MATCH;
    assert_int_equal(EXCHANGE(DENIED, DONE), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_asked(1);
    assert_string_equal(t.err.detail, "test: 402");
}

/* It may be the clock, or else the credentials. */
static void
who_is_denied_sets_the_clock_first(void **state)
{
    (void)state;
    assert_int_equal(EXCHANGE(DENIED, DONE), ENVELOPE_OK);
    assert_int_equal(t.refresh_count, 1);
    start_again(state);
    t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    assert_int_equal(EXCHANGE(DENIED, DONE), ENVELOPE_OK);
    assert_int_equal(t.refresh_count, 0);
    assert_int_equal(t.built_at[1], NOW + 3600);
    start_again(state);
    t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    assert_int_equal(EXCHANGE(DENIED, DENIED, DENIED, DONE),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.refresh_count, 1);
    assert_asked(3);
}

static void
all_of_it_may_happen(void **state)
{
    (void)state;
    t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    assert_int_equal(EXCHANGE(SKEWED, EXPIRED, BROKEN, DONE), ENVELOPE_OK);
    assert_asked(4);
    ASSERT_PAUSES(399);
    assert_int_equal(t.built_at[3], NOW + 3600);
}

static void
nothing_prolongs_the_last_attempt(void **state)
{
    (void)state;
    t.replies[3].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    assert_int_equal(EXCHANGE(BROKEN, BROKEN, BROKEN, SKEWED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    start_again(state);
    assert_int_equal(EXCHANGE(BROKEN, BROKEN, BROKEN, EXPIRED),
                     ENVELOPE_R_CREDENTIALS);
    assert_int_equal(t.refresh_count, 0);
}

/* Time */

static void
attempts_get_what_is_left(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < ROUNDS_MAX; i++)
        t.send_ms[i] = INT64_MAX;
    assert_int_equal(EXCHANGE(0, 0, 0, 0), ENVELOPE_R_KEY_SERVICE);
    assert_asked(3);
    ASSERT_PAUSES(99, 199);
    assert_int_equal(t.fake.requests[1].milliseconds, KMS_ATTEMPT_MS);
    assert_int_equal(t.fake.requests[2].milliseconds,
                     KMS_TOTAL_MS - 2 * KMS_ATTEMPT_MS - 99 - 199);
    assert_int_equal(t.fake.ticks, KMS_TOTAL_MS);
    assert_string_equal(t.err.detail, "fake: no connection, after 3 attempts");
}

static void
the_user_may_say_how_long(void **state)
{
    static const struct fake_pair seven[] = { { "ENVELOPE_KMS_TIMEOUT", "7" },
                                              { NULL, NULL } };
    size_t i;

    (void)state;
    for (i = 0; i < ROUNDS_MAX; i++)
        t.send_ms[i] = INT64_MAX;
    t.fake.variables = seven;
    assert_int_equal(EXCHANGE(0, 0, 0, 0), ENVELOPE_R_KEY_SERVICE);
    assert_asked(1);
    assert_int_equal(t.fake.requests[0].milliseconds, 7000);
    assert_int_equal(t.fake.ticks, 7000);
}

static void
a_timeout_is_a_number_of_seconds(void **state)
{
    static const char *const bad[] = { "0",
                                       "601",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1s",
                                       "",
                                       "x",
                                       "1.5",
                                       "18446744073709551617" };
    struct fake_pair variables[] = { { "ENVELOPE_KMS_TIMEOUT", NULL },
                                     { NULL, NULL } };
    size_t i;

    for (i = 0; i < COUNT(bad); i++) {
        start_again(state);
        variables[0].content = bad[i];
        t.fake.variables = variables;
        assert_int_equal(EXCHANGE(DONE), ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(t.fake.request_count, 0);
        assert_non_null(strstr(t.err.detail, "from 1 to 600"));
    }
    start_again(state);
    variables[0].content = "600";
    t.fake.variables = variables;
    assert_int_equal(EXCHANGE(DONE), ENVELOPE_OK);
}

/* The first attempt's build takes up all but so many milliseconds. */
static void
leave(int64_t milliseconds)
{
    t.build_ms = KMS_TOTAL_MS - milliseconds;
}

static void
a_pause_does_not_pass_the_deadline(void **state)
{
    (void)state;
    leave(99);
    assert_int_equal(EXCHANGE(BROKEN, DONE), ENVELOPE_R_KEY_SERVICE);
    assert_asked(1);
    assert_int_equal(t.fake.requests[0].milliseconds, 99);
    assert_pauses(NULL, 0);
    assert_string_equal(t.err.detail, "test: 500");
}

/* In seconds; a date is not read. */
static void
the_service_says_how_long_to_wait(void **state)
{
    static const struct {
        const char *header;
        unsigned pause;
    } good[] = {
        { "Retry-After: 0\r\n", 99 },
        { "retry-after:  7 \r\n", 7099 },
        { "Retry-After: 007\r\n", 7099 },
        { "Retry-After: 7s\r\n", 99 },
        { "Retry-After: -7\r\n", 99 },
        { "Retry-After:\r\n", 99 },
        { "Retry-After: Sun, 30 Aug 2015 13:36:00 GMT\r\n", 99 },
    };
    static const char *const too_long[] = {
        "Retry-After: 30\r\n",
        "Retry-After: 99999999999999999999999\r\n",
        "Retry-After: 4294968\r\n",
    };
    size_t i;

    for (i = 0; i < COUNT(good); i++) {
        start_again(state);
        t.replies[0].headers = good[i].header;
        assert_int_equal(EXCHANGE(BROKEN, DONE), ENVELOPE_OK);
        ASSERT_PAUSES(good[i].pause);
    }
    for (i = 0; i < COUNT(too_long); i++) {
        start_again(state);
        t.replies[0].headers = too_long[i];
        assert_int_equal(EXCHANGE(SLOWLY, DONE), ENVELOPE_R_KEY_SERVICE);
        assert_asked(1);
        assert_pauses(NULL, 0);
    }
    /* What one reply says does not count for the next failure. */
    start_again(state);
    t.replies[0].headers = "Retry-After: 3\r\n";
    assert_int_equal(EXCHANGE(BROKEN, NO_CONNECTION, DONE), ENVELOPE_OK);
    ASSERT_PAUSES(3099, 199);
}

static enum envelope_reason
build_quickly(void *arg, struct kms_request *request, int64_t now,
              struct envl_err *err)
{
    enum envelope_reason rc = build(arg, request, now, err);

    t.build_ms = 0; /* the next one */
    return rc;
}

static void
a_pause_may_end_just_before_it(void **state)
{
    (void)state;
    leave(100);
    t.operation.build = build_quickly;
    assert_int_equal(EXCHANGE(BROKEN, DONE), ENVELOPE_OK);
    assert_asked(2);
    ASSERT_PAUSES(99);
    assert_int_equal(t.fake.requests[1].milliseconds, 1);
}

static void
a_slow_build_leaves_no_time(void **state)
{
    (void)state;
    leave(0);
    assert_int_equal(EXCHANGE(DONE), ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(t.fake.request_count, 0);
    assert_non_null(strstr(t.err.detail, "kms.example:8443: no time"));
}

static void
a_slow_refresh_leaves_no_time(void **state)
{
    (void)state;
    t.refresh_ms = KMS_TOTAL_MS;
    assert_int_equal(EXCHANGE(EXPIRED, DONE), ENVELOPE_R_CREDENTIALS);
    assert_asked(1);
    assert_string_equal(t.err.detail, "test: 401");
}

static void
a_late_reply_still_counts(void **state)
{
    (void)state;
    leave(50);
    t.send_ms[0] = 50;
    assert_int_equal(EXCHANGE(DONE), ENVELOPE_OK);
    start_again(state);
    leave(50);
    t.send_ms[0] = 50;
    t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
    assert_int_equal(EXCHANGE(SKEWED, DONE), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_asked(1);
}

/* Metadata services */

static enum envelope_reason
get(struct kms_reply *reply, const char *header)
{
    struct kms_request request;
    enum envelope_reason rc;

    kms_request_init(&request, "GET", &t.endpoint, "/latest");
    kms_request_add(&request, "X-Name", "%s", header);
    rc = kms_get(&t.fake.world, reply, &request, &t.err);
    kms_request_clear(&request);
    return rc;
}

static void
one_attempt_is_made_for_metadata(void **state)
{
    static const int statuses[] = { 200, 302, 404, 500 };
    struct kms_reply reply = { 0 };
    size_t i;

    (void)state;
    t.fake.reply_count = COUNT(statuses);
    for (i = 0; i < COUNT(statuses); i++) {
        t.replies[i] = (struct fake_reply){ statuses[i], "text", NULL };
        assert_int_equal(get(&reply, "value"), ENVELOPE_OK);
        assert_int_equal(reply.status, statuses[i]);
        assert_string_equal(kms_text_get(&reply.body), "text");
        assert_int_equal(t.fake.requests[i].milliseconds, 1000);
    }
    assert_int_equal(t.fake.request_count, COUNT(statuses));
    assert_pauses(NULL, 0);
    kms_reply_clear(&reply);
}

static void
metadata_may_not_be_there(void **state)
{
    struct kms_reply reply = { 0 };

    (void)state;
    t.fake.reply_count = 1;
    assert_int_not_equal(get(&reply, "a\nb"), ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, 0);
    assert_int_equal(get(&reply, "a"), ENVELOPE_R_KEY_SERVICE);
    assert_int_equal(t.fake.request_count, 1);
    kms_reply_clear(&reply);
}

/* Memory */

/* The fake world's own texts are not looked at: where one of these fails, all
 * is well. */
static void
memory_may_run_out(void **state)
{
    size_t n = 0, failures = 0;
    enum envelope_reason rc;

    do {
        start_again(state);
        t.replies[0].headers = DATE("Sun, 30 Aug 2015 13:36:00 GMT");
        t.replies[2].body = "some text";
        memory_fail(++n);
        rc = EXCHANGE(SKEWED, EXPIRED, BROKEN, DONE);
        memory_fail(0);
        failures += rc == ENVELOPE_R_MEMORY;
        /* A date that is not there leaves the clock as it was. */
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_KEY_SERVICE_REFUSED)
            assert_int_equal(rc, ENVELOPE_R_MEMORY);
    } while (memory_failed());
    assert_int_equal(rc, ENVELOPE_OK);
    /* Each request has a path, a header and a body, each reply a body. */
    assert_int_equal(failures, 16);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_good_reply_is_the_end),
        TEST(a_failure_for_good_is_the_end),
        TEST(a_failure_that_nobody_explains_is_one),
        TEST(failures_of_the_service_are_waited_for),
        TEST(a_busy_service_is_waited_for_longer),
        TEST(pauses_are_drawn_below_a_bound),
        TEST(attempts_are_counted),
        TEST(no_connection_is_told_of),
        TEST(the_last_failure_is_told_of),
        TEST(a_long_detail_leaves_room_for_the_attempts),
        TEST(a_refused_connection_is_the_end),
        TEST(what_cannot_be_built_is_not_sent),
        TEST(what_cannot_be_built_again_is_told_of),
        TEST(a_bad_header_is_not_sent),
        TEST(redirections_are_refused_unread),
        TEST(a_wrong_clock_is_set_right),
        TEST(the_clock_is_set_once),
        TEST(the_clock_stays_right),
        TEST(credentials_are_refreshed_once),
        TEST(credentials_are_not_refreshed_again),
        TEST(some_credentials_cannot_be_refreshed),
        TEST(a_refresh_that_fails_is_told_of),
        TEST(the_same_credentials_may_be_tried),
        TEST(who_is_denied_sets_the_clock_first),
        TEST(the_service_says_how_long_to_wait),
        TEST(all_of_it_may_happen),
        TEST(nothing_prolongs_the_last_attempt),
        TEST(attempts_get_what_is_left),
        TEST(the_user_may_say_how_long),
        TEST(a_timeout_is_a_number_of_seconds),
        TEST(a_pause_does_not_pass_the_deadline),
        TEST(a_pause_may_end_just_before_it),
        TEST(a_slow_build_leaves_no_time),
        TEST(a_slow_refresh_leaves_no_time),
        TEST(a_late_reply_still_counts),
        TEST(one_attempt_is_made_for_metadata),
        TEST(metadata_may_not_be_there),
        TEST(memory_may_run_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
