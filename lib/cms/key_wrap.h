/* SPDX-License-Identifier: Apache-2.0 */
/* The AES key wrap (RFC 3394) of a content-encryption key, with a key of 256
 * bits. */
#ifndef ENVL_CMS_KEY_WRAP_H
#define ENVL_CMS_KEY_WRAP_H

#include <stdbool.h>

#include "lib/cms/message.h"
#include "lib/keys/kek_source.h"

#define ENVL_WRAPPED_LEN (ENVL_CEK_LEN + 8) /* RFC 3394 adds a block */

/* Its AlgorithmIdentifier: id-aes256-wrap without parameters (RFC 3565). */
#define ENVL_KEY_WRAP_DER_LEN 13
extern const unsigned char envl_key_wrap_der[ENVL_KEY_WRAP_DER_LEN];

/*
 * envl_key_wrap - encrypt cek with kek
 * envl_key_unwrap - decrypt it; wrapped may be of any length
 *
 *   cek  the caller cleanses it
 *
 * Returns: true; false, with a record in the error queue, if libcrypto failed,
 *          or if kek is not the right key.
 */
bool envl_key_wrap(unsigned char wrapped[ENVL_WRAPPED_LEN],
                   const struct envl_libctx *ctx,
                   const unsigned char kek[ENVL_KEK_LEN],
                   const unsigned char cek[ENVL_CEK_LEN]);
bool envl_key_unwrap(unsigned char cek[ENVL_CEK_LEN],
                     const struct envl_libctx *ctx,
                     const unsigned char kek[ENVL_KEK_LEN],
                     const struct envl_der *wrapped);

#endif
