/* SPDX-License-Identifier: Apache-2.0 */
/* madvise(2), MADV_WIPEONFORK: Linux 4.14 and newer. */
#define _GNU_SOURCE
#include "lib/payload/fork_guard.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

/*
 * Each process of a line of descent has a number.  A child finds 0 in the page,
 * and takes the number after `last`, which it has inherited: no guard of its
 * ancestors has that number.
 */
struct envl_fork_watch {
    atomic_uint *page; /* the number of this process, or 0; or NULL */
    atomic_uint last;
};

#ifdef MADV_WIPEONFORK
/* An emulator such as qemu-user accepts any advice and does nothing.  It is
 * recognised because it accepts this advice, which does not exist. */
#define NO_ADVICE (-1)

static atomic_uint *
map_page(void)
{
    void *page = mmap(NULL, sizeof(atomic_uint), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, sizeof(atomic_uint), NO_ADVICE) != 0
        && madvise(page, sizeof(atomic_uint), MADV_WIPEONFORK) == 0)
        return page;
    (void)munmap(page, sizeof(atomic_uint)); /* use the process id */
    return NULL;
}
#else
static atomic_uint *
map_page(void)
{
    return NULL;
}
#endif

struct envl_fork_watch *
envl_fork_watch_new(void)
{
    struct envl_fork_watch *watch = OPENSSL_malloc(sizeof(*watch));

    if (watch == NULL)
        return NULL;
    atomic_init(&watch->last, 0);
    watch->page = map_page();
    return watch;
}

void
envl_fork_watch_free(struct envl_fork_watch *watch)
{
    if (watch != NULL && watch->page != NULL)
        (void)munmap(watch->page, sizeof(*watch->page)); /* cannot fail */
    OPENSSL_free(watch);
}

/* The number of this process, which is never 0. */
static unsigned
count_process(struct envl_fork_watch *watch)
{
    unsigned known = atomic_load(watch->page), next;

    if (known != 0)
        return known;
    next = atomic_fetch_add(&watch->last, 1) + 1;
    /* If another thread was first, its number counts. */
    if (atomic_compare_exchange_strong(watch->page, &known, next))
        return next;
    return known;
}

void
envl_fork_guard_set(struct envl_fork_guard *guard,
                    struct envl_fork_watch *watch)
{
    *guard = (struct envl_fork_guard){ .watch = NULL };
    if (watch == NULL || watch->page == NULL) {
        guard->owner = getpid();
        return;
    }
    guard->process = count_process(watch);
    guard->watch = watch;
}

bool
envl_fork_guard_holds(const struct envl_fork_guard *guard)
{
    return guard->watch != NULL
               ? atomic_load(guard->watch->page) == guard->process
               : guard->owner == getpid();
}
