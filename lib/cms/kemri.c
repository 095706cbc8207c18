/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OtherRecipientInfo with KEMRecipientInfo (RFC 9629): ML-KEM (RFC 9936), which
 * libcrypto has from OpenSSL 3.5 on, and ML-KEM-768 with X25519
 * (draft-ietf-lamps-cms-composite-kem), which is a key of provider/hybrid.h.
 *
 * A kemri that is read must have the same bytes as one that is written, but for
 * keys and ciphertexts: the KEK is bound to OtherInfo, which does not cover all
 * fields.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/algorithms.h"
#include "lib/cms/form.h"
#include "lib/cms/key_wrap.h"

#define TAG_ORI (ENVL_DER_CONSTRUCTED + 4)
#define TAG_KEY_ID (ENVL_DER_CONTEXT + 0)
#define CIPHERTEXT_LEN_MAX 1568
#define SECRET_LEN_MAX 64

/* clang-format off */
static const unsigned char ori_kem[] = { /* id-ori-kem */
    ENVL_DER_OID, 11,
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x0d, 0x03
};
static const unsigned char version[] = { ENVL_DER_INTEGER, 1, 0 };
static const unsigned char kek_len[] = { ENVL_DER_INTEGER, 1, ENVL_KEK_LEN };

/* CMSORIforKEMOtherInfo (RFC 9629, 5): the key wrap and the length, no ukm. */
static const unsigned char other_info[] = {
    ENVL_DER_SEQUENCE, 16,
    ENVL_DER_SEQUENCE, 11,
    ENVL_DER_OID, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d,
    ENVL_DER_INTEGER, 1, ENVL_KEK_LEN
};

/* AlgorithmIdentifiers without parameters. */
#define NIST_KEM(last) \
    { ENVL_DER_SEQUENCE, 11, ENVL_DER_OID, 9, \
      0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, last }
#define HKDF(last) \
    { ENVL_DER_SEQUENCE, 13, ENVL_DER_OID, 11, \
      0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, last }

static const struct kem {
    const char *name, *type;
    size_t ciphertext_len;
    unsigned char der[13];
    size_t der_len;
} kems[] = {
    { "ML-KEM-512", "ml-kem", 768, NIST_KEM(1), 13 },
    { "ML-KEM-768", "ml-kem", 1088, NIST_KEM(2), 13 },
    { "ML-KEM-1024", "ml-kem", 1568, NIST_KEM(3), 13 },
    { ENVL_KEY_HYBRID_NAME, "ml-kem-x25519", 1120,
      { ENVL_DER_SEQUENCE, 10, ENVL_KEY_HYBRID_OID }, 12 },
};

/* id-alg-hkdf-with-sha256 and its kin (RFC 8619); the first one is written. */
static const struct {
    const char *digest;
    unsigned char der[15];
} kdfs[] = {
    { "SHA256", HKDF(28) },
    { "SHA384", HKDF(29) },
    { "SHA512", HKDF(30) },
};
/* clang-format on */

/* Reading */

struct kemri {
    struct envl_der id, kem, ciphertext, kdf, wrapped;
};

/* A KEMRecipientInfo that has the fields and values that FORMAT 5.1 allows. */
static bool
take_kemri(struct kemri *kemri, struct envl_der in)
{
    struct envl_der value;

    return envl_der_take_just(&in, ori_kem, sizeof(ori_kem))
           && envl_der_take(&in, ENVL_DER_SEQUENCE, &value) && in.len == 0
           && envl_der_take_just(&value, version, sizeof(version))
           && envl_form_take_rid(&kemri->id, &value)
           && envl_der_take_whole(&value, ENVL_DER_SEQUENCE, &kemri->kem)
           && envl_der_take(&value, ENVL_DER_OCTETS, &kemri->ciphertext)
           && envl_der_take_whole(&value, ENVL_DER_SEQUENCE, &kemri->kdf)
           && envl_der_take_just(&value, kek_len, sizeof(kek_len))
           && envl_der_take_just(&value, envl_key_wrap_der,
                                 sizeof(envl_key_wrap_der))
           && envl_der_take(&value, ENVL_DER_OCTETS, &kemri->wrapped)
           && value.len == 0 && kemri->wrapped.len == ENVL_WRAPPED_LEN;
}

static const struct kem *
find_kem(const struct envl_der *der)
{
    size_t i;

    for (i = 0; i < COUNT_OF(kems); i++) {
        if (envl_der_is(der, kems[i].der, kems[i].der_len))
            return &kems[i];
    }
    return NULL;
}

static const struct kem *
find_name(const char *algorithm)
{
    size_t i;

    for (i = 0; i < COUNT_OF(kems) && algorithm != NULL; i++) {
        if (strcmp(algorithm, kems[i].name) == 0)
            return &kems[i];
    }
    return NULL;
}

static const char *
find_digest(const struct envl_der *kdf)
{
    size_t i;

    for (i = 0; i < COUNT_OF(kdfs); i++) {
        if (envl_der_is(kdf, kdfs[i].der, sizeof(kdfs[i].der)))
            return kdfs[i].digest;
    }
    return NULL;
}

static const char *
list(struct envl_entry *to, size_t *count, struct envl_der in)
{
    const struct kem *kem;
    struct kemri kemri;

    *count = 1;
    if (to == NULL || !take_kemri(&kemri, in)
        || (kem = find_kem(&kemri.kem)) == NULL
        || (to->digest = find_digest(&kemri.kdf)) == NULL
        || kemri.ciphertext.len != kem->ciphertext_len)
        return NULL;
    to->kind = ENVL_ENTRY_KEM;
    to->algorithm = kem->name;
    to->id = kemri.id;
    to->sender = kemri.ciphertext;
    to->wrapped = kemri.wrapped;
    return NULL;
}

static bool
derive_kek(unsigned char kek[ENVL_KEK_LEN], const struct envl_libctx *ctx,
           const char *digest, const unsigned char *secret, size_t len)
{
    static const struct envl_der info = { other_info, sizeof(other_info) };
    const struct envl_der key = { secret, len };

    return envl_derive_by_hash(kek, ENVL_KEK_LEN, ctx, ENVL_HKDF, digest, &key,
                               &info);
}

/* Decapsulating a wrong ciphertext gives a secret, too (FIPS 203, 6.3): only
 * the key wrap detects it. */
static bool
unwrap(unsigned char cek[ENVL_CEK_LEN], const struct envl_entry *entry,
       const struct envl_libctx *ctx, const struct envl_secret *with)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, with->key, with->propq);
    unsigned char secret[SECRET_LEN_MAX], kek[ENVL_KEK_LEN];
    size_t len = sizeof(secret);
    bool ok = pctx != NULL && EVP_PKEY_decapsulate_init(pctx, NULL) > 0
              && EVP_PKEY_decapsulate(pctx, secret, &len, entry->sender.p,
                                      entry->sender.len)
                     > 0
              && derive_kek(kek, ctx, entry->digest, secret, len)
              && envl_key_unwrap(cek, ctx, kek, &entry->wrapped);

    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(kek, sizeof(kek));
    EVP_PKEY_CTX_free(pctx);
    return ok;
}

/* Writing */

static void
put(struct envl_der_writer *w, const struct kem *kem,
    const struct envl_key_id *id, const unsigned char *ciphertext,
    const unsigned char wrapped[ENVL_WRAPPED_LEN])
{
    size_t since = envl_der_len(w);

    envl_der_put_element(w, ENVL_DER_OCTETS, wrapped, ENVL_WRAPPED_LEN);
    envl_der_put(w, envl_key_wrap_der, sizeof(envl_key_wrap_der));
    envl_der_put(w, kek_len, sizeof(kek_len));
    envl_der_put(w, kdfs[0].der, sizeof(kdfs[0].der));
    envl_der_put_element(w, ENVL_DER_OCTETS, ciphertext, kem->ciphertext_len);
    envl_der_put(w, kem->der, kem->der_len);
    envl_der_put_element(w, TAG_KEY_ID, id->bytes, id->len);
    envl_der_put(w, version, sizeof(version));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    envl_der_put(w, ori_kem, sizeof(ori_kem));
    envl_der_wrap(w, TAG_ORI, since);
}

static enum envelope_reason
wrap(struct envl_der_writer *w, const struct envl_wrap *how,
     const struct envl_recipient *recipient, struct envl_err *err)
{
    enum envl_key_kind kind;
    const struct kem *kem =
        find_name(envl_key_algorithm(&kind, recipient->key));
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(
        how->ctx->libctx, recipient->key, how->ctx->propq);
    unsigned char ciphertext[CIPHERTEXT_LEN_MAX], secret[SECRET_LEN_MAX];
    unsigned char kek[ENVL_KEK_LEN], wrapped[ENVL_WRAPPED_LEN];
    size_t ciphertext_len = sizeof(ciphertext), len = sizeof(secret);
    bool ok =
        kem != NULL && pctx != NULL && EVP_PKEY_encapsulate_init(pctx, NULL) > 0
        && EVP_PKEY_encapsulate(pctx, ciphertext, &ciphertext_len, secret, &len)
               > 0
        && ciphertext_len == kem->ciphertext_len
        && derive_kek(kek, how->ctx, kdfs[0].digest, secret, len)
        && envl_key_wrap(wrapped, how->ctx, kek, how->cek);

    if (ok)
        put(w, kem, &recipient->id, ciphertext, wrapped);
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(kek, sizeof(kek));
    EVP_PKEY_CTX_free(pctx);
    return ok ? ENVELOPE_OK
              : envl_fail_crypto(err, "wrap the key for a recipient");
}

static void
describe(struct envl_description *to, const struct envl_entry *entry)
{
    const struct kem *kem;

    if (entry->kind != ENVL_ENTRY_KEM) {
        (void)snprintf(to->kind, sizeof(to->kind), "key of an unknown KEM");
        return;
    }
    kem = find_name(entry->algorithm);
    to->type = kem->type;
    (void)snprintf(to->kind, sizeof(to->kind), "%s key", kem->name);
    (void)snprintf(to->algorithm, sizeof(to->algorithm),
                   "%s, HKDF-SHA-%s, " ENVL_KEY_WRAP_TEXT, kem->name,
                   entry->digest + strlen("SHA"));
}

const struct envl_form envl_kemri = { TAG_ORI, list, unwrap, wrap, describe };
