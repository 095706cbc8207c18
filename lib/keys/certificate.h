/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate says about its key: its validity period and its use.  No
 * certification path is validated here.
 */
#ifndef ENVL_CERTIFICATE_H
#define ENVL_CERTIFICATE_H

#include <openssl/x509.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/keys.h"

/*
 * envl_certificate_check - may data be encrypted for the certificate's key now?
 *
 * The certificate must be valid now, unless allow_expired is set.  Unless
 * allow_usage is set, it must not be a CA's (RFC 5280, 4.2.1.9), and a keyUsage
 * must have one of these bits (RFC 5280, 4.2.1.3):
 *
 *   RSA               keyEncipherment or dataEncipherment; many programs make
 *                     certificates for CMS with the second one alone
 *   EC, X25519, X448  keyAgreement (RFC 5480, RFC 8410)
 *   ML-KEM            keyEncipherment (RFC 9935)
 *
 *   name  the certificate's source, for messages
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CERTIFICATE_TIME, _CERTIFICATE_USAGE,
 *          _MEMORY.
 */
enum envelope_reason envl_certificate_check(X509 *cert,
                                            const struct envl_key_settings *how,
                                            const char *name,
                                            struct envl_err *err);

/* envl_certificate_time_trouble - why the certificate is not valid now, in
 * words that follow "the certificate"; static; NULL if it is valid */
const char *envl_certificate_time_trouble(const X509 *cert);

/* envl_certificate_seconds_left - the seconds until notAfter; below 0 if that
 * time has passed or cannot be read */
long envl_certificate_seconds_left(const X509 *cert);

/*
 * envl_certificate_has_issued - did the key of issuer sign cert, and is cert
 * for another key?
 *
 * Returns: 1 or 0; -1 if memory ran out.  libcrypto's error queue is unchanged.
 */
int envl_certificate_has_issued(X509 *issuer, X509 *cert);

/*
 * Certificates of one source, which may be a chain.
 *
 * envl_certificate_keep - add a certificate, with a reference of its own, to
 * the stack, which is made if it is NULL; 0 if memory ran out
 * envl_certificate_is_issuer_in - has the certificate issued another one of the
 * stack?  1 or 0; -1 if memory ran out
 */
int envl_certificate_keep(STACK_OF(X509) * *certs, X509 *cert);
int envl_certificate_is_issuer_in(X509 *cert, const STACK_OF(X509) * certs);

/* envl_certificate_describe - write "the certificate of CN=ops", cut to the
 * size of words */
#define ENVL_CERTIFICATE_WORDS_MAX 128
void envl_certificate_describe(char words[ENVL_CERTIFICATE_WORDS_MAX],
                               const X509 *cert);

#endif
