/* SPDX-License-Identifier: Apache-2.0 */
/* Which of libcrypto's allocations are this project's own. */
#ifndef TEST_SUPPORT_OURS_H
#define TEST_SUPPORT_OURS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The folder that ends before the slash at end, or NULL. */
static inline const char *
test_folder_before(const char *file, const char *end)
{
    const char *begin = end;

    while (begin > file && begin[-1] != '/')
        begin--;
    return begin < end ? begin : NULL;
}

static inline bool
test_is_own_folder(const char *folder)
{
    return folder != NULL
           && (strncmp(folder, "filter/", 7) == 0
               || strncmp(folder, "lib/", 4) == 0
               || strncmp(folder, "provider/", 9) == 0);
}

/*
 * test_is_ours - does a source file, as __FILE__ names it, lie in a folder of this
 * project, or in a room of one?  libcrypto has only crypto/x/ and providers/x/.
 */
static inline bool
test_is_ours(const char *file)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL, *folder;

    folder = slash != NULL ? test_folder_before(file, slash) : NULL;
    if (folder == NULL || folder == file)
        return test_is_own_folder(folder);
    return test_is_own_folder(folder)
           || test_is_own_folder(test_folder_before(file, folder - 1));
}

#endif
