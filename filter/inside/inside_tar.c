/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a tar of any kind: ustar and older, GNU tar, pax.  A member begins with
 * the headers that give it a long name or another size, and ends with what fills
 * its last block.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "filter/carrier/pax.h"
#include "filter/carrier/tar.h"
#include "filter/inside/inside_impl.h"

/* What headers before that of a member have said of it; the names are in the
 * reader. */
struct said {
    bool has_path, has_sparse_path, has_link, has_size, has_real_size;
    uint64_t size, real_size;
};

/* A value's place in the archive. */
struct value {
    uint64_t at, len;
};

static enum envelope_reason
fail_at(struct envl_err *err, uint64_t at, const char *what)
{
    return envl_fail(err, ENVELOPE_R_ARCHIVE,
                     "the tar header at byte %" PRIu64 " %s", at, what);
}

/* Headers before a member */

static enum envelope_reason
take_name(struct envl_inside *inside, char *name, struct value value,
          struct envl_err *err)
{
    enum envelope_reason rc;

    if (value.len > ENVL_INSIDE_NAME_MAX)
        return fail_at(err, inside->at, "has a name of more than 65535 bytes");
    rc = envl_inside_fetch(inside, value.at, name, (size_t)value.len, err);
    name[rc == ENVELOPE_OK ? value.len : 0] = '\0';
    return rc;
}

static enum envelope_reason
take_number(struct envl_inside *inside, uint64_t *number, struct value value,
            struct envl_err *err)
{
    char digits[19]; /* below 2^64 */
    enum envelope_reason rc;
    size_t i;

    if (value.len > sizeof(digits))
        return fail_at(err, inside->at, "has a size that is too large");
    rc = envl_inside_fetch(inside, value.at, digits, (size_t)value.len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    for (i = 0, *number = 0; i < value.len; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return fail_at(err, inside->at, "has a size that is no number");
        *number = *number * 10 + (uint64_t)(digits[i] - '0');
    }
    return ENVELOPE_OK;
}

/* A value of no bytes takes back what was said before (POSIX.1-2001, pax). */
static enum envelope_reason
take_record(struct envl_inside *inside, struct said *said,
            enum envl_pax_key key, struct value value, struct envl_err *err)
{
    const bool is_set = value.len > 0;

    switch (key) {
    case ENVL_PAX_PATH: /* GNU tar's sparse files have a made-up name there */
        if (said->has_sparse_path)
            return ENVELOPE_OK;
        said->has_path = is_set;
        return take_name(inside, inside->path, value, err);
    case ENVL_PAX_SPARSE_NAME:
        said->has_path = said->has_sparse_path = is_set;
        return take_name(inside, inside->path, value, err);
    case ENVL_PAX_LINK:
        said->has_link = is_set;
        return take_name(inside, inside->link, value, err);
    case ENVL_PAX_SIZE:
        said->has_size = is_set;
        return take_number(inside, &said->size, value, err);
    case ENVL_PAX_SPARSE_SIZE:
        said->has_real_size = is_set;
        return take_number(inside, &said->real_size, value, err);
    default:
        return ENVELOPE_OK;
    }
}

/* The records of a pax header; said is NULL for a global one. */
static enum envelope_reason
take_pax(struct envl_inside *inside, struct said *said, struct value all,
         struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    char text[ENVL_PAX_START_LEN], last;
    struct envl_pax_record record;
    struct value value;
    size_t n;

    for (; rc == ENVELOPE_OK && all.len > 0;
         all.at += record.len, all.len -= record.len) {
        n = all.len < sizeof(text) ? (size_t)all.len : sizeof(text);
        rc = envl_inside_fetch(inside, all.at, text, n, err);
        if (rc != ENVELOPE_OK)
            return rc;
        if (!envl_pax_take(&record, text, n, all.len))
            return fail_at(err, inside->at, "has a malformed pax record");
        rc = envl_inside_fetch(inside, all.at + record.len - 1, &last, 1, err);
        if (rc == ENVELOPE_OK && last != '\n')
            return fail_at(err, inside->at, "has a malformed pax record");
        if (rc != ENVELOPE_OK || record.key == ENVL_PAX_OTHER)
            continue;
        if (said == NULL)
            return fail_at(err, inside->at,
                           "names all members that follow, or gives them a "
                           "size; programs read that in different ways");
        value = (struct value){ all.at + record.value_at,
                                record.len - record.value_at - 1 };
        rc = take_record(inside, said, record.key, value, err);
    }
    return rc;
}

static bool
goes_before_member(char type)
{
    return type == ENVL_TAR_PAX || type == ENVL_TAR_SUN_PAX
           || type == ENVL_TAR_PAX_GLOBAL || type == ENVL_TAR_GNU_NAME
           || type == ENVL_TAR_GNU_LINK;
}

/* The block was read; its data follows. */
static enum envelope_reason
take_before(struct envl_inside *inside, struct said *said,
            const struct envl_tar_header *header, struct envl_err *err)
{
    const struct value data = { inside->at + ENVL_TAR_BLOCK_LEN, header->size };
    enum envelope_reason rc;

    rc = envl_inside_check_room(inside, data.at, data.len, "a header", err);
    if (rc != ENVELOPE_OK)
        return rc;
    switch (header->type) {
    case ENVL_TAR_GNU_NAME:
        said->has_path = true;
        rc = take_name(inside, inside->path, data, err);
        break;
    case ENVL_TAR_GNU_LINK:
        said->has_link = true;
        rc = take_name(inside, inside->link, data, err);
        break;
    default:
        rc = take_pax(inside, header->type == ENVL_TAR_PAX_GLOBAL ? NULL : said,
                      data, err);
        break;
    }
    inside->at = data.at + data.len + envl_tar_padding(data.len);
    return rc;
}

/* Members */

static enum envl_entry_kind
kind_of(const struct envl_tar_header *header, const char *path)
{
    const size_t len = strlen(path);

    switch (header->type) {
    case ENVL_TAR_OLD_FILE: /* has no other way to say that it is none */
        return len > 0 && path[len - 1] == '/' ? ENVL_ENTRY_DIRECTORY
                                               : ENVL_ENTRY_FILE;
    case ENVL_TAR_FILE:
    case ENVL_TAR_CONTIGUOUS:
    case ENVL_TAR_GNU_SPARSE:
        return ENVL_ENTRY_FILE;
    case ENVL_TAR_DIRECTORY:
    case ENVL_TAR_GNU_DIRECTORY:
        return ENVL_ENTRY_DIRECTORY;
    case ENVL_TAR_HARD_LINK:
        return ENVL_ENTRY_HARD_LINK;
    case ENVL_TAR_SYMLINK:
        return ENVL_ENTRY_SYMLINK;
    default:
        return ENVL_ENTRY_OTHER;
    }
}

/* Some programs skip the data that such a header claims, others take it for
 * headers. */
static bool
has_no_data(enum envl_entry_kind kind, char type)
{
    switch (type) {
    case ENVL_TAR_CHARACTER:
    case ENVL_TAR_BLOCK:
    case ENVL_TAR_FIFO:
    case ENVL_TAR_GNU_VOLUME:
        return true;
    default:
        return kind == ENVL_ENTRY_SYMLINK
               || (kind == ENVL_ENTRY_DIRECTORY
                   && type != ENVL_TAR_GNU_DIRECTORY);
    }
}

/* Blocks with more of the map of a sparse file follow its header. */
static enum envelope_reason
skip_map(struct envl_inside *inside, bool goes_on, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    for (; rc == ENVELOPE_OK && goes_on; inside->at += ENVL_TAR_BLOCK_LEN) {
        rc = envl_inside_fetch(inside, inside->at, inside->block,
                               ENVL_TAR_BLOCK_LEN, err);
        goes_on = rc == ENVELOPE_OK && envl_tar_map_goes_on(inside->block);
    }
    return rc;
}

/* The block at inside->at is the header of a member. */
static enum envelope_reason
take_member(struct envl_inside *inside, const struct said *said,
            const struct envl_tar_header *header, struct envl_err *err)
{
    struct envl_entry *entry = &inside->entry;
    uint64_t stored = said->has_size ? said->size : header->size;
    enum envelope_reason rc;

    if (!said->has_path)
        (void)snprintf(inside->path, sizeof(inside->path), "%s", header->name);
    entry->kind = kind_of(header, inside->path);
    if (entry->kind != ENVL_ENTRY_SYMLINK
        && entry->kind != ENVL_ENTRY_HARD_LINK)
        inside->link[0] = '\0';
    else if (!said->has_link)
        (void)snprintf(inside->link, sizeof(inside->link), "%s", header->link);
    /* The size in the header is that of the file which the link leads to. */
    if (entry->kind == ENVL_ENTRY_HARD_LINK && !said->has_size)
        stored = 0;
    if (stored > 0 && has_no_data(entry->kind, header->type))
        return envl_fail(err, ENVELOPE_R_ARCHIVE,
                         "%s: a member of its type with data; programs read "
                         "that in different ways",
                         inside->path);
    inside->at += ENVL_TAR_BLOCK_LEN;
    rc = skip_map(inside, header->goes_on, err);
    if (rc == ENVELOPE_OK)
        rc = envl_inside_check_room(inside, inside->at, stored, inside->path,
                                    err);
    if (rc != ENVELOPE_OK)
        return rc;
    inside->at += stored + envl_tar_padding(stored);
    if (said->has_real_size)
        entry->size = said->real_size;
    else
        entry->size =
            header->type == ENVL_TAR_GNU_SPARSE ? header->real_size : stored;
    return ENVELOPE_OK;
}

/* Two zero blocks end it, whatever follows. */
static enum envelope_reason
end_archive(struct envl_inside *inside, bool belongs, struct envl_err *err)
{
    enum envelope_reason rc;
    bool zero;

    if (belongs)
        return fail_at(err, inside->entry.at, "belongs to no member");
    rc = envl_inside_fetch(inside, inside->at + ENVL_TAR_BLOCK_LEN,
                           inside->block, ENVL_TAR_BLOCK_LEN, err);
    if (rc != ENVELOPE_OK)
        return rc;
    zero = envl_is_zero(inside->block, ENVL_TAR_BLOCK_LEN);
    inside->entry.kind = ENVL_ENTRY_END;
    return zero ? ENVELOPE_OK
                : fail_at(err, inside->at,
                          "is all zeros, and does not end the archive");
}

enum envelope_reason
envl_inside_next_of_tar(struct envl_inside *inside, struct envl_err *err)
{
    struct envl_entry *entry = &inside->entry;
    struct said said = { .has_path = false };
    struct envl_tar_header header = { .type = ENVL_TAR_PAX };
    enum envelope_reason rc = ENVELOPE_OK;

    entry->at = inside->at;
    while (rc == ENVELOPE_OK && goes_before_member(header.type)) {
        rc = envl_inside_fetch(inside, inside->at, inside->block,
                               ENVL_TAR_BLOCK_LEN, err);
        if (rc != ENVELOPE_OK)
            return rc;
        if (envl_is_zero(inside->block, ENVL_TAR_BLOCK_LEN))
            return end_archive(inside, inside->at > entry->at, err);
        if (!envl_tar_read(&header, inside->block))
            return fail_at(err, inside->at,
                           "is damaged: its checksum or a number is wrong");
        if (header.type == ENVL_TAR_PAX_GLOBAL && inside->at == entry->at) {
            entry->kind = ENVL_ENTRY_GLOBAL;
            rc = take_before(inside, &said, &header, err);
            break;
        }
        rc = goes_before_member(header.type)
                 ? take_before(inside, &said, &header, err)
                 : take_member(inside, &said, &header, err);
    }
    entry->len = inside->at - entry->at;
    return rc;
}
