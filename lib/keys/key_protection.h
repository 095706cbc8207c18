/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms that encrypt a stored private key, and whether libcrypto has
 * them.
 *
 * When a stored key cannot be decrypted, libcrypto's stores do not reliably say
 * why.  A missing algorithm must not be reported as a wrong passphrase: on the
 * day of the restore people would search for another passphrase.
 */
#ifndef ENVL_KEY_PROTECTION_H
#define ENVL_KEY_PROTECTION_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"

/*
 * envl_key_protection_check - find out why the stored keys in a file cannot be
 * decrypted, other than by a wrong passphrase
 *
 *   data, len   the file: PEM or DER with PKCS#8 (RFC 5958), PKCS#12 (RFC 7292)
 *               or traditional encrypted PEM (RFC 1421)
 *   passphrase  the passphrase that failed; data is NULL if there is none
 *   name        the file, for messages
 *
 * Returns: ENVELOPE_OK if all algorithms of the file are available, so that the
 *          passphrase is wrong or the file is damaged;
 *          ENVELOPE_R_UNREADABLE_KEY naming an algorithm that no loaded
 *          provider has, or scrypt's costs if they are over libcrypto's limit,
 *          or saying that a PKCS#12's MAC shows the passphrase to be right;
 *          ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_key_protection_check(
    const unsigned char *data, size_t len, const struct envl_octets *passphrase,
    const char *name, const struct envl_libctx *ctx, struct envl_err *err);

#endif
