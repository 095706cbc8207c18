/* SPDX-License-Identifier: Apache-2.0 */
/* The provider's context, and what its parts offer each other. */
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
    struct envl_err config_failure; /* what is wrong in it, or ENVELOPE_OK */
    bool is_global;         /* the program's context is the global one */
    bool is_beside_other;   /* the configuration activates another provider */
    char *propq;            /* of ctx */
    char *kms_modules;      /* of ctx; or NULL */
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
 * envl_config_read - ask the core for the provider's section, and the
 * environment for what concerns all streams
 *
 * The core has what libcrypto took from a configuration file, and libcrypto
 * does not say what it did not take.  Where the file can be known it is read
 * again; a mistake in it stays in config_failure, for all streams to fail with.
 *
 * Returns: 1, or 0 if memory ran out.
 */
int envl_config_read(struct envl_provider *prov);

/*
 * envl_config_apply - fill what settings leave open from the environment or
 * the configuration: what concerns recipients when encrypting, identities when
 * decrypting
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION; _MEMORY.
 */
enum envelope_reason envl_config_apply(const struct envl_provider *prov,
                                       struct envl_settings *settings,
                                       bool encrypting, struct envl_err *err);

/* cipher_params.c */

/* When parameters come. */
enum envl_params_time {
    ENVL_PARAMS_IN_INIT, /* what says whom a stream is for replaces all such */
    ENVL_PARAMS_BEFORE_DATA, /* the same if that is old, and else adds to it */
    ENVL_PARAMS_AFTER_DATA   /* nothing can be set any more */
};

/*
 * envl_params_set - take what concerns a stream out of params
 *
 *   *whom  says whether they had something of whom it is for
 *
 * Returns: 1, or 0 with err set and settings as they were.
 */
int envl_params_set(struct envl_settings *settings, bool *whom,
                    const OSSL_PARAM params[], enum envl_params_time when,
                    struct envl_err *err);

extern const OSSL_PARAM envl_params_settable[];

/* cipher.c */

extern const OSSL_DISPATCH envl_cipher_functions[];
extern const OSSL_DISPATCH envl_decrypt_functions[];

/* provider.c */

/* envl_provider_prepare - see that the child context has AES-256-GCM */
int envl_provider_prepare(struct envl_provider *prov);

#endif
