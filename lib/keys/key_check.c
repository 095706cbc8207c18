/* SPDX-License-Identifier: Apache-2.0 */
/* Kind, size, curve; then libcrypto's own check, once for each key. */
#include "lib/keys/key_check.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/keys/keys.h"

/* Keys that were found to be sound */

#define DIGEST_LEN 32
#define SOUND_COUNT_MAX 64

struct envl_sound_keys {
    CRYPTO_RWLOCK *lock;
    unsigned char digests[SOUND_COUNT_MAX][DIGEST_LEN]; /* of their SPKI */
    size_t count; /* of all so far: the next goes to count % MAX */
};

struct envl_sound_keys *
envl_sound_keys_new(void)
{
    struct envl_sound_keys *sound = OPENSSL_zalloc(sizeof(*sound));

    if (sound != NULL && (sound->lock = CRYPTO_THREAD_lock_new()) == NULL) {
        OPENSSL_free(sound);
        sound = NULL;
    }
    return sound;
}

void
envl_sound_keys_free(struct envl_sound_keys *sound)
{
    if (sound == NULL)
        return;
    CRYPTO_THREAD_lock_free(sound->lock);
    OPENSSL_free(sound);
}

static bool
is_remembered(struct envl_sound_keys *sound,
              const unsigned char digest[DIGEST_LEN])
{
    bool found = false;
    size_t i;

    if (sound == NULL || !CRYPTO_THREAD_read_lock(sound->lock))
        return false;
    for (i = 0; i < sound->count && i < SOUND_COUNT_MAX && !found; i++)
        found = memcmp(sound->digests[i], digest, DIGEST_LEN) == 0;
    (void)CRYPTO_THREAD_unlock(sound->lock); /* cannot fail: it is locked */
    return found;
}

static void
remember(struct envl_sound_keys *sound, const unsigned char digest[DIGEST_LEN])
{
    if (sound == NULL || !CRYPTO_THREAD_write_lock(sound->lock))
        return; /* the key is checked again the next time */
    memcpy(sound->digests[sound->count++ % SOUND_COUNT_MAX], digest,
           DIGEST_LEN);
    (void)CRYPTO_THREAD_unlock(sound->lock);
}

static int
digest_key(unsigned char digest[DIGEST_LEN], EVP_PKEY *key,
           const struct envl_libctx *ctx)
{
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(key, &spki);
    int ok = len > 0
             && EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, spki,
                             (size_t)len, digest, NULL);

    OPENSSL_free(spki);
    return ok;
}

/* The check */

static enum envelope_reason
check_sound(EVP_PKEY *key, const struct envl_libctx *ctx, const char *name,
            struct envl_err *err)
{
    unsigned char digest[DIGEST_LEN];
    enum envelope_reason rc = ENVELOPE_OK;
    EVP_PKEY_CTX *pctx = NULL;
    int has_digest;

    /* A point at infinity cannot be encoded, and libcrypto then reports that
     * memory ran out.  The check below finds the true reason. */
    has_digest = digest_key(digest, key, ctx);
    if (has_digest && is_remembered(ctx->sound, digest))
        return ENVELOPE_OK;

    ERR_set_mark();
    pctx = EVP_PKEY_CTX_new_from_pkey(ctx->libctx, key, ctx->propq);
    if (pctx == NULL)
        rc = envl_fail_crypto(err, "check a public key");
    else if (EVP_PKEY_public_check(pctx) <= 0)
        rc = envl_crypto_no_memory()
                 ? envl_fail_memory(err)
                 : envl_fail(err, ENVELOPE_R_BAD_KEY,
                             "%s: libcrypto's check of it failed (%s): the "
                             "file is damaged, or it is no real key",
                             name, envl_crypto_reason());
    EVP_PKEY_CTX_free(pctx);
    if (rc != ENVELOPE_OK) {
        ERR_clear_last_mark();
        return rc;
    }
    ERR_pop_to_mark();
    if (!has_digest)
        return envl_fail_crypto(err, "encode a public key");
    remember(ctx->sound, digest);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_key_fail_only_signs(const EVP_PKEY *key, const char *name,
                         struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                     "%s: a key of type %s can only sign: make one with "
                     "openssl genpkey -algorithm X25519, or use an RSA or "
                     "ECDSA key",
                     name, EVP_PKEY_get0_type_name(key));
}

/* Keys that do neither, or not what is asked for. */
static enum envelope_reason
fail_kind(const EVP_PKEY *key, enum envl_key_use use, const char *name,
          struct envl_err *err)
{
    const char *type = EVP_PKEY_get0_type_name(key);

    return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                     use == ENVL_TO_SIGN
                         ? "%s: type %s; Ed25519, Ed448, EC, RSA and ML-DSA-65 "
                           "keys can sign"
                         : "%s: type %s; RSA, EC, X25519, X448 and ML-KEM keys "
                           "are supported",
                     name, type != NULL ? type : "unknown");
}

static enum envelope_reason
check_rsa(const EVP_PKEY *key, const char *name, struct envl_err *err)
{
    int bits = EVP_PKEY_get_bits(key);

    if (bits < ENVL_RSA_BITS_MIN)
        return envl_fail(err, ENVELOPE_R_WEAK_KEY,
                         "%s: an RSA key of %d bits; at least %d are needed",
                         name, bits, ENVL_RSA_BITS_MIN);
    if (bits > OPENSSL_RSA_MAX_MODULUS_BITS)
        return envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                         "%s: an RSA key of %d bits; libcrypto takes %d at "
                         "most",
                         name, bits, OPENSSL_RSA_MAX_MODULUS_BITS);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_key_check(EVP_PKEY *key, enum envl_key_use use,
               const struct envl_libctx *ctx, const char *name,
               struct envl_err *err)
{
    enum envl_key_kind kind = envl_key_kind(key);
    char curve[ENVL_CURVE_NAME_MAX];
    enum envelope_reason rc = ENVELOPE_OK;

    if (kind == ENVL_KEY_RSA)
        rc = check_rsa(key, name, err);
    else if (kind == ENVL_KEY_EC && !envl_key_has_curve(key, curve))
        rc = envl_fail(err, ENVELOPE_R_UNSUPPORTED_KEY,
                       "%s: curve %s; P-256, P-384 and P-521 are supported",
                       name, curve[0] != '\0' ? curve : "unnamed");
    else if (envl_key_only_signs(kind) && use == ENVL_TO_ENCRYPT)
        rc = envl_key_fail_only_signs(key, name, err);
    else if (kind == ENVL_KEY_OTHER
             || (use == ENVL_TO_SIGN
                 && (kind == ENVL_KEY_DH || kind == ENVL_KEY_ML_KEM)))
        rc = fail_kind(key, use, name, err);
    return rc == ENVELOPE_OK ? check_sound(key, ctx, name, err) : rc;
}
