/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the AlgorithmIdentifiers of stored keys and asks the providers for
 * these algorithms.  No key is decrypted here.
 */
#include "lib/keys/key_protection.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#define OID_TEXT_LEN_MAX 80

struct search {
    const struct envl_libctx *ctx;
    const struct envl_octets *passphrase;
    const char *name;
    struct envl_err *err;
};

/* What is missing */

static enum envelope_reason
fail_missing(const struct search *s, const char *algorithm)
{
    if (envl_crypto_no_memory())
        return envl_fail_memory(s->err);
    return envl_fail(s->err, ENVELOPE_R_UNREADABLE_KEY,
                     "%s is stored with %s, which no loaded provider has: "
                     "activate the one that has it in openssl.cnf, such as "
                     "legacy for old algorithms, or convert the file",
                     s->name, algorithm);
}

static enum envelope_reason
fail_missing_object(const struct search *s, const ASN1_OBJECT *object)
{
    const int nid = OBJ_obj2nid(object);
    char text[OID_TEXT_LEN_MAX];

    if (nid != NID_undef)
        return fail_missing(s, OBJ_nid2sn(nid));
    if (OBJ_obj2txt(text, sizeof(text), object, 1) <= 0)
        return fail_missing(s, "an algorithm without a name");
    return fail_missing(s, text);
}

static enum envelope_reason
need_cipher(const struct search *s, const char *algorithm)
{
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(s->ctx->libctx, algorithm, s->ctx->propq);
    enum envelope_reason rc =
        cipher != NULL ? ENVELOPE_OK : fail_missing(s, algorithm);

    EVP_CIPHER_free(cipher);
    return rc;
}

static enum envelope_reason
need_digest(const struct search *s, const char *algorithm)
{
    EVP_MD *digest = EVP_MD_fetch(s->ctx->libctx, algorithm, s->ctx->propq);
    enum envelope_reason rc =
        digest != NULL ? ENVELOPE_OK : fail_missing(s, algorithm);

    EVP_MD_free(digest);
    return rc;
}

static enum envelope_reason
need_kdf(const struct search *s, const char *algorithm)
{
    EVP_KDF *kdf = EVP_KDF_fetch(s->ctx->libctx, algorithm, s->ctx->propq);
    enum envelope_reason rc =
        kdf != NULL ? ENVELOPE_OK : fail_missing(s, algorithm);

    EVP_KDF_free(kdf);
    return rc;
}

/* PKCS#5 (RFC 8018) */

static enum envelope_reason
check_pbkdf2(const struct search *s, const ASN1_TYPE *parameter)
{
    PBKDF2PARAM *kdf =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), parameter);
    enum envelope_reason rc = ENVELOPE_OK;
    int digest = NID_undef;

    if (kdf != NULL && kdf->prf != NULL) {
        if (!EVP_PBE_find(EVP_PBE_TYPE_PRF, OBJ_obj2nid(kdf->prf->algorithm),
                          NULL, &digest, NULL))
            rc = fail_missing_object(s, kdf->prf->algorithm);
        else
            rc = need_digest(s, OBJ_nid2sn(digest));
    }
    PBKDF2PARAM_free(kdf);
    return rc;
}

/* Without a passphrase, libcrypto only checks the costs (RFC 7914). */
static enum envelope_reason
check_scrypt(const struct search *s, const ASN1_TYPE *parameter)
{
    SCRYPT_PARAMS *kdf =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
    enum envelope_reason rc = need_kdf(s, "SCRYPT");
    uint64_t n, r, p;

    if (rc == ENVELOPE_OK && kdf != NULL
        && ASN1_INTEGER_get_uint64(&n, kdf->costParameter)
        && ASN1_INTEGER_get_uint64(&r, kdf->blockSize)
        && ASN1_INTEGER_get_uint64(&p, kdf->parallelizationParameter)
        && !EVP_PBE_scrypt_ex(NULL, 0, NULL, 0, n, r, p, 0, NULL, 0,
                              s->ctx->libctx, s->ctx->propq))
        rc = envl_fail(s->err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s is stored with scrypt, N=%" PRIu64 ", r=%" PRIu64
                       ", p=%" PRIu64 ", for which libcrypto allows too little "
                       "memory: store the key again with N=16384",
                       s->name, n, r, p);
    SCRYPT_PARAMS_free(kdf);
    return rc;
}

static enum envelope_reason
check_pbes2(const struct search *s, const ASN1_TYPE *parameter)
{
    PBE2PARAM *pbe =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), parameter);
    enum envelope_reason rc;
    int cipher, kdf;

    if (pbe == NULL)
        return ENVELOPE_OK; /* damaged; no algorithm is missing */
    cipher = OBJ_obj2nid(pbe->encryption->algorithm);
    kdf = OBJ_obj2nid(pbe->keyfunc->algorithm);
    rc = cipher == NID_undef
             ? fail_missing_object(s, pbe->encryption->algorithm)
             : need_cipher(s, OBJ_nid2sn(cipher));
    if (rc == ENVELOPE_OK && kdf == NID_id_pbkdf2)
        rc = check_pbkdf2(s, pbe->keyfunc->parameter);
    else if (rc == ENVELOPE_OK && kdf == NID_id_scrypt)
        rc = check_scrypt(s, pbe->keyfunc->parameter);
    else if (rc == ENVELOPE_OK)
        rc = fail_missing_object(s, pbe->keyfunc->algorithm);
    PBE2PARAM_free(pbe);
    return rc;
}

static enum envelope_reason
check_pbe(const struct search *s, const X509_ALGOR *algor)
{
    const int pbe = OBJ_obj2nid(algor->algorithm);
    enum envelope_reason rc;
    int cipher, digest;

    if (pbe == NID_pbes2)
        return check_pbes2(s, algor->parameter);
    if (!EVP_PBE_find(EVP_PBE_TYPE_OUTER, pbe, &cipher, &digest, NULL))
        return fail_missing_object(s, algor->algorithm);
    rc = need_cipher(s, OBJ_nid2sn(cipher));
    return rc == ENVELOPE_OK ? need_digest(s, OBJ_nid2sn(digest)) : rc;
}

/* PKCS#8 */

static enum envelope_reason
check_pkcs8(const struct search *s, const X509_SIG *stored)
{
    const X509_ALGOR *algor;

    X509_SIG_get0(stored, &algor, NULL);
    return check_pbe(s, algor);
}

/* PKCS#12 */

static enum envelope_reason
check_bags(const struct search *s, STACK_OF(PKCS12_SAFEBAG) * bags)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const PKCS12_SAFEBAG *bag;
    int i;

    for (i = 0; rc == ENVELOPE_OK && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        bag = sk_PKCS12_SAFEBAG_value(bags, i);
        if (PKCS12_SAFEBAG_get_nid(bag) == NID_pkcs8ShroudedKeyBag)
            rc = check_pkcs8(s, PKCS12_SAFEBAG_get0_pkcs8(bag));
    }
    return rc;
}

static enum envelope_reason
check_safe(const struct search *s, PKCS7 *safe)
{
    const struct envl_octets *pass = s->passphrase;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    enum envelope_reason rc = ENVELOPE_OK;

    if (PKCS7_type_is_data(safe)) {
        bags = PKCS12_unpack_p7data(safe);
    } else if (PKCS7_type_is_encrypted(safe)) {
        rc = check_pbe(s, safe->d.encrypted->enc_data->algorithm);
        if (rc == ENVELOPE_OK)
            bags = PKCS12_unpack_p7encdata(safe, (const char *)pass->data,
                                           (int)pass->len);
    }
    if (rc == ENVELOPE_OK)
        rc = check_bags(s, bags);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return rc;
}

/* The MAC names a digest; or PBMAC1 (RFC 9579), which libcrypto may not
 * know. */
static enum envelope_reason
check_mac(const struct search *s, const PKCS12 *store)
{
    const ASN1_OBJECT *object;
    const X509_ALGOR *algor;

    PKCS12_get0_mac(NULL, &algor, NULL, NULL, store);
    if (algor == NULL)
        return ENVELOPE_OK;
    X509_ALGOR_get0(&object, NULL, NULL, algor);
    return OBJ_obj2nid(object) == NID_undef
               ? fail_missing_object(s, object)
               : need_digest(s, OBJ_nid2sn(OBJ_obj2nid(object)));
}

static enum envelope_reason
check_pkcs12(const struct search *s, PKCS12 *store)
{
    const struct envl_octets *pass = s->passphrase;
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(store);
    enum envelope_reason rc = check_mac(s, store);
    int i;

    for (i = 0; rc == ENVELOPE_OK && i < sk_PKCS7_num(safes); i++)
        rc = check_safe(s, sk_PKCS7_value(safes, i));
    if (rc == ENVELOPE_OK && PKCS12_mac_present(store)
        && PKCS12_verify_mac(store, (const char *)pass->data, (int)pass->len))
        rc = envl_fail(s->err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: the passphrase is right, but libcrypto cannot read "
                       "what is in it",
                       s->name);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return rc;
}

/* DER */

static enum envelope_reason
check_der(const struct search *s, const unsigned char *data, size_t len)
{
    const unsigned char *p = data;
    enum envelope_reason rc = ENVELOPE_OK;
    X509_SIG *pkcs8 = d2i_X509_SIG(NULL, &p, (long)len);
    PKCS12 *pkcs12 = NULL;

    if (pkcs8 != NULL) {
        rc = check_pkcs8(s, pkcs8);
    } else {
        p = data;
        pkcs12 = d2i_PKCS12(NULL, &p, (long)len);
        if (pkcs12 != NULL)
            rc = check_pkcs12(s, pkcs12);
    }
    X509_SIG_free(pkcs8);
    PKCS12_free(pkcs12);
    return rc;
}

/* PEM */

/* Traditional PEM encryption derives its key with MD5.  libcrypto's error does
 * not name a cipher that it does not know. */
static enum envelope_reason
check_header(const struct search *s, char *header)
{
    static const char word[] = "DEK-Info: ";
    const char *algorithm = strstr(header, word);
    enum envelope_reason rc;
    char name[OID_TEXT_LEN_MAX];
    size_t len;

    if (algorithm == NULL)
        return ENVELOPE_OK;
    algorithm += strlen(word);
    len = strcspn(algorithm, ",\r\n ");
    if (len >= sizeof(name))
        return ENVELOPE_OK;
    memcpy(name, algorithm, len);
    name[len] = '\0';
    rc = need_cipher(s, name);
    return rc == ENVELOPE_OK ? need_digest(s, "MD5") : rc;
}

static enum envelope_reason
check_pem(const struct search *s, const unsigned char *data, size_t len)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    char *label = NULL, *header = NULL;
    enum envelope_reason rc = ENVELOPE_OK;
    unsigned char *body = NULL;
    long body_len = 0;

    if (bio == NULL)
        return envl_fail_memory(s->err);
    while (rc == ENVELOPE_OK
           && PEM_read_bio(bio, &label, &header, &body, &body_len) > 0) {
        rc = *header != '\0' ? check_header(s, header)
                             : check_der(s, body, (size_t)body_len);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(body, (size_t)body_len);
    }
    BIO_free(bio);
    return rc;
}

enum envelope_reason
envl_key_protection_check(const unsigned char *data, size_t len,
                          const struct envl_octets *passphrase,
                          const char *name, const struct envl_libctx *ctx,
                          struct envl_err *err)
{
    const struct search s = { ctx, passphrase, name, err };
    enum envelope_reason rc;

    /* Keep the records of the failure that is being explained; drop those of
     * the checks here. */
    ERR_set_mark();
    rc = check_der(&s, data, len);
    if (rc == ENVELOPE_OK)
        rc = check_pem(&s, data, len);
    ERR_pop_to_mark();
    return rc;
}
