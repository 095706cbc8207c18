/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a failure travels up: every function of lib/ returns a reason and leaves
 * beside it one line that says which thing failed and what to do.  Nothing is
 * raised here; the faces do that, once.
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
 * The detail is cut at ENVL_DETAIL_MAX - 1 bytes; bytes that are no UTF-8, or
 * that could harm a terminal (lib/base/utf8.h), are replaced by '?'.  The caller must not format secrets into it.
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
 * envl_fail_crypto - the same for a libcrypto call that failed, with what
 * libcrypto's newest error record says, if it is one of this failure; running
 * out of memory becomes ENVELOPE_R_MEMORY
 *
 *   what  the step that failed, such as "derive the payload key"
 */
enum envelope_reason envl_fail_crypto(struct envl_err *err, const char *what);

/* envl_reason_text - what a reason says, as in ENVELOPE_REASONS */
const char *envl_reason_text(enum envelope_reason reason);

/* envl_fail_memory - ENVELOPE_R_MEMORY */
enum envelope_reason envl_fail_memory(struct envl_err *err);

/*
 * envl_err_begin - what libcrypto's queue holds now is the program's, and says
 * nothing about what fails from here on
 *
 * To be called where the program's call comes in: in each dispatch function of
 * the provider that goes on to libcrypto, and wherever the filter and the
 * module of key services begin.  It is the thread's, as the queue is.
 */
void envl_err_begin(void);

/*
 * ENVL_QUIETLY - an allocation of libcrypto's that leaves no record where it fails,
 * as it does from 3.4 on: for who answers to a program that knows nothing of
 * libcrypto, and may have records of its own in the queue
 *
 * Returns: what the allocation does.
 */
#define ENVL_QUIETLY(allocation) (ERR_set_mark(), envl_drop_mark(allocation))
void *envl_drop_mark(void *allocated);

/*
 * envl_crypto_newest, envl_crypto_oldest - libcrypto's record of that age since
 * envl_err_begin(); 0 if there is none, or, of the oldest, none that is known to
 * be so young
 *
 *   data  what goes with it, valid as long as the record; empty for 0
 */
unsigned long envl_crypto_newest(const char **data);
unsigned long envl_crypto_oldest(const char **data);

/* envl_crypto_reason - the text of envl_crypto_newest() */
const char *envl_crypto_reason(void);

/*
 * envl_crypto_no_memory - does the newest record say that memory ran out, or
 * the oldest?  Where a block is missing, libcrypto's outer functions often put
 * their own records on top of the one that says so.
 *
 * To be asked right after a failure that leaves a record.
 */
bool envl_crypto_no_memory(void);

/* envl_crypto_note_no_memory - memory ran out in code of ours that libcrypto has
 * called, and that has no other way to say so: keys of this provider's */
void envl_crypto_note_no_memory(void);

#endif
