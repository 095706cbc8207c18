/* SPDX-License-Identifier: Apache-2.0 */
/* Validity, use and issuer, as libcrypto reads them. */
#include "lib/keys/certificate.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define DAY_SECONDS 86400L

void
envl_certificate_describe(char words[ENVL_CERTIFICATE_WORDS_MAX],
                          const X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = 0;

    /* If memory runs out, the description has no name. */
    ERR_set_mark();
    if (bio != NULL
        && X509_NAME_print_ex(bio, subject, 0,
                              XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)
               > 0)
        len = BIO_get_mem_data(bio, &text);
    ERR_pop_to_mark();
    if (len > ENVL_CERTIFICATE_WORDS_MAX)
        len = ENVL_CERTIFICATE_WORDS_MAX;
    (void)snprintf(words, ENVL_CERTIFICATE_WORDS_MAX, "the certificate%s%.*s",
                   len > 0 ? " of " : "", (int)len, len > 0 ? text : "");
    BIO_free(bio);
}

/* Validity */

/* Seconds from now until t; 0 if t cannot be read. */
static long
seconds_until(const ASN1_TIME *t)
{
    int days = 0, seconds = 0;

    if (!ASN1_TIME_diff(&days, &seconds, NULL, t))
        return 0;
    return days * DAY_SECONDS + seconds;
}

const char *
envl_certificate_time_trouble(const X509 *cert)
{
    const ASN1_TIME *from = X509_get0_notBefore(cert);
    const ASN1_TIME *to = X509_get0_notAfter(cert);

    if (!ASN1_TIME_check(from) || !ASN1_TIME_check(to))
        return "has no readable validity";
    if (seconds_until(from) > 0)
        return "is not valid yet";
    return seconds_until(to) < 0 ? "has expired" : NULL;
}

long
envl_certificate_seconds_left(const X509 *cert)
{
    const ASN1_TIME *to = X509_get0_notAfter(cert);

    return ASN1_TIME_check(to) ? seconds_until(to) : -1;
}

/* Use */

static const struct {
    enum envl_key_kind kind;
    uint32_t any_of;
    const char *names;
} usages[] = {
    { ENVL_KEY_RSA, X509v3_KU_KEY_ENCIPHERMENT | X509v3_KU_DATA_ENCIPHERMENT,
      "keyEncipherment or dataEncipherment" },
    { ENVL_KEY_EC, X509v3_KU_KEY_AGREEMENT, "keyAgreement" },
    { ENVL_KEY_DH, X509v3_KU_KEY_AGREEMENT, "keyAgreement" },
    { ENVL_KEY_ML_KEM, X509v3_KU_KEY_ENCIPHERMENT, "keyEncipherment" },
};

/* The keyUsage bits of which the certificate needs one and has none; NULL if it
 * is fine.  Unknown kinds of key are refused elsewhere. */
static const char *
lacking_usage(X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    const uint32_t has = X509_get_key_usage(cert); /* all, if it has none */
    size_t i;

    for (i = 0; key != NULL && i < sizeof(usages) / sizeof(usages[0]); i++) {
        if (envl_key_kind(key) == usages[i].kind)
            return (has & usages[i].any_of) == 0 ? usages[i].names : NULL;
    }
    return NULL;
}

static enum envelope_reason
check_usage(X509 *cert, const char *name, struct envl_err *err)
{
    const uint32_t flags = X509_get_extension_flags(cert);
    const char *lacking = lacking_usage(cert);
    char words[ENVL_CERTIFICATE_WORDS_MAX];

    if ((flags & EXFLAG_INVALID) != 0 && envl_crypto_no_memory())
        return envl_fail_memory(err);
    if ((flags & (EXFLAG_INVALID | EXFLAG_CA)) == 0 && lacking == NULL)
        return ENVELOPE_OK;
    envl_certificate_describe(words, cert);
    if ((flags & EXFLAG_INVALID) != 0)
        return envl_fail(err, ENVELOPE_R_CERTIFICATE_USAGE,
                         "%s: %s has extensions that are malformed; "
                         "allow-usage takes it all the same",
                         name, words);
    if ((flags & EXFLAG_CA) != 0)
        return envl_fail(err, ENVELOPE_R_CERTIFICATE_USAGE,
                         "%s: %s is a CA's, whose key signs certificates: give "
                         "one that it has issued; allow-usage takes it all the "
                         "same",
                         name, words);
    return envl_fail(err, ENVELOPE_R_CERTIFICATE_USAGE,
                     "%s: %s has a keyUsage without %s; allow-usage takes it "
                     "all the same",
                     name, words, lacking);
}

enum envelope_reason
envl_certificate_check(X509 *cert, const struct envl_key_settings *how,
                       const char *name, struct envl_err *err)
{
    const char *why = envl_certificate_time_trouble(cert);
    char words[ENVL_CERTIFICATE_WORDS_MAX];

    if (how->allow_expired != ENVL_YES && why != NULL) {
        envl_certificate_describe(words, cert);
        return envl_fail(err, ENVELOPE_R_CERTIFICATE_TIME,
                         "%s: %s %s; allow-expired takes it all the same, "
                         "skip-expired leaves it out",
                         name, words, why);
    }
    return how->allow_usage == ENVL_YES ? ENVELOPE_OK
                                        : check_usage(cert, name, err);
}

/* Issuer */

int
envl_certificate_has_issued(X509 *issuer, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    EVP_PKEY *other = X509_get0_pubkey(cert);
    int has;

    if (key == NULL || other == NULL
        || X509_NAME_cmp(X509_get_subject_name(issuer),
                         X509_get_issuer_name(cert))
               != 0)
        return 0;
    /* Two certificates for the same key are not a chain: their holder may have
     * signed both. */
    ERR_set_mark();
    has = EVP_PKEY_eq(key, other) != 1 && X509_verify(cert, key) > 0;
    if (!has && envl_crypto_no_memory())
        has = -1;
    ERR_pop_to_mark();
    return has;
}

int
envl_certificate_keep(STACK_OF(X509) * *certs, X509 *cert)
{
    if (*certs == NULL)
        *certs = sk_X509_new_null();
    if (*certs == NULL || !X509_up_ref(cert))
        return 0;
    if (sk_X509_push(*certs, cert) > 0)
        return 1;
    X509_free(cert);
    return 0;
}

int
envl_certificate_is_issuer_in(X509 *cert, const STACK_OF(X509) * certs)
{
    int i, has = 0;

    for (i = 0; i < sk_X509_num(certs) && has == 0; i++)
        has = envl_certificate_has_issued(cert, sk_X509_value(certs, i));
    return has;
}
