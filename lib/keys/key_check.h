/* SPDX-License-Identifier: Apache-2.0 */
/* What a public key must be before data is encrypted for it. */
#ifndef ENVL_KEY_CHECK_H
#define ENVL_KEY_CHECK_H

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"

/*
 * envl_key_check - is a public key of a kind that is supported, strong enough,
 * and sound?
 *
 * A damaged RSA modulus can be factored, or has no private key at all; with an
 * exponent of 1 the wrapped key is its own ciphertext, and with an even one
 * nobody can open it.  libcrypto's EVP_PKEY_public_check() (NIST SP 800-56B,
 * 6.4.2, and SP 800-56A, 5.6.2.3) finds these, but not each damaged modulus: one
 * that is odd and has no small factor passes.  It takes several milliseconds for
 * an RSA key, so ctx->sound remembers the keys that passed.
 *
 *   name  of the key, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WEAK_KEY; _UNSUPPORTED_KEY; _BAD_KEY;
 *          _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_check(EVP_PKEY *key,
                                    const struct envl_libctx *ctx,
                                    const char *name, struct envl_err *err);

/*
 * The keys that were found to be sound, for as long as a library context
 * lasts; the newest ones, if they are many.
 *
 * envl_sound_keys_new - none yet; NULL if memory ran out
 * envl_sound_keys_free - NULL is fine
 *
 * Threads: safe.
 */
struct envl_sound_keys;

struct envl_sound_keys *envl_sound_keys_new(void);
void envl_sound_keys_free(struct envl_sound_keys *sound);

#endif
