/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatch functions of the ENVELOPE cipher: they pass libcrypto's
 * arguments to the stream, and its results back. */
#include "provider/provider.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "lib/base/file.h"
#include "lib/keys/kek_file.h"
#include "lib/stream/stream.h"

struct envl_cipher {
    struct envl_provider *prov;
    struct envl_settings settings;  /* the program's */
    struct envl_settings effective; /* settings with defaults, for stream */
    struct envl_keyring *keyring;   /* shared with copies; or NULL */
    struct envl_stream *stream;     /* NULL before the first init */
    enum envl_direction direction;
    struct envl_err failure; /* of the last call, or ENVELOPE_OK */
};

/* Declaring each entry by its OSSL_FUNC type makes the compiler check it. */
static OSSL_FUNC_cipher_newctx_fn envl_cipher_newctx;
static OSSL_FUNC_cipher_newctx_fn envl_decrypt_newctx;
static OSSL_FUNC_cipher_freectx_fn envl_cipher_freectx;
static OSSL_FUNC_cipher_dupctx_fn envl_cipher_dupctx;
static OSSL_FUNC_cipher_encrypt_init_fn envl_cipher_encrypt_init;
static OSSL_FUNC_cipher_decrypt_init_fn envl_cipher_decrypt_init;
static OSSL_FUNC_cipher_update_fn envl_cipher_update;
static OSSL_FUNC_cipher_final_fn envl_cipher_final;
static OSSL_FUNC_cipher_get_params_fn envl_cipher_get_params;
static OSSL_FUNC_cipher_get_params_fn envl_decrypt_get_params;
static OSSL_FUNC_cipher_gettable_params_fn envl_cipher_gettable_params;
static OSSL_FUNC_cipher_get_ctx_params_fn envl_cipher_get_ctx_params;
static OSSL_FUNC_cipher_gettable_ctx_params_fn envl_cipher_gettable_ctx_params;
static OSSL_FUNC_cipher_set_ctx_params_fn envl_cipher_set_ctx_params;
static OSSL_FUNC_cipher_settable_ctx_params_fn envl_cipher_settable_ctx_params;

/* Contexts */

/* Keep a failure in the context, for ENVL_PARAM_FAILURE. */
static const struct envl_err *
keep(struct envl_cipher *ctx, const struct envl_err *err)
{
    ctx->failure = *err;
    return &ctx->failure;
}

static int
raise_memory(struct envl_cipher *ctx)
{
    (void)envl_fail_memory(&ctx->failure);
    return envl_raise(ctx->prov, &ctx->failure);
}

/*
 * After a refused copy libcrypto still calls the cipher, with a NULL context.
 * Without a context the provider and its error library are not known: so this
 * record has the library that all providers share.
 */
static int
raise_no_context(void)
{
    ERR_raise_data(ERR_LIB_PROV, ENVELOPE_R_NO_STREAM,
                   "%s: the context is empty, because a copy was refused; "
                   "initialise it first",
                   envl_reason_text(ENVELOPE_R_NO_STREAM));
    return 0;
}

static void *
envl_cipher_newctx(void *vprov)
{
    struct envl_provider *prov = vprov;
    struct envl_cipher *ctx = OPENSSL_zalloc(sizeof(*ctx));
    struct envl_err err;

    if (ctx == NULL || !envl_provider_prepare(prov)) {
        OPENSSL_free(ctx);
        (void)envl_fail_memory(&err);
        (void)envl_raise(prov, &err);
        return NULL;
    }
    ctx->prov = prov;
    return ctx;
}

/*
 * BIO_f_cipher() takes a failed update for the end of the data, and reports
 * success, if a read is longer than 256 bytes.  It only notices a failed final
 * call.
 */
static void *
envl_decrypt_newctx(void *vprov)
{
    struct envl_cipher *ctx = envl_cipher_newctx(vprov);

    if (ctx != NULL)
        ctx->settings.errors_at_end = true;
    return ctx;
}

/* End the stream; the program's settings stay. */
static void
drop_stream(struct envl_cipher *ctx)
{
    int group;

    if (ctx->stream != NULL && !envl_stream_is_new(ctx->stream)) {
        for (group = 0; group < ENVL_KEY_GROUP_COUNT; group++)
            ctx->settings.keys.is_old[group] = true;
    }
    envl_stream_free(ctx->stream);
    ctx->stream = NULL;
    envl_settings_clear(&ctx->effective);
}

static void
envl_cipher_freectx(void *vctx)
{
    struct envl_cipher *ctx = vctx;

    if (ctx == NULL)
        return;
    drop_stream(ctx);
    envl_settings_clear(&ctx->settings);
    envl_keyring_free(ctx->keyring);
    OPENSSL_free(ctx);
}

static int
start_stream(struct envl_cipher *ctx, enum envl_direction direction)
{
    drop_stream(ctx);
    ctx->direction = direction;
    ctx->stream = envl_stream_new(&ctx->prov->ctx, &ctx->effective, direction);
    return ctx->stream != NULL || raise_memory(ctx);
}

/*
 * Two streams must never share a data key and nonces: a context that has
 * processed data cannot be copied.
 */
static void *
envl_cipher_dupctx(void *vctx)
{
    struct envl_cipher *ctx = vctx, *dup;
    struct envl_err err;

    if (ctx == NULL) {
        (void)raise_no_context();
        return NULL;
    }
    if (ctx->stream != NULL && !envl_stream_is_new(ctx->stream)) {
        (void)envl_fail(&err, ENVELOPE_R_IN_USE,
                        "a context cannot be duplicated after its first "
                        "update");
        (void)envl_raise(ctx->prov, keep(ctx, &err));
        return NULL;
    }
    if ((dup = envl_cipher_newctx(ctx->prov)) == NULL)
        return NULL;
    dup->keyring = envl_keyring_share(ctx->keyring);
    if (!envl_settings_copy(&dup->settings, &ctx->settings)) {
        (void)raise_memory(ctx);
    } else if (ctx->stream == NULL || start_stream(dup, ctx->direction)) {
        return dup;
    }
    envl_cipher_freectx(dup);
    return NULL;
}

/* Initialisation */

/* A key that is all zero means "no key": openssl enc's -K 0 passes it. */
static int
check_key(struct envl_cipher *ctx, const unsigned char *key, size_t len)
{
    struct envl_err err;

    if (len != ENVELOPE_KEY_LENGTH) {
        (void)envl_fail(&err, ENVELOPE_R_PARAMETER,
                        "the key has %zu bytes; it must have %d", len,
                        ENVELOPE_KEY_LENGTH);
        return envl_raise(ctx->prov, keep(ctx, &err));
    }
    if (!envl_kek_is_zero(key)
        && envl_kek_check(key, "-K, or the cipher's key", &err) != ENVELOPE_OK)
        return envl_raise(ctx->prov, keep(ctx, &err));
    return 1;
}

/* New keys make the keyring useless: give it up. */
static int
set_params(struct envl_cipher *ctx, const OSSL_PARAM params[],
           enum envl_params_time when)
{
    struct envl_err err;
    bool other_keys;

    if (!envl_params_set(&ctx->settings, &other_keys, params, when, &err))
        return envl_raise(ctx->prov, keep(ctx, &err));
    if (other_keys) {
        envl_keyring_free(ctx->keyring);
        ctx->keyring = envl_keyring_new();
    }
    return 1;
}

/* A refused initialisation ends the stream and changes nothing else. */
static int
init(void *vctx, enum envl_direction direction, const unsigned char *key,
     size_t key_len, const OSSL_PARAM params[])
{
    struct envl_cipher *ctx = vctx;

    if (ctx == NULL)
        return raise_no_context();
    ctx->failure.reason = ENVELOPE_OK;
    drop_stream(ctx);
    if (key != NULL && !check_key(ctx, key, key_len))
        return 0;
    if (!set_params(ctx, params, ENVL_PARAMS_IN_INIT))
        return 0;
    if (key != NULL) {
        memcpy(ctx->settings.keys.kek, key, ENVELOPE_KEY_LENGTH);
        ctx->settings.keys.has_kek = !envl_kek_is_zero(key);
    }
    return start_stream(ctx, direction);
}

static int
envl_cipher_encrypt_init(void *vctx, const unsigned char *key, size_t key_len,
                         const unsigned char *iv, size_t iv_len,
                         const OSSL_PARAM params[])
{
    (void)iv;
    (void)iv_len;
    return init(vctx, ENVL_ENCRYPT, key, key_len, params);
}

static int
envl_cipher_decrypt_init(void *vctx, const unsigned char *key, size_t key_len,
                         const unsigned char *iv, size_t iv_len,
                         const OSSL_PARAM params[])
{
    (void)iv;
    (void)iv_len;
    return init(vctx, ENVL_DECRYPT, key, key_len, params);
}

/* Data */

/* Is there a stream, and are its settings complete? */
static int
ready(struct envl_cipher *ctx)
{
    struct envl_err err;

    if (ctx == NULL)
        return raise_no_context();
    envl_err_begin();
    ctx->failure.reason = ENVELOPE_OK;
    if (ctx->stream == NULL) {
        (void)envl_fail(&err, ENVELOPE_R_NO_STREAM,
                        "initialise the context first");
        return envl_raise(ctx->prov, keep(ctx, &err));
    }
    if (!envl_stream_is_new(ctx->stream))
        return 1;
    envl_settings_clear(&ctx->effective);
    if (!envl_settings_copy(&ctx->effective, &ctx->settings))
        return raise_memory(ctx);
    if (envl_config_apply(ctx->prov, &ctx->effective,
                          ctx->direction == ENVL_ENCRYPT, &err)
        != ENVELOPE_OK)
        return envl_raise(ctx->prov, keep(ctx, &err));
    envl_stream_set_keyring(ctx->stream, ctx->keyring);
    return 1;
}

static int
envl_cipher_update(void *vctx, unsigned char *out, size_t *outl, size_t outsize,
                   const unsigned char *in, size_t inl)
{
    struct envl_cipher *ctx = vctx;

    *outl = 0;

    if (!ready(ctx))
        return 0;
    if (envl_stream_update(ctx->stream, out, outl, outsize, in, inl)
        != ENVELOPE_OK)
        return envl_raise(ctx->prov, keep(ctx, envl_stream_err(ctx->stream)));
    return 1;
}

static int
envl_cipher_final(void *vctx, unsigned char *out, size_t *outl, size_t outsize)
{
    struct envl_cipher *ctx = vctx;

    *outl = 0;
    if (!ready(ctx))
        return 0;
    if (envl_stream_final(ctx->stream, out, outl, outsize) != ENVELOPE_OK)
        return envl_raise(ctx->prov, keep(ctx, envl_stream_err(ctx->stream)));
    return 1;
}

/* Parameters */

static const OSSL_PARAM *
envl_cipher_gettable_params(void *prov)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL),
        OSSL_PARAM_int(OSSL_CIPHER_PARAM_AEAD, NULL),
        OSSL_PARAM_END,
    };

    (void)prov;
    return gettable;
}

static int
set_size(OSSL_PARAM params[], const char *name, size_t value)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

    return p == NULL || OSSL_PARAM_set_size_t(p, value);
}

/* The cipher is a stream cipher without an IV, whose block size asks for room
 * (<envelope/envelope.h>).  It has no AEAD flag: openssl enc refuses AEADs. */
static int
get_params(OSSL_PARAM params[], size_t block_size)
{
    OSSL_PARAM *mode = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_MODE);
    OSSL_PARAM *aead = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD);

    return (mode == NULL || OSSL_PARAM_set_uint(mode, EVP_CIPH_STREAM_CIPHER))
           && (aead == NULL || OSSL_PARAM_set_int(aead, 0))
           && set_size(params, OSSL_CIPHER_PARAM_KEYLEN, ENVELOPE_KEY_LENGTH)
           && set_size(params, OSSL_CIPHER_PARAM_IVLEN, 0)
           && set_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, block_size);
}

static int
envl_cipher_get_params(OSSL_PARAM params[])
{
    return get_params(params, ENVELOPE_BLOCK_SIZE);
}

/* A cipher that only decrypts needs no extra room: its block size is 1. */
static int
envl_decrypt_get_params(OSSL_PARAM params[])
{
    return get_params(params, 1);
}

static const OSSL_PARAM *
envl_cipher_gettable_ctx_params(void *vctx, void *vprov)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
        OSSL_PARAM_octet_string(ENVELOPE_PARAM_HEADER, NULL, 0),
        OSSL_PARAM_size_t(ENVELOPE_PARAM_HEADER_LENGTH, NULL),
        OSSL_PARAM_uint64(ENVELOPE_PARAM_VERIFIED_LENGTH, NULL),
        OSSL_PARAM_uint(ENVELOPE_PARAM_THREADS, NULL),
        OSSL_PARAM_END,
    };

    (void)vctx;
    (void)vprov;
    return gettable;
}

/* The parameter stays unset until there is a header. */
static int
get_header(OSSL_PARAM params[], const struct envl_stream *stream)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, ENVELOPE_PARAM_HEADER);
    const unsigned char *header;
    size_t len;

    header = stream != NULL ? envl_stream_header(stream, &len) : NULL;
    if (header == NULL)
        return 1;
    return (p == NULL || OSSL_PARAM_set_octet_string(p, header, len))
           && set_size(params, ENVELOPE_PARAM_HEADER_LENGTH, len);
}

/* The number of threads, also if it is from the configuration. */
static int
get_threads(OSSL_PARAM params[], struct envl_cipher *ctx)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, ENVELOPE_PARAM_THREADS);
    struct envl_err err;
    unsigned threads;

    if (p == NULL)
        return 1;
    if (envl_defaults_threads(&ctx->prov->defaults, &ctx->settings, &threads,
                              &err)
        != ENVELOPE_OK)
        return envl_raise(ctx->prov, keep(ctx, &err));
    return OSSL_PARAM_set_uint(p, threads);
}

static int
get_private(OSSL_PARAM params[], const struct envl_cipher *ctx)
{
    OSSL_PARAM *stream = OSSL_PARAM_locate(params, ENVL_PARAM_STREAM);
    OSSL_PARAM *failure = OSSL_PARAM_locate(params, ENVL_PARAM_FAILURE);

    return (stream == NULL || OSSL_PARAM_set_octet_ptr(stream, ctx->stream, 0))
           && (failure == NULL
               || OSSL_PARAM_set_octet_ptr(failure, &ctx->failure,
                                           sizeof(ctx->failure)));
}

static int
envl_cipher_get_ctx_params(void *vctx, OSSL_PARAM params[])
{
    struct envl_cipher *ctx = vctx;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, ENVELOPE_PARAM_VERIFIED_LENGTH);

    if (ctx == NULL)
        return raise_no_context();
    return set_size(params, OSSL_CIPHER_PARAM_KEYLEN, ENVELOPE_KEY_LENGTH)
           && set_size(params, OSSL_CIPHER_PARAM_IVLEN, 0)
           && (p == NULL
               || OSSL_PARAM_set_uint64(
                   p, ctx->stream != NULL
                          ? envl_stream_verified_len(ctx->stream)
                          : 0))
           && get_threads(params, ctx) && get_private(params, ctx)
           && get_header(params, ctx->stream);
}

static const OSSL_PARAM *
envl_cipher_settable_ctx_params(void *vctx, void *vprov)
{
    (void)vctx;
    (void)vprov;
    return envl_params_settable;
}

static int
set_next_chunk(struct envl_cipher *ctx, const OSSL_PARAM *p)
{
    struct envl_err err;
    uint64_t index;

    if (ctx->stream == NULL || !OSSL_PARAM_get_uint64(p, &index)) {
        (void)envl_fail(&err, ENVELOPE_R_PARAMETER,
                        "%s: must be a number, set while decrypting",
                        ENVELOPE_PARAM_NEXT_CHUNK);
        return envl_raise(ctx->prov, keep(ctx, &err));
    }
    if (envl_stream_seek(ctx->stream, index) != ENVELOPE_OK)
        return envl_raise(ctx->prov, keep(ctx, envl_stream_err(ctx->stream)));
    return 1;
}

static int
envl_cipher_set_ctx_params(void *vctx, const OSSL_PARAM params[])
{
    struct envl_cipher *ctx = vctx;
    const OSSL_PARAM *p =
        OSSL_PARAM_locate_const(params, ENVELOPE_PARAM_NEXT_CHUNK);
    const OSSL_PARAM *workers =
        OSSL_PARAM_locate_const(params, ENVL_PARAM_WORKERS);
    const OSSL_PARAM *files =
        OSSL_PARAM_locate_const(params, ENVL_PARAM_FILES_IN_USE);
    enum envl_params_time when;

    if (ctx == NULL)
        return raise_no_context();
    ctx->failure.reason = ENVELOPE_OK;
    when = ctx->stream == NULL || envl_stream_is_new(ctx->stream)
               ? ENVL_PARAMS_BEFORE_DATA
               : ENVL_PARAMS_AFTER_DATA;
    if (!set_params(ctx, params, when))
        return 0;
    if (workers != NULL
        && !OSSL_PARAM_get_uint(workers, &ctx->settings.workers))
        return 0;
    if (files != NULL && files->data_size % sizeof(struct envl_file_id) != 0)
        return 0;
    if (files != NULL
        && !envl_octets_set(&ctx->settings.keys.in_use, files->data,
                            files->data_size))
        return raise_memory(ctx);
    return p == NULL || set_next_chunk(ctx, p);
}

/* clang-format off */
#define COMMON_FUNCTIONS                                                       \
    { OSSL_FUNC_CIPHER_FREECTX, (void (*)(void))envl_cipher_freectx },         \
    { OSSL_FUNC_CIPHER_DUPCTX, (void (*)(void))envl_cipher_dupctx },           \
    { OSSL_FUNC_CIPHER_DECRYPT_INIT,                                           \
      (void (*)(void))envl_cipher_decrypt_init },                              \
    { OSSL_FUNC_CIPHER_UPDATE, (void (*)(void))envl_cipher_update },           \
    { OSSL_FUNC_CIPHER_FINAL, (void (*)(void))envl_cipher_final },             \
    { OSSL_FUNC_CIPHER_GETTABLE_PARAMS,                                        \
      (void (*)(void))envl_cipher_gettable_params },                           \
    { OSSL_FUNC_CIPHER_GET_CTX_PARAMS,                                         \
      (void (*)(void))envl_cipher_get_ctx_params },                            \
    { OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS,                                    \
      (void (*)(void))envl_cipher_gettable_ctx_params },                       \
    { OSSL_FUNC_CIPHER_SET_CTX_PARAMS,                                         \
      (void (*)(void))envl_cipher_set_ctx_params },                            \
    { OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS,                                    \
      (void (*)(void))envl_cipher_settable_ctx_params }

const OSSL_DISPATCH envl_cipher_functions[] = {
    COMMON_FUNCTIONS,
    { OSSL_FUNC_CIPHER_NEWCTX, (void (*)(void))envl_cipher_newctx },
    { OSSL_FUNC_CIPHER_ENCRYPT_INIT,
      (void (*)(void))envl_cipher_encrypt_init },
    { OSSL_FUNC_CIPHER_GET_PARAMS, (void (*)(void))envl_cipher_get_params },
    { 0, NULL }
};

const OSSL_DISPATCH envl_decrypt_functions[] = {
    COMMON_FUNCTIONS,
    { OSSL_FUNC_CIPHER_NEWCTX, (void (*)(void))envl_decrypt_newctx },
    { OSSL_FUNC_CIPHER_GET_PARAMS, (void (*)(void))envl_decrypt_get_params },
    { 0, NULL }
};
/* clang-format on */
