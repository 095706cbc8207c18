/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out: libcrypto's allocator fails once, at a chosen block.
 * main() has to call scarce_install() before anything else.
 *
 * As in libcrypto 3.2 and later each failure leaves a record.  Earlier ones are
 * silent about some, and nobody can tell what those were. */
#ifndef ENVL_TEST_SCARCE_H
#define ENVL_TEST_SCARCE_H

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

static unsigned fail_in; /* allocations from now; 0: none */
static struct {
    const char *file;
    int line;
} failed_at;

static inline bool
scarce_fails(const char *file, int line)
{
    if (fail_in == 0 || --fail_in > 0)
        return false;
    failed_at.file = file;
    failed_at.line = line;
    ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);
    return true;
}

static inline void *
scarce_malloc(size_t len, const char *file, int line)
{
    return scarce_fails(file, line) ? NULL : malloc(len);
}

static inline void *
scarce_realloc(void *p, size_t len, const char *file, int line)
{
    return scarce_fails(file, line) ? NULL : realloc(p, len);
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
