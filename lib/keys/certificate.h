/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate says of its key: from when to when, and what for.  Nobody
 * here asks whether it tells the truth.
 */
#ifndef ENVL_CERTIFICATE_H
#define ENVL_CERTIFICATE_H

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/keys.h"

/*
 * envl_certificate_check - may data be encrypted for its key now?
 *
 * It must be valid now, unless allow_expired is set.  Unless allow_usage is set,
 * it must not be that of a CA (RFC 5280, 4.2.1.9), and its keyUsage, if it has
 * one, must have one of these bits (RFC 5280, 4.2.1.3):
 *
 *   RSA               keyEncipherment or dataEncipherment; many programs make
 *                     certificates for CMS with the second one alone
 *   EC, X25519, X448  keyAgreement (RFC 5480, RFC 8410)
 *   ML-KEM            keyEncipherment (RFC 9935)
 *
 *   name  where it is from, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CERTIFICATE_TIME, _CERTIFICATE_USAGE,
 *          _MEMORY.
 */
enum envelope_reason envl_certificate_check(X509 *cert,
                                            const struct envl_key_settings *how,
                                            const char *name,
                                            struct envl_err *err);

/* envl_certificate_time_trouble - why it is not valid now, as what follows "the
 * certificate"; NULL if it is valid */
const char *envl_certificate_time_trouble(const X509 *cert);

/* envl_certificate_seconds_left - until it ends; below 0 if it has ended, or if
 * that cannot be read */
long envl_certificate_seconds_left(const X509 *cert);

/*
 * envl_certificate_has_issued - has the key of this certificate signed another
 * one, which is of another key?
 *
 * Returns: 1, 0; -1 if memory ran out.  libcrypto's error queue is as it was.
 */
int envl_certificate_has_issued(X509 *issuer, X509 *cert);

/* envl_certificate_describe - "the certificate of CN=ops", cut at the size */
#define ENVL_CERTIFICATE_WORDS_MAX 128
void envl_certificate_describe(char words[ENVL_CERTIFICATE_WORDS_MAX],
                               const X509 *cert);

#endif
