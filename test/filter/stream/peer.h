/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The far ends of descriptors: files without a name, threads that feed
 * and drain pipes.
 */
#ifndef ENVL_TEST_PEER_H
#define ENVL_TEST_PEER_H

#include "test/support/bytes.h"

#include <stdatomic.h>
#include <stdbool.h>

#include <pthread.h>

#define MIB ((size_t)1048576)

/* Descriptors */

/* file_of - a file without a name that holds these bytes, at its beginning */
int file_of(struct bytes bytes);
struct bytes file_bytes(int fd);

void set_nonblocking(int fd);
void close_fd(int fd);

/* A thread at the far end of a pipe, which gets no signals. */
struct peer {
    struct bytes bytes; /* to write, borrowed; or what was read, dropped by
                           whoever joins */
    size_t step;        /* bytes of a call; 0: as many as possible */
    unsigned naps;      /* milliseconds in all, one before each call */
    size_t pipe_size;   /* 0: the system's */
    bool stays;         /* the pipe is not closed before peer_join(), or after
                           seconds: the other end should not have waited */

    int fd;
    bool failed, late;
    atomic_bool joining;
    pthread_t thread;
};

/* peer_feed - writes the bytes; peer_drain - reads up to the end.  They return
 * the pipe's other end, which is the caller's to close, for draining before
 * the join. */
int peer_feed(struct peer *peer);
int peer_drain(struct peer *peer);
void peer_join(struct peer *peer);

/* start_quietly - a thread that gets no signals: a pipe that is closed is an
 * error for it */
void start_quietly(pthread_t *thread, void *(*body)(void *), void *arg);

/* Waiting */

/* nap - a millisecond
 * nap_until - as many as it takes, or more than anything should take; false if
 * it was in vain */
void nap(void);
bool nap_until(const atomic_bool *done);

#endif
