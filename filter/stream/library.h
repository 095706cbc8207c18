/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library context that all streams of this process share: what openssl.cnf
 * says, and the provider built in.
 */
#ifndef ENVL_LIBRARY_H
#define ENVL_LIBRARY_H

#include <openssl/evp.h>

#include "lib/base/err.h"

struct envl_conf;

struct envl_library {
    OSSL_LIB_CTX *libctx;
    struct envl_conf *conf; /* what openssl.cnf says */
    EVP_CIPHER *cipher;     /* ENVELOPE */
};

/*
 * envl_library_get - the context; it is made by the first call that succeeds
 *
 * libcrypto has room for 128 error libraries in all, and each provider that is
 * loaded takes one for good: a context for each stream would use them up.  It
 * stays until the process ends.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CONFIGURATION, where libcrypto would go on
 *          without a word; _CRYPTO; _MEMORY.
 * Threads: safe.
 */
enum envelope_reason envl_library_get(const struct envl_library **library,
                                      struct envl_err *err);

#endif
