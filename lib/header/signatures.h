/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of a header (FORMAT 11): their DER.  What they sign, and
 * whether they are right, is not known here. */
#ifndef ENVL_SIGNATURES_H
#define ENVL_SIGNATURES_H

#include <stddef.h>

#include "lib/base/der.h"
#include "lib/base/err.h"

#define ENVL_SIGNATURES_LEN_MAX 65536
#define ENVL_SIGNATURE_COUNT_MAX 8
#define ENVL_SIGNER_ID_LEN 20

/* One signature; all of it is borrowed. */
struct envl_signature {
    const unsigned char *signer; /* identifier, ENVL_SIGNER_ID_LEN bytes */
    struct envl_der algorithm;   /* a whole AlgorithmIdentifier */
    struct envl_der value;
};

struct envl_signatures {
    struct envl_signature items[ENVL_SIGNATURE_COUNT_MAX];
    size_t count;
};

/*
 * envl_signatures_read - read the signatures' part of a header
 *
 *   der  len bytes, which must outlive signatures; len 0 for no signature
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_SIGNATURES.
 */
enum envelope_reason envl_signatures_read(struct envl_signatures *signatures,
                                          const unsigned char *der, size_t len,
                                          struct envl_err *err);

/*
 * envl_signatures_write - write at least one signature in DER
 *
 * Ownership: *der is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_HEADER_TOO_LARGE; ENVELOPE_R_MEMORY.
 */
enum envelope_reason
envl_signatures_write(unsigned char **der, size_t *len,
                      const struct envl_signatures *signatures,
                      struct envl_err *err);

#endif
