/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive inside: what is said of each member, what is refused, and that
 * nothing depends on how many bytes come at once.
 */
#include "filter/inside/inside.h"

#include "test/filter/carrier/carrier.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter/carrier/tar.h"
#include "filter/inside/open_files.h"

/* Reading */

struct memory {
    struct bytes all;
    size_t cut; /* bytes at once */
};

static enum envelope_reason
read_memory(void *arg, uint64_t offset, const unsigned char **p, size_t *len,
            struct envl_err *err)
{
    const struct memory *memory = arg;
    size_t left;

    (void)err;
    assert_true(offset < memory->all.len);
    left = memory->all.len - (size_t)offset;
    *p = memory->all.p + offset;
    *len = left < memory->cut ? left : memory->cut;
    return ENVELOPE_OK;
}

/* A line for each entry: kind, path, where a link leads, size, place. */
static void
write_line(char *text, size_t size, const struct envl_entry *entry)
{
    const size_t have = strlen(text);

    (void)snprintf(text + have, size - have,
                   "%c %.40s%s%s %" PRIu64 " %" PRIu64 "+%" PRIu64 "\n",
                   "fdlhormcgE"[entry->kind], entry -> path,
                   entry -> link[0] != '\0' ? ">" : "", entry->link,
                   entry->size, entry->at, entry->len);
}

static enum envelope_reason
read_lines(char *text, size_t size, struct memory *memory, struct envl_err *err)
{
    const struct envl_inside_source source = { read_memory, memory,
                                               memory->all.len };
    const struct envl_entry *entry = NULL;
    struct envl_inside *inside;
    enum envelope_reason rc = envl_inside_new(&inside, &source, err);

    text[0] = '\0';
    while (rc == ENVELOPE_OK
           && (rc = envl_inside_next(inside, &entry, err)) == ENVELOPE_OK
           && entry->kind != ENVL_ENTRY_END)
        write_line(text, size, entry);
    if (inside != NULL) /* and so it stays */
        assert_int_equal(envl_inside_next(inside, &entry, err), rc);
    envl_inside_free(inside);
    return rc;
}

static const size_t cuts[] = { 1, 3, 512, 1000, SIZE_MAX };

/* It is read so, and then this goes wrong, or nothing (NULL). */
static void
reads(struct bytes *archive, const char *lines, const char *wrong)
{
    struct memory memory = { .all = *archive };
    struct envl_err err;
    char text[8192];
    size_t i;

    for (i = 0; i < COUNT(cuts); i++) {
        memory.cut = cuts[i];
        err.detail[0] = '\0';
        if (read_lines(text, sizeof(text), &memory, &err) != ENVELOPE_OK) {
            assert_int_equal(err.reason, ENVELOPE_R_ARCHIVE);
            if (wrong == NULL || strstr(err.detail, wrong) == NULL)
                fail_msg("%s", err.detail);
        } else {
            assert_null(wrong);
        }
        assert_string_equal(text, lines);
    }
    drop(archive);
}

static void
is_none(struct bytes archive, const char *word)
{
    struct memory memory = { .all = archive, .cut = 7 };
    struct envl_err err;
    char text[64];

    assert_int_equal(read_lines(text, sizeof(text), &memory, &err),
                     ENVELOPE_R_NOT_ARCHIVE);
    if (strstr(err.detail, word) == NULL)
        fail_msg("%s", err.detail);
    drop(&archive);
}

/* Tars */

static void
put_record(struct bytes *to, const char *key, const char *value)
{
    size_t len = strlen(key) + strlen(value) + 3, digits = 1;
    char text[1024];

    while ((size_t)snprintf(text, sizeof(text), "%zu", len + digits) != digits)
        digits++;
    (void)snprintf(text, sizeof(text), "%zu %s=%s\n", len + digits, key, value);
    put(to, text, strlen(text));
}

/* A pax header of one or two records */
static void
put_pax(struct bytes *to, char type, const char *const *records)
{
    struct bytes data = { 0 };

    for (; *records != NULL; records += 2)
        put_record(&data, records[0], records[1]);
    (void)put_tar(to, "PaxHeaders/x", type, data.p, data.len);
    drop(&data);
}

#define PAX(to, type, ...) \
    put_pax(to, type, (const char *const[]){ __VA_ARGS__, NULL })

static void
put_file(struct bytes *to, const char *name)
{
    (void)put_tar(to, name, '0', "data", 4);
}

static void
set_field(struct bytes *tar, size_t block, size_t at, const char *text,
          size_t len)
{
    memcpy(tar->p + block + at, text, len);
    fix_checksum(tar->p + block);
}

static void
plain_members(void **state)
{
    struct bytes tar = { 0 };
    size_t at;

    (void)state;
    (void)put_tar(&tar, "dir/", '5', NULL, 0);
    put_file(&tar, "./dir/a");
    at = put_tar(&tar, "sym", '2', NULL, 0);
    set_field(&tar, at, 157, "dir/a", 5);
    at = put_tar(&tar, "hard", '1', NULL, 0);
    set_field(&tar, at, 157, "dir/a", 5);
    set_field(&tar, at, 124, "00000000004", 11); /* the file's size */
    (void)put_tar(&tar, "fifo", '6', NULL, 0);
    at = put_tar(&tar, "old/", '\0', NULL, 0);
    set_field(&tar, at, 257, "\0\0\0\0\0\0\0", 8); /* no magic */
    (void)put_tar(&tar, "what", 'Q', "data", 4);
    put_tar_end(&tar);
    put_file(&tar, "after");
    put_tar_end(&tar);
    reads(&tar,
          "d dir/ 0 0+512\nf ./dir/a 4 512+1024\nl sym>dir/a 0 1536+512\n"
          "h hard>dir/a 0 2048+512\no fifo 0 2560+512\nd old/ 0 3072+512\n"
          "o what 4 3584+1024\n",
          NULL);
}

static void
long_names(void **state)
{
    struct bytes tar = { 0 };

    (void)state;
    PAX(&tar, 'g', "comment", "x");
    (void)put_tar(&tar, "././@LongLink", 'K', "far/away", 9);
    (void)put_tar(&tar, "././@LongLink", 'L', "long", 5);
    (void)put_tar(&tar, "cut", '2', NULL, 0);
    PAX(&tar, 'x', "path", "wide", "linkpath", "there");
    (void)put_tar(&tar, "cut", '1', NULL, 0);
    PAX(&tar, 'x', "path", "wide");
    PAX(&tar, 'x', "path", ""); /* takes it back */
    put_file(&tar, "own");
    PAX(&tar, 'x', "size", "4", "mtime", "1.5");
    set_field(&tar, put_tar(&tar, "sized", '0', "data", 4), 124, "00000000000",
              11);
    put_tar_end(&tar);
    reads(&tar,
          "g  0 0+1024\nl long>far/away 0 1024+2560\n"
          "h wide>there 0 3584+1536\nf own 4 5120+3072\n"
          "f sized 4 8192+2048\n",
          NULL);
}

/* All four forms of GNU tar */
static void
sparse_files(void **state)
{
    struct bytes tar = { 0 };
    size_t at;

    (void)state;
    PAX(&tar, 'x', "GNU.sparse.size", "1000", "GNU.sparse.numblocks", "1");
    put_file(&tar, "zero");
    PAX(&tar, 'x', "GNU.sparse.name", "one", "GNU.sparse.size", "2000");
    put_file(&tar, "GNUSparseFile.1/one");
    PAX(&tar, 'x', "GNU.sparse.name", "two", "path", "GNUSparseFile.2/two");
    PAX(&tar, 'x', "GNU.sparse.realsize", "3000");
    put_file(&tar, "GNUSparseFile.2/two");
    at = put_tar(&tar, "old", 'S', NULL, 0);
    set_field(&tar, at, 124, "00000000004", 11);
    set_field(&tar, at, 482, "\1", 1);
    set_field(&tar, at, 483, "\x80\0\0\0\0\0\0\1\0\0\0\0", 12);
    grow(&tar, BLOCK)[504] = 1;
    (void)grow(&tar, BLOCK);
    put(&tar, "data", 4);
    (void)grow(&tar, BLOCK - 4);
    put_tar_end(&tar);
    reads(&tar,
          "f zero 1000 0+2048\nf one 2000 2048+2048\nf two 3000 4096+3072\n"
          "f old 4294967296 7168+2048\n",
          NULL);
}

/* A tar with one member before what is wrong, and one after it */
static struct bytes
begin_tar(void)
{
    struct bytes tar = { 0 };

    put_file(&tar, "good");
    return tar;
}

static void
ends_wrong(struct bytes *tar, const char *wrong)
{
    put_file(tar, "next");
    put_tar_end(tar);
    reads(tar, "f good 4 0+1024\n", wrong);
}

static void
bad_tars(void **state)
{
    static const char *const types[] = { "2", "3", "4", "5", "6", "V" };
    static const char *const global[] = { "path", "size", "linkpath",
                                          "GNU.sparse.major" };
    struct bytes tar;
    size_t i, at;

    (void)state;
    for (i = 0; i < COUNT(types); i++) {
        tar = begin_tar();
        (void)put_tar(&tar, "odd", types[i][0], "data", 4);
        ends_wrong(&tar, "odd: a member of its type with data");
    }
    for (i = 0; i < COUNT(global); i++) {
        tar = begin_tar();
        PAX(&tar, 'g', global[i], "7");
        ends_wrong(&tar, "at byte 1024 names all members that follow");
    }
    tar = begin_tar();
    (void)put_tar(&tar, "x", 'x', "13 comment=x\nrest", 17);
    ends_wrong(&tar, "has a malformed pax record");
    tar = begin_tar();
    (void)put_tar(&tar, "x", 'x', "13 comment=xy", 13);
    ends_wrong(&tar, "has a malformed pax record");
    tar = begin_tar();
    PAX(&tar, 'x', "size", "9x");
    ends_wrong(&tar, "has a size that is no number");
    tar = begin_tar();
    PAX(&tar, 'x', "size", "99999999999999999999");
    ends_wrong(&tar, "has a size that is too large");
    tar = begin_tar();
    PAX(&tar, 'x', "size", "9999999999999999999");
    ends_wrong(&tar, "inside next");
    tar = begin_tar();
    (void)grow(&tar, BLOCK);
    ends_wrong(&tar, "is all zeros, and does not end the archive");
    tar = begin_tar();
    (void)put_tar(&tar, "L", 'L', "name", 5);
    (void)grow(&tar, BLOCK);
    ends_wrong(&tar, "at byte 1024 belongs to no member");
    tar = begin_tar();
    set_field(&tar, put_tar(&tar, "far", '0', NULL, 0), 124,
              "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
    ends_wrong(&tar, "inside far");
    tar = begin_tar();
    set_field(&tar, put_tar(&tar, "minus", '0', NULL, 0), 124,
              "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    ends_wrong(&tar, "at byte 1024 is damaged");
    tar = begin_tar();
    at = put_tar(&tar, "flip", '0', NULL, 0);
    tar.p[at + 3] ^= 1;
    ends_wrong(&tar, "at byte 1024 is damaged");
    tar = begin_tar();
    set_field(&tar, put_tar(&tar, "L", 'L', "name", 5), 124, "00000300000", 11);
    ends_wrong(&tar, "inside a header");
}

/* A name of more than fits */
static void
endless_names(void **state)
{
    unsigned char *name = malloc(ENVL_INSIDE_NAME_MAX + 1);
    struct bytes tar = begin_tar();

    (void)state;
    assert_non_null(name);
    memset(name, 'n', ENVL_INSIDE_NAME_MAX + 1);
    (void)put_tar(&tar, "L", 'L', name, ENVL_INSIDE_NAME_MAX + 1);
    ends_wrong(&tar, "has a name of more than 65535 bytes");
    tar = begin_tar();
    (void)put_tar(&tar, "L", 'L', name, ENVL_INSIDE_NAME_MAX);
    put_file(&tar, "short");
    put_tar_end(&tar);
    reads(&tar,
          "f good 4 0+1024\n"
          "f nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 4 1024+67072\n",
          NULL);
    free(name);
}

/* What is there of a tar with every byte, and none of it without an end */
static void
ends(void **state)
{
    struct bytes tar = { 0 }, cut;
    size_t len;

    (void)state;
    (void)grow(&tar, ENVL_TAR_RECORD_LEN);
    reads(&tar, "", NULL); /* no members */
    for (len = 512; len < 2560; len += 256) {
        tar = begin_tar();
        put_tar_end(&tar);
        cut = (struct bytes){ 0 };
        put(&cut, tar.p, len < tar.len ? len : tar.len - 1);
        reads(&cut, "", "the tar lacks its end");
        drop(&tar);
    }
}

static void
no_archives(void **state)
{
    struct bytes image = { 0 };

    (void)state;
    is_none(image, "the data is empty");
    is_none(text_of("x"), "envelope decrypt writes the data");
    is_none(text_of("\x1f\x8b and so on"), "compressed with gzip");
    is_none(text_of("\x28\xb5\x2f\xfd and so on"), "compressed with zstd");
    is_none(text_of_len(5000), "envelope decrypt writes the data");
    image = (struct bytes){ 0 };
    (void)grow(&image, 1024); /* as a disk begins and ends */
    put(&image, "superblock", 10);
    (void)grow(&image, 2038);
    is_none(image, "envelope decrypt writes the data");
    image = (struct bytes){ 0 };
    (void)grow(&image, 2097152);
    is_none(image, "envelope decrypt writes the data");
}

/* xbstreams */

static void
put_number(struct bytes *to, uint64_t v, size_t len)
{
    unsigned char *p = grow(to, len);

    for (; len > 0; len--, v >>= 8)
        *p++ = (unsigned char)v;
}

static void
interleaved(void **state)
{
    struct bytes xb = { 0 };
    size_t at;

    (void)state;
    (void)put_chunk(&xb, 'P', "a", 0, "data", 4);
    (void)put_chunk(&xb, 'P', "./b", 0, "other", 5);
    (void)put_chunk(&xb, 'P', "a", 4, "more", 4);
    put_end(&xb, "a");
    put_end(&xb, "empty");
    at = put_chunk(&xb, '?', "skip", 99, "??", 2);
    xb.p[at + 8] = 1; /* ignorable */
    put_end(&xb, "./b");
    (void)put_chunk(&xb, 'P', "a", 0, "new", 3); /* written again */
    put_end(&xb, "a");
    reads(&xb,
          "c a 4 0+39\nc ./b 5 39+42\nc a 4 81+39\nf a 8 120+15\n"
          "f empty 0 135+19\nc skip 2 154+40\nf ./b 5 194+17\n"
          "c a 3 211+38\nf a 3 249+15\n",
          NULL);
}

/* XtraBackup's chunk with holes, of 1,000 and 16 bytes; MariaDB's of DDL */
static void
other_types(void **state)
{
    struct bytes xb = { 0 };

    (void)state;
    put(&xb, "XBSTCK01\0S\1\0\0\0s\2\0\0\0", 19);
    put_number(&xb, 6, 8);
    put_number(&xb, 0, 8);
    put_number(&xb, 0, 4);
    put_number(&xb, 1000, 4);
    put_number(&xb, 2, 4);
    put_number(&xb, 16, 4);
    put_number(&xb, 4, 4);
    put(&xb, "sparse", 6);
    (void)put_chunk(&xb, 'P', "s", 1022, "data", 4);
    put_end(&xb, "s");
    put(&xb, "XBSTCK01\0R\1\0\0\0s\3\0\0\0new", 22);
    put(&xb, "XBSTCK01\0D\3\0\0\0old", 17);
    reads(&xb,
          "c s 6 0+61\nc s 4 61+39\nf s 1026 100+15\nm s>new 0 115+22\n"
          "r old 0 137+17\n",
          NULL);
}

static void
bad_chunk(const char *wrong, char type, const char *path, uint64_t offset,
          unsigned flags)
{
    struct bytes xb = { 0 };
    size_t at;

    (void)put_chunk(&xb, 'P', "a", 0, "data", 4);
    at = put_chunk(&xb, type, path, offset, "x", 1);
    xb.p[at + 8] = (unsigned char)flags;
    put_end(&xb, "a");
    reads(&xb, "c a 4 0+39\n", wrong);
}

static void
bad_xbstreams(void **state)
{
    char path[600];
    struct bytes xb;

    (void)state;
    memset(path, 'p', sizeof(path));
    path[512] = '\0';
    bad_chunk("has no path, or one that is too long", 'P', path, 0, 0);
    bad_chunk("has no path, or one that is too long", 'P', "", 0, 0);
    bad_chunk("is of an unknown type", '?', "a", 4, 2);
    bad_chunk("a: the chunk at offset 3 comes where that at 4 should", 'P', "a",
              3, 0);
    bad_chunk("a: the chunk at offset 5 comes where that at 4 should", 'P', "a",
              5, 0);
    bad_chunk("b: the chunk at offset 1 comes where that at 0 should", 'P', "b",
              1, 0);
    bad_chunk("a: removed or renamed before it has ended", 'D', "a", 0, 0);
    xb = (struct bytes){ 0 };
    (void)put_chunk(&xb, 'P', "a", 0, "data", 4);
    put(&xb, "trash", 5);
    put_end(&xb, "a");
    reads(&xb, "c a 4 0+39\n", "at byte 39 of the xbstream does not begin");
    xb = (struct bytes){ 0 };
    (void)put_chunk(&xb, 'P', "a", 0, "data", 4);
    put_end(&xb, "b");
    reads(&xb, "c a 4 0+39\nf b 0 39+15\n", "a: it has no end");
    xb = (struct bytes){ 0 };
    (void)put_chunk(&xb, 'P', "a", 0, "data", 4);
    reads(&xb, "", "the xbstream lacks its end");
}

/* Lengths that reach beyond the end, and would wrap around */
static void
long_chunks(void **state)
{
    static const uint64_t lens[] = { 1000, UINT64_MAX, UINT64_MAX - 40,
                                     INT64_MAX };
    struct bytes xb;
    size_t i, at;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        xb = (struct bytes){ 0 };
        at = put_chunk(&xb, 'P', "a", 0, "data", 4) + 15;
        memcpy(xb.p + at, &lens[i], 8);
        put_end(&xb, "a");
        reads(&xb, "", "inside a");
    }
    xb = (struct bytes){ 0 };
    put(&xb, "XBSTCK01\0S\1\0\0\0s\xff\xff\xff\xff", 19);
    (void)grow(&xb, 20);
    put_end(&xb, "s");
    reads(&xb, "", "inside s");
}

/* As many open files as there may be, and one more */
static void
open_files(void **state)
{
    struct envl_open_files files = { NULL, 0 };
    struct envl_open_file *file;
    struct bytes xb = { 0 };
    struct memory memory;
    struct envl_err err;
    char path[32], *text = malloc(4000000);
    int i;

    (void)state;
    assert_non_null(text);
    for (i = 0; i <= ENVL_INSIDE_OPEN_MAX; i++) {
        (void)snprintf(path, sizeof(path), "f%d", i);
        (void)put_chunk(&xb, 'P', path, 0, "x", 1);
    }
    put_end(&xb, "f0");
    memory = (struct memory){ xb, SIZE_MAX };
    assert_int_equal(read_lines(text, 4000000, &memory, &err),
                     ENVELOPE_R_ARCHIVE);
    assert_non_null(strstr(err.detail, "more than 16384 files"));
    drop(&xb);
    free(text);
    assert_null(envl_open_files_any(&files));
    for (i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof(path), "%d", i * 37 % 100);
        assert_null(envl_open_files_find(&files, path));
        assert_non_null(envl_open_files_add(&files, path));
    }
    file = envl_open_files_find(&files, "50");
    assert_string_equal(file->path, "50");
    envl_open_files_remove(&files, file);
    assert_null(envl_open_files_find(&files, "50"));
    assert_int_equal(files.count, 99);
    envl_open_files_clear(&files);
    assert_int_equal(files.count, 0);
}

/* A failure of the source is passed on. */
static enum envelope_reason
read_damaged(void *arg, uint64_t offset, const unsigned char **p, size_t *len,
             struct envl_err *err)
{
    if (offset == 1024)
        return envl_fail(err, ENVELOPE_R_CHUNK, "chunk 0");
    return read_memory(arg, offset, p, len, err);
}

static void
damaged_source(void **state)
{
    struct bytes tar = begin_tar();
    struct memory memory;
    struct envl_inside_source source = { read_damaged, &memory, 0 };
    const struct envl_entry *entry;
    struct envl_inside *inside;
    struct envl_err err;

    (void)state;
    put_file(&tar, "next");
    put_tar_end(&tar);
    memory = (struct memory){ tar, 512 };
    source.size = tar.len;
    assert_int_equal(envl_inside_new(&inside, &source, &err), ENVELOPE_OK);
    assert_int_equal(envl_inside_next(inside, &entry, &err), ENVELOPE_OK);
    assert_int_equal(envl_inside_next(inside, &entry, &err), ENVELOPE_R_CHUNK);
    err.reason = ENVELOPE_OK;
    assert_int_equal(envl_inside_next(inside, &entry, &err), ENVELOPE_R_CHUNK);
    assert_int_equal(err.reason, ENVELOPE_R_CHUNK);
    envl_inside_free(inside);
    drop(&tar);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_members),  cmocka_unit_test(long_names),
        cmocka_unit_test(sparse_files),   cmocka_unit_test(bad_tars),
        cmocka_unit_test(endless_names),  cmocka_unit_test(ends),
        cmocka_unit_test(no_archives),    cmocka_unit_test(interleaved),
        cmocka_unit_test(other_types),    cmocka_unit_test(bad_xbstreams),
        cmocka_unit_test(long_chunks),    cmocka_unit_test(open_files),
        cmocka_unit_test(damaged_source),
    };

    return cmocka_run_group_tests_name("inside", tests, NULL, NULL);
}
