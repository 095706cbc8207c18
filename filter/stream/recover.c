/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for the first lead behind a damaged one, and computes from there. */
#include "filter/stream/recover.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "filter/carrier/member.h"
#include "filter/carrier/tar.h"
#include "filter/carrier/xbstream.h"
#include "filter/stream/source.h"

/* So far behind the first lead another one is looked for: there are some,
 * however long pieces are. */
#define SEARCH_LEN_MAX UINT64_C(268435456)

/* Read at once; what a lead may begin in is looked at twice. */
#define BLOCK_LEN 262144

static_assert(ENVL_LEAD_LEN_MAX >= ENVL_TAR_BLOCK_LEN
                  && ENVL_LEAD_LEN_MAX >= ENVL_XB_HEADER_LEN_MAX
                  && BLOCK_LEN % ENVL_TAR_BLOCK_LEN == 0,
              "leads fit, and blocks hold whole ones");

/* A block of a tar that begins a piece of the payload. */
static bool
parse_tar(uint64_t *piece, const unsigned char *block)
{
    struct envl_tar_header header;
    struct envl_err ignored;

    return envl_tar_parse(&header, block, 0, &ignored) == ENVELOPE_OK
           && (header.type == ENVL_TAR_FILE || header.type == ENVL_TAR_OLD_FILE)
           && envl_member_of_tar(header.name, piece) == ENVL_MEMBER_PAYLOAD;
}

/* A chunk's header of an xbstream that begins one. */
static bool
parse_xb(struct envl_xb_header *header, const unsigned char *p, size_t len)
{
    struct envl_err ignored;
    size_t want;

    return envl_xb_parse(header, p, len, 0, &want, &ignored) == ENVELOPE_OK
           && want <= len && header->type == ENVL_XB_PAYLOAD
           && envl_member_of_xbstream(header->path) == ENVL_MEMBER_PAYLOAD;
}

bool
envl_recover_is_lead(const struct envl_layout *layout,
                     const unsigned char *lead, uint64_t piece)
{
    struct envl_xb_header header;
    uint64_t number;

    if (layout->kind == ENVL_TAR)
        return parse_tar(&number, lead) && number == piece;
    return parse_xb(&header, lead, (size_t)layout->lead_len)
           && header.offset == piece * layout->piece_len;
}

/* The n-th piece begins so far behind the first: how long are they? */
static bool
take_tar(struct envl_layout *layout, const unsigned char *block,
         uint64_t distance)
{
    uint64_t n = 0;

    if (!parse_tar(&n, block) || n == 0 || distance % n != 0
        || distance / n <= ENVL_TAR_BLOCK_LEN)
        return false;
    layout->piece_len = distance / n - ENVL_TAR_BLOCK_LEN;
    return true;
}

static bool
take_xb(struct envl_layout *layout, const unsigned char *p, size_t len,
        uint64_t distance)
{
    struct envl_xb_header header;
    uint64_t lead_len, n;

    if (len < ENVL_XB_MAGIC_LEN
        || memcmp(p, ENVL_XB_MAGIC, ENVL_XB_MAGIC_LEN) != 0
        || !parse_xb(&header, p, len) || distance <= header.offset)
        return false;
    lead_len = envl_xb_header_len(ENVL_XB_PAYLOAD, header.path);
    n = (distance - header.offset) / lead_len;
    if (n == 0 || header.offset == 0 || n * lead_len + header.offset != distance
        || header.offset % n != 0)
        return false;
    layout->lead_len = lead_len;
    layout->piece_len = header.offset / n;
    return true;
}

/* Look for a lead in what was read, so far behind the first one. */
static bool
look(struct envl_layout *layout, const unsigned char *block, size_t len,
     uint64_t distance)
{
    const unsigned char *p = block, *end = block + len;

    if (layout->kind == ENVL_TAR) {
        for (; end - p >= ENVL_TAR_BLOCK_LEN; p += ENVL_TAR_BLOCK_LEN) {
            if (take_tar(layout, p, distance + (uint64_t)(p - block)))
                return true;
        }
        return false;
    }
    while ((p = memchr(p, *ENVL_XB_MAGIC, (size_t)(end - p))) != NULL) {
        if (take_xb(layout, p, (size_t)(end - p),
                    distance + (uint64_t)(p - block)))
            return true;
        p++;
    }
    return false;
}

static enum envelope_reason
search(struct envl_layout *layout, struct envl_source *source, uint64_t size,
       unsigned char *block, struct envl_err *err)
{
    uint64_t at = layout->first_at + layout->lead_len;
    uint64_t limit = size;
    enum envelope_reason rc;
    size_t len;

    if (limit > at + SEARCH_LEN_MAX)
        limit = at + SEARCH_LEN_MAX;
    for (; at < limit; at += BLOCK_LEN) {
        len = BLOCK_LEN + ENVL_LEAD_LEN_MAX;
        if (len > size - at)
            len = (size_t)(size - at);
        rc = envl_source_read_at(source, (int64_t)at, block, len, err);
        if (rc != ENVELOPE_OK)
            return rc;
        if (look(layout, block, len, at - layout->first_at))
            return ENVELOPE_OK;
    }
    layout->piece_len = 0;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_recover_layout(struct envl_layout *layout, struct envl_source *source,
                    uint64_t header_end, struct envl_err *err)
{
    int64_t size = envl_source_size(source);
    enum envelope_reason rc;
    unsigned char *block;

    layout->first_at = header_end;
    layout->lead_len = envl_xb_header_len(ENVL_XB_PAYLOAD, ENVL_NAME_PAYLOAD);
    if (layout->kind == ENVL_TAR) {
        layout->first_at += envl_tar_padding(header_end);
        layout->lead_len = ENVL_TAR_BLOCK_LEN;
    }
    if (size < 0 || (uint64_t)size < layout->first_at + layout->lead_len)
        return envl_fail(err, ENVELOPE_R_READ,
                         "the file ends before the payload");
    block = ENVL_QUIETLY(OPENSSL_malloc(BLOCK_LEN + ENVL_LEAD_LEN_MAX));
    if (block == NULL)
        return envl_fail_memory(err);
    rc = search(layout, source, (uint64_t)size, block, err);
    OPENSSL_free(block);
    return rc;
}
