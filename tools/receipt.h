/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receipt of an envelope, one line of JSON (doc/receipt.md): writing it, and
 * reading what was written so.  No files are known here.
 */
#ifndef ENVL_RECEIPT_H
#define ENVL_RECEIPT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <envelope/envelope.h>

#include "filter/carrier/kind.h"
#include "filter/stream/sealed.h"
#include "lib/base/err.h"

#define ENVL_RECEIPT_VERSION 1

/* Bytes of the longest receipt that is read: all labels and the names of 1,024
 * recipients, each byte of them written as an escape, fit. */
#define ENVL_RECEIPT_LEN_MAX 8388608

/* What a receipt says, but for words. */
struct envl_receipt {
    enum envl_carrier carrier;
    uint64_t version, scheme;
    uint64_t file_size, plaintext_size, payload_size, header_size, kept_size;
    unsigned char id[ENVELOPE_PAYLOAD_START_LENGTH];
    unsigned char file_sum[ENVL_SUM_LEN], header_sum[ENVL_SUM_LEN];
    unsigned char payload_sum[ENVL_SUM_LEN], kept_sum[ENVL_SUM_LEN];
};

/* What else goes into one; borrowed. */
struct envl_receipt_words {
    const char *file; /* its name; NULL is standard output */
    time_t started, ended;
};

/*
 * envl_receipt_build - write a receipt to memory: exactly the bytes that belong
 * into its file
 *
 *   sealed  with all sums
 *
 * Ownership: *bytes is the caller's, free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY; what is wrong with the header.
 */
enum envelope_reason envl_receipt_build(char **bytes, size_t *len,
                                        const struct envl_sealed *sealed,
                                        const struct envl_receipt_words *words,
                                        struct envl_err *err);

/*
 * envl_receipt_parse - read a receipt
 *
 * Only what envl_receipt_build() writes is taken: its members in their order,
 * without spaces, with sizes that agree.  Its bytes are not trusted.
 *
 * Memory:  none.
 * Returns: ENVELOPE_OK; ENVELOPE_R_READ that says where it is none.
 */
enum envelope_reason envl_receipt_parse(struct envl_receipt *receipt,
                                        const char *bytes, size_t len,
                                        struct envl_err *err);

#endif
