/* SPDX-License-Identifier: Apache-2.0 */
/* The carrier's reader returns the stream, which fills one piece after the
 * other. */
#include "filter/stream/repack.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/carrier/writer.h"
#include "filter/stream/descriptors.h"
#include "filter/stream/shape.h"
#include "filter/stream/source.h"
#include "filter/stream/spans.h"

/* Bytes that are written at once if the carrier has no pieces. */
#define RAW_PIECE_LEN 1048576

struct repack {
    struct envl_carrier_reader *reader;
    struct envl_carrier_writer writer;
    struct envl_outlet out;
    uint64_t skip; /* bytes of the old header still to be skipped */
    uint64_t len;  /* bytes of the payload so far */
    size_t piece_len;
    unsigned char *buf; /* room for a lead, a piece, and its tail */
    size_t fill;        /* of the piece */
};

/* Writing */

static enum envelope_reason
write_member(struct repack *c, enum envl_member member, unsigned char *data,
             size_t len, struct envl_err *err)
{
    const size_t lead = envl_carrier_writer_lead(&c->writer, member);
    const size_t tail =
        envl_carrier_writer_frame(&c->writer, member, data, len);

    return envl_outlet_put(&c->out, data - lead, lead + len + tail, err);
}

/* Each part of the header goes through a buffer with room for its frame. */
static enum envelope_reason
write_part(struct repack *c, enum envl_member member, const unsigned char *part,
           size_t len, struct envl_err *err)
{
    unsigned char *buf = ENVL_QUIETLY(
        OPENSSL_malloc(ENVL_FRAME_LEAD_MAX + len + ENVL_FRAME_TAIL_MAX));
    enum envelope_reason rc;

    if (buf == NULL)
        return envl_fail_memory(err);
    memcpy(buf + ENVL_FRAME_LEAD_MAX, part, len);
    rc = write_member(c, member, buf + ENVL_FRAME_LEAD_MAX, len, err);
    OPENSSL_free(buf);
    return rc;
}

static enum envelope_reason
write_header(struct repack *c, const struct envl_header *header,
             struct envl_err *err)
{
    const size_t key_at = envl_prelude_key_envelope_at(&header->prelude);
    enum envelope_reason rc;

    rc = write_part(c, ENVL_MEMBER_HEADER, header->bytes, key_at, err);
    if (rc == ENVELOPE_OK)
        rc = write_part(c, ENVL_MEMBER_KEY, header->bytes + key_at,
                        header->prelude.header_len - key_at, err);
    return rc;
}

static enum envelope_reason
write_piece(struct repack *c, struct envl_err *err)
{
    size_t len = c->fill;

    c->fill = 0;
    if (!envl_carrier_writer_can_go_on(&c->writer))
        return envl_fail(err, ENVELOPE_R_TOO_LONG,
                         "a tar has at most %d pieces; take larger ones",
                         ENVL_PIECE_COUNT_MAX);
    return write_member(c, ENVL_MEMBER_PAYLOAD, c->buf + ENVL_FRAME_LEAD_MAX,
                        len, err);
}

static enum envelope_reason
write_end(struct repack *c, struct envl_err *err)
{
    unsigned char end[ENVL_FRAME_END_MAX];
    size_t len = envl_carrier_writer_end(&c->writer, end);
    enum envelope_reason rc = envl_outlet_put(&c->out, end, len, err);

    return rc == ENVELOPE_OK ? envl_outlet_end(&c->out, err) : rc;
}

/* Copying */

/* Take a span of the stream, without the bytes of the old header. */
static enum envelope_reason
take(struct repack *c, const unsigned char *p, size_t len, struct envl_err *err)
{
    size_t n = len < c->skip ? len : (size_t)c->skip;
    enum envelope_reason rc = ENVELOPE_OK;

    c->skip -= n;
    c->len += len - n;
    for (p += n, len -= n; len > 0 && rc == ENVELOPE_OK; p += n, len -= n) {
        n = c->piece_len - c->fill;
        if (n > len)
            n = len;
        memcpy(c->buf + ENVL_FRAME_LEAD_MAX + c->fill, p, n);
        c->fill += n;
        if (c->fill == c->piece_len)
            rc = write_piece(c, err);
    }
    return rc;
}

static enum envelope_reason
run(struct repack *c, struct envl_source *source, struct envl_err *err)
{
    struct envl_spans spans = { .source = source, .reader = c->reader };
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *span = NULL;
    size_t len = 1;

    while (rc == ENVELOPE_OK && len > 0) {
        rc = envl_spans_next(&spans, &span, &len, err);
        if (rc == ENVELOPE_OK)
            rc = take(c, span, len, err);
    }
    return rc == ENVELOPE_OK && c->fill > 0 ? write_piece(c, err) : rc;
}

/* Check the payload's length: the last chunk has at least a tag, and is shorter
 * than a whole chunk.  Of a saved header there is no chunk at all. */
static enum envelope_reason
check_len(const struct repack *c, struct envl_err *err)
{
    const bool is_saved_header =
        c->writer.kind == ENVL_RAW && c->len == ENVELOPE_PAYLOAD_START_LENGTH;

    if (is_saved_header || envl_shape_of(c->len).last_len >= ENVL_CHUNK_TAG_LEN)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_TRUNCATED,
                     "its payload has %" PRIu64
                     " bytes, which no whole one can have",
                     c->len);
}

/* The piece length of options, or else of the input if its carrier allows. */
static size_t
choose_piece_len(const struct envl_header_file *head, enum envl_carrier kind,
                 const struct envl_options *options)
{
    if (kind == ENVL_RAW)
        return RAW_PIECE_LEN;
    if (options->piece_len > 0)
        return (size_t)options->piece_len;
    if (head->map.piece_len >= ENVL_PIECE_LEN_MIN
        && head->map.piece_len <= ENVL_PIECE_LEN_MAX
        && head->map.piece_len % ENVL_PIECE_LEN_STEP == 0)
        return (size_t)head->map.piece_len;
    return ENVL_PIECE_LEN_DEFAULT;
}

static enum envelope_reason
copy(struct repack *c, int in, const struct envl_header *header,
     const struct envl_options *options, struct envl_err *err)
{
    struct envl_source source = { .fd = in };
    enum envelope_reason rc;

    (void)lseek(in, 0, SEEK_SET); /* cannot fail: head was read from it */
    rc = write_header(c, header, err);
    if (rc == ENVELOPE_OK)
        rc = run(c, &source, err);
    if (rc == ENVELOPE_OK)
        rc = check_len(c, err);
    /* xbcloud's two files may be anywhere, so only now it is known. */
    c->writer.xbcloud = options->xbcloud < 0
                            ? envl_carrier_is_for_xbcloud(c->reader)
                            : options->xbcloud > 0;
    if (rc == ENVELOPE_OK)
        rc = write_end(c, err);
    envl_source_clear(&source);
    return rc;
}

enum envelope_reason
envl_copy(int in, const struct envl_header_file *head, int out,
          const struct envl_header *header, const struct envl_options *options,
          struct envl_err *err)
{
    const enum envl_carrier kind =
        options->carrier == ENVL_AUTO ? head->kind : options->carrier;
    struct repack c = {
        .reader = envl_carrier_reader_new(head->kind),
        .writer = { .kind = kind, .mtime = (uint64_t)time(NULL) },
        .skip = head->header.prelude.header_len,
        .piece_len = choose_piece_len(head, kind, options),
    };
    enum envelope_reason rc;

    c.buf = ENVL_QUIETLY(OPENSSL_malloc(ENVL_FRAME_LEAD_MAX + c.piece_len
                                        + ENVL_FRAME_TAIL_MAX));
    if (c.reader == NULL || c.buf == NULL || !envl_outlet_init(&c.out, out))
        rc = envl_fail_memory(err);
    else
        rc = copy(&c, in, header, options, err);
    OPENSSL_free(c.buf);
    envl_outlet_clear(&c.out);
    envl_carrier_reader_free(c.reader);
    return rc;
}
