/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attribute is a SEQUENCE whose elements differ by kind; libcrypto's
 * SEQUENCE OF ANY reads and writes it, element by element.
 */
#include "lib/kek_source.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "lib/param.h"

/* The arc of the format, made from a UUID (ITU-T X.667), and its first leaf. */
static const char source_oid[] =
    "2.25.316074012886541906706424215129532293222.1";

static const char dh_info[] = "envelope v1 dh";
static const char kek_id_info[] = "envelope v1 kek id";

#define SCRYPT_R 8
#define SCRYPT_P 1

static const struct {
    const char *name;
    size_t public_len;
} dh_algorithms[] = {
    { "X25519", 32 },
    { "X448", ENVL_DH_PUBLIC_LEN_MAX },
};
#define DH_ALGORITHM_COUNT (sizeof(dh_algorithms) / sizeof(dh_algorithms[0]))
#define DH_SECRET_LEN_MAX ENVL_DH_PUBLIC_LEN_MAX

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
    if (seq == NULL || (!parse_scrypt(source, seq) && !parse_dh(source, seq)))
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

/* Key derivation */

static int
kdf(unsigned char *out, size_t len, const struct envl_libctx *ctx,
    const char *name, const OSSL_PARAM *params)
{
    EVP_KDF *kdf = EVP_KDF_fetch(ctx->libctx, name, ctx->propq);
    EVP_KDF_CTX *kctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    int ok = kctx != NULL && EVP_KDF_derive(kctx, out, len, params) > 0;

    EVP_KDF_CTX_free(kctx);
    EVP_KDF_free(kdf);
    return ok;
}

static int
hkdf_sha256(unsigned char *out, size_t len, const struct envl_libctx *ctx,
            const unsigned char *ikm, size_t ikm_len, const unsigned char *salt,
            size_t salt_len, const char *info)
{
    OSSL_PARAM params[] = {
        envl_param_text(OSSL_KDF_PARAM_DIGEST, "SHA256"),
        envl_param_octets(OSSL_KDF_PARAM_KEY, ikm, ikm_len),
        envl_param_octets(OSSL_KDF_PARAM_INFO, info, strlen(info)),
        envl_param_text(OSSL_KDF_PARAM_PROPERTIES, ctx->propq),
        OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };

    if (salt_len > 0)
        params[4] = envl_param_octets(OSSL_KDF_PARAM_SALT, salt, salt_len);

    return kdf(out, len, ctx, "HKDF", params);
}

enum envelope_reason
envl_kek_id(unsigned char id[ENVL_KEK_ID_LEN], const struct envl_libctx *ctx,
            const unsigned char kek[ENVL_KEK_LEN], struct envl_err *err)
{
    if (!hkdf_sha256(id, ENVL_KEK_ID_LEN, ctx, kek, ENVL_KEK_LEN, NULL, 0,
                     kek_id_info))
        return envl_fail_crypto(err, "derive a key identifier");
    return ENVELOPE_OK;
}

/* scrypt */

enum envelope_reason
envl_kek_scrypt_new(struct envl_kek_source *source,
                    const struct envl_libctx *ctx, unsigned log_n,
                    struct envl_err *err)
{
    memset(source, 0, sizeof(*source));
    source->kind = ENVL_KEK_SCRYPT;
    source->u.scrypt.n = UINT64_C(1) << log_n;
    source->u.scrypt.r = SCRYPT_R;
    source->u.scrypt.p = SCRYPT_P;
    if (RAND_bytes_ex(ctx->libctx, source->u.scrypt.salt, ENVL_SCRYPT_SALT_LEN,
                      0)
        <= 0)
        return envl_fail_crypto(err, "get random bytes for a salt");
    return ENVELOPE_OK;
}

uint64_t
envl_kek_scrypt_work(const struct envl_kek_source *source)
{
    uint64_t n = source->u.scrypt.n, r = source->u.scrypt.r,
             p = source->u.scrypt.p;

    if (n < 2 || (n & (n - 1)) != 0 || n > ENVL_SCRYPT_WORK_MAX || r == 0
        || r > ENVL_SCRYPT_RP_MAX || p == 0 || p > ENVL_SCRYPT_RP_MAX
        || 128 * n * r > ENVL_SCRYPT_MEMORY_MAX
        || n * r * p > ENVL_SCRYPT_WORK_MAX)
        return UINT64_MAX;
    return n * r * p;
}

enum envelope_reason
envl_kek_scrypt_derive(unsigned char kek[ENVL_KEK_LEN],
                       const struct envl_libctx *ctx,
                       const struct envl_kek_source *source,
                       const unsigned char *passphrase, size_t len,
                       struct envl_err *err)
{
    uint64_t n = source->u.scrypt.n, r = source->u.scrypt.r,
             p = source->u.scrypt.p;
    /* scrypt needs a little beside its large table: 128 * r * (p + 2). */
    uint64_t memory = ENVL_SCRYPT_MEMORY_MAX + (UINT64_C(1) << 20);
    OSSL_PARAM params[] = {
        envl_param_octets(OSSL_KDF_PARAM_PASSWORD, passphrase, len),
        envl_param_octets(OSSL_KDF_PARAM_SALT, source->u.scrypt.salt,
                          ENVL_SCRYPT_SALT_LEN),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };

    if (!kdf(kek, ENVL_KEK_LEN, ctx, "SCRYPT", params))
        return envl_fail_crypto(err, "derive a key from the passphrase");
    return ENVELOPE_OK;
}

/* X25519 and X448 */

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

/* The KEK from the two sides' keys; recipient is the one of the two whose
 * public key stands second in the salt. */
static enum envelope_reason
derive_dh(unsigned char kek[ENVL_KEK_LEN], const struct envl_libctx *ctx,
          const struct envl_kek_source *source, EVP_PKEY *own,
          const char *own_propq, EVP_PKEY *peer, EVP_PKEY *recipient,
          struct envl_err *err)
{
    static const unsigned char zero[DH_SECRET_LEN_MAX] = { 0 };
    unsigned char secret[DH_SECRET_LEN_MAX], salt[2 * ENVL_DH_PUBLIC_LEN_MAX];
    size_t secret_len = sizeof(secret), public_len = source->u.dh.public_len;
    enum envelope_reason rc = ENVELOPE_OK;
    EVP_PKEY_CTX *dh;

    /* libcrypto refuses an all-zero secret; another provider may not. */
    memcpy(salt, source->u.dh.public, public_len);
    dh = EVP_PKEY_CTX_new_from_pkey(ctx->libctx, own, own_propq);
    if (dh == NULL
        || EVP_PKEY_get_raw_public_key(recipient, salt + public_len,
                                       &public_len)
               <= 0
        || public_len != source->u.dh.public_len
        || EVP_PKEY_derive_init(dh) <= 0
        || EVP_PKEY_derive_set_peer(dh, peer) <= 0
        || EVP_PKEY_derive(dh, secret, &secret_len) <= 0
        || CRYPTO_memcmp(secret, zero, secret_len) == 0
        || !hkdf_sha256(kek, ENVL_KEK_LEN, ctx, secret, secret_len, salt,
                        2 * public_len, dh_info))
        rc = envl_fail_crypto(err, "agree on a key");
    OPENSSL_cleanse(secret, sizeof(secret));
    EVP_PKEY_CTX_free(dh);
    return rc;
}

enum envelope_reason
envl_kek_dh_new(struct envl_kek_source *source, unsigned char kek[ENVL_KEK_LEN],
                const struct envl_libctx *ctx, EVP_PKEY *recipient,
                struct envl_err *err)
{
    const char *algorithm = envl_kek_dh_algorithm(recipient);
    enum envelope_reason rc;
    EVP_PKEY *ephemeral;

    memset(source, 0, sizeof(*source));
    if (algorithm == NULL)
        return envl_fail_crypto(err, "tell what kind of key it is");
    source->kind = ENVL_KEK_DH;
    source->u.dh.algorithm = algorithm;
    source->u.dh.public_len = sizeof(source->u.dh.public);
    ephemeral = EVP_PKEY_Q_keygen(ctx->libctx, ctx->propq, algorithm);
    if (ephemeral == NULL
        || EVP_PKEY_get_raw_public_key(ephemeral, source->u.dh.public,
                                       &source->u.dh.public_len)
               <= 0)
        rc = envl_fail_crypto(err, "make an ephemeral key");
    else
        rc = derive_dh(kek, ctx, source, ephemeral, ctx->propq, recipient,
                       recipient, err);
    EVP_PKEY_free(ephemeral);
    return rc;
}

enum envelope_reason
envl_kek_dh_derive(unsigned char kek[ENVL_KEK_LEN],
                   const struct envl_libctx *ctx,
                   const struct envl_kek_source *source, EVP_PKEY *key,
                   const char *key_propq, struct envl_err *err)
{
    EVP_PKEY *ephemeral = EVP_PKEY_new_raw_public_key_ex(
        ctx->libctx, source->u.dh.algorithm, ctx->propq, source->u.dh.public,
        source->u.dh.public_len);
    enum envelope_reason rc;

    if (ephemeral == NULL)
        rc = envl_fail_crypto(err, "read an ephemeral key");
    else
        rc = derive_dh(kek, ctx, source, key, key_propq, ephemeral, key, err);
    EVP_PKEY_free(ephemeral);
    return rc;
}
