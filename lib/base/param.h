/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters that hand libcrypto constant data: its constructors take plain
 * pointers, also where it only reads.
 */
#ifndef ENVL_PARAM_H
#define ENVL_PARAM_H

#include <stdint.h>
#include <string.h>

#include <openssl/params.h>

static inline OSSL_PARAM
envl_param_octets(const char *key, const void *data, size_t len)
{
    return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)data, len);
}

static inline OSSL_PARAM
envl_param_text(const char *key, const char *text)
{
    return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)text,
                                            strlen(text));
}

#endif
