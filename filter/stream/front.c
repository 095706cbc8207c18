/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of the stream are copied to their places until the start of the payload
 * is complete. */
#include "filter/stream/front.h"

#include <string.h>

#include <openssl/crypto.h>

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Copy the bytes of a span that belong to [from, to) of the stream. */
static void
move(struct envl_front *front, unsigned char *part, size_t from, size_t to)
{
    size_t n = min_size(to - front->have, front->rest_len);

    memcpy(part + (front->have - from), front->rest, n);
    front->have += n;
    front->rest += n;
    front->rest_len -= n;
}

static enum envelope_reason
end_prelude(struct envl_front *front, struct envl_err *err)
{
    struct envl_header *header = &front->header;
    enum envelope_reason rc;

    rc = envl_prelude_parse(&header->prelude, front->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    header->bytes = ENVL_QUIETLY(OPENSSL_malloc(header->prelude.header_len));
    if (header->bytes == NULL)
        return envl_fail_memory(err);
    memcpy(header->bytes, front->prelude, ENVL_PRELUDE_LEN);
    return ENVELOPE_OK;
}

static size_t
wanted(const struct envl_front *front)
{
    const struct envl_header *header = &front->header;

    return header->bytes == NULL
               ? ENVL_PRELUDE_LEN
               : header->prelude.header_len + sizeof(front->start);
}

/* Take a span of the stream, up to the first bytes of the payload. */
static enum envelope_reason
take(struct envl_front *front, struct envl_err *err)
{
    struct envl_header *header = &front->header;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t header_len;

    if (header->bytes == NULL) {
        move(front, front->prelude, 0, ENVL_PRELUDE_LEN);
        if (front->have == ENVL_PRELUDE_LEN)
            rc = end_prelude(front, err);
    }
    if (rc != ENVELOPE_OK || header->bytes == NULL)
        return rc;
    header_len = header->prelude.header_len;
    if (front->have < header_len)
        move(front, header->bytes, 0, header_len);
    if (front->have >= header_len)
        move(front, front->start, header_len, wanted(front));
    return ENVELOPE_OK;
}

static enum envelope_reason
fail_short(const struct envl_front *front, struct envl_err *err)
{
    const struct envl_header *header = &front->header;

    if (header->bytes != NULL && front->have >= header->prelude.header_len)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends after the header; the data is missing");
    return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                     "it has %zu bytes of a header", front->have);
}

static enum envelope_reason
gather(struct envl_front *front, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    while (rc == ENVELOPE_OK && front->have < wanted(front)) {
        rc =
            envl_spans_next(&front->spans, &front->rest, &front->rest_len, err);
        if (rc == ENVELOPE_OK)
            rc =
                front->rest_len > 0 ? take(front, err) : fail_short(front, err);
    }
    return rc;
}

/* Fail for unknown input with the same message as reading in order. */
static enum envelope_reason
fail_unknown(const struct envl_source *source, struct envl_err *err)
{
    if (source->start_len == 0)
        return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                         "the input is empty");
    if (envl_prelude_check_magic(source->start, source->start_len, err)
        != ENVELOPE_OK)
        return err->reason;
    return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                     "it has %zu bytes of a header", source->start_len);
}

enum envelope_reason
envl_front_read(struct envl_front *front, int fd, struct envl_err *err)
{
    struct envl_source *source = &front->source;
    enum envelope_reason rc;

    *front = (struct envl_front){ .spans.source = source };
    envl_source_init(source, fd, 0);
    rc = envl_source_peek(source, err);
    if (rc == ENVELOPE_OK
        && !envl_carrier_recognise(&front->kind, source->start,
                                   source->start_len))
        rc = fail_unknown(source, err);
    if (rc == ENVELOPE_OK
        && (front->spans.reader = envl_carrier_reader_new(front->kind)) == NULL)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = gather(front, err);
    return rc == ENVELOPE_OK ? envl_header_check(&front->header, err) : rc;
}

void
envl_front_clear(struct envl_front *front)
{
    envl_header_clear(&front->header);
    envl_carrier_reader_free(front->spans.reader);
    envl_source_clear(&front->source);
}
