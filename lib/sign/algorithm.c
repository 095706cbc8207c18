/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each kind of key; RSASSA-PSS has its salt's length in its
 * parameters, so its AlgorithmIdentifier is written here. */
#include "lib/sign/algorithm.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/keys/key_kind.h"

#define SHA256_LEN 32
#define PSS_NAME "RSASSA-PSS with SHA-256"

/* AlgorithmIdentifiers without parameters: RFC 8410, RFC 5758, RFC 9881. */
static const struct row {
    enum envl_key_kind kind;
    const char
        *type; /* libcrypto's name of the key, or the name of its curve */
    const char *name;
    const char *digest;
    unsigned char id_len;
    unsigned char id[13];
} rows[] = {
    { ENVL_KEY_EDDSA,
      "ED25519",
      "Ed25519",
      NULL,
      7,
      { 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70 } },
    { ENVL_KEY_EDDSA,
      "ED448",
      "Ed448",
      NULL,
      7,
      { 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x71 } },
    { ENVL_KEY_EC,
      "P-256",
      "ECDSA with SHA-256",
      "SHA256",
      12,
      { 0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 } },
    { ENVL_KEY_EC,
      "P-384",
      "ECDSA with SHA-384",
      "SHA384",
      12,
      { 0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 } },
    { ENVL_KEY_EC,
      "P-521",
      "ECDSA with SHA-512",
      "SHA512",
      12,
      { 0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4 } },
    { ENVL_KEY_ML_DSA,
      "ML-DSA-65",
      "ML-DSA-65",
      NULL,
      13,
      { 0x30, 11, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x12 } },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* id-RSASSA-PSS, and the parameters of RFC 4055, 3.1: SHA-256, MGF1 with
 * SHA-256, and the INTEGER that is left out here, the salt's length. */
static const unsigned char pss_oid[] = { 0x06, 9,  0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 13, 1,    1,    10 };
#define SHA256_ID 0x30, 13, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0
static const unsigned char pss_hash[] = { 0xa0, 15, SHA256_ID };
static const unsigned char pss_mask[] = { 0xa1, 28,   0x30, 26,       0x06, 9,
                                          0x2a, 0x86, 0x48, 0x86,     0xf7, 13,
                                          1,    1,    8,    SHA256_ID };

static void
set_pss(struct envl_sign_algorithm *algorithm, int salt_len)
{
    const unsigned char number[] = { (unsigned char)(salt_len >> 8),
                                     (unsigned char)salt_len };
    /* An INTEGER has no leading zero byte, unless its first bit is set. */
    const size_t skip = number[0] == 0 && number[1] < 0x80;
    unsigned char buf[ENVL_SIGN_ID_LEN_MAX];
    struct envl_der_writer w;
    struct envl_der der;

    envl_der_begin(&w, buf, sizeof(buf));
    envl_der_put_element(&w, ENVL_DER_INTEGER, number + skip,
                         sizeof(number) - skip);
    envl_der_wrap(&w, ENVL_DER_CONSTRUCTED + 2, 0);
    envl_der_put(&w, pss_mask, sizeof(pss_mask));
    envl_der_put(&w, pss_hash, sizeof(pss_hash));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    envl_der_put(&w, pss_oid, sizeof(pss_oid));
    envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
    der = envl_der_written(&w);
    *algorithm = (struct envl_sign_algorithm){ .name = PSS_NAME,
                                               .digest = "SHA256",
                                               .salt_len = salt_len,
                                               .id_len = der.len };
    memcpy(algorithm->id, der.p, der.len);
}

/* RFC 8017, 9.1.1: the encoded message has one bit less than the modulus. */
static int
longest_salt(const EVP_PKEY *key)
{
    return (EVP_PKEY_get_bits(key) - 1 + 7) / 8 - SHA256_LEN - 2;
}

/* Is the row for a key of this type, or on this curve?  libcrypto has two names
 * for P-256, P-384 and P-521: compare the sizes. */
static bool
is_for(const struct row *row, enum envl_key_kind kind, const char *type,
       const EVP_PKEY *key)
{
    static const struct {
        const char *curve;
        int bits;
    } sizes[] = { { "P-256", 256 }, { "P-384", 384 }, { "P-521", 521 } };
    size_t i;

    if (row->kind != kind)
        return false;
    if (kind != ENVL_KEY_EC)
        return strcmp(row->type, type) == 0;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcmp(row->type, sizes[i].curve) == 0)
            return EVP_PKEY_get_bits(key) == sizes[i].bits;
    }
    return false;
}

bool
envl_sign_algorithm(struct envl_sign_algorithm *algorithm, const EVP_PKEY *key,
                    unsigned turn)
{
    enum envl_key_kind kind;
    const char *type = envl_key_algorithm(&kind, key);
    size_t i;

    if (kind == ENVL_KEY_RSA && turn < 2) {
        set_pss(algorithm, turn == 0 ? SHA256_LEN : longest_salt(key));
        return true;
    }
    for (i = 0; i < ROW_COUNT && turn == 0; i++) {
        if (!is_for(&rows[i], kind, type, key))
            continue;
        *algorithm = (struct envl_sign_algorithm){ .name = rows[i].name,
                                                   .digest = rows[i].digest,
                                                   .id_len = rows[i].id_len };
        memcpy(algorithm->id, rows[i].id, rows[i].id_len);
        return true;
    }
    return false;
}

const char *
envl_sign_algorithm_name(const struct envl_der *id)
{
    struct envl_der in = *id, parts, oid;
    size_t i;

    for (i = 0; i < ROW_COUNT; i++) {
        if (envl_der_is(id, rows[i].id, rows[i].id_len))
            return rows[i].name;
    }
    if (envl_der_take(&in, ENVL_DER_SEQUENCE, &parts)
        && envl_der_take_whole(&parts, ENVL_DER_OID, &oid)
        && envl_der_is(&oid, pss_oid, sizeof(pss_oid)))
        return PSS_NAME;
    return "unknown";
}

static bool
set_padding(EVP_PKEY_CTX *pctx, const struct envl_sign_algorithm *algorithm)
{
    return algorithm->salt_len == 0
           || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, algorithm->salt_len)
                      > 0);
}

bool
envl_sign(struct envl_octets *value, const struct envl_libctx *ctx,
          EVP_PKEY *key, const char *propq,
          const struct envl_sign_algorithm *algorithm,
          const struct envl_octets *message)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char *buf = NULL;
    size_t size = 0, len = 0;
    bool ok;

    ok = md != NULL
         && EVP_DigestSignInit_ex(md, &pctx, algorithm->digest, ctx->libctx,
                                  propq, key, NULL)
                > 0
         && set_padding(pctx, algorithm)
         && EVP_DigestSign(md, NULL, &size, message->data, message->len) > 0
         && size > 0 && (buf = OPENSSL_malloc(len = size)) != NULL
         && EVP_DigestSign(md, buf, &len, message->data, message->len) > 0;
    /* Where memory runs out in ECDSA, libcrypto 3.0 reports success, and -1 for
     * the length. */
    if (ok && len > size)
        envl_crypto_note_no_memory();
    ok = ok && len <= size && envl_octets_set(value, buf, len);
    OPENSSL_free(buf);
    EVP_MD_CTX_free(md);
    return ok;
}

bool
envl_sign_verify(const struct envl_der *value, const struct envl_libctx *ctx,
                 EVP_PKEY *key, const struct envl_sign_algorithm *algorithm,
                 const struct envl_octets *message, bool *no_memory)
{
    EVP_MD_CTX *md;
    EVP_PKEY_CTX *pctx = NULL;
    bool ok;

    ERR_set_mark();
    md = EVP_MD_CTX_new();
    ok = md != NULL
         && EVP_DigestVerifyInit_ex(md, &pctx, algorithm->digest, ctx->libctx,
                                    ctx->propq, key, NULL)
                > 0
         && set_padding(pctx, algorithm)
         && EVP_DigestVerify(md, value->p, value->len, message->data,
                             message->len)
                > 0;
    if (!ok && (md == NULL || envl_crypto_no_memory()))
        *no_memory = true;
    EVP_MD_CTX_free(md);
    ERR_pop_to_mark();
    return ok;
}
