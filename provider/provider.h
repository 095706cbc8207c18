/* SPDX-License-Identifier: Apache-2.0 */
/* The provider's context, and the functions that its files share. */
#ifndef ENVL_PROVIDER_H
#define ENVL_PROVIDER_H

#include <stdbool.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/stream/defaults.h"
#include "lib/stream/settings.h"

struct envl_provider {
    const OSSL_CORE_HANDLE *core;
    OSSL_FUNC_core_get_params_fn *get_params;
    OSSL_FUNC_core_get_libctx_fn *get_libctx;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
    OSSL_FUNC_core_vset_error_fn *vset_error;
    OSSL_FUNC_BIO_read_ex_fn *bio_read_ex;
    OSSL_FUNC_BIO_write_ex_fn *bio_write_ex;

    struct envl_defaults defaults;
    struct envl_err config_failure; /* a mistake in the file, or ENVELOPE_OK */
    bool is_global;         /* the program's context is the global one */
    bool is_beside_other;   /* the configuration activates another provider */
    char *propq;            /* for ctx, owned */
    char *kms_modules;      /* for ctx, owned; or NULL */
    struct envl_libctx ctx; /* a child of the program's library context */
    CRYPTO_RWLOCK *lock;    /* for the two below */
    bool has_algorithms;
    OSSL_PROVIDER *fallback; /* "default", loaded into the child if need be */
};

/* raise.c */

/*
 * envl_raise - record a failure as one record of this provider
 *
 * Returns: 0, so that a dispatch function can return the call itself.
 */
#define envl_raise(prov, err) \
    envl_raise_at(prov, err, OPENSSL_FILE, OPENSSL_LINE, OPENSSL_FUNC)
int envl_raise_at(const struct envl_provider *prov, const struct envl_err *err,
                  const char *file, int line, const char *func);

extern const OSSL_ITEM envl_reason_strings[];

/* config.c */

/*
 * envl_config_read - read the provider's section from the core, and the
 * settings for all streams from the environment
 *
 * The core has the settings that libcrypto has taken from a configuration file.
 * libcrypto does not report what it has ignored.  So the file, if it is known,
 * is read again; a mistake in it is kept in config_failure, with which all
 * streams fail.
 *
 * Returns: 1, or 0 if memory ran out.
 */
int envl_config_read(struct envl_provider *prov);

/*
 * envl_config_apply - fill settings that are not set from the environment or
 * the configuration: recipients when encrypting, identities when decrypting
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason envl_config_apply(const struct envl_provider *prov,
                                       struct envl_settings *settings,
                                       bool encrypting, struct envl_err *err);

/* cipher_params.c */

/* When parameters are set.  Recipients and identities say whom a stream is
 * for. */
enum envl_params_time {
    ENVL_PARAMS_IN_INIT,     /* new recipients or identities replace all */
    ENVL_PARAMS_BEFORE_DATA, /* they replace those of an old stream, or add */
    ENVL_PARAMS_AFTER_DATA   /* nothing can be set any more */
};

/*
 * envl_params_set - set settings from params
 *
 *   *other_keys  receives whether params named keys
 *
 * Returns: 1; 0 with err set and settings unchanged.
 */
int envl_params_set(struct envl_settings *settings, bool *other_keys,
                    const OSSL_PARAM params[], enum envl_params_time when,
                    struct envl_err *err);

extern const OSSL_PARAM envl_params_settable[];

/* cipher.c */

extern const OSSL_DISPATCH envl_cipher_functions[];
extern const OSSL_DISPATCH envl_decrypt_functions[];

/* provider.c */

/* envl_provider_prepare - make sure that the child context has AES-256-GCM, if
 * the default provider can help; 1, or 0 if libcrypto could not lock */
int envl_provider_prepare(struct envl_provider *prov);

#endif
