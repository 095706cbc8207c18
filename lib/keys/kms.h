/* SPDX-License-Identifier: Apache-2.0 */
/* Key services without the network: their URIs, their part of a header, and
 * loading the module that talks to them. */
#ifndef ENVL_KMS_H
#define ENVL_KMS_H

#include <stdbool.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/kek_source.h"
#include "lib/keys/kms_interface.h"

/* envl_kms_is_uri - does a text begin with the scheme of a key service? */
bool envl_kms_is_uri(const char *text);

/*
 * envl_kms_load - load the module from the directory that ctx names; *module is
 * static, because the module stays loaded
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_NO_KEY_SERVICES if it is not there, or of another
 *          release; ENVELOPE_R_KEY_SERVICE if it cannot be loaded; _KEY_SERVICE_REFUSED
 *          in a program that has the rights of another user.
 */
enum envelope_reason envl_kms_load(const struct envl_kms_module **module,
                                   const struct envl_libctx *ctx,
                                   struct envl_err *err);

/*
 * envl_kms_public_half - ask a service that keeps RSA keys (is_public) for one
 *
 * Ownership: *key is the caller's, EVP_PKEY_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; what the module returns; ENVELOPE_R_CRYPTO.
 */
enum envelope_reason envl_kms_public_half(EVP_PKEY **key,
                                          const struct envl_kms_module *module,
                                          const struct envl_libctx *ctx,
                                          const char *uri,
                                          struct envl_err *err);

/*
 * envl_kms_get - copy a header's source, of kind ENVL_KEK_KMS, to wrapped
 * envl_kms_borrow - make a source of what a service has wrapped; wrapped must
 * outlive source
 *
 * Returns: envl_kms_borrow(): ENVELOPE_OK; ENVELOPE_R_KEY_SERVICE if wrapped
 *          does not fit the limits of a header.
 */
void envl_kms_get(struct envl_kms_wrapped *wrapped,
                  const struct envl_kek_source *source);
enum envelope_reason envl_kms_borrow(struct envl_kek_source *source,
                                     const struct envl_kms_wrapped *wrapped,
                                     struct envl_err *err);

#endif
