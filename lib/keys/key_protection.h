/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With what a private key is stored encrypted, and whether libcrypto can do
 * that here.
 *
 * Where a stored key does not open, libcrypto's stores do not say why in a way
 * that a program can rely on.  A missing algorithm must not be called a wrong
 * passphrase: on the day of the restore people would look for another one.
 */
#ifndef ENVL_KEY_PROTECTION_H
#define ENVL_KEY_PROTECTION_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"

/*
 * envl_key_protection_check - why the stored keys in a file cannot be opened,
 * if it is not the passphrase
 *
 *   data, len   the file: PEM or DER with PKCS#8 (RFC 5958), PKCS#12 (RFC 7292)
 *               or traditional encrypted PEM (RFC 1421)
 *   passphrase  that did not open it; or data NULL
 *   name        of the source, for messages
 *
 * Returns: ENVELOPE_OK if all that the file names is there, so that the
 *          passphrase is wrong or the file is damaged;
 *          ENVELOPE_R_UNREADABLE_KEY naming the algorithm that no loaded
 *          provider has, or scrypt's costs if they are over libcrypto's limit;
 *          or, where a PKCS#12's MAC shows that the passphrase is right, what
 *          libcrypto said;
 *          ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_key_protection_check(
    const unsigned char *data, size_t len, const struct envl_octets *passphrase,
    const char *name, const struct envl_libctx *ctx, struct envl_err *err);

#endif
