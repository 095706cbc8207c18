/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of the signatures of a header. */
#ifndef ENVL_SIGNERS_H
#define ENVL_SIGNERS_H

#include <stdbool.h>

#include "lib/header/signatures.h"
#include "lib/sign/signing.h"
#include "tools/json.h"

struct envl_signers {
    struct envl_signatures signatures;
    bool is_checked; /* states are known */
    enum envl_signature_state states[ENVL_SIGNATURE_COUNT_MAX];
};

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
