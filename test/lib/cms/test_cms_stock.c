/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key envelopes beside those of libcrypto's CMS: given the same random bytes
 * both write the same, and each opens what the other has written.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD */
#include "lib/cms/key_envelope.h"

#include "test/lib/cms/party.h"
#include "test/support/certificate.h"
#include "test/support/support.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define RANDOM_BYTE 0x55

static const struct envl_libctx ctx = { .propq = "?provider=default" };
static const unsigned char dek[ENVL_DEK_LEN] = "the data key";

/* Random bytes that are none */

static int
no_random(unsigned char *buf, int len)
{
    memset(buf, RANDOM_BYTE, (size_t)len);
    return 1;
}

static int
always(void)
{
    return 1;
}

static const RAND_METHOD known = { .bytes = no_random,
                                   .pseudorand = no_random,
                                   .status = always };

/* Recipients */

static const struct party_kind kinds[] = {
    { .type = "RSA", .bits = 2048 },    { .type = "RSA", .bits = 4096 },
    { .type = "EC", .curve = "P-256" }, { .type = "EC", .curve = "P-384" },
    { .type = "EC", .curve = "P-521" }, { .name = "a key-encryption key" },
#ifdef CMS_RECIPINFO_KEM
    { .type = "ML-KEM-512" },           { .type = "ML-KEM-768" },
    { .type = "ML-KEM-1024" },
#endif
};

static struct party parties[COUNT(kinds)];
static X509 *certs[COUNT(kinds)]; /* for CMS; NULL with a key-encryption key */

/* CMS takes recipients as certificates, and of them the key and its name. */
static X509 *
make_cert(EVP_PKEY *key, const struct envl_key_id *id)
{
    EVP_PKEY *signer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ASN1_OCTET_STRING *ski = ASN1_OCTET_STRING_new();
    X509 *cert = X509_new();

    assert_true(X509_set_version(cert, X509_VERSION_3));
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
    add_names(cert, "ops", "ops");
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_true(X509_set_pubkey(cert, key));
    assert_true(ASN1_OCTET_STRING_set(ski, id->bytes, (int)id->len));
    assert_true(X509_add1_ext_i2d(cert, NID_subject_key_identifier, ski, 0, 0));
    assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
    ASN1_OCTET_STRING_free(ski);
    EVP_PKEY_free(signer);
    return cert;
}

/* Both makers */

struct message {
    unsigned char *der;
    size_t len;
};

static struct message
ours(size_t first, size_t count)
{
    unsigned char random[ENVL_KEY_ENVELOPE_RANDOM_LEN];
    struct envl_recipient items[COUNT(kinds)];
    struct envl_recipients all = { .items = items, .count = count };
    struct envl_key_settings settings = { .has_kek = true };
    struct message out;
    struct envl_err err;
    size_t i;

    memset(random, RANDOM_BYTE, sizeof(random));
    fill(settings.kek, ENVL_KEK_LEN, 5);
    for (i = 0; i < count; i++)
        items[i] = parties[first + i].recipients.items[0];
    assert_int_equal(envl_key_envelope_build(&out.der, &out.len, &ctx, &all,
                                             &settings, NULL, random, dek,
                                             &err),
                     ENVELOPE_OK);
    return out;
}

static void
add_stock(CMS_ContentInfo *cms, size_t i)
{
    const struct party *p = &parties[i];
    CMS_RecipientInfo *info;
    EVP_PKEY_CTX *pctx;

    if (certs[i] == NULL) {
        unsigned char id[ENVL_KEK_ID_LEN];
        struct envl_err err;

        assert_int_equal(envl_kek_id(id, &ctx, p->settings.kek, &err),
                         ENVELOPE_OK);
        assert_non_null(CMS_add0_recipient_key(
            cms, NID_id_aes256_wrap,
            OPENSSL_memdup(p->settings.kek, ENVL_KEK_LEN), ENVL_KEK_LEN,
            OPENSSL_memdup(id, sizeof(id)), sizeof(id), NULL, NULL, NULL));
        return;
    }
    info =
        CMS_add1_recipient_cert(cms, certs[i], CMS_USE_KEYID | CMS_KEY_PARAM);
    assert_non_null(info);
    pctx = CMS_RecipientInfo_get0_pkey_ctx(info);
    if (EVP_PKEY_is_a(p->key, "RSA")) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_OAEP_PADDING)
                    > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(pctx, EVP_sha256()) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, EVP_sha256()) > 0);
    } else if (EVP_PKEY_is_a(p->key, "EC")) {
        assert_true(EVP_PKEY_CTX_set_ecdh_kdf_md(pctx, EVP_sha256()) > 0);
    }
}

static struct message
stock(size_t first, size_t count)
{
    CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
    struct message out = { NULL, 0 };
    BIO *content;
    size_t i;
    int len;

    assert_non_null(cms);
    for (i = 0; i < count; i++)
        add_stock(cms, first + i);
    assert_true(CMS_set_detached(cms, 0));
    content = CMS_dataInit(cms, NULL);
    assert_non_null(content);
    assert_int_equal(BIO_write(content, dek, sizeof(dek)), sizeof(dek));
    assert_true(BIO_flush(content) > 0);
    assert_true(CMS_dataFinal(cms, content));
    len = i2d_CMS_ContentInfo(cms, &out.der);
    assert_true(len > 0);
    out.len = (size_t)len;
    BIO_free_all(content);
    CMS_ContentInfo_free(cms);
    return out;
}

/* Both readers */

static void
opens_ours(const struct message *m, size_t i)
{
    const struct party *p = &parties[i];
    unsigned char got[ENVL_DEK_LEN];
    struct envl_err err;

    assert_int_equal(envl_key_envelope_open(got, m->der, m->len, &ctx,
                                            &p->identities, NULL, &err),
                     ENVELOPE_OK);
    assert_memory_equal(got, dek, sizeof(dek));
}

static void
opens_stock(const struct message *m, size_t i)
{
    const struct party *p = &parties[i];
    const unsigned char *at = m->der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)m->len);
    BIO *out = BIO_new(BIO_s_mem());
    unsigned char kek[ENVL_KEK_LEN];
    char *got;

    assert_non_null(cms);
    memcpy(kek, p->own.kek, sizeof(kek));
    if (p->key != NULL)
        assert_true(CMS_decrypt_set1_pkey(cms, p->key, certs[i]));
    else
        assert_true(CMS_decrypt_set1_key(cms, kek, sizeof(kek), NULL, 0));
    assert_true(CMS_decrypt(cms, NULL, NULL, NULL, out, 0));
    assert_int_equal(BIO_get_mem_data(out, &got), sizeof(dek));
    assert_memory_equal(got, dek, sizeof(dek));
    BIO_free(out);
    CMS_ContentInfo_free(cms);
}

/* Tests */

static int
make_parties(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++) {
        party_make(&parties[i], &kinds[i], &ctx);
        if (parties[i].key != NULL)
            certs[i] =
                make_cert(parties[i].key, &parties[i].recipients.items[0].id);
    }
    return 0;
}

static int
clear_parties(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++) {
        party_clear(&parties[i]);
        X509_free(certs[i]);
    }
    return 0;
}

static void
check_same(size_t first, size_t count)
{
    const RAND_METHOD *real = RAND_get_rand_method();
    struct message one, other;

    assert_true(RAND_set_rand_method(&known));
    one = ours(first, count);
    other = stock(first, count);
    assert_true(RAND_set_rand_method(real));
    assert_int_equal(one.len, other.len);
    assert_memory_equal(one.der, other.der, one.len);
    OPENSSL_free(one.der);
    OPENSSL_free(other.der);
}

static void
each_is_written_alike(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++)
        check_same(i, 1);
}

static void
all_are_written_alike(void **state)
{
    (void)state;
    check_same(0, COUNT(kinds));
}

static void
each_opens_the_other(void **state)
{
    struct message by_us = ours(0, COUNT(kinds));
    struct message by_stock = stock(0, COUNT(kinds));
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++) {
        opens_stock(&by_us, i);
        opens_ours(&by_stock, i);
        opens_ours(&by_us, i);
    }
    OPENSSL_free(by_us.der);
    OPENSSL_free(by_stock.der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_written_alike),
        cmocka_unit_test(all_are_written_alike),
        cmocka_unit_test(each_opens_the_other),
    };

    return cmocka_run_group_tests_name("cms_stock", tests, make_parties,
                                       clear_parties);
}
