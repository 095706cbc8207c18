/* SPDX-License-Identifier: Apache-2.0 */
/* AlgorithmIdentifiers as CMS messages have them. */
#ifndef ENVL_ALGORITHM_H
#define ENVL_ALGORITHM_H

#include <stdbool.h>

#include <openssl/x509.h>

/* envl_algorithm_nid - what it names; NID_undef also for NULL */
int envl_algorithm_nid(const X509_ALGOR *algorithm);

/*
 * envl_algorithm_inner - the AlgorithmIdentifier that is its parameter
 *
 * Returns: it, the caller's, X509_ALGOR_free(); NULL if there is none.
 */
X509_ALGOR *envl_algorithm_inner(const X509_ALGOR *algorithm);

/* envl_algorithm_is_aes256_wrap - is it id-aes256-wrap, without parameters
 * (RFC 3565)? */
bool envl_algorithm_is_aes256_wrap(const X509_ALGOR *algorithm);

#endif
