/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading a chunk's header, side by side. */
#include "filter/xbstream.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include <zlib.h>

enum {
    AT_MAGIC = 0,
    AT_FLAGS = AT_MAGIC + ENVL_XB_MAGIC_LEN,
    AT_TYPE = AT_FLAGS + 1,
    AT_PATH_LEN = AT_TYPE + 1,
    AT_PATH = AT_PATH_LEN + 4,
    /* behind the path */
    AT_LEN = 0,
    AT_OFFSET = AT_LEN + 8,
    AT_CRC = AT_OFFSET + 8,
    AT_DATA = AT_CRC + 4
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
        put_le(p + AT_CRC, 4, header->crc);
    }
    return AT_PATH + path_len + behind_path(header->type);
}

static enum envelope_reason
check_start(const unsigned char *in, uint64_t path_len, struct envl_err *err)
{
    if (memcmp(in + AT_MAGIC, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "a chunk of the xbstream does not begin "
                         "with " ENVL_XB_MAGIC);
    if (in[AT_FLAGS] != 0)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "a chunk of the xbstream has flags 0x%02x",
                         in[AT_FLAGS]);
    if (in[AT_TYPE] != ENVL_XB_PAYLOAD && in[AT_TYPE] != ENVL_XB_END)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "a chunk of the xbstream has type 0x%02x",
                         in[AT_TYPE]);
    if (path_len == 0 || path_len > ENVL_MEMBER_NAME_MAX)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "a chunk of the xbstream has a path of %" PRIu64
                         " bytes",
                         path_len);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_xb_parse(struct envl_xb_header *header, const unsigned char *in,
              size_t len, size_t *want, struct envl_err *err)
{
    enum envelope_reason rc;
    const unsigned char *p;
    uint64_t path_len;

    *want = ENVL_XB_START_LEN;
    if (len < *want)
        return ENVELOPE_OK;
    path_len = get_le(in + AT_PATH_LEN, 4);
    if ((rc = check_start(in, path_len, err)) != ENVELOPE_OK)
        return rc;
    header->type = (char)in[AT_TYPE];
    *want += (size_t)path_len + behind_path(header->type);
    if (len < *want)
        return ENVELOPE_OK;
    p = in + AT_PATH;
    if (memchr(p, '\0', (size_t)path_len) != NULL)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "a path in the xbstream has a NUL byte");
    memcpy(header->path, p, (size_t)path_len);
    header->path[path_len] = '\0';
    if (header->type == ENVL_XB_END)
        return ENVELOPE_OK;
    p += path_len;
    header->len = get_le(p + AT_LEN, 8);
    header->offset = get_le(p + AT_OFFSET, 8);
    header->crc = (uint32_t)get_le(p + AT_CRC, 4);
    if (header->len > ENVL_XB_DATA_LEN_MAX)
        return envl_fail(err, ENVELOPE_R_CARRIER,
                         "%s: a chunk of %" PRIu64 " bytes at offset %" PRIu64
                         "; %d are allowed",
                         header->path, header->len, header->offset,
                         ENVL_XB_DATA_LEN_MAX);
    return ENVELOPE_OK;
}

uint32_t
envl_xb_crc(uint32_t crc, const unsigned char *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}
