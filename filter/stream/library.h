/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library context that all streams of the process share.  It has the
 * settings of openssl.cnf and the built-in provider.
 */
#ifndef ENVL_LIBRARY_H
#define ENVL_LIBRARY_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "lib/base/err.h"

struct envl_key_settings;

struct envl_conf;

struct envl_library {
    OSSL_LIB_CTX *libctx;
    struct envl_conf *conf; /* the content of openssl.cnf */
    EVP_CIPHER *cipher;     /* ENVELOPE */
};

/*
 * envl_library_get - get the context; the first successful call makes it
 *
 * The context stays until the process ends.  libcrypto has 128 error library
 * numbers, and each provider that is loaded takes one for ever: a context for
 * each stream would use them up.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION for a mistake in openssl.cnf,
 *          even if libcrypto would ignore it; _CRYPTO; _MEMORY.
 * Threads: safe.
 */
enum envelope_reason envl_library_get(const struct envl_library **library,
                                      struct envl_err *err);

/*
 * envl_library_identities - set what settings does not have yet to what the
 * environment or openssl.cnf say for reading (lib/stream/defaults.h)
 *
 * Ownership: the caller clears settings with envl_key_settings_clear(), on failure
 *            as well.
 * Returns:   ENVELOPE_OK; what envl_library_get() and envl_defaults_identities()
 *            return.
 */
enum envelope_reason envl_library_identities(struct envl_key_settings *settings,
                                             struct envl_err *err);

/*
 * envl_library_insists - do the environment or openssl.cnf say who must have
 * signed what is read, or which labels it must have?  Then what is no envelope
 * must not be read either: anybody could put it in an envelope's place.
 *
 * Returns: what envl_library_identities() returns.
 */
enum envelope_reason envl_library_insists(bool *does, struct envl_err *err);

#endif
