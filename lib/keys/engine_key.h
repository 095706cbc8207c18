/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of an ENGINE, libcrypto's older way to hardware: how a PKCS#11 token is
 * reached where no provider does it.  From OpenSSL 4.0 on there are no engines,
 * and nothing here is an engine's.
 */
#ifndef ENVL_ENGINE_KEY_H
#define ENVL_ENGINE_KEY_H

#include <stdbool.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/keys.h"

/*
 * envl_engine_key_is - is uri for an engine?  These are
 *
 *   org.openssl.engine:ENGINE:KEY   as libcrypto calls a key of an engine
 *   pkcs11:...                      if no provider opens this scheme, for the
 *                                   engine pkcs11 of libp11
 */
bool envl_engine_key_is(const struct envl_libctx *ctx, const char *uri);

/*
 * envl_engine_key_load - set item's private key; or its public key, if that is
 * enough for reader or uri says type=public; ui with arg is asked for a PIN
 *
 * Ownership: the key is the caller's, and holds on to the engine.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_UNREADABLE_KEY; _MEMORY.
 */
enum envelope_reason envl_engine_key_load(struct envl_key_item *item,
                                          const struct envl_key_reader *reader,
                                          const char *uri, UI_METHOD *ui,
                                          void *arg, struct envl_err *err);

#endif
