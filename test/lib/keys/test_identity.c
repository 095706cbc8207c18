/* SPDX-License-Identifier: Apache-2.0 */
/* Identities: a key and its certificate, all of it or nothing. */
#include "lib/keys/identity.h"

#include "test/support/certificate.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/keys/keyring.h"

/* More allocations than this, and the test is wrong. */
#define SWEEP_MAX 1000

static const struct envl_libctx ctx = { .propq = "?provider=default" };

static struct envl_key_settings settings; /* a key and a certificate of it */

/* A store for any URI, which has nothing (ld's --wrap) */

OSSL_STORE_CTX *__wrap_OSSL_STORE_open_ex(
    const char *uri, OSSL_LIB_CTX *libctx, const char *propq,
    const UI_METHOD *ui_method, void *ui_data, const OSSL_PARAM params[],
    OSSL_STORE_post_process_info_fn post_process, void *post_process_data);

OSSL_STORE_CTX *
__wrap_OSSL_STORE_open_ex(const char *uri, OSSL_LIB_CTX *libctx,
                          const char *propq, const UI_METHOD *ui_method,
                          void *ui_data, const OSSL_PARAM params[],
                          OSSL_STORE_post_process_info_fn post_process,
                          void *post_process_data)
{
    (void)uri;
    (void)libctx;
    (void)propq;
    (void)ui_method;
    (void)ui_data;
    (void)params;
    (void)post_process;
    (void)post_process_data;
    return NULL;
}

static X509 *
new_certificate(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    X509_EXTENSION *id =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_key_identifier, name);

    assert_true(cert != NULL && id != NULL);
    assert_true(X509_set_version(cert, X509_VERSION_3));
    add_names(cert, "ops", "ops");
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_true(X509_set_pubkey(cert, key));
    assert_true(X509_add_ext(cert, id, -1));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    X509_EXTENSION_free(id);
    return cert;
}

static int
setup(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIO *pem = BIO_new(BIO_s_mem());
    X509 *cert;
    char *text;
    long len;

    (void)state;
    assert_non_null(key);
    assert_true(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL));
    cert = new_certificate(key, "0102030405060708");
    assert_true(PEM_write_bio_X509(pem, cert));
    len = BIO_get_mem_data(pem, &text);
    assert_true(envl_octets_list_add(&settings.identity, text, (size_t)len));
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(pem);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    envl_key_settings_clear(&settings);
    return 0;
}

/* The names of a key are its own and its certificates', no others. */
static void
names_of_a_key(void **state)
{
    struct envl_identities identities;
    const struct envl_key_id *own, *other;
    unsigned char wrong[sizeof(own->bytes)];
    struct envl_err err;

    (void)state;
    assert_int_equal(
        envl_identities_load(&identities, &ctx, &settings, NULL, &err),
        ENVELOPE_OK);
    assert_int_equal(identities.key_count, 1);
    assert_int_equal(identities.cert_count, 1);
    own = &identities.keys[0].id;
    other = &identities.certs[0].id;
    assert_true(own->len > 0 && other->len > 0);
    assert_true(envl_identity_is_named(&identities, identities.keys, own->bytes,
                                       own->len));
    assert_true(envl_identity_is_named(&identities, identities.keys,
                                       other->bytes, other->len));
    memcpy(wrong, other->bytes, other->len);
    wrong[other->len - 1] ^= 1;
    assert_false(envl_identity_is_named(&identities, identities.keys, wrong,
                                        other->len));
    assert_false(
        envl_identity_is_named(&identities, identities.keys, wrong, 0));
    envl_identities_clear(&identities);
}

/* The private key of the settings, encoded with this parameter. */
static EVP_PKEY *
read_with(const char *name, const char *value)
{
    const unsigned char *pem = settings.identity.items[0].data;
    BIO *bio = BIO_new_mem_buf(pem, (int)settings.identity.items[0].len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    assert_non_null(key);
    assert_true(EVP_PKEY_set_utf8_string_param(key, name, value));
    BIO_free(bio);
    return key;
}

/* The name is of the key, not of its encoding (FORMAT 5.1). */
static void
name_of_each_encoding(void **state)
{
    static const char *const forms[][2] = {
        { "point-format", "uncompressed" }, { "point-format", "compressed" },
        { "point-format", "hybrid" },       { "encoding", "named_curve" },
        { "encoding", "explicit" },
    };
    struct envl_key_id id, first = { .len = 0 };
    unsigned char *spki[2] = { NULL, NULL };
    EVP_PKEY *key, *half;
    int len[2];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        key = read_with(forms[i][0], forms[i][1]);
        assert_true(envl_key_id_of_key(&id, &ctx, key));
        half = envl_key_public_half(&ctx, key);
        assert_non_null(half);
        len[i > 0] = i2d_PUBKEY(half, &spki[i > 0]);
        if (i == 0)
            first = id;
        assert_int_equal(id.len, ENVL_KEY_ID_LEN);
        assert_memory_equal(id.bytes, first.bytes, id.len);
        if (i > 0) {
            assert_int_equal(len[1], len[0]);
            assert_memory_equal(spki[1], spki[0], (size_t)len[0]);
            OPENSSL_free(spki[1]);
            spki[1] = NULL;
        }
        EVP_PKEY_free(half);
        EVP_PKEY_free(key);
    }
    OPENSSL_free(spki[0]);
}

/* A certificate's name of a length that there is no room for is none. */
static void
length_of_a_name(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    char hex[2 * (ENVL_KEY_ID_LEN_MAX + 1) + 1];
    struct envl_key_id id;
    X509 *cert;
    int len;

    (void)state;
    assert_non_null(key);
    for (len = ENVL_KEY_ID_LEN_MAX; len <= ENVL_KEY_ID_LEN_MAX + 1; len++) {
        memset(hex, 'a', sizeof(hex));
        hex[2 * len] = '\0';
        cert = new_certificate(key, hex);
        assert_int_equal(envl_key_id_of_cert(&id, cert),
                         len == ENVL_KEY_ID_LEN_MAX);
        X509_free(cert);
    }
    EVP_PKEY_free(key);
}

static void
must_be_empty(const struct envl_identities *identities)
{
    static const struct envl_identities empty = { 0 };

    assert_memory_equal(identities, &empty, sizeof(empty));
}

/* What was read before the failure is not there. */
static void
empty_on_failure(void **state)
{
    struct envl_key_settings bad = { 0 };
    struct envl_identities identities;
    struct envl_err err;

    (void)state;
    assert_true(envl_octets_list_add(&bad.identity,
                                     settings.identity.items[0].data,
                                     settings.identity.items[0].len));
    assert_true(envl_octets_list_add(&bad.identity, "no key", 6));
    assert_int_equal(envl_identities_load(&identities, &ctx, &bad, NULL, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    must_be_empty(&identities);
    envl_key_settings_clear(&bad);
}

/* A key that is read does not make up for one of a URI that is not. */
static void
uri_must_be_read(void **state)
{
    struct envl_key_settings both = settings;
    struct envl_identities identities;
    char missing[] = "store://nowhere/key";
    struct envl_err err;

    (void)state;
    both.identities = missing;
    assert_int_equal(envl_identities_load(&identities, &ctx, &both, NULL, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, missing));
    must_be_empty(&identities);
}

/* Nor for a passphrase. */
static void
passphrase_must_be_read(void **state)
{
    struct envl_key_settings both = settings;
    struct envl_identities identities;
    char missing[] = "/nowhere/passphrase", none[] = "";
    struct envl_err err;

    (void)state;
    both.passphrase_file = missing;
    both.identities = none;
    assert_int_not_equal(
        envl_identities_load(&identities, &ctx, &both, NULL, &err),
        ENVELOPE_OK);
    must_be_empty(&identities);
}

/* Wherever memory runs out: the key with its certificate, or a failure.  They
 * are read before, since libcrypto's decoders do not live without memory. */
static void
all_or_nothing(void **state)
{
    struct envl_keyring *keyring;
    struct envl_identities identities;
    enum envelope_reason rc;
    struct envl_err err;
    size_t n;

    (void)state;
    keyring = envl_keyring_new();
    assert_non_null(keyring);
    assert_int_equal(
        envl_identities_load(&identities, &ctx, &settings, keyring, &err),
        ENVELOPE_OK);
    envl_identities_clear(&identities);
    for (n = 1; n < SWEEP_MAX; n++) {
        memory_fail(n);
        rc = envl_identities_load(&identities, &ctx, &settings, keyring, &err);
        if (!memory_failed())
            break;
        ERR_clear_error();
        if (rc != ENVELOPE_OK) {
            must_be_empty(&identities);
            continue;
        }
        assert_int_equal(identities.key_count, 1);
        assert_int_equal(identities.cert_count, 1);
        envl_identities_clear(&identities);
    }
    memory_fail(0);
    assert_int_equal(rc, ENVELOPE_OK);
    envl_identities_clear(&identities);
    assert_in_range(n, 4, SWEEP_MAX - 1);
    envl_keyring_free(keyring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_key),
        cmocka_unit_test(name_of_each_encoding),
        cmocka_unit_test(length_of_a_name),
        cmocka_unit_test(empty_on_failure),
        cmocka_unit_test(uri_must_be_read),
        cmocka_unit_test(passphrase_must_be_read),
        cmocka_unit_test(all_or_nothing),
    };

    memory_install(NULL);
    return cmocka_run_group_tests(tests, setup, teardown);
}
