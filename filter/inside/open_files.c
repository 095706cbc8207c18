/* SPDX-License-Identifier: Apache-2.0 */
/* A balanced tree: no names that somebody chooses make it slow. */
#include "filter/inside/open_files.h"

#include <search.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/err.h"

/* A file begins with a pointer to its path, and so does what is searched. */
static int
compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct envl_open_file *
envl_open_files_find(const struct envl_open_files *files, const char *path)
{
    void *const *found = tfind(&path, &files->tree, compare);

    return found != NULL ? *found : NULL;
}

struct envl_open_file *
envl_open_files_add(struct envl_open_files *files, const char *path)
{
    const size_t len = strlen(path);
    struct envl_open_file *file =
        ENVL_QUIETLY(OPENSSL_malloc(sizeof(*file) + len + 1));

    if (file == NULL)
        return NULL;
    file->size = 0;
    memcpy(file->text, path, len + 1);
    file->path = file->text;
    if (tsearch(file, &files->tree, compare) == NULL) {
        OPENSSL_free(file);
        return NULL;
    }
    files->count++;
    return file;
}

void
envl_open_files_remove(struct envl_open_files *files,
                       struct envl_open_file *file)
{
    (void)tdelete(file, &files->tree, compare);
    OPENSSL_free(file);
    files->count--;
}

struct envl_open_file *
envl_open_files_any(const struct envl_open_files *files)
{
    return files->tree != NULL ? *(struct envl_open_file **)files->tree : NULL;
}

void
envl_open_files_clear(struct envl_open_files *files)
{
    while (files->tree != NULL)
        envl_open_files_remove(files, envl_open_files_any(files));
}
