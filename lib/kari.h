/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a KeyAgreeRecipientInfo (RFC 5652, 6.2.2; RFC 5753): a content-
 * encryption key that is wrapped by ECDH with an ephemeral key.
 *
 * libcrypto's CMS writes it and could read it, but it leaves the key
 * derivation to the provider of the private key, and those of keys in
 * hardware often have none.  All that is asked of the key here is plain ECDH.
 */
#ifndef ENVL_KARI_H
#define ENVL_KARI_H

#include <stddef.h>

#include <openssl/cms.h>

#include "lib/libctx.h"

#define ENVL_CEK_LEN 32

struct envl_kari {
    CMS_RecipientInfo *info; /* borrowed */
    struct envl_kari_asn1 *asn1;
    X509_ALGOR *wrap;   /* the key wrap, parameter of the algorithm */
    const char *digest; /* of the key derivation, static */
};

/*
 * envl_kari_read - a kari in both of its forms
 *
 *   info  as CMS has read it; it must stay
 *   der   the same RecipientInfo, len bytes: CMS does not give out all of it
 *
 * Ownership: kari is the caller's, envl_kari_clear(); all zero on failure.
 * Returns:   1, or 0 if it is malformed or its algorithms are not those of
 *            FORMAT 5.1.
 */
int envl_kari_read(struct envl_kari *kari, CMS_RecipientInfo *info,
                   const unsigned char *der, size_t len);
void envl_kari_clear(struct envl_kari *kari);

/*
 * envl_kari_unwrap - the content-encryption key for the holder of an EC key
 *
 *   part       which of its recipients, from 0
 *   key_propq  for operations with key
 *   cek        receives ENVL_CEK_LEN bytes, which the caller cleanses
 *
 * Returns: 1, or 0 if it does not open; records may be left in the queue.
 */
int envl_kari_unwrap(const struct envl_kari *kari, int part,
                     const struct envl_libctx *ctx, EVP_PKEY *key,
                     const char *key_propq, unsigned char cek[ENVL_CEK_LEN]);

#endif
