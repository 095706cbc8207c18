/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM (NIST SP 800-38D), which encrypts the payload and, in the key
 * envelope, the data key.  Lengths in bytes. */
#ifndef ENVL_AEAD_H
#define ENVL_AEAD_H

/* The direction of a cipher; EVP_CipherInit_ex(3) has the same numbers. */
enum envl_direction { ENVL_DECRYPT = 0, ENVL_ENCRYPT = 1 };

#define ENVL_AEAD_KEY_LEN 32
#define ENVL_NONCE_LEN 12
#define ENVL_DEK_LEN 32 /* the data key: the AEAD's key is derived from it */

#endif
