/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of an ENGINE, libcrypto's older interface to hardware.  A PKCS#11 token
 * is reached through an engine where no provider serves it.  OpenSSL 4.0 has no
 * engines: there, no URI is an engine's.
 */
#ifndef ENVL_ENGINE_KEY_H
#define ENVL_ENGINE_KEY_H

#include <stdbool.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/keys.h"

/*
 * envl_engine_key_is - does uri name a key of an engine?  Such URIs are
 *
 *   org.openssl.engine:ENGINE:KEY   libcrypto's own URI of an engine's key
 *   pkcs11:...                      if no provider opens this scheme: a key of
 *                                   libp11's engine pkcs11
 */
bool envl_engine_key_is(const struct envl_libctx *ctx, const char *uri);

/*
 * envl_engine_key_load - load the private key that uri names into item; or the
 * public key, if that is enough for reader or uri says type=public
 *
 *   ui, arg  ask for a PIN
 *
 * Ownership: the key is the caller's, and holds on to the engine.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; _MEMORY.
 */
enum envelope_reason envl_engine_key_load(struct envl_key_item *item,
                                          const struct envl_key_reader *reader,
                                          const char *uri, UI_METHOD *ui,
                                          void *arg, struct envl_err *err);

#endif
