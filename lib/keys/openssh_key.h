/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes libcrypto's keys from the blobs in OpenSSH's key files (RFC 4253 6.6,
 * RFC 5656 3.1, OpenSSH's PROTOCOL.key).  openssh.h reads the text around them.
 */
#ifndef ENVL_OPENSSH_KEY_H
#define ENVL_OPENSSH_KEY_H

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/base/octets.h"

#define ENVL_OPENSSH_DAMAGED "not a well-formed OpenSSH key"

/*
 * envl_openssh_key_public - make the key of a public key blob
 * envl_openssh_key_private - make the key pair of a private key file's blob
 *
 * The key is sound: a point is on its curve, and the numbers of a pair belong
 * together.
 *
 *   name  of the key, for messages
 *
 * Ownership: *key is the caller's, EVP_PKEY_free(); untouched on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; ENVELOPE_R_MEMORY;
 *            ENVELOPE_R_UNSUPPORTED_KEY for a key of another type, for a
 *            certificate, for a private key under a passphrase.
 */
enum envelope_reason envl_openssh_key_public(EVP_PKEY **key,
                                             const struct envl_libctx *ctx,
                                             const struct envl_octets *blob,
                                             const char *name,
                                             struct envl_err *err);
enum envelope_reason envl_openssh_key_private(EVP_PKEY **key,
                                              const struct envl_libctx *ctx,
                                              const struct envl_octets *blob,
                                              const char *name,
                                              struct envl_err *err);

#endif
