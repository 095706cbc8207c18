/* SPDX-License-Identifier: Apache-2.0 */
/* From the place of the payload the lengths of the members before it follow, for
 * each carrier in its own way. */
#include "filter/stream/header_site.h"

#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/carrier/reader.h"
#include "filter/carrier/writer.h"
#include "filter/stream/pieces.h"

#define START_LEN ENVELOPE_PAYLOAD_START_LENGTH

/* Bytes in which the payload begins: the longest header and the frames of what
 * other tools put before it. */
#define WINDOW_LEN (ENVL_HEADER_LEN_MAX + 65536 + START_LEN)

/* Bytes that are read at once from the end. */
#define BLOCK_LEN 65536

/* Leads that are tried: even those that are searched have no more. */
#define LEAD_COUNT_MAX 4096

/* Lengths */

static size_t
labels_end(const struct envl_header *header)
{
    return envl_prelude_key_envelope_at(&header->prelude);
}

/* The offset of the payload's first byte in an archive of this project, if the
 * key envelope and its padding have key_len bytes. */
static uint64_t
start_of(enum envl_carrier kind, const struct envl_header *header,
         size_t key_len)
{
    struct envl_carrier_writer writer = { .kind = kind };
    struct envl_frame ignored;

    (void)envl_carrier_writer_reserve(&writer, &ignored, ENVL_MEMBER_HEADER,
                                      labels_end(header));
    (void)envl_carrier_writer_reserve(&writer, &ignored, ENVL_MEMBER_KEY,
                                      key_len);
    return writer.written
           + envl_carrier_writer_lead(&writer, ENVL_MEMBER_PAYLOAD);
}

/* Find the length of a header that ends where the payload begins.  In a tar it
 * may end in several places: that of the copy is preferred.  False if there is
 * no such place. */
static bool
fit(struct envl_header_site *site, const struct envl_header *header)
{
    const size_t begin = labels_end(header);
    const size_t have = header->prelude.header_len - begin;
    const uint64_t least = start_of(site->map.kind, header, 0);
    const uint64_t room = site->start_at > least ? site->start_at - least : 0;

    if (room == 0 || room > ENVL_HEADER_LEN_MAX - begin)
        return false;
    site->header_len = begin + (size_t)room;
    if (site->map.kind == ENVL_TAR) {
        if (room % ENVL_TAR_BLOCK_LEN != 0)
            return false;
        if (have + envl_tar_padding(have) == room)
            site->header_len = begin + have;
    }
    return true;
}

/* The end */

/* The end of the last byte that is not zero; of many zeros not all are seen. */
static enum envelope_reason
find_data_end(uint64_t *end, struct envl_source *source, struct envl_err *err)
{
    static unsigned char zeros[BLOCK_LEN];
    unsigned char block[BLOCK_LEN];
    const uint64_t size = (uint64_t)envl_source_size(source);
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n = 0;

    for (*end = size; *end > 0 && size - *end <= ENVL_TRAILING_LEN_MAX;
         *end -= n) {
        n = *end < sizeof(block) ? (size_t)*end : sizeof(block);
        rc = envl_source_read_at(source, (int64_t)(*end - n), block, n, err);
        if (rc != ENVELOPE_OK)
            return rc;
        if (memcmp(block, zeros, n) == 0)
            continue;
        for (; block[n - 1] == 0; n--)
            (*end)--;
        break;
    }
    return rc;
}

/* The end of the payload, if these names are closed at the end of the archive
 * and in this order. */
static uint64_t
before_end_chunks(const unsigned char *tail, size_t len, uint64_t end)
{
    static const char *const names[] = { ENVL_NAME_XBCLOUD_2,
                                         ENVL_NAME_XBCLOUD_1,
                                         ENVL_NAME_PAYLOAD };
    unsigned char chunk[ENVL_XB_HEADER_LEN_MAX];
    size_t i, n;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct envl_xb_header header = { .type = ENVL_XB_END };

        memcpy(header.path, names[i], strlen(names[i]) + 1);
        n = envl_xb_build(chunk, &header);
        if (len >= n && memcmp(tail + len - n, chunk, n) == 0) {
            len -= n;
            end -= n;
        }
    }
    return end;
}

/* What the file ends with, and where the payload ends if there is one piece. */
struct ending {
    bool of_kind[ENVL_AUTO]; /* it is the end of such an archive */
    uint64_t data_end[ENVL_AUTO];
};

static enum envelope_reason
look_at_end(struct ending *ending, struct envl_source *source,
            struct envl_err *err)
{
    unsigned char tail[ENVL_CARRIER_TAIL_LEN];
    const uint64_t size = (uint64_t)envl_source_size(source);
    enum envelope_reason rc;
    uint64_t end;
    size_t len;

    *ending = (struct ending){ { false }, { 0 } };
    rc = find_data_end(&end, source, err);
    len = end < sizeof(tail) ? (size_t)end : sizeof(tail);
    if (rc == ENVELOPE_OK)
        rc = envl_source_read_at(source, (int64_t)(end - len), tail, len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    ending->of_kind[ENVL_XBSTREAM] =
        envl_carrier_has_end(ENVL_XBSTREAM, tail, len, end);
    ending->of_kind[ENVL_TAR] =
        size % ENVL_TAR_BLOCK_LEN == 0
        && size - end >= ENVL_TAR_END_BLOCKS * ENVL_TAR_BLOCK_LEN;
    ending->data_end[ENVL_XBSTREAM] = before_end_chunks(tail, len, end);
    ending->data_end[ENVL_TAR] = end;
    return rc;
}

/* The carrier */

/* In an archive that was packed again there may be more between pieces, which
 * looks like longer pieces.  Does a lead say that they are so long? */
static bool
is_confirmed(const struct envl_map *map, struct envl_source *source)
{
    const uint64_t size = (uint64_t)envl_source_size(source);
    unsigned char lead[ENVL_LEAD_LEN_MAX];
    struct envl_err ignored;
    uint64_t piece, at, len;

    for (piece = 1; piece <= LEAD_COUNT_MAX; piece++) {
        at = envl_map_lead_at(map, piece);
        if (at >= size
            || envl_source_read_at(source, (int64_t)at, lead,
                                   (size_t)map->lead_len, &ignored)
                   != ENVELOPE_OK)
            return false;
        if (envl_map_take_lead(map, lead, piece, &len))
            return len == map->piece_len;
    }
    return false;
}

/* Find the pieces: by the first lead, by later ones, or one piece by the end.
 * *is_it receives whether this can be such an archive. */
static enum envelope_reason
find_pieces(struct envl_header_site *site, const struct ending *ending,
            struct envl_source *source, bool *is_it, struct envl_err *err)
{
    struct envl_carrier_writer writer = { .kind = site->map.kind };
    struct envl_map *map = &site->map;
    unsigned char lead[ENVL_LEAD_LEN_MAX];
    enum envelope_reason rc;
    uint64_t end = ending->data_end[map->kind];

    *is_it = true;
    map->header_len = site->header_len;
    map->lead_len = envl_carrier_writer_lead(&writer, ENVL_MEMBER_PAYLOAD);
    map->first_at = site->start_at - map->lead_len;
    rc = envl_source_read_at(source, (int64_t)map->first_at, lead,
                             (size_t)map->lead_len, err);
    if (rc != ENVELOPE_OK)
        return rc;
    site->has_lead = envl_map_take_lead(map, lead, 0, &map->piece_len);
    if (site->has_lead)
        return ENVELOPE_OK;
    rc = envl_pieces_learn_map(map, source, map->first_at, err);
    if (rc == ENVELOPE_OK && map->piece_len > 0)
        site->is_doubtful = !is_confirmed(map, source);
    if (rc != ENVELOPE_OK || map->piece_len > 0)
        return rc;
    if (end > site->start_at && end - site->start_at <= ENVL_PIECE_LEN_MAX)
        site->seen_len = end - site->start_at;
    *is_it = ending->of_kind[map->kind] && site->seen_len > 0;
    return rc;
}

/* Try a kind whose payload begins at start_at. */
static enum envelope_reason
try_kind(struct envl_header_site *site, enum envl_carrier kind,
         uint64_t start_at, const struct ending *ending,
         const struct envl_header *header, struct envl_source *source,
         bool *is_it, struct envl_err *err)
{
    *site = (struct envl_header_site){ .start_at = start_at,
                                       .map = { .kind = kind } };
    *is_it = fit(site, header);
    if (!*is_it || kind != ENVL_RAW)
        return *is_it ? find_pieces(site, ending, source, is_it, err)
                      : ENVELOPE_OK;
    site->map.header_len = site->map.first_at = start_at;
    return ENVELOPE_OK;
}

/* With the start of the payload, or without */

static enum envelope_reason
fail_packed(struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                     "the archive was packed again, and its header is not in "
                     "one place before the data");
}

/* The carriers in the order in which they are sure: a raw stream has no mark.
 * start_at is 0 where the place is to follow from the length of the copy. */
static enum envelope_reason
choose_kind(struct envl_header_site *site, const struct envl_header *header,
            uint64_t start_at, struct envl_source *source, struct envl_err *err)
{
    static const enum envl_carrier kinds[] = { ENVL_XBSTREAM, ENVL_TAR,
                                               ENVL_RAW };
    const uint64_t size = (uint64_t)envl_source_size(source);
    const size_t key_len = header->prelude.header_len - labels_end(header);
    enum envelope_reason rc;
    struct ending ending;
    bool is_it = false;
    uint64_t at;
    size_t i, count = sizeof(kinds) / sizeof(kinds[0]);

    rc = look_at_end(&ending, source, err);
    if (ending.of_kind[ENVL_XBSTREAM] || ending.of_kind[ENVL_TAR])
        count--; /* so it is no raw stream */
    for (i = 0; i < count && rc == ENVELOPE_OK && !is_it; i++) {
        at = start_at > 0 ? start_at : start_of(kinds[i], header, key_len);
        if (at <= size && size - at >= START_LEN)
            rc = try_kind(site, kinds[i], at, &ending, header, source, &is_it,
                          err);
    }
    if (rc != ENVELOPE_OK)
        return rc;
    return is_it ? rc : fail_packed(err);
}

/* Search the start of the payload in the bytes at the beginning. */
static enum envelope_reason
find_start(uint64_t *start_at, const unsigned char *start,
           struct envl_source *source, struct envl_err *err)
{
    const uint64_t size = (uint64_t)envl_source_size(source);
    const size_t len = size < WINDOW_LEN ? (size_t)size : WINDOW_LEN;
    unsigned char *window = ENVL_QUIETLY(OPENSSL_malloc(len + 1));
    const unsigned char *p = window, *end = window + len;
    enum envelope_reason rc;

    if (window == NULL)
        return envl_fail_memory(err);
    rc = envl_source_read_at(source, 0, window, len, err);
    while (rc == ENVELOPE_OK && p != NULL
           && (end - p < START_LEN || memcmp(p, start, START_LEN) != 0))
        p = end - p > START_LEN ? memchr(p + 1, *start, (size_t)(end - p - 1))
                                : NULL;
    if (rc == ENVELOPE_OK && p == NULL)
        rc = envl_fail(err, ENVELOPE_R_COMMITMENT,
                       "it does not have the salt and the commitment of the "
                       "saved header");
    if (rc == ENVELOPE_OK)
        *start_at = (uint64_t)(p - window);
    OPENSSL_free(window);
    return rc;
}

enum envelope_reason
envl_header_site_find(struct envl_header_site *site,
                      const struct envl_header_file *saved,
                      struct envl_source *source, struct envl_err *err)
{
    uint64_t start_at = 0;
    enum envelope_reason rc;

    rc = find_start(&start_at, saved->start, source, err);
    if (rc == ENVELOPE_OK && start_at == 0)
        rc = fail_packed(err);
    if (rc == ENVELOPE_OK)
        rc = choose_kind(site, &saved->header, start_at, source, err);
    site->has_start = rc == ENVELOPE_OK;
    return rc;
}

enum envelope_reason
envl_header_site_guess(struct envl_header_site *site,
                       const struct envl_header_file *saved, uint64_t start_at,
                       struct envl_source *source, struct envl_err *err)
{
    return choose_kind(site, &saved->header, start_at, source, err);
}

/* The patch */

/* The time of the members of a tar, from a lead that is left. */
static uint64_t
time_of_members(const struct envl_map *map, struct envl_source *source,
                uint64_t otherwise)
{
    const uint64_t places[] = { map->first_at, envl_map_lead_at(map, 1), 0 };
    unsigned char block[ENVL_TAR_BLOCK_LEN];
    struct envl_err ignored;
    uint64_t mtime;
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (envl_source_read_at(source, (int64_t)places[i], block,
                                sizeof(block), &ignored)
                == ENVELOPE_OK
            && envl_tar_mtime(block, &mtime))
            return mtime;
    }
    return otherwise;
}

/* The lead of the first piece, right before its data: as it is, or made anew
 * with the checksum of the data as it will be. */
static enum envelope_reason
put_lead(unsigned char *to, const struct envl_header_site *site,
         struct envl_carrier_writer *writer, struct envl_source *source,
         const unsigned char *start, struct envl_err *err)
{
    const struct envl_map *map = &site->map;
    const size_t lead_len = (size_t)map->lead_len;
    const uint64_t size = (uint64_t)envl_source_size(source);
    unsigned char *piece;
    enum envelope_reason rc;

    if (site->has_lead || lead_len == 0)
        return envl_source_read_at(source, (int64_t)map->first_at, to, lead_len,
                                   err);
    if (map->piece_len < START_LEN || map->piece_len > ENVL_PIECE_LEN_MAX
        || map->piece_len > size - site->start_at)
        return fail_packed(err);
    piece = ENVL_QUIETLY(OPENSSL_malloc(
        ENVL_FRAME_LEAD_MAX + (size_t)map->piece_len + ENVL_FRAME_TAIL_MAX));
    if (piece == NULL)
        return envl_fail_memory(err);
    rc = envl_source_read_at(source, (int64_t)site->start_at,
                             piece + ENVL_FRAME_LEAD_MAX,
                             (size_t)map->piece_len, err);
    memcpy(piece + ENVL_FRAME_LEAD_MAX, start, START_LEN);
    (void)envl_carrier_writer_frame(writer, ENVL_MEMBER_PAYLOAD,
                                    piece + ENVL_FRAME_LEAD_MAX,
                                    (size_t)map->piece_len);
    memcpy(to, piece + ENVL_FRAME_LEAD_MAX - lead_len, lead_len);
    OPENSSL_free(piece);
    return rc;
}

/* Write a member at the end of what the writer has written; its frames, too. */
static void
put_member(unsigned char *bytes, struct envl_carrier_writer *writer,
           enum envl_member member, const unsigned char *part, size_t len)
{
    unsigned char *data =
        bytes + writer->written + envl_carrier_writer_lead(writer, member);

    memcpy(data, part, len);
    (void)envl_carrier_writer_frame(writer, member, data, len);
}

enum envelope_reason
envl_header_site_patch(struct envl_patch *patch,
                       const struct envl_header_site *site,
                       struct envl_source *source,
                       const struct envl_header_file *fresh, uint64_t mtime,
                       struct envl_err *err)
{
    const struct envl_map *map = &site->map;
    const struct envl_header *header = &fresh->header;
    const size_t begin = labels_end(header);
    struct envl_carrier_writer writer = { .kind = map->kind };
    enum envelope_reason rc;

    *patch = (struct envl_patch){ 0 };
    patch->len = (size_t)site->start_at;
    if (!site->has_start)
        patch->len += START_LEN;
    else if (site->has_lead)
        patch->len -= (size_t)map->lead_len;
    patch->bytes =
        ENVL_QUIETLY(OPENSSL_zalloc((size_t)site->start_at + START_LEN));
    if (patch->bytes == NULL)
        return envl_fail_memory(err);
    if (map->kind == ENVL_TAR)
        writer.mtime = time_of_members(map, source, mtime);
    put_member(patch->bytes, &writer, ENVL_MEMBER_HEADER, header->bytes, begin);
    put_member(patch->bytes, &writer, ENVL_MEMBER_KEY, header->bytes + begin,
               header->prelude.header_len - begin);
    rc = put_lead(patch->bytes + writer.written, site, &writer, source,
                  fresh->start, err);
    memcpy(patch->bytes + site->start_at, fresh->start, START_LEN);
    if (rc != ENVELOPE_OK) {
        OPENSSL_free(patch->bytes);
        *patch = (struct envl_patch){ 0 };
    }
    return rc;
}
