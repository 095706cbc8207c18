/* SPDX-License-Identifier: Apache-2.0 */
/* Reads in order up to the commitment; then the file can be read at places. */
#include "filter/stream/opened.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/stream/pieces.h"
#include "filter/stream/random.h"
#include "filter/stream/source.h"
#include "filter/stream/spans.h"
#include "lib/header/header.h"

/* Bytes that the cipher is given at once: nothing comes out of these. */
#define FEED_LEN 4096

struct envl_opened {
    struct envl_source source;
    struct envl_session *session;
    struct envl_spans spans;
    struct envl_map map;
    bool has_map;
    struct envl_random *random;

    const unsigned char *span;
    size_t span_len;
    unsigned char prelude[ENVL_PRELUDE_LEN];
    uint64_t header_end; /* in the file */
    unsigned char out[FEED_LEN + ENVL_SLACK_LEN];
};

/* In order */

/* The stream ends here, and the cipher knows what that is called. */
static enum envelope_reason
end_early(struct envl_opened *opened, struct envl_err *err)
{
    size_t n;

    return envl_session_final(opened->session, opened->out, &n, err);
}

/* Give so many bytes of the stream to the cipher; copy is NULL or room for
 * them. */
static enum envelope_reason
feed(struct envl_opened *opened, uint64_t len, unsigned char *copy,
     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n, got;

    while (rc == ENVELOPE_OK && len > 0) {
        if (opened->span_len == 0) {
            rc = envl_spans_next(&opened->spans, &opened->span,
                                 &opened->span_len, err);
            if (rc == ENVELOPE_OK && opened->span_len == 0)
                rc = end_early(opened, err);
            continue;
        }
        n = opened->span_len < FEED_LEN ? opened->span_len : FEED_LEN;
        if (n > len)
            n = (size_t)len;
        rc = envl_session_update(opened->session, opened->out, &got,
                                 opened->span, n, err);
        if (copy != NULL) {
            memcpy(copy, opened->span, n);
            copy += n;
        }
        opened->span += n;
        opened->span_len -= n;
        len -= n;
    }
    return rc;
}

static enum envelope_reason
feed_header(struct envl_opened *opened, struct envl_err *err)
{
    struct envl_prelude prelude;
    enum envelope_reason rc;

    rc = feed(opened, ENVL_PRELUDE_LEN, opened->prelude, err);
    if (rc == ENVELOPE_OK)
        rc = envl_prelude_parse(&prelude, opened->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    opened->map.header_len = prelude.header_len;
    rc = feed(opened, prelude.header_len - ENVL_PRELUDE_LEN, NULL, err);
    opened->header_end = opened->spans.given - opened->spans.in.len;
    return rc;
}

static void
find_map(struct envl_opened *opened)
{
    struct envl_map map;

    opened->has_map =
        envl_carrier_map(opened->spans.reader, opened->map.header_len, &map);
    if (opened->has_map)
        opened->map = map;
}

/* The frame of the first piece is damaged: the others tell where it is.  If
 * there is none, it is the only one. */
static enum envelope_reason
recover(struct envl_opened *opened, struct envl_err *err)
{
    struct envl_map *map = &opened->map;
    unsigned char start[ENVELOPE_PAYLOAD_START_LENGTH];
    enum envelope_reason rc;
    size_t got;

    rc = envl_pieces_learn_map(map, &opened->source, opened->header_end, err);
    if (rc == ENVELOPE_OK)
        rc = envl_source_read_at(&opened->source,
                                 (int64_t)(map->first_at + map->lead_len),
                                 start, sizeof(start), err);
    if (rc == ENVELOPE_OK)
        rc = envl_session_update(opened->session, opened->out, &got, start,
                                 sizeof(start), err);
    if (map->piece_len == 0)
        map->piece_len = (uint64_t)envl_source_size(&opened->source)
                         - map->first_at - map->lead_len;
    opened->has_map = rc == ENVELOPE_OK;
    return rc;
}

/* An xbstream has no checksum over the length of a piece: do others agree? */
static enum envelope_reason
check_map(struct envl_opened *opened, struct envl_err *err)
{
    struct envl_map *map = &opened->map, found = *map;
    enum envelope_reason rc;

    if (map->kind != ENVL_XBSTREAM || !opened->has_map
        || envl_pieces_has_lead(map, &opened->source, 1))
        return ENVELOPE_OK;
    rc = envl_pieces_learn_map(&found, &opened->source, map->first_at, err);
    if (rc == ENVELOPE_OK && found.piece_len > 0)
        *map = found;
    return rc;
}

static enum envelope_reason
feed_start(struct envl_opened *opened, enum envl_frames frames,
           struct envl_err *err)
{
    bool lenient = frames == ENVL_FRAMES_LENIENT && opened->source.seekable;
    enum envelope_reason rc =
        feed(opened, ENVELOPE_PAYLOAD_START_LENGTH, NULL, err);

    if (rc == ENVELOPE_OK) {
        find_map(opened);
        return lenient ? check_map(opened, err) : rc;
    }
    if (lenient
        && (rc == ENVELOPE_R_CARRIER || rc == ENVELOPE_R_CARRIER_MEMBER))
        rc = recover(opened, err);
    return rc;
}

/* Opening */

static enum envelope_reason
open_carrier(struct envl_opened *opened, struct envl_err *err)
{
    enum envl_carrier kind = ENVL_RAW;
    enum envelope_reason rc = envl_source_peek(&opened->source, err);

    if (rc != ENVELOPE_OK)
        return rc;
    /* What begins like no carrier is for the cipher to refuse. */
    (void)envl_carrier_recognise(&kind, opened->source.start,
                                 opened->source.start_len);
    opened->map.kind = kind;
    opened->spans.reader = envl_carrier_reader_new(kind);
    return opened->spans.reader != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

enum envelope_reason
envl_opened_new(struct envl_opened **out, int fd,
                const struct envl_options *options, enum envl_frames frames,
                struct envl_err *err)
{
    struct envl_opened *opened = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*opened)));
    enum envelope_reason rc;

    *out = NULL;
    if (opened == NULL)
        return envl_fail_memory(err);
    envl_source_init(&opened->source, fd, 0);
    opened->spans.source = &opened->source;
    rc = envl_session_new(&opened->session, options, ENVL_DECRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = open_carrier(opened, err);
    if (rc == ENVELOPE_OK)
        rc = feed_header(opened, err);
    if (rc == ENVELOPE_OK)
        rc = feed_start(opened, frames, err);
    if (rc != ENVELOPE_OK) {
        envl_opened_free(opened);
        return rc;
    }
    *out = opened;
    return ENVELOPE_OK;
}

void
envl_opened_free(struct envl_opened *opened)
{
    if (opened == NULL)
        return;
    envl_random_free(opened->random);
    envl_session_free(opened->session);
    envl_carrier_reader_free(opened->spans.reader);
    envl_source_clear(&opened->source);
    OPENSSL_free(opened);
}

/* At any place */

static enum envelope_reason
check_place(const struct envl_opened *opened, struct envl_err *err)
{
    if (!opened->source.seekable)
        return envl_fail(err, ENVELOPE_R_READ,
                         "it cannot seek, as pipes and terminals cannot: put "
                         "it into a file, and name that");
    if (!opened->has_map)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "the archive was packed again, and can only be read "
                         "in order");
    return ENVELOPE_OK;
}

enum envelope_reason
envl_opened_place(struct envl_opened *opened, struct envl_source **source,
                  struct envl_session **session, struct envl_map *map,
                  struct envl_err *err)
{
    *source = &opened->source;
    *session = opened->session;
    *map = opened->map;
    return check_place(opened, err);
}

enum envelope_reason
envl_opened_measure(struct envl_opened *opened, uint64_t *size,
                    struct envl_err *err)
{
    enum envelope_reason rc = check_place(opened, err);

    if (rc != ENVELOPE_OK)
        return rc;
    errno = 0;
    rc = envl_random_new(&opened->random, &opened->source, &opened->map, err);
    if (rc == ENVELOPE_R_READ && errno == 0) /* no call has failed */
        rc = envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                       "the archive has no end");
    if (rc == ENVELOPE_OK)
        rc = envl_random_open(opened->random, opened->session, err);
    if (rc == ENVELOPE_OK)
        *size = (uint64_t)envl_random_size(opened->random);
    return rc;
}

enum envelope_reason
envl_opened_read(struct envl_opened *opened, uint64_t offset,
                 const unsigned char **p, size_t *len, struct envl_err *err)
{
    return envl_random_read(opened->random, (int64_t)offset, p, len, err);
}
