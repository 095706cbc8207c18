/* SPDX-License-Identifier: Apache-2.0 */
/* Whose signatures are trusted, and what is said of those of a header. */
#ifndef ENVL_SIGNERS_H
#define ENVL_SIGNERS_H

#include <stdbool.h>

#include "lib/base/libctx.h"
#include "lib/header/header.h"
#include "lib/header/signatures.h"
#include "lib/sign/signing.h"
#include "tools/json.h"

/* The keys that are trusted; all zero: nobody need have signed. */
struct envl_trust {
    struct envl_libctx ctx;
    struct envl_signature_keys *keys; /* NULL if nobody is named */
};

/* Where it may be said who is trusted */
enum envl_trust_place { ENVL_TRUST_OPTION, ENVL_TRUST_ANYWHERE };

/*
 * envl_trust_load - load the keys of --signed-by, or else, with
 * ENVL_TRUST_ANYWHERE, those that the environment or openssl.cnf name
 *
 *   signed_by  the option's list, or NULL
 *
 * Ownership: envl_trust_clear() ends it; all zero on failure.
 * Returns:   ENVELOPE_OK; what envl_context_get(), envl_library_get() and
 *            envl_signed_by_load() return.
 */
enum envelope_reason envl_trust_load(struct envl_trust *trust, char *signed_by,
                                     enum envl_trust_place place,
                                     struct envl_err *err);
void envl_trust_clear(struct envl_trust *trust);

struct envl_signers {
    struct envl_signatures signatures;
    bool is_checked; /* states are known */
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
};

/*
 * envl_signers_read - read the signatures of a header, and check them if somebody
 * is trusted
 *
 *   start  salt and commitment; NULL if they are not there: then nothing is
 *          checked
 *
 * Returns: ENVELOPE_OK; what envl_signatures_read() and envl_signed_check()
 *          return.
 */
enum envelope_reason envl_signers_read(struct envl_signers *signers,
                                       const struct envl_header *header,
                                       const unsigned char *start,
                                       const struct envl_trust *trust,
                                       struct envl_err *err);

/* envl_signers_word - what is known of the signature at an index: "unchecked",
 * "good", "wrong", or "untrusted" for one of nobody who is trusted; static */
const char *envl_signers_word(const struct envl_signers *signers, size_t i);

/*
 * envl_signers_put - write a member "signers": an array of objects with
 *
 *   algorithm  string, "unknown" for one that is not of the format
 *   id         identifier of the key, hexadecimal
 *   signature  the word of envl_signers_word()
 */
void envl_signers_put(struct envl_json *json,
                      const struct envl_signers *signers);

#endif
