/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads the header of a chunk. */
#include "filter/carrier/xbstream.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include <libdeflate.h>

enum {
    AT_MAGIC = 0,
    AT_FLAGS = AT_MAGIC + ENVL_XB_MAGIC_LEN,
    AT_TYPE = AT_FLAGS + 1,
    AT_PATH_LEN = AT_TYPE + 1,
    AT_PATH = AT_PATH_LEN + 4,
    /* after the path */
    AT_LEN = 0,
    AT_OFFSET = AT_LEN + 8,
    AT_CRC = AT_OFFSET + 8,
    AT_DATA = AT_CRC + ENVL_XB_CRC_LEN
};
static_assert(AT_PATH == ENVL_XB_START_LEN && AT_DATA == ENVL_XB_PAYLOAD_LEN,
              "the fields make up the header");

static void
put_le(unsigned char *p, size_t len, uint64_t v)
{
    for (; len > 0; len--, v >>= 8)
        *p++ = (unsigned char)v;
}

static uint64_t
get_le(const unsigned char *p, size_t len)
{
    uint64_t v = 0;

    while (len > 0)
        v = v << 8 | p[--len];
    return v;
}

static size_t
behind_path(char type)
{
    return type == ENVL_XB_PAYLOAD ? ENVL_XB_PAYLOAD_LEN : 0;
}

size_t
envl_xb_header_len(enum envl_xb_type type, const char *path)
{
    return ENVL_XB_START_LEN + strlen(path) + behind_path((char)type);
}

size_t
envl_xb_build(unsigned char *out, const struct envl_xb_header *header)
{
    size_t path_len = strlen(header->path);
    unsigned char *p = out + AT_PATH + path_len;

    memcpy(out + AT_MAGIC, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN);
    out[AT_FLAGS] = 0;
    out[AT_TYPE] = (unsigned char)header->type;
    put_le(out + AT_PATH_LEN, 4, path_len);
    memcpy(out + AT_PATH, header->path, path_len);
    if (header->type == ENVL_XB_PAYLOAD) {
        put_le(p + AT_LEN, 8, header->len);
        put_le(p + AT_OFFSET, 8, header->offset);
        put_le(p + AT_CRC, ENVL_XB_CRC_LEN, header->crc);
    }
    return AT_PATH + path_len + behind_path(header->type);
}

static enum envelope_reason
check_start(const unsigned char *in, uint64_t at, struct envl_err *err)
{
    uint64_t path_len = get_le(in + AT_PATH_LEN, 4);

    if (memcmp(in + AT_MAGIC, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "the chunk at byte %" PRIu64
                         " of the xbstream does not begin with %s",
                         at, ENVL_XB_MAGIC);
    if (in[AT_FLAGS] != 0)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "the chunk at byte %" PRIu64
                         " of the xbstream has flags 0x%02x",
                         at, in[AT_FLAGS]);
    if (in[AT_TYPE] != ENVL_XB_PAYLOAD && in[AT_TYPE] != ENVL_XB_END)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "the chunk at byte %" PRIu64
                         " of the xbstream has type 0x%02x",
                         at, in[AT_TYPE]);
    if (path_len == 0 || path_len > ENVL_MEMBER_NAME_MAX)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "the chunk at byte %" PRIu64
                         " of the xbstream has a path of %" PRIu64 " bytes",
                         at, path_len);
    return ENVELOPE_OK;
}

int
envl_xb_path(char path[ENVL_MEMBER_NAME_MAX + 1], const unsigned char *in,
             size_t len)
{
    uint64_t path_len;

    if (len < ENVL_XB_START_LEN
        || memcmp(in + AT_MAGIC, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0)
        return 0;
    path_len = get_le(in + AT_PATH_LEN, 4);
    if (path_len > ENVL_MEMBER_NAME_MAX || len - ENVL_XB_START_LEN < path_len)
        return 0;
    memcpy(path, in + AT_PATH, (size_t)path_len);
    path[path_len] = '\0';
    return 1;
}

/* The path must be a member's; a path with a NUL byte is not. */
static enum envelope_reason
check_path(const struct envl_xb_header *header, size_t path_len,
           struct envl_err *err)
{
    if (strlen(header->path) == path_len
        && envl_member_of_xbstream(header->path) != ENVL_MEMBER_FOREIGN)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                     "%s%s: no member of an envelope", header->path,
                     strlen(header->path) < path_len ? " and a NUL byte" : "");
}

static void
take_payload_fields(struct envl_xb_header *header, const unsigned char *p)
{
    header->len = get_le(p + AT_LEN, 8);
    header->offset = get_le(p + AT_OFFSET, 8);
    header->crc = (uint32_t)get_le(p + AT_CRC, 4);
}

enum envelope_reason
envl_xb_parse(struct envl_xb_header *header, const unsigned char *in,
              size_t len, uint64_t at, size_t *want, struct envl_err *err)
{
    enum envelope_reason rc;
    size_t path_len;

    *want = ENVL_XB_START_LEN;
    if (len < *want)
        return ENVELOPE_OK;
    if ((rc = check_start(in, at, err)) != ENVELOPE_OK)
        return rc;
    path_len = (size_t)get_le(in + AT_PATH_LEN, 4);
    *want += path_len;
    if (!envl_xb_path(header->path, in, len))
        return ENVELOPE_OK;
    if ((rc = check_path(header, path_len, err)) != ENVELOPE_OK)
        return rc;
    header->type = (char)in[AT_TYPE];
    *want += behind_path(header->type);
    if (len < *want || header->type == ENVL_XB_END)
        return ENVELOPE_OK;
    take_payload_fields(header, in + AT_PATH + path_len);
    if (header->len > ENVL_XB_DATA_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "%s: a chunk of %" PRIu64 " bytes at offset %" PRIu64
                         "; %d are allowed",
                         header->path, header->len, header->offset,
                         ENVL_XB_DATA_LEN_MAX);
    return ENVELOPE_OK;
}

/* Any xbstream */

static const char *
wrong_start(const unsigned char *in)
{
    const uint64_t path_len = get_le(in + AT_PATH_LEN, 4);

    if (memcmp(in + AT_MAGIC, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0)
        return "does not begin with " ENVL_XB_MAGIC;
    if (path_len == 0 || path_len > ENVL_MEMBER_NAME_MAX)
        return "has no path, or one that is too long";
    switch (in[AT_TYPE]) {
    case ENVL_XB_PAYLOAD:
    case ENVL_XB_SPARSE:
    case ENVL_XB_END:
    case ENVL_XB_REMOVE:
    case ENVL_XB_RENAME:
        return NULL;
    default:
        return (in[AT_FLAGS] & ENVL_XB_IGNORABLE) != 0
                   ? NULL
                   : "is of an unknown type";
    }
}

/* The second path follows the first one, and its length. */
static const char *
read_new_path(struct envl_xb_header *header, const unsigned char *in,
              size_t len, size_t *want)
{
    const unsigned char *p = in + *want;
    uint64_t path_len;

    *want += 4;
    if (len < *want)
        return NULL;
    path_len = get_le(p, 4);
    if (path_len == 0 || path_len > ENVL_MEMBER_NAME_MAX)
        return "has no new path, or one that is too long";
    *want += (size_t)path_len;
    if (len < *want)
        return NULL;
    memcpy(header->to, p + 4, (size_t)path_len);
    header->to[path_len] = '\0';
    return strlen(header->to) == path_len ? NULL
                                          : "has a new path with a NUL byte";
}

static const char *
read_any(struct envl_xb_header *header, const unsigned char *in, size_t len,
         size_t *want)
{
    const char *wrong;

    *want = ENVL_XB_START_LEN;
    if (len < *want)
        return NULL;
    if ((wrong = wrong_start(in)) != NULL)
        return wrong;
    header->type = (char)in[AT_TYPE];
    header->map_len = header->len = 0;
    *want += (size_t)get_le(in + AT_PATH_LEN, 4);
    if (!envl_xb_path(header->path, in, len))
        return NULL;
    if (strlen(header->path) != *want - ENVL_XB_START_LEN)
        return "has a path with a NUL byte";
    switch (header->type) {
    case ENVL_XB_END:
    case ENVL_XB_REMOVE:
        return NULL;
    case ENVL_XB_RENAME:
        return read_new_path(header, in, len, want);
    case ENVL_XB_SPARSE:
        if (len >= *want + 4)
            header->map_len = get_le(in + *want, 4) * ENVL_XB_MAP_ITEM_LEN;
        *want += 4;
        break;
    default:
        break;
    }
    if (len >= *want + ENVL_XB_PAYLOAD_LEN)
        take_payload_fields(header, in + *want);
    *want += ENVL_XB_PAYLOAD_LEN;
    return NULL;
}

bool
envl_xb_read(struct envl_xb_header *header, const unsigned char *in, size_t len,
             size_t *want, const char **wrong)
{
    *wrong = read_any(header, in, len, want);
    return *wrong == NULL;
}

uint32_t
envl_xb_skipped(const unsigned char *item)
{
    return (uint32_t)get_le(item, 4);
}

/* The end */

/* Are these bytes exactly one chunk without data? */
static bool
is_last_chunk(const unsigned char *in, size_t len)
{
    uint64_t want = AT_PATH;

    if (len < want
        || memcmp(in + AT_MAGIC, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0)
        return false;
    want += get_le(in + AT_PATH_LEN, 4);
    switch (in[AT_TYPE]) {
    case ENVL_XB_END:
    case ENVL_XB_REMOVE:
        return len == want;
    case ENVL_XB_RENAME: /* the new path follows, with its length */
        return len >= want + 4 && len == want + 4 + get_le(in + want, 4);
    default:
        return false;
    }
}

bool
envl_xb_has_end(const unsigned char *tail, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (is_last_chunk(tail + i, len - i))
            return true;
    }
    return false;
}

void
envl_xb_set_crc(unsigned char *data, size_t len)
{
    put_le(data - ENVL_XB_CRC_LEN, ENVL_XB_CRC_LEN, envl_xb_crc(0, data, len));
}

uint32_t
envl_xb_crc(uint32_t crc, const unsigned char *data, size_t len)
{
    return libdeflate_crc32(crc, data, len);
}

/* Backups */

/* Does the path, perhaps after "./", begin with one of these words? */
static bool
begins_with(const char *path, const char *const words[], size_t count)
{
    size_t i;

    if (strncmp(path, "./", 2) == 0)
        path += 2;
    for (i = 0; i < count; i++) {
        if (strncmp(path, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}

/* A name may go on with what compression or encryption adds. */
static void
note_file(struct envl_xb_walk *walk, const struct envl_xb_header *header)
{
    static const char *const of_backups[] = {
        "aria_log", "backup-my.cnf",   "ib_logfile",
        "ibdata1",  "mariadb_backup_", "mysql.ibd",
        "undo0",    "undo_0",          "xtrabackup_",
    };
    static const char *const infos[] = { "mariadb_backup_info",
                                         "xtrabackup_info" };

    walk->is_backup |= begins_with(header->path, of_backups,
                                   sizeof(of_backups) / sizeof(of_backups[0]));
    walk->has_info |=
        header->type == ENVL_XB_END
        && begins_with(header->path, infos, sizeof(infos) / sizeof(infos[0]));
}

/* Take bytes of the next header, and return how many. */
static size_t
gather(struct envl_xb_walk *walk, const unsigned char *p, size_t len)
{
    struct envl_xb_header header;
    size_t want, n, taken = 0;
    const char *wrong;

    for (;;) {
        if (!envl_xb_read(&header, walk->header, walk->have, &want, &wrong)
            || (walk->have >= want && header.len > INT64_MAX)) {
            walk->lost = true;
            return len;
        }
        if (walk->have >= want) {
            note_file(walk, &header);
            walk->skip = header.len + header.map_len;
            walk->have = 0;
            return taken;
        }
        if (taken == len)
            return taken;
        n = want - walk->have < len - taken ? want - walk->have : len - taken;
        memcpy(walk->header + walk->have, p + taken, n);
        walk->have += n;
        taken += n;
    }
}

void
envl_xb_walk_on(struct envl_xb_walk *walk, const unsigned char *p, size_t len)
{
    size_t n;

    while (len > 0 && !walk->lost) {
        if (walk->skip > 0) {
            n = walk->skip < len ? (size_t)walk->skip : len;
            walk->skip -= n;
        } else {
            n = gather(walk, p, len);
        }
        p += n;
        len -= n;
    }
}

bool
envl_xb_walk_is_whole(const struct envl_xb_walk *walk)
{
    return walk->lost || !walk->is_backup || walk->has_info;
}
