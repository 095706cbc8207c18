/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where algorithms come from: the library context and the property query
 * that every fetch, random number, key and CMS call in lib/ names.
 *
 * A query made here always prefers a provider, "?provider=...".  Operations
 * with public and ephemeral keys prefer the software provider, even if another
 * one was loaded first (a TPM's provider offers EC, too).  An operation with a
 * private key prefers the key's own provider: else libcrypto would export a
 * hardware key to another provider, and only its public half would arrive.
 */
#ifndef ENVL_LIBCTX_H
#define ENVL_LIBCTX_H

#include <openssl/types.h>

#include "lib/base/err.h"

struct envl_algorithms;
struct envl_fork_watch;
struct envl_sound_keys;

struct envl_libctx {
    OSSL_LIB_CTX *libctx;
    const char *properties; /* the query of the configuration, or NULL */
    const char
        *propq; /* the same, but preferring software providers; not NULL */
    const char *kms_modules; /* directory of the module of key services; NULL:
                              * the one where it was installed */

    /* Protects encrypting streams (lib/payload/fork_guard.h); or NULL. */
    struct envl_fork_watch *watch;

    /* Public keys that need no second check (lib/keys/key_check.h); or NULL. */
    struct envl_sound_keys *sound;

    /* The cache of fetched algorithms (lib/base/algorithms.h); or NULL. */
    struct envl_algorithms *algorithms;
};

/*
 * envl_libctx_prefer - make a property query of properties and a preference for
 * provider; if properties name a provider already, they stay as they are
 *
 * Ownership: the query is the caller's, OPENSSL_free().
 * Returns:   the query; NULL if memory ran out.
 */
char *envl_libctx_prefer(const char *properties, const char *provider);

/*
 * envl_libctx_check - is AES-256-GCM available?  Without it nothing else would
 * work, and would fail with a less clear reason.
 *
 * Returns: ENVELOPE_OK or ENVELOPE_R_NO_ALGORITHM.
 */
enum envelope_reason envl_libctx_check(const struct envl_libctx *ctx,
                                       struct envl_err *err);

#endif
