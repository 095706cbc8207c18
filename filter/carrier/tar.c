/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads the fields of a ustar block. */
#include "filter/carrier/tar.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* POSIX.1-2001, pax, table 4-14. */
struct ustar {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char linkname[100];
    char magic[6];
    char version[2];
    char uname[32];
    char gname[32];
    char devmajor[8];
    char devminor[8];
    char prefix[155];
    char pad[12];
};
static_assert(sizeof(struct ustar) == ENVL_TAR_BLOCK_LEN,
              "the fields make up a block");
static_assert(ENVL_TAR_NAME_MAX
                  == sizeof(((struct ustar *)0)->prefix) + 1
                         + sizeof(((struct ustar *)0)->name),
              "a name is prefix, slash and name");

/* What GNU tar has in place of prefix, and in a block with more of a map. */
struct gnu_sparse {
    char before[386];
    char map[4][24];
    char goes_on;
    char real_size[12];
    char pad[17];
};
static_assert(sizeof(struct gnu_sparse) == ENVL_TAR_BLOCK_LEN,
              "the fields make up a block");
#define GNU_MAP_LEN ((size_t)21 * 24)

static const char posix_magic[] = "ustar\0"
                                  "00";
static const char gnu_magic[] = "ustar  ";

#define MAGIC_LEN 8

/* The sum of all bytes, with blanks in place of the checksum itself. */
static unsigned
sum_of(const unsigned char *block)
{
    const struct ustar *h = (const struct ustar *)block;
    unsigned sum = 0;
    size_t i;

    for (i = 0; i < ENVL_TAR_BLOCK_LEN; i++)
        sum += block[i];
    for (i = 0; i < sizeof(h->checksum); i++)
        sum += ' ' - (unsigned)(unsigned char)h->checksum[i];
    return sum;
}

void
envl_tar_build(unsigned char *block, const char *name, uint64_t size,
               uint64_t mtime)
{
    struct ustar *h = (struct ustar *)block;

    memset(block, 0, ENVL_TAR_BLOCK_LEN);
    (void)snprintf(h->name, sizeof(h->name), "%s", name);
    (void)snprintf(h->mode, sizeof(h->mode), "%07o", 0644U);
    (void)snprintf(h->uid, sizeof(h->uid), "%07o", 0U);
    (void)snprintf(h->gid, sizeof(h->gid), "%07o", 0U);
    (void)snprintf(h->size, sizeof(h->size), "%011" PRIo64, size);
    (void)snprintf(h->mtime, sizeof(h->mtime), "%011" PRIo64, mtime);
    h->type = ENVL_TAR_FILE;
    memcpy(h->magic, posix_magic, MAGIC_LEN);
    (void)snprintf(h->checksum, sizeof(h->checksum), "%06o", sum_of(block));
    h->checksum[7] = ' ';
}

/* Read octal digits, which may follow blanks, up to a NUL, a blank or the end
 * of the field. */
static bool
read_octal(const char *field, size_t len, uint64_t *value)
{
    size_t i = 0, digits = 0;

    *value = 0;
    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++, digits++)
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    return digits > 0 && (i == len || field[i] == '\0' || field[i] == ' ');
}

static void
take_names(struct envl_tar_header *header, const struct ustar *h)
{
    bool posix = memcmp(h->magic, posix_magic, MAGIC_LEN) == 0;
    bool slash = posix && h->prefix[0] != '\0';

    (void)snprintf(header->name, sizeof(header->name), "%.*s%s%.*s",
                   slash ? (int)sizeof(h->prefix) : 0, h->prefix,
                   slash ? "/" : "", (int)sizeof(h->name), h->name);
    header->type = h->type;
}

enum envelope_reason
envl_tar_parse(struct envl_tar_header *header, const unsigned char *block,
               uint64_t at, struct envl_err *err)
{
    const struct ustar *h = (const struct ustar *)block;
    uint64_t checksum;

    if (!read_octal(h->checksum, sizeof(h->checksum), &checksum)
        || checksum != sum_of(block))
        return envl_fail(
            err, ENVELOPE_R_CARRIER,
            "the tar header at byte %" PRIu64 " has a wrong checksum", at);
    if (memcmp(h->magic, posix_magic, MAGIC_LEN) != 0
        && memcmp(h->magic, gnu_magic, MAGIC_LEN) != 0)
        return envl_fail(
            err, ENVELOPE_R_CARRIER,
            "the tar header at byte %" PRIu64 " is not of the ustar kind", at);
    take_names(header, h);
    if (!read_octal(h->size, sizeof(h->size), &header->size))
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "%s: its size in the tar is no octal number",
                         header->name);
    return ENVELOPE_OK;
}

/* Any kind of tar */

/* Old programs have added up bytes with a sign. */
static unsigned
signed_sum_of(const unsigned char *block)
{
    const size_t from = offsetof(struct ustar, checksum);
    const size_t to = from + sizeof(((struct ustar *)0)->checksum);
    unsigned sum = sum_of(block);
    size_t i;

    for (i = 0; i < ENVL_TAR_BLOCK_LEN; i++)
        sum -= (i < from || i >= to) && block[i] >= 0x80 ? 0x100 : 0;
    return sum;
}

/* Octal digits; or after a byte 0x80 a big-endian number; or blanks. */
static bool
read_number(const char *field, size_t len, uint64_t *value)
{
    const unsigned char *p = (const unsigned char *)field;
    size_t i;

    *value = 0;
    if ((p[0] & 0x80) == 0) {
        for (i = 0; i < len && (p[i] == ' ' || p[i] == '\0'); i++)
            ;
        return i == len || read_octal(field, len, value);
    }
    for (i = 0; i < len; i++) {
        if (*value >> 56 != 0)
            return false;
        *value = *value << 8 | (i == 0 ? p[0] & 0x7fU : p[i]);
    }
    return true; /* a negative number begins with 0xff and is too large */
}

bool
envl_tar_read(struct envl_tar_header *header, const unsigned char *block)
{
    const struct gnu_sparse *sparse = (const struct gnu_sparse *)block;
    const struct ustar *h = (const struct ustar *)block;
    uint64_t checksum;

    if (!read_octal(h->checksum, sizeof(h->checksum), &checksum)
        || (checksum != sum_of(block)
            && checksum != (signed_sum_of(block) & 0777777)))
        return false;
    take_names(header, h);
    (void)snprintf(header->link, sizeof(header->link), "%.*s",
                   (int)sizeof(h->linkname), h->linkname);
    header->goes_on = h->type == ENVL_TAR_GNU_SPARSE && sparse->goes_on != '\0';
    header->real_size = 0;
    return read_number(h->size, sizeof(h->size), &header->size)
           && (h->type != ENVL_TAR_GNU_SPARSE
               || read_number(sparse->real_size, sizeof(sparse->real_size),
                              &header->real_size));
}

bool
envl_tar_map_goes_on(const unsigned char *block)
{
    return block[GNU_MAP_LEN] != '\0';
}

size_t
envl_tar_padding(uint64_t size)
{
    return (size_t)(-size & (ENVL_TAR_BLOCK_LEN - 1));
}

bool
envl_is_zero(const unsigned char *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

bool
envl_tar_mtime(const unsigned char *block, uint64_t *mtime)
{
    const struct ustar *h = (const struct ustar *)block;
    struct envl_tar_header ignored;
    struct envl_err err;

    return envl_tar_parse(&ignored, block, 0, &err) == ENVELOPE_OK
           && read_octal(h->mtime, sizeof(h->mtime), mtime);
}

/* Ends */

bool
envl_tar_has_end(const unsigned char *tail, size_t len)
{
    const size_t end_len = (size_t)ENVL_TAR_END_BLOCKS * ENVL_TAR_BLOCK_LEN;

    return len >= end_len && envl_is_zero(tail + len - end_len, end_len);
}

/*
 * What follows a header, in bytes.  Links, devices and directories have no data,
 * and programs differ on those that have a size.  A sparse file of the old GNU
 * kind may have more headers.
 */
static bool
data_after(struct envl_tar_header *header, const unsigned char *block)
{
    return envl_tar_read(header, block) && header->type != ENVL_TAR_GNU_SPARSE
           && (header->size == 0 || header->type < '1' || header->type > '6');
}

/* Whether a pax header gives the next member another size */
static bool
has_size(const unsigned char *block)
{
    static const char key[] = "size=";
    size_t i;

    for (i = 0; i + sizeof(key) - 1 <= ENVL_TAR_BLOCK_LEN; i++) {
        if (memcmp(block + i, key, sizeof(key) - 1) == 0)
            return true;
    }
    return false;
}

/*
 * A wrong step leads into data, which has no checksum of a header, so that the
 * walk is lost: this is why a key across two blocks need not be found.
 */
void
envl_tar_walk_on(struct envl_tar_walk *walk, const unsigned char *block)
{
    struct envl_tar_header header;
    uint64_t size;

    if (walk->pax_left > 0) {
        walk->lost = has_size(block);
        walk->pax_left -= ENVL_TAR_BLOCK_LEN;
    } else if (envl_is_zero(block, ENVL_TAR_BLOCK_LEN)) {
        walk->zeros += walk->zeros < ENVL_TAR_END_BLOCKS;
    } else if (!data_after(&header, block)
               || header.size
                      > INT64_MAX - walk->next - 2 * ENVL_TAR_BLOCK_LEN) {
        walk->lost = true;
    } else {
        walk->zeros = 0;
        size = header.size + envl_tar_padding(header.size);
        if (header.type == ENVL_TAR_PAX || header.type == ENVL_TAR_PAX_GLOBAL)
            walk->pax_left = size;
        else
            walk->next += size;
    }
    walk->next += ENVL_TAR_BLOCK_LEN;
}

bool
envl_tar_walk_at_end(const struct envl_tar_walk *walk, uint64_t size)
{
    return walk->lost
           || (walk->next == size && walk->zeros == ENVL_TAR_END_BLOCKS);
}
