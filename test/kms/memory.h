/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out when a test says so, and that is looked at when it is
 * given back: what was secret must not be in it any more.  Each test program
 * calls memory_watch() before anything else.
 */
#ifndef TEST_KMS_MEMORY_H
#define TEST_KMS_MEMORY_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

/* What tests put into that which has to be wiped. */
#define SECRET "wipe-me!"

static struct {
    size_t count, fail_at; /* from 1; 0: none fails */
    size_t live;           /* blocks */
    size_t unwiped;        /* were given back with SECRET in them */
} memory;

static inline int
memory_holds_secret(char *p)
{
    const size_t len = sizeof(SECRET) - 1, size = malloc_usable_size(p);
    size_t i;

    for (i = 0; i + len <= size; i++) {
        if (memcmp(p + i, SECRET, len) == 0)
            return 1;
    }
    return 0;
}

/* Of no use before anything is in it: malloc()ed memory may hold what others
 * left. */
static inline void *
memory_get(size_t len)
{
    if (memory.fail_at > 0 && ++memory.count == memory.fail_at)
        return NULL;
    memory.live++;
    return calloc(1, len);
}

static inline void
memory_put(void *p)
{
    if (p == NULL)
        return;
    memory.live--;
    memory.unwiped += (size_t)memory_holds_secret(p);
    free(p);
}

static inline void *
memory_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    return memory_get(len);
}

/* libcrypto's own tables only: ours grow by OPENSSL_clear_realloc(). */
static inline void *
memory_realloc(void *p, size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    if (p == NULL)
        return memory_get(len);
    return realloc(p, len);
}

static inline void
memory_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    memory_put(p);
}

/* From libcrypto 3.4 on a failed allocation leaves a record of the failure, for
 * which the queue must be there.  What libcrypto keeps does not count. */
static inline void
memory_watch(void)
{
    if (!CRYPTO_set_mem_functions(memory_malloc, memory_realloc, memory_free)) {
        printf("Bail out! libcrypto has allocated memory already\n");
        exit(1);
    }
    ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
    ERR_clear_error();
    memory.live = 0;
}

/* memory_fail - let the n-th allocation from now on fail; 0: none.  What
 * libcrypto has noted of earlier ones goes. */
static inline void
memory_fail(size_t n)
{
    ERR_clear_error();
    memory.count = 0;
    memory.fail_at = n;
}

#endif
