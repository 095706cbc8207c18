/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KeyTransRecipientInfo (RFC 5652, 6.2.1): for an RSA key, with RSAES-OAEP
 * (RFC 3560, RFC 4055).
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/cms/form.h"
#include "lib/keys/key_kind.h"

/* clang-format off */
static const unsigned char oid_rsaes_oaep[] = {
    ENVL_DER_OID, 9,
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07
};
static const unsigned char oid_rsa[] = {
    ENVL_DER_OID, 9,
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01
};
static const unsigned char oid_mgf1[] = {
    ENVL_DER_OID, 9,
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08
};
static const unsigned char oid_sha256[] = {
    ENVL_DER_OID, 9,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01
};
static const unsigned char null[] = { ENVL_DER_NULL, 0 };
/* clang-format on */

#define TAG_KEY_ID (ENVL_DER_CONTEXT + 0)
#define TAG_HASH (ENVL_DER_CONSTRUCTED + 0)
#define TAG_MASK (ENVL_DER_CONSTRUCTED + 1)

enum { VERSION_BY_ISSUER = 0, VERSION_BY_KEY_ID = 2 };

/* Bytes of a modulus: at least FORMAT 5.1's minimum, at most libcrypto's
 * maximum. */
#define LEN_MIN (ENVL_RSA_BITS_MIN / 8)
#define LEN_MAX (OPENSSL_RSA_MAX_MODULUS_BITS / 8)

/* Reading */

/* SHA-256; some writers put NULL as its parameters (RFC 4055, 2.1). */
static bool
is_sha256(struct envl_der in)
{
    struct envl_der hash;

    return envl_der_take(&in, ENVL_DER_SEQUENCE, &hash) && in.len == 0
           && envl_der_take_just(&hash, oid_sha256, sizeof(oid_sha256))
           && (hash.len == 0 || envl_der_is(&hash, null, sizeof(null)));
}

/* RSAES-OAEP with SHA-256 as its hash and for MGF1, and no label. */
static bool
is_our_oaep(struct envl_der algorithm)
{
    struct envl_der parameters, hash, mask, mgf;

    return envl_der_take_just(&algorithm, oid_rsaes_oaep,
                              sizeof(oid_rsaes_oaep))
           && envl_der_take(&algorithm, ENVL_DER_SEQUENCE, &parameters)
           && algorithm.len == 0 && envl_der_take(&parameters, TAG_HASH, &hash)
           && is_sha256(hash) && envl_der_take(&parameters, TAG_MASK, &mask)
           && parameters.len == 0
           && envl_der_take(&mask, ENVL_DER_SEQUENCE, &mgf) && mask.len == 0
           && envl_der_take_just(&mgf, oid_mgf1, sizeof(oid_mgf1))
           && is_sha256(mgf);
}

/* Take the fields of a ktri after its version and identifier. */
static bool
take_key(struct envl_der *algorithm, struct envl_der *wrapped,
         struct envl_der in)
{
    return envl_form_take_algorithm(algorithm, &in)
           && envl_der_take(&in, ENVL_DER_OCTETS, wrapped) && in.len == 0;
}

static const char *
list(struct envl_entry *to, size_t *count, struct envl_der in)
{
    struct envl_der version, id, algorithm, wrapped;

    if (!envl_der_take(&in, ENVL_DER_INTEGER, &version)
        || !envl_form_take_rid(&id, &in) || !take_key(&algorithm, &wrapped, in))
        return envl_bad_structure;
    if (version.len != 1
        || version.p[0]
               != (id.p != NULL ? VERSION_BY_KEY_ID : VERSION_BY_ISSUER))
        return envl_bad_version;
    *count = 1;
    if (to == NULL)
        return NULL;
    to->id = id;
    to->wrapped = wrapped;
    to->key_len = wrapped.len;
    if (is_our_oaep(algorithm) && wrapped.len >= LEN_MIN
        && wrapped.len <= LEN_MAX)
        to->kind = ENVL_ENTRY_RSA;
    return NULL;
}

/* Set the hash as an EVP_MD, because an engine's keys do not take names.  MGF1
 * uses the same hash by default (EVP_PKEY_CTX_set_rsa_mgf1_md(3)), and a TPM's
 * provider does not allow to set it. */
static bool
set_up(EVP_PKEY_CTX *pctx)
{
    return pctx != NULL && EVP_PKEY_decrypt_init(pctx) > 0
           && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_OAEP_PADDING) > 0
           && EVP_PKEY_CTX_set_rsa_oaep_md(pctx, EVP_sha256()) > 0;
}

static bool
unwrap(unsigned char cek[ENVL_CEK_LEN], const struct envl_entry *entry,
       const struct envl_libctx *ctx, const struct envl_secret *secret)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, secret->key, secret->propq);
    /* libcrypto wants room for the whole modulus, not only for the key. */
    unsigned char out[LEN_MAX];
    size_t out_len = sizeof(out);
    bool ok = set_up(pctx)
              && EVP_PKEY_decrypt(pctx, out, &out_len, entry->wrapped.p,
                                  entry->wrapped.len)
                     > 0
              && out_len == ENVL_CEK_LEN;

    if (ok)
        memcpy(cek, out, ENVL_CEK_LEN);
    OPENSSL_cleanse(out, sizeof(out));
    EVP_PKEY_CTX_free(pctx);
    return ok;
}

static void
describe(struct envl_description *to, const struct envl_entry *entry)
{
    struct envl_der in = entry->info, ktri, skipped, algorithm, wrapped;
    const char *name = "unknown";
    bool is_rsa = true;

    (void)envl_der_take(&in, ENVL_DER_SEQUENCE, &ktri);
    (void)envl_der_take(&ktri, ENVL_DER_INTEGER, &skipped);
    (void)envl_form_take_rid(&skipped, &ktri);
    (void)take_key(&algorithm, &wrapped, ktri);
    if (is_our_oaep(algorithm))
        name = "RSAES-OAEP, SHA-256";
    else if (envl_der_take_just(&algorithm, oid_rsaes_oaep,
                                sizeof(oid_rsaes_oaep)))
        name = "RSAES-OAEP, another digest";
    else if (envl_der_take_just(&algorithm, oid_rsa, sizeof(oid_rsa)))
        name = "RSAES-PKCS1-v1_5";
    else
        is_rsa = false;
    (void)snprintf(to->algorithm, sizeof(to->algorithm), "%s", name);
    if (!is_rsa)
        return;
    to->type = "rsa";
    (void)snprintf(to->kind, sizeof(to->kind), "RSA key, %zu bits",
                   8 * wrapped.len);
}

/* Writing */

static void
put_sha256(struct envl_der_writer *w)
{
    envl_der_put_element(w, ENVL_DER_SEQUENCE, oid_sha256, sizeof(oid_sha256));
}

static void
put_oaep(struct envl_der_writer *w)
{
    size_t since = envl_der_len(w), hash;

    put_sha256(w);
    envl_der_put(w, oid_mgf1, sizeof(oid_mgf1));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    envl_der_wrap(w, TAG_MASK, since);
    hash = envl_der_len(w);
    put_sha256(w);
    envl_der_wrap(w, TAG_HASH, hash);
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    envl_der_put(w, oid_rsaes_oaep, sizeof(oid_rsaes_oaep));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
}

static enum envelope_reason
wrap(struct envl_der_writer *w, const struct envl_wrap *how,
     const struct envl_recipient *recipient, struct envl_err *err)
{
    static const unsigned char version[] = { ENVL_DER_INTEGER, 1,
                                             VERSION_BY_KEY_ID };
    unsigned char wrapped[LEN_MAX];
    size_t len = sizeof(wrapped), since = envl_der_len(w);
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_dup(recipient->oaep);
    bool ok =
        pctx != NULL
        && EVP_PKEY_encrypt(pctx, wrapped, &len, how->cek, ENVL_CEK_LEN) > 0;

    EVP_PKEY_CTX_free(pctx);
    if (!ok)
        return envl_fail_crypto(err, "wrap the key for a recipient");
    envl_der_put_element(w, ENVL_DER_OCTETS, wrapped, len);
    put_oaep(w);
    envl_der_put_element(w, TAG_KEY_ID, recipient->id.bytes, recipient->id.len);
    envl_der_put(w, version, sizeof(version));
    envl_der_wrap(w, ENVL_DER_SEQUENCE, since);
    return ENVELOPE_OK;
}

const struct envl_form envl_ktri = { ENVL_DER_SEQUENCE, list, unwrap, wrap,
                                     describe };
