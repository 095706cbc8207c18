/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASN.1 templates for just what FORMAT 5 has: anything else does not parse.
 * The RecipientInfos are left as they are.
 */
#include "lib/frame.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/der.h"
#include "lib/payload_key.h"
#include "lib/recipient.h"

#define TAG_KARI 0xa1 /* RecipientInfo: [1] IMPLICIT SEQUENCE */
#define GCM_TAG_LEN 16
#define GCM_NONCE_AT 4 /* in the DER of GCMParameters */

/* RFC 5083, 2.1, without the parts that FORMAT 5 does not have. */

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

typedef struct envl_frame {
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

static_assert(GCM_TAG_LEN == 16 && ENVL_DEK_LEN == 32,
              "the lengths of FORMAT 5");
/* clang-format on */

/* GCMParameters (RFC 5084): a nonce of 12 bytes, a tag of 16. */
static bool
is_aes_256_gcm(const X509_ALGOR *cipher)
{
    static const unsigned char begin[GCM_NONCE_AT] = { 0x30, 0x11, 0x04, 0x0c };
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

/* A RecipientInfo's version by its tag in the CHOICE, two for a ktri; CMS
 * does not look (RFC 5652, 6.2). */
static bool
has_version(const unsigned char *der, long len)
{
    static const struct {
        unsigned char tag, version, or_version;
    } versions[] = { { 0x30, 0, 2 }, { 0xa1, 3, 3 }, { 0xa2, 4, 4 } };
    const unsigned char *p = der;
    int tag, class;
    size_t i;

    if ((ASN1_get_object(&p, &len, &tag, &class, len) & 0x80) != 0 || len < 3)
        return false;
    for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (der[0] == versions[i].tag)
            return p[0] == V_ASN1_INTEGER && p[1] == 1
                   && (p[2] == versions[i].version
                       || p[2] == versions[i].or_version);
    }
    return true; /* of a kind that is passed over, or has none (ori) */
}

static bool
has_versions(const ENVL_AUTH_ENVELOPED *body)
{
    int i;

    if (ASN1_INTEGER_get(body->version) != 0)
        return false;
    for (i = 0; i < sk_ASN1_TYPE_num(body->recipients); i++) {
        const ASN1_TYPE *raw = sk_ASN1_TYPE_value(body->recipients, i);

        if ((raw->type != V_ASN1_OTHER && raw->type != V_ASN1_SEQUENCE)
            || !has_version(ASN1_STRING_get0_data(raw->value.asn1_string),
                            ASN1_STRING_length(raw->value.asn1_string)))
            return false;
    }
    return true;
}

/* Recipients of a RecipientInfo: the RecipientEncryptedKeys of a kari, which
 * stand last, or one.  What is malformed is for CMS to find. */
static size_t
count_parts(const ASN1_TYPE *raw)
{
    struct envl_der in = { ASN1_STRING_get0_data(raw->value.asn1_string),
                           (size_t)ASN1_STRING_length(raw->value.asn1_string) };
    struct envl_der kari, part, last = { NULL, 0 };
    size_t count = 0;

    if (!envl_der_take(&in, TAG_KARI, &kari))
        return 1;
    while (envl_der_take(&kari, ENVL_DER_ANY, &part))
        last = part;
    while (envl_der_take(&last, ENVL_DER_ANY, &part))
        count++;
    return count;
}

/* Before anything is made of them: they may be many. */
static bool
has_too_many(const ENVL_AUTH_ENVELOPED *body)
{
    int i, n = sk_ASN1_TYPE_num(body->recipients);
    size_t count = 0;

    if (n > ENVL_RECIPIENT_COUNT_MAX)
        return true;
    for (i = 0; i < n; i++) {
        const ASN1_TYPE *raw = sk_ASN1_TYPE_value(body->recipients, i);

        if (raw->type == V_ASN1_OTHER)
            count += count_parts(raw);
        else
            count++;
    }
    return count > ENVL_RECIPIENT_COUNT_MAX;
}

static const char *
frame_fault(const ENVL_FRAME *frame, const unsigned char *in, size_t len)
{
    const ENVL_AUTH_ENVELOPED *body;

    if (frame == NULL
        || OBJ_obj2nid(frame->type) != NID_id_smime_ct_authEnvelopedData)
        return "it is not a CMS AuthEnvelopedData message";
    body = frame->body;
    if (has_too_many(body))
        return "it has more than 1,024 recipients";
    if (!is_der(frame, in, len))
        return "it is not in DER or has bytes left over";
    if (OBJ_obj2nid(body->content->type) != NID_pkcs7_data)
        return "its content is not of type data";
    if (!is_aes_256_gcm(body->content->cipher)
        || ASN1_STRING_length(body->mac) != GCM_TAG_LEN)
        return "its content is not encrypted with AES-256-GCM, 12-byte nonce "
               "and 16-byte tag";
    if (ASN1_STRING_length(body->content->content) != ENVL_DEK_LEN)
        return "its content is not a data key of 32 bytes";
    if (sk_ASN1_TYPE_num(body->recipients) < 1)
        return "it has no recipients";
    if (!has_versions(body))
        return "one of its version numbers is not that of its structure";
    return NULL;
}

void
envl_frame_free(struct envl_frame *frame)
{
    ASN1_item_free((ASN1_VALUE *)frame, ASN1_ITEM_rptr(ENVL_FRAME));
}

enum envelope_reason
envl_frame_read(struct envl_frame **out, const unsigned char *der, size_t len,
                struct envl_err *err)
{
    const unsigned char *p = der;
    ENVL_FRAME *frame = (ENVL_FRAME *)ASN1_item_d2i(NULL, &p, (long)len,
                                                    ASN1_ITEM_rptr(ENVL_FRAME));
    const char *fault = frame_fault(frame, der, len);

    if (fault == NULL) {
        *out = frame;
        return ENVELOPE_OK;
    }
    envl_frame_free(frame);
    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_KEY_ENVELOPE, "%s", fault);
}

int
envl_frame_recipient(const struct envl_frame *frame, int i,
                     const unsigned char **der, size_t *len)
{
    const ASN1_TYPE *raw = sk_ASN1_TYPE_value(frame->body->recipients, i);

    /* A SEQUENCE of its own is a ktri; the others have tags of the CHOICE. */
    if (raw == NULL || raw->type != V_ASN1_OTHER)
        return 0;
    *der = ASN1_STRING_get0_data(raw->value.asn1_string);
    *len = (size_t)ASN1_STRING_length(raw->value.asn1_string);
    return 1;
}

int
envl_frame_count(const struct envl_frame *frame)
{
    return sk_ASN1_TYPE_num(frame->body->recipients);
}

void
envl_frame_raw(const struct envl_frame *frame, int i, const unsigned char **der,
               size_t *len)
{
    const ASN1_TYPE *raw = sk_ASN1_TYPE_value(frame->body->recipients, i);

    *der = ASN1_STRING_get0_data(raw->value.asn1_string);
    *len = (size_t)ASN1_STRING_length(raw->value.asn1_string);
}

int
envl_frame_has(const struct envl_frame *frame, const unsigned char *der,
               size_t len)
{
    const unsigned char *other;
    size_t other_len;
    int i;

    for (i = 0; i < envl_frame_count(frame); i++) {
        envl_frame_raw(frame, i, &other, &other_len);
        if (other_len == len && memcmp(other, der, len) == 0)
            return 1;
    }
    return 0;
}

int
envl_frame_add(struct envl_frame *frame, const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    ASN1_TYPE *raw = d2i_ASN1_TYPE(NULL, &p, (long)len);

    if (raw != NULL && sk_ASN1_TYPE_push(frame->body->recipients, raw) > 0)
        return 1;
    ASN1_TYPE_free(raw);
    return 0;
}

void
envl_frame_drop(struct envl_frame *frame, int i)
{
    ASN1_TYPE_free(sk_ASN1_TYPE_delete(frame->body->recipients, i));
}

/* Has all been written?  Where memory runs out, i2d may return bytes that it
 * did not write. */
static bool
is_written(const struct envl_frame *frame, const unsigned char *der, size_t len)
{
    int i, count = envl_frame_count(frame);
    struct envl_frame *again = NULL;
    const unsigned char *raw;
    struct envl_err ignored;
    size_t raw_len;
    bool is;

    is = envl_frame_read(&again, der, len, &ignored) == ENVELOPE_OK
         && envl_frame_count(again) == count;
    for (i = 0; i < count && is; i++) {
        envl_frame_raw(frame, i, &raw, &raw_len);
        is = envl_frame_has(again, raw, raw_len);
    }
    envl_frame_free(again);
    return is;
}

enum envelope_reason
envl_frame_write(const struct envl_frame *frame, unsigned char **der,
                 size_t *len, struct envl_err *err)
{
    enum envelope_reason rc;
    int n;

    *der = NULL;
    n = ASN1_item_i2d((const ASN1_VALUE *)frame, der,
                      ASN1_ITEM_rptr(ENVL_FRAME));
    if (n > 0 && is_written(frame, *der, (size_t)n)) {
        *len = (size_t)n;
        return ENVELOPE_OK;
    }
    rc = envl_fail_crypto(err, "encode the key envelope");
    OPENSSL_free(*der);
    *der = NULL;
    return rc;
}

int
envl_frame_decrypt(const struct envl_frame *frame,
                   const struct envl_libctx *ctx,
                   const unsigned char cek[ENVL_CEK_LEN], unsigned char *dek)
{
    const ENVL_ENCRYPTED_CONTENT *content = frame->body->content;
    EVP_CIPHER *aead = EVP_CIPHER_fetch(ctx->libctx, "AES-256-GCM", ctx->propq);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    const void *parameters = NULL;
    unsigned char tag[GCM_TAG_LEN];
    int type = V_ASN1_UNDEF, n = 0;
    bool good;

    X509_ALGOR_get0(NULL, &type, &parameters, content->cipher);
    memcpy(tag, ASN1_STRING_get0_data(frame->body->mac), sizeof(tag));
    good =
        aead != NULL && gcm != NULL
        && EVP_DecryptInit_ex2(gcm, aead, cek,
                               ASN1_STRING_get0_data(parameters) + GCM_NONCE_AT,
                               NULL)
        && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) > 0
        && EVP_DecryptUpdate(
            gcm, dek, &n, ASN1_STRING_get0_data(content->content), ENVL_DEK_LEN)
        && EVP_DecryptFinal_ex(gcm, tag, &n) > 0;
    if (!good)
        OPENSSL_cleanse(dek, ENVL_DEK_LEN);
    EVP_CIPHER_CTX_free(gcm);
    EVP_CIPHER_free(aead);
    return good;
}
