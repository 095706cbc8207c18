/* SPDX-License-Identifier: Apache-2.0 */
/* The hybrid key in DER. */
#ifndef ENVL_HYBRID_DER_H
#define ENVL_HYBRID_DER_H

#include "lib/base/der.h"
#include "provider/hybrid.h"

/* More than either of them needs. */
#define ENVL_HYBRID_DER_LEN_MAX (ENVL_HYBRID_PUBLIC_LEN + 64)

/*
 * envl_hybrid_read_public - a SubjectPublicKeyInfo (RFC 5280, 4.1)
 * envl_hybrid_read_private - a PrivateKeyInfo (RFC 5208, 5); both also of X-Wing
 *
 * Returns: 1; 0 for another algorithm; -1 for one of these that is malformed, or
 *          where libcrypto failed.
 */
int envl_hybrid_read_public(struct envl_hybrid *key, struct envl_der in);
int envl_hybrid_read_private(struct envl_hybrid *key, struct envl_der in);

/*
 * envl_hybrid_put_public, envl_hybrid_put_private - the same, as the draft has it;
 * the caller cleanses what has a private key in it
 *
 * Returns: 1, or 0 if there is no such half.
 */
int envl_hybrid_put_public(struct envl_der_writer *w,
                           const struct envl_hybrid *key);
int envl_hybrid_put_private(struct envl_der_writer *w,
                            const struct envl_hybrid *key);

#endif
