/* SPDX-License-Identifier: Apache-2.0 */
/* The hybrid key in DER. */
#ifndef ENVL_HYBRID_DER_H
#define ENVL_HYBRID_DER_H

#include "lib/base/der.h"
#include "provider/hybrid.h"

/* Bytes that suffice for either key in DER. */
#define ENVL_HYBRID_DER_LEN_MAX (ENVL_HYBRID_PUBLIC_LEN + 64)

/*
 * envl_hybrid_read_public - read a SubjectPublicKeyInfo (RFC 5280, 4.1)
 * envl_hybrid_read_private - read a PrivateKeyInfo (RFC 5208, 5)
 *
 * Both read X-Wing keys, too.
 *
 * Returns: 1; 0 for another algorithm; -1 if the key is malformed or libcrypto
 *          failed.
 */
int envl_hybrid_read_public(struct envl_hybrid *key, struct envl_der in);
int envl_hybrid_read_private(struct envl_hybrid *key, struct envl_der in);

/*
 * envl_hybrid_put_public, envl_hybrid_put_private - write the same structures,
 * as in the draft; the caller cleanses the buffer of a private key
 *
 * Returns: 1; 0 if the key does not have that half.
 */
int envl_hybrid_put_public(struct envl_der_writer *w,
                           const struct envl_hybrid *key);
int envl_hybrid_put_private(struct envl_der_writer *w,
                            const struct envl_hybrid *key);

#endif
