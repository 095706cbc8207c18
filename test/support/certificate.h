/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a certificate that a test makes.  From OpenSSL 4.0 on the names
 * that a certificate holds are const: change a copy. */
#ifndef ENVL_TEST_CERTIFICATE_H
#define ENVL_TEST_CERTIFICATE_H

#include <openssl/x509.h>

#include "test/support/cmocka.h"

/* A copy of |name| with CN=|cn| added, for the caller to free. */
static inline X509_NAME *
with_cn(const X509_NAME *name, const char *cn)
{
    X509_NAME *copy = X509_NAME_dup(name);

    assert_non_null(copy);
    assert_true(X509_NAME_add_entry_by_txt(
        copy, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0));
    return copy;
}

/* Add CN=|subject| to |cert|'s subject, and CN=|issuer| to its issuer. */
static inline void
add_names(X509 *cert, const char *subject, const char *issuer)
{
    X509_NAME *name = with_cn(X509_get_subject_name(cert), subject);

    assert_true(X509_set_subject_name(cert, name));
    X509_NAME_free(name);
    name = with_cn(X509_get_issuer_name(cert), issuer);
    assert_true(X509_set_issuer_name(cert, name));
    X509_NAME_free(name);
}

#endif
