/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where algorithms come from: the library context and the property query
 * that every fetch, random number, key and CMS call in lib/ names.
 */
#ifndef ENVL_LIBCTX_H
#define ENVL_LIBCTX_H

#include <openssl/types.h>

struct envl_libctx {
    OSSL_LIB_CTX *libctx;
    const char *propq; /* NULL for none */
};

#endif
