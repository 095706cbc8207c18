/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KeyAgreeRecipientInfo (RFC 5652, 6.2.2) with an ephemeral key: ECDH on P-256,
 * P-384 and P-521 (RFC 5753), and X25519 and X448 with HKDF (RFC 8418).
 *
 * A private key is only used for plain key agreement: providers of hardware
 * keys often offer nothing else.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "lib/base/algorithms.h"
#include "lib/base/param.h"
#include "lib/cms/form.h"
#include "lib/cms/key_wrap.h"
#include "lib/keys/key_kind.h"
#include "lib/keys/key_use.h"

#define TAG_KARI (ENVL_DER_CONSTRUCTED + 1)
#define TAG_ORIGINATOR (ENVL_DER_CONSTRUCTED + 0)
#define TAG_ORIGINATOR_KEY (ENVL_DER_CONSTRUCTED + 1)
#define TAG_UKM (ENVL_DER_CONSTRUCTED + 1)
#define TAG_KEY_ID (ENVL_DER_CONSTRUCTED + 0)

#define SECRET_LEN_MAX 66 /* of P-521 */
#define POINT_LEN_MAX 133 /* the same, uncompressed */
#define X25519_LEN 32
#define X448_LEN 56
#define UKM_LEN_MAX 512

enum { VERSION = 3 };

/* Algorithms */

/* How a key is derived, with the AES-256 key wrap as parameter. */
struct envl_agreement {
    enum envl_entry_kind kind;
    enum envl_kdf_name kdf;
    const char *digest, *text;
    unsigned char oid[13];
    size_t oid_len;
};

/* clang-format off */
#define X963_OID(last) \
    { ENVL_DER_OID, 6, 0x2b, 0x81, 0x04, 0x01, 0x0b, last }, 8
#define HKDF_OID(last) \
    { ENVL_DER_OID, 11, \
      0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, last }, 13

/* dhSinglePass-stdDH-sha256kdf-scheme and those with other hashes (RFC 5753,
 * 7.1.4); dhSinglePass-stdDH-hkdf-sha256-scheme and those with other hashes
 * (RFC 8418, 5). */
static const struct envl_agreement agreements[] = {
    { ENVL_ENTRY_EC, ENVL_X963KDF, "SHA256", "256", X963_OID(1) },
    { ENVL_ENTRY_EC, ENVL_X963KDF, "SHA384", "384", X963_OID(2) },
    { ENVL_ENTRY_EC, ENVL_X963KDF, "SHA512", "512", X963_OID(3) },
    { ENVL_ENTRY_DH, ENVL_HKDF, "SHA256", "256", HKDF_OID(19) },
    { ENVL_ENTRY_DH, ENVL_HKDF, "SHA384", "384", HKDF_OID(20) },
    { ENVL_ENTRY_DH, ENVL_HKDF, "SHA512", "512", HKDF_OID(21) },
};

enum { FOR_EC = 0, FOR_X25519 = 3, FOR_X448 = 5 }; /* what is written */

/* Ephemeral keys: id-ecPublicKey (RFC 5480), id-X25519, id-X448 (RFC 8410). */
static const struct originator {
    const char *algorithm;
    enum envl_entry_kind kind;
    size_t len; /* of the key; 0 for a point */
    unsigned char oid[9];
    size_t oid_len;
} originators[] = {
    { "EC", ENVL_ENTRY_EC, 0,
      { ENVL_DER_OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 }, 9 },
    { "X25519", ENVL_ENTRY_DH, X25519_LEN,
      { ENVL_DER_OID, 3, 0x2b, 0x65, 0x6e }, 5 },
    { "X448", ENVL_ENTRY_DH, X448_LEN,
      { ENVL_DER_OID, 3, 0x2b, 0x65, 0x6f }, 5 },
};

/* The curves.  This project's messages show the curve only by the length of the
 * point; other writers also name it as a parameter. */
static const struct {
    const char *name;
    size_t len;
    unsigned char oid[10];
    size_t oid_len;
} curves[] = {
    { "P-256", 32,
      { ENVL_DER_OID, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 10 },
    { "P-384", 48, { ENVL_DER_OID, 5, 0x2b, 0x81, 0x04, 0x00, 0x22 }, 7 },
    { "P-521", 66, { ENVL_DER_OID, 5, 0x2b, 0x81, 0x04, 0x00, 0x23 }, 7 },
};
/* clang-format on */

/* Reading */

static const struct envl_agreement *
find_agreement(struct envl_der algorithm)
{
    struct envl_der in;
    size_t i;

    for (i = 0; i < COUNT_OF(agreements); i++) {
        in = algorithm;
        if (envl_der_take_just(&in, agreements[i].oid, agreements[i].oid_len)
            && envl_der_is(&in, envl_key_wrap_der, sizeof(envl_key_wrap_der)))
            return &agreements[i];
    }
    return NULL;
}

/* Bytes of a coordinate; 0 if the point is neither compressed nor
 * uncompressed. */
static size_t
coordinate_len(const struct envl_der *point)
{
    if (point->len == 0)
        return 0;
    switch (point->p[0]) {
    case POINT_CONVERSION_UNCOMPRESSED:
        return point->len % 2 == 1 ? (point->len - 1) / 2 : 0;
    case POINT_CONVERSION_COMPRESSED:
    case POINT_CONVERSION_COMPRESSED + 1:
        return point->len - 1;
    default:
        return 0;
    }
}

/* The curve with coordinates of the entry's length, or NULL. */
static const char *
curve_of(const struct envl_entry *entry)
{
    size_t i;

    for (i = 0; i < COUNT_OF(curves); i++) {
        if (entry->key_len == curves[i].len)
            return curves[i].name;
    }
    return NULL;
}

/* Parameters of id-ecPublicKey: none, NULL, or the curve's name (RFC 5753,
 * 3.1.1). */
static bool
are_parameters(struct envl_der in, size_t len)
{
    static const unsigned char null[] = { ENVL_DER_NULL, 0 };
    size_t i;

    if (in.len == 0 || envl_der_is(&in, null, sizeof(null)))
        return true;
    for (i = 0; i < COUNT_OF(curves); i++) {
        if (len == curves[i].len
            && envl_der_is(&in, curves[i].oid, curves[i].oid_len))
            return true;
    }
    return false;
}

/*
 * Is u below the prime p of its field?  RFC 7748 accepts other numbers and
 * ignores bit 255.  Then some keys would have two encodings, and a message
 * would have a bit that nothing authenticates.
 */
static bool
is_canonical(const struct envl_der *u)
{
    static const unsigned char p25519[2] = { 0xed, 0x7f }; /* its ends */
    size_t i;

    if (u->len == X25519_LEN) { /* 2^255 - 19, little-endian */
        if (u->p[X25519_LEN - 1] != p25519[1])
            return u->p[X25519_LEN - 1] < p25519[1];
        for (i = X25519_LEN - 2; i > 0; i--) {
            if (u->p[i] != 0xff)
                return true;
        }
        return u->p[0] < p25519[0];
    }
    for (i = X448_LEN - 1; i > 0; i--) { /* 2^448 - 2^224 - 1 */
        unsigned char digit = i == 28 ? 0xfe : 0xff;

        if (u->p[i] != digit)
            return u->p[i] < digit;
    }
    return u->p[0] < 0xff;
}

/* Take an OriginatorIdentifierOrKey; algorithm and bits are those of an
 * originatorKey, and their p is NULL for the other choices. */
static bool
take_originator(struct envl_der *algorithm, struct envl_der *bits,
                struct envl_der *in)
{
    struct envl_der choice, key, id;

    *algorithm = *bits = (struct envl_der){ NULL, 0 };
    if (!envl_der_take(in, TAG_ORIGINATOR, &choice))
        return false;
    if (!envl_der_take(&choice, TAG_ORIGINATOR_KEY, &key))
        return envl_form_take_rid(&id, &choice) && choice.len == 0;
    return choice.len == 0 && envl_form_take_algorithm(algorithm, &key)
           && envl_der_take(&key, ENVL_DER_BITS, bits) && key.len == 0;
}

/* Read the ephemeral key; false if there is none, or FORMAT 5.1 lacks its
 * kind. */
static bool
read_originator(struct envl_entry *to, struct envl_der algorithm,
                struct envl_der bits)
{
    struct envl_der rest;
    size_t i;

    if (bits.len == 0 || bits.p[0] != 0)
        return false;
    to->sender = (struct envl_der){ bits.p + 1, bits.len - 1 };
    for (i = 0; i < COUNT_OF(originators); i++) {
        rest = algorithm;
        if (!envl_der_take_just(&rest, originators[i].oid,
                                originators[i].oid_len))
            continue;
        to->algorithm = originators[i].algorithm;
        to->kind = originators[i].kind;
        if (to->kind == ENVL_ENTRY_DH)
            return rest.len == 0 && to->sender.len == originators[i].len
                   && is_canonical(&to->sender);
        to->key_len = coordinate_len(&to->sender);
        return curve_of(to) != NULL && are_parameters(rest, to->key_len);
    }
    return false;
}

/* KeyAgreeRecipientIdentifier: a RecipientKeyIdentifier, or a certificate's
 * issuer and serial number. */
static bool
take_rid(struct envl_der *id, struct envl_der *in)
{
    struct envl_der rid, other;

    *id = (struct envl_der){ NULL, 0 };
    if (envl_der_take(in, TAG_KEY_ID, &rid))
        return envl_form_take_key_id(id, &other, rid);
    return envl_form_take_issuer(in);
}

/* The parts of a kari that all of its recipients share. */
struct kari {
    struct envl_der version, sender, sender_bits, ukm, algorithm, keys;
};

static bool
take_kari(struct kari *kari, struct envl_der in)
{
    struct envl_der ukm;

    kari->ukm = (struct envl_der){ NULL, 0 };
    return envl_der_take(&in, ENVL_DER_INTEGER, &kari->version)
           && take_originator(&kari->sender, &kari->sender_bits, &in)
           && (!envl_der_take(&in, TAG_UKM, &ukm)
               || (envl_der_take(&ukm, ENVL_DER_OCTETS, &kari->ukm)
                   && ukm.len == 0))
           && envl_form_take_algorithm(&kari->algorithm, &in)
           && envl_der_take(&in, ENVL_DER_SEQUENCE, &kari->keys) && in.len == 0;
}

/* The derived key is bound to a ukm.  RFC 8418 wants readers to accept a ukm
 * with X25519 and X448, too; but no writer adds it, and FORMAT 5.1 excludes
 * it. */
static bool
may_have_ukm(const struct envl_entry *entry)
{
    return entry->ukm.p == NULL
           || (entry->kind == ENVL_ENTRY_EC && entry->ukm.len <= UKM_LEN_MAX);
}

/* Copy what all recipients of a kari share. */
static void
read_common(struct envl_entry *to, const struct kari *kari)
{
    to->ukm = kari->ukm;
    to->agreement = find_agreement(kari->algorithm);
    if (!read_originator(to, kari->sender, kari->sender_bits)
        || to->agreement == NULL || to->agreement->kind != to->kind
        || !may_have_ukm(to))
        to->kind = ENVL_ENTRY_OTHER;
}

static const char *
list(struct envl_entry *to, size_t *count, struct envl_der in)
{
    static const unsigned char version[] = { VERSION };
    struct envl_der key, id, wrapped;
    struct envl_entry common;
    struct kari kari;

    if (!take_kari(&kari, in))
        return envl_bad_structure;
    if (!envl_der_is(&kari.version, version, sizeof(version)))
        return envl_bad_version;
    if (to != NULL) {
        common = *to;
        read_common(&common, &kari);
    }
    for (*count = 0; kari.keys.len > 0; ++*count) {
        if (!envl_der_take(&kari.keys, ENVL_DER_SEQUENCE, &key)
            || !take_rid(&id, &key)
            || !envl_der_take(&key, ENVL_DER_OCTETS, &wrapped) || key.len > 0)
            return envl_bad_structure;
        if (to == NULL)
            continue;
        to[*count] = common;
        to[*count].id = id;
        to[*count].wrapped = wrapped;
    }
    return NULL;
}

/* Key agreement */

/* ECC-CMS-SharedInfo (RFC 5753, 7.2). */
static struct envl_der
shared_info(unsigned char *buf, size_t size, const struct envl_der *ukm)
{
    static const unsigned char kek_bits[] = { 0, 0, ENVL_KEK_LEN * 8 >> 8,
                                              ENVL_KEK_LEN * 8 & 0xff };
    struct envl_der_writer w;
    size_t since;

    envl_der_begin(&w, buf, size);
    envl_der_put_element(&w, ENVL_DER_OCTETS, kek_bits, sizeof(kek_bits));
    envl_der_wrap(&w, ENVL_DER_CONSTRUCTED + 2, 0); /* suppPubInfo */
    since = envl_der_len(&w);
    if (ukm->p != NULL) {
        envl_der_put_element(&w, ENVL_DER_OCTETS, ukm->p, ukm->len);
        envl_der_wrap(&w, ENVL_DER_CONSTRUCTED + 0, since); /* entityUInfo */
    }
    envl_der_put(&w, envl_key_wrap_der, sizeof(envl_key_wrap_der));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    return envl_der_written(&w);
}

static bool
derive_kek(unsigned char kek[ENVL_KEK_LEN],
           const struct envl_agreement *agreement, const struct envl_der *ukm,
           const struct envl_libctx *ctx, const unsigned char *secret,
           size_t secret_len)
{
    unsigned char buf[UKM_LEN_MAX + 64];
    const struct envl_der info = shared_info(buf, sizeof(buf), ukm);
    const struct envl_der key = { secret, secret_len };

    return info.p != NULL
           && envl_derive_by_hash(kek, ENVL_KEK_LEN, ctx, agreement->kdf,
                                  agreement->digest, &key, &info);
}

/* The originator's ephemeral public key, as a key of the recipient's kind. */
static EVP_PKEY *
originator_key(const struct envl_entry *entry, const struct envl_libctx *ctx,
               EVP_PKEY *key)
{
    char group[ENVL_CURVE_NAME_MAX];
    OSSL_PARAM params[3], *p = params;

    *p++ = envl_param_octets(OSSL_PKEY_PARAM_PUB_KEY, entry->sender.p,
                             entry->sender.len);
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
        *p++ = envl_param_text(OSSL_PKEY_PARAM_GROUP_NAME, group);
    *p = OSSL_PARAM_construct_end();
    return envl_key_make(ctx, entry->algorithm, EVP_PKEY_PUBLIC_KEY, params);
}

static bool
unwrap(unsigned char cek[ENVL_CEK_LEN], const struct envl_entry *entry,
       const struct envl_libctx *ctx, const struct envl_secret *with)
{
    EVP_PKEY *originator = originator_key(entry, ctx, with->key);
    unsigned char secret[SECRET_LEN_MAX], kek[ENVL_KEK_LEN];
    size_t len;
    bool ok =
        originator != NULL
        && envl_key_agree(secret, sizeof(secret), &len, ctx, with->key,
                          with->propq, originator)
        && derive_kek(kek, entry->agreement, &entry->ukm, ctx, secret, len)
        && envl_key_unwrap(cek, ctx, kek, &entry->wrapped);

    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(kek, sizeof(kek));
    EVP_PKEY_free(originator);
    return ok;
}

/* Writing */

static const struct originator *
originator_of(const EVP_PKEY *key)
{
    enum envl_key_kind kind;
    const char *algorithm = envl_key_algorithm(&kind, key);
    size_t i;

    for (i = 0; i < COUNT_OF(originators) && algorithm != NULL; i++) {
        if (strcmp(algorithm, originators[i].algorithm) == 0)
            return &originators[i];
    }
    return NULL;
}

static const struct envl_agreement *
agreement_for(const struct originator *originator)
{
    if (originator->kind == ENVL_ENTRY_EC)
        return &agreements[FOR_EC];
    return &agreements[originator->len == X448_LEN ? FOR_X448 : FOR_X25519];
}

static EVP_PKEY *
make_ephemeral(const struct originator *originator,
               const struct envl_libctx *ctx, const EVP_PKEY *recipient)
{
    char group[ENVL_CURVE_NAME_MAX];

    if (originator->kind == ENVL_ENTRY_DH)
        return EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq,
                                 originator->algorithm);
    if (!EVP_PKEY_get_group_name(recipient, group, sizeof(group), NULL))
        return NULL;
    return EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq, "EC", group);
}

/* The ephemeral public key: a point, or the number of RFC 7748. */
static bool
put_originator(struct envl_der_writer *w, const struct originator *originator,
               const EVP_PKEY *ephemeral)
{
    unsigned char bits[1 + POINT_LEN_MAX] = { 0 }; /* unused bits: none */
    size_t len, since = envl_der_len(w);

    if (!EVP_PKEY_get_octet_string_param(ephemeral,
                                         OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                         bits + 1, POINT_LEN_MAX, &len))
        return false;
    envl_der_put_element(w, ENVL_DER_BITS, bits, 1 + len);
    envl_der_put_element(w, ENVL_DER_SEQUENCE, originator->oid,
                         originator->oid_len);
    envl_der_wrap(w, TAG_ORIGINATOR_KEY, since);
    envl_der_wrap(w, TAG_ORIGINATOR, since);
    return true;
}

static void
put_key(struct envl_der_writer *w, const struct envl_key_id *id,
        const unsigned char wrapped[ENVL_WRAPPED_LEN])
{
    size_t since = envl_der_len(w), rid;

    envl_der_put_element(w, ENVL_DER_OCTETS, wrapped, ENVL_WRAPPED_LEN);
    rid = envl_der_len(w);
    envl_der_put_element(w, ENVL_DER_OCTETS, id->bytes, id->len);
    envl_der_wrap(w, TAG_KEY_ID, rid);
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since); /* of one key */
}

static void
put_algorithm(struct envl_der_writer *w, const struct envl_agreement *agreement)
{
    size_t since = envl_der_len(w);

    envl_der_put(w, envl_key_wrap_der, sizeof(envl_key_wrap_der));
    envl_der_put(w, agreement->oid, agreement->oid_len);
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
}

static enum envelope_reason
wrap(struct envl_der_writer *w, const struct envl_wrap *how,
     const struct envl_recipient *recipient, struct envl_err *err)
{
    static const unsigned char version[] = { ENVL_DER_INTEGER, 1, VERSION };
    static const struct envl_der no_ukm = { NULL, 0 };
    const struct originator *originator = originator_of(recipient->key);
    unsigned char secret[SECRET_LEN_MAX], kek[ENVL_KEK_LEN];
    unsigned char wrapped[ENVL_WRAPPED_LEN];
    const struct envl_agreement *agreement;
    size_t len, since = envl_der_len(w);
    EVP_PKEY *ephemeral;
    bool ok;

    if (originator == NULL) /* a checked key lacks a name only without memory */
        return envl_fail_memory(err);
    agreement = agreement_for(originator);
    ephemeral = make_ephemeral(originator, how->ctx, recipient->key);
    ok = ephemeral != NULL
         && envl_key_agree(secret, sizeof(secret), &len, how->ctx, ephemeral,
                           how->ctx->propq, recipient->key)
         && derive_kek(kek, agreement, &no_ukm, how->ctx, secret, len)
         && envl_key_wrap(wrapped, how->ctx, kek, how->cek);
    if (ok) {
        put_key(w, &recipient->id, wrapped);
        put_algorithm(w, agreement);
        ok = put_originator(w, originator, ephemeral);
        envl_der_put(w, version, sizeof(version));
        envl_der_wrap(w, TAG_KARI, since);
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(kek, sizeof(kek));
    EVP_PKEY_free(ephemeral);
    return ok ? ENVELOPE_OK
              : envl_fail_crypto(err, "wrap the key for a recipient");
}

/* Words */

static void
describe(struct envl_description *to, const struct envl_entry *entry)
{
    const char *curve = curve_of(entry);

    if (entry->kind == ENVL_ENTRY_DH) {
        to->type = entry->sender.len == X448_LEN ? "x448" : "x25519";
        (void)snprintf(to->kind, sizeof(to->kind), "%s key", entry->algorithm);
        (void)snprintf(to->algorithm, sizeof(to->algorithm),
                       "%s, HKDF-SHA-%s, " ENVL_KEY_WRAP_TEXT, entry->algorithm,
                       entry->agreement->text);
    } else if (entry->kind == ENVL_ENTRY_EC) {
        to->type = "ec";
        (void)snprintf(to->algorithm, sizeof(to->algorithm),
                       "ECDH, X9.63 KDF with SHA-%s, " ENVL_KEY_WRAP_TEXT,
                       entry->agreement->text);
    }
    if (entry->kind == ENVL_ENTRY_EC || curve != NULL)
        (void)snprintf(to->kind, sizeof(to->kind), "EC key%s%s",
                       curve != NULL ? " on " : "", curve != NULL ? curve : "");
    else if (entry->kind == ENVL_ENTRY_OTHER)
        (void)snprintf(to->kind, sizeof(to->kind), "key agreement");
}

const struct envl_form envl_kari = { TAG_KARI, list, unwrap, wrap, describe };
