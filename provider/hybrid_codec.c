/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes and encodes hybrid keys: provider-decoder(7), provider-encoder(7).
 * Before a decoder is called, libcrypto has read PEM and decrypted the key.  An
 * encoder encrypts and writes PEM itself.
 */
#include <stdbool.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "provider/hybrid_der.h"

#define CIPHER_NAME_MAX 64
#define PASSPHRASE_LEN_MAX 1024
#define PBKDF2_ITERATIONS 600000

static OSSL_FUNC_decoder_newctx_fn envl_hybrid_decoder_newctx;
static OSSL_FUNC_decoder_freectx_fn envl_hybrid_decoder_freectx;
static OSSL_FUNC_encoder_newctx_fn envl_hybrid_encoder_newctx;
static OSSL_FUNC_encoder_freectx_fn envl_hybrid_encoder_freectx;
static OSSL_FUNC_decoder_does_selection_fn envl_hybrid_does_public;
static OSSL_FUNC_decoder_does_selection_fn envl_hybrid_does_private;
#define envl_hybrid_does_encrypted envl_hybrid_does_private
static OSSL_FUNC_decoder_decode_fn envl_hybrid_decode_public;
static OSSL_FUNC_decoder_decode_fn envl_hybrid_decode_private;
static OSSL_FUNC_decoder_export_object_fn envl_hybrid_export_object;
static OSSL_FUNC_encoder_set_ctx_params_fn envl_hybrid_set_cipher;
static OSSL_FUNC_encoder_settable_ctx_params_fn envl_hybrid_settable;
static OSSL_FUNC_encoder_import_object_fn envl_hybrid_import_object;
static OSSL_FUNC_encoder_free_object_fn envl_hybrid_free_object;
static OSSL_FUNC_encoder_encode_fn envl_hybrid_encode_public_der;
static OSSL_FUNC_encoder_encode_fn envl_hybrid_encode_public_pem;
static OSSL_FUNC_encoder_encode_fn envl_hybrid_encode_private_der;
static OSSL_FUNC_encoder_encode_fn envl_hybrid_encode_private_pem;
static OSSL_FUNC_encoder_encode_fn envl_hybrid_encode_encrypted_der;
static OSSL_FUNC_encoder_encode_fn envl_hybrid_encode_encrypted_pem;

/* A decoder has no state, so its context is the provider itself.  (If a context
 * is NULL because memory ran out, libcrypto 3.5 crashes.) */

static void *
envl_hybrid_decoder_newctx(void *prov)
{
    return prov;
}

static void
envl_hybrid_decoder_freectx(void *prov)
{
    (void)prov;
}

struct encoder {
    struct envl_provider *prov;
    char cipher[CIPHER_NAME_MAX]; /* that a private key is encrypted with */
};

static void *
envl_hybrid_encoder_newctx(void *prov)
{
    struct encoder *encoder = OPENSSL_zalloc(sizeof(*encoder));

    if (encoder != NULL)
        encoder->prov = prov;
    else
        envl_crypto_note_no_memory();
    return encoder;
}

static void
envl_hybrid_encoder_freectx(void *encoder)
{
    OPENSSL_free(encoder);
}

static int
envl_hybrid_does_public(void *prov, int selection)
{
    (void)prov;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
}

static int
envl_hybrid_does_private(void *prov, int selection)
{
    (void)prov;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

/* Decoding */

/* Read all input; 0 if it is longer than any hybrid key. */
static size_t
read_all(const struct envl_provider *prov, OSSL_CORE_BIO *in, unsigned char *to,
         size_t size)
{
    size_t len = 0, n;

    while (len < size && prov->bio_read_ex(in, to + len, size - len, &n)
           && n > 0)
        len += n;
    return len < size ? len : 0;
}

/* Pass the key to the callback, which may take it: then *key is NULL. */
static int
give(struct envl_hybrid **key, OSSL_CALLBACK *callback, void *arg)
{
    static char type[] = ENVL_HYBRID_NAME;
    int object = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, type, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, key,
                                          sizeof(*key)),
        OSSL_PARAM_construct_end(),
    };

    return callback(params, arg);
}

/* Decode a key.  For other input return 1, so that other decoders try it. */
static int
decode(struct envl_provider *prov, OSSL_CORE_BIO *in,
       int (*read)(struct envl_hybrid *, struct envl_der),
       OSSL_CALLBACK *callback, void *arg)
{
    unsigned char buf[ENVL_HYBRID_DER_LEN_MAX + 1];
    size_t len = read_all(prov, in, buf, sizeof(buf));
    struct envl_hybrid *key = envl_hybrid_new(prov);
    int ok = key != NULL;

    if (ok && len > 0) {
        ok = read(key, (struct envl_der){ buf, len });
        ok = ok > 0 ? give(&key, callback, arg) : ok == 0;
    }
    OPENSSL_cleanse(buf, sizeof(buf));
    envl_hybrid_free(key);
    return ok;
}

static int
envl_hybrid_decode_public(void *prov, OSSL_CORE_BIO *in, int selection,
                          OSSL_CALLBACK *callback, void *arg,
                          OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    (void)selection;
    (void)pw;
    (void)pw_arg;
    return decode(prov, in, envl_hybrid_read_public, callback, arg);
}

static int
envl_hybrid_decode_private(void *prov, OSSL_CORE_BIO *in, int selection,
                           OSSL_CALLBACK *callback, void *arg,
                           OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    (void)selection;
    (void)pw;
    (void)pw_arg;
    return decode(prov, in, envl_hybrid_read_private, callback, arg);
}

static int
envl_hybrid_export_object(void *prov, const void *reference, size_t size,
                          OSSL_CALLBACK *callback, void *arg)
{
    void *key;

    (void)prov;
    if (size != sizeof(key))
        return 0;
    memcpy(&key, reference, size);
    return envl_hybrid_mgmt_export(key, OSSL_KEYMGMT_SELECT_ALL, callback, arg);
}

/* Encoding */

static const OSSL_PARAM *
envl_hybrid_settable(void *prov)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_ENCODER_PARAM_CIPHER, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)prov;
    return settable;
}

static int
envl_hybrid_set_cipher(void *vencoder, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p =
        OSSL_PARAM_locate_const(params, OSSL_ENCODER_PARAM_CIPHER);
    struct encoder *encoder = vencoder;
    char *to = encoder->cipher;

    return p == NULL
           || OSSL_PARAM_get_utf8_string(p, &to, sizeof(encoder->cipher));
}

/* Convert another provider's key to this provider's form. */
static void *
envl_hybrid_import_object(void *encoder, int selection,
                          const OSSL_PARAM params[])
{
    struct envl_hybrid *key =
        envl_hybrid_new(((struct encoder *)encoder)->prov);

    if (key != NULL && envl_hybrid_mgmt_import(key, selection, params))
        return key;
    envl_hybrid_free(key);
    return NULL;
}

static void
envl_hybrid_free_object(void *key)
{
    envl_hybrid_free(key);
}

/* Encrypt a private key with a passphrase from the callback. */
static X509_SIG *
encrypt(const struct encoder *encoder, const struct envl_der *der,
        OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    const struct envl_libctx *ctx = &encoder->prov->ctx;
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(ctx->libctx, encoder->cipher, ctx->propq);
    const unsigned char *p = der->p;
    PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der->len);
    char passphrase[PASSPHRASE_LEN_MAX];
    X509_SIG *sealed = NULL;
    size_t len = 0;

    if (cipher != NULL && info != NULL && pw != NULL
        && pw(passphrase, sizeof(passphrase), &len, NULL, pw_arg))
        sealed =
            PKCS8_encrypt_ex(-1, cipher, passphrase, (int)len, NULL, 0,
                             PBKDF2_ITERATIONS, info, ctx->libctx, ctx->propq);
    OPENSSL_cleanse(passphrase, sizeof(passphrase));
    PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
    EVP_CIPHER_free(cipher);
    return sealed;
}

/* Copy a memory BIO, which wipes its bytes, to the program's BIO. */
static int
write_out(const struct encoder *encoder, OSSL_CORE_BIO *out, BIO *from)
{
    char *data = NULL;
    long len = BIO_get_mem_data(from, &data);
    size_t written;

    return len > 0
           && encoder->prov->bio_write_ex(out, data, (size_t)len, &written)
           && written == (size_t)len;
}

static int
put(BIO *to, const struct envl_der *der, bool is_pem, const char *label)
{
    return (is_pem ? PEM_write_bio(to, label, "", der->p, (long)der->len)
                   : BIO_write(to, der->p, (int)der->len))
           > 0;
}

static int
put_private(BIO *to, const struct encoder *encoder, const struct envl_der *der,
            bool is_pem, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    X509_SIG *sealed;
    int ok;

    if (*encoder->cipher == '\0')
        return put(to, der, is_pem, PEM_STRING_PKCS8INF);
    sealed = encrypt(encoder, der, pw, pw_arg);
    ok = sealed != NULL
         && (is_pem ? PEM_write_bio_PKCS8(to, sealed)
                    : i2d_PKCS8_bio(to, sealed));
    X509_SIG_free(sealed);
    return ok;
}

static int
encode_private(const struct encoder *encoder, OSSL_CORE_BIO *out,
               const struct envl_hybrid *key, bool is_pem,
               OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    unsigned char buf[ENVL_HYBRID_DER_LEN_MAX];
    BIO *memory = BIO_new(BIO_s_secmem());
    struct envl_der_writer w;
    struct envl_der der;
    int ok;

    envl_der_begin(&w, buf, sizeof(buf));
    ok = memory != NULL && envl_hybrid_put_private(&w, key);
    der = envl_der_written(&w);
    ok = ok && put_private(memory, encoder, &der, is_pem, pw, pw_arg)
         && write_out(encoder, out, memory);
    OPENSSL_cleanse(buf, sizeof(buf));
    BIO_free(memory);
    return ok;
}

static int
encode_public(const struct encoder *encoder, OSSL_CORE_BIO *out,
              const struct envl_hybrid *key, bool is_pem)
{
    unsigned char buf[ENVL_HYBRID_DER_LEN_MAX];
    BIO *memory = BIO_new(BIO_s_mem());
    struct envl_der_writer w;
    struct envl_der der;
    int ok;

    envl_der_begin(&w, buf, sizeof(buf));
    ok = memory != NULL && envl_hybrid_put_public(&w, key);
    der = envl_der_written(&w);
    ok = ok && put(memory, &der, is_pem, PEM_STRING_PUBLIC)
         && write_out(encoder, out, memory);
    BIO_free(memory);
    return ok;
}

/* Only keys of this provider are encoded, and no abstract objects. */

static int
envl_hybrid_encode_public_der(void *encoder, OSSL_CORE_BIO *out,
                              const void *key, const OSSL_PARAM abstract[],
                              int selection, OSSL_PASSPHRASE_CALLBACK *pw,
                              void *pw_arg)
{
    (void)selection;
    (void)pw;
    (void)pw_arg;
    return abstract == NULL && encode_public(encoder, out, key, false);
}

static int
envl_hybrid_encode_public_pem(void *encoder, OSSL_CORE_BIO *out,
                              const void *key, const OSSL_PARAM abstract[],
                              int selection, OSSL_PASSPHRASE_CALLBACK *pw,
                              void *pw_arg)
{
    (void)selection;
    (void)pw;
    (void)pw_arg;
    return abstract == NULL && encode_public(encoder, out, key, true);
}

static int
envl_hybrid_encode_private_der(void *encoder, OSSL_CORE_BIO *out,
                               const void *key, const OSSL_PARAM abstract[],
                               int selection, OSSL_PASSPHRASE_CALLBACK *pw,
                               void *pw_arg)
{
    (void)selection;
    return abstract == NULL
           && encode_private(encoder, out, key, false, pw, pw_arg);
}

static int
envl_hybrid_encode_private_pem(void *encoder, OSSL_CORE_BIO *out,
                               const void *key, const OSSL_PARAM abstract[],
                               int selection, OSSL_PASSPHRASE_CALLBACK *pw,
                               void *pw_arg)
{
    (void)selection;
    return abstract == NULL
           && encode_private(encoder, out, key, true, pw, pw_arg);
}

/* EncryptedPrivateKeyInfo needs a cipher. */

static int
envl_hybrid_encode_encrypted_der(void *encoder, OSSL_CORE_BIO *out,
                                 const void *key, const OSSL_PARAM abstract[],
                                 int selection, OSSL_PASSPHRASE_CALLBACK *pw,
                                 void *pw_arg)
{
    return *((struct encoder *)encoder)->cipher != '\0'
           && envl_hybrid_encode_private_der(encoder, out, key, abstract,
                                             selection, pw, pw_arg);
}

static int
envl_hybrid_encode_encrypted_pem(void *encoder, OSSL_CORE_BIO *out,
                                 const void *key, const OSSL_PARAM abstract[],
                                 int selection, OSSL_PASSPHRASE_CALLBACK *pw,
                                 void *pw_arg)
{
    return *((struct encoder *)encoder)->cipher != '\0'
           && envl_hybrid_encode_private_pem(encoder, out, key, abstract,
                                             selection, pw, pw_arg);
}

/* Tables */

#define DECODER(half)                                                          \
    {                                                                          \
        ENTRY(OSSL_FUNC_DECODER_NEWCTX, envl_hybrid_decoder_newctx),           \
            ENTRY(OSSL_FUNC_DECODER_FREECTX, envl_hybrid_decoder_freectx),     \
            ENTRY(OSSL_FUNC_DECODER_DOES_SELECTION, envl_hybrid_does_##half),  \
            ENTRY(OSSL_FUNC_DECODER_DECODE, envl_hybrid_decode_##half),        \
            ENTRY(OSSL_FUNC_DECODER_EXPORT_OBJECT, envl_hybrid_export_object), \
            { 0, NULL },                                                       \
    }

#define ENCODER(half, format)                                                  \
    {                                                                          \
        ENTRY(OSSL_FUNC_ENCODER_NEWCTX, envl_hybrid_encoder_newctx),           \
            ENTRY(OSSL_FUNC_ENCODER_FREECTX, envl_hybrid_encoder_freectx),     \
            ENTRY(OSSL_FUNC_ENCODER_SETTABLE_CTX_PARAMS,                       \
                  envl_hybrid_settable),                                       \
            ENTRY(OSSL_FUNC_ENCODER_SET_CTX_PARAMS, envl_hybrid_set_cipher),   \
            ENTRY(OSSL_FUNC_ENCODER_DOES_SELECTION, envl_hybrid_does_##half),  \
            ENTRY(OSSL_FUNC_ENCODER_IMPORT_OBJECT, envl_hybrid_import_object), \
            ENTRY(OSSL_FUNC_ENCODER_FREE_OBJECT, envl_hybrid_free_object),     \
            ENTRY(OSSL_FUNC_ENCODER_ENCODE,                                    \
                  envl_hybrid_encode_##half##_##format),                       \
            { 0, NULL },                                                       \
    }

static const OSSL_DISPATCH public_decoder[] = DECODER(public);
static const OSSL_DISPATCH private_decoder[] = DECODER(private);
static const OSSL_DISPATCH public_der[] = ENCODER(public, der);
static const OSSL_DISPATCH public_pem[] = ENCODER(public, pem);
static const OSSL_DISPATCH private_der[] = ENCODER(private, der);
static const OSSL_DISPATCH private_pem[] = ENCODER(private, pem);
static const OSSL_DISPATCH encrypted_der[] = ENCODER(encrypted, der);
static const OSSL_DISPATCH encrypted_pem[] = ENCODER(encrypted, pem);

#define OURS "provider=" ENVELOPE_PROVIDER_NAME
#define PUBLIC ",structure=SubjectPublicKeyInfo"
#define PRIVATE ",structure=PrivateKeyInfo"
#define ENCRYPTED ",structure=EncryptedPrivateKeyInfo"

const OSSL_ALGORITHM envl_hybrid_decoders[] = {
    { ENVL_HYBRID_NAMES, OURS ",input=der" PUBLIC, public_decoder, NULL },
    { ENVL_HYBRID_NAMES, OURS ",input=der" PRIVATE, private_decoder, NULL },
    { NULL, NULL, NULL, NULL },
};

const OSSL_ALGORITHM envl_hybrid_encoders[] = {
    { ENVL_HYBRID_NAMES, OURS ",output=der" PUBLIC, public_der, NULL },
    { ENVL_HYBRID_NAMES, OURS ",output=pem" PUBLIC, public_pem, NULL },
    { ENVL_HYBRID_NAMES, OURS ",output=der" PRIVATE, private_der, NULL },
    { ENVL_HYBRID_NAMES, OURS ",output=pem" PRIVATE, private_pem, NULL },
    { ENVL_HYBRID_NAMES, OURS ",output=der" ENCRYPTED, encrypted_der, NULL },
    { ENVL_HYBRID_NAMES, OURS ",output=pem" ENCRYPTED, encrypted_pem, NULL },
    { NULL, NULL, NULL, NULL },
};
