/* SPDX-License-Identifier: Apache-2.0 */
/* Parses OpenSSH's blobs into numbers, and makes libcrypto's keys of them. */
#include "lib/keys/openssh_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "lib/base/wire.h"
#include "lib/keys/key_use.h"
#include "lib/keys/ssh_lines.h"

#define RSA_LEN_MAX (OPENSSL_RSA_MAX_MODULUS_BITS / 8)
#define RSA_EXPONENT_LEN_MAX 32 /* FIPS 186-4, B.3.1 */
#define POINT_UNCOMPRESSED 4    /* SEC 1, 2.3.3 */
#define ED25519_LEN 32          /* of each half (RFC 8032) */
#define PADDED_LEN 8            /* the private part is a multiple of it */
#define SIGN_BIT 0x80

static const unsigned char magic[] = "openssh-key-v1"; /* its NUL, too */

struct type {
    const char *name;
    const char *algorithm;     /* libcrypto's */
    const char *curve, *group; /* for OpenSSH and for libcrypto; or NULL */
    size_t field_len;
};

static const struct type types[] = {
    { "ssh-rsa", "RSA", NULL, NULL, 0 },
    { "ssh-ed25519", "ED25519", NULL, NULL, ED25519_LEN },
    { "ecdsa-sha2-nistp256", "EC", "nistp256", "P-256", (256 + 7) / 8 },
    { "ecdsa-sha2-nistp384", "EC", "nistp384", "P-384", (384 + 7) / 8 },
    { "ecdsa-sha2-nistp521", "EC", "nistp521", "P-521", (521 + 7) / 8 },
};

static bool
is_rsa(const struct type *type)
{
    return type->field_len == 0;
}

/* In the order of a private key's blob; then the numbers that it lacks. */
enum rsa_part {
    RSA_N,
    RSA_E,
    RSA_PUBLIC_COUNT,
    RSA_D = RSA_PUBLIC_COUNT,
    RSA_IQMP,
    RSA_P,
    RSA_Q,
    RSA_STORED_COUNT,
    RSA_DMP1 = RSA_STORED_COUNT,
    RSA_DMQ1,
    RSA_COUNT
};

static const char *const rsa_names[RSA_COUNT] = {
    [RSA_N] = OSSL_PKEY_PARAM_RSA_N,
    [RSA_E] = OSSL_PKEY_PARAM_RSA_E,
    [RSA_D] = OSSL_PKEY_PARAM_RSA_D,
    [RSA_IQMP] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    [RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
    [RSA_DMP1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [RSA_DMQ1] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
};

/* The fields of a blob; they point into the blob. */
struct key {
    const struct type *type;
    bool is_private;
    struct envl_span rsa[RSA_STORED_COUNT];
    struct envl_span point, scalar;
};

/* What all steps need: the library context, the name for messages, and where a
 * failure is recorded. */
struct source {
    const struct envl_libctx *ctx;
    const char *name;
    struct envl_err *err;
};

static enum envelope_reason
refuse(const struct source *s, enum envelope_reason reason, const char *why)
{
    return envl_fail(s->err, reason, "%s: %s", s->name, why);
}

static enum envelope_reason
damaged(const struct source *s)
{
    return refuse(s, ENVELOPE_R_UNREADABLE_KEY, ENVL_OPENSSH_DAMAGED);
}

/* Types */

static bool
ends_with(struct envl_span s, const char *text)
{
    size_t len = strlen(text);

    return s.len >= len && memcmp(s.data + s.len - len, text, len) == 0;
}

static const struct type *
find_type(struct envl_span name)
{
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (envl_span_is(name, types[i].name))
            return &types[i];
    }
    return NULL;
}

static bool
is_signing(struct envl_span name)
{
    return envl_span_begins(name, "ssh-ed") || envl_span_begins(name, "ssh-dss")
           || envl_span_begins(name, "sk-ssh-")
           || envl_span_begins(name, "sk-ecdsa-");
}

static enum envelope_reason
refuse_type(const struct source *s, struct envl_span name)
{
    if (ends_with(name, "-cert-v01@openssh.com"))
        return refuse(s, ENVELOPE_R_UNSUPPORTED_KEY,
                      "an OpenSSH certificate: give the public key that it is "
                      "for");
    if (!is_signing(name))
        return refuse(s, ENVELOPE_R_UNSUPPORTED_KEY,
                      "an OpenSSH key of an unknown type; ssh-rsa, ssh-ed25519 "
                      "and ecdsa-sha2-nistp256, 384 and 521 are supported");
    return envl_fail(s->err, ENVELOPE_R_UNSUPPORTED_KEY,
                     "%s: a key of type %.*s cannot be used: to encrypt, make "
                     "one with openssl genpkey -algorithm X25519, or use an "
                     "RSA or ECDSA key; to sign, an Ed25519 key",
                     s->name, name.len < 64 ? (int)name.len : 64, name.data);
}

/* Blobs (RFC 4251, 5) */

static bool
take_bytes(struct envl_span *from, size_t len, struct envl_span *out)
{
    if (len > from->len)
        return false;
    *out = (struct envl_span){ from->data, len };
    from->data += len;
    from->len -= len;
    return true;
}

static bool
take_u32(struct envl_span *from, uint32_t *value)
{
    struct envl_span bytes;

    if (!take_bytes(from, sizeof(*value), &bytes))
        return false;
    *value = envl_get_be32(bytes.data);
    return true;
}

static bool
take_string(struct envl_span *from, struct envl_span *out)
{
    uint32_t len;

    return take_u32(from, &len) && take_bytes(from, len, out);
}

/* Take a positive number of at most max bytes in its only valid encoding; *out
 * does not have the zero byte that only keeps the sign. */
static bool
take_number(struct envl_span *from, size_t max, struct envl_span *out)
{
    if (!take_string(from, out) || out->len == 0 || out->data[0] >= SIGN_BIT)
        return false;
    if (out->data[0] == 0) {
        out->data++;
        out->len--;
        if (out->len == 0 || out->data[0] < SIGN_BIT)
            return false;
    }
    return out->len <= max;
}

static bool
take_point(struct envl_span *from, struct key *key)
{
    const struct type *type = key->type;
    struct envl_span curve;

    if (type->curve == NULL)
        return take_string(from, &key->point)
               && key->point.len == type->field_len;
    return take_string(from, &curve) && envl_span_is(curve, type->curve)
           && take_string(from, &key->point)
           && key->point.len == 1 + 2 * type->field_len
           && key->point.data[0] == POINT_UNCOMPRESSED;
}

/* Of an Ed25519 key the private half stands before the public one again. */
static bool
take_scalar(struct envl_span *from, struct key *key)
{
    const size_t len = key->type->field_len;
    struct envl_span both;

    if (key->type->curve != NULL)
        return take_number(from, len, &key->scalar);
    return take_string(from, &both) && both.len == 2 * len
           && take_bytes(&both, len, &key->scalar)
           && envl_span_same(both, key->point);
}

static bool
take_rsa(struct envl_span *from, struct key *key, enum rsa_part part)
{
    size_t max = part == RSA_E ? RSA_EXPONENT_LEN_MAX : RSA_LEN_MAX;

    return take_number(from, max, &key->rsa[part]);
}

/* RFC 4253, 6.6, RFC 5656, 3.1, and RFC 8709, 4 */
static enum envelope_reason
parse_public(const struct source *s, struct key *key, struct envl_span blob)
{
    struct envl_span name;
    bool ok;

    if (!take_string(&blob, &name))
        return damaged(s);
    key->type = find_type(name);
    if (key->type == NULL)
        return refuse_type(s, name);
    if (is_rsa(key->type))
        ok = take_rsa(&blob, key, RSA_E) && take_rsa(&blob, key, RSA_N);
    else
        ok = take_point(&blob, key);
    return ok && blob.len == 0 ? ENVELOPE_OK : damaged(s);
}

/* The padding is 1, 2, 3 and so on, up to the next multiple of PADDED_LEN. */
static bool
is_padding(struct envl_span s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] != i + 1)
            return false;
    }
    return s.len < PADDED_LEN;
}

/* Parse the part of a private key file that a passphrase would encrypt. */
static bool
parse_private(struct key *key, struct envl_span blob)
{
    struct envl_span name, comment;
    uint32_t check, again;
    enum rsa_part part;
    bool ok;

    if (blob.len % PADDED_LEN != 0 || !take_u32(&blob, &check)
        || !take_u32(&blob, &again) || check != again
        || !take_string(&blob, &name) || (key->type = find_type(name)) == NULL)
        return false;
    key->is_private = true;
    ok = is_rsa(key->type)
         || (take_point(&blob, key) && take_scalar(&blob, key));
    if (is_rsa(key->type)) {
        for (part = RSA_N; ok && part < RSA_STORED_COUNT; part++)
            ok = take_rsa(&blob, key, part);
    }
    return ok && take_string(&blob, &comment) && is_padding(blob);
}

/* PROTOCOL.key */
static enum envelope_reason
parse_file(const struct source *s, struct key *key, struct envl_span blob)
{
    struct envl_span begin, cipher, kdf, options, public_blob, private_blob;
    struct key outer = { 0 };
    enum envelope_reason rc;
    uint32_t count;

    if (!take_bytes(&blob, sizeof(magic), &begin)
        || memcmp(begin.data, magic, sizeof(magic)) != 0
        || !take_string(&blob, &cipher) || !take_string(&blob, &kdf)
        || !take_string(&blob, &options) || !take_u32(&blob, &count)
        || count != 1 || !take_string(&blob, &public_blob)
        || !take_string(&blob, &private_blob))
        return damaged(s);
    rc = parse_public(s, &outer, public_blob);
    if (rc != ENVELOPE_OK)
        return rc;
    if (!envl_span_is(cipher, "none") || !envl_span_is(kdf, "none"))
        return refuse(s, ENVELOPE_R_UNSUPPORTED_KEY,
                      "an OpenSSH private key under a passphrase: for a "
                      "recipient, give its .pub; for an identity, convert a "
                      "copy of it with ssh-keygen -p -m PKCS8 -f COPY");
    if (options.len != 0 || blob.len != 0 || !parse_private(key, private_blob)
        || key->type != outer.type || !envl_span_same(key->point, outer.point)
        || !envl_span_same(key->rsa[RSA_N], outer.rsa[RSA_N])
        || !envl_span_same(key->rsa[RSA_E], outer.rsa[RSA_E]))
        return damaged(s);
    return ENVELOPE_OK;
}

/* Keys */

static BIGNUM *
new_number(struct envl_span bytes, bool is_secret)
{
    BIGNUM *n = is_secret ? BN_secure_new() : BN_new();

    if (n != NULL && BN_bin2bn(bytes.data, (int)bytes.len, n) != NULL) {
        if (is_secret)
            BN_set_flags(n, BN_FLG_CONSTTIME);
        return n;
    }
    BN_clear_free(n);
    return NULL;
}

/*
 * Compute the numbers that the blob lacks, and check that all belong together:
 * n = p q, e d = 1 modulo p - 1 and q - 1, iqmp q = 1 modulo p.  Whether p and
 * q are prime is not checked, which would take a second.
 */
static enum envelope_reason
complete_rsa(const struct source *s, BIGNUM *bn[RSA_COUNT])
{
    BN_CTX *ctx = BN_CTX_secure_new_ex(s->ctx->libctx);
    BIGNUM *p1 = BN_secure_new(), *q1 = BN_secure_new();
    BIGNUM *pq = BN_secure_new(), *p_one = BN_secure_new();
    BIGNUM *q_one = BN_secure_new(), *inverse = BN_secure_new();
    BIGNUM *dmp1 = bn[RSA_DMP1] = BN_secure_new();
    BIGNUM *dmq1 = bn[RSA_DMQ1] = BN_secure_new();
    enum envelope_reason rc = ENVELOPE_OK;

    /* p and q above 1 are valid divisors: after this only memory can fail. */
    if (BN_is_one(bn[RSA_P]) || BN_is_one(bn[RSA_Q]))
        rc = damaged(s);
    else if (ctx == NULL || p1 == NULL || q1 == NULL || pq == NULL
             || p_one == NULL || q_one == NULL || inverse == NULL
             || dmp1 == NULL || dmq1 == NULL
             || !BN_mul(pq, bn[RSA_P], bn[RSA_Q], ctx)
             || !BN_sub(p1, bn[RSA_P], BN_value_one())
             || !BN_sub(q1, bn[RSA_Q], BN_value_one())
             || !BN_mod(dmp1, bn[RSA_D], p1, ctx)
             || !BN_mod(dmq1, bn[RSA_D], q1, ctx)
             || !BN_mod_mul(p_one, bn[RSA_E], dmp1, p1, ctx)
             || !BN_mod_mul(q_one, bn[RSA_E], dmq1, q1, ctx)
             || !BN_mod_mul(inverse, bn[RSA_IQMP], bn[RSA_Q], bn[RSA_P], ctx))
        rc = envl_fail_memory(s->err);
    else if (BN_cmp(pq, bn[RSA_N]) != 0 || !BN_is_one(p_one)
             || !BN_is_one(q_one) || !BN_is_one(inverse)
             || BN_cmp(bn[RSA_D], bn[RSA_N]) >= 0
             || BN_cmp(bn[RSA_IQMP], bn[RSA_P]) >= 0)
        rc = damaged(s);
    BN_clear_free(p1);
    BN_clear_free(q1);
    BN_clear_free(pq);
    BN_clear_free(p_one);
    BN_clear_free(q_one);
    BN_clear_free(inverse);
    BN_CTX_free(ctx);
    return rc;
}

/* The parameters borrow the numbers of bn. */
static enum envelope_reason
put_rsa(const struct source *s, OSSL_PARAM_BLD *bld, BIGNUM *bn[RSA_COUNT],
        const struct key *key)
{
    size_t stored = key->is_private ? RSA_STORED_COUNT : RSA_PUBLIC_COUNT, i;
    size_t all = key->is_private ? RSA_COUNT : RSA_PUBLIC_COUNT;
    enum envelope_reason rc;

    for (i = 0; i < stored; i++) {
        bn[i] = new_number(key->rsa[i], i >= RSA_PUBLIC_COUNT);
        if (bn[i] == NULL)
            return envl_fail_memory(s->err);
    }
    if (key->is_private && (rc = complete_rsa(s, bn)) != ENVELOPE_OK)
        return rc;
    for (i = 0; i < all; i++) {
        if (!OSSL_PARAM_BLD_push_BN(bld, rsa_names[i], bn[i]))
            return envl_fail_memory(s->err);
    }
    return ENVELOPE_OK;
}

static enum envelope_reason
put_ec(const struct source *s, OSSL_PARAM_BLD *bld, BIGNUM **scalar,
       const struct key *key)
{
    const struct type *type = key->type;
    int ok = OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                             type->group, 0)
             && OSSL_PARAM_BLD_push_octet_string(
                 bld, OSSL_PKEY_PARAM_PUB_KEY, key->point.data, key->point.len);

    if (ok && key->is_private)
        ok = (*scalar = new_number(key->scalar, true)) != NULL
             && OSSL_PARAM_BLD_push_BN_pad(bld, OSSL_PKEY_PARAM_PRIV_KEY,
                                           *scalar, type->field_len);
    return ok ? ENVELOPE_OK : envl_fail_memory(s->err);
}

/* RSA pairs were checked by complete_rsa(). */
static bool
is_sound(const struct envl_libctx *ctx, const struct key *key, EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *check =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, pkey, ctx->propq);
    int ok = 0;

    if (check != NULL && key->is_private && key->type->curve != NULL)
        ok = EVP_PKEY_pairwise_check(check);
    else if (check != NULL)
        ok = EVP_PKEY_public_check(check);
    EVP_PKEY_CTX_free(check);
    return ok > 0;
}

/* Make the key of a complete bld; NULL if libcrypto refuses it. */
static EVP_PKEY *
from_parts(const struct envl_libctx *ctx, const struct key *key,
           OSSL_PARAM_BLD *bld)
{
    const char *kind = key->type->algorithm;
    int what = key->is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY *pkey =
        params != NULL ? envl_key_make(ctx, kind, what, params) : NULL;

    if (pkey != NULL && !is_sound(ctx, key, pkey)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    OSSL_PARAM_free(params); /* wipes what comes from BN_secure_new() */
    return pkey;
}

/* Make an RSA or EC key; NULL in *pkey if libcrypto refuses it. */
static enum envelope_reason
make_of_numbers(EVP_PKEY **pkey, const struct source *s, const struct key *key)
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *bn[RSA_COUNT] = { NULL };
    enum envelope_reason rc;
    size_t i;

    if (bld == NULL)
        rc = envl_fail_memory(s->err);
    else if (is_rsa(key->type))
        rc = put_rsa(s, bld, bn, key);
    else
        rc = put_ec(s, bld, &bn[0], key);
    if (rc == ENVELOPE_OK)
        *pkey = from_parts(s->ctx, key, bld);
    OSSL_PARAM_BLD_free(bld);
    for (i = 0; i < RSA_COUNT; i++)
        BN_clear_free(bn[i]);
    return rc;
}

/* Make an Ed25519 key; NULL in *pkey if libcrypto refuses it. */
static enum envelope_reason
make_of_octets(EVP_PKEY **pkey, const struct source *s, const struct key *key)
{
    const struct envl_libctx *ctx = s->ctx;
    unsigned char point[ED25519_LEN];
    size_t len = sizeof(point);

    if (key->is_private)
        *pkey = EVP_PKEY_new_raw_private_key_ex(
            ctx->libctx, key->type->algorithm, ctx->propq, key->scalar.data,
            key->scalar.len);
    else
        *pkey = EVP_PKEY_new_raw_public_key_ex(ctx->libctx,
                                               key->type->algorithm, ctx->propq,
                                               key->point.data, key->point.len);
    if (*pkey == NULL
        || (EVP_PKEY_get_raw_public_key(*pkey, point, &len) > 0
            && envl_span_same((struct envl_span){ point, len }, key->point)))
        return ENVELOPE_OK;
    EVP_PKEY_free(*pkey);
    *pkey = NULL;
    return refuse(s, ENVELOPE_R_UNREADABLE_KEY,
                  "the halves of the key do not belong together");
}

static enum envelope_reason
make(EVP_PKEY **pkey, const struct source *s, const struct key *key)
{
    EVP_PKEY *made = NULL;
    enum envelope_reason rc;

    if (is_rsa(key->type) || key->type->curve != NULL)
        rc = make_of_numbers(&made, s, key);
    else
        rc = make_of_octets(&made, s, key);
    if (rc == ENVELOPE_OK && made == NULL)
        rc = envl_crypto_no_memory()
                 ? envl_fail_memory(s->err)
                 : envl_fail(s->err, ENVELOPE_R_UNREADABLE_KEY,
                             "%s: not a sound key: %s", s->name,
                             envl_crypto_reason());
    if (rc == ENVELOPE_OK)
        *pkey = made;
    return rc;
}

enum envelope_reason
envl_openssh_key_public(EVP_PKEY **key, const struct envl_libctx *ctx,
                        const struct envl_octets *blob, const char *name,
                        struct envl_err *err)
{
    const struct source s = { .ctx = ctx, .name = name, .err = err };
    struct key parts = { 0 };
    enum envelope_reason rc;

    rc = parse_public(&s, &parts, (struct envl_span){ blob->data, blob->len });
    return rc == ENVELOPE_OK ? make(key, &s, &parts) : rc;
}

enum envelope_reason
envl_openssh_key_private(EVP_PKEY **key, const struct envl_libctx *ctx,
                         const struct envl_octets *blob, const char *name,
                         struct envl_err *err)
{
    const struct source s = { .ctx = ctx, .name = name, .err = err };
    struct key parts = { 0 };
    enum envelope_reason rc;

    rc = parse_file(&s, &parts, (struct envl_span){ blob->data, blob->len });
    return rc == ENVELOPE_OK ? make(key, &s, &parts) : rc;
}
