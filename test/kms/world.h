/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for unit tests of kms/: replies that were written beforehand, a
 * clock that stands still but for pauses, an environment and files that are
 * tables.  What is sent and run is kept, to be looked at.
 */
#ifndef TEST_KMS_WORLD_H
#define TEST_KMS_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "kms/http/world.h"

#define FAKE_COUNT_MAX 48

struct fake_pair {
    const char *name, *content; /* a variable or a file; both NULL at the end */
};

/* What comes back for one request. */
struct fake_reply {
    int status; /* 0: it could not be sent, a reason of KEY_SERVICE */
    const char *body;
    const char *headers; /* lines "Name: value\r\n", or NULL */
};

/* A request as it was sent. */
struct fake_request {
    char *method, *url, *headers, *body; /* headers: lines "Name: value\n" */
    unsigned milliseconds;
};

/* A program as it was run. */
struct fake_run {
    char *command; /* argv with spaces between */
    char *input;
};

struct fake_world {
    struct kms_world world; /* to be passed on */
    int64_t now;            /* 2015-08-30 12:36:00 UTC unless it is set */
    int64_t ticks;          /* milliseconds that went by */
    unsigned request_ms;    /* that each request takes */

    const struct fake_pair *variables, *files;
    const struct fake_reply *replies; /* in this order; reply_count of them */
    size_t reply_count;
    const char *run_output;  /* NULL: the program fails */
    const char *open_to_all; /* a file that others can write to, or NULL */

    struct fake_request requests[FAKE_COUNT_MAX];
    size_t request_count;
    struct fake_run runs[FAKE_COUNT_MAX];
    size_t run_count;
    unsigned pauses[FAKE_COUNT_MAX]; /* milliseconds */
    size_t pause_count;
};

/* fake_world_init - all is empty; one more request than there are replies
 * fails the test.  random() returns bound - 1. */
void fake_world_init(struct fake_world *fake);
void fake_world_clear(struct fake_world *fake);

/* fake_header - the value of a header of a request that was sent, or NULL; in
 * memory that the next call overwrites */
const char *fake_header(const struct fake_request *request, const char *name);

#endif
