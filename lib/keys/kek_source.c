/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attribute is a SEQUENCE whose elements differ by kind.  Its reader and
 * its writer are both here.  Nothing is allocated, so that a recipient is never
 * skipped because memory ran out.
 */
#include "lib/keys/kek_source.h"

#include <string.h>

/* The arc of the format, made from a UUID (ITU-T X.667), and its first leaf:
 * 2.25.316074012886541906706424215129532293222.1 */
static const unsigned char source_oid[] = {
    ENVL_DER_OID, 21,   0x69, 0x83, 0xdb, 0xc9, 0xd1, 0xff,
    0xd8,         0xa9, 0xfa, 0xb0, 0xc3, 0x8d, 0xdb, 0xaa,
    0xf7,         0xa5, 0xc9, 0x99, 0xc0, 0x66, 0x01
};

/* The part of the stream that is bound to a key service's ciphertext. */
static const char kms_context[] = "labels";

/* Elements */

/* Take an element that has to be this text. */
static bool
take_word(struct envl_der *in, const char *word)
{
    struct envl_der text;

    return envl_der_take(in, ENVL_DER_UTF8, &text)
           && envl_der_is(&text, (const unsigned char *)word, strlen(word));
}

/* Take an INTEGER that is not negative and has the shortest encoding. */
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
           && envl_der_take_octets(&in, ENVL_DER_OCTETS, source->u.scrypt.salt,
                                   ENVL_SCRYPT_SALT_LEN)
           && take_number(&in, &source->u.scrypt.n)
           && take_number(&in, &source->u.scrypt.r)
           && take_number(&in, &source->u.scrypt.p) && in.len == 0;
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

static bool
parse(struct envl_kek_source *source, struct envl_der other)
{
    struct envl_der elements;

    return envl_der_take_just(&other, source_oid, sizeof(source_oid))
           && envl_der_take(&other, ENVL_DER_SEQUENCE, &elements)
           && other.len == 0
           && (parse_scrypt(source, elements) || parse_kms(source, elements));
}

void
envl_kek_source_parse(struct envl_kek_source *source, struct envl_der other)
{
    memset(source, 0, sizeof(*source));
    if (other.p == NULL)
        source->kind = ENVL_KEK_BARE;
    else if (!parse(source, other))
        source->kind = ENVL_KEK_UNKNOWN;
}

/* Writing */

static void
put_text(struct envl_der_writer *w, const char *text)
{
    envl_der_put_element(w, ENVL_DER_UTF8, text, strlen(text));
}

/* The shortest encoding; its first byte is below 0x80, so it is positive. */
static void
put_number(struct envl_der_writer *w, uint64_t value)
{
    unsigned char bytes[1 + sizeof(value)], *end = bytes + sizeof(bytes);
    unsigned char *p = end;

    do {
        *--p = (unsigned char)value;
        value >>= 8;
    } while (value > 0);
    if ((*p & 0x80) != 0)
        *--p = 0;
    envl_der_put_element(w, ENVL_DER_INTEGER, p, (size_t)(end - p));
}

static void
put_scrypt(struct envl_der_writer *w, const struct envl_kek_source *source)
{
    put_number(w, source->u.scrypt.p);
    put_number(w, source->u.scrypt.r);
    put_number(w, source->u.scrypt.n);
    envl_der_put_element(w, ENVL_DER_OCTETS, source->u.scrypt.salt,
                         ENVL_SCRYPT_SALT_LEN);
    put_text(w, "scrypt");
}

static void
put_kms(struct envl_der_writer *w, const struct envl_kek_source *source)
{
    envl_der_put_element(w, ENVL_DER_OCTETS, source->u.kms.blob,
                         source->u.kms.blob_len);
    put_text(w, source->u.kms.has_context ? kms_context : "");
    envl_der_put_element(w, ENVL_DER_UTF8, source->u.kms.key,
                         source->u.kms.key_len);
    envl_der_put_element(w, ENVL_DER_UTF8, source->u.kms.service,
                         source->u.kms.service_len);
    put_text(w, "kms");
}

void
envl_kek_source_put(struct envl_der_writer *w,
                    const struct envl_kek_source *source)
{
    size_t since = envl_der_len(w);

    if (source->kind == ENVL_KEK_SCRYPT)
        put_scrypt(w, source);
    else
        put_kms(w, source);
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    envl_der_put(w, source_oid, sizeof(source_oid));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
}
