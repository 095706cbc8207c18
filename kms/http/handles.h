/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of libcurl that have done their work, kept with their connections for the
 * next request that goes the same way. */
#ifndef KMS_HTTP_HANDLES_H
#define KMS_HTTP_HANDLES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <curl/curl.h>

#include "kms/core/text.h"

#define KMS_HANDLES_MAX 4
#define KMS_HANDLE_AGE_MS 300000

struct kms_handle {
    CURL *curl;          /* NULL: memory ran out */
    struct kms_text way; /* all that decides what is connected to, and how */
    pid_t maker;         /* the process */
    int64_t born;        /* in ticks */
    int socket;          /* of its connection, while it is kept */
    ino_t inode;         /* by which it is known again */
};

/*
 * kms_handle_take - a handle that has gone this way, is not too old and was made in
 * this process; else a new one.  It has no options set.
 *
 *   way  its text is taken
 *   now  ticks of kms_clock_ticks()
 *
 * kms_handle_put - done with it: keep it, in the place of the oldest if need be, or
 * close its connection.  One that has no connection is not kept.
 *
 * No handle is with two callers at once.  A process that was forked keeps away from
 * the connections of its parent: it closes their descriptors, and leaves the memory
 * of their handles to itself.  So does one whose program has closed a descriptor
 * that is not its own, as daemons do: the number may be another file's now.
 *
 * Ownership: handle is the caller's until kms_handle_put(), which empties it.
 * Threads:   safe, and nobody waits: where another thread has the list at that
 *            moment, none is found, and none is kept.
 */
void kms_handle_take(struct kms_handle *handle, struct kms_text *way,
                     int64_t now);
void kms_handle_put(struct kms_handle *handle, bool keep);

/* kms_handles_forget - close all that are kept */
void kms_handles_forget(void);

#endif
