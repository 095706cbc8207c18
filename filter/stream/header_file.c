/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file until it has the header and the first bytes of the payload. */
#include "filter/stream/header_file.h"

#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "filter/carrier/xbstream.h"
#include "filter/stream/source.h"
#include "filter/stream/spans.h"

/* The longest patch: the two parts of the header and the frames around them. */
#define PATCH_LEN_MAX (ENVL_HEADER_LEN_MAX + 65536)

/* Reading */

struct gatherer {
    struct envl_header_file *head;
    unsigned char prelude[ENVL_PRELUDE_LEN];
    size_t have; /* bytes of the stream so far */
};

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Copy the bytes of a span that belong to [from, to) of the stream. */
static void
move(struct gatherer *g, unsigned char *part, size_t from, size_t to,
     const unsigned char **p, size_t *len)
{
    size_t n = min_size(to - g->have, *len);

    memcpy(part + (g->have - from), *p, n);
    g->have += n;
    *p += n;
    *len -= n;
}

static enum envelope_reason
end_prelude(struct gatherer *g, struct envl_err *err)
{
    struct envl_header *header = &g->head->header;
    enum envelope_reason rc;

    rc = envl_prelude_parse(&header->prelude, g->prelude, err);
    if (rc != ENVELOPE_OK)
        return rc;
    header->bytes = ENVL_QUIETLY(OPENSSL_malloc(header->prelude.header_len));
    if (header->bytes == NULL)
        return envl_fail_memory(err);
    memcpy(header->bytes, g->prelude, ENVL_PRELUDE_LEN);
    return ENVELOPE_OK;
}

static size_t
wanted(const struct gatherer *g)
{
    const struct envl_header *header = &g->head->header;

    return header->bytes == NULL
               ? ENVL_PRELUDE_LEN
               : header->prelude.header_len + sizeof(g->head->start);
}

/* Take a span of the stream, up to the first bytes of the payload. */
static enum envelope_reason
take(struct gatherer *g, const unsigned char *p, size_t len,
     struct envl_err *err)
{
    struct envl_header *header = &g->head->header;
    enum envelope_reason rc = ENVELOPE_OK;
    size_t header_len;

    if (header->bytes == NULL) {
        move(g, g->prelude, 0, ENVL_PRELUDE_LEN, &p, &len);
        if (g->have == ENVL_PRELUDE_LEN)
            rc = end_prelude(g, err);
    }
    if (rc != ENVELOPE_OK || header->bytes == NULL)
        return rc;
    header_len = header->prelude.header_len;
    if (g->have < header_len)
        move(g, header->bytes, 0, header_len, &p, &len);
    if (g->have >= header_len)
        move(g, g->head->start, header_len, wanted(g), &p, &len);
    return ENVELOPE_OK;
}

static enum envelope_reason
fail_short(const struct gatherer *g, struct envl_err *err)
{
    const struct envl_header *header = &g->head->header;

    if (header->bytes != NULL && g->have >= header->prelude.header_len)
        return envl_fail(err, ENVELOPE_R_TRUNCATED,
                         "it ends after the header; the data is missing");
    return envl_fail(err, ENVELOPE_R_HEADER_TRUNCATED,
                     "it has %zu bytes of a header", g->have);
}

static enum envelope_reason
gather(struct gatherer *g, struct envl_spans *spans, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *span = NULL;
    size_t len = 0;

    while (rc == ENVELOPE_OK && g->have < wanted(g)) {
        rc = envl_spans_next(spans, &span, &len, err);
        if (rc == ENVELOPE_OK)
            rc = len > 0 ? take(g, span, len, err) : fail_short(g, err);
    }
    return rc;
}

/* Find the places of the two parts in a raw stream: the same bytes that the
 * members of other carriers have. */
static void
find_raw(struct envl_header_file *head)
{
    const struct envl_prelude *prelude = &head->header.prelude;
    const uint64_t key_at = envl_prelude_key_envelope_at(prelude);

    head->parts[ENVL_MEMBER_HEADER] = (struct envl_place){ 0, key_at };
    head->parts[ENVL_MEMBER_KEY] =
        (struct envl_place){ key_at, prelude->header_len - key_at };
    head->start_at = prelude->header_len;
    head->is_plain = prelude->header_len > key_at;
}

static uint64_t
end_of(struct envl_place place)
{
    return place.at + place.len;
}

/* Bytes from the beginning of the first place to the end of the second. */
static uint64_t
distance(const struct envl_place *a, const struct envl_place *b)
{
    return a->at < b->at ? end_of(*b) - a->at : end_of(*a) - b->at;
}

static void
find(struct envl_header_file *head, const struct envl_carrier_reader *reader)
{
    const struct envl_prelude *prelude = &head->header.prelude;
    const uint64_t key_at = envl_prelude_key_envelope_at(prelude);
    struct envl_place *first = &head->parts[ENVL_MEMBER_HEADER];
    struct envl_place *second = &head->parts[ENVL_MEMBER_KEY];
    struct envl_map *map = &head->map;

    if (!envl_carrier_map(reader, prelude->header_len, map))
        map->piece_len = 0;
    head->is_plain = map->piece_len >= sizeof(head->start)
                     && envl_carrier_place(reader, ENVL_MEMBER_HEADER, first)
                     && envl_carrier_place(reader, ENVL_MEMBER_KEY, second)
                     && first->len == key_at
                     && second->len == prelude->header_len - key_at
                     && distance(first, second) <= PATCH_LEN_MAX;
    head->start_at = map->first_at + map->lead_len;
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
envl_header_file_read(struct envl_header_file *head, int fd,
                      struct envl_err *err)
{
    struct envl_source source;
    struct gatherer g = { .head = head };
    struct envl_spans spans = { .source = &source };
    enum envelope_reason rc;

    *head = (struct envl_header_file){ 0 };
    envl_source_init(&source, fd, 0);
    (void)lseek(fd, 0, SEEK_SET); /* if that fails, reading fails, too */
    rc = envl_source_peek(&source, err);
    if (rc == ENVELOPE_OK
        && !envl_carrier_recognise(&head->kind, source.start, source.start_len))
        rc = fail_unknown(&source, err);
    if (rc == ENVELOPE_OK
        && (spans.reader = envl_carrier_reader_new(head->kind)) == NULL)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = gather(&g, &spans, err);
    if (rc == ENVELOPE_OK)
        rc = envl_header_check(&head->header, err);
    if (rc == ENVELOPE_OK && head->kind == ENVL_RAW)
        find_raw(head);
    else if (rc == ENVELOPE_OK)
        find(head, spans.reader);
    envl_carrier_reader_free(spans.reader);
    envl_source_clear(&source);
    return rc;
}

void
envl_header_file_clear(struct envl_header_file *head)
{
    envl_header_clear(&head->header);
}

/* The patch */

static void
lay(const struct envl_patch *patch, const struct envl_header_file *head,
    enum envl_member member, const unsigned char *data)
{
    const struct envl_place *place = &head->parts[member];
    unsigned char *to = patch->bytes + (place->at - patch->at);

    memcpy(to, data, (size_t)place->len);
    if (head->kind == ENVL_XBSTREAM)
        envl_xb_set_crc(to, (size_t)place->len);
}

enum envelope_reason
envl_header_file_patch(struct envl_patch *patch,
                       const struct envl_header_file *head, int fd,
                       const struct envl_header *header, struct envl_err *err)
{
    const struct envl_place *first = &head->parts[ENVL_MEMBER_HEADER];
    const struct envl_place *last = &head->parts[ENVL_MEMBER_KEY];
    struct envl_source source = { .fd = fd };
    enum envelope_reason rc;

    if (first->at > last->at) {
        first = last;
        last = &head->parts[ENVL_MEMBER_HEADER];
    }
    patch->at = first->at - (head->kind == ENVL_XBSTREAM ? ENVL_XB_CRC_LEN : 0);
    patch->len = (size_t)(end_of(*last) - patch->at);
    if ((patch->bytes = ENVL_QUIETLY(OPENSSL_malloc(patch->len))) == NULL)
        return envl_fail_memory(err);
    rc = envl_source_read_at(&source, (int64_t)patch->at, patch->bytes,
                             patch->len, err);
    if (rc != ENVELOPE_OK) {
        OPENSSL_free(patch->bytes);
        patch->bytes = NULL;
        return rc;
    }
    lay(patch, head, ENVL_MEMBER_HEADER, header->bytes);
    lay(patch, head, ENVL_MEMBER_KEY,
        header->bytes + head->parts[ENVL_MEMBER_HEADER].len);
    return ENVELOPE_OK;
}
