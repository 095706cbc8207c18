/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target on every file of the directories given, without
 * libFuzzer, as a test that prints TAP.  What is wrong shows as an abort.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/fuzz/target.h"

/* A list of paths, sorted within each directory. */
struct paths {
    char **items;
    size_t count;
};

static void *
check_memory(void *p)
{
    if (p == NULL) {
        printf("Bail out! out of memory\n");
        exit(1);
    }
    return p;
}

static int
is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void
add(struct paths *paths, const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = check_memory(malloc(size));

    (void)snprintf(path, size, "%s/%s", dir, name);
    paths->items = check_memory(
        realloc(paths->items, (paths->count + 1) * sizeof(*paths->items)));
    paths->items[paths->count++] = path;
}

static int
add_directory(struct paths *paths, const char *dir)
{
    struct dirent **entries = NULL;
    int i, n = scandir(dir, &entries, is_visible, alphasort);

    for (i = 0; i < n; i++) {
        add(paths, dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return n > 0;
}

/* The whole file in a buffer of exactly its size, so that a read after its
 * end is seen by AddressSanitizer. */
static int
run(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0;
    long end = -1;
    int ok;

    ok = file != NULL && fseek(file, 0, SEEK_END) == 0
         && (end = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0;
    if (ok) {
        size = (size_t)end;
        data = check_memory(malloc(size > 0 ? size : 1));
        ok = fread(data, 1, size, file) == size;
    }
    if (ok)
        (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    if (file != NULL)
        (void)fclose(file); /* it was only read */
    return ok;
}

int
main(int argc, char **argv)
{
    struct paths paths = { NULL, 0 };
    int i, failed = 0;
    size_t n;

    for (i = 1; i < argc; i++) {
        if (!add_directory(&paths, argv[i])) {
            printf("Bail out! no files in %s\n", argv[i]);
            return 1;
        }
    }
    printf("1..%zu\n", paths.count);
    for (n = 0; n < paths.count; n++) {
        /* A line that says what was running when the target aborts. */
        printf("# %s\n", paths.items[n]);
        (void)fflush(stdout);
        if (!run(paths.items[n])) {
            printf("not ");
            failed = 1;
        }
        printf("ok %zu - %s\n", n + 1, strrchr(paths.items[n], '/') + 1);
        free(paths.items[n]);
    }
    free(paths.items);
    return failed;
}
