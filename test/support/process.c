/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of /proc/self, see proc(5). */
#include "test/support/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>

/* Of the kernel's include/linux/sched.h: set before a join can return. */
#define PF_EXITING 0x4u

static bool
any(const char *name)
{
    (void)name;
    return true;
}

static bool
runs(const char *thread)
{
    char path[64];
    unsigned flags = PF_EXITING;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", thread);
    file = fopen(path, "r");
    if (file == NULL)
        return false; /* gone since the list was read */
    /* Id, (name), state, five numbers, flags: our names have no ')'. */
    if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
        flags = PF_EXITING;
    (void)fclose(file);
    return (flags & PF_EXITING) == 0;
}

static unsigned
entries(const char *path, bool (*counts)(const char *name))
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    unsigned count = 0;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.' && counts(entry->d_name);
    (void)closedir(dir);
    return count;
}

unsigned
thread_count(void)
{
    return entries("/proc/self/task", runs);
}

unsigned
fd_count(void)
{
    return entries("/proc/self/fd", any);
}
