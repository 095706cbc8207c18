/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extracts an archive of any kind that libarchive reads, in an envelope, below
 * the current directory:
 *     extractor ops.key out.tar.zst
 * What is in no envelope is refused, because a key is named: the option
 * require with the value 0 would read it, too.
 * Link with -lenvelope-archive -larchive.
 */
#include <locale.h>
#include <stdio.h>

#include <archive.h>
#include <archive_entry.h>

#include <envelope/archive.h>

#define BLOCK_SIZE 65536

/* An envelope keeps others from reading and altering an archive, but anybody
 * who has a public key can make one: do not trust the names in it. */
#define EXTRACT_FLAGS                                       \
    (ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS \
     | ARCHIVE_EXTRACT_SECURE_NODOTDOT                      \
     | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS)

/* Say what is wrong, if anything. */
static int
ok(struct archive *a, int status)
{
    if (status != ARCHIVE_OK)
        fprintf(stderr, "extractor: %s\n", archive_error_string(a));
    return status == ARCHIVE_OK;
}

/* A file that cannot be made does not keep the others from being made. */
static int
extract(struct archive *in, struct archive *disk)
{
    struct archive_entry *entry;
    int status, good = 1;

    while ((status = archive_read_next_header(in, &entry)) != ARCHIVE_EOF) {
        good = ok(in, status) && good;
        if (status < ARCHIVE_WARN)
            return 0;
        status = archive_read_extract2(in, entry, disk);
        good = ok(in, status) && good;
        if (status == ARCHIVE_FATAL)
            return 0;
    }
    return good;
}

int
main(int argc, char **argv)
{
    const struct envelope_option options[] = { { "identities", argv[1] },
                                               { NULL, NULL } };
    struct archive *in = archive_read_new();
    struct archive *disk = archive_write_disk_new();
    int good;

    if (argc != 3)
        return fprintf(stderr, "usage: extractor KEYS ARCHIVE\n"), 2;
    (void)setlocale(LC_ALL, ""); /* for names that are not in ASCII */
    good = ok(in, archive_read_support_filter_all(in))
           && ok(in, archive_read_support_format_all(in))
           && ok(disk, archive_write_disk_set_options(disk, EXTRACT_FLAGS))
           && ok(disk, archive_write_disk_set_standard_lookup(disk))
           && ok(in, envelope_archive_read_open_filename(in, options, argv[2],
                                                         BLOCK_SIZE))
           && extract(in, disk);

    /* Only here is it known that the archive was whole, and that the last
     * file and the times of directories have been written. */
    good = ok(in, archive_read_close(in)) && good;
    good = ok(disk, archive_write_close(disk)) && good;
    archive_read_free(in);
    archive_write_free(disk);
    if (!good)
        fprintf(stderr, "extractor: do not trust what is there\n");
    return good ? 0 : 1;
}
