/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the engine that a URI names, and the engine's name for the key.  In
 * libcrypto an engine belongs to the process, not to a library context. */
#define OPENSSL_SUPPRESS_DEPRECATED /* by OpenSSL 3.0; nothing replaces it */
#include "lib/keys/engine_key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/opensslconf.h>
#include <openssl/store.h>

/* Some systems have the functions but not their header, or have the header in
 * another package. */
#if defined __has_include && !defined OPENSSL_NO_ENGINE
#if !__has_include(<openssl/engine.h>)
#define OPENSSL_NO_ENGINE
#endif
#endif

#ifndef OPENSSL_NO_ENGINE

#include <openssl/engine.h>

#define PKCS11 "pkcs11"

static const char pkcs11_scheme[] = PKCS11 ":";
static const char engine_scheme[] = "org.openssl.engine:";

static bool
begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

bool
envl_engine_key_is(const struct envl_libctx *ctx, const char *uri)
{
    OSSL_STORE_LOADER *loader;

    if (begins_with(uri, engine_scheme))
        return true;
    if (!begins_with(uri, pkcs11_scheme))
        return false;
    ERR_set_mark();
    loader = OSSL_STORE_LOADER_fetch(ctx->libctx, PKCS11, ctx->propq);
    ERR_pop_to_mark();
    OSSL_STORE_LOADER_free(loader);
    return loader == NULL;
}

/* The engine that uri names; key becomes what the engine calls the key. */
static enum envelope_reason
find(ENGINE **engine, const char **key, const struct envl_key_item *item,
     const char *uri, struct envl_err *err)
{
    bool is_pkcs11 = !begins_with(uri, engine_scheme);
    const char *name = is_pkcs11 ? uri : uri + strlen(engine_scheme);
    char *id = OPENSSL_strndup(name, strcspn(name, ":"));

    if (id == NULL)
        return envl_fail_memory(err);
    *key = is_pkcs11 ? uri : name + strlen(id) + (name[strlen(id)] == ':');
    /* libcrypto loads engines only when it is asked to, and then makes all
     * engines the default for all keys.  So ask only if this one is missing. */
    *engine = ENGINE_by_id(id);
    if (*engine == NULL
        && OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL))
        *engine = ENGINE_by_id(id);
    if (*engine == NULL)
        (void)envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                        "%s: %sthere is no engine \"%s\"", item->name,
                        is_pkcs11 ? "no provider opens it, and " : "", id);
    OPENSSL_free(id);
    return *engine != NULL ? ENVELOPE_OK : err->reason;
}

/* Quote the oldest record, which is the engine's: libcrypto's own record after
 * it only says that there is no key. */
static enum envelope_reason
fail_load(const struct envl_key_item *item, struct envl_err *err)
{
    const char *text = ERR_reason_error_string(envl_crypto_oldest(NULL));

    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", item->name,
                     text != NULL ? text : envl_crypto_reason());
}

enum envelope_reason
envl_engine_key_load(struct envl_key_item *item,
                     const struct envl_key_reader *reader, const char *uri,
                     UI_METHOD *ui, void *arg, struct envl_err *err)
{
    const char *key = uri;
    ENGINE *engine = NULL;
    enum envelope_reason rc = find(&engine, &key, item, uri, err);

    if (rc != ENVELOPE_OK)
        return rc;
    if (ENGINE_init(engine)) {
        /* libp11 would write to standard error, even the whole URI. */
        (void)ENGINE_ctrl_cmd(engine, "QUIET", 0, NULL, NULL, 1);
        if (reader->public_half || strstr(key, "type=public") != NULL)
            item->public_key = ENGINE_load_public_key(engine, key, ui, arg);
        else
            item->private_key = ENGINE_load_private_key(engine, key, ui, arg);
        (void)ENGINE_finish(engine);
    }
    (void)ENGINE_free(engine);
    return item->public_key != NULL || item->private_key != NULL
               ? ENVELOPE_OK
               : fail_load(item, err);
}

#else

bool
envl_engine_key_is(const struct envl_libctx *ctx, const char *uri)
{
    (void)ctx;
    (void)uri;
    return false;
}

enum envelope_reason
envl_engine_key_load(struct envl_key_item *item,
                     const struct envl_key_reader *reader, const char *uri,
                     UI_METHOD *ui, void *arg, struct envl_err *err)
{
    (void)reader;
    (void)uri;
    (void)ui;
    (void)arg;
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "%s: this libcrypto has no engines", item->name);
}

#endif
