/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: what they may be for, from when to when, and who issued whom. */
#include "lib/keys/certificate.h"

#include "test/support/certificate.h"
#include "test/support/support.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define HOUR 3600L

static const struct envl_key_settings strict = { .log_n = 0 };

/* What a certificate is to be like; extensions are pairs of NID and value. */
struct like {
    EVP_PKEY *key, *signer;
    const char *subject, *issuer;
    long from, to;
    int nid;
    const char *value;
};

static X509 *
make(const struct like *like)
{
    X509 *cert = X509_new();
    X509_EXTENSION *extension;

    assert_non_null(cert);
    assert_true(X509_set_version(cert, X509_VERSION_3));
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7));
    add_names(cert, like->subject, like->issuer);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), like->from));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), like->to));
    assert_true(X509_set_pubkey(cert, like->key));
    if (like->value != NULL) {
        extension = X509V3_EXT_conf_nid(NULL, NULL, like->nid, like->value);
        assert_non_null(extension);
        assert_true(X509_add_ext(cert, extension, -1));
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(cert, like->signer, EVP_sha256()) > 0);
    return cert;
}

static X509 *
make_with(EVP_PKEY *key, EVP_PKEY *signer, int nid, const char *value)
{
    const struct like like = { .key = key,
                               .signer = signer,
                               .subject = "ops",
                               .issuer = "ca",
                               .from = -HOUR,
                               .to = HOUR,
                               .nid = nid,
                               .value = value };

    return make(&like);
}

static void
usages(void **state)
{
    static const struct {
        const char *type, *usage;
        bool good;
    } rows[] = {
        { "RSA", NULL, true },
        { "RSA", "keyEncipherment", true },
        { "RSA", "dataEncipherment", true },
        { "RSA", "digitalSignature,keyEncipherment", true },
        { "RSA", "digitalSignature", false },
        { "RSA", "keyAgreement", false },
        { "RSA", "encipherOnly", false },
        { "EC", NULL, true },
        { "EC", "keyAgreement", true },
        { "EC", "keyAgreement,decipherOnly", true },
        { "EC", "keyEncipherment", false },
        { "EC", "dataEncipherment", false },
        { "EC", "digitalSignature", false },
        { "X25519", NULL, true },
        { "X25519", "keyAgreement", true },
        { "X25519", "keyEncipherment", false },
        { "X448", "keyAgreement", true },
        { "X448", "keyCertSign", false },
    };
    EVP_PKEY *signer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *key;
    const struct envl_key_settings lenient = { .allow_usage = ENVL_YES };
    enum envelope_reason rc;
    struct envl_err err;
    X509 *cert;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].type, "RSA") == 0)
            key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
        else
            key = EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type, "P-256");
        cert = make_with(key, signer, NID_key_usage, rows[i].usage);
        rc = envl_certificate_check(cert, &strict, "a.crt", &err);
        assert_int_equal(rc, rows[i].good ? ENVELOPE_OK
                                          : ENVELOPE_R_CERTIFICATE_USAGE);
        if (!rows[i].good) {
            assert_non_null(strstr(err.detail, "a.crt: the certificate of "
                                               "CN=ops has a keyUsage"));
            assert_non_null(strstr(err.detail, "allow-usage"));
        }
        assert_int_equal(envl_certificate_check(cert, &lenient, "a.crt", &err),
                         ENVELOPE_OK);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    EVP_PKEY_free(signer);
}

static void
authorities(void **state)
{
    static const struct {
        const char *value;
        bool good;
    } rows[] = {
        { "CA:FALSE", true },
        { "CA:TRUE", false },
        { "critical,CA:TRUE,pathlen:0", false },
        { "DER:020101", false }, /* an INTEGER */
    };
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    const struct envl_key_settings lenient = { .allow_usage = ENVL_YES };
    struct envl_err err;
    X509 *cert;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cert = make_with(key, key, NID_basic_constraints, rows[i].value);
        assert_int_equal(envl_certificate_check(cert, &strict, "a.crt", &err),
                         rows[i].good ? ENVELOPE_OK
                                      : ENVELOPE_R_CERTIFICATE_USAGE);
        assert_int_equal(envl_certificate_check(cert, &lenient, "a.crt", &err),
                         ENVELOPE_OK);
        X509_free(cert);
    }
    EVP_PKEY_free(key);
}

static void
times(void **state)
{
    static const struct {
        long from, to;
        const char *trouble;
    } rows[] = {
        { -HOUR, HOUR, NULL },
        { -2 * HOUR, -HOUR, "has expired" },
        { HOUR, 2 * HOUR, "is not valid yet" },
    };
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    const struct envl_key_settings lenient = { .allow_expired = ENVL_YES };
    struct like like = {
        .key = key, .signer = key, .subject = "ops", .issuer = "ops"
    };
    struct envl_err err;
    const char *trouble;
    X509 *cert;
    long left;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        like.from = rows[i].from;
        like.to = rows[i].to;
        cert = make(&like);
        trouble = envl_certificate_time_trouble(cert);
        assert_int_equal(trouble == NULL, rows[i].trouble == NULL);
        if (trouble != NULL)
            assert_string_equal(trouble, rows[i].trouble);
        assert_int_equal(envl_certificate_check(cert, &strict, "a.crt", &err),
                         trouble == NULL ? ENVELOPE_OK
                                         : ENVELOPE_R_CERTIFICATE_TIME);
        assert_int_equal(envl_certificate_check(cert, &lenient, "a.crt", &err),
                         ENVELOPE_OK);
        left = envl_certificate_seconds_left(cert);
        assert_true(left <= like.to && left > like.to - 60);
        X509_free(cert);
    }
    EVP_PKEY_free(key);
}

/* A name is not enough, and a key does not issue itself. */
static void
issuers(void **state)
{
    EVP_PKEY *ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct like like = {
        .key = ca_key, .signer = ca_key, .subject = "ca", .issuer = "ca"
    };
    X509 *ca = make(&like), *renewed = make(&like), *leaf, *of_other, *misnamed;

    (void)state;
    like.key = key;
    like.subject = "ops";
    leaf = make(&like);
    like.signer = other;
    of_other = make(&like);
    like.signer = ca_key;
    like.issuer = "another ca";
    misnamed = make(&like);

    ERR_clear_error();
    assert_int_equal(envl_certificate_has_issued(ca, leaf), 1);
    assert_int_equal(envl_certificate_has_issued(leaf, ca), 0);
    assert_int_equal(envl_certificate_has_issued(ca, of_other), 0);
    assert_int_equal(envl_certificate_has_issued(ca, misnamed), 0);
    assert_int_equal(envl_certificate_has_issued(ca, ca), 0);
    assert_int_equal(envl_certificate_has_issued(ca, renewed), 0);
    assert_int_equal(envl_certificate_has_issued(renewed, ca), 0);
    assert_int_equal(envl_certificate_has_issued(leaf, leaf), 0);
    assert_int_equal(ERR_peek_error(), 0);

    X509_free(ca);
    X509_free(renewed);
    X509_free(leaf);
    X509_free(of_other);
    X509_free(misnamed);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

/* Whatever the subject is, the words fit, and are a line. */
static void
words(void **state)
{
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    char text[ENVL_CERTIFICATE_WORDS_MAX];
    struct like like = {
        .key = key, .signer = key, .subject = "o\nps\033", .issuer = "ca"
    };
    X509 *cert = make(&like);

    (void)state;
    envl_certificate_describe(text, cert);
    assert_string_equal(text, "the certificate of CN=o\\0Aps\\1B");
    X509_free(cert);
    like.subject = long_name;
    cert = make(&like);
    add_names(cert, long_name, "ca");
    envl_certificate_describe(text, cert);
    assert_int_equal(strlen(text), sizeof(text) - 1);
    X509_free(cert);
    cert = X509_new();
    envl_certificate_describe(text, cert);
    assert_string_equal(text, "the certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usages), cmocka_unit_test(authorities),
        cmocka_unit_test(times),  cmocka_unit_test(issuers),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
