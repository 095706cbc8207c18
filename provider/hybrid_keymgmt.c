/* SPDX-License-Identifier: Apache-2.0 */
/* The key management of hybrid keys: provider-keymgmt(7). */
#include "provider/hybrid.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "lib/base/param.h"

#define SECURITY_BITS 192 /* of ML-KEM-768 (FIPS 203, 8) */

static OSSL_FUNC_keymgmt_new_fn envl_hybrid_mgmt_new;
static OSSL_FUNC_keymgmt_free_fn envl_hybrid_mgmt_free;
static OSSL_FUNC_keymgmt_dup_fn envl_hybrid_mgmt_dup;
static OSSL_FUNC_keymgmt_load_fn envl_hybrid_mgmt_load;
static OSSL_FUNC_keymgmt_has_fn envl_hybrid_mgmt_has;
static OSSL_FUNC_keymgmt_match_fn envl_hybrid_mgmt_match;
static OSSL_FUNC_keymgmt_validate_fn envl_hybrid_mgmt_validate;
static OSSL_FUNC_keymgmt_import_types_fn envl_hybrid_mgmt_types;
static OSSL_FUNC_keymgmt_get_params_fn envl_hybrid_mgmt_get_params;
static OSSL_FUNC_keymgmt_gettable_params_fn envl_hybrid_mgmt_gettable_params;
static OSSL_FUNC_keymgmt_gen_init_fn envl_hybrid_mgmt_gen_init;
static OSSL_FUNC_keymgmt_gen_fn envl_hybrid_mgmt_gen;
static OSSL_FUNC_keymgmt_gen_cleanup_fn envl_hybrid_mgmt_gen_cleanup;
static OSSL_FUNC_keymgmt_query_operation_name_fn envl_hybrid_mgmt_query;

static void *
envl_hybrid_mgmt_new(void *prov)
{
    return envl_hybrid_new(prov);
}

static void
envl_hybrid_mgmt_free(void *key)
{
    envl_hybrid_free(key);
}

/* A key never changes after it was made: a copy is one more owner. */
static void *
envl_hybrid_mgmt_dup(const void *vkey, int selection)
{
    struct envl_hybrid *key = (struct envl_hybrid *)(uintptr_t)vkey;

    (void)selection;
    atomic_fetch_add(&key->owners, 1);
    return key;
}

/* Take the key of a decoder, whose reference is a pointer to it. */
static void *
envl_hybrid_mgmt_load(const void *reference, size_t size)
{
    void *key;

    if (size != sizeof(key))
        return NULL;
    memcpy(&key, reference, size);
    memset((void *)(uintptr_t)reference, 0, size);
    return key;
}

static int
envl_hybrid_mgmt_has(const void *vkey, int selection)
{
    const struct envl_hybrid *key = vkey;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return key->is_private;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
        return key->mlkem != NULL;
    return 1;
}

static int
envl_hybrid_mgmt_match(const void *va, const void *vb, int selection)
{
    const struct envl_hybrid *a = va, *b = vb;

    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
        return 1;
    return a->mlkem != NULL && b->mlkem != NULL
           && EVP_PKEY_eq(a->mlkem, b->mlkem) == 1
           && EVP_PKEY_eq(a->x25519, b->x25519) == 1;
}

static int
check_half(const struct envl_hybrid *key, EVP_PKEY *half, int selection)
{
    const struct envl_libctx *ctx = &key->prov->ctx;
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, half, ctx->propq);
    int ok = pctx != NULL;

    if (ok && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        ok = EVP_PKEY_pairwise_check(pctx) > 0;
    if (ok && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
        ok = EVP_PKEY_public_check(pctx) > 0;
    EVP_PKEY_CTX_free(pctx);
    return ok;
}

static int
envl_hybrid_mgmt_validate(const void *vkey, int selection, int how)
{
    const struct envl_hybrid *key = vkey;

    (void)how;
    return envl_hybrid_mgmt_has(key, selection)
           && check_half(key, key->mlkem, selection)
           && check_half(key, key->x25519, selection);
}

/* As raw bytes. */

static const OSSL_PARAM raw_types[] = {
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0),
    OSSL_PARAM_END,
};

static const OSSL_PARAM *
envl_hybrid_mgmt_types(int selection)
{
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? raw_types : NULL;
}

static bool
is_octets(const OSSL_PARAM *p, size_t len)
{
    return p != NULL && p->data_type == OSSL_PARAM_OCTET_STRING
           && p->data != NULL && p->data_size == len;
}

/* Import a private key; a public key that comes with it must belong to it. */
static int
import_private(struct envl_hybrid *key, const OSSL_PARAM *private,
               const OSSL_PARAM *public)
{
    unsigned char own[ENVL_HYBRID_PUBLIC_LEN];

    if (!is_octets(private, ENVL_HYBRID_PRIVATE_LEN)
        || (public != NULL && !is_octets(public, sizeof(own))))
        return 0;
    return envl_hybrid_set_private(key, private->data)
           && (public == NULL
               || (envl_hybrid_get_public(key, own)
                   && memcmp(own, public->data, sizeof(own)) == 0));
}

int
envl_hybrid_mgmt_import(void *vkey, int selection, const OSSL_PARAM params[])
{
    const OSSL_PARAM *private =
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY);
    const OSSL_PARAM *public =
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && private != NULL)
        return import_private(vkey, private, public);
    return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0
           && is_octets(public, ENVL_HYBRID_PUBLIC_LEN)
           && envl_hybrid_set_public(vkey, public->data);
}

int
envl_hybrid_mgmt_export(void *vkey, int selection, OSSL_CALLBACK *callback,
                        void *arg)
{
    const struct envl_hybrid *key = vkey;
    unsigned char public[ENVL_HYBRID_PUBLIC_LEN];
    unsigned char private[ENVL_HYBRID_PRIVATE_LEN];
    OSSL_PARAM params[3], *p = params;
    int ok = 0;

    if (!envl_hybrid_get_public(key, public))
        return 0;
    *p++ = envl_param_octets(OSSL_PKEY_PARAM_PUB_KEY, public, sizeof(public));
    /* Export the halves that are there, as libcrypto's own keys do. */
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0
        && (key->is_private
            || (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0)) {
        if (!envl_hybrid_get_private(key, private))
            return 0;
        *p++ = envl_param_octets(OSSL_PKEY_PARAM_PRIV_KEY, private,
                                 sizeof(private));
    }
    *p = OSSL_PARAM_construct_end();
    ok = callback(params, arg);
    OPENSSL_cleanse(private, sizeof(private));
    return ok;
}

/* Parameters */

static const OSSL_PARAM *
envl_hybrid_mgmt_gettable_params(void *prov)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)prov;
    return gettable;
}

static int
put_private(OSSL_PARAM *p, const struct envl_hybrid *key)
{
    unsigned char bytes[ENVL_HYBRID_PRIVATE_LEN];
    int ok = envl_hybrid_get_private(key, bytes)
             && OSSL_PARAM_set_octet_string(p, bytes, sizeof(bytes));

    OPENSSL_cleanse(bytes, sizeof(bytes));
    return ok;
}

static int
envl_hybrid_mgmt_get_params(void *vkey, OSSL_PARAM params[])
{
    const struct envl_hybrid *key = vkey;
    unsigned char public[ENVL_HYBRID_PUBLIC_LEN];
    static const struct {
        const char *name;
        int value;
    } numbers[] = {
        { OSSL_PKEY_PARAM_BITS, 8 * ENVL_HYBRID_PUBLIC_LEN },
        { OSSL_PKEY_PARAM_SECURITY_BITS, SECURITY_BITS },
        { OSSL_PKEY_PARAM_MAX_SIZE, ENVL_HYBRID_CIPHERTEXT_LEN },
    };
    OSSL_PARAM *p;
    size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        p = OSSL_PARAM_locate(params, numbers[i].name);
        if (p != NULL && !OSSL_PARAM_set_int(p, numbers[i].value))
            return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PUB_KEY);
    if (p != NULL
        && (!envl_hybrid_get_public(key, public)
            || !OSSL_PARAM_set_octet_string(p, public, sizeof(public))))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PRIV_KEY);
    return p == NULL || put_private(p, key);
}

/* Making */

static void *
envl_hybrid_mgmt_gen_init(void *prov, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    (void)params;
    return envl_hybrid_new(prov);
}

static void *
envl_hybrid_mgmt_gen(void *vgen, OSSL_CALLBACK *callback, void *arg)
{
    const struct envl_hybrid *gen = vgen;
    struct envl_hybrid *key = envl_hybrid_new(gen->prov);

    (void)callback;
    (void)arg;
    if (key != NULL && !envl_hybrid_generate(key)) {
        envl_hybrid_free(key);
        key = NULL;
    }
    return key;
}

static void
envl_hybrid_mgmt_gen_cleanup(void *gen)
{
    envl_hybrid_free(gen);
}

static const char *
envl_hybrid_mgmt_query(int operation)
{
    return operation == OSSL_OP_KEM ? ENVL_HYBRID_NAME : NULL;
}

const OSSL_DISPATCH envl_hybrid_keymgmt[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, envl_hybrid_mgmt_new),
    ENTRY(OSSL_FUNC_KEYMGMT_FREE, envl_hybrid_mgmt_free),
    ENTRY(OSSL_FUNC_KEYMGMT_DUP, envl_hybrid_mgmt_dup),
    ENTRY(OSSL_FUNC_KEYMGMT_LOAD, envl_hybrid_mgmt_load),
    ENTRY(OSSL_FUNC_KEYMGMT_HAS, envl_hybrid_mgmt_has),
    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, envl_hybrid_mgmt_match),
    ENTRY(OSSL_FUNC_KEYMGMT_VALIDATE, envl_hybrid_mgmt_validate),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, envl_hybrid_mgmt_import),
    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, envl_hybrid_mgmt_types),
    ENTRY(OSSL_FUNC_KEYMGMT_EXPORT, envl_hybrid_mgmt_export),
    ENTRY(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, envl_hybrid_mgmt_types),
    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, envl_hybrid_mgmt_get_params),
    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, envl_hybrid_mgmt_gettable_params),
    ENTRY(OSSL_FUNC_KEYMGMT_GEN_INIT, envl_hybrid_mgmt_gen_init),
    ENTRY(OSSL_FUNC_KEYMGMT_GEN, envl_hybrid_mgmt_gen),
    ENTRY(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, envl_hybrid_mgmt_gen_cleanup),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, envl_hybrid_mgmt_query),
    { 0, NULL },
};
