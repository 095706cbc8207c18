/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most of it is known from parsing.  For ML-KEM, which older libcryptos do not
 * know, the DER is walked through; the message as a whole has been found to be
 * DER.
 */
#include "lib/recipient_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/algorithm.h"
#include "lib/der.h"

/* First bytes of elements that are not universal. */
enum {
    TAG_KEY_ID = 0x80, /* RecipientIdentifier: [0] IMPLICIT OCTET STRING */
    TAG_ORI = 0xa4     /* RecipientInfo: [4] IMPLICIT SEQUENCE */
};

#define KEY_WRAP "AES-256 key wrap"

/* RSA */

static void
describe_ktri(struct envl_recipient_words *words,
              const struct envl_recipient_info *info)
{
    X509_ALGOR *alg = NULL;
    int nid = NID_undef;

    if (CMS_RecipientInfo_ktri_get0_algs(info->info, NULL, NULL, &alg))
        nid = envl_algorithm_nid(alg);
    if (info->kind == ENVL_INFO_RSA || nid == NID_rsaEncryption
        || nid == NID_rsaesOaep) {
        words->type = "rsa";
        (void)snprintf(words->kind, sizeof(words->kind), "RSA key, %zu bits",
                       8 * info->encrypted_len);
    }
    (void)snprintf(words->algorithm, sizeof(words->algorithm), "%s",
                   info->kind == ENVL_INFO_RSA ? "RSAES-OAEP, SHA-256"
                   : nid == NID_rsaesOaep      ? "RSAES-OAEP, another digest"
                   : nid == NID_rsaEncryption  ? "RSAES-PKCS1-v1_5"
                                               : OBJ_nid2ln(nid));
}

/* EC */

/* The ephemeral key is on the recipient's curve, which has no other name
 * here; uncompressed or compressed. */
static const char *
curve_of_point(CMS_RecipientInfo *info)
{
    static const struct {
        int len, compressed_len;
        const char *name;
    } curves[] = { { 65, 33, "P-256" },
                   { 97, 49, "P-384" },
                   { 133, 67, "P-521" } };
    ASN1_BIT_STRING *point = NULL;
    X509_ALGOR *alg = NULL;
    size_t i;

    if (!CMS_RecipientInfo_kari_get0_orig_id(info, &alg, &point, NULL, NULL,
                                             NULL)
        || envl_algorithm_nid(alg) != NID_X9_62_id_ecPublicKey || point == NULL)
        return NULL;
    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        int len = ASN1_STRING_length(point);

        if (len == curves[i].len || len == curves[i].compressed_len)
            return curves[i].name;
    }
    return NULL;
}

static void
describe_kari(struct envl_recipient_words *words,
              const struct envl_recipient_info *info)
{
    const char *curve = curve_of_point(info->info);

    if (info->kind == ENVL_INFO_EC) {
        words->type = "ec";
        (void)snprintf(words->algorithm, sizeof(words->algorithm),
                       "ECDH, X9.63 KDF with SHA-%s, " KEY_WRAP,
                       info->kari->digest + strlen("SHA"));
    }
    if (info->kind == ENVL_INFO_EC || curve != NULL)
        (void)snprintf(words->kind, sizeof(words->kind), "EC key%s%s",
                       curve != NULL ? " on " : "", curve != NULL ? curve : "");
    else
        (void)snprintf(words->kind, sizeof(words->kind), "key agreement");
}

/* Key-encryption keys */

static void
describe_scrypt(struct envl_recipient_words *words,
                const struct envl_kek_source *source)
{
    uint64_t n = source->u.scrypt.n;
    char text[32];
    unsigned log_n;

    for (log_n = 0; log_n < 63 && UINT64_C(1) << log_n < n; log_n++)
        ;
    if (n > 1 && UINT64_C(1) << log_n == n)
        (void)snprintf(text, sizeof(text), "2^%u", log_n);
    else
        (void)snprintf(text, sizeof(text), "%" PRIu64, n);
    words->type = "passphrase";
    words->known = envl_kek_scrypt_is_tried(source);
    (void)snprintf(words->kind, sizeof(words->kind), "passphrase");
    (void)snprintf(words->algorithm, sizeof(words->algorithm),
                   "scrypt, N = %s, r = %" PRIu64 ", p = %" PRIu64
                   ", " KEY_WRAP,
                   text, source->u.scrypt.r, source->u.scrypt.p);
}

static void
describe_kms(struct envl_recipient_words *words,
             const struct envl_kek_source *source)
{
    static const struct {
        const char *service, *name;
    } names[] = { { "awskms", "AWS KMS" },
                  { "tencentkms", "Tencent Cloud KMS" },
                  { "vault", "Vault transit" } };
    const size_t len = source->u.kms.service_len;
    const char *service = source->u.kms.service;
    size_t i;

    words->type = "kms";
    (void)snprintf(words->kind, sizeof(words->kind), "key service %.*s",
                   (int)len, service);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].service) == len
            && memcmp(names[i].service, service, len) == 0)
            (void)snprintf(words->kind, sizeof(words->kind), "%s",
                           names[i].name);
    }
    (void)snprintf(words->algorithm, sizeof(words->algorithm),
                   "key encrypted by the service%s, " KEY_WRAP,
                   source->u.kms.has_context ? " with the labels" : "");
}

static void
describe_kekri(struct envl_recipient_words *words,
               const struct envl_recipient_info *info)
{
    const struct envl_kek_source *source = &info->source;
    const char *dh;

    if (info->kind != ENVL_INFO_KEK) {
        (void)snprintf(words->kind, sizeof(words->kind),
                       "key-encryption key of an unknown source");
        return;
    }
    switch (source->kind) {
    case ENVL_KEK_SCRYPT:
        describe_scrypt(words, source);
        break;
    case ENVL_KEK_DH:
        dh = source->u.dh.algorithm;
        words->type = strcmp(dh, "X448") == 0 ? "x448" : "x25519";
        (void)snprintf(words->kind, sizeof(words->kind), "%s key", dh);
        (void)snprintf(words->algorithm, sizeof(words->algorithm),
                       "%s, HKDF-SHA-256, " KEY_WRAP, dh);
        break;
    case ENVL_KEK_KMS:
        describe_kms(words, source);
        break;
    default:
        words->type = "kek";
        (void)snprintf(words->kind, sizeof(words->kind), "key-encryption key");
        (void)snprintf(words->algorithm, sizeof(words->algorithm), KEY_WRAP);
        break;
    }
}

/* ML-KEM */

/* A KEMRecipientInfo (RFC 9629) from its rid on, and the OID of its KEM. */
static bool
take_kemri(struct envl_der in, struct envl_der *from_rid, struct envl_der *kem)
{
    static const unsigned char ori_kem[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                             0x01, 0x09, 0x10, 0x0d, 0x03 };
    struct envl_der ori, type, kemri, skipped, rest, algorithm;

    if (!envl_der_take(&in, TAG_ORI, &ori)
        || !envl_der_take(&ori, ENVL_DER_OID, &type)
        || !envl_der_is(&type, ori_kem, sizeof(ori_kem))
        || !envl_der_take(&ori, ENVL_DER_SEQUENCE, &kemri)
        || !envl_der_take(&kemri, ENVL_DER_INTEGER, &skipped))
        return false;
    *from_rid = rest = kemri;
    return envl_der_take(&rest, ENVL_DER_ANY, &skipped)
           && envl_der_take(&rest, ENVL_DER_SEQUENCE, &algorithm)
           && envl_der_take(&algorithm, ENVL_DER_OID, kem);
}

bool
envl_kemri_is_readable(const unsigned char *der, size_t len)
{
    static const unsigned char wrap_oid[] = { 0x60, 0x86, 0x48, 0x01, 0x65,
                                              0x03, 0x04, 0x01, 0x2d };
    struct envl_der in = { der, len }, rest, kem, skipped, wrap, oid;

    return take_kemri(in, &rest, &kem)
           && envl_der_take(&rest, ENVL_DER_ANY, &skipped)      /* rid */
           && envl_der_take(&rest, ENVL_DER_SEQUENCE, &skipped) /* kem */
           && envl_der_take(&rest, ENVL_DER_OCTETS, &skipped)   /* kemct */
           && envl_der_take(&rest, ENVL_DER_SEQUENCE, &skipped) /* kdf */
           && envl_der_take(&rest, ENVL_DER_INTEGER, &skipped)  /* kekLength */
           && envl_der_take(&rest, ENVL_DER_SEQUENCE, &wrap)
           && envl_der_take(&wrap, ENVL_DER_OID, &oid)
           && envl_der_is(&oid, wrap_oid, sizeof(wrap_oid));
}

static void
describe_kemri(struct envl_recipient_words *words, struct envl_der in)
{
    static const struct {
        unsigned char oid[9];
        const char *name;
    } kems[] = { { { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x01 },
                   "ML-KEM-512" },
                 { { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02 },
                   "ML-KEM-768" },
                 { { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x03 },
                   "ML-KEM-1024" } };
    struct envl_der from_rid, kem;
    size_t i;

    if (!take_kemri(in, &from_rid, &kem))
        return;
    (void)snprintf(words->kind, sizeof(words->kind), "key of an unknown KEM");
    (void)snprintf(words->algorithm, sizeof(words->algorithm),
                   "KEMRecipientInfo");
    for (i = 0; i < sizeof(kems) / sizeof(kems[0]); i++) {
        if (!envl_der_is(&kem, kems[i].oid, sizeof(kems[i].oid)))
            continue;
        words->type = "ml-kem";
        words->known = envl_kemri_is_readable(in.p, in.len);
        (void)snprintf(words->kind, sizeof(words->kind), "ML-KEM key");
        (void)snprintf(words->algorithm, sizeof(words->algorithm), "%s",
                       kems[i].name);
    }
}

/* All kinds */

void
envl_recipient_words(struct envl_recipient_words *words,
                     const struct envl_recipient_info *info,
                     const unsigned char *der, size_t len)
{
    struct envl_der in = { der, len };

    *words = (struct envl_recipient_words){
        .type = "other",
        .known = info->kind != ENVL_INFO_OTHER,
        .kind = "of an unknown kind",
        .algorithm = "unknown",
    };
    switch (CMS_RecipientInfo_type(info->info)) {
    case CMS_RECIPINFO_TRANS:
        describe_ktri(words, info);
        break;
    case CMS_RECIPINFO_AGREE:
        describe_kari(words, info);
        break;
    case CMS_RECIPINFO_KEK:
        describe_kekri(words, info);
        break;
    case CMS_RECIPINFO_PASS:
        (void)snprintf(words->kind, sizeof(words->kind),
                       "passphrase (PasswordRecipientInfo)");
        break;
    default:
        describe_kemri(words, in);
        break;
    }
}

const unsigned char *
envl_recipient_id(const struct envl_recipient_info *info,
                  const unsigned char *der, size_t der_len, size_t *len)
{
    struct envl_der in = { der, der_len }, from_rid, kem, id;

    *len = info->id_len;
    if (info->id != NULL)
        return info->id;
    if (!take_kemri(in, &from_rid, &kem)
        || !envl_der_take(&from_rid, TAG_KEY_ID, &id))
        return NULL;
    *len = id.len;
    return id.p;
}
