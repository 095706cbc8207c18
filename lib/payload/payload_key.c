/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HKDF-Expand (RFC 5869, 2.3) with SHA-512, on libcrypto's HMAC.  libcrypto's
 * own HKDF limits info to 1 to 32 KiB, depending on the version, and the
 * labels, which are part of info here, may be longer.
 */
#include "lib/payload/payload_key.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/algorithms.h"

#define HASH_LEN 64 /* SHA-512 */
#define BLOCK_COUNT 2

/* The NUL at the end separates the AEAD's name from the salt. */
static const char info_prefix[] =
    "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";

static_assert(sizeof(struct envl_payload_key)
                  == ENVL_AEAD_KEY_LEN + ENVL_NONCE_LEN + ENVL_COMMITMENT_LEN,
              "the output is the structure's parts, one after the other");
static_assert(sizeof(struct envl_payload_key) <= BLOCK_COUNT * HASH_LEN,
              "enough blocks");

struct part {
    const void *data;
    size_t len;
};

/* T(n) = HMAC(PRK, T(n-1) || info || n).  With a NULL key HMAC keeps the key of
 * the call before. */
static int
expand_block(EVP_MAC_CTX *hmac, const unsigned char *dek, unsigned char *t,
             const struct part *info, size_t info_count, unsigned char n)
{
    bool is_first = n == 1;
    size_t i, len;

    if (!EVP_MAC_init(hmac, is_first ? dek : NULL, is_first ? ENVL_DEK_LEN : 0,
                      NULL)
        || !EVP_MAC_update(hmac, t, is_first ? 0 : HASH_LEN))
        return 0;
    for (i = 0; i < info_count; i++) {
        if (info[i].len > 0 && !EVP_MAC_update(hmac, info[i].data, info[i].len))
            return 0;
    }
    return EVP_MAC_update(hmac, &n, 1) && EVP_MAC_final(hmac, t, &len, HASH_LEN)
           && len == HASH_LEN;
}

enum envelope_reason
envl_payload_key_derive(struct envl_payload_key *key,
                        const struct envl_libctx *ctx, const unsigned char *dek,
                        const unsigned char *salt,
                        const struct envl_payload_context *context,
                        struct envl_err *err)
{
    const struct part info[] = {
        { info_prefix, sizeof(info_prefix) },
        { salt, ENVL_SALT_LEN },
        { context->prelude, context->prelude_len },
        { context->labels, context->labels_len },
    };
    const size_t info_count = sizeof(info) / sizeof(info[0]);
    unsigned char okm[BLOCK_COUNT * HASH_LEN], t[HASH_LEN];
    enum envelope_reason rc = ENVELOPE_OK;
    EVP_MAC_CTX *hmac;
    unsigned char n;

    if ((hmac = envl_new_hmac(ctx)) == NULL) {
        rc = envl_fail_crypto(err, "derive the payload key");
        goto out;
    }
    for (n = 1; n <= BLOCK_COUNT; n++) {
        if (!expand_block(hmac, dek, t, info, info_count, n)) {
            rc = envl_fail_crypto(err, "derive the payload key");
            goto out;
        }
        memcpy(okm + (size_t)(n - 1) * HASH_LEN, t, HASH_LEN);
    }
    memcpy(key->key, okm, ENVL_AEAD_KEY_LEN);
    memcpy(key->base_nonce, okm + ENVL_AEAD_KEY_LEN, ENVL_NONCE_LEN);
    memcpy(key->commitment, okm + ENVL_AEAD_KEY_LEN + ENVL_NONCE_LEN,
           ENVL_COMMITMENT_LEN);

out:
    OPENSSL_cleanse(t, sizeof(t));
    OPENSSL_cleanse(okm, sizeof(okm));
    EVP_MAC_CTX_free(hmac);
    return rc;
}
