/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands for OpenSSL's FIPS module, which not every distribution has: what the
 * default provider offers, in a library context of its own, under the
 * properties of that module.  As there, keys are read and written by the
 * provider base, and there is no MD5.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#define PROPERTIES "provider=fips,fips=yes"
#define OPERATION_MAX 32

ENVELOPE_EXPORT OSSL_provider_init_fn OSSL_provider_init;

/* Of all instances: the process may have one in each library context. */
static size_t instances;
static OSSL_LIB_CTX *libctx;
static OSSL_PROVIDER *real, *inner;
static OSSL_ALGORITHM *lists[OPERATION_MAX];

static void
teardown(void *provctx)
{
    size_t i;

    (void)provctx;
    if (--instances > 0)
        return;
    for (i = 0; i < OPERATION_MAX; i++) {
        free(lists[i]);
        lists[i] = NULL;
    }
    (void)OSSL_PROVIDER_unload(inner);
    (void)OSSL_PROVIDER_unload(real);
    OSSL_LIB_CTX_free(libctx);
    real = NULL;
    libctx = NULL;
}

static const OSSL_ALGORITHM *
query(void *provctx, int operation, int *no_cache)
{
    const OSSL_ALGORITHM *from;
    size_t count = 0, i, n = 0;

    (void)provctx;
    *no_cache = 0;
    if (operation >= OPERATION_MAX || operation == OSSL_OP_ENCODER
        || operation == OSSL_OP_DECODER || operation == OSSL_OP_STORE)
        return NULL;
    if (lists[operation] != NULL)
        return lists[operation];
    from = OSSL_PROVIDER_query_operation(real, operation, no_cache);
    while (from != NULL && from[count].algorithm_names != NULL)
        count++;
    if ((lists[operation] = calloc(count + 1, sizeof(*from))) == NULL)
        return NULL;
    for (i = 0; i < count; i++) {
        if (strncmp(from[i].algorithm_names, "MD5", 3) == 0)
            continue;
        lists[operation][n] = from[i];
        lists[operation][n++].property_definition = PROPERTIES;
    }
    return lists[operation];
}

static const OSSL_PARAM *
gettable_params(void *provctx)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
        OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return gettable;
}

static int
get_params(void *provctx, OSSL_PARAM params[])
{
    OSSL_PARAM *name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
    OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

    (void)provctx;
    return (name == NULL || OSSL_PARAM_set_utf8_ptr(name, "FIPS stand-in"))
           && (status == NULL || OSSL_PARAM_set_int(status, 1));
}

static const OSSL_DISPATCH functions[] = {
    { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
    { OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
    { OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
    { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
    { 0, NULL }
};

/* A signature fetches its digest in the context of its own provider, with the
 * query that it was given. */
static int
inner_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
           const OSSL_DISPATCH **out, void **provctx)
{
    (void)core;
    (void)in;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(real);
    *out = &functions[1]; /* all but the end */
    return 1;
}

int
OSSL_provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                   const OSSL_DISPATCH **out, void **provctx)
{
    (void)core;
    (void)in;
    if (instances == 0
        && ((libctx = OSSL_LIB_CTX_new()) == NULL
            || (real = OSSL_PROVIDER_load(libctx, "default")) == NULL
            || !OSSL_PROVIDER_add_builtin(libctx, "fips", inner_init)
            || (inner = OSSL_PROVIDER_load(libctx, "fips")) == NULL))
        return 0;
    instances++;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(real);
    *out = functions;
    return 1;
}
