/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of RecipientInfo, written and read side by side. */
#include "lib/recipient_info.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/algorithm.h"
#include "lib/kms.h"
#include "lib/ktri.h"
#include "lib/passphrase.h"
#include "lib/recipient_words.h"

/* Does alg's parameter name this algorithm? */
static bool
inner_is(const X509_ALGOR *alg, int nid)
{
    X509_ALGOR *inner = envl_algorithm_inner(alg);
    bool is = envl_algorithm_nid(inner) == nid;

    X509_ALGOR_free(inner);
    return is;
}

/* RSA */

int
envl_recipient_info_set_oaep(EVP_PKEY_CTX *pctx, const struct envl_libctx *ctx)
{
    return pctx != NULL
           && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_OAEP_PADDING) > 0
           && EVP_PKEY_CTX_set_rsa_oaep_md_name(pctx, "SHA256", ctx->propq) > 0
           && EVP_PKEY_CTX_set_rsa_mgf1_md_name(pctx, "SHA256", ctx->propq) > 0;
}

/* SHA-256 for both, and no label: libcrypto would decrypt much more. */
static bool
is_our_oaep(const X509_ALGOR *alg)
{
    RSA_OAEP_PARAMS *oaep = NULL;
    const void *value = NULL;
    const unsigned char *p;
    int type = V_ASN1_UNDEF;
    bool is;

    if (envl_algorithm_nid(alg) != NID_rsaesOaep)
        return false;
    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type != V_ASN1_SEQUENCE)
        return false;
    p = ASN1_STRING_get0_data(value);
    oaep = d2i_RSA_OAEP_PARAMS(NULL, &p, ASN1_STRING_length(value));
    is = oaep != NULL && envl_algorithm_nid(oaep->hashFunc) == NID_sha256
         && envl_algorithm_nid(oaep->maskGenFunc) == NID_mgf1
         && inner_is(oaep->maskGenFunc, NID_sha256)
         && oaep->pSourceFunc == NULL;
    RSA_OAEP_PARAMS_free(oaep);
    return is;
}

static void
parse_ktri(struct envl_recipient_info *to, const unsigned char *der, size_t len)
{
    ASN1_OCTET_STRING *id = NULL;
    X509_ALGOR *alg = NULL;

    to->encrypted = envl_ktri_encrypted(der, len, &to->encrypted_len);
    to->key_len = to->encrypted_len;
    if (CMS_RecipientInfo_ktri_get0_algs(to->info, NULL, NULL, &alg)
        && is_our_oaep(alg))
        to->kind = ENVL_INFO_RSA;
    if (CMS_RecipientInfo_ktri_get0_signer_id(to->info, &id, NULL, NULL)
        && id != NULL) {
        to->id = ASN1_STRING_get0_data(id);
        to->id_len = (size_t)ASN1_STRING_length(id);
    }
}

/* EC */

static int
set_ec_kdf(CMS_RecipientInfo *info)
{
    EVP_PKEY_CTX *pctx = CMS_RecipientInfo_get0_pkey_ctx(info);

    /* The digest is taken by its name and fetched where the key is. */
    return pctx != NULL && EVP_PKEY_CTX_set_ecdh_kdf_md(pctx, EVP_sha256()) > 0;
}

/* Bytes of a coordinate of the ephemeral key, which is on the recipient's
 * curve; 0 if it is neither a compressed nor an uncompressed point. */
static size_t
point_len(CMS_RecipientInfo *info)
{
    ASN1_BIT_STRING *point = NULL;
    X509_ALGOR *alg = NULL;
    int len;

    if (!CMS_RecipientInfo_kari_get0_orig_id(info, &alg, &point, NULL, NULL,
                                             NULL)
        || point == NULL || (len = ASN1_STRING_length(point)) < 1)
        return 0;
    switch (ASN1_STRING_get0_data(point)[0]) {
    case POINT_CONVERSION_UNCOMPRESSED:
        return (size_t)(len - 1) / 2;
    case POINT_CONVERSION_COMPRESSED:
    case POINT_CONVERSION_COMPRESSED + 1:
        return (size_t)(len - 1);
    default:
        return 0;
    }
}

static int
parse_kari(struct envl_recipient_info *to, int part)
{
    STACK_OF(CMS_RecipientEncryptedKey) *keys =
        CMS_RecipientInfo_kari_get0_reks(to->info);
    CMS_RecipientEncryptedKey *key = NULL;
    ASN1_OCTET_STRING *id = NULL;

    if ((key = sk_CMS_RecipientEncryptedKey_value(keys, part)) == NULL)
        return 0;
    if (to->kari != NULL)
        to->kind = ENVL_INFO_EC;
    to->part = part;
    to->key_len = point_len(to->info);
    if (CMS_RecipientEncryptedKey_get0_id(key, &id, NULL, NULL, NULL, NULL)
        && id != NULL) {
        to->id = ASN1_STRING_get0_data(id);
        to->id_len = (size_t)ASN1_STRING_length(id);
    }
    return 1;
}

/* Both, and ML-KEM: what libcrypto makes from a certificate */

static enum envelope_reason
add_cert(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
         const struct envl_recipient *recipient, struct envl_err *err)
{
    enum envl_key_kind kind = envl_key_kind(recipient->key);
    CMS_RecipientInfo *info;
    int ok = 1;

#ifndef CMS_RECIPINFO_KEM
    if (kind == ENVL_KEY_ML_KEM)
        return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                         "ML-KEM recipients need OpenSSL 3.6 or newer");
#endif
    info = CMS_add1_recipient_cert(cms, recipient->cert,
                                   CMS_USE_KEYID | CMS_KEY_PARAM);
    if (info == NULL)
        return envl_fail_crypto(err, "add a recipient");
    if (kind == ENVL_KEY_RSA)
        ok = envl_recipient_info_set_oaep(CMS_RecipientInfo_get0_pkey_ctx(info),
                                          ctx);
    else if (kind == ENVL_KEY_EC)
        ok = set_ec_kdf(info);
    return ok ? ENVELOPE_OK : envl_fail_crypto(err, "set up a recipient");
}

/* Key-encryption keys */

/* Add a kekri; source is NULL for a bare key.  kek is not kept. */
static enum envelope_reason
add_kekri(CMS_ContentInfo *cms, const unsigned char kek[ENVL_KEK_LEN],
          const unsigned char *id, size_t id_len,
          const struct envl_kek_source *source, struct envl_err *err)
{
    unsigned char *kek_copy = OPENSSL_memdup(kek, ENVL_KEK_LEN);
    unsigned char *id_copy = OPENSSL_memdup(id, id_len);
    ASN1_OBJECT *attr_id = NULL;
    ASN1_TYPE *attr = NULL;

    enum envelope_reason rc = ENVELOPE_OK;

    if (kek_copy == NULL || id_copy == NULL
        || (source != NULL && !envl_kek_source_build(source, &attr_id, &attr)))
        rc = envl_fail_memory(err);
    else if (CMS_add0_recipient_key(cms, NID_id_aes256_wrap, kek_copy,
                                    ENVL_KEK_LEN, id_copy, id_len, NULL,
                                    attr_id, attr)
             == NULL)
        rc = envl_fail_crypto(err, "add a recipient");
    if (rc == ENVELOPE_OK)
        return rc; /* all of it is the message's now */

    OPENSSL_clear_free(kek_copy, ENVL_KEK_LEN);
    OPENSSL_free(id_copy);
    ASN1_OBJECT_free(attr_id);
    ASN1_TYPE_free(attr);
    return rc;
}

static enum envelope_reason
add_kek(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
        const unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    unsigned char id[ENVL_KEK_ID_LEN];
    enum envelope_reason rc = envl_kek_id(id, ctx, kek, err);

    return rc == ENVELOPE_OK ? add_kekri(cms, kek, id, sizeof(id), NULL, err)
                             : rc;
}

static enum envelope_reason
add_passphrase(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
               const struct envl_settings *settings, struct envl_err *err)
{
    unsigned log_n =
        settings->log_n > 0 ? settings->log_n : ENVL_SCRYPT_LOG_N_DEFAULT;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_octets passphrase;
    struct envl_kek_source source;
    enum envelope_reason rc;

    rc = envl_passphrase_load(&passphrase, settings, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kek_scrypt_new(&source, ctx, log_n, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kek_scrypt_derive(kek, ctx, &source, passphrase.data,
                                    passphrase.len, err);
    if (rc == ENVELOPE_OK)
        rc = add_kekri(cms, kek, source.u.scrypt.salt, ENVL_KEY_ID_LEN, &source,
                       err);
    envl_octets_clear(&passphrase);
    OPENSSL_cleanse(kek, sizeof(kek));
    return rc;
}

static enum envelope_reason
add_dh(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
       const struct envl_recipient *recipient, struct envl_err *err)
{
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_kek_source source;
    enum envelope_reason rc;

    rc = envl_kek_dh_new(&source, kek, ctx, recipient->key, err);
    if (rc == ENVELOPE_OK)
        rc = add_kekri(cms, kek, recipient->id.bytes, recipient->id.len,
                       &source, err);
    OPENSSL_cleanse(kek, sizeof(kek));
    return rc;
}

/* What talks to the service may leave records behind, also in success. */
static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct envl_kms_module *module, const struct envl_kms_call *call,
         struct envl_err *err)
{
    enum envelope_reason rc;

    ERR_set_mark();
    rc = module->generate(made, kek, call, err);
    if (rc == ENVELOPE_OK)
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    return rc;
}

/* The service makes the key, and keeps nothing: it stands encrypted in made. */
static enum envelope_reason
add_service(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
            const char *uri, const struct envl_labels *labels,
            struct envl_err *err)
{
    const struct envl_kms_call call = { ctx, uri, labels->text, labels->len };
    unsigned char kek[ENVL_KEK_LEN], id[ENVL_KMS_ID_LEN];
    const struct envl_kms_module *module;
    struct envl_kms_wrapped made;
    struct envl_kek_source source;
    enum envelope_reason rc;

    rc = envl_kms_load(&module, ctx, err);
    if (rc == ENVELOPE_OK)
        rc = generate(&made, kek, module, &call, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kms_borrow(&source, &made, err);
    if (rc == ENVELOPE_OK)
        rc = envl_kek_kms_id(id, ctx, &source, err);
    if (rc == ENVELOPE_OK)
        rc = add_kekri(cms, kek, id, sizeof(id), &source, err);
    OPENSSL_cleanse(kek, sizeof(kek));
    return rc;
}

static void
parse_kekri(struct envl_recipient_info *to)
{
    ASN1_OCTET_STRING *id = NULL;
    ASN1_OBJECT *attr_id = NULL;
    ASN1_TYPE *attr = NULL;
    X509_ALGOR *alg = NULL;

    if (!CMS_RecipientInfo_kekri_get0_id(to->info, &alg, &id, NULL, &attr_id,
                                         &attr))
        return;
    to->id = ASN1_STRING_get0_data(id);
    to->id_len = (size_t)ASN1_STRING_length(id);
    if (!envl_algorithm_is_aes256_wrap(alg))
        return;
    envl_kek_source_parse(&to->source, attr_id, attr);
    if (to->source.kind != ENVL_KEK_UNKNOWN)
        to->kind = ENVL_INFO_KEK;
}

/* All kinds */

enum envelope_reason
envl_recipient_info_add(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
                        const struct envl_recipients *recipients, size_t i,
                        const struct envl_settings *settings,
                        struct envl_err *err)
{
    const struct envl_recipient *recipient = &recipients->items[i];

    switch (recipient->kind) {
    case ENVL_TO_CERT:
        return add_cert(cms, ctx, recipient, err);
    case ENVL_TO_DH:
        return add_dh(cms, ctx, recipient, err);
    case ENVL_TO_KEK:
        return add_kek(cms, ctx, settings->kek, err);
    case ENVL_TO_KMS:
        return add_service(cms, ctx, recipient->uri, &recipients->labels, err);
    default:
        return add_passphrase(cms, ctx, settings, err);
    }
}

/* libcrypto takes the key wrap from the content's cipher, which a message
 * that was read does not have at hand. */
static int
set_key_wrap(EVP_CIPHER_CTX *wrap, const struct envl_libctx *ctx)
{
    EVP_CIPHER *aes = EVP_CIPHER_fetch(ctx->libctx, "AES-256-WRAP", ctx->propq);
    int ok = aes != NULL && EVP_EncryptInit_ex2(wrap, aes, NULL, NULL, NULL);

    EVP_CIPHER_free(aes);
    return ok;
}

enum envelope_reason
envl_recipient_info_wrap(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
                         CMS_RecipientInfo *info, struct envl_err *err)
{
    EVP_CIPHER_CTX *wrap = NULL;

    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
        wrap = CMS_RecipientInfo_kari_get0_ctx(info);
#ifdef CMS_RECIPINFO_KEM
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_KEM)
        wrap = CMS_RecipientInfo_kemri_get0_ctx(info);
#endif
    if ((wrap != NULL && !set_key_wrap(wrap, ctx))
        || !CMS_RecipientInfo_encrypt(cms, info))
        return envl_fail_crypto(err, "wrap the key for a recipient");
    return ENVELOPE_OK;
}

int
envl_recipient_info_parse(struct envl_recipient_info *to,
                          CMS_RecipientInfo *info, const struct envl_kari *kari,
                          int part, const unsigned char *der, size_t len)
{
    int type = CMS_RecipientInfo_type(info);

    *to = (struct envl_recipient_info){
        .kind = ENVL_INFO_OTHER,
        .info = info,
        .kari = kari,
    };
    if (type == CMS_RECIPINFO_AGREE)
        return parse_kari(to, part);
    if (type == CMS_RECIPINFO_TRANS)
        parse_ktri(to, der, len);
    else if (type == CMS_RECIPINFO_KEK)
        parse_kekri(to);
#ifdef CMS_RECIPINFO_KEM
    else if (type == CMS_RECIPINFO_KEM && envl_kemri_is_readable(der, len))
        to->kind = ENVL_INFO_ML_KEM;
#endif
    return part == 0;
}

const char *
envl_recipient_info_describe(const struct envl_recipient_info *info)
{
    switch (info->kind) {
    case ENVL_INFO_RSA:
        return "RSA key";
    case ENVL_INFO_EC:
        return "EC key";
    case ENVL_INFO_ML_KEM:
        return "ML-KEM key";
    case ENVL_INFO_KEK:
        if (info->source.kind == ENVL_KEK_SCRYPT)
            return "passphrase";
        if (info->source.kind == ENVL_KEK_KMS)
            return "key service";
        return info->source.kind == ENVL_KEK_DH ? info->source.u.dh.algorithm
                                                : "key-encryption key";
    default:
        return "recipient of an unknown kind";
    }
}

struct envl_fit
envl_fit_of_key(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key); /* a key in hardware may not tell */
    size_t key_len = bits > 0 ? ((size_t)bits + 7) / 8 : 0;

    switch (envl_key_kind(key)) {
    case ENVL_KEY_RSA:
        return (struct envl_fit){ .kind = ENVL_INFO_RSA, .key_len = key_len };
    case ENVL_KEY_EC:
        return (struct envl_fit){ .kind = ENVL_INFO_EC, .key_len = key_len };
    case ENVL_KEY_ML_KEM:
        return (struct envl_fit){ .kind = ENVL_INFO_ML_KEM };
    case ENVL_KEY_DH:
        return (struct envl_fit){ .kind = ENVL_INFO_KEK,
                                  .dh = envl_kek_dh_algorithm(key) };
    default:
        return (struct envl_fit){ .kind = ENVL_INFO_OTHER };
    }
}

bool
envl_recipient_info_is_kind(const struct envl_recipient_info *info,
                            const struct envl_fit *fit)
{
    if (info->kind != ENVL_INFO_KEK)
        return info->kind != ENVL_INFO_OTHER && info->kind == fit->kind;
    return fit->dh != NULL && info->source.kind == ENVL_KEK_DH
           && strcmp(fit->dh, info->source.u.dh.algorithm) == 0;
}

bool
envl_recipient_info_fits(const struct envl_recipient_info *info,
                         const struct envl_fit *fit)
{
    if (!envl_recipient_info_is_kind(info, fit))
        return false;
    if (info->kind != ENVL_INFO_RSA && info->kind != ENVL_INFO_EC)
        return true;
    return info->key_len > 0
           && (fit->key_len == 0 || fit->key_len == info->key_len);
}

static int
open_dh(CMS_ContentInfo *cms, const struct envl_recipient_info *info,
        const struct envl_libctx *ctx, const struct envl_identity *identity)
{
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err ignored;
    int ok;

    ok = envl_kek_dh_derive(kek, ctx, &info->source, identity->key,
                            identity->propq, &ignored)
             == ENVELOPE_OK
         && envl_recipient_info_open_kek(cms, info, kek);
    OPENSSL_cleanse(kek, sizeof(kek));
    return ok;
}

int
envl_recipient_info_open_key(CMS_ContentInfo *cms,
                             const struct envl_recipient_info *info,
                             const struct envl_libctx *ctx,
                             const struct envl_identity *identity)
{
    if (info->kind == ENVL_INFO_KEK)
        return open_dh(cms, info, ctx, identity);
#ifdef CMS_RECIPINFO_KEM
    if (info->kind == ENVL_INFO_ML_KEM)
        return CMS_RecipientInfo_kemri_set0_pkey(info->info, identity->key)
               && CMS_RecipientInfo_decrypt(cms, info->info);
#endif
    return 0;
}

int
envl_recipient_info_open_kek(CMS_ContentInfo *cms,
                             const struct envl_recipient_info *info,
                             const unsigned char kek[ENVL_KEK_LEN])
{
    /* The message only reads the key, and would free it with itself: it is
     * lent for the operation and taken back. */
    unsigned char *lent = (unsigned char *)(uintptr_t)kek;
    int ok = CMS_RecipientInfo_set0_key(info->info, lent, ENVL_KEK_LEN)
             && CMS_RecipientInfo_decrypt(cms, info->info);

    (void)CMS_RecipientInfo_set0_key(info->info, NULL, 0);
    return ok;
}
