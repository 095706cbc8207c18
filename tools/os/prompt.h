/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a passphrase at the terminal, without echo. */
#ifndef ENVL_PROMPT_H
#define ENVL_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core.h>

#include "lib/base/err.h"
#include "lib/keys/passphrase.h"

/*
 * envl_prompt_passphrase - ask at the controlling terminal, never on standard
 * input
 *
 *   what   what it is for, as in "Passphrase for ops.key"
 *   twice  ask again, and compare
 *
 * The terminal gets its echo back also on SIGINT, SIGTERM, SIGHUP, SIGQUIT and
 * SIGTSTP, which do then what they would have done; who comes back from
 * SIGTSTP is asked again.
 *
 * Ownership: *passphrase is the caller's, OPENSSL_clear_free(); NULL on
 *            failure.
 * Returns:   ENVELOPE_OK with at least one byte; ENVELOPE_R_PASSPHRASE_NEEDED
 *            without a terminal, if none was typed, one longer than
 *            ENVL_PASSPHRASE_LEN_MAX bytes or with a NUL byte, or if the two
 *            differ; ENVELOPE_R_MEMORY.
 * Threads:   any, one after the other.
 */
enum envelope_reason envl_prompt_passphrase(char **passphrase, const char *what,
                                            bool twice, struct envl_err *err);

/*
 * envl_prompt_callback - the same for libcrypto: a key that is stored encrypted
 *
 *   params  may name it in OSSL_PASSPHRASE_PARAM_INFO; may be NULL
 *   arg     else names it, a string; or NULL
 */
OSSL_PASSPHRASE_CALLBACK envl_prompt_callback;

#endif
