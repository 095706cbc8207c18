/* SPDX-License-Identifier: Apache-2.0 */
/* Which public keys data may be encrypted for, and which may sign. */
#ifndef ENVL_KEY_CHECK_H
#define ENVL_KEY_CHECK_H

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"

/* What a key is wanted for. */
enum envl_key_use { ENVL_TO_ENCRYPT, ENVL_TO_SIGN };

/*
 * envl_key_check - is a public key of a kind that is supported for this use,
 * strong enough, and sound?
 *
 * A damaged RSA modulus can be factored, or has no private key at all.  With
 * the public exponent 1 the ciphertext equals the plaintext; with an even
 * exponent nobody can decrypt.  EVP_PKEY_public_check() (NIST SP 800-56B,
 * 6.4.2, and SP 800-56A, 5.6.2.3) finds these exponents, but not every damaged
 * modulus: an odd modulus without a small factor passes.  The check takes
 * several milliseconds for an RSA key, so ctx->sound remembers the keys that
 * passed.
 *
 *   name  the key's source, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_WEAK_KEY; _UNSUPPORTED_KEY; _BAD_KEY;
 *          _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_check(EVP_PKEY *key, enum envl_key_use use,
                                    const struct envl_libctx *ctx,
                                    const char *name, struct envl_err *err);

/* envl_key_fail_only_signs - say that a key can only sign, where it should
 * encrypt or decrypt; ENVELOPE_R_UNSUPPORTED_KEY */
enum envelope_reason envl_key_fail_only_signs(const EVP_PKEY *key,
                                              const char *name,
                                              struct envl_err *err);

/*
 * A library context's memory of keys that passed the check.  It is limited: new
 * keys replace the oldest.
 *
 * envl_sound_keys_new - make an empty memory; NULL if memory ran out
 * envl_sound_keys_free - free it; NULL is fine
 *
 * Threads: safe.
 */
struct envl_sound_keys;

struct envl_sound_keys *envl_sound_keys_new(void);
void envl_sound_keys_free(struct envl_sound_keys *sound);

#endif
