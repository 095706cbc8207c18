/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads an xbstream: chunks of files, of several files in turn.  A file ends
 * with a chunk that says so; until then its chunks follow each other without a
 * gap, as all programs that unpack it want it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "filter/inside/inside_impl.h"

/* A chunk's header is read in as many steps as its length needs. */
static enum envelope_reason
read_header(struct envl_inside *inside, size_t *len, struct envl_err *err)
{
    enum envelope_reason rc;
    const char *wrong;
    size_t have = 0, want = 0;

    while (envl_xb_read(&inside->header, inside->block, have, &want, &wrong)) {
        if (want <= have) {
            *len = have;
            return ENVELOPE_OK;
        }
        rc = envl_inside_fetch(inside, inside->at + have, inside->block + have,
                               want - have, err);
        if (rc != ENVELOPE_OK)
            return rc;
        have = want;
    }
    return envl_fail(err, ENVELOPE_R_ARCHIVE,
                     "the chunk at byte %" PRIu64 " of the xbstream %s",
                     inside->at, wrong);
}

/* Bytes that the file gets longer by a chunk: data and holes. */
static enum envelope_reason
add_up(struct envl_inside *inside, uint64_t map_at, uint64_t *sum,
       struct envl_err *err)
{
    const struct envl_xb_header *header = &inside->header;
    enum envelope_reason rc = ENVELOPE_OK;
    const size_t most =
        sizeof(inside->block) / ENVL_XB_MAP_ITEM_LEN * ENVL_XB_MAP_ITEM_LEN;
    uint64_t left = header->map_len;
    size_t i, n = 0;

    for (*sum = header->len; left > 0; left -= n, map_at += n) {
        n = left < most ? (size_t)left : most;
        rc = envl_inside_fetch(inside, map_at, inside->block, n, err);
        if (rc != ENVELOPE_OK)
            return rc;
        for (i = 0; i < n; i += ENVL_XB_MAP_ITEM_LEN)
            *sum += envl_xb_skipped(inside->block + i);
    }
    return rc;
}

static enum envelope_reason
find_file(struct envl_inside *inside, struct envl_open_file **file,
          struct envl_err *err)
{
    const struct envl_xb_header *header = &inside->header;

    *file = envl_open_files_find(&inside->open, header->path);
    if (*file == NULL && inside->open.count == ENVL_INSIDE_OPEN_MAX)
        return envl_fail(
            err, ENVELOPE_R_ARCHIVE,
            "more than %d files of the xbstream have begun and not "
            "ended",
            ENVL_INSIDE_OPEN_MAX);
    if (*file == NULL)
        *file = envl_open_files_add(&inside->open, header->path);
    if (*file == NULL)
        return envl_fail_memory(err);
    if (header->offset == (*file)->size)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_ARCHIVE,
                     "%s: the chunk at offset %" PRIu64
                     " comes where that at %" PRIu64 " should",
                     header->path, header->offset, (*file)->size);
}

/* A chunk with data: its place, and what it adds to its file. */
static enum envelope_reason
take_data(struct envl_inside *inside, size_t header_len, struct envl_err *err)
{
    const struct envl_xb_header *header = &inside->header;
    const uint64_t map_at = inside->at + header_len;
    struct envl_entry *entry = &inside->entry;
    struct envl_open_file *file = NULL;
    enum envelope_reason rc;
    uint64_t sum = 0;

    rc = envl_inside_check_room(inside, map_at, header->map_len, header->path,
                                err);
    if (rc == ENVELOPE_OK)
        rc = envl_inside_check_room(inside, map_at + header->map_len,
                                    header->len, header->path, err);
    if (rc != ENVELOPE_OK)
        return rc;
    entry->kind = ENVL_ENTRY_CHUNK;
    entry->size = header->len;
    entry->len = header_len + header->map_len + header->len;
    if (header->type != ENVL_XB_PAYLOAD && header->type != ENVL_XB_SPARSE)
        return ENVELOPE_OK; /* ignored by all who do not know its type */
    entry->has_crc = true;
    entry->crc_at = map_at;
    entry->crc = header->crc;
    rc = add_up(inside, map_at, &sum, err);
    if (rc == ENVELOPE_OK)
        rc = find_file(inside, &file, err);
    if (rc == ENVELOPE_OK)
        file->size += sum;
    return rc;
}

static void
end_file(struct envl_inside *inside)
{
    struct envl_open_file *file =
        envl_open_files_find(&inside->open, inside->header.path);

    inside->entry.kind = ENVL_ENTRY_FILE;
    inside->entry.size = file != NULL ? file->size : 0;
    if (file != NULL)
        envl_open_files_remove(&inside->open, file);
}

/* mbstream refuses this for a file that is open, too. */
static enum envelope_reason
change_file(struct envl_inside *inside, struct envl_err *err)
{
    const struct envl_xb_header *header = &inside->header;

    inside->entry.kind =
        header->type == ENVL_XB_RENAME ? ENVL_ENTRY_RENAME : ENVL_ENTRY_REMOVE;
    if (header->type == ENVL_XB_RENAME)
        (void)snprintf(inside->link, sizeof(inside->link), "%s", header->to);
    if (envl_open_files_find(&inside->open, header->path) == NULL)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_ARCHIVE,
                     "%s: removed or renamed before it has ended",
                     header->path);
}

static enum envelope_reason
end_archive(struct envl_inside *inside, struct envl_err *err)
{
    const struct envl_open_file *file = envl_open_files_any(&inside->open);

    inside->entry.kind = ENVL_ENTRY_END;
    return file == NULL
               ? ENVELOPE_OK
               : envl_fail(err, ENVELOPE_R_ARCHIVE,
                           "%s: it has no end in the xbstream", file->path);
}

enum envelope_reason
envl_inside_next_of_xbstream(struct envl_inside *inside, struct envl_err *err)
{
    struct envl_entry *entry = &inside->entry;
    enum envelope_reason rc;
    size_t header_len = 0;

    if (inside->at == inside->source.size)
        return end_archive(inside, err);
    rc = read_header(inside, &header_len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    (void)snprintf(inside->path, sizeof(inside->path), "%s",
                   inside->header.path);
    entry->at = inside->at;
    entry->len = header_len;
    switch (inside->header.type) {
    case ENVL_XB_END:
        end_file(inside);
        break;
    case ENVL_XB_REMOVE:
    case ENVL_XB_RENAME:
        rc = change_file(inside, err);
        break;
    default:
        rc = take_data(inside, header_len, err);
        break;
    }
    inside->at += entry->len;
    return rc;
}
