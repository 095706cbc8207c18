/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attribute is a SEQUENCE whose elements differ by kind; libcrypto's
 * SEQUENCE OF ANY writes it, element by element, and the DER is walked through
 * to read it.
 */
#include "lib/kek_source.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "lib/der.h"

/* The arc of the format, made from a UUID (ITU-T X.667), and its first leaf. */
static const char source_oid[] =
    "2.25.316074012886541906706424215129532293222.1";
static const unsigned char source_oid_der[] = {
    0x69, 0x83, 0xdb, 0xc9, 0xd1, 0xff, 0xd8, 0xa9, 0xfa, 0xb0, 0xc3,
    0x8d, 0xdb, 0xaa, 0xf7, 0xa5, 0xc9, 0x99, 0xc0, 0x66, 0x01
};

/* What of the stream is a part of what a key service encrypts. */
static const char kms_context[] = "labels";

static const struct {
    const char *name;
    size_t public_len;
} dh_algorithms[] = {
    { "X25519", 32 },
    { "X448", ENVL_DH_PUBLIC_LEN_MAX },
};
#define DH_ALGORITHM_COUNT (sizeof(dh_algorithms) / sizeof(dh_algorithms[0]))

const char *
envl_kek_dh_algorithm(const EVP_PKEY *key)
{
    size_t i;

    for (i = 0; i < DH_ALGORITHM_COUNT; i++) {
        if (EVP_PKEY_is_a(key, dh_algorithms[i].name))
            return dh_algorithms[i].name;
    }
    return NULL;
}

/* The attribute */

/* Take an element that has to be this text. */
static bool
take_word(struct envl_der *in, const char *word)
{
    struct envl_der text;

    return envl_der_take(in, ENVL_DER_UTF8, &text)
           && envl_der_is(&text, (const unsigned char *)word, strlen(word));
}

static bool
take_octets(struct envl_der *in, unsigned char *out, size_t len)
{
    struct envl_der octets;

    if (!envl_der_take(in, ENVL_DER_OCTETS, &octets) || octets.len != len)
        return false;
    memcpy(out, octets.p, len);
    return true;
}

/* One that is not negative, in as few bytes as DER has it. */
static bool
take_number(struct envl_der *in, uint64_t *out)
{
    struct envl_der n;
    size_t i;

    if (!envl_der_take(in, ENVL_DER_INTEGER, &n) || n.len == 0
        || (n.p[0] & 0x80) != 0
        || (n.len > 1 && n.p[0] == 0 && (n.p[1] & 0x80) == 0)
        || n.len - (n.p[0] == 0) > sizeof(*out))
        return false;
    for (*out = 0, i = 0; i < n.len; i++)
        *out = *out << 8 | n.p[i];
    return true;
}

static bool
parse_scrypt(struct envl_kek_source *source, struct envl_der in)
{
    source->kind = ENVL_KEK_SCRYPT;
    return take_word(&in, "scrypt")
           && take_octets(&in, source->u.scrypt.salt, ENVL_SCRYPT_SALT_LEN)
           && take_number(&in, &source->u.scrypt.n)
           && take_number(&in, &source->u.scrypt.r)
           && take_number(&in, &source->u.scrypt.p) && in.len == 0;
}

static bool
parse_dh(struct envl_kek_source *source, struct envl_der in)
{
    struct envl_der rest;
    size_t i;

    source->kind = ENVL_KEK_DH;
    if (!take_word(&in, "dh"))
        return false;
    for (i = 0; i < DH_ALGORITHM_COUNT; i++) {
        rest = in;
        if (!take_word(&rest, dh_algorithms[i].name))
            continue;
        source->u.dh.algorithm = dh_algorithms[i].name;
        source->u.dh.public_len = dh_algorithms[i].public_len;
        return take_octets(&rest, source->u.dh.public, source->u.dh.public_len)
               && rest.len == 0;
    }
    return false;
}

bool
envl_kek_kms_is_good(const struct envl_kek_source *source)
{
    const char *service = source->u.kms.service, *key = source->u.kms.key;
    size_t i;

    if (source->u.kms.service_len == 0
        || source->u.kms.service_len > ENVL_KMS_SERVICE_LEN_MAX
        || source->u.kms.key_len == 0
        || source->u.kms.key_len > ENVL_KMS_KEY_LEN_MAX
        || source->u.kms.blob_len == 0
        || source->u.kms.blob_len > ENVL_KMS_BLOB_LEN_MAX)
        return false;
    for (i = 0; i < source->u.kms.service_len; i++) {
        if (!(service[i] >= 'a' && service[i] <= 'z')
            && !(service[i] >= '0' && service[i] <= '9'))
            return false;
    }
    for (i = 0; i < source->u.kms.key_len; i++) {
        if (key[i] <= 0x20 || key[i] >= 0x7f)
            return false;
    }
    return true;
}

static bool
parse_kms(struct envl_kek_source *source, struct envl_der in)
{
    struct envl_der service, key, context, blob;

    source->kind = ENVL_KEK_KMS;
    if (!take_word(&in, "kms") || !envl_der_take(&in, ENVL_DER_UTF8, &service)
        || !envl_der_take(&in, ENVL_DER_UTF8, &key)
        || !envl_der_take(&in, ENVL_DER_UTF8, &context)
        || !envl_der_take(&in, ENVL_DER_OCTETS, &blob) || in.len > 0)
        return false;
    source->u.kms.service = (const char *)service.p;
    source->u.kms.service_len = service.len;
    source->u.kms.key = (const char *)key.p;
    source->u.kms.key_len = key.len;
    source->u.kms.has_context = context.len > 0;
    source->u.kms.blob = blob.p;
    source->u.kms.blob_len = blob.len;
    return (context.len == 0
            || envl_der_is(&context, (const unsigned char *)kms_context,
                           strlen(kms_context)))
           && envl_kek_kms_is_good(source);
}

/* Nothing is allocated: a recipient is never passed over for want of memory. */
void
envl_kek_source_parse(struct envl_kek_source *source,
                      const ASN1_OBJECT *attr_id, const ASN1_TYPE *attr)
{
    struct envl_der in, elements;

    memset(source, 0, sizeof(*source));
    source->kind = ENVL_KEK_BARE;
    if (attr_id == NULL)
        return;
    source->kind = ENVL_KEK_UNKNOWN;
    if (OBJ_length(attr_id) != sizeof(source_oid_der)
        || memcmp(OBJ_get0_data(attr_id), source_oid_der,
                  sizeof(source_oid_der))
               != 0
        || attr == NULL || attr->type != V_ASN1_SEQUENCE)
        return;
    in.p = ASN1_STRING_get0_data(attr->value.sequence);
    in.len = (size_t)ASN1_STRING_length(attr->value.sequence);
    if (!envl_der_take(&in, ENVL_DER_SEQUENCE, &elements) || in.len > 0
        || (!parse_scrypt(source, elements) && !parse_dh(source, elements)
            && !parse_kms(source, elements)))
        source->kind = ENVL_KEK_UNKNOWN;
}

/* Put value, which becomes the sequence's, at its end; NULL is a failure. */
static bool
push(ASN1_SEQUENCE_ANY *seq, int type, ASN1_STRING *value)
{
    ASN1_TYPE *t;

    if (value == NULL)
        return false;
    if ((t = ASN1_TYPE_new()) == NULL) {
        ASN1_STRING_free(value);
        return false;
    }
    ASN1_TYPE_set(t, type, value);
    if (sk_ASN1_TYPE_push(seq, t) <= 0) {
        ASN1_TYPE_free(t);
        return false;
    }
    return true;
}

static bool
push_octets(ASN1_SEQUENCE_ANY *seq, int type, const void *data, size_t len)
{
    ASN1_STRING *s = ASN1_STRING_type_new(type);

    if (s != NULL && !ASN1_STRING_set(s, data, (int)len)) {
        ASN1_STRING_free(s);
        s = NULL;
    }
    return push(seq, type, s);
}

static bool
push_text(ASN1_SEQUENCE_ANY *seq, const char *text)
{
    return push_octets(seq, V_ASN1_UTF8STRING, text, strlen(text));
}

static bool
push_number(ASN1_SEQUENCE_ANY *seq, uint64_t value)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();

    if (n != NULL && !ASN1_INTEGER_set_uint64(n, value)) {
        ASN1_INTEGER_free(n);
        n = NULL;
    }
    return push(seq, V_ASN1_INTEGER, n);
}

static bool
push_source(ASN1_SEQUENCE_ANY *seq, const struct envl_kek_source *source)
{
    if (source->kind == ENVL_KEK_SCRYPT)
        return push_text(seq, "scrypt")
               && push_octets(seq, V_ASN1_OCTET_STRING, source->u.scrypt.salt,
                              ENVL_SCRYPT_SALT_LEN)
               && push_number(seq, source->u.scrypt.n)
               && push_number(seq, source->u.scrypt.r)
               && push_number(seq, source->u.scrypt.p);
    if (source->kind == ENVL_KEK_KMS)
        return push_text(seq, "kms")
               && push_octets(seq, V_ASN1_UTF8STRING, source->u.kms.service,
                              source->u.kms.service_len)
               && push_octets(seq, V_ASN1_UTF8STRING, source->u.kms.key,
                              source->u.kms.key_len)
               && push_text(seq, source->u.kms.has_context ? kms_context : "")
               && push_octets(seq, V_ASN1_OCTET_STRING, source->u.kms.blob,
                              source->u.kms.blob_len);
    return push_text(seq, "dh") && push_text(seq, source->u.dh.algorithm)
           && push_octets(seq, V_ASN1_OCTET_STRING, source->u.dh.public,
                          source->u.dh.public_len);
}

/* OBJ_txt2obj() may pass over a failure of memory within it, and return another
 * identifier: nobody would know the recipient. */
static ASN1_OBJECT *
make_id(void)
{
    ASN1_OBJECT *id = OBJ_txt2obj(source_oid, 1);
    char text[sizeof(source_oid) + 1];

    if (id != NULL
        && (OBJ_obj2txt(text, sizeof(text), id, 1) <= 0
            || strcmp(text, source_oid) != 0)) {
        ASN1_OBJECT_free(id);
        id = NULL;
    }
    return id;
}

int
envl_kek_source_build(const struct envl_kek_source *source,
                      ASN1_OBJECT **attr_id, ASN1_TYPE **attr)
{
    ASN1_SEQUENCE_ANY *seq = sk_ASN1_TYPE_new_null();

    *attr = NULL;
    *attr_id = make_id();
    if (seq != NULL && *attr_id != NULL && push_source(seq, source))
        *attr = ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(ASN1_SEQUENCE_ANY), seq,
                                        NULL);
    sk_ASN1_TYPE_pop_free(seq, ASN1_TYPE_free);
    if (*attr != NULL)
        return 1;
    ASN1_OBJECT_free(*attr_id);
    *attr_id = NULL;
    return 0;
}
