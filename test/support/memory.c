/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "test/support/memory.h"

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

enum { SECRET_LEN_MAX = 32, SECRET_COUNT_MAX = 8 };

#define MARK UINT64_C(0x5ca1ab1eb10c5eed)

/* Before every block, as long as malloc() aligns. */
union head {
    struct {
        uint64_t mark;
        size_t len;
        bool counts, ours;
    } is;
    max_align_t align;
};

struct memory memory;

static struct {
    unsigned char bytes[SECRET_LEN_MAX];
    size_t len;
} secrets[SECRET_COUNT_MAX];
static size_t secret_count;
static bool zeroes;

static size_t fail_at; /* from 1; 0: none */
static _Thread_local bool is_armed, is_raising;

/* Failing */

static bool
must_fail(const char *file, int line)
{
    struct memory_failure *failure = memory.failure;
    size_t n;

    if (fail_at == 0 || is_raising || !(is_armed || memory.any_thread)
        || (memory.may_fail != NULL && !memory.may_fail(file)))
        return false;
    n = atomic_fetch_add(&memory.count, 1) + 1;
    if (memory.stays ? n < fail_at : n != fail_at)
        return false;

    /* At once, for what follows may be a crash; its name may be a module's,
     * and go with it. */
    if (!atomic_exchange(&failure->is, true)) {
        failure->line = line;
        (void)snprintf(failure->file, sizeof(failure->file), "%s",
                       file != NULL ? file : "?");
    }
    if (memory.leaves_record) {
        is_raising = true;
        ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);
        is_raising = false;
    }
    return true;
}

/* The queue must be there for the record of a failure.  Records of earlier ones
 * go. */
void
memory_fail(size_t n)
{
    if (n > 0) {
        ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
        ERR_clear_error();
        *memory.failure = (struct memory_failure){ 0 };
        atomic_store(&memory.count, 0);
    }
    is_armed = n > 0;
    fail_at = n;
}

bool
memory_failed(void)
{
    return atomic_load(&memory.failure->is);
}

/* Blocks */

/* libcrypto's own tables grow, shrink and keep what they have as they like. */
static bool
is_table(const char *file)
{
    return file != NULL
           && (strstr(file, "/lhash.c") != NULL
               || strstr(file, "/sparse_array.c") != NULL);
}

static void
count(const union head *head, long n)
{
    if (head->is.counts)
        (void)atomic_fetch_add(&memory.live, n);
    if (head->is.ours) {
        (void)atomic_fetch_add(&memory.ours, n);
        (void)atomic_fetch_add(&memory.ours_len, n * (long)head->is.len);
    }
}

void *
memory_malloc(size_t len, const char *file, int line)
{
    const size_t size = sizeof(union head) + len;
    union head *head;

    if (must_fail(file, line)
        || (head = zeroes ? calloc(1, size) : malloc(size)) == NULL)
        return NULL;
    head->is.mark = MARK;
    head->is.len = len;
    head->is.counts = !is_table(file);
    head->is.ours = memory.is_ours == NULL || memory.is_ours(file);
    count(head, 1);
    return head + 1;
}

void
memory_free(void *p, const char *file, int line)
{
    union head *head = p;

    if (p == NULL)
        return;
    head--;
    if (head->is.mark != MARK) {
        warnx("%s:%d: no block, or written to before its start",
              file != NULL ? file : "?", line);
        abort();
    }
    head->is.mark = 0;
    if (head->is.ours && memory_has(p, head->is.len))
        (void)atomic_fetch_add(&memory.unwiped, 1);
    count(head, -1);
    free(head);
}

static void *
resize(void *p, size_t len, const char *file, int line)
{
    const union head *head = p;
    void *to;

    if (p != NULL && len == 0) {
        memory_free(p, file, line);
        return NULL;
    }
    to = memory_malloc(len, file, line);
    if (p == NULL || to == NULL)
        return to;
    head--;
    memcpy(to, p, head->is.len < len ? head->is.len : len);
    memory_free(p, file, line);
    return to;
}

void
memory_install(const char *secret)
{
    if (!CRYPTO_set_mem_functions(memory_malloc, resize, memory_free)) {
        (void)puts("Bail out! libcrypto has allocated memory already");
        exit(1);
    }
    memory.failure = mmap(NULL, sizeof(*memory.failure), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory.failure == MAP_FAILED)
        err(1, "mmap");
    zeroes = secret != NULL;
    if (zeroes && secret[0] != '\0')
        memory_watch(secret, strlen(secret));
    /* What libcrypto keeps for good does not count. */
    memory_fail(SIZE_MAX);
    memory_fail(0);
    (void)memory_live();
    atomic_store(&memory.live, 0);
    atomic_store(&memory.ours, 0);
    atomic_store(&memory.ours_len, 0);
}

long
memory_live(void)
{
    ERR_clear_error();
    OPENSSL_thread_stop();
    return atomic_load(&memory.live);
}

/* Secrets */

void
memory_watch(const void *secret, size_t len)
{
    if (secret_count == SECRET_COUNT_MAX || len > SECRET_LEN_MAX)
        abort();
    memcpy(secrets[secret_count].bytes, secret, len);
    secrets[secret_count++].len = len;
}

void
memory_forget(void)
{
    secret_count = 0;
}

bool
memory_has(const void *p, size_t len)
{
    size_t i;

    for (i = 0; i < secret_count; i++) {
        if (memmem(p, len, secrets[i].bytes, secrets[i].len) != NULL)
            return true;
    }
    return false;
}

/* Folders */

/* The folder that ends before the slash at end, or NULL. */
static const char *
folder_before(const char *file, const char *end)
{
    const char *begin = end;

    while (begin > file && begin[-1] != '/')
        begin--;
    return begin < end ? begin : NULL;
}

static bool
is_own_folder(const char *folder)
{
    return folder != NULL
           && (strncmp(folder, "filter/", 7) == 0
               || strncmp(folder, "kms/", 4) == 0
               || strncmp(folder, "lib/", 4) == 0
               || strncmp(folder, "provider/", 9) == 0);
}

/* libcrypto has only crypto/x/ and providers/x/. */
bool
memory_is_ours(const char *file)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL, *folder;

    folder = slash != NULL ? folder_before(file, slash) : NULL;
    if (folder == NULL || folder == file)
        return is_own_folder(folder);
    return is_own_folder(folder)
           || is_own_folder(folder_before(file, folder - 1));
}
