/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attribute is a SEQUENCE whose elements differ by kind; libcrypto's
 * SEQUENCE OF ANY reads and writes it, element by element.
 */
#include "lib/kek_source.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

/* The arc of the format, made from a UUID (ITU-T X.667), and its first leaf. */
static const char source_oid[] =
    "2.25.316074012886541906706424215129532293222.1";

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

static const ASN1_STRING *
string_at(const ASN1_SEQUENCE_ANY *seq, int i, int type)
{
    const ASN1_TYPE *t = sk_ASN1_TYPE_value(seq, i);

    return t != NULL && t->type == type ? t->value.asn1_string : NULL;
}

static bool
text_at_is(const ASN1_SEQUENCE_ANY *seq, int i, const char *text)
{
    const ASN1_STRING *s = string_at(seq, i, V_ASN1_UTF8STRING);

    return s != NULL && (size_t)ASN1_STRING_length(s) == strlen(text)
           && memcmp(ASN1_STRING_get0_data(s), text, strlen(text)) == 0;
}

static bool
octets_at(const ASN1_SEQUENCE_ANY *seq, int i, unsigned char *out, size_t len)
{
    const ASN1_STRING *s = string_at(seq, i, V_ASN1_OCTET_STRING);

    if (s == NULL || (size_t)ASN1_STRING_length(s) != len)
        return false;
    memcpy(out, ASN1_STRING_get0_data(s), len);
    return true;
}

static bool
number_at(const ASN1_SEQUENCE_ANY *seq, int i, uint64_t *out)
{
    const ASN1_STRING *s = string_at(seq, i, V_ASN1_INTEGER);

    return s != NULL && ASN1_INTEGER_get_uint64(out, s);
}

static bool
parse_scrypt(struct envl_kek_source *source, const ASN1_SEQUENCE_ANY *seq)
{
    source->kind = ENVL_KEK_SCRYPT;
    return sk_ASN1_TYPE_num(seq) == 5 && text_at_is(seq, 0, "scrypt")
           && octets_at(seq, 1, source->u.scrypt.salt, ENVL_SCRYPT_SALT_LEN)
           && number_at(seq, 2, &source->u.scrypt.n)
           && number_at(seq, 3, &source->u.scrypt.r)
           && number_at(seq, 4, &source->u.scrypt.p);
}

static bool
parse_dh(struct envl_kek_source *source, const ASN1_SEQUENCE_ANY *seq)
{
    size_t i;

    source->kind = ENVL_KEK_DH;
    if (sk_ASN1_TYPE_num(seq) != 3 || !text_at_is(seq, 0, "dh"))
        return false;
    for (i = 0; i < DH_ALGORITHM_COUNT; i++) {
        if (!text_at_is(seq, 1, dh_algorithms[i].name))
            continue;
        source->u.dh.algorithm = dh_algorithms[i].name;
        source->u.dh.public_len = dh_algorithms[i].public_len;
        return octets_at(seq, 2, source->u.dh.public, source->u.dh.public_len);
    }
    return false;
}

/* An element of the sequence as it stands in the attribute, which stays. */
static const unsigned char *
raw_at(const ASN1_TYPE *attr, int i, size_t len)
{
    const ASN1_STRING *der = attr->value.sequence;
    const unsigned char *p = ASN1_STRING_get0_data(der);
    const unsigned char *end = p + ASN1_STRING_length(der);
    int tag, class, flags;
    long n = 0;

    (void)ASN1_get_object(&p, &n, &tag, &class, end - p); /* the sequence */
    n = 0;
    do {
        p += n;
        flags = ASN1_get_object(&p, &n, &tag, &class, end - p);
    } while (i-- > 0 && (flags & 0x80) == 0);
    return flags == 0 && (size_t)n == len ? p : NULL;
}

/* A string that is not copied; NULL if it is none of this type. */
static const unsigned char *
borrow_at(const ASN1_SEQUENCE_ANY *seq, const ASN1_TYPE *attr, int i, int type,
          size_t *len)
{
    const ASN1_STRING *s = string_at(seq, i, type);

    *len = s != NULL ? (size_t)ASN1_STRING_length(s) : 0;
    return s != NULL ? raw_at(attr, i, *len) : NULL;
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
parse_kms(struct envl_kek_source *source, const ASN1_SEQUENCE_ANY *seq,
          const ASN1_TYPE *attr)
{
    source->kind = ENVL_KEK_KMS;
    if (sk_ASN1_TYPE_num(seq) != 5 || !text_at_is(seq, 0, "kms")
        || !(text_at_is(seq, 3, "") || text_at_is(seq, 3, kms_context)))
        return false;
    source->u.kms.has_context = text_at_is(seq, 3, kms_context);
    source->u.kms.service = (const char *)borrow_at(
        seq, attr, 1, V_ASN1_UTF8STRING, &source->u.kms.service_len);
    source->u.kms.key = (const char *)borrow_at(seq, attr, 2, V_ASN1_UTF8STRING,
                                                &source->u.kms.key_len);
    source->u.kms.blob =
        borrow_at(seq, attr, 4, V_ASN1_OCTET_STRING, &source->u.kms.blob_len);
    return source->u.kms.service != NULL && source->u.kms.key != NULL
           && source->u.kms.blob != NULL && envl_kek_kms_is_good(source);
}

void
envl_kek_source_parse(struct envl_kek_source *source,
                      const ASN1_OBJECT *attr_id, const ASN1_TYPE *attr)
{
    ASN1_SEQUENCE_ANY *seq = NULL;
    char oid[sizeof(source_oid) + 1];

    memset(source, 0, sizeof(*source));
    source->kind = ENVL_KEK_BARE;
    if (attr_id == NULL)
        return;
    if (OBJ_obj2txt(oid, sizeof(oid), attr_id, 1) == sizeof(source_oid) - 1
        && strcmp(oid, source_oid) == 0 && attr != NULL
        && attr->type == V_ASN1_SEQUENCE)
        seq =
            ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(ASN1_SEQUENCE_ANY), attr);
    if (seq == NULL
        || (!parse_scrypt(source, seq) && !parse_dh(source, seq)
            && !parse_kms(source, seq, attr)))
        source->kind = ENVL_KEK_UNKNOWN;
    sk_ASN1_TYPE_pop_free(seq, ASN1_TYPE_free);
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
