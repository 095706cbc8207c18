/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope keygen: a private key in PKCS#8, its public key beside it.  The
 * private one is only ever in memory that is wiped, never in a stdio buffer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/der.h"
#include "lib/keys/keys.h"
#include "lib/keys/passphrase.h"
#include "tools/commands.h"
#include "tools/context.h"
#include "tools/fingerprint.h"
#include "tools/key_pair.h"

/* scrypt for a stored key: 17 MB and a fifth of a second.  More memory, and
 * libcrypto would not read it back unless it is told to. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5
#define SCRYPT_SALT_LEN 16

struct key_type {
    const char *name;      /* of --type; the first one is the default */
    const char *algorithm; /* of libcrypto */
    const char *curve;     /* of EC */
    int bits;              /* of RSA */
    const char *since;     /* version of OpenSSL, where 3.0 is too old */
};

static const struct key_type types[] = {
    { "x25519", "X25519", NULL, 0, NULL },
    { "x448", "X448", NULL, 0, NULL },
    { "p256", "EC", "P-256", 0, NULL },
    { "p384", "EC", "P-384", 0, NULL },
    { "p521", "EC", "P-521", 0, NULL },
    { "rsa3072", "RSA", NULL, 3072, NULL },
    { "rsa4096", "RSA", NULL, 4096, NULL },
    { "mlkem768x25519", ENVL_KEY_HYBRID_NAME, NULL, 0, "3.5" },
    { "mlkem768", "ML-KEM-768", NULL, 0, "3.5" },
    { "mlkem1024", "ML-KEM-1024", NULL, 0, "3.5" },
    { "ed25519", "ED25519", NULL, 0, NULL },
    { "ed448", "ED448", NULL, 0, NULL },
    { "mldsa65", "ML-DSA-65", NULL, 0, "3.5" },
};

/* Making */

static const struct key_type *
find_type(const char *name)
{
    size_t i;

    if (name == NULL)
        return &types[0];
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

static enum envelope_reason
fail_type(const struct key_type *type, struct envl_err *err)
{
    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    if (type->since != NULL)
        return envl_fail(err, ENVELOPE_R_NO_ALGORITHM,
                         "%s keys need OpenSSL %s or newer, and this is %s",
                         type->algorithm, type->since,
                         OpenSSL_version(OPENSSL_VERSION_STRING));
    return envl_fail(err, ENVELOPE_R_NO_ALGORITHM,
                     "%s; load a provider that has it, such as default",
                     type->algorithm);
}

static enum envelope_reason
generate(EVP_PKEY **key, const struct envl_libctx *ctx,
         const struct key_type *type, struct envl_err *err)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->libctx, type->algorithm, ctx->propq);
    enum envelope_reason rc = ENVELOPE_OK;

    if (pctx == NULL)
        return fail_type(type, err);
    if (EVP_PKEY_keygen_init(pctx) <= 0
        || (type->curve != NULL
            && EVP_PKEY_CTX_set_group_name(pctx, type->curve) <= 0)
        || (type->bits != 0
            && EVP_PKEY_CTX_set_rsa_keygen_bits(pctx, type->bits) <= 0)
        || EVP_PKEY_generate(pctx, key) <= 0)
        rc = envl_fail_crypto(err, "make a key");
    EVP_PKEY_CTX_free(pctx);
    return rc;
}

/* Encoding */

static int
encode(BIO *to, EVP_PKEY *key, int selection, const char *format,
       const char *structure, const char *propq)
{
    OSSL_ENCODER_CTX *encoder =
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, format, structure, propq);
    int ok = encoder != NULL && OSSL_ENCODER_CTX_get_num_encoders(encoder) > 0
             && OSSL_ENCODER_to_bio(encoder, to);

    OSSL_ENCODER_CTX_free(encoder);
    return ok;
}

static X509_ALGOR *
make_scrypt(const struct envl_libctx *ctx)
{
    unsigned char salt[SCRYPT_SALT_LEN];

    if (RAND_bytes_ex(ctx->libctx, salt, sizeof(salt), 0) <= 0)
        return NULL;
    return PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof(salt), NULL,
                                 SCRYPT_N, SCRYPT_R, SCRYPT_P);
}

/* libcrypto's own encoder would use PBKDF2 with 2,048 iterations. */
static int
encrypt(BIO *to, BIO *der, const struct envl_octets *passphrase,
        const struct envl_libctx *ctx)
{
    char *data = NULL;
    long len = BIO_get_mem_data(der, &data);
    const unsigned char *p = (const unsigned char *)data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, len);
    X509_ALGOR *scrypt = make_scrypt(ctx);
    X509_SIG *sealed = NULL;
    int ok;

    if (info != NULL && scrypt != NULL)
        sealed = PKCS8_set0_pbe_ex((const char *)passphrase->data,
                                   (int)passphrase->len, info, scrypt,
                                   ctx->libctx, ctx->propq);
    if (sealed == NULL)
        X509_ALGOR_free(scrypt);
    ok = sealed != NULL && PEM_write_bio_PKCS8(to, sealed);
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
    return ok;
}

/*
 * The PrivateKeyInfo of a key of ML-KEM or ML-DSA: its seed alone (RFC 9935, 6;
 * RFC 9881, 6).  libcrypto writes what it expands to, too, which other programs do not read.
 */
static int
encode_seed(BIO *to, EVP_PKEY *key)
{
    static const unsigned char version[] = { ENVL_DER_INTEGER, 1, 0 };
    unsigned char seed[ENVL_ML_KEM_SEED_LEN], buf[ENVL_ML_KEM_SEED_LEN + 64];
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(key, &spki), ok = 0;
    struct envl_der in = { spki, len > 0 ? (size_t)len : 0 }, info, algorithm;
    struct envl_der_writer w;
    size_t seed_len;

    if (envl_der_take(&in, ENVL_DER_SEQUENCE, &info)
        && envl_der_take_whole(&info, ENVL_DER_SEQUENCE, &algorithm)
        && EVP_PKEY_get_octet_string_param(key, ENVL_ML_KEM_SEED, seed,
                                           sizeof(seed), &seed_len)
        && seed_len > 0) {
        envl_der_begin(&w, buf, sizeof(buf));
        envl_der_put_element(&w, ENVL_DER_CONTEXT + 0, seed, seed_len);
        envl_der_wrap(&w, ENVL_DER_OCTETS, 0);
        envl_der_put(&w, algorithm.p, algorithm.len);
        envl_der_put(&w, version, sizeof(version));
        envl_der_wrap(&w, ENVL_DER_SEQUENCE, 0);
        info = envl_der_written(&w);
        ok = info.p != NULL && BIO_write(to, info.p, (int)info.len) > 0;
    }
    OPENSSL_cleanse(seed, sizeof(seed));
    OPENSSL_cleanse(buf, sizeof(buf));
    OPENSSL_free(spki);
    return ok;
}

static int
encode_private(BIO *to, EVP_PKEY *key, const char *propq)
{
    enum envl_key_kind kind;
    const char *algorithm = envl_key_algorithm(&kind, key);

    if (kind == ENVL_KEY_ML_DSA
        || (kind == ENVL_KEY_ML_KEM
            && strcmp(algorithm, ENVL_KEY_HYBRID_NAME) != 0))
        return encode_seed(to, key);
    return encode(to, key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", propq);
}

static int
write_pem(BIO *to, BIO *der)
{
    char *data = NULL;
    long len = BIO_get_mem_data(der, &data);

    return PEM_write_bio(to, PEM_STRING_PKCS8INF, "",
                         (const unsigned char *)data, len)
           > 0;
}

static enum envelope_reason
encode_pair(const struct envl_key_pair *pair, EVP_PKEY *key,
            const struct envl_octets *passphrase, const struct envl_libctx *ctx,
            struct envl_err *err)
{
    BIO *der = BIO_new(BIO_s_secmem());
    int ok = der != NULL
             && encode(pair->public_key, key, EVP_PKEY_PUBLIC_KEY, "PEM",
                       "SubjectPublicKeyInfo", ctx->propq)
             && encode_private(der, key, ctx->propq)
             && (passphrase->data == NULL
                     ? write_pem(pair->private_key, der)
                     : encrypt(pair->private_key, der, passphrase, ctx));

    BIO_free(der);
    return ok ? ENVELOPE_OK : envl_fail_crypto(err, "encode the key");
}

/* Where it goes */

static int
ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && name[len - end_len - 1] != '/'
           && strcmp(name + len - end_len, end) == 0;
}

/* "ops.pub" for "ops.key", "ops.pem" and "ops". */
static char *
name_public(const char *name)
{
    size_t len = strlen(name), size = len + sizeof(".pub");
    char *public_name = OPENSSL_malloc(size);

    if (public_name == NULL)
        return NULL;
    if (ends_in(name, ".key") || ends_in(name, ".pem"))
        len -= strlen(".key");
    (void)snprintf(public_name, size, "%.*s.pub", (int)len, name);
    return public_name;
}

static enum envelope_reason
check(const struct envl_key_pair *pair, bool force, struct envl_err *err)
{
    if (pair->private_path == NULL) {
        if (!isatty(STDOUT_FILENO))
            return ENVELOPE_OK;
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "a private key is not shown on a terminal: use -o");
    }
    if (ends_in(pair->private_path, ".pub"))
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "%s: -o names the private key, and .pub is for "
                         "public ones",
                         pair->private_path);
    return envl_key_pair_check(pair, force, err);
}

static enum envelope_reason
write_pair(const struct envl_key_pair *pair, bool force, struct envl_err *err)
{
    const char *where = NULL;

    if (pair->private_path != NULL)
        return envl_key_pair_store(pair, force, err);
    if (!envl_key_pair_write(STDOUT_FILENO, pair->private_key))
        where = "standard output";
    else if (!envl_key_pair_write(STDERR_FILENO, pair->public_key))
        where = "standard error";
    if (where == NULL)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_WRITE, "%s: %s", where, strerror(errno));
}

/* The command */

static enum envelope_reason
make(const struct envl_key_pair *pair, const struct envl_libctx *ctx,
     const struct envl_arguments *arguments, const struct key_type *type,
     struct envl_err *err)
{
    const struct envl_options *options = &arguments->options;
    const struct envl_key_settings settings = {
        .passphrase.data = (unsigned char *)options->passphrase,
        .passphrase.len =
            options->passphrase != NULL ? strlen(options->passphrase) : 0,
        .passphrase_file = options->passphrase_file,
    };
    struct envl_octets passphrase = { NULL, 0 };
    struct envl_key_id id;
    EVP_PKEY *key = NULL;
    enum envelope_reason rc = check(pair, arguments->force, err);

    if (rc == ENVELOPE_OK)
        rc = envl_passphrase_load(&passphrase, &settings, err);
    if (rc == ENVELOPE_OK)
        rc = generate(&key, ctx, type, err);
    if (rc == ENVELOPE_OK)
        rc = encode_pair(pair, key, &passphrase, ctx, err);
    if (rc == ENVELOPE_OK && !envl_key_id_of_key(&id, ctx, key))
        rc = envl_fail_crypto(err, "compute the key's identifier");
    if (rc == ENVELOPE_OK)
        rc = write_pair(pair, arguments->force, err);
    if (rc == ENVELOPE_OK)
        envl_fingerprint_print(
            pair->public_path != NULL ? stdout : stderr, false, &id, key,
            pair->public_path != NULL ? pair->public_path : "-");
    EVP_PKEY_free(key);
    envl_octets_clear(&passphrase);
    return rc;
}

static enum envelope_reason
make_in_memory(const struct envl_libctx *ctx,
               const struct envl_arguments *arguments,
               const struct key_type *type, struct envl_err *err)
{
    const char *output = arguments->output;
    bool has_files = output != NULL && strcmp(output, "-") != 0;
    char *public_path = has_files ? name_public(output) : NULL;
    struct envl_key_pair pair = {
        .private_path = has_files ? output : NULL,
        .public_path = public_path,
        .private_key = BIO_new(BIO_s_secmem()),
        .public_key = BIO_new(BIO_s_mem()),
    };
    enum envelope_reason rc;

    if (pair.private_key == NULL || pair.public_key == NULL
        || (has_files && public_path == NULL))
        rc = envl_fail_memory(err);
    else
        rc = make(&pair, ctx, arguments, type, err);
    BIO_free(pair.private_key); /* wipes */
    BIO_free(pair.public_key);
    OPENSSL_free(public_path);
    return rc;
}

/* With -p, main() has asked for the passphrase. */
enum envl_status
envl_command_keygen(struct envl_arguments *arguments)
{
    const struct key_type *type = find_type(arguments->key_type);
    enum envelope_reason rc;
    struct envl_libctx ctx;
    struct envl_err err;

    if (type == NULL)
        return envl_report_usage("there is no type of key %s",
                                 arguments->key_type);
    if ((rc = envl_context_get(&ctx, &err)) == ENVELOPE_OK) {
        rc = make_in_memory(&ctx, arguments, type, &err);
        envl_context_clear(&ctx);
    }
    return rc == ENVELOPE_OK ? ENVL_EXIT_DONE
                             : envl_report(NULL, &err, ENVL_ENCRYPT);
}
