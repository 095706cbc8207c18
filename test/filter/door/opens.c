/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that knows nothing of envelopes and opens an archive in each way
 * that libarchive has:
 *
 *   opens write WAY FILE OPTIONS TEXT   a tar with one member of that text
 *   opens read WAY FILE OPTIONS         print the text of the first member
 *
 * OPTIONS is for archive_write_set_options(), or "-".
 */
#define _GNU_SOURCE
#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define BLOCK_LEN 10240
#define MEMORY_LEN 1048576

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static char memory[MEMORY_LEN];
static size_t memory_len;

static ssize_t
write_block(struct archive *a, void *file, const void *buf, size_t len)
{
    (void)a;
    return fwrite(buf, 1, len, file) == len ? (ssize_t)len : -1;
}

static ssize_t
read_block(struct archive *a, void *file, const void **buf)
{
    static char block[BLOCK_LEN];

    (void)a;
    *buf = block;
    return (ssize_t)fread(block, 1, sizeof(block), file);
}

static int
close_file(struct archive *a, void *file)
{
    (void)a;
    return fflush(file) == 0 ? ARCHIVE_OK : ARCHIVE_FATAL;
}

static FILE *
open_file(const char *name, const char *mode)
{
    FILE *file = fopen(name, mode);

    if (file == NULL)
        err(2, "%s", name);
    return file;
}

static wchar_t *
wide(const char *name)
{
    static wchar_t text[4096];

    if (mbstowcs(text, name, 4096) == (size_t)-1)
        errx(2, "%s: too wide", name);
    return text;
}

/* What no preload module sees. */
static void *
after(const char *name)
{
    void *library = dlopen("libarchive.so.13", RTLD_LAZY);
    void *function = library != NULL ? dlsym(library, name) : NULL;

    if (function == NULL)
        errx(2, "%s", dlerror());
    return function;
}

static int
open_write(struct archive *a, const char *way, const char *name)
{
    if (strcmp(way, "filename") == 0 || strcmp(way, "careless") == 0)
        return archive_write_open_filename(a, name);
    if (strcmp(way, "filename_w") == 0)
        return archive_write_open_filename_w(a, wide(name));
    if (strcmp(way, "file") == 0)
        return archive_write_open_file(a, name);
    if (strcmp(way, "fd") == 0)
        return archive_write_open_fd(
            a, open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (strcmp(way, "rdwr") == 0)
        return archive_write_open_fd(a, open(name, O_RDWR | O_CREAT, 0600));
    if (strcmp(way, "FILE") == 0)
        return archive_write_open_FILE(a, open_file(name, "w"));
    if (strcmp(way, "memory") == 0)
        return archive_write_open_memory(a, memory, sizeof(memory),
                                         &memory_len);
    if (strcmp(way, "open") == 0)
        return archive_write_open(a, open_file(name, "w"), NULL, write_block,
                                  close_file);
    if (strcmp(way, "open2") == 0)
        return archive_write_open2(a, open_file(name, "w"), NULL, write_block,
                                   close_file, NULL);
    if (strcmp(way, "after") == 0)
        return ((__typeof__(&archive_write_open_filename))after(
            "archive_write_open_filename"))(a, name);
    return ARCHIVE_OK; /* not at all */
}

/* Callbacks that are set one by one. */
static int
open_one_by_one(struct archive *a, FILE *file)
{
    archive_read_set_read_callback(a, read_block);
    archive_read_set_callback_data(a, file);
    return archive_read_open1(a);
}

static int
open_read(struct archive *a, const char *way, const char *name)
{
    const char *names[] = { name, NULL }, *volumes[] = { name, name, NULL };

    if (strcmp(way, "filename") == 0 || strcmp(way, "careless") == 0)
        return archive_read_open_filename(a, name, BLOCK_LEN);
    if (strcmp(way, "filename_w") == 0)
        return archive_read_open_filename_w(a, wide(name), BLOCK_LEN);
    if (strcmp(way, "filenames") == 0)
        return archive_read_open_filenames(a, names, BLOCK_LEN);
    if (strcmp(way, "volumes") == 0)
        return archive_read_open_filenames(a, volumes, BLOCK_LEN);
    if (strcmp(way, "open1") == 0)
        return open_one_by_one(a, open_file(name, "r"));
    if (strcmp(way, "after") == 0)
        return ((__typeof__(&archive_read_open_filename))after(
            "archive_read_open_filename"))(a, name, BLOCK_LEN);
    if (strcmp(way, "file") == 0)
        return archive_read_open_file(a, name, BLOCK_LEN);
    if (strcmp(way, "fd") == 0)
        return archive_read_open_fd(a, open(name, O_RDONLY), BLOCK_LEN);
    if (strcmp(way, "rdwr") == 0)
        return archive_read_open_fd(a, open(name, O_RDWR), BLOCK_LEN);
    if (strcmp(way, "FILE") == 0)
        return archive_read_open_FILE(a, open_file(name, "r"));
    memory_len = fread(memory, 1, sizeof(memory), open_file(name, "r"));
    if (strcmp(way, "memory") == 0)
        return archive_read_open_memory(a, memory, memory_len);
    if (strcmp(way, "memory2") == 0)
        return archive_read_open_memory2(a, memory, memory_len, 100);
    if (strcmp(way, "open") == 0)
        return archive_read_open(a, open_file(name, "r"), NULL, read_block,
                                 NULL);
    return archive_read_open2(a, open_file(name, "r"), NULL, read_block, NULL,
                              NULL);
}

static void
check(struct archive *a, int r)
{
    if (r != ARCHIVE_OK)
        errx(1, "%s", archive_error_string(a));
}

/* A careless program does not look at what setting options returned. */
static void
check_options(struct archive *a, const char *way, int r)
{
    if (strcmp(way, "careless") != 0)
        check(a, r);
}

static void
write_archive(char **argv)
{
    const char *way = argv[0], *name = argv[1], *text = argv[3];
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    check(a, archive_write_set_format_ustar(a));
    if (strcmp(argv[2], "-") != 0)
        check_options(a, way, archive_write_set_options(a, argv[2]));
    check(a, open_write(a, way, name));
    if (strcmp(way, "empty") != 0) {
        archive_entry_set_pathname(entry, "member");
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)strlen(text));
        check(a, archive_write_header(a, entry));
        if (archive_write_data(a, text, strlen(text)) < 0)
            check(a, ARCHIVE_FATAL);
    }
    archive_entry_free(entry);
    /* Each of the ways to end has to tell. */
    if (strcmp(way, "file") == 0) {
        if (archive_write_finish(a) != ARCHIVE_OK)
            errx(1, "archive_write_finish");
    } else if (strcmp(way, "fd") == 0) {
        if (archive_free(a) != ARCHIVE_OK)
            errx(1, "archive_free");
    } else if (strcmp(way, "FILE") == 0) {
        if (archive_write_free(a) != ARCHIVE_OK)
            errx(1, "archive_write_free");
    } else {
        check(a, archive_write_close(a));
        check(a, archive_write_free(a));
    }
    if (memory_len > 0
        && fwrite(memory, 1, memory_len, open_file(name, "w")) != memory_len)
        err(2, "%s", name);
}

static void
read_archive(char **argv)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;

    check(a, archive_read_support_format_tar(a));
    if (strcmp(argv[2], "-") != 0)
        check_options(a, argv[0], archive_read_set_options(a, argv[2]));
    check(a, open_read(a, argv[0], argv[1]));
    check(a, archive_read_next_header(a, &entry));
    check(a, archive_read_data_into_fd(a, STDOUT_FILENO));
    check(a, archive_read_close(a));
    if (strcmp(argv[0], "fd") == 0)
        archive_free(a);
    else if (strcmp(argv[0], "file") == 0)
        archive_read_finish(a);
    else
        archive_read_free(a);
}

int
main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "write") == 0)
        write_archive(argv + 2);
    else if (argc == 5 && strcmp(argv[1], "read") == 0)
        read_archive(argv + 2);
    else
        errx(2, "see the source");
    return 0;
}
