/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a KeyTransRecipientInfo (RFC 5652, 6.2.1): a content-encryption key
 * that is encrypted with RSAES-OAEP.
 *
 * libcrypto's CMS could do it, but it keeps one property query for a message:
 * keys in several providers would each need the message parsed anew.
 */
#ifndef ENVL_KTRI_H
#define ENVL_KTRI_H

#include <stddef.h>

#include "lib/kari.h"
#include "lib/libctx.h"

/*
 * envl_ktri_encrypted - the encrypted key of a ktri, of any algorithm
 *
 *   der  the whole RecipientInfo, len bytes, which libcrypto has parsed
 *
 * Returns: it, in der; NULL with *encrypted_len 0 if it is no ktri.
 */
const unsigned char *envl_ktri_encrypted(const unsigned char *der, size_t len,
                                         size_t *encrypted_len);

/*
 * envl_ktri_unwrap - the content-encryption key for the holder of an RSA key
 *
 *   key_propq  for operations with key
 *   cek        receives ENVL_CEK_LEN bytes, which the caller cleanses
 *
 * Returns: 1, or 0 if it does not open, or to a key of another length;
 *          records may be left in the queue.
 */
int envl_ktri_unwrap(const unsigned char *encrypted, size_t len,
                     const struct envl_libctx *ctx, EVP_PKEY *key,
                     const char *key_propq, unsigned char cek[ENVL_CEK_LEN]);

#endif
