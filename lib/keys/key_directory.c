/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of a directory are keys, which are skipped, and which are an
 * error. */
#include "lib/keys/key_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

/* Endings that editors, package managers and people give to copies. */
static const char *const copies[] = {
    "~",          " (copy)",   ".apk-new",  ".bak",      ".dpkg-bak",
    ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-tmp", ".old",
    ".orig",      ".pacnew",   ".pacorig",  ".pacsave",  ".rej",
    ".rpmnew",    ".rpmorig",  ".rpmsave",  ".save",     ".swp",
    ".tmp",       ".ucf-dist", ".ucf-new",  ".ucf-old",
};

static bool
is_copy(const char *name)
{
    size_t len = strlen(name), i, n;

    if (name[0] == '#' || name[len - 1] == '#')
        return true;
    for (i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        n = strlen(copies[i]);
        if (len > n && strcasecmp(name + len - n, copies[i]) == 0)
            return true;
    }
    return false;
}

bool
envl_key_directory_is(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum envelope_reason
check_entry(bool *is_key, const char *path, const char *name,
            struct envl_err *err)
{
    const char *why = NULL;
    struct stat st;

    *is_key = false;
    if (stat(path, &st) != 0)
        why = strerror(errno);
    else if (S_ISDIR(st.st_mode))
        return ENVELOPE_OK;
    else if (!S_ISREG(st.st_mode))
        why = "it is not a regular file";
    else if (is_copy(name))
        why = "a copy that an editor or a packager has left: move it away, or "
              "give it another name";
    *is_key = why == NULL;
    return why == NULL
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", path, why);
}

static enum envelope_reason
read_entry(bool *found, const char *directory, const char *name,
           envl_key_path_fn *take, void *arg, struct envl_err *err)
{
    size_t len = strlen(directory), size = len + 1 + strlen(name) + 1;
    char *path = OPENSSL_malloc(size);
    enum envelope_reason rc;
    bool is_key;

    if (path == NULL)
        return envl_fail_memory(err);
    (void)snprintf(path, size, "%s%s%s", directory,
                   len > 0 && directory[len - 1] == '/' ? "" : "/", name);
    rc = check_entry(&is_key, path, name, err);
    if (rc == ENVELOPE_OK && is_key) {
        *found = true;
        rc = take(arg, path, err);
    }
    OPENSSL_free(path);
    return rc;
}

static int
is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The same order in every locale. */
static int
compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

enum envelope_reason
envl_key_directory_read(const char *path, envl_key_path_fn *take, void *arg,
                        struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct dirent **entries;
    bool found = false;
    int i, n = scandir(path, &entries, is_shown, compare);

    if (n < 0 && errno == ENOMEM)
        return envl_fail_memory(err);
    if (n < 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", path,
                         strerror(errno));
    for (i = 0; i < n; i++) {
        if (rc == ENVELOPE_OK)
            rc = read_entry(&found, path, entries[i]->d_name, take, arg, err);
        free(entries[i]);
    }
    free(entries);
    if (rc == ENVELOPE_OK && !found)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: the directory has no file", path);
    return rc;
}
