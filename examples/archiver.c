/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes files and directories to an encrypted archive (pax, compressed by
 * zstd, in an envelope) that any one of the recipients can open:
 *     archiver ops.pem:escrow.crt out.tar.zst FILE...
 * Link with -lenvelope-archive -larchive.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include <envelope/archive.h>

static char buffer[1048576];

/* Say what is wrong, if anything; a warning alone does not stop the work. */
static int
ok(struct archive *a, int status)
{
    if (status < ARCHIVE_OK)
        fprintf(stderr, "archiver: %s\n", archive_error_string(a));
    return status >= ARCHIVE_WARN;
}

static int
add_data(struct archive *out, struct archive *disk)
{
    la_ssize_t len, written;

    while ((len = archive_read_data(disk, buffer, sizeof(buffer))) > 0) {
        written = archive_write_data(out, buffer, (size_t)len);
        if (written < 0)
            return ok(out, (int)written);
        if (written < len) /* the file has grown after its header's length */
            return 1;
    }
    return ok(disk, (int)len);
}

static int
add_entry(struct archive *out, struct archive *disk,
          struct archive_entry *entry)
{
    const char *path = archive_entry_pathname(entry);

    /* Extractors refuse absolute names, and for good reasons. */
    archive_entry_copy_pathname(entry, path + strspn(path, "/"));
    return ok(out, archive_write_header(out, entry))
           && (archive_entry_size(entry) == 0 || add_data(out, disk));
}

/* Add a file, or a directory and all that is in it. */
static int
add_tree(struct archive *out, const char *path)
{
    struct archive *disk = archive_read_disk_new();
    struct archive_entry *entry = archive_entry_new();
    int good = ok(disk, archive_read_disk_set_standard_lookup(disk))
               && ok(disk, archive_read_disk_open(disk, path));
    int r;

    while (good
           && (r = archive_read_next_header2(disk, entry)) != ARCHIVE_EOF) {
        good = ok(disk, r) && ok(disk, archive_read_disk_descend(disk))
               && add_entry(out, disk, entry);
        archive_entry_clear(entry);
    }
    archive_entry_free(entry);
    archive_read_free(disk);
    return good;
}

int
main(int argc, char **argv)
{
    const struct envelope_option options[] = { { "recipients", argv[1] },
                                               { NULL, NULL } };
    struct archive *out = archive_write_new();
    int good, i;

    if (argc < 4)
        return fprintf(stderr, "usage: archiver KEYS ARCHIVE FILE...\n"), 2;
    (void)setlocale(LC_ALL, ""); /* for names that are not in ASCII */
    good =
        ok(out, archive_write_set_format_pax_restricted(out))
        && ok(out, archive_write_add_filter_zstd(out))
        && ok(out, envelope_archive_write_open_filename(out, options, argv[2]));
    for (i = 3; good && i < argc; i++)
        good = add_tree(out, argv[i]);
    if (!good) /* leave it without its end, so that no reader takes it */
        archive_write_fail(out);
    else /* a full disk may show only now */
        good = ok(out, envelope_archive_write_close(out));
    envelope_archive_write_free(out);
    return good ? 0 : 1;
}
