/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends the provider, and lists its algorithms. */
#include "provider/provider.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "config.h"
#include "lib/base/algorithms.h"
#include "lib/keys/key_check.h"
#include "lib/payload/fork_guard.h"
#include "provider/hybrid.h"

#ifdef HAVE_IPSEC_MB
#define BUILD_INFO PACKAGE_VERSION " with libipsec-mb"
#else
#define BUILD_INFO PACKAGE_VERSION
#endif

static OSSL_FUNC_provider_teardown_fn envl_provider_teardown;
static OSSL_FUNC_provider_gettable_params_fn envl_provider_gettable_params;
static OSSL_FUNC_provider_get_params_fn envl_provider_get_params;
static OSSL_FUNC_provider_query_operation_fn envl_provider_query;
static OSSL_FUNC_provider_get_reason_strings_fn envl_provider_reasons;

static void
envl_provider_teardown(void *vprov)
{
    struct envl_provider *prov = vprov;

    (void)OSSL_PROVIDER_unload(prov->fallback);
    envl_algorithms_free(prov->ctx.algorithms);
    OSSL_LIB_CTX_free(prov->ctx.libctx);
    CRYPTO_THREAD_lock_free(prov->lock);
    envl_fork_watch_free(prov->ctx.watch);
    envl_sound_keys_free(prov->ctx.sound);
    OPENSSL_free(prov->propq);
    OPENSSL_free(prov->kms_modules);
    OPENSSL_free(prov);
}

static const OSSL_PARAM *
envl_provider_gettable_params(void *prov)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
        OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
        OSSL_PARAM_END,
    };

    (void)prov;
    return gettable;
}

static int
envl_provider_get_params(void *prov, OSSL_PARAM params[])
{
    OSSL_PARAM *name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
    OSSL_PARAM *version = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
    OSSL_PARAM *build = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_BUILDINFO);
    OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

    (void)prov;
    return (name == NULL
            || OSSL_PARAM_set_utf8_ptr(name, "Streaming envelope encryption"))
           && (version == NULL
               || OSSL_PARAM_set_utf8_ptr(version, PACKAGE_VERSION))
           && (build == NULL || OSSL_PARAM_set_utf8_ptr(build, BUILD_INFO))
           && (status == NULL || OSSL_PARAM_set_int(status, 1));
}

static const OSSL_ALGORITHM *
envl_provider_query(void *prov, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM ciphers[] = {
        { ENVELOPE_CIPHER_NAME, "provider=" ENVELOPE_PROVIDER_NAME,
          envl_cipher_functions, "Streaming envelope encryption" },
        { ENVELOPE_DECRYPT_NAME, "provider=" ENVELOPE_PROVIDER_NAME,
          envl_decrypt_functions, "Streaming envelope decryption" },
        { NULL, NULL, NULL, NULL },
    };
    static const OSSL_ALGORITHM keys[] = {
        { ENVL_HYBRID_NAMES, "provider=" ENVELOPE_PROVIDER_NAME,
          envl_hybrid_keymgmt, "ML-KEM-768 with X25519" },
        { NULL, NULL, NULL, NULL },
    };
    static const OSSL_ALGORITHM kems[] = {
        { ENVL_HYBRID_NAMES, "provider=" ENVELOPE_PROVIDER_NAME,
          envl_hybrid_kem, "ML-KEM-768 with X25519" },
        { NULL, NULL, NULL, NULL },
    };

    (void)prov;
    *no_cache = 0;
    if (operation == OSSL_OP_CIPHER)
        return ciphers;
    if (OpenSSL_version_num() < ENVL_ML_KEM_SINCE)
        return NULL;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keys;
    case OSSL_OP_KEM:
        return kems;
    case OSSL_OP_DECODER:
        return envl_hybrid_decoders;
    case OSSL_OP_ENCODER:
        return envl_hybrid_encoders;
    default:
        return NULL;
    }
}

static const OSSL_ITEM *
envl_provider_reasons(void *prov)
{
    (void)prov;
    return envl_reason_strings;
}

/*
 * A program's own context may have only this provider, or others that lack
 * AES-256-GCM.  Then the default provider is loaded into the child context.  If
 * that does not help, the first stream says which algorithm is missing.
 */
int
envl_provider_prepare(struct envl_provider *prov)
{
    struct envl_err ignored;

    if (!CRYPTO_THREAD_write_lock(prov->lock))
        return 0;
    if (!prov->has_algorithms) {
        ERR_set_mark();
        if (envl_libctx_check(&prov->ctx, &ignored) != ENVELOPE_OK)
            prov->fallback = OSSL_PROVIDER_load(prov->ctx.libctx, "default");
        ERR_pop_to_mark();
        prov->has_algorithms = true;
    }
    return CRYPTO_THREAD_unlock(prov->lock);
}

static int
note_provider(OSSL_PROVIDER *other, void *found)
{
    (void)other;
    *(int *)found = 1;
    return 0;
}

/* Is the program's context the global one?  The pointer is only compared,
 * because it may be another libcrypto's.  NULL also means the global
 * context. */
static bool
is_global(const struct envl_provider *prov)
{
    const void *program = NULL;

    if (prov->get_libctx == NULL)
        return false;
    program = prov->get_libctx(prov->core);
    return program == NULL
           || program == (const void *)OSSL_LIB_CTX_get0_global_default();
}

/*
 * libcrypto loads the default provider by itself only if no provider is named:
 * so openssl enc -provider envelope -pass ... would have no random numbers and
 * no PBKDF2.  If this is the only provider in the program's global context,
 * load the default provider, too.  If another provider is loaded already, or
 * the configuration activates another, such as fips, the user has chosen it,
 * and nothing is loaded.  The handle is dropped on purpose: the default
 * provider must stay as long as the context.
 */
static void
keep_fallback(const struct envl_provider *prov)
{
    int found = 0;

    if (!prov->is_global || prov->is_beside_other)
        return;
    ERR_set_mark();
    if (OSSL_PROVIDER_do_all(NULL, note_provider, &found) && !found)
        (void)OSSL_PROVIDER_load(NULL, "default");
    ERR_pop_to_mark();
}

static const OSSL_DISPATCH functions[] = {
    { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))envl_provider_teardown },
    { OSSL_FUNC_PROVIDER_GETTABLE_PARAMS,
      (void (*)(void))envl_provider_gettable_params },
    { OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))envl_provider_get_params },
    { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))envl_provider_query },
    { OSSL_FUNC_PROVIDER_GET_REASON_STRINGS,
      (void (*)(void))envl_provider_reasons },
    { 0, NULL }
};

static void
take_upcalls(struct envl_provider *prov, const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_GET_PARAMS:
            prov->get_params = OSSL_FUNC_core_get_params(in);
            break;
        case OSSL_FUNC_CORE_GET_LIBCTX:
            prov->get_libctx = OSSL_FUNC_core_get_libctx(in);
            break;
        case OSSL_FUNC_CORE_NEW_ERROR:
            prov->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            prov->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            prov->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        case OSSL_FUNC_BIO_READ_EX:
            prov->bio_read_ex = OSSL_FUNC_BIO_read_ex(in);
            break;
        case OSSL_FUNC_BIO_WRITE_EX:
            prov->bio_write_ex = OSSL_FUNC_BIO_write_ex(in);
            break;
        default:
            break;
        }
    }
}

int
envelope_provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **vprov)
{
    struct envl_provider *prov = OPENSSL_zalloc(sizeof(*prov));

    if (prov == NULL)
        return 0;
    prov->core = core;
    take_upcalls(prov, in);
    envl_err_begin();
    prov->is_global = is_global(prov);
    if (!envl_config_read(prov)) {
        envl_provider_teardown(prov);
        return 0;
    }
    keep_fallback(prov);
    prov->lock = CRYPTO_THREAD_lock_new();
    prov->ctx.libctx = OSSL_LIB_CTX_new_child(core, in);
    prov->ctx.watch = envl_fork_watch_new();
    prov->ctx.sound = envl_sound_keys_new();
    prov->ctx.algorithms = envl_algorithms_new();
    if (prov->lock == NULL || prov->ctx.libctx == NULL
        || prov->ctx.watch == NULL || prov->ctx.sound == NULL
        || prov->ctx.algorithms == NULL || prov->new_error == NULL
        || prov->set_error_debug == NULL || prov->vset_error == NULL) {
        envl_provider_teardown(prov);
        return 0;
    }
    prov->ctx.kms_modules = prov->kms_modules;
    prov->ctx.properties = prov->defaults.properties;
    /* Check the query now: libcrypto would ignore a malformed one in
     * fetches. */
    if (prov->defaults.properties != NULL
        && !EVP_set_default_properties(prov->ctx.libctx,
                                       prov->defaults.properties))
        (void)envl_fail(&prov->config_failure, ENVELOPE_R_CONFIGURATION,
                        "%s: properties = %s: libcrypto cannot read it",
                        prov->defaults.place, prov->defaults.properties);
    prov->propq = envl_libctx_prefer(prov->ctx.properties, "default");
    prov->ctx.propq = prov->propq;
    if (prov->propq == NULL) {
        envl_provider_teardown(prov);
        return 0;
    }
    *vprov = prov;
    *out = functions;
    return 1;
}
