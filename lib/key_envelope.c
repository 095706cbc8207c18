/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's CMS makes and opens the message.  It would open more than the
 * format allows, a four-byte tag for one, so the frame is checked here first.
 */
#include "lib/key_envelope.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "lib/recipient_info.h"

/* Private-key operations that one header may cost a reader. */
#define UNWRAP_COUNT_MAX 1024

#define GCM_TAG_LEN 16

/* The frame (RFC 5083, 2.1) without the parts that FORMAT 5 does not have. */

typedef struct {
    ASN1_OBJECT *type;
    X509_ALGOR *cipher;
    ASN1_OCTET_STRING *content;
} ENVL_ENCRYPTED_CONTENT;

typedef struct {
    ASN1_INTEGER *version;
    STACK_OF(ASN1_TYPE) * recipients;
    ENVL_ENCRYPTED_CONTENT *content;
    ASN1_OCTET_STRING *mac;
} ENVL_AUTH_ENVELOPED;

typedef struct {
    ASN1_OBJECT *type;
    ENVL_AUTH_ENVELOPED *body;
} ENVL_FRAME;

/* clang-format off */
ASN1_SEQUENCE(ENVL_ENCRYPTED_CONTENT) = {
    ASN1_SIMPLE(ENVL_ENCRYPTED_CONTENT, type, ASN1_OBJECT),
    ASN1_SIMPLE(ENVL_ENCRYPTED_CONTENT, cipher, X509_ALGOR),
    ASN1_IMP(ENVL_ENCRYPTED_CONTENT, content, ASN1_OCTET_STRING, 0)
} static_ASN1_SEQUENCE_END(ENVL_ENCRYPTED_CONTENT)

ASN1_SEQUENCE(ENVL_AUTH_ENVELOPED) = {
    ASN1_SIMPLE(ENVL_AUTH_ENVELOPED, version, ASN1_INTEGER),
    ASN1_SET_OF(ENVL_AUTH_ENVELOPED, recipients, ASN1_ANY),
    ASN1_SIMPLE(ENVL_AUTH_ENVELOPED, content, ENVL_ENCRYPTED_CONTENT),
    ASN1_SIMPLE(ENVL_AUTH_ENVELOPED, mac, ASN1_OCTET_STRING)
} static_ASN1_SEQUENCE_END(ENVL_AUTH_ENVELOPED)

ASN1_SEQUENCE(ENVL_FRAME) = {
    ASN1_SIMPLE(ENVL_FRAME, type, ASN1_OBJECT),
    ASN1_EXP(ENVL_FRAME, body, ENVL_AUTH_ENVELOPED, 0)
} static_ASN1_SEQUENCE_END(ENVL_FRAME)
    /* clang-format on */

    /* GCMParameters (RFC 5084): a nonce of 12 bytes, a tag of 16. */
    static bool is_aes_256_gcm(const X509_ALGOR *cipher)
{
    static const unsigned char begin[] = { 0x30, 0x11, 0x04, 0x0c };
    static const unsigned char end[] = { 0x02, 0x01, GCM_TAG_LEN };
    enum { NONCE_LEN = 12, LEN = sizeof(begin) + NONCE_LEN + sizeof(end) };
    const ASN1_OBJECT *oid = NULL;
    const void *value = NULL;
    const unsigned char *p;
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(&oid, &type, &value, cipher);
    if (OBJ_obj2nid(oid) != NID_aes_256_gcm || type != V_ASN1_SEQUENCE
        || ASN1_STRING_length(value) != LEN)
        return false;
    p = ASN1_STRING_get0_data(value);
    return memcmp(p, begin, sizeof(begin)) == 0
           && memcmp(p + sizeof(begin) + NONCE_LEN, end, sizeof(end)) == 0;
}

/* Does the frame say the same in DER?  Then nothing is left over, either. */
static bool
is_der(const ENVL_FRAME *frame, const unsigned char *in, size_t len)
{
    unsigned char *again = NULL;
    int n = ASN1_item_i2d((const ASN1_VALUE *)frame, &again,
                          ASN1_ITEM_rptr(ENVL_FRAME));
    bool same = n > 0 && (size_t)n == len && memcmp(again, in, len) == 0;

    OPENSSL_free(again);
    return same;
}

static const char *
frame_fault(const ENVL_FRAME *frame, const unsigned char *in, size_t len)
{
    const ENVL_AUTH_ENVELOPED *body;
    int count;

    if (frame == NULL
        || OBJ_obj2nid(frame->type) != NID_id_smime_ct_authEnvelopedData)
        return "it is not a CMS AuthEnvelopedData message";
    if (!is_der(frame, in, len))
        return "it is not in DER or has bytes left over";
    body = frame->body;
    if (OBJ_obj2nid(body->content->type) != NID_pkcs7_data)
        return "its content is not of type data";
    if (!is_aes_256_gcm(body->content->cipher)
        || ASN1_STRING_length(body->mac) != GCM_TAG_LEN)
        return "its content is not encrypted with AES-256-GCM, 12-byte nonce "
               "and 16-byte tag";
    if (ASN1_STRING_length(body->content->content) != ENVL_DEK_LEN)
        return "its content is not a data key of 32 bytes";
    count = sk_ASN1_TYPE_num(body->recipients);
    if (count < 1 || count > ENVL_RECIPIENT_COUNT_MAX)
        return "it has no recipients, or more than 1,024";
    return NULL;
}

static enum envelope_reason
fail_parse(struct envl_err *err, const char *why)
{
    return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE, "%s", why);
}

static enum envelope_reason
check_frame(const unsigned char *der, size_t len, struct envl_err *err)
{
    const unsigned char *p = der;
    ENVL_FRAME *frame = (ENVL_FRAME *)ASN1_item_d2i(NULL, &p, (long)len,
                                                    ASN1_ITEM_rptr(ENVL_FRAME));
    const char *fault = frame_fault(frame, der, len);

    ASN1_item_free((ASN1_VALUE *)frame, ASN1_ITEM_rptr(ENVL_FRAME));
    return fault == NULL ? ENVELOPE_OK : fail_parse(err, fault);
}

/* Building */

static enum envelope_reason
encode(CMS_ContentInfo *cms, const unsigned char *dek, unsigned char **der,
       size_t *len, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    BIO *in = BIO_new_mem_buf(dek, ENVL_DEK_LEN);
    int n = -1;

    if (in != NULL && CMS_set_detached(cms, 0)
        && CMS_final(cms, in, NULL, CMS_BINARY))
        n = i2d_CMS_ContentInfo(cms, der);
    if (n <= 0) {
        rc = envl_fail_crypto(err, "wrap the data key");
        OPENSSL_free(*der);
        *der = NULL;
    } else {
        *len = (size_t)n;
    }
    BIO_free(in);
    return rc;
}

enum envelope_reason
envl_key_envelope_build(unsigned char **der, size_t *len,
                        const struct envl_libctx *ctx,
                        const struct envl_recipients *recipients,
                        const struct envl_settings *settings,
                        const unsigned char *dek, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    CMS_ContentInfo *cms = NULL;
    EVP_CIPHER *aead;
    size_t i;

    *der = NULL;
    aead = EVP_CIPHER_fetch(ctx->libctx, "AES-256-GCM", ctx->propq);
    if (aead == NULL
        || (cms =
                CMS_AuthEnvelopedData_create_ex(aead, ctx->libctx, ctx->propq))
               == NULL)
        rc = envl_fail_crypto(err, "make a key envelope");
    for (i = 0; i < recipients->count && rc == ENVELOPE_OK; i++)
        rc = envl_recipient_info_add(cms, ctx, &recipients->items[i], settings,
                                     err);
    if (rc == ENVELOPE_OK)
        rc = encode(cms, dek, der, len, err);
    CMS_ContentInfo_free(cms);
    EVP_CIPHER_free(aead);
    return rc;
}

/* Opening */

struct opener {
    CMS_ContentInfo *cms;
    const struct envl_libctx *ctx;
    const struct envl_identities *identities;
    struct envl_recipient_info *infos;
    size_t count;

    unsigned unwraps;     /* private-key operations so far */
    uint64_t scrypt_work; /* so far */
    bool too_much_work;   /* a passphrase recipient was left out for it */
};

/* List the recipients, each part of a kari on its own. */
static enum envelope_reason
list_infos(struct opener *o, struct envl_err *err)
{
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(o->cms);
    int i, part, n = sk_CMS_RecipientInfo_num(all);

    o->infos = OPENSSL_malloc(ENVL_RECIPIENT_COUNT_MAX * sizeof(*o->infos));
    if (o->infos == NULL)
        return envl_fail_memory(err);
    for (i = 0; i < n; i++) {
        for (part = 0; envl_recipient_info_parse(
                 &o->infos[o->count], sk_CMS_RecipientInfo_value(all, i), part);
             part++) {
            if (++o->count == ENVL_RECIPIENT_COUNT_MAX)
                return ENVELOPE_OK;
        }
    }
    return ENVELOPE_OK;
}

/* Try the private keys whose name is that of the recipient, or the others. */
static bool
try_keys(struct opener *o, const struct envl_recipient_info *info, bool named)
{
    const struct envl_identities *ids = o->identities;
    size_t i;

    for (i = 0; i < ids->key_count; i++) {
        if (!envl_recipient_info_fits(info, ids->keys[i].key)
            || envl_identity_is_named(ids, &ids->keys[i], info->id,
                                      info->id_len)
                   != named)
            continue;
        if (o->unwraps == UNWRAP_COUNT_MAX)
            return false;
        o->unwraps++;
        if (envl_recipient_info_open_key(o->cms, info, o->ctx,
                                         ids->keys[i].key))
            return true;
    }
    return false;
}

static bool
try_passphrase(struct opener *o, const struct envl_recipient_info *info)
{
    const struct envl_octets *passphrase = &o->identities->passphrase;
    uint64_t work = envl_kek_scrypt_work(&info->source);
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err ignored;
    bool opened;

    if (work > ENVL_SCRYPT_WORK_MAX - o->scrypt_work) {
        o->too_much_work = true;
        return false;
    }
    o->scrypt_work += work;
    opened = envl_kek_scrypt_derive(kek, o->ctx, &info->source,
                                    passphrase->data, passphrase->len, &ignored)
                 == ENVELOPE_OK
             && envl_recipient_info_open_kek(o->cms, info, kek);
    OPENSSL_cleanse(kek, sizeof(kek));
    return opened;
}

/* Try what is a secret rather than a key. */
static bool
try_secrets(struct opener *o, const struct envl_recipient_info *info)
{
    if (info->kind != ENVL_INFO_KEK)
        return false;
    if (info->source.kind == ENVL_KEK_SCRYPT)
        return o->identities->passphrase.data != NULL
               && try_passphrase(o, info);
    return info->source.kind == ENVL_KEK_BARE && o->identities->kek != NULL
           && envl_recipient_info_open_kek(o->cms, info, o->identities->kek);
}

/* The likely and cheap first: scrypt takes longest. */
static bool
try_all(struct opener *o)
{
    size_t i;

    for (i = 0; i < o->count; i++) {
        if (try_keys(o, &o->infos[i], true))
            return true;
    }
    for (i = 0; i < o->count; i++) {
        if (try_keys(o, &o->infos[i], false))
            return true;
    }
    for (i = 0; i < o->count; i++) {
        if (try_secrets(o, &o->infos[i]))
            return true;
    }
    return false;
}

static bool
has_secret_recipient(const struct opener *o)
{
    const struct envl_identities *ids = o->identities;
    size_t i;

    for (i = 0; i < o->count; i++) {
        enum envl_kek_kind kind = o->infos[i].source.kind;

        if (o->infos[i].kind == ENVL_INFO_KEK
            && ((kind == ENVL_KEK_SCRYPT && ids->passphrase.data != NULL)
                || (kind == ENVL_KEK_BARE && ids->kek != NULL)))
            return true;
    }
    return false;
}

/* Say who could open it: kinds and identifiers, as many as fit. */
static enum envelope_reason
fail_match(const struct opener *o, struct envl_err *err)
{
    char list[ENVL_DETAIL_MAX / 2] = "", id[2 * 8 + 1];
    size_t i, j, used = 0;
    int n;

    for (i = 0; i < o->count && used < sizeof(list) - 64; i++) {
        for (j = 0; j < o->infos[i].id_len && j < 8; j++)
            (void)snprintf(id + 2 * j, 3, "%02x", o->infos[i].id[j]);
        id[2 * j] = '\0';
        n = snprintf(list + used, sizeof(list) - used, "%s%s %s",
                     i > 0 ? ", " : "",
                     envl_recipient_info_describe(&o->infos[i]), id);
        used += n > 0 ? (size_t)n : 0;
    }
    return envl_fail(err, ENVELOPE_R_NO_MATCH, "it has %zu recipient%s: %s%s",
                     o->count, o->count == 1 ? "" : "s", list,
                     i < o->count ? " and others" : "");
}

static enum envelope_reason
fail_open(const struct opener *o, struct envl_err *err)
{
    if (o->too_much_work)
        return envl_fail(err, ENVELOPE_R_WORK_FACTOR,
                         "its passphrase recipients ask for more than 1 GiB "
                         "or n * r * p = 2^24 of scrypt in all");
    if (o->identities->key_count == 0 && has_secret_recipient(o))
        return envl_fail(
            err, ENVELOPE_R_WRONG_KEY, "the %s given does not open it",
            o->identities->kek != NULL ? "key (-K or -pass)" : "passphrase");
    return fail_match(o, err);
}

/*
 * The content.  CMS_decrypt() would copy it through a buffer on its stack
 * that nobody wipes; reading it through the message's own BIO does not.
 */
static enum envelope_reason
read_dek(CMS_ContentInfo *cms, unsigned char *dek, struct envl_err *err)
{
    unsigned char buf[ENVL_DEK_LEN + 1];
    BIO *content = CMS_dataInit(cms, NULL);
    size_t len = 0;
    int n = 1;
    bool good;

    while (content != NULL && n > 0 && len < sizeof(buf)) {
        n = BIO_read(content, buf + len, (int)(sizeof(buf) - len));
        len += n > 0 ? (size_t)n : 0;
    }
    good = content != NULL && len == ENVL_DEK_LEN
           && BIO_get_cipher_status(content) > 0;
    if (good)
        memcpy(dek, buf, ENVL_DEK_LEN);
    OPENSSL_cleanse(buf, sizeof(buf));
    BIO_free_all(content);
    return good ? ENVELOPE_OK
                : fail_parse(err, "its data key fails authentication");
}

static enum envelope_reason
open_cms(unsigned char *dek, const unsigned char *der, size_t len,
         const struct envl_libctx *ctx,
         const struct envl_identities *identities, struct envl_err *err)
{
    struct opener o = { .ctx = ctx, .identities = identities };
    const unsigned char *p = der;
    enum envelope_reason rc = ENVELOPE_OK;

    o.cms = CMS_ContentInfo_new_ex(ctx->libctx, ctx->propq);
    if (o.cms == NULL)
        return envl_fail_memory(err);
    /* On failure d2i frees the message and clears the pointer. */
    if (d2i_CMS_ContentInfo(&o.cms, &p, (long)len) == NULL)
        rc = fail_parse(err, "it is not a CMS message");
    else
        rc = list_infos(&o, err);
    if (rc == ENVELOPE_OK)
        rc = try_all(&o) ? read_dek(o.cms, dek, err) : fail_open(&o, err);
    OPENSSL_free(o.infos);
    CMS_ContentInfo_free(o.cms);
    return rc;
}

enum envelope_reason
envl_key_envelope_open(unsigned char *dek, const unsigned char *der, size_t len,
                       const struct envl_libctx *ctx,
                       const struct envl_identities *identities,
                       struct envl_err *err)
{
    enum envelope_reason rc;

    ERR_set_mark();
    rc = check_frame(der, len, err);
    if (rc == ENVELOPE_OK)
        rc = open_cms(dek, der, len, ctx, identities, err);
    ERR_pop_to_mark();
    return rc;
}
