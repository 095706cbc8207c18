/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a carrier's reader only the bytes between the pieces of the payload. */
#include "filter/stream/carrier_pass.h"

#include <inttypes.h>

#include "filter/carrier/reader_impl.h"

/* Bytes that are read at once: a frame, or a part of the zeros at the end. */
#define BLOCK_LEN 8192

static enum envelope_reason
read_block(const struct envl_carrier_reader *reader, struct envl_source *source,
           unsigned char *block, struct envl_input *in, struct envl_err *err)
{
    uint64_t left = reader->size - reader->at;

    in->p = block;
    in->len = left < BLOCK_LEN ? (size_t)left : BLOCK_LEN;
    in->ended = in->len == 0;
    return in->ended ? ENVELOPE_OK
                     : envl_source_read_at(source, (int64_t)reader->at, block,
                                           in->len, err);
}

static enum envelope_reason
pass(struct envl_carrier_reader *reader, struct envl_source *source,
     struct envl_err *err)
{
    struct envl_input in = { NULL, 0, false };
    unsigned char block[BLOCK_LEN];
    enum envelope_reason rc = ENVELOPE_OK;
    const unsigned char *span;
    size_t len;

    while (rc == ENVELOPE_OK) {
        switch (envl_carrier_next(reader, &in, &span, &len, err)) {
        case ENVL_STEP_INPUT:
            rc = read_block(reader, source, block, &in, err);
            break;
        case ENVL_STEP_OUTPUT: /* header and key */
            break;
        case ENVL_STEP_END:
            return ENVELOPE_OK;
        default:
            return err->reason;
        }
    }
    return rc;
}

static struct envl_carrier_reader *
new_reader(enum envl_carrier kind, struct envl_source *source,
           struct envl_err *err)
{
    struct envl_carrier_reader *reader = envl_carrier_reader_new(kind);
    int64_t size = envl_source_size(source);

    if (reader == NULL || size < 0) {
        (void)(reader == NULL
                   ? envl_fail_memory(err)
                   : envl_fail(err, ENVELOPE_R_READ, "the source cannot seek"));
        envl_carrier_reader_free(reader);
        return NULL;
    }
    reader->passes = true;
    reader->size = (uint64_t)size;
    return reader;
}

enum envelope_reason
envl_carrier_pass(uint64_t *payload_len, enum envl_carrier kind,
                  struct envl_source *source, struct envl_err *err)
{
    struct envl_carrier_reader *reader = new_reader(kind, source, err);
    enum envelope_reason rc;

    *payload_len = 0;
    if (reader == NULL)
        return err->reason;
    rc = pass(reader, source, err);
    *payload_len = reader->members.payload_len;
    envl_carrier_reader_free(reader);
    return rc;
}

enum envelope_reason
envl_carrier_pass_end(uint64_t *payload_len, uint64_t pieces,
                      const struct envl_map *map, struct envl_source *source,
                      struct envl_err *err)
{
    struct envl_carrier_reader *reader = new_reader(map->kind, source, err);
    const uint64_t last = pieces - 1;
    const uint64_t last_len = *payload_len - last * map->piece_len;
    enum envelope_reason rc;

    if (reader == NULL)
        return err->reason;
    envl_reassembly_skip(&reader->members, pieces, *payload_len);
    if (map->kind == ENVL_TAR)
        envl_tar_stand_behind(reader, last_len);
    reader->at = envl_map_lead_at(map, last) + map->lead_len + last_len;
    rc = reader->at <= reader->size
             ? pass(reader, source, err)
             : envl_fail(err, ENVELOPE_R_CARRIER_TRUNCATED,
                         "it ends after %" PRIu64
                         " bytes, inside piece %" PRIu64 " of the payload",
                         reader->size, last);
    *payload_len = reader->members.payload_len;
    envl_carrier_reader_free(reader);
    return rc;
}
