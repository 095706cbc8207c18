/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out: libcrypto's allocator fails once, at a chosen block.
 * main() has to call scarce_install() before anything else. */
#ifndef ENVL_TEST_SCARCE_H
#define ENVL_TEST_SCARCE_H

#include <stdlib.h>

#include <openssl/crypto.h>

static unsigned fail_in; /* allocations from now; 0: none */

static inline void *
scarce_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    if (fail_in > 0 && --fail_in == 0)
        return NULL;
    return malloc(len);
}

static inline void *
scarce_realloc(void *p, size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    if (fail_in > 0 && --fail_in == 0)
        return NULL;
    return realloc(p, len);
}

static inline void
scarce_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static inline int
scarce_install(void)
{
    return CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
}

#endif
