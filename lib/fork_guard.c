/* SPDX-License-Identifier: Apache-2.0 */
/* madvise(2), MADV_WIPEONFORK: Linux 4.14 and newer. */
#define _GNU_SOURCE
#include "lib/fork_guard.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_LEN 1 /* the kernel rounds it up */

#ifdef MADV_WIPEONFORK
static unsigned char *
map_page(void)
{
    void *page = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, PAGE_LEN, MADV_WIPEONFORK) == 0)
        return page;
    (void)munmap(page, PAGE_LEN); /* the process id serves, too */
    return NULL;
}
#else
static unsigned char *
map_page(void)
{
    return NULL;
}
#endif

void
envl_fork_guard_set(struct envl_fork_guard *guard)
{
    guard->owner = getpid();
    guard->page = map_page();
    if (guard->page != NULL)
        *guard->page = 1;
}

bool
envl_fork_guard_holds(const struct envl_fork_guard *guard)
{
    return guard->page != NULL ? *guard->page != 0 : guard->owner == getpid();
}

void
envl_fork_guard_clear(struct envl_fork_guard *guard)
{
    if (guard->page != NULL)
        (void)munmap(guard->page, PAGE_LEN); /* nothing else can be done */
    *guard = (struct envl_fork_guard){ 0 };
}
