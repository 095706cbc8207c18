/* SPDX-License-Identifier: Apache-2.0 */
/* Reads in order up to the commitment; after that any place can be read. */
#include "filter/stream/reader.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include <envelope/envelope.h>

#include "filter/stream/pieces.h"
#include "filter/stream/random.h"
#include "filter/stream/source.h"
#include "filter/stream/spans.h"
#include "lib/header/header.h"

/* Bytes that the cipher gets at once; the header gives no output. */
#define FEED_LEN 4096

struct envl_reader {
    struct envl_source source;
    struct envl_cipher *cipher;
    struct envl_spans spans;
    struct envl_map map;
    bool has_map;
    struct envl_random *random;

    const unsigned char *span;
    size_t span_len;
    unsigned char prelude[ENVL_PRELUDE_LEN];
    uint64_t header_end; /* in the file */
    unsigned char start[ENVELOPE_PAYLOAD_START_LENGTH];
    unsigned char out[FEED_LEN + ENVL_SLACK_LEN];
};

/* In order */

/* The stream ends too early: the cipher's final call gives the reason. */
static enum envelope_reason
end_early(struct envl_reader *reader, struct envl_err *err)
{
    size_t n;

    return envl_cipher_final(reader->cipher, reader->out, &n, err);
}

/* Give len bytes of the stream to the cipher; copy, if not NULL, receives them,
 * too. */
static enum envelope_reason
feed(struct envl_reader *reader, uint64_t len, unsigned char *copy,
     struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    size_t n, got;

    while (rc == ENVELOPE_OK && len > 0) {
        if (reader->span_len == 0) {
            rc = envl_spans_next(&reader->spans, &reader->span,
                                 &reader->span_len, err);
            if (rc == ENVELOPE_OK && reader->span_len == 0)
                rc = end_early(reader, err);
            continue;
        }
        n = reader->span_len < FEED_LEN ? reader->span_len : FEED_LEN;
        if (n > len)
            n = (size_t)len;
        rc = envl_cipher_update(reader->cipher, reader->out, &got, reader->span,
                                n, err);
        if (copy != NULL) {
            memcpy(copy, reader->span, n);
            copy += n;
        }
        reader->span += n;
        reader->span_len -= n;
        len -= n;
    }
    return rc;
}

static enum envelope_reason
feed_header(struct envl_reader *reader, struct envl_err *err)
{
    struct envl_prelude prelude;
    enum envelope_reason rc;

    rc = feed(reader, ENVL_PRELUDE_LEN, reader->prelude, err);
    if (rc == ENVELOPE_OK)
        rc = envl_prelude_parse(&prelude, reader->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    reader->map.header_len = prelude.header_len;
    rc = feed(reader, prelude.header_len - ENVL_PRELUDE_LEN, NULL, err);
    reader->header_end = reader->spans.given - reader->spans.in.len;
    return rc;
}

static void
find_map(struct envl_reader *reader)
{
    struct envl_map map;

    reader->has_map =
        envl_carrier_map(reader->spans.reader, reader->map.header_len, &map);
    if (reader->has_map)
        reader->map = map;
}

/* The first piece's frame is damaged: find the piece with the leads of others.
 * If there are no others, assume that it is the only piece. */
static enum envelope_reason
recover(struct envl_reader *reader, struct envl_err *err)
{
    struct envl_map *map = &reader->map;
    enum envelope_reason rc;
    size_t got;

    rc = envl_pieces_learn_map(map, &reader->source, reader->header_end, err);
    if (rc == ENVELOPE_OK)
        rc = envl_source_read_at(&reader->source,
                                 (int64_t)(map->first_at + map->lead_len),
                                 reader->start, sizeof(reader->start), err);
    if (rc == ENVELOPE_OK)
        rc = envl_cipher_update(reader->cipher, reader->out, &got,
                                reader->start, sizeof(reader->start), err);
    if (map->piece_len == 0)
        map->piece_len = (uint64_t)envl_source_size(&reader->source)
                         - map->first_at - map->lead_len;
    reader->has_map = rc == ENVELOPE_OK;
    return rc;
}

/* xbstream has no checksum of a piece's length: check it with other leads. */
static enum envelope_reason
check_map(struct envl_reader *reader, struct envl_err *err)
{
    struct envl_map *map = &reader->map, found = *map;
    enum envelope_reason rc;

    if (map->kind != ENVL_XBSTREAM || !reader->has_map
        || envl_pieces_has_lead(map, &reader->source, 1))
        return ENVELOPE_OK;
    rc = envl_pieces_learn_map(&found, &reader->source, map->first_at, err);
    if (rc == ENVELOPE_OK && found.piece_len > 0)
        *map = found;
    return rc;
}

static enum envelope_reason
feed_start(struct envl_reader *reader, enum envl_frames frames,
           struct envl_err *err)
{
    bool lenient = frames == ENVL_FRAMES_LENIENT && reader->source.seekable;
    enum envelope_reason rc =
        feed(reader, sizeof(reader->start), reader->start, err);

    if (rc == ENVELOPE_OK) {
        find_map(reader);
        return lenient ? check_map(reader, err) : rc;
    }
    if (lenient
        && (rc == ENVELOPE_R_CARRIER || rc == ENVELOPE_R_CARRIER_MEMBER))
        rc = recover(reader, err);
    return rc;
}

/* Opening */

static enum envelope_reason
open_carrier(struct envl_reader *reader, struct envl_err *err)
{
    enum envl_carrier kind = ENVL_RAW;
    enum envelope_reason rc = envl_source_peek(&reader->source, err);

    if (rc != ENVELOPE_OK)
        return rc;
    /* Unknown input is taken as raw; the cipher refuses it. */
    (void)envl_carrier_recognise(&kind, reader->source.start,
                                 reader->source.start_len);
    reader->map.kind = kind;
    reader->spans.reader = envl_carrier_reader_new(kind);
    return reader->spans.reader != NULL ? ENVELOPE_OK : envl_fail_memory(err);
}

enum envelope_reason
envl_reader_new(struct envl_reader **out, int fd,
                const struct envl_options *options, enum envl_frames frames,
                struct envl_err *err)
{
    struct envl_reader *reader = ENVL_QUIETLY(OPENSSL_zalloc(sizeof(*reader)));
    enum envelope_reason rc;

    *out = NULL;
    if (reader == NULL)
        return envl_fail_memory(err);
    envl_source_init(&reader->source, fd, 0);
    reader->spans.source = &reader->source;
    rc = envl_cipher_new(&reader->cipher, options, ENVL_DECRYPT, err);
    if (rc == ENVELOPE_OK)
        rc = open_carrier(reader, err);
    if (rc == ENVELOPE_OK)
        rc = feed_header(reader, err);
    if (rc == ENVELOPE_OK)
        rc = feed_start(reader, frames, err);
    if (rc != ENVELOPE_OK) {
        envl_reader_free(reader);
        return rc;
    }
    *out = reader;
    return ENVELOPE_OK;
}

void
envl_reader_free(struct envl_reader *reader)
{
    if (reader == NULL)
        return;
    envl_random_free(reader->random);
    envl_cipher_free(reader->cipher);
    envl_carrier_reader_free(reader->spans.reader);
    envl_source_clear(&reader->source);
    OPENSSL_free(reader);
}

const unsigned char *
envl_reader_id(const struct envl_reader *reader)
{
    return reader->start;
}

/* At any place */

static enum envelope_reason
check_place(const struct envl_reader *reader, struct envl_err *err)
{
    if (!reader->source.seekable)
        return envl_fail(err, ENVELOPE_R_READ,
                         "it cannot seek, as pipes and terminals cannot: put "
                         "it into a file, and name that");
    if (!reader->has_map)
        return envl_fail(err, ENVELOPE_R_CARRIER_MEMBER,
                         "the archive was packed again, and can only be read "
                         "in order");
    return ENVELOPE_OK;
}

enum envelope_reason
envl_reader_place(struct envl_reader *reader, struct envl_source **source,
                  struct envl_cipher **cipher, struct envl_map *map,
                  struct envl_err *err)
{
    *source = &reader->source;
    *cipher = reader->cipher;
    *map = reader->map;
    return check_place(reader, err);
}

enum envelope_reason
envl_reader_measure(struct envl_reader *reader, uint64_t *size,
                    struct envl_err *err)
{
    enum envelope_reason rc = check_place(reader, err);

    if (rc != ENVELOPE_OK)
        return rc;
    errno = 0;
    rc = envl_random_new(&reader->random, &reader->source, &reader->map, err);
    if (rc == ENVELOPE_R_READ && errno == 0) /* no call has failed */
        rc = envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                       "the archive has no end");
    if (rc == ENVELOPE_OK)
        rc = envl_random_open(reader->random, reader->cipher, err);
    if (rc == ENVELOPE_OK)
        *size = (uint64_t)envl_random_size(reader->random);
    return rc;
}

enum envelope_reason
envl_reader_read(struct envl_reader *reader, uint64_t offset,
                 const unsigned char **p, size_t *len, struct envl_err *err)
{
    return envl_random_read(reader->random, (int64_t)offset, p, len, err);
}

void
envl_reader_limit(struct envl_reader *reader, uint64_t limit)
{
    envl_random_limit(reader->random, limit);
}

uint64_t
envl_reader_read_len(const struct envl_reader *reader)
{
    return reader->source.read_len;
}
