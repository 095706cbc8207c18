/* SPDX-License-Identifier: Apache-2.0 */
/* Uses the library's functions for one message at a time.  The library's
 * manager, which chooses them for the processor, is made once. */
#include "lib/payload/chunk_mb.h"

#include "config.h"

#ifdef HAVE_IPSEC_MB

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "lib/payload/payload_key.h"

#define TAG_LEN 16

/* The trial's length in bytes: near a chunk's, and no multiple of a block. */
#define TRIAL_LEN 16383

/* Without AVX-512 libcrypto is as fast.  SAFE_DATA means that the library wipes
 * its registers and its stack. */
#define FEATURES (IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA)

struct envl_chunk_mb {
    struct gcm_key_data key; /* first: the library wants it aligned */
    struct gcm_context_data state;
    void *block; /* the allocated block, not aligned */
};

static struct {
    pthread_mutex_t lock;
    bool tried;
    IMB_MGR *manager; /* NULL: not to be used */
} library = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* No stream outlives the module when it is unloaded. */
static void __attribute__((destructor)) free_manager(void)
{
    if (library.manager != NULL)
        free_mb_mgr(library.manager);
    library.manager = NULL;
}

void
envl_chunk_mb_seal(struct envl_chunk_mb *mb, const unsigned char *nonce,
                   unsigned char *out, const unsigned char *in, size_t len,
                   unsigned char *tag)
{
    IMB_AES256_GCM_ENC(library.manager, &mb->key, &mb->state, out, in, len,
                       nonce, NULL, 0, tag, TAG_LEN);
}

void
envl_chunk_mb_open(struct envl_chunk_mb *mb, const unsigned char *nonce,
                   unsigned char *out, const unsigned char *in, size_t len,
                   unsigned char *tag)
{
    IMB_AES256_GCM_DEC(library.manager, &mb->key, &mb->state, out, in, len,
                       nonce, NULL, 0, tag, TAG_LEN);
}

static struct envl_chunk_mb *
new_key(const unsigned char *key)
{
    const size_t align = 64;
    unsigned char *block = OPENSSL_zalloc(sizeof(struct envl_chunk_mb) + align);
    struct envl_chunk_mb *mb;

    if (block == NULL)
        return NULL;
    mb = (struct envl_chunk_mb *)(void *)(block + align
                                          - (uintptr_t)block % align);
    mb->block = block;
    IMB_AES256_GCM_PRE(library.manager, key, &mb->key);
    return mb;
}

void
envl_chunk_mb_free(struct envl_chunk_mb *mb)
{
    void *block = mb != NULL ? mb->block : NULL;

    if (mb != NULL)
        OPENSSL_cleanse(mb, sizeof(*mb));
    OPENSSL_free(block);
}

/* Encrypt the plaintext with libcrypto; the tag follows the ciphertext. */
static bool
seal_by_libcrypto(EVP_CIPHER *aead, const unsigned char *key,
                  const unsigned char *nonce, unsigned char *out,
                  const unsigned char *text)
{
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    bool ok = gcm != NULL && EVP_EncryptInit_ex2(gcm, aead, key, nonce, NULL)
              && EVP_EncryptUpdate(gcm, out, &n, text, TRIAL_LEN)
              && EVP_EncryptFinal_ex(gcm, out + n, &last)
              && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
                                     out + TRIAL_LEN);

    EVP_CIPHER_CTX_free(gcm);
    return ok && n + last == TRIAL_LEN;
}

/* Do both libraries encrypt a chunk to the same bytes, and does this library
 * decrypt them to the plaintext? */
static bool
agrees(EVP_CIPHER *aead)
{
    static const unsigned char key[32] = { 'a' }, nonce[ENVL_NONCE_LEN] = { 1 };
    struct envl_chunk_mb *mb = new_key(key);
    unsigned char *text = OPENSSL_malloc(3 * (TRIAL_LEN + TAG_LEN)),
                  tag[TAG_LEN];
    unsigned char *a, *b;
    bool same = false;
    size_t i;

    if (mb != NULL && text != NULL) {
        a = text + TRIAL_LEN + TAG_LEN;
        b = a + TRIAL_LEN + TAG_LEN;
        for (i = 0; i < TRIAL_LEN; i++)
            text[i] = (unsigned char)(i * i >> 3);
        envl_chunk_mb_seal(mb, nonce, a, text, TRIAL_LEN, a + TRIAL_LEN);
        same = seal_by_libcrypto(aead, key, nonce, b, text)
               && memcmp(a, b, TRIAL_LEN + TAG_LEN) == 0;
        envl_chunk_mb_open(mb, nonce, a, a, TRIAL_LEN, tag);
        same = same && memcmp(a, text, TRIAL_LEN) == 0
               && memcmp(tag, b + TRIAL_LEN, TAG_LEN) == 0;
    }
    OPENSSL_free(text);
    envl_chunk_mb_free(mb);
    return same;
}

/* Make a manager for this processor; NULL if the library does not support
 * it. */
static IMB_MGR *
make_manager(void)
{
    IMB_MGR *manager = alloc_mb_mgr(0);

    if (manager == NULL)
        return NULL;
    init_mb_mgr_auto(manager, NULL);
    if (imb_get_errno(manager) == 0
        && (manager->features & FEATURES) == FEATURES)
        return manager;
    free_mb_mgr(manager);
    return NULL;
}

static bool
is_ready(EVP_CIPHER *aead)
{
    bool ready;

    pthread_mutex_lock(&library.lock);
    if (!library.tried && (library.manager = make_manager()) != NULL
        && !agrees(aead))
        free_manager();
    library.tried = true;
    ready = library.manager != NULL;
    pthread_mutex_unlock(&library.lock);
    return ready;
}

struct envl_chunk_mb *
envl_chunk_mb_new(const struct envl_libctx *ctx, EVP_CIPHER *aead,
                  const unsigned char *key)
{
    const char *provider =
        OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(aead));

    if (ctx->properties != NULL || strcmp(provider, "default") != 0
        || EVP_default_properties_is_fips_enabled(ctx->libctx)
        || !is_ready(aead))
        return NULL;
    return new_key(key);
}

#else

struct envl_chunk_mb *
envl_chunk_mb_new(const struct envl_libctx *ctx, EVP_CIPHER *aead,
                  const unsigned char *key)
{
    (void)ctx;
    (void)aead;
    (void)key;
    return NULL;
}

/* The functions below are never called: no cipher was made. */

void
envl_chunk_mb_free(struct envl_chunk_mb *mb)
{
    (void)mb;
}

void
envl_chunk_mb_seal(struct envl_chunk_mb *mb, const unsigned char *nonce,
                   unsigned char *out, const unsigned char *in, size_t len,
                   unsigned char *tag)
{
    (void)mb;
    (void)nonce;
    (void)out;
    (void)in;
    (void)len;
    (void)tag;
}

void
envl_chunk_mb_open(struct envl_chunk_mb *mb, const unsigned char *nonce,
                   unsigned char *out, const unsigned char *in, size_t len,
                   unsigned char *tag)
{
    envl_chunk_mb_seal(mb, nonce, out, in, len, tag);
}

#endif
