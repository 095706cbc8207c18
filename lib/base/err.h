/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a failure travels up: every function of lib/ returns a reason and leaves
 * one line in struct envl_err that says which thing failed and what to do.  No
 * function of lib/ raises an error record; the provider, the filter and the
 * command report the failure, once.
 */
#ifndef ENVL_ERR_H
#define ENVL_ERR_H

#include <stdbool.h>

#include <openssl/err.h>

#include <envelope/reasons.h>

#define ENVL_DETAIL_MAX 400

struct envl_err {
    enum envelope_reason reason;
    char detail[ENVL_DETAIL_MAX];
};

/*
 * envl_fail - record a failure and return its reason
 *
 * The detail is cut at ENVL_DETAIL_MAX - 1 bytes.  Bytes that are not UTF-8, or
 * that could harm a terminal (lib/base/utf8.h), are replaced by '?'.  Callers
 * must not format secrets into the detail.
 *
 * Returns: reason, so that callers can return the call itself.
 */
enum envelope_reason envl_fail(struct envl_err *err,
                               enum envelope_reason reason, const char *fmt,
                               ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/*
 * envl_fail_crypto - envl_fail() for a libcrypto call that failed
 *
 * The detail has the text of libcrypto's newest error record, if that is newer
 * than envl_err_begin().
 *
 *   what  the step that failed, such as "derive the payload key"
 *
 * Returns: ENVELOPE_R_MEMORY if memory ran out, else ENVELOPE_R_CRYPTO.
 */
enum envelope_reason envl_fail_crypto(struct envl_err *err, const char *what);

/* envl_reason_text - what a reason says, as in ENVELOPE_REASONS */
const char *envl_reason_text(enum envelope_reason reason);

/* envl_fail_memory - record that memory ran out: ENVELOPE_R_MEMORY */
enum envelope_reason envl_fail_memory(struct envl_err *err);

/*
 * envl_err_begin - note that the records now in libcrypto's queue are the
 * program's own, and say nothing about later failures
 *
 * It must be called where the program's call comes in: in each dispatch
 * function of the provider that calls libcrypto, and at the entry points of the
 * filter and of the module of key services.
 *
 * Threads: the note is the calling thread's, as the queue is.
 */
void envl_err_begin(void);

/*
 * ENVL_QUIETLY - allocate with libcrypto, and leave no error record on failure
 *
 * libcrypto itself leaves none since 3.4.  The filter needs this: the program
 * above it may know nothing of libcrypto, or have its own records in the queue.
 *
 * Returns: what the allocation returns.
 */
#define ENVL_QUIETLY(allocation) (ERR_set_mark(), envl_drop_mark(allocation))
void *envl_drop_mark(void *allocated);

/*
 * envl_crypto_newest, envl_crypto_oldest - libcrypto's newest, oldest error
 * record since envl_err_begin()
 *
 *   data  receives the record's text, valid as long as the record; empty for 0
 *
 * Returns: the record's code; 0 if there is none.  envl_crypto_oldest() also
 *          returns 0 if the oldest record may be from before envl_err_begin().
 */
unsigned long envl_crypto_newest(const char **data);
unsigned long envl_crypto_oldest(const char **data);

/* envl_crypto_reason - the text of envl_crypto_newest() */
const char *envl_crypto_reason(void);

/*
 * envl_crypto_no_memory - does the newest or the oldest record say that memory
 * ran out?  When an allocation fails, libcrypto's outer functions often add
 * records of their own after the one that says so.
 *
 * Only valid right after a failure that leaves a record.
 */
bool envl_crypto_no_memory(void);

/* envl_crypto_note_no_memory - note that memory ran out in the provider's key
 * code, which libcrypto calls and which has no other way to say so */
void envl_crypto_note_no_memory(void);

#endif
