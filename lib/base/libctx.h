/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where algorithms come from: the library context and the property query
 * that every fetch, random number, key and CMS call in lib/ names.
 *
 * A query made here always prefers a provider, "?provider=...".  Public and
 * ephemeral keys belong to the software, whichever provider has been loaded
 * first (one for a TPM offers EC, too); an operation with a private key
 * belongs to the key's own provider, because libcrypto would else move the
 * public half of a hardware key to another one and miss the private half.
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
    const char *properties; /* what the configuration asks for, or NULL */
    const char
        *propq; /* the same, with preference for the software; not NULL */
    const char *kms_modules; /* where the module of key services is; NULL:
                              * where it was installed */

    /* For streams that are sealed (lib/payload/fork_guard.h); or NULL. */
    struct envl_fork_watch *watch;

    /* Public keys that need no second check (lib/keys/key_check.h); or NULL. */
    struct envl_sound_keys *sound;

    /* What was fetched already (lib/base/algorithms.h); or NULL. */
    struct envl_algorithms *algorithms;
};

/*
 * envl_libctx_prefer - properties, and a preference for a provider unless
 * they speak of providers themselves
 *
 * Returns: a string, the caller's, OPENSSL_free(); NULL if memory ran out.
 */
char *envl_libctx_prefer(const char *properties, const char *provider);

/*
 * envl_libctx_check - is AES-256-GCM to be had?  Where it is not, nothing
 * else works either, and would fail with a less clear reason.
 *
 * Returns: ENVELOPE_OK or ENVELOPE_R_NO_ALGORITHM.
 */
enum envelope_reason envl_libctx_check(const struct envl_libctx *ctx,
                                       struct envl_err *err);

#endif
